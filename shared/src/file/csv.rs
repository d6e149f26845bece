//! Rows as CSV: RFC 4180, UTF-8, CRLF.

use std::borrow::Cow;

use jiff::tz::TimeZone;

use super::cell::{self, Cell};
use super::guard::{Dialect, SPREADSHEETS};
use super::warning::CellWarnings;
use super::{FileOptions, Profile, WarningCode, WarningCounts};
use crate::catalog::Column;
use crate::value::number::is_number;
use crate::value::time::is_shown_in_utc;
use crate::value::{Kind, Value};

/// Tells Excel that the file is UTF-8.
const BYTE_ORDER_MARK: &str = "\u{feff}";

/// What a cell without characters is where nothing would mean something else.
const EMPTY: &[u8] = b"\"\"";

/// Turns rows into CSV. Each row's bytes depend on the row alone, so a file may be continued anywhere between rows.
///
/// The bytes are written here rather than by a library, since this is where the time of an export goes: values are
/// borrowed from the answer that they came in, and most of them are only copied.
#[derive(Debug)]
pub struct CsvRows {
    options: FileOptions,
    cells: Cells,
    warnings: CellWarnings,
    /// Rows so far, the header not counted.
    written: u64,
}

/// Writes cells.
#[derive(Debug)]
struct Cells {
    /// How spreadsheets may read the file; `None` where no spreadsheet is to read it.
    guard: Option<&'static Dialect>,
    time_zone: TimeZone,
    is_utc: bool,
    scratch: String,
}

impl CsvRows {
    /// Rows of a file of these options.
    pub fn new(options: FileOptions) -> Self {
        Self::resume(options, WarningCounts::default(), 0)
    }

    /// Goes on where a writer of the same options was, with its warnings and the number of rows that it had written.
    pub fn resume(options: FileOptions, warnings: WarningCounts, written: u64) -> Self {
        Self {
            cells: Cells {
                guard: match options.profile {
                    Profile::Spreadsheet => Some(&SPREADSHEETS),
                    Profile::Data => None,
                },
                is_utc: options.time_zone == TimeZone::UTC,
                time_zone: options.time_zone.clone(),
                scratch: String::new(),
            },
            warnings: CellWarnings::new(&options.columns, warnings),
            options,
            written,
        }
    }

    /// How many rows have been written, the header not counted.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// Appends the file's beginning: in the profile `spreadsheet` a byte-order mark, then the columns' keys.
    pub fn header(&mut self, out: &mut Vec<u8>) {
        if self.options.profile == Profile::Spreadsheet {
            out.extend_from_slice(BYTE_ORDER_MARK.as_bytes());
        }
        let start = out.len();
        for column in &self.options.columns {
            let key = column.key.as_str();
            if out.is_empty() && key.starts_with("ID") {
                // Excel takes a file whose first bytes are `ID` for another format (SYLK), and says that it is broken.
                quoted(key, out);
            } else {
                self.cells.text(Kind::Text, key, out);
            }
            out.push(b',');
        }
        end(out, start);
    }

    /// Appends one row. `row` has a value for each column, in their order; what follows them is not written.
    pub fn row(&mut self, row: &[Value<'_>], out: &mut Vec<u8>) {
        let start = out.len();
        for (place, (column, value)) in self.options.columns.iter().zip(row).enumerate() {
            if !self.cells.value(column, value, out) {
                self.warnings.add(WarningCode::OtherKind, place);
            }
            out.push(b',');
        }
        if self.cells.guard.is_some() && matches!(out.get(start), Some(b'+' | b'-')) {
            end_number(out, start);
        }
        end(out, start);
        self.written += 1;
    }

    /// What is not of its column's kind, in all of the file so far.
    pub fn warnings(&self) -> WarningCounts {
        self.warnings.counts()
    }
}

impl Cells {
    /// Appends a value; whether it is of its column's kind.
    #[inline]
    fn value(&mut self, column: &Column, value: &Value<'_>, out: &mut Vec<u8>) -> bool {
        // Most timestamps are stored as they are shown: no need to compute what they are.
        if let Value::Text(text) = value
            && column.kind == Kind::Timestamp
            && self.is_utc
            && column.stored.is_none()
            && is_shown_in_utc(text)
        {
            out.extend_from_slice(text.as_bytes());
            return true;
        }
        let cell = cell::read(column, value);
        match &cell {
            Cell::Empty => {}
            Cell::Number(number) => out.extend_from_slice(number.as_bytes()),
            Cell::Boolean(true) => out.extend_from_slice(b"true"),
            Cell::Boolean(false) => out.extend_from_slice(b"false"),
            Cell::Date(_, text) => out.extend_from_slice(text.as_bytes()),
            Cell::Timestamp(stamp, _) => {
                self.scratch.clear();
                stamp.write(&self.time_zone, &mut self.scratch);
                out.extend_from_slice(self.scratch.as_bytes());
            }
            // A number cannot run, whatever its column's kind: it needs no guard.
            Cell::StoredNumber(number) => out.extend_from_slice(number.as_bytes()),
            Cell::Text(text) => self.text(column.kind, text, out),
        }
        cell.is_of_kind(column.kind)
    }

    /// A text, guarded where the file has a guard, in quotes where it needs them. Most texts are only copied.
    #[inline]
    fn text(&self, kind: Kind, text: &str, out: &mut Vec<u8>) {
        let bytes = text.as_bytes();
        let Some(&first) = bytes.first() else {
            // A program tells an empty text from nothing; a spreadsheet has one empty cell.
            if self.guard.is_none() {
                out.extend_from_slice(EMPTY);
            }
            return;
        };
        if self.guard.is_some_and(|dialect| dialect.suspects(first)) || is_special(bytes) {
            return self.special_text(kind, text, out);
        }
        out.extend_from_slice(bytes);
    }

    fn special_text(&self, kind: Kind, text: &str, out: &mut Vec<u8>) {
        let text = match self.guard {
            Some(dialect) if !(kind == Kind::Phone && is_plain_phone(text)) => {
                dialect.guarded(text)
            }
            _ => Cow::Borrowed(text),
        };
        // RFC 4180, section 2.
        let needs_quotes = |byte| matches!(byte, b',' | b'"' | b'\r' | b'\n');
        if text.bytes().any(needs_quotes) {
            quoted(&text, out);
        } else {
            out.extend_from_slice(text.as_bytes());
        }
    }
}

/// Puts the second cell of the row that began at `start` in quotes where it would go on with the first, a number with a
/// sign: a reader that splits at `;` takes `-5,0+A1` for one cell, and where numbers have a decimal comma, for a formula.
#[cold]
fn end_number(out: &mut Vec<u8>, start: usize) {
    // Neither a number nor a cell that begins with a digit, and has no quotes yet, has a comma in it.
    let mut cells = out[start..].split(|&byte| byte == b',');
    let (Some(first), Some(second)) = (cells.next(), cells.next()) else {
        return;
    };
    let is_number = std::str::from_utf8(second).is_ok_and(is_number);
    if second.first().is_some_and(u8::is_ascii_digit) && !is_number {
        let place = start + first.len() + 1;
        out.insert(place + second.len(), b'"');
        out.insert(place, b'"');
    }
}

/// Ends the row that began at `start`: the last comma makes way.
fn end(out: &mut Vec<u8>, start: usize) {
    if out.len() > start {
        out.pop();
    }
    if out.len() == start {
        // A single empty cell would be a blank line, which readers leave out.
        out.extend_from_slice(EMPTY);
    }
    out.extend_from_slice(b"\r\n");
}

/// Whether a text may have to be quoted, or guarded inside: it has a comma, a quote, an end of line, or what a dialect
/// takes for a separator. Sixteen bytes are looked at at a time, and the last sixteen once more where they do not come
/// out even: texts are short, and a byte alone costs as much as eight.
#[inline]
fn is_special(text: &[u8]) -> bool {
    let double = |bytes: &[u8; 16]| {
        let (words, _) = bytes.as_chunks::<8>();
        words.iter().fold(0, |found, word| found | specials(word)) != 0
    };
    if let Some(last) = text.last_chunk::<16>() {
        return text.as_chunks::<16>().0.iter().any(double) || double(last);
    }
    if let (Some(first), Some(last)) = (text.first_chunk::<8>(), text.last_chunk::<8>()) {
        return specials(first) | specials(last) != 0;
    }
    text.iter()
        .any(|byte| *byte < b' ' || matches!(byte, b',' | b'"' | b';' | b'|'))
}

/// Not 0 where one of eight bytes is a comma, a quote, `;`, `|` or a control character. What is subtracted borrows from
/// the highest bit of a byte that is sought; bytes beyond ASCII, which have that bit anyway, are left out.
#[inline]
fn specials(word: &[u8; 8]) -> u64 {
    const ONES: u64 = u64::from_ne_bytes([0x01; 8]);
    const HIGH: u64 = u64::from_ne_bytes([0x80; 8]);
    let word = u64::from_ne_bytes(*word);
    let is = |byte: u8| (word ^ (ONES * u64::from(byte))).wrapping_sub(ONES);
    let is_control = word.wrapping_sub(ONES * u64::from(b' '));
    (is(b',') | is(b'"') | is(b';') | is(b'|') | is_control) & !word & HIGH
}

#[cold]
fn quoted(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    for (n, piece) in text.split('"').enumerate() {
        if n > 0 {
            out.extend_from_slice(b"\"\"");
        }
        out.extend_from_slice(piece.as_bytes());
    }
    out.push(b'"');
}

/// `+`, digits and spaces only: a spreadsheet cannot compute it. `+1-519-748-2199` it would.
fn is_plain_phone(text: &str) -> bool {
    let digits = text.strip_prefix('+').unwrap_or(text);
    digits.starts_with(|c: char| c.is_ascii_digit())
        && digits.bytes().all(|b| b.is_ascii_digit() || b == b' ')
}

#[cfg(test)]
mod tests;
