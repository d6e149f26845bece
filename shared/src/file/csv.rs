//! Rows as CSV: RFC 4180, UTF-8, CRLF.

use std::borrow::Cow;

use jiff::tz::TimeZone;

use super::cell::{self, Cell};
use super::formula_guard::{Dialect, SPREADSHEETS};
use super::{CellWarnings, FileOptions, Profile, WarningCode};
use crate::catalog::Column;
use crate::value::number::is_number;
use crate::value::time::{is_shown_in_utc, parse_date};
use crate::value::{Kind, Value};

/// Makes Excel read the file as UTF-8.
const BYTE_ORDER_MARK: &str = "\u{feff}";

/// An empty text where an empty field would mean a missing value.
const EMPTY: &[u8] = b"\"\"";

/// Writes rows as CSV. Each row's bytes depend on the row alone, so a file can be continued between any two rows.
///
/// No library is used, since most of an export's time is spent here: values are borrowed from DynamoDB's answer, and
/// most are only copied.
#[derive(Debug)]
pub struct CsvRows {
    options: FileOptions,
    /// Of each column.
    usual: Vec<Usual>,
    cells: Cells,
    warnings: CellWarnings,
    /// Rows written so far, without the header.
    written: u64,
}

/// The values of a column that are written as they are stored: most of them, if not all. All others need parsing.
#[derive(Debug, Clone, Copy)]
enum Usual {
    Text,
    Number,
    Boolean,
    Date,
    Timestamp,
    None,
}

impl Usual {
    fn of(column: &Column, time_zone: &TimeZone) -> Self {
        if !column.labels.is_empty() || column.stored.is_some() {
            return Self::None;
        }
        match column.kind {
            Kind::Text => Self::Text,
            Kind::Integer | Kind::Decimal => Self::Number,
            Kind::Boolean => Self::Boolean,
            Kind::Date => Self::Date,
            Kind::Timestamp if *time_zone == TimeZone::UTC => Self::Timestamp,
            Kind::Timestamp | Kind::Email | Kind::Phone => Self::None,
        }
    }
}

/// Writes cells.
#[derive(Debug)]
struct Cells {
    /// The rules for guards; `None` in the profile `data`.
    guard: Option<&'static Dialect>,
    time_zone: TimeZone,
    scratch: String,
}

impl CsvRows {
    /// The writer of a new file.
    pub fn new(options: FileOptions) -> Self {
        Self::resume(options, CellWarnings::default(), 0)
    }

    /// A writer that continues a file with the same options, from the warnings and the number of rows so far.
    pub fn resume(options: FileOptions, warnings: CellWarnings, written: u64) -> Self {
        let usual = options.columns.iter();
        Self {
            usual: usual
                .map(|column| Usual::of(column, &options.time_zone))
                .collect(),
            cells: Cells {
                guard: match options.profile {
                    Profile::Spreadsheet => Some(&SPREADSHEETS),
                    Profile::Data => None,
                },
                time_zone: options.time_zone.clone(),
                scratch: String::new(),
            },
            warnings,
            options,
            written,
        }
    }

    /// How many rows have been written, without the header.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// Appends the byte-order mark, in the profile `spreadsheet`, and the header.
    pub fn header(&mut self, out: &mut Vec<u8>) {
        if self.options.profile == Profile::Spreadsheet {
            out.extend_from_slice(BYTE_ORDER_MARK.as_bytes());
        }
        let start = out.len();
        for column in &self.options.columns {
            let name = self.options.header(column);
            if out.is_empty() && name.starts_with("ID") {
                // Excel would read a file that begins with `ID` as SYLK, and report that it is corrupt.
                quoted(&name, out);
            } else {
                self.cells.text(Kind::Text, &name, out);
            }
            out.push(b',');
        }
        end(out, start);
    }

    /// Appends one row. `row` has a value for each column, in order; further values are ignored.
    pub fn row(&mut self, row: &[Value<'_>], out: &mut Vec<u8>) {
        let start = out.len();
        for (place, (usual, value)) in self.usual.iter().zip(row).enumerate() {
            if !self.cells.usual(*usual, value, out) {
                let column = &self.options.columns[place];
                self.cells
                    .value((place, column), value, &mut self.warnings, out);
            }
            out.push(b',');
        }
        if self.cells.guard.is_some() && matches!(out.get(start), Some(b'+' | b'-')) {
            end_number(out, start);
        }
        end(out, start);
        self.written += 1;
    }

    /// The counts of cells with a warning in the whole file so far: values that are not of their column's kind.
    pub fn cell_warnings(&self) -> CellWarnings {
        self.warnings.clone()
    }
}

impl Cells {
    /// Appends a usual value. Returns whether the value is one.
    #[inline]
    fn usual(&self, usual: Usual, value: &Value<'_>, out: &mut Vec<u8>) -> bool {
        let text = match (value, usual) {
            (Value::Missing | Value::Null, _) => return true,
            (Value::Text(text), Usual::Text) => {
                self.text(Kind::Text, text, out);
                return true;
            }
            (Value::Number(text), Usual::Number) if is_number(text) => text,
            (Value::Bool(flag), Usual::Boolean) => {
                if *flag {
                    "true"
                } else {
                    "false"
                }
            }
            (Value::Text(text), Usual::Date) if parse_date(text).is_some() => text,
            (Value::Text(text), Usual::Timestamp) if is_shown_in_utc(text) => text,
            _ => return false,
        };
        out.extend_from_slice(text.as_bytes());
        true
    }

    /// Appends a value of the column at this place.
    fn value(
        &mut self,
        (place, column): (usize, &Column),
        value: &Value<'_>,
        warnings: &mut CellWarnings,
        out: &mut Vec<u8>,
    ) {
        let cell = match self.guard {
            Some(_) => cell::read_for_people(column, value),
            None => cell::read(column, value),
        };
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
            // A number cannot run as a formula, so it needs no guard.
            Cell::StoredNumber(number) => out.extend_from_slice(number.as_bytes()),
            Cell::Text(text) => self.text(column.kind, text, out),
        }
        if !cell.is_of_kind(column.kind) {
            warnings.add(WarningCode::OtherKind, place);
        }
        if let Value::LossyText(_) = value {
            warnings.add(WarningCode::BytesReplaced, place);
        }
    }

    /// Appends a text, with guards and quotes where needed. Most texts are only copied.
    #[inline]
    fn text(&self, kind: Kind, text: &str, out: &mut Vec<u8>) {
        let bytes = text.as_bytes();
        let Some(&first) = bytes.first() else {
            // Programs distinguish an empty text from a missing value; spreadsheets do not.
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

/// Quotes the second cell of the row that began at `start`, if it could be read as the rest of a signed number in the
/// first cell: a reader that splits at `;` reads `-5,0+A1` as one cell, and with a decimal comma as a formula.
#[cold]
fn end_number(out: &mut Vec<u8>, start: usize) {
    // A number contains no comma, and neither does an unquoted cell.
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

/// Ends the row that began at `start`, and replaces the last comma by the end of the line.
fn end(out: &mut Vec<u8>, start: usize) {
    if out.len() > start {
        out.pop();
    }
    if out.len() == start {
        // A single empty cell would make a blank line, which readers skip.
        out.extend_from_slice(EMPTY);
    }
    out.extend_from_slice(b"\r\n");
}

/// Whether a text may need quotes or a guard inside: it contains a comma, a quote, an end of line or a separator of a
/// dialect. Tests sixteen bytes at a time; the last sixteen overlap the ones before where the length is no multiple.
/// Texts are short, and testing one byte costs as much as testing eight.
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
    if let (Some(first), Some(last)) = (text.first_chunk::<4>(), text.last_chunk::<4>()) {
        let ([a, b, c, d], [e, f, g, h]) = (*first, *last);
        return specials(&[a, b, c, d, e, f, g, h]) != 0;
    }
    text.iter()
        .any(|byte| *byte < b' ' || matches!(byte, b',' | b'"' | b';' | b'|'))
}

/// Not 0 where one of eight bytes is a comma, a quote, `;`, `|` or a control character. The subtraction borrows from
/// the highest bit of such a byte; bytes beyond ASCII, which have that bit set anyway, are masked out.
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
    let pieces = text.as_bytes().split(|byte| *byte == b'"');
    for (n, piece) in pieces.enumerate() {
        if n > 0 {
            out.extend_from_slice(b"\"\"");
        }
        out.extend_from_slice(piece);
    }
    out.push(b'"');
}

/// Whether the text is only `+`, digits and spaces, which no spreadsheet computes. It would compute `+1-519-748-2199`.
fn is_plain_phone(text: &str) -> bool {
    let digits = text.strip_prefix('+').unwrap_or(text);
    digits.starts_with(|c: char| c.is_ascii_digit())
        && digits.bytes().all(|b| b.is_ascii_digit() || b == b' ')
}

#[cfg(test)]
mod tests;
