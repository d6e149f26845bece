//! Rows as CSV: RFC 4180, UTF-8, CRLF.

use std::io;

use csv::{Terminator, Writer, WriterBuilder};
use jiff::tz::TimeZone;

use super::cell::{self, Cell};
use super::{FileOptions, Profile};
use crate::value::{Kind, Value};

/// Tells Excel that the file is UTF-8.
const BYTE_ORDER_MARK: &str = "\u{feff}";

/// Turns rows into CSV. Each row's bytes depend on the row alone, so a file may be continued anywhere between rows.
#[derive(Debug)]
pub struct CsvRows {
    options: FileOptions,
    writer: WriterBuilder,
    scratch: String,
}

impl CsvRows {
    /// Rows of a file of these options.
    pub fn new(options: FileOptions) -> Self {
        let mut writer = WriterBuilder::new();
        writer.terminator(Terminator::CRLF).buffer_capacity(1024);
        Self {
            options,
            writer,
            scratch: String::new(),
        }
    }

    /// Appends the file's beginning: in the profile `spreadsheet` a byte-order mark, then the columns' keys.
    pub fn header(&mut self, out: &mut Vec<u8>) {
        if self.options.profile == Profile::Spreadsheet {
            out.extend_from_slice(BYTE_ORDER_MARK.as_bytes());
        }
        let mut writer = self.writer.from_writer(out);
        let Self {
            options, scratch, ..
        } = self;
        in_memory(options.columns.iter().try_for_each(|column| {
            writer.write_field(text(options.profile, Kind::Text, &column.key, scratch))
        }));
        end(writer);
    }

    /// Appends one row. `row` has a value for each column, in their order; what follows them is not written.
    pub fn row(&mut self, row: &[Value<'_>], out: &mut Vec<u8>) {
        let mut writer = self.writer.from_writer(out);
        let Self {
            options, scratch, ..
        } = self;
        in_memory(
            options
                .columns
                .iter()
                .zip(row)
                .try_for_each(|(column, value)| {
                    scratch.clear();
                    match cell::read(column, value) {
                        Cell::Empty => writer.write_field(""),
                        Cell::Number(number) => writer.write_field(&*number),
                        Cell::Boolean(flag) => {
                            writer.write_field(if flag { "true" } else { "false" })
                        }
                        Cell::Date(_, text) => writer.write_field(text),
                        Cell::Timestamp(_, text) if is_shown_as_it_is(text, &options.time_zone) => {
                            writer.write_field(text)
                        }
                        Cell::Timestamp(stamp, _) => {
                            stamp.write(&options.time_zone, scratch);
                            writer.write_field(&*scratch)
                        }
                        Cell::Text(value) => {
                            writer.write_field(text(options.profile, column.kind, value, scratch))
                        }
                    }
                }),
        );
        end(writer);
    }
}

/// A `Vec` takes all that is written to it.
fn in_memory(result: csv::Result<()>) {
    debug_assert!(result.is_ok(), "{result:?}");
}

fn end(mut writer: Writer<&mut Vec<u8>>) {
    in_memory(writer.write_record(None::<&[u8]>));
    let flushed: io::Result<()> = writer.flush();
    debug_assert!(flushed.is_ok(), "{flushed:?}");
}

/// Whether RFC 3339 text, known to be one, is what this zone would show.
fn is_shown_as_it_is(text: &str, zone: &TimeZone) -> bool {
    *zone == TimeZone::UTC && text.ends_with('Z') && text.as_bytes()[10] == b'T'
}

/// The text as it is, or behind `'` where a spreadsheet would run it as a formula.
fn text<'a>(profile: Profile, kind: Kind, text: &'a str, scratch: &'a mut String) -> &'a str {
    let runs =
        profile == Profile::Spreadsheet && text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    if !runs || (kind == Kind::Phone && is_plain_phone(text)) {
        return text;
    }
    scratch.clear();
    scratch.push('\'');
    scratch.push_str(text);
    scratch
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
