use std::io::Read;

use flate2::read::{DeflateDecoder, DeflateEncoder};
use proptest::prelude::*;

use super::*;
use crate::file::xlsx::xml::Xml;

/// The fragments deflated, each with its candidates.
fn deflated_at(fragments: &[(&[u8], &[MatchCandidate])]) -> Vec<u8> {
    let (mut deflate, mut out) = (Deflate::new(), Vec::new());
    for (n, (fragment, candidates)) in fragments.iter().enumerate() {
        deflate.fragment(fragment, candidates, n + 1 == fragments.len(), &mut out);
    }
    out
}

fn deflated(fragment: &[u8]) -> Vec<u8> {
    deflated_at(&[(fragment, Xml::read(fragment.to_vec()).candidates())])
}

/// The bytes inflated by zlib; the stream must end where the bytes end.
fn inflated(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut decoder = DeflateDecoder::new(bytes);
    decoder.read_to_end(&mut out).unwrap();
    assert_eq!(decoder.total_in() as usize, bytes.len());
    out
}

fn sheet(rows: u32) -> Vec<u8> {
    let row = |n: u32| {
        let id = format!(
            "{:08x}{:08x}",
            n.wrapping_mul(0x9e37_79b1),
            n.wrapping_mul(0x85eb_ca6b)
        );
        let city = ["São Paulo", "Lisboa", "Porto Alegre"][n as usize % 3];
        format!(
            "<row r=\"{n}\"><c r=\"A{n}\" t=\"inlineStr\"><is><t>{id}</t></is></c><c r=\"B{n}\"><v>{}.5</v></c>\
                 <c r=\"C{n}\" t=\"inlineStr\"><is><t>{city}</t></is></c></row>",
            n * 7 % 1000
        )
    };
    (1..=rows).map(row).collect::<String>().into_bytes()
}

#[test]
fn a_sheet_is_smaller_than_zlibs_fastest_level_makes_it() {
    let sheet = sheet(2_000);
    let ours = deflated(&sheet);
    assert_eq!(inflated(&ours), sheet);
    let mut theirs = Vec::new();
    let mut encoder = DeflateEncoder::new(&sheet[..], flate2::Compression::fast());
    encoder.read_to_end(&mut theirs).unwrap();
    assert!(
        ours.len() * 10 < theirs.len() * 9,
        "{} {}",
        ours.len(),
        theirs.len()
    );
}

#[test]
fn matches_are_found_up_to_the_greatest_distance_of_the_format() {
    for (gap, is_found) in [
        (27, true),
        (100, true),
        (FARTHEST - 8, true),
        (FARTHEST, true),
        (FARTHEST + 1, false),
        (65_536 + 27, false),
    ] {
        let text = b"<a repetition that is long>";
        let mut bytes = text.to_vec();
        bytes.resize(gap, b'.');
        bytes.extend_from_slice(text);
        for candidates in [
            [MatchCandidate::text(0), MatchCandidate::text(gap)],
            [MatchCandidate::like(3, 0), MatchCandidate::like(3, gap)],
        ] {
            let found = deflated_at(&[(&bytes, &candidates)]);
            assert_eq!(inflated(&found), bytes, "{gap}");
            let plain = deflated_at(&[(&bytes, &[])]);
            assert_eq!(found.len() < plain.len(), is_found, "{gap}");
        }
    }
    // A match may overlap with the bytes that it repeats.
    let long = vec![b'<'; 100_000];
    let deflated = deflated(&long);
    assert_eq!(inflated(&deflated), long);
    assert!(deflated.len() < 1_000);
}

/// The maximum size of a sheet leaves room for what Deflate adds: less than one percent.
#[test]
fn incompressible_bytes_hardly_grow() {
    let mut random = noise(256 * 1024);
    assert!(deflated(&random).len() < random.len() + random.len() / 100);
    random.truncate(7);
    assert_eq!(inflated(&deflated(&random)), random);
}

fn noise(length: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    std::iter::repeat_with(next).take(length).collect()
}

#[test]
fn every_length_and_distance_has_its_symbol() {
    // The ends of the tables of section 3.2.5.
    for (length, symbol, extra) in [
        (3, 257, 0),
        (10, 264, 0),
        (11, 265, 1),
        (18, 268, 1),
        (19, 269, 2),
        (257, 284, 5),
        (258, 285, 0),
    ] {
        let (found, rest) = length_symbol(length);
        assert_eq!((found, rest.length()), (symbol, extra), "{length}");
    }
    for (distance, symbol, extra) in [
        (1, 0, 0),
        (4, 3, 0),
        (5, 4, 1),
        (6, 4, 1),
        (7, 5, 1),
        (24_577, 29, 13),
        (32_768, 29, 13),
    ] {
        let (found, rest) = distance_symbol(distance);
        assert_eq!((found, rest.length()), (symbol, extra), "{distance}");
    }
}

fn piece() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..40),
        "[<>\"a-c ]{0,60}".prop_map(String::into_bytes),
        (1_u32..40).prop_map(sheet),
        (0..4_usize).prop_map(|n| vec![b'<'; n * 300]),
    ]
}

fn fragment() -> impl Strategy<Value = (Vec<u8>, Vec<MatchCandidate>)> {
    // Also positions that are out of order or out of range.
    let candidate = (0..4_000_usize, prop::option::of(0..5_u32)).prop_map(|(at, kind)| {
        kind.map_or(MatchCandidate::text(at), |kind| {
            MatchCandidate::like(kind, at)
        })
    });
    (
        prop::collection::vec(piece(), 0..4),
        prop::collection::vec(candidate, 0..60),
        any::<bool>(),
    )
        .prop_map(|(pieces, mut candidates, is_known)| {
            let bytes = pieces.concat();
            if is_known {
                candidates = Xml::read(bytes.clone()).candidates().to_vec();
            }
            (bytes, candidates)
        })
}

proptest! {
    #[test]
    fn every_fragment_is_read_back(fragments in prop::collection::vec(fragment(), 1..5)) {
        let slices: Vec<(&[u8], &[MatchCandidate])> = fragments.iter().map(|(bytes, candidates)| (&bytes[..], &candidates[..])).collect();
        let bytes = deflated_at(&slices);
        let all: Vec<u8> = fragments.iter().flat_map(|(bytes, _)| bytes.clone()).collect();
        prop_assert_eq!(inflated(&bytes), all);
        // Fragments are independent: the stream is valid without the first.
        let rest = deflated_at(&slices[1..]);
        prop_assert!(slices.len() == 1 || bytes.ends_with(&rest));
    }
}
