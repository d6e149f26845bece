//! Writes a ZIP archive as a stream (PKWARE's APPNOTE 6.3.10, whose sections are named below).
//!
//! An entry's sizes and checksum follow its data, in a data descriptor; the central directory is last. An entry's data
//! is deflated in independent fragments: an archive can be continued from [`Progress`] between any two of them, without
//! the state of a compressor.

use crc32fast::Hasher;
use serde::{Deserialize, Serialize};

use super::deflate::Deflate;
use super::xml::Xml;

/// The greatest value of a four-byte field; greater ones need Zip64 (section 4.3.9.2).
const MAX_32: u64 = u32::MAX as u64;

/// The greatest value of a two-byte field.
const MAX_16: usize = u16::MAX as usize;

/// An upper bound on the size of an S3 object (50 TB).
const MAX_BYTES: u64 = 1 << 46;

/// 1 January 1980, the first date of the format. A constant, so that every attempt makes the same bytes.
const DATE: u16 = (1 << 5) | 1;

/// Bit 3 of the flags (section 4.4.4): sizes and checksum follow the data.
const SIZES_FOLLOW: u16 = 1 << 3;

/// The method Deflate (section 4.4.5).
const DEFLATE: u16 = 8;

/// The versions needed to extract Deflate, and Zip64 (section 4.4.3.2).
const VERSION: u16 = 20;
const VERSION_64: u16 = 45;

/// An entry is larger than the archive allows without Zip64 in the entry's own header.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is larger than 4 GiB")]
pub struct EntryTooLarge(String);

/// The state of an archive between two fragments.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Progress {
    /// The number of bytes written so far.
    offset: u64,
    /// The entries so far; the last one may be incomplete.
    entries: Vec<Entry>,
}

/// The fields of an entry in the central directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    name: String,
    /// The offset of the entry's local header.
    offset: u64,
    crc: u32,
    /// Bytes after and before compression.
    packed: u64,
    size: u64,
}

impl Progress {
    /// Whether this is a possible state of an archive with `entries` entries.
    pub(super) fn is_possible(&self, entries: usize) -> bool {
        let fits = |entry: &Entry| {
            entry.offset.max(entry.packed).max(entry.size) <= MAX_BYTES
                && entry.offset + entry.packed <= self.offset
        };
        self.entries.len() == entries && self.offset <= MAX_BYTES && self.entries.iter().all(fits)
    }
}

/// Writes an archive.
#[derive(Debug)]
pub(super) struct Archive {
    progress: Progress,
    deflate: Deflate,
}

impl Archive {
    /// Continues an archive from its state.
    pub(super) fn new(progress: Progress) -> Self {
        Self {
            progress,
            deflate: Deflate::new(),
        }
    }

    /// The state so far.
    pub(super) fn progress(&self) -> &Progress {
        &self.progress
    }

    /// The bytes of the last entry so far, before compression.
    pub(super) fn entry_size(&self) -> u64 {
        self.progress.entries.last().map_or(0, |entry| entry.size)
    }

    /// Begins an entry. The previous one must have ended.
    pub(super) fn begin(&mut self, name: &str, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(b"PK\x03\x04");
        for field in [VERSION, SIZES_FOLLOW, DEFLATE, 0, DATE] {
            two(out, field);
        }
        for _crc_packed_size in 0..3 {
            four(out, 0);
        }
        two(out, name.len() as u16);
        two(out, 0);
        out.extend_from_slice(name.as_bytes());
        self.progress.entries.push(Entry {
            name: name.to_owned(),
            offset: self.progress.offset,
            crc: 0,
            packed: 0,
            size: 0,
        });
        self.progress.offset += (out.len() - start) as u64;
    }

    /// Adds a fragment to the entry, which ends with its `last` fragment.
    pub(super) fn fragment(&mut self, xml: &Xml, last: bool, out: &mut Vec<u8>) {
        let bytes = &xml.bytes;
        let start = out.len();
        self.deflate.fragment(bytes, xml.candidates(), last, out);
        let Progress { offset, entries } = &mut self.progress;
        let Some(entry) = entries.last_mut() else {
            debug_assert!(false, "a fragment without an entry");
            return;
        };
        let mut crc = Hasher::new_with_initial(entry.crc);
        crc.update(bytes);
        entry.crc = crc.finalize();
        entry.size += bytes.len() as u64;
        entry.packed += (out.len() - start) as u64;
        if last {
            out.extend_from_slice(b"PK\x07\x08");
            for field in [entry.crc, low(entry.packed), low(entry.size)] {
                four(out, field);
            }
        }
        *offset += (out.len() - start) as u64;
    }

    /// Adds a complete entry.
    pub(super) fn entry(&mut self, name: &str, xml: Vec<u8>, out: &mut Vec<u8>) {
        self.begin(name, out);
        self.fragment(&Xml::read(xml), true, out);
    }

    /// Appends the central directory, the end of the archive.
    ///
    /// # Errors
    /// When an entry is too large. Nothing is appended then.
    pub(super) fn end(&self, out: &mut Vec<u8>) -> Result<(), EntryTooLarge> {
        let Progress { offset, entries } = &self.progress;
        if let Some(entry) = entries.iter().find(|e| e.size.max(e.packed) > MAX_32) {
            return Err(EntryTooLarge(entry.name.clone()));
        }
        let start = out.len();
        for entry in entries {
            entry.list(out);
        }
        let size = (out.len() - start) as u64;
        if *offset >= MAX_32 || size >= MAX_32 || entries.len() >= MAX_16 {
            end_64(entries.len() as u64, size, *offset, out);
        }
        let count = entries.len().min(MAX_16) as u16;
        out.extend_from_slice(b"PK\x05\x06");
        for field in [0, 0, count, count] {
            two(out, field);
        }
        four(out, low(size));
        four(out, low(*offset));
        two(out, 0);
        Ok(())
    }
}

impl Entry {
    /// Appends the entry's header in the central directory (section 4.3.12).
    fn list(&self, out: &mut Vec<u8>) {
        let is_far = self.offset >= MAX_32;
        let version = if is_far { VERSION_64 } else { VERSION };
        out.extend_from_slice(b"PK\x01\x02");
        for field in [version, version, SIZES_FOLLOW, DEFLATE, 0, DATE] {
            two(out, field);
        }
        for field in [self.crc, low(self.packed), low(self.size)] {
            four(out, field);
        }
        two(out, self.name.len() as u16);
        two(out, if is_far { 12 } else { 0 });
        for _comment_disk_attributes in 0..3 {
            two(out, 0);
        }
        four(out, 0);
        four(out, low(self.offset));
        out.extend_from_slice(self.name.as_bytes());
        if is_far {
            // Section 4.5.3: the Zip64 field has only those of its four values that do not fit in four bytes.
            two(out, 1);
            two(out, 8);
            eight(out, self.offset);
        }
    }
}

/// Appends the Zip64 end of central directory and its locator (sections 4.3.14 and 4.3.15).
fn end_64(entries: u64, size: u64, offset: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(b"PK\x06\x06");
    eight(out, 44);
    two(out, VERSION_64);
    two(out, VERSION_64);
    eight(out, 0);
    for field in [entries, entries, size, offset] {
        eight(out, field);
    }
    out.extend_from_slice(b"PK\x06\x07");
    four(out, 0);
    eight(out, offset + size);
    four(out, 1);
}

/// The number in four bytes, or the value that refers to the Zip64 field.
fn low(number: u64) -> u32 {
    number.min(MAX_32) as u32
}

fn two(out: &mut Vec<u8>, number: u16) {
    out.extend_from_slice(&number.to_le_bytes());
}

fn four(out: &mut Vec<u8>, number: u32) {
    out.extend_from_slice(&number.to_le_bytes());
}

fn eight(out: &mut Vec<u8>, number: u64) {
    out.extend_from_slice(&number.to_le_bytes());
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Read};

    use proptest::prelude::*;
    use zip::ZipArchive;

    use super::*;

    fn read(archive: &[u8]) -> Vec<(String, Vec<u8>)> {
        let mut archive = ZipArchive::new(Cursor::new(archive)).unwrap();
        (0..archive.len())
            .map(|i| {
                let mut entry = archive.by_index(i).unwrap();
                let mut bytes = Vec::new();
                entry.read_to_end(&mut bytes).unwrap();
                (entry.name().unwrap().into_owned(), bytes)
            })
            .collect()
    }

    /// An archive that begins at `offset`, without the bytes before: only its directory is tested.
    fn far(offset: u64) -> Vec<u8> {
        let entry = |offset| Entry {
            name: "a".to_owned(),
            offset,
            crc: 7,
            packed: 5,
            size: 9,
        };
        let progress = Progress {
            offset,
            entries: vec![entry(3), entry(offset - 40)],
        };
        let mut out = Vec::new();
        Archive::new(progress).end(&mut out).unwrap();
        out
    }

    #[test]
    fn an_archive_below_4_gib_has_no_zip64() {
        let out = far(MAX_32 - 1);
        assert_eq!(out.len(), 2 * (46 + 1) + 22);
        assert_eq!(out[out.len() - 6..], [0xfe, 0xff, 0xff, 0xff, 0, 0]);
    }

    #[test]
    fn an_archive_past_4_gib_has_its_offsets_in_zip64() {
        let offset = MAX_32 + 1_000_000;
        let out = far(offset);
        let at = |from: usize| u64::from_le_bytes(out[from..from + 8].try_into().unwrap());
        let (first, second) = out.split_at(47);
        assert_eq!(first[6..8], [20, 0]);
        assert_eq!(first[42..46], [3, 0, 0, 0]);
        assert_eq!(second[6..8], [45, 0]);
        assert_eq!(second[30..32], [12, 0]);
        assert_eq!(second[42..46], [0xff; 4]);
        assert_eq!(second[47..51], [1, 0, 8, 0]);
        assert_eq!(at(47 + 51), offset - 40);
        let end = 47 + 59;
        assert_eq!(out[end..end + 4], *b"PK\x06\x06");
        assert_eq!((at(end + 4), at(end + 24), at(end + 32)), (44, 2, 2));
        assert_eq!((at(end + 40), at(end + 48)), (end as u64, offset));
        let locator = end + 56;
        assert_eq!(out[locator..locator + 4], *b"PK\x06\x07");
        assert_eq!(at(locator + 8), offset + end as u64);
        let last = locator + 20;
        assert_eq!(out[last..last + 4], *b"PK\x05\x06");
        assert_eq!(out[last + 16..], [0xff, 0xff, 0xff, 0xff, 0, 0]);
    }

    #[test]
    fn more_entries_than_two_bytes_count_are_read() {
        let mut out = Vec::new();
        let mut archive = Archive::new(Progress::default());
        for _ in 0..MAX_16 {
            archive.entry("a", Vec::new(), &mut out);
        }
        archive.entry("last", b"here".to_vec(), &mut out);
        archive.end(&mut out).unwrap();
        let mut archive = ZipArchive::new(Cursor::new(out)).unwrap();
        let mut text = String::new();
        let mut last = archive.by_name("last").unwrap();
        last.read_to_string(&mut text).unwrap();
        assert_eq!(text, "here");
    }

    #[test]
    fn an_entry_past_4_gib_is_refused() {
        let mut archive = Archive::new(Progress::default());
        let mut out = Vec::new();
        archive.entry("a", b"1".to_vec(), &mut out);
        archive.progress.entries[0].size = MAX_32 + 1;
        assert_eq!(
            archive.end(&mut Vec::new()),
            Err(EntryTooLarge("a".to_owned()))
        );
    }

    proptest! {
        #[test]
        fn fragments_are_read_back(
            entries in prop::collection::vec(
                prop::collection::vec((prop::collection::vec(any::<u8>(), 0..300), 1..400_usize), 1..4), 1..4),
        ) {
            let mut out = Vec::new();
            let mut archive = Archive::new(Progress::default());
            let mut expected = Vec::new();
            for (i, fragments) in entries.iter().enumerate() {
                let name = format!("entry{i}");
                archive.begin(&name, &mut out);
                let mut whole = Vec::new();
                for (n, (bytes, times)) in fragments.iter().enumerate() {
                    let bytes = bytes.repeat(*times);
                    let xml = Xml::read(bytes);
                    archive.fragment(&xml, n + 1 == fragments.len(), &mut out);
                    whole.extend(xml.bytes);
                }
                expected.push((name, whole));
                prop_assert_eq!(archive.progress().offset, out.len() as u64);
            }
            archive.end(&mut out).unwrap();
            prop_assert_eq!(read(&out), expected);
        }
    }
}
