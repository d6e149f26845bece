//! Writes the XML of a sheet's rows (ECMA-376 part 1, section 18.3.1).

use std::borrow::Cow;

use super::frame::Styles;
use super::text::{self, MAX_TEXT};
use super::xml::Xml;
use super::{MAX_COLUMNS, serial};
use crate::file::CellWarnings;
use crate::file::cell::{self, Cell};
use crate::file::{FileOptions, WarningCode};
use crate::value::number::exact_double;
use crate::value::time::Stamp;
use crate::value::{Kind, Value};

/// The XML between a cell's reference and its number.
const NUMBER: &[u8] = b"\"><v>";

/// The largest number that no other number of the same digits shares its double with (2^53 − 1). Larger ones are text.
const MAX_EXACT: f64 = 9_007_199_254_740_991.0;

/// Up to 16 bytes in an integer, the first in the lowest bits, so that two texts are joined by a shift.
#[derive(Debug, Clone, Copy)]
struct Short {
    bytes: u128,
    len: usize,
}

impl Short {
    fn new(text: &[u8]) -> Self {
        let mut bytes = [0; 16];
        bytes[..text.len()].copy_from_slice(text);
        Self {
            bytes: u128::from_le_bytes(bytes),
            len: text.len(),
        }
    }
}

/// A column, counted from 0.
#[derive(Debug, Clone, Copy)]
struct Place {
    column: u32,
    /// The start of a cell: `<c r="AB`. With the row's number, of at most seven digits, it fits in 16 bytes.
    begin: Short,
}

/// Writes rows of cells.
#[derive(Debug)]
pub(super) struct Cells {
    places: Vec<Place>,
    /// The XML after the reference of a cell with a style.
    header: Vec<u8>,
    date: Vec<u8>,
    seconds: Vec<u8>,
    milliseconds: Vec<u8>,
}

impl Cells {
    /// The writer for a number of columns, at most [`MAX_COLUMNS`].
    pub(super) fn new(columns: usize, styles: &Styles) -> Self {
        debug_assert!(columns <= MAX_COLUMNS);
        let styled = |style: &str, rest: &str| format!("\" s=\"{style}\"{rest}").into_bytes();
        Self {
            places: (0..columns as u32).map(place).collect(),
            header: styled(&styles.header, " t=\"inlineStr\""),
            date: styled(&styles.date, "><v>"),
            seconds: styled(&styles.seconds, "><v>"),
            milliseconds: styled(&styles.milliseconds, "><v>"),
        }
    }

    /// Appends a sheet's first row.
    pub(super) fn header(&self, options: &FileOptions, out: &mut Xml) {
        let mut row = RowWriter::begin(1, out);
        for (&place, column) in self.places.iter().zip(&options.columns) {
            let name = options.header(column);
            let name = text::fitting(&name, |_| ());
            if !name.is_empty() {
                let is_written = row.styled_text(place, &self.header, &name);
                debug_assert!(is_written);
            }
        }
        row.end();
    }

    /// Appends a row; `number` counts from 1.
    pub(super) fn row(
        &self,
        number: u32,
        options: &FileOptions,
        values: &[Value<'_>],
        warnings: &mut CellWarnings,
        out: &mut Xml,
    ) {
        let mut row = RowWriter::begin(number, out);
        let mut before = 0;
        for ((&place, column), value) in self.places.iter().zip(&options.columns).zip(values) {
            before = row.out.len();
            let mut warn = |code| warnings.add(code, place.column as usize);
            let cell = cell::read_for_people(column, value);
            if !cell.is_of_kind(column.kind) {
                warn(WarningCode::OtherKind);
            }
            if let Value::LossyText(_) = value {
                warn(WarningCode::BytesReplaced);
            }
            match cell {
                Cell::Empty => {}
                Cell::Number(number) => row.number(place, &number, &mut warn),
                Cell::Boolean(flag) => row.boolean(place, flag),
                Cell::Date(date, shown) => match serial::day(date) {
                    Some(day) => row.serial(place, &self.date, day as f64),
                    None => {
                        warn(WarningCode::TimeAsText);
                        row.text(place, shown, &mut warn);
                    }
                },
                Cell::Timestamp(stamp, _) => match serial::time(&stamp, &options.time_zone) {
                    Some(time) => {
                        row.serial(place, self.precision(&stamp, &mut warn), time);
                    }
                    None => {
                        warn(WarningCode::TimeAsText);
                        let mut shown = String::new();
                        stamp.write(&options.time_zone, &mut shown);
                        row.text(place, &shown, &mut warn);
                    }
                },
                // A number in a column of texts stays a number. As a phone number it would be shown as 1.5E+10, and as
                // a date it would be misread, so there it is a text of its digits.
                Cell::StoredNumber(number) if column.kind == Kind::Text => {
                    row.number(place, number, &mut warn);
                }
                Cell::StoredNumber(text) | Cell::Text(text) => row.text(place, text, &mut warn),
            }
        }
        if row.out.len() == before
            && let Some(&last) = self.places.last()
        {
            // The head of a sheet does not give its dimensions, so readers take a row to be as wide as its cells.
            row.place(last);
            row.out.bytes.extend_from_slice(b"\"/>");
        }
        row.end();
    }

    fn precision(&self, stamp: &Stamp<'_>, warn: &mut impl FnMut(WarningCode)) -> &[u8] {
        let digits = stamp.fraction.trim_end_matches('0').len();
        if digits > 3 {
            warn(WarningCode::TimeCut);
        }
        if digits > 0 {
            &self.milliseconds
        } else {
            &self.seconds
        }
    }
}

/// One row.
struct RowWriter<'a> {
    out: &'a mut Xml,
    /// The digits of the row's number.
    number: Short,
}

impl<'a> RowWriter<'a> {
    fn begin(number: u32, out: &'a mut Xml) -> Self {
        let mut digits = itoa::Buffer::new();
        let digits = digits.format(number);
        out.bytes.extend_from_slice(b"<row r=\"");
        out.bytes.extend_from_slice(digits.as_bytes());
        out.bytes.extend_from_slice(b"\">");
        Self {
            out,
            number: Short::new(digits.as_bytes()),
        }
    }

    fn end(self) {
        self.out.bytes.extend_from_slice(b"</row>");
    }

    /// Begins a cell. Always copies 16 bytes and truncates, since a copy of constant length takes only a few
    /// instructions.
    fn place(&mut self, Place { column, begin }: Place) {
        let out = &mut self.out.bytes;
        let end = out.len() + begin.len + self.number.len;
        let bytes = begin.bytes | self.number.bytes << (8 * begin.len);
        out.extend_from_slice(&bytes.to_le_bytes());
        out.truncate(end);
        self.out.after_place(column);
    }

    fn text(&mut self, place: Place, text: &str, warn: &mut impl FnMut(WarningCode)) {
        // A text has at most as many UTF-16 code units as UTF-8 bytes.
        if text.len() <= MAX_TEXT && self.fitting_text(place, text) {
            return;
        }
        let text: Cow<'_, str> = text::fitting(text, warn);
        let fits = self.fitting_text(place, &text);
        debug_assert!(fits);
    }

    fn fitting_text(&mut self, place: Place, text: &str) -> bool {
        text.is_empty() || self.styled_text(place, b"\" t=\"inlineStr\"", text)
    }

    /// Writes a text. Returns false, and writes nothing, if the text has characters that XML forbids.
    fn styled_text(&mut self, place: Place, style: &[u8], text: &str) -> bool {
        let before = self.out.end();
        self.place(place);
        self.out.bytes.extend_from_slice(style);
        self.out.bytes.extend_from_slice(text::begin(text));
        let is_written = self.out.value(place.column, |out| text::write(text, out));
        if is_written {
            self.out.bytes.extend_from_slice(text::END);
        } else {
            self.out.go_back(before);
        }
        is_written
    }

    /// Writes a value that is no text, with the cell's style.
    fn plain(&mut self, place: Place, style: &[u8], value: &[u8]) {
        self.place(place);
        self.out.bytes.extend_from_slice(style);
        self.out.value(place.column, |out| {
            out.extend_from_slice(value);
            true
        });
        self.out.bytes.extend_from_slice(b"</v></c>");
    }

    fn number(&mut self, place: Place, number: &str, warn: &mut impl FnMut(WarningCode)) {
        if let Some(shortest) = shortest(number) {
            self.plain(place, NUMBER, shortest.as_bytes());
            return;
        }
        match exact_double(number).filter(|double| double.abs() <= MAX_EXACT) {
            Some(double) => self.serial(place, NUMBER, double),
            None => {
                warn(WarningCode::NumberAsText);
                self.text(place, number, warn);
            }
        }
    }

    /// Writes a double with the cell's style, in the fewest digits that give the same double.
    fn serial(&mut self, place: Place, style: &[u8], double: f64) {
        let whole = double as i64;
        if whole as f64 == double {
            self.plain(place, style, itoa::Buffer::new().format(whole).as_bytes());
        } else {
            let mut digits = zmij::Buffer::new();
            self.plain(place, style, digits.format_finite(double).as_bytes());
        }
    }

    fn boolean(&mut self, place: Place, flag: bool) {
        let value = if flag { b"1" } else { b"0" };
        self.plain(place, b"\" t=\"b\"><v>", value);
    }
}

/// The start of a cell in this column; the columns after `Z` begin with `AA`.
fn place(column: u32) -> Place {
    let mut letters = Vec::new();
    let mut rest = column + 1;
    while rest > 0 {
        letters.push(b'A' + ((rest - 1) % 26) as u8);
        rest = (rest - 1) / 26;
    }
    letters.extend_from_slice(b"\"=r c<");
    letters.reverse();
    Place {
        column,
        begin: Short::new(&letters),
    }
}

/// The number's text without trailing zeros of its fraction, if these digits are already the shortest of its double. A
/// double keeps 15 significant digits (IEEE 754), so no shorter text gives the same double.
fn shortest(number: &str) -> Option<&str> {
    let bytes = number.as_bytes();
    let mut point = bytes.len();
    for (place, byte) in bytes.iter().enumerate() {
        match byte {
            b'0'..=b'9' | b'-' => {}
            b'.' => point = place,
            _ => return None,
        }
    }
    if bytes.len() > 15 {
        return None;
    }
    if point == bytes.len() {
        return Some(number);
    }
    let number = number.trim_end_matches('0');
    Some(number.strip_suffix('.').unwrap_or(number))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::value::number::is_number;

    #[test]
    fn columns_are_named_as_a_spreadsheet_names_them() {
        for (column, name) in [
            (0, "A"),
            (25, "Z"),
            (26, "AA"),
            (701, "ZZ"),
            (702, "AAA"),
            (MAX_COLUMNS as u32 - 1, "XFD"),
        ] {
            let mut out = Xml::default();
            let mut row = RowWriter::begin(1_048_576, &mut out);
            row.boolean(place(column), true);
            assert_eq!(
                String::from_utf8(out.bytes).unwrap(),
                format!("<row r=\"1048576\"><c r=\"{name}1048576\" t=\"b\"><v>1</v></c>")
            );
        }
    }

    #[test]
    fn a_number_is_written_in_its_fewest_digits() {
        for (number, written) in [
            ("0", "0"),
            ("-12", "-12"),
            ("12.50", "12.5"),
            ("100", "100"),
            ("-0.00", "-0"),
            ("0.10", "0.1"),
            ("+5", "5"),
            ("1e5", "100000"),
            ("15E-1", "1.5"),
            ("1234567890123456", "1234567890123456"),
            ("9007199254740991", "9007199254740991"),
        ] {
            let mut out = Xml::default();
            let mut row = RowWriter::begin(2, &mut out);
            row.number(place(0), number, &mut |code| panic!("{code:?}"));
            assert_eq!(
                String::from_utf8(out.bytes).unwrap(),
                format!("<row r=\"2\"><c r=\"A2\"><v>{written}</v></c>")
            );
        }
    }

    proptest! {
        #[test]
        fn texts_used_unchanged_have_the_fewest_digits(
            number in "-?(0|[1-9][0-9]{0,14})(\\.[0-9]{1,14})?"
        ) {
            prop_assert!(is_number(&number));
            if let Some(shortest) = shortest(&number) {
                let double: f64 = number.parse().unwrap();
                prop_assert_eq!(shortest, double.to_string());
            }
        }
    }
}
