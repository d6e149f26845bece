//! Rows as CSV: RFC 4180, UTF-8, CRLF.

use jiff::tz::TimeZone;

use super::cell::{self, Cell};
use super::{FileOptions, Profile};
use crate::catalog::Column;
use crate::value::time::is_shown_in_utc;
use crate::value::{Kind, Value};

/// Tells Excel that the file is UTF-8.
const BYTE_ORDER_MARK: &str = "\u{feff}";

/// Turns rows into CSV. Each row's bytes depend on the row alone, so a file may be continued anywhere between rows.
///
/// The bytes are written here rather than by a library, since this is where the time of an export goes: values are
/// borrowed from the answer that they came in, and most of them are only copied.
#[derive(Debug)]
pub struct CsvRows {
    options: FileOptions,
    is_utc: bool,
    /// Rows so far, the header not counted.
    written: u64,
    scratch: String,
}

impl CsvRows {
    /// Rows of a file of these options.
    pub fn new(options: FileOptions) -> Self {
        Self {
            is_utc: options.time_zone == TimeZone::UTC,
            options,
            written: 0,
            scratch: String::new(),
        }
    }

    /// Goes on with a file that has so many rows.
    pub fn resume(options: FileOptions, written: u64) -> Self {
        Self {
            written,
            ..Self::new(options)
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
            self.text(Kind::Text, &column.key, out);
            out.push(b',');
        }
        end(out, start);
    }

    /// Appends one row. `row` has a value for each column, in their order; what follows them is not written.
    pub fn row(&mut self, row: &[Value<'_>], out: &mut Vec<u8>) {
        let start = out.len();
        let mut scratch = std::mem::take(&mut self.scratch);
        for (column, value) in self.options.columns.iter().zip(row) {
            self.value(column, value, &mut scratch, out);
            out.push(b',');
        }
        self.scratch = scratch;
        end(out, start);
        self.written += 1;
    }

    #[inline]
    fn value(&self, column: &Column, value: &Value<'_>, scratch: &mut String, out: &mut Vec<u8>) {
        // Most timestamps are stored as they are shown: no need to compute what they are.
        if let Value::Text(text) = value
            && column.kind == Kind::Timestamp
            && self.is_utc
            && column.stored.is_none()
            && is_shown_in_utc(text)
        {
            return out.extend_from_slice(text.as_bytes());
        }
        match cell::read(column, value) {
            Cell::Empty => {}
            Cell::Number(number) => out.extend_from_slice(number.as_bytes()),
            Cell::Boolean(true) => out.extend_from_slice(b"true"),
            Cell::Boolean(false) => out.extend_from_slice(b"false"),
            Cell::Date(_, text) => out.extend_from_slice(text.as_bytes()),
            Cell::Timestamp(stamp, _) => {
                scratch.clear();
                stamp.write(&self.options.time_zone, scratch);
                out.extend_from_slice(scratch.as_bytes());
            }
            Cell::Text(text) => self.text(column.kind, text, out),
        }
    }

    /// A text as it is, or behind `'` where a spreadsheet would run it as a formula; in quotes where it needs them.
    #[inline]
    fn text(&self, kind: Kind, text: &str, out: &mut Vec<u8>) {
        let runs = self.options.profile == Profile::Spreadsheet
            && matches!(
                text.as_bytes().first(),
                Some(b'=' | b'+' | b'-' | b'@' | b'\t' | b'\r')
            );
        let guard = runs && !(kind == Kind::Phone && is_plain_phone(text));
        if needs_quotes(text.as_bytes()) {
            return quoted(text, guard, out);
        }
        if guard {
            out.push(b'\'');
        }
        out.extend_from_slice(text.as_bytes());
    }
}

/// Ends the row that began at `start`: the last comma makes way.
fn end(out: &mut Vec<u8>, start: usize) {
    if out.len() > start {
        out.pop();
    }
    if out.len() == start {
        // A single empty cell would be a blank line, which readers leave out.
        out.extend_from_slice(b"\"\"");
    }
    out.extend_from_slice(b"\r\n");
}

/// Whether a field has a comma, a quote or an end of line in it (RFC 4180, section 2). Eight bytes are looked at at a
/// time.
#[inline]
fn needs_quotes(text: &[u8]) -> bool {
    const ONES: u64 = u64::from_ne_bytes([0x01; 8]);
    const HIGH: u64 = u64::from_ne_bytes([0x80; 8]);
    let zeros = |word: u64| word.wrapping_sub(ONES) & !word & HIGH;
    let (words, rest) = text.as_chunks::<8>();
    let special = |byte: &u8| matches!(byte, b',' | b'"' | b'\r' | b'\n');
    words.iter().any(|word| {
        let word = u64::from_ne_bytes(*word);
        let found = [b',', b'"', b'\r', b'\n'].map(|byte| zeros(word ^ (ONES * u64::from(byte))));
        found[0] | found[1] | found[2] | found[3] != 0
    }) || rest.iter().any(special)
}

#[cold]
fn quoted(text: &str, guard: bool, out: &mut Vec<u8>) {
    out.push(b'"');
    if guard {
        out.push(b'\'');
    }
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
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::file::cell::tests::column;

    fn rows(profile: Profile, zone: &str, kinds: &[Kind]) -> CsvRows {
        let columns = kinds
            .iter()
            .enumerate()
            .map(|(i, &kind)| column(&format!("c{i}"), kind))
            .collect();
        CsvRows::new(FileOptions {
            profile,
            time_zone: TimeZone::get(zone).unwrap(),
            columns,
            created_at: jiff::Timestamp::UNIX_EPOCH,
        })
    }

    fn line(profile: Profile, zone: &str, kinds: &[Kind], values: &[Value<'_>]) -> String {
        let mut out = Vec::new();
        rows(profile, zone, kinds).row(values, &mut out);
        String::from_utf8(out).unwrap()
    }

    fn one(profile: Profile, kind: Kind, text: &str) -> String {
        let line = line(profile, "UTC", &[kind], &[Value::Text(text.into())]);
        read(&line)[0][0].clone()
    }

    fn read(text: &str) -> Vec<Vec<String>> {
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .from_reader(text.as_bytes());
        reader
            .records()
            .map(|record| record.unwrap().iter().map(str::to_owned).collect())
            .collect()
    }

    #[test]
    fn a_file_begins_with_a_mark_only_for_spreadsheets() {
        let header = |profile| {
            let mut out = Vec::new();
            rows(profile, "UTC", &[Kind::Text, Kind::Integer]).header(&mut out);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(header(Profile::Spreadsheet), "\u{feff}c0,c1\r\n");
        assert_eq!(header(Profile::Data), "c0,c1\r\n");
    }

    #[test]
    fn a_key_that_would_run_is_guarded_too() {
        let mut rows = rows(Profile::Spreadsheet, "UTC", &[Kind::Text]);
        rows.options.columns[0].key = "=1+1".to_owned();
        let mut out = Vec::new();
        rows.header(&mut out);
        assert_eq!(String::from_utf8(out).unwrap(), "\u{feff}'=1+1\r\n");
    }

    #[test]
    fn every_kind_is_written_in_its_form() {
        let kinds = [
            Kind::Text,
            Kind::Integer,
            Kind::Decimal,
            Kind::Boolean,
            Kind::Date,
            Kind::Timestamp,
            Kind::Text,
            Kind::Text,
            Kind::Text,
        ];
        let values = [
            Value::Text("a,\"b\"\nc".into()),
            Value::Number("-12345678901234567890123456789012345678".into()),
            Value::Text("-0.10".into()),
            Value::Bool(true),
            Value::Text("2017-10-02".into()),
            Value::Text("2017-10-02T01:00:00.120Z".into()),
            Value::Missing,
            Value::Null,
            Value::Json(r#"{"a":[1,"b"]}"#.into()),
        ];
        assert_eq!(
            line(Profile::Spreadsheet, "America/Sao_Paulo", &kinds, &values),
            "\"a,\"\"b\"\"\nc\",-12345678901234567890123456789012345678,-0.10,true,2017-10-02,\
             2017-10-01T22:00:00.120-03:00,,,\"{\"\"a\"\":[1,\"\"b\"\"]}\"\r\n"
        );
    }

    #[test]
    fn no_text_runs_in_a_spreadsheet() {
        for text in [
            "=1+1",
            "+1",
            "-1",
            "@SUM(A1)",
            "\t=1",
            "\r=1",
            "=cmd|' /C calc'!A0",
        ] {
            assert_eq!(
                one(Profile::Spreadsheet, Kind::Text, text),
                format!("'{text}")
            );
            assert_eq!(one(Profile::Data, Kind::Text, text), text);
        }
        for text in ["a=1", " =1", "'=1", "1+1", "ана", "\0=1"] {
            assert_eq!(one(Profile::Spreadsheet, Kind::Text, text), text);
        }
    }

    #[test]
    fn a_number_or_a_date_is_never_touched_but_what_only_looks_like_one_is() {
        for (kind, text) in [
            (Kind::Integer, "-5"),
            (Kind::Decimal, "-0.5"),
            (Kind::Decimal, "+1e3"),
        ] {
            assert_eq!(one(Profile::Spreadsheet, kind, text), text);
        }
        for (kind, text) in [
            (Kind::Integer, "-5+cmd|' /C calc'!A0"),
            (Kind::Decimal, "=1"),
            (Kind::Date, "-2017-10-02"),
            (Kind::Timestamp, "@now"),
            (Kind::Boolean, "=TRUE()"),
            (Kind::Email, "@ana"),
        ] {
            assert_eq!(one(Profile::Spreadsheet, kind, text), format!("'{text}"));
        }
    }

    #[test]
    fn a_phone_stays_as_it_is_where_it_cannot_be_computed() {
        for phone in ["+15197482199", "+1 519 748 2199", "519-748-2199"] {
            assert_eq!(one(Profile::Spreadsheet, Kind::Phone, phone), phone);
        }
        for phone in ["+1-519-748-2199", "+", "+ 1", "-1", "+1(519)", "=1"] {
            assert_eq!(
                one(Profile::Spreadsheet, Kind::Phone, phone),
                format!("'{phone}")
            );
        }
    }

    #[test]
    fn a_single_empty_cell_is_a_row_and_not_a_blank_line() {
        assert_eq!(
            line(Profile::Data, "UTC", &[Kind::Text], &[Value::Null]),
            "\"\"\r\n"
        );
    }

    #[test]
    fn values_after_the_columns_are_not_written() {
        let values = [Value::Text("a".into()), Value::Text("b".into())];
        assert_eq!(line(Profile::Data, "UTC", &[Kind::Text], &values), "a\r\n");
    }

    fn any_text() -> impl Strategy<Value = String> {
        prop_oneof![
            any::<String>(),
            "[ -~\r\n]{0,20}",
            "[a-z]{0,12}[,\"\r\n]?[a-z]{0,12}"
        ]
    }

    fn any_value() -> impl Strategy<Value = Value<'static>> {
        let hostile = prop::sample::select(vec![
            "=1", "\"", "\r\n", "\n", "a,b", "\0", "-5", "+1 2", "'", "\u{feff}",
        ]);
        prop_oneof![
            any::<String>().prop_map(|text| Value::Text(text.into())),
            hostile.prop_map(|text| Value::Text(text.into())),
            any::<i64>().prop_map(|n| Value::Number(n.to_string().into())),
            any::<bool>().prop_map(Value::Bool),
            Just(Value::Missing),
        ]
    }

    proptest! {
        /// The `csv` crate writes the same bytes.
        #[test]
        fn a_row_is_as_another_writer_has_it(texts in prop::collection::vec(any_text(), 1..6)) {
            let values: Vec<_> = texts.iter().map(|text| Value::Text(text.as_str().into())).collect();
            let mut writer = csv::WriterBuilder::new()
                .terminator(csv::Terminator::CRLF)
                .from_writer(Vec::new());
            writer.write_record(&texts).unwrap();
            let expected = String::from_utf8(writer.into_inner().unwrap()).unwrap();
            let kinds = vec![Kind::Text; values.len()];
            prop_assert_eq!(line(Profile::Data, "UTC", &kinds, &values), expected);
        }

        #[test]
        fn what_is_written_is_read_back(values in prop::collection::vec(any_value(), 1..6)) {
            // Before them is one more: the reader takes a mark at the very beginning for the file's own.
            let values: Vec<_> = [Value::Text("first".into())].into_iter().chain(values).collect();
            let kinds = vec![Kind::Text; values.len()];
            let expected: Vec<_> = values.iter().map(|v| v.as_text().unwrap_or_default().to_owned()).collect();
            let written = line(Profile::Data, "UTC", &kinds, &values);
            prop_assert_eq!(read(&written), vec![expected]);
        }

        #[test]
        fn no_cell_of_a_spreadsheet_begins_like_a_formula(
            kind in prop::sample::select(vec![Kind::Text, Kind::Integer, Kind::Date, Kind::Timestamp, Kind::Email]),
            value in any_value(),
        ) {
            let row = [Value::Text("first".into()), value];
            let written = line(Profile::Spreadsheet, "UTC", &[Kind::Text, kind], &row);
            let text = &read(&written)[0][1];
            let computed = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
            prop_assert!(!computed || (kind == Kind::Integer && crate::value::number::is_number(text)), "{}", text);
        }
    }
}
