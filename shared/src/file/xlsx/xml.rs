//! The XML of a fragment, with the positions at which Deflate looks for matches.
//!
//! The writer of cells records the positions while writing. Pending XML from a checkpoint is scanned for them instead
//! ([`Xml::read`]). Both must find the same positions, since a file's bytes depend on them.

use super::deflate::MatchCandidate;

/// The length, in bytes, from which matches are also searched inside a value: descriptions and JSON repeat words, ids
/// do not.
const LONG: usize = 40;

/// XML, and the positions at which to look for matches.
#[derive(Debug, Default)]
pub(super) struct Xml {
    pub(super) bytes: Vec<u8>,
    candidates: Vec<MatchCandidate>,
}

impl Xml {
    /// Scans pending XML that a previous writer wrote.
    pub(super) fn read(bytes: Vec<u8>) -> Self {
        let mut xml = Self {
            bytes,
            candidates: Vec::new(),
        };
        xml.add_from(0);
        xml
    }

    /// Appends XML that is not a row.
    pub(super) fn append(&mut self, xml: &[u8]) {
        let from = self.bytes.len();
        self.bytes.extend_from_slice(xml);
        self.add_from(from);
    }

    /// The positions at which to look for matches.
    pub(super) fn candidates(&self) -> &[MatchCandidate] {
        &self.candidates
    }

    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.candidates.clear();
    }

    /// Records the end of a cell's reference, `r="AB12`, in this column.
    #[inline]
    pub(super) fn after_place(&mut self, column: u32) {
        self.candidates
            .push(MatchCandidate::like(2 * column, self.bytes.len()));
    }

    /// The current end; [`go_back`](Self::go_back) with it removes everything written since.
    pub(super) fn end(&self) -> (usize, usize) {
        (self.bytes.len(), self.candidates.len())
    }

    pub(super) fn go_back(&mut self, (bytes, candidates): (usize, usize)) {
        self.bytes.truncate(bytes);
        self.candidates.truncate(candidates);
    }

    /// Calls `write` to write the value of a cell of this column. If `write` returns false, the caller must remove the
    /// appended bytes.
    #[inline]
    pub(super) fn value(&mut self, column: u32, write: impl FnOnce(&mut Vec<u8>) -> bool) -> bool {
        let start = self.bytes.len();
        let is_written = write(&mut self.bytes);
        if is_written {
            self.add_value(column, start, self.bytes.len());
        }
        is_written
    }

    #[inline]
    fn add_value(&mut self, column: u32, start: usize, end: usize) {
        self.candidates.push(MatchCandidate::text(start));
        if end - start > LONG {
            let inside = (start + 1..end).filter(|&at| matches!(self.bytes[at], b' ' | b'"'));
            self.candidates.extend(inside.map(MatchCandidate::text));
        }
        self.candidates
            .push(MatchCandidate::like(2 * column + 1, end));
    }

    fn add_from(&mut self, from: usize) {
        let mut column = 0;
        let mut at = from;
        while let Some(tag) = find(&self.bytes, at, b'<') {
            at = tag + 1;
            let name = &self.bytes[at..];
            if name.starts_with(b"c r=\"") {
                let place = &name[5..];
                let letters = place
                    .iter()
                    .take(3)
                    .take_while(|byte| byte.is_ascii_uppercase());
                let count = letters.fold(0, |count, letter| count * 26 + u32::from(letter - b'@'));
                column = count.saturating_sub(1);
                at = find(&self.bytes, at + 5, b'"').unwrap_or(self.bytes.len());
                self.candidates.push(MatchCandidate::like(2 * column, at));
            } else if name.starts_with(b"v>") || name.starts_with(b"t>") || name.starts_with(b"t ")
            {
                let start = find(&self.bytes, at, b'>').map_or(self.bytes.len(), |end| end + 1);
                at = find(&self.bytes, start, b'<').unwrap_or(self.bytes.len());
                self.add_value(column, start, at);
            } else if !is_structural(name) {
                self.candidates.push(MatchCandidate::text(tag));
            }
        }
    }
}

/// Whether a tag is an end tag, or the start of a row or text.
fn is_structural(name: &[u8]) -> bool {
    [&b"/"[..], b"is>", b"row "]
        .iter()
        .any(|of| name.starts_with(of))
}

fn find(bytes: &[u8], from: usize, wanted: u8) -> Option<usize> {
    let found = bytes.get(from..)?.iter().position(|&byte| byte == wanted);
    found.map(|place| from + place)
}
