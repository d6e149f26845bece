//! Deflate (RFC 1951) for the XML of sheets, where most of a spreadsheet's time is spent. The sections below are those
//! of the RFC.
//!
//! A general compressor searches for repetitions at each byte. The writer of a sheet knows where repetitions are
//! likely: a cell begins and ends like the cell of its column in the row before, and values recur. So the search is
//! only at these positions ([`MatchCandidate`]), and compares only with the latest position of the same kind. Compared with
//! zlib-rs's fastest level it takes at most half the time, for three quarters to four fifths of the bytes. Each
//! fragment is one block with its own Huffman codes, and refers to no bytes before it.

use super::huffman::{Code, Codes};

/// The greatest length of a match, and the greatest distance, in bytes (section 3.2.5).
const LONGEST: usize = 258;
const FARTHEST: usize = 32_768;

/// The smallest length of a match; a shorter one saves hardly any bits.
const SHORTEST: usize = 4;

/// The number of bits of a text's hash.
const HASH_BITS: u32 = 12;

/// The kind of a candidate for any text.
const ANY_TEXT: u32 = u32::MAX;
/// The position that stands for none.
const NOWHERE: u32 = u32::MAX;

/// The alphabets: literals and lengths, of which the first 256 are the bytes, and distances (section 3.2.5).
const END_OF_BLOCK: usize = 256;
const LITERALS: usize = 286;
const DISTANCES: usize = 30;

/// The longest Huffman code, in bits: four literals, or a match, fit in a 64-bit word that holds less than a byte.
const LONGEST_CODE: u8 = 14;
/// The longest code for a code length, in bits (section 3.2.7).
const LONGEST_LENGTH_CODE: u8 = 7;
/// The order in which the lengths of the code-length codes are written (section 3.2.7).
const LENGTH_ORDER: [usize; 19] = [
    16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15,
];

/// A position in a fragment at which to search for a match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct MatchCandidate {
    at: u32,
    kind: u32,
}

impl MatchCandidate {
    /// Compare with the bytes at the latest position of the same `kind`. Kinds are small numbers.
    #[inline]
    pub(super) fn like(kind: u32, at: usize) -> Self {
        debug_assert_ne!(kind, ANY_TEXT);
        Self {
            at: at as u32,
            kind,
        }
    }

    /// Compare with the bytes at the latest position with the same hash of eight bytes.
    #[inline]
    pub(super) fn text(at: usize) -> Self {
        Self {
            at: at as u32,
            kind: ANY_TEXT,
        }
    }
}

/// Literal bytes, followed by a match of `length` bytes from `distance` back; without a match at the end of a fragment.
#[derive(Debug, Clone, Copy)]
struct Sequence {
    literals: u32,
    length: u16,
    distance: u16,
}

/// Deflates fragments. Between fragments it keeps only allocated memory, no state.
#[derive(Debug)]
pub(super) struct Deflate {
    /// By hash: the latest position of eight bytes.
    texts: Box<[u32; 1 << HASH_BITS]>,
    /// By kind: the latest position.
    kinds: Vec<u32>,
    sequences: Vec<Sequence>,
    /// The frequency of each symbol.
    literals: [u32; LITERALS],
    distances: [u32; DISTANCES],
}

impl Deflate {
    pub(super) fn new() -> Self {
        Self {
            texts: Box::new([NOWHERE; 1 << HASH_BITS]),
            kinds: Vec::new(),
            sequences: Vec::new(),
            literals: [0; LITERALS],
            distances: [0; DISTANCES],
        }
    }

    /// Appends the deflated fragment, up to a byte boundary. The `last` fragment ends the stream. The result is valid
    /// with any `candidates`; good ones, in ascending order, make it small.
    pub(super) fn fragment(
        &mut self,
        bytes: &[u8],
        candidates: &[MatchCandidate],
        last: bool,
        out: &mut Vec<u8>,
    ) {
        self.find(bytes, candidates);
        self.literals[END_OF_BLOCK] = 1;
        let literals = Codes::new(&self.literals, LONGEST_CODE);
        let distances = Codes::new(&self.distances, LONGEST_CODE);

        let start = out.len();
        // Besides its codes, a sequence has at most 18 extra bits, and the code lengths take less than 300 bytes.
        let codes = literals.bits(&self.literals) + distances.bits(&self.distances);
        out.resize(start + codes / 8 + self.sequences.len() * 3 + 1024, 0);
        let mut bits = Bits::new(&mut out[start..]);
        bits.put(Code::new(usize::from(last), 1));
        bits.put(Code::new(2, 2));
        describe(&literals, &distances, &mut bits);
        let mut bits = write(&self.sequences, bytes, &literals, &distances, bits);
        if !last {
            // An empty stored block ends at a byte boundary (section 3.2.4), where the next fragment can begin.
            bits.put(Code::new(0, 3));
        }
        let length = bits.end();
        out.truncate(start + length);
        if !last {
            out.extend_from_slice(&[0, 0, 0xff, 0xff]);
        }
    }

    /// Divides the bytes into sequences, and counts their symbols.
    #[inline(never)]
    fn find(&mut self, bytes: &[u8], candidates: &[MatchCandidate]) {
        let Self {
            texts,
            kinds,
            sequences,
            literals,
            distances,
        } = self;
        sequences.clear();
        literals.fill(0);
        distances.fill(0);
        texts.fill(NOWHERE);
        kinds.fill(NOWHERE);
        let mut run = 0;
        for candidate in candidates {
            let at = candidate.at as usize;
            let place = match candidate.kind {
                ANY_TEXT => match bytes.get(at..).and_then(eight) {
                    Some(eight) => &mut texts[hash(eight)],
                    None => continue,
                },
                kind => place_of(kinds, kind as usize),
            };
            let distance = candidate.at.wrapping_sub(*place) as usize;
            *place = candidate.at;
            if at < run {
                continue;
            }
            let length = repeated(bytes, at, distance);
            if length < SHORTEST {
                continue;
            }
            for byte in &bytes[run..at] {
                literals[usize::from(*byte)] += 1;
            }
            literals[length_symbol(length).0] += 1;
            distances[distance_symbol(distance).0] += 1;
            sequences.push(Sequence {
                literals: (at - run) as u32,
                length: length as u16,
                distance: distance as u16,
            });
            run = at + length;
        }
        for byte in &bytes[run..] {
            literals[usize::from(*byte)] += 1;
        }
        sequences.push(Sequence {
            literals: (bytes.len() - run) as u32,
            length: 0,
            distance: 0,
        });
    }
}

#[inline]
fn hash(eight: u64) -> usize {
    (eight.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (u64::BITS - HASH_BITS)) as usize
}

/// The latest position of this kind; grows the list for a new kind.
#[inline]
fn place_of(kinds: &mut Vec<u32>, kind: usize) -> &mut u32 {
    if kind >= kinds.len() {
        kinds.resize(kind + 1, NOWHERE);
    }
    &mut kinds[kind]
}

/// The length of the match at `at` with the bytes `distance` back.
#[inline]
fn repeated(bytes: &[u8], at: usize, distance: usize) -> usize {
    if distance == 0 || distance > FARTHEST.min(at) || at > bytes.len() {
        return 0;
    }
    let before = &bytes[at - distance..];
    let here = &bytes[at..bytes.len().min(at + LONGEST)];
    let (words, rest) = here.as_chunks::<8>();
    let (words_before, _) = before.as_chunks::<8>();
    let mut length = 0;
    for (word, before) in words.iter().zip(words_before) {
        let differing = u64::from_le_bytes(*word) ^ u64::from_le_bytes(*before);
        if differing != 0 {
            return length + (differing.trailing_zeros() / 8) as usize;
        }
        length += 8;
    }
    let pairs = rest.iter().zip(&before[length..]);
    length + pairs.take_while(|(a, b)| a == b).count()
}

/// The first eight bytes; `None` where there are fewer.
#[inline]
fn eight(bytes: &[u8]) -> Option<u64> {
    bytes.first_chunk().map(|eight| u64::from_le_bytes(*eight))
}

/// The symbol and the extra bits of a length of at least 3 (section 3.2.5).
#[inline]
fn length_symbol(length: usize) -> (usize, Code) {
    if length == LONGEST {
        return (LITERALS - 1, Code::default());
    }
    let rest = length - 3;
    let bits = (rest | 1).ilog2().saturating_sub(2);
    let symbol = END_OF_BLOCK + 1 + 4 * bits as usize + (rest >> bits);
    (symbol, Code::new(rest & ((1 << bits) - 1), bits))
}

/// The code and the extra bits of a length; empty for lengths below 3.
fn length_code(length: usize, literals: &Codes<LITERALS>) -> Code {
    if length < 3 {
        return Code::default();
    }
    let (symbol, extra) = length_symbol(length);
    literals.code(symbol).then(extra)
}

/// The symbol and the extra bits of a distance (section 3.2.5).
#[inline]
fn distance_symbol(distance: usize) -> (usize, Code) {
    let rest = distance - 1;
    let bits = (rest | 1).ilog2().saturating_sub(1);
    let symbol = 2 * bits as usize + (rest >> bits);
    (symbol, Code::new(rest & ((1 << bits) - 1), bits))
}

/// Writes the sequences and the end of the block. Not inlined, since the loop needs all registers of the processor; it
/// has a local copy of the bit buffer, so that this stays in registers.
#[inline(never)]
fn write<'a>(
    sequences: &[Sequence],
    bytes: &[u8],
    literals: &Codes<LITERALS>,
    distances: &Codes<DISTANCES>,
    mut bits: Bits<'a>,
) -> Bits<'a> {
    let lengths: [Code; LONGEST + 1] = std::array::from_fn(|n| length_code(n, literals));
    let mut rest = bytes;
    for sequence in sequences {
        let (run, after) = rest.split_at(sequence.literals as usize);
        let (fours, few) = run.as_chunks::<4>();
        for four in fours {
            for byte in four {
                bits.add(literals.code(usize::from(*byte)));
            }
            bits.flush();
        }
        for byte in few {
            bits.add(literals.code(usize::from(*byte)));
        }
        bits.flush();
        rest = &after[usize::from(sequence.length)..];
        if sequence.length > 0 {
            bits.add(lengths[usize::from(sequence.length)]);
            let (symbol, extra) = distance_symbol(usize::from(sequence.distance));
            bits.add(distances.code(symbol));
            bits.add(extra);
            bits.flush();
        }
    }
    bits.put(literals.code(END_OF_BLOCK));
    bits
}

/// Writes the code lengths, which define the codes (section 3.2.7).
fn describe(literals: &Codes<LITERALS>, distances: &Codes<DISTANCES>, bits: &mut Bits<'_>) {
    let lengths = || literals.lengths().chain(distances.lengths());
    let mut counts = [0; LENGTH_ORDER.len()];
    for length in lengths() {
        counts[length] += 1;
    }
    let codes = Codes::new(&counts, LONGEST_LENGTH_CODE);
    let own: Vec<usize> = codes.lengths().collect();
    let used = LENGTH_ORDER.iter().rposition(|&length| own[length] > 0);
    let used = used.map_or(4, |place| (place + 1).max(4));
    bits.put(Code::new(LITERALS - 257, 5));
    bits.put(Code::new(DISTANCES - 1, 5));
    bits.put(Code::new(used - 4, 4));
    for length in &LENGTH_ORDER[..used] {
        bits.put(Code::new(own[*length], 3));
    }
    for length in lengths() {
        bits.put(codes.code(length));
    }
}

/// Packs bits into bytes, the lowest bits first (section 3.1.1).
struct Bits<'a> {
    out: &'a mut [u8],
    at: usize,
    word: u64,
    count: u32,
}

impl<'a> Bits<'a> {
    /// `out` must have room for all bits and 8 more bytes.
    fn new(out: &'a mut [u8]) -> Self {
        Self {
            out,
            at: 0,
            word: 0,
            count: 0,
        }
    }

    /// Adds a code. The word has room for 56 bits after each [`Bits::flush`].
    #[inline]
    fn add(&mut self, code: Code) {
        self.word |= code.bits() << self.count;
        self.count += code.length();
    }

    /// Moves whole bytes from the word to the output. Always writes the whole word, since a copy of constant length
    /// takes only a few instructions.
    #[inline]
    fn flush(&mut self) {
        self.out[self.at..self.at + 8].copy_from_slice(&self.word.to_le_bytes());
        let whole = self.count & !7;
        self.at += (whole / 8) as usize;
        self.word >>= whole;
        self.count -= whole;
    }

    fn put(&mut self, code: Code) {
        self.add(code);
        self.flush();
    }

    /// Pads the last byte. Returns the number of bytes.
    fn end(mut self) -> usize {
        self.count = self.count.next_multiple_of(8);
        self.flush();
        self.at
    }
}

#[cfg(test)]
mod tests;
