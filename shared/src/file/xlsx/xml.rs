//! The XML of a sheet in the making, and where it is likely to repeat itself.
//!
//! Whoever writes cells says where they begin and end. What an interruption left is gone over instead ([`Xml::read`]),
//! and has the same places: a file's bytes depend on them.

use super::deflate::Look;

/// A value of more bytes is looked into too: descriptions and JSON repeat words, ids do not.
const LONG: usize = 40;

/// XML, and the places at which it may repeat what came before.
#[derive(Debug, Default)]
pub(super) struct Xml {
    pub(super) bytes: Vec<u8>,
    looks: Vec<Look>,
}

impl Xml {
    /// XML that was written before, by cells or by somebody else.
    pub(super) fn read(bytes: Vec<u8>) -> Self {
        let mut xml = Self {
            bytes,
            looks: Vec::new(),
        };
        xml.look_from(0);
        xml
    }

    /// Appends XML that is no row.
    pub(super) fn append(&mut self, xml: &[u8]) {
        let from = self.bytes.len();
        self.bytes.extend_from_slice(xml);
        self.look_from(from);
    }

    /// Where a repetition is looked for.
    pub(super) fn looks(&self) -> &[Look] {
        &self.looks
    }

    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.looks.clear();
    }

    /// The place of a cell of this column, `r="AB12`, ends here.
    #[inline]
    pub(super) fn after_place(&mut self, column: u32) {
        self.looks.push(Look::like(2 * column, self.bytes.len()));
    }

    /// How far it has come: [`go_back`](Self::go_back) leaves nothing of what was written since.
    pub(super) fn end(&self) -> (usize, usize) {
        (self.bytes.len(), self.looks.len())
    }

    pub(super) fn go_back(&mut self, (bytes, looks): (usize, usize)) {
        self.bytes.truncate(bytes);
        self.looks.truncate(looks);
    }

    /// Here `write` writes the value of a cell of this column, and says whether it did. What of it did not become one is
    /// for the caller to remove.
    #[inline]
    pub(super) fn value(&mut self, column: u32, write: impl FnOnce(&mut Vec<u8>) -> bool) -> bool {
        let start = self.bytes.len();
        let is_written = write(&mut self.bytes);
        if is_written {
            self.look_at_value(column, start, self.bytes.len());
        }
        is_written
    }

    #[inline]
    fn look_at_value(&mut self, column: u32, start: usize, end: usize) {
        self.looks.push(Look::text(start));
        if end - start > LONG {
            let inside = (start + 1..end).filter(|&at| matches!(self.bytes[at], b' ' | b'"'));
            self.looks.extend(inside.map(Look::text));
        }
        self.looks.push(Look::like(2 * column + 1, end));
    }

    fn look_from(&mut self, from: usize) {
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
                self.looks.push(Look::like(2 * column, at));
            } else if name.starts_with(b"v>") || name.starts_with(b"t>") || name.starts_with(b"t ")
            {
                let start = find(&self.bytes, at, b'>').map_or(self.bytes.len(), |end| end + 1);
                at = find(&self.bytes, start, b'<').unwrap_or(self.bytes.len());
                self.look_at_value(column, start, at);
            } else if !is_of_a_row(name) {
                self.looks.push(Look::text(tag));
            }
        }
    }
}

/// Whether a tag only ends a cell, or stands around rows and texts.
fn is_of_a_row(name: &[u8]) -> bool {
    [&b"/"[..], b"is>", b"row "]
        .iter()
        .any(|of| name.starts_with(of))
}

fn find(bytes: &[u8], from: usize, wanted: u8) -> Option<usize> {
    let found = bytes.get(from..)?.iter().position(|&byte| byte == wanted);
    found.map(|place| from + place)
}
