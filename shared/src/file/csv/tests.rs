use proptest::prelude::*;

use super::*;
use crate::file::Warning;
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
        headers: crate::file::Headers::Keys,
        label: "Orders".into(),
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
fn a_header_that_would_run_is_guarded_too() {
    let mut rows = rows(Profile::Spreadsheet, "UTC", &[Kind::Text]);
    rows.options.columns[0].key = "=1+1".to_owned();
    let mut out = Vec::new();
    rows.header(&mut out);
    assert_eq!(String::from_utf8(out).unwrap(), "\u{feff}'=1+1\r\n");
}

#[test]
fn a_header_that_would_run_after_another_separator_is_guarded() {
    let mut rows = rows(Profile::Spreadsheet, "UTC", &[Kind::Text]);
    rows.options.columns[0].key = "a;=1".to_owned();
    let mut out = Vec::new();
    rows.header(&mut out);
    assert_eq!(String::from_utf8(out).unwrap(), "\u{feff}a;'=1\r\n");
}

#[test]
fn a_file_for_programs_does_not_begin_with_the_signature_of_sylk() {
    let header = |profile, first: &str| {
        let mut rows = rows(profile, "UTC", &[Kind::Text, Kind::Text]);
        rows.options.columns[0].key = first.to_owned();
        rows.options.columns[1].key = "ID".to_owned();
        let mut out = Vec::new();
        rows.header(&mut out);
        String::from_utf8(out).unwrap()
    };
    assert_eq!(header(Profile::Data, "ID"), "\"ID\",ID\r\n");
    assert_eq!(header(Profile::Data, "ID;P"), "\"ID;P\",ID\r\n");
    assert_eq!(header(Profile::Data, "id"), "id,ID\r\n");
    assert_eq!(header(Profile::Spreadsheet, "ID"), "\u{feff}ID,ID\r\n");
}

#[test]
fn every_kind_is_written_in_its_format() {
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
        "\ta",
        "\ra",
        " =1",
        "\"=1\"",
        "=cmd|' /C calc'!A0",
    ] {
        assert_eq!(
            one(Profile::Spreadsheet, Kind::Text, text),
            format!("'{text}")
        );
        assert_eq!(one(Profile::Data, Kind::Text, text), text);
    }
    for text in ["a=1", "1+1", "ана", "x; y | z"] {
        assert_eq!(one(Profile::Spreadsheet, Kind::Text, text), text);
    }
}

#[test]
fn no_text_runs_when_the_file_is_split_at_another_separator() {
    for (text, written) in [
        ("x;=1+1;y", "x;'=1+1;y"),
        ("a|b|c|d|e|f|g|h|=1", "a|b|c|d|e|f|g|h|'=1"),
        ("eight by\t@A1", "eight by\t'@A1"),
        ("two\r\n-1", "two\r\n'-1"),
        ("x;\"=1+1\"", "x;'\"=1+1\""),
        ("＝1+1", "'＝1+1"),
        ("\n1", "'\n1"),
        ("\0=1", "'\0=1"),
    ] {
        assert_eq!(one(Profile::Spreadsheet, Kind::Text, text), written);
        assert_eq!(one(Profile::Data, Kind::Text, text), text);
    }
    // The profile `data` has no guards.
    let values = [Value::Text("x;=1".into())];
    let written = line(Profile::Spreadsheet, "UTC", &[Kind::Text], &values);
    assert_eq!(written, "x;'=1\r\n");
    let json = [Value::Json(r#"{"a":"x|=1"}"#.into())];
    let written = line(Profile::Spreadsheet, "UTC", &[Kind::Text], &json);
    assert_eq!(written, "\"{\"\"a\"\":\"\"x|'=1\"\"}\"\r\n");
}

#[test]
fn a_stored_number_is_not_guarded_in_any_column() {
    for kind in Kind::ALL {
        for number in ["-47", "-0.5", "15197482199"] {
            let values = [Value::Number(number.into())];
            let written = line(Profile::Spreadsheet, "UTC", &[kind], &values);
            assert_eq!(written, format!("{number}\r\n"), "{kind:?}");
        }
        let no_number = [Value::Number("-1+A1".into())];
        let written = line(Profile::Spreadsheet, "UTC", &[kind], &no_number);
        assert_eq!(written, "'-1+A1\r\n", "{kind:?}");
    }
}

#[test]
fn the_cell_after_a_leading_number_cannot_be_read_as_part_of_it() {
    let kinds = [Kind::Decimal, Kind::Text, Kind::Text];
    let written = |profile, first: &'static str, second: &'static str| {
        let values = [first, second, "x"].map(|text| Value::Text(text.into()));
        line(profile, "UTC", &kinds, &values)
    };
    for (first, second, expected) in [
        ("-5", "0+A1", "-5,\"0+A1\",x\r\n"),
        ("+5", "2017-10-02", "+5,\"2017-10-02\",x\r\n"),
        ("-5", "3.50", "-5,3.50,x\r\n"),
        ("-5", "a+A1", "-5,a+A1,x\r\n"),
        ("-5", "0,1", "-5,\"0,1\",x\r\n"),
        ("-5", "", "-5,,x\r\n"),
        ("5", "0+A1", "5,0+A1,x\r\n"),
    ] {
        assert_eq!(written(Profile::Spreadsheet, first, second), expected);
    }
    assert_eq!(written(Profile::Data, "-5", "0+A1"), "-5,0+A1,x\r\n");
}

#[test]
fn cells_of_another_kind_are_written_unchanged_and_counted_by_column() {
    let kinds = [Kind::Integer, Kind::Timestamp, Kind::Text, Kind::Email];
    let mut writer = rows(Profile::Data, "UTC", &kinds);
    let mut out = Vec::new();
    for integer in ["12 pieces", "7", "", "seven"] {
        let values = [
            Value::Text(integer.into()),
            Value::Text("yesterday".into()),
            Value::Text("x".into()),
            Value::Missing,
        ];
        writer.row(&values, &mut out);
    }
    assert!(out.starts_with(b"12 pieces,yesterday,x,\r\n7,"));
    let (warnings, written) = (writer.cell_warnings(), writer.written());
    let mut resumed = CsvRows::resume(writer.options.clone(), warnings, written);
    resumed.row(&[Value::Bool(true)], &mut out);
    assert_eq!(resumed.written(), written + 1);
    let keys = ["c0", "c1", "c2", "c3"].map(str::to_owned);
    let found: Vec<_> = resumed
        .cell_warnings()
        .warnings(&keys)
        .into_iter()
        .map(|w| (w.code, w.column.unwrap(), w.count))
        .collect();
    let expected = [("c0", 3), ("c1", 4)]
        .map(|(column, count)| (WarningCode::OtherKind, column.to_owned(), count));
    assert_eq!(found, expected);
}

#[test]
fn numbers_and_dates_are_not_guarded_but_texts_that_look_like_them_are() {
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
fn a_phone_number_that_cannot_be_computed_is_not_guarded() {
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
fn a_file_for_programs_distinguishes_an_empty_text_from_a_missing_value() {
    let row = [Value::Text("".into()), Value::Missing, Value::Null];
    let kinds = [Kind::Integer, Kind::Text, Kind::Text];
    let written = |profile| line(profile, "UTC", &kinds, &row);
    assert_eq!(written(Profile::Data), "\"\",,\r\n");
    assert_eq!(written(Profile::Spreadsheet), ",,\r\n");
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
        "[a-zé]{0,20}[,;|\"\t\r\n]?[a-zé]{0,20}"
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
    /// The result is the same as testing each byte by itself.
    #[test]
    fn a_special_byte_is_found_at_any_position(text in any_text()) {
        let found = text.bytes().any(|b| b < b' ' || b",\";|".contains(&b));
        prop_assert_eq!(is_special(text.as_bytes()), found);
    }

    /// The output equals that of the `csv` crate.
    #[test]
    fn a_row_equals_that_of_the_csv_crate(texts in prop::collection::vec(any_text(), 1..6)) {
        // The `csv` crate does not distinguish an empty text from a missing value.
        let value = |text: &String| match text.as_str() {
            "" => Value::Missing,
            text => Value::Text(text.to_owned().into()),
        };
        let values: Vec<_> = texts.iter().map(value).collect();
        let mut writer = csv::WriterBuilder::new()
            .terminator(csv::Terminator::CRLF)
            .from_writer(Vec::new());
        writer.write_record(&texts).unwrap();
        let expected = String::from_utf8(writer.into_inner().unwrap()).unwrap();
        let kinds = vec![Kind::Text; values.len()];
        prop_assert_eq!(line(Profile::Data, "UTC", &kinds, &values), expected);
    }

    #[test]
    fn written_values_are_read_back(values in prop::collection::vec(any_value(), 1..6)) {
        // The reader would take a byte-order mark at the very beginning for the file's own, so another value comes
        // first.
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
        let computed = text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '\0', '＝']);
        let is_number = kind == Kind::Integer || matches!(row[1], Value::Number(_));
        prop_assert!(!computed || (is_number && crate::value::number::is_number(text)), "{}", text);
    }
}

#[test]
fn texts_with_replaced_bytes_are_counted_and_guarded_as_others() {
    let mut writer = rows(Profile::Spreadsheet, "UTC", &[Kind::Text, Kind::Text]);
    let mut out = Vec::new();
    let lossy = |text: &'static str| Value::LossyText(text.into());
    writer.row(&[lossy("=caf\u{fffd}"), Value::Text("a".into())], &mut out);
    writer.row(&[lossy("x"), lossy("y")], &mut out);
    assert_eq!(
        String::from_utf8(out).unwrap(),
        "'=caf\u{fffd},a\r\nx,y\r\n"
    );
    let warnings = writer
        .cell_warnings()
        .warnings(&["a".to_owned(), "b".to_owned()]);
    let replaced = |column, count| Warning::for_column(WarningCode::BytesReplaced, column, count);
    assert_eq!(warnings, [replaced("a", 2), replaced("b", 1)]);
}

#[test]
fn people_see_a_values_label_and_programs_the_value() {
    let written = |profile, value: &str| {
        let mut options = rows(profile, "UTC", &[Kind::Text]).options;
        let labels = [("P", "Pending"), ("F", "=1+1")];
        let labels = labels.map(|(value, label)| (value.to_owned(), label.to_owned()));
        options.columns[0].labels = labels.into();
        let mut out = Vec::new();
        CsvRows::new(options).row(&[Value::Text(value.into())], &mut out);
        String::from_utf8(out).unwrap()
    };
    for (value, label) in [("P", "Pending\r\n"), ("F", "'=1+1\r\n"), ("Q", "Q\r\n")] {
        assert_eq!(written(Profile::Spreadsheet, value), label);
        assert_eq!(written(Profile::Data, value), format!("{value}\r\n"));
    }
}

proptest! {
    /// What is told about a value in few steps is what parsing it tells.
    #[test]
    fn a_usual_value_is_written_as_any_other(
        text in prop_oneof![any::<String>(), "[-+]?[0-9]{1,3}([.e][0-9]{0,2})?", "20[0-9]{2}-[01][0-9]-[0-3][0-9](T00:00:00(.0)?Z)?", "true|=1|a;-1"],
        kind in prop::sample::select(&Kind::ALL[..]),
        profile in prop::sample::select(&[Profile::Spreadsheet, Profile::Data][..]),
    ) {
        let column = column("c", kind);
        let mut cells = rows(profile, "UTC", &[kind]).cells;
        let usual = Usual::of(&column, &TimeZone::UTC);
        for value in [Value::Missing, Value::Bool(true), Value::Text((&*text).into()), Value::Number((&*text).into())] {
            let (mut quick, mut parsed, mut warnings) = (Vec::new(), Vec::new(), CellWarnings::default());
            if cells.usual(usual, &value, &mut quick) {
                cells.value((0, &column), &value, &mut warnings, &mut parsed);
                prop_assert_eq!(&quick, &parsed, "{:?}", value);
                prop_assert_eq!(warnings, CellWarnings::default());
            }
        }
    }
}
