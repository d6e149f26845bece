use std::io::Cursor;

use calamine::{Data, Reader, Xlsx, open_workbook_from_rs};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use proptest::prelude::*;

use super::text::{MAX_TEXT, is_forbidden};
use super::*;
use crate::file::cell::tests::column;
use crate::file::{Profile, Warning, WarningCode};
use crate::value::Kind;

fn options(zone: &str, kinds: &[Kind]) -> FileOptions {
    FileOptions {
        profile: Profile::Spreadsheet,
        time_zone: TimeZone::get(zone).unwrap(),
        columns: kinds
            .iter()
            .enumerate()
            .map(|(i, &kind)| column(&format!("c{i}"), kind))
            .collect(),
        created_at: "2026-11-21T12:01:02Z".parse().unwrap(),
        headers: crate::file::Headers::Keys,
        label: "Orders".into(),
    }
}

fn rows(options: FileOptions, limits: Limits) -> XlsxRows {
    let none = CellWarnings::default();
    XlsxRows::with_limits(options, XlsxState::default(), none, Vec::new(), limits).unwrap()
}

/// The complete file with these rows.
fn file(mut writer: XlsxRows, rows: &[Vec<Value<'_>>]) -> Vec<u8> {
    let mut out = Vec::new();
    writer.begin(&mut out);
    for row in rows {
        writer.row(row, &mut out);
    }
    writer.end(&mut out).unwrap();
    out
}

fn open(file: Vec<u8>) -> Xlsx<Cursor<Vec<u8>>> {
    open_workbook_from_rs(Cursor::new(file)).unwrap()
}

fn text(text: &str) -> Value<'_> {
    Value::Text(text.into())
}

fn numbers(range: std::ops::Range<i32>) -> Vec<Vec<Value<'static>>> {
    range
        .map(|n| vec![Value::Number(n.to_string().into())])
        .collect()
}

/// Writes one row and reads it back.
fn written(zone: &str, kinds: &[Kind], row: &[Value<'_>]) -> (Vec<Data>, Vec<Warning>) {
    let mut writer = rows(options(zone, kinds), LIMITS);
    let mut out = Vec::new();
    writer.begin(&mut out);
    writer.row(row, &mut out);
    writer.end(&mut out).unwrap();
    let sheet = open(out).worksheet_range("Orders").unwrap();
    let cells =
        (0..kinds.len()).map(|i| sheet.get_value((1, i as u32)).cloned().unwrap_or_default());
    let keys: Vec<_> = (0..kinds.len()).map(|n| format!("c{n}")).collect();
    (cells.collect(), writer.cell_warnings().warnings(&keys))
}

fn one(kind: Kind, value: &str) -> (Data, Vec<Warning>) {
    let (mut cells, warnings) = written("UTC", &[kind], &[text(value)]);
    (cells.remove(0), warnings)
}

fn warning(code: WarningCode) -> Vec<Warning> {
    vec![Warning::for_column(code, "c0", 1)]
}

/// The first column of every sheet, without its header.
fn read(file: Vec<u8>) -> Vec<Vec<Data>> {
    let mut workbook = open(file);
    let sheets = workbook.sheet_names();
    let rows = |sheet: &String| {
        let range = workbook.worksheet_range(sheet).unwrap();
        assert_eq!(range.get_value((0, 0)), Some(&Data::String("c0".into())));
        range.rows().skip(1).map(|row| row[0].clone()).collect()
    };
    sheets.iter().map(rows).collect()
}

#[test]
fn every_kind_has_its_cell_type() {
    let kinds = [
        Kind::Text,
        Kind::Integer,
        Kind::Decimal,
        Kind::Boolean,
        Kind::Text,
        Kind::Text,
        Kind::Phone,
    ];
    let row = [
        text("Ana"),
        Value::Number("-3".into()),
        text("12.50"),
        Value::Bool(true),
        Value::Missing,
        Value::Json("[1]".into()),
        text("+15197482199"),
    ];
    let (cells, warnings) = written("UTC", &kinds, &row);
    assert_eq!(
        cells,
        [
            Data::String("Ana".into()),
            Data::Float(-3.0),
            Data::Float(12.5),
            Data::Bool(true),
            Data::Empty,
            Data::String("[1]".into()),
            Data::String("+15197482199".into()),
        ]
    );
    assert_eq!(warnings, []);
}

#[test]
fn text_is_never_a_formula_a_link_or_a_number() {
    for hostile in [
        "=1+1",
        "+1",
        "@SUM(A1)",
        "https://example.com",
        "007",
        "_x0041_",
        " a ",
        "a\r\nb\tc",
        "<&>\"'",
    ] {
        assert_eq!(
            one(Kind::Text, hostile),
            (Data::String(hostile.into()), vec![]),
            "{hostile:?}"
        );
    }
    for other in ["=1+1", "007"] {
        assert_eq!(one(Kind::Integer, other).0, Data::String(other.into()));
    }
}

#[test]
fn a_stored_number_is_a_number_among_texts_and_its_digits_elsewhere() {
    let stored = |kind, number: &'static str| {
        let (mut cells, warnings) = written("UTC", &[kind], &[Value::Number(number.into())]);
        (cells.remove(0), warnings)
    };
    assert_eq!(stored(Kind::Text, "-47"), (Data::Float(-47.0), vec![]));
    let long = "12345678901234567890";
    let as_text = warning(WarningCode::NumberAsText);
    assert_eq!(
        stored(Kind::Text, long),
        (Data::String(long.into()), as_text)
    );
    let phone = "15197482199";
    assert_eq!(
        stored(Kind::Phone, phone),
        (Data::String(phone.into()), vec![])
    );
    for kind in [Kind::Email, Kind::Date, Kind::Timestamp, Kind::Boolean] {
        let (cell, warnings) = stored(kind, "20171002");
        assert_eq!(cell, Data::String("20171002".into()), "{kind:?}");
        assert_eq!(warnings, warning(WarningCode::OtherKind), "{kind:?}");
    }
    let lossy = Value::LossyText("caf\u{fffd}".into());
    assert_eq!(
        written("UTC", &[Kind::Text], &[lossy]),
        (
            vec![Data::String("caf\u{fffd}".into())],
            warning(WarningCode::BytesReplaced)
        )
    );
    // In a column of texts, true and false are written as in CSV.
    let (cells, _) = written("UTC", &[Kind::Text], &[Value::Bool(true)]);
    assert_eq!(cells, [Data::String("true".into())]);
}

#[test]
fn cells_of_another_kind_are_written_unchanged_and_counted() {
    for (kind, other) in [
        (Kind::Integer, "12 pieces"),
        (Kind::Decimal, "=1+1"),
        (Kind::Boolean, "yes"),
        (Kind::Date, "2017-10-02T00:00:00Z"),
        (Kind::Timestamp, "yesterday"),
        (Kind::Email, "nobody"),
        (Kind::Phone, "none"),
    ] {
        let expected = (Data::String(other.into()), warning(WarningCode::OtherKind));
        assert_eq!(one(kind, other), expected, "{kind:?}");
        assert_eq!(one(kind, "").1, [], "{kind:?}");
    }
}

#[test]
fn a_date_or_time_that_a_spreadsheet_cannot_hold_is_text_and_counted() {
    for (kind, value) in [
        (Kind::Date, "1899-12-31"),
        (Kind::Timestamp, "1899-12-31T23:59:59Z"),
        (Kind::Timestamp, "9999-12-31T23:59:59.5Z"),
    ] {
        let expected = (Data::String(value.into()), warning(WarningCode::TimeAsText));
        assert_eq!(one(kind, value), expected);
    }
    assert_eq!(one(Kind::Date, "1900-01-01").1, []);
}

#[test]
fn a_number_that_would_lose_digits_is_text() {
    for number in [
        "9007199254740992",
        "9007199254740993",
        "-9007199254740992",
        "100000000000000000000",
        "12345678901234567890",
        "0.12345678901234567891",
    ] {
        let expected = (
            Data::String(number.into()),
            warning(WarningCode::NumberAsText),
        );
        assert_eq!(one(Kind::Decimal, number), expected);
    }
    assert_eq!(
        one(Kind::Decimal, "9007199254740991").0,
        Data::Float(9_007_199_254_740_991.0)
    );
}

#[test]
fn times_are_dates_in_the_zone() {
    let shown = |zone: &str, kind, value: &str| {
        let (cells, warnings) = written(zone, &[kind], &[text(value)]);
        let Data::DateTime(time) = cells[0] else {
            panic!("{:?}", cells[0])
        };
        assert!(time.is_datetime());
        let (year, month, day, hour, minute, second, milli) = time.to_ymd_hms_milli();
        let shown =
            format!("{year}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.{milli:03}");
        (shown, warnings)
    };
    let none = Vec::new;
    for (zone, kind, value, expected, warnings) in [
        (
            "UTC",
            Kind::Timestamp,
            "2017-10-02T10:56:33Z",
            "2017-10-02 10:56:33.000",
            none(),
        ),
        (
            "America/Sao_Paulo",
            Kind::Timestamp,
            "2017-10-02T01:00:00.007Z",
            "2017-10-01 22:00:00.007",
            none(),
        ),
        (
            "Asia/Tokyo",
            Kind::Timestamp,
            "2017-10-02",
            "2017-10-02 00:00:00.000",
            none(),
        ),
        (
            "Asia/Tokyo",
            Kind::Date,
            "2024-02-29",
            "2024-02-29 00:00:00.000",
            none(),
        ),
        (
            "UTC",
            Kind::Timestamp,
            "2017-10-02T10:56:33.999999Z",
            "2017-10-02 10:56:33.999",
            warning(WarningCode::TimeCut),
        ),
    ] {
        assert_eq!(
            shown(zone, kind, value),
            (expected.to_owned(), warnings),
            "{value}"
        );
    }
    assert_eq!(
        one(Kind::Date, "1899-12-31").0,
        Data::String("1899-12-31".into())
    );
    assert_eq!(
        one(Kind::Timestamp, "0001-01-01T00:00:00Z").0,
        Data::String("0001-01-01T00:00:00Z".into())
    );
}

#[test]
fn characters_that_a_cell_cannot_hold_are_removed_and_counted() {
    assert_eq!(
        one(Kind::Text, "a\0b\u{1f}c\u{ffff}"),
        (
            Data::String("abc".into()),
            warning(WarningCode::CharactersDropped)
        )
    );
    assert_eq!(one(Kind::Text, "\u{7}").0, Data::Empty);
    // Each character is two UTF-16 code units, and the last one does not fit.
    let (cell, warnings) = one(Kind::Text, &"😀".repeat(MAX_TEXT / 2 + 1));
    assert_eq!(cell, Data::String("😀".repeat(MAX_TEXT / 2)));
    assert_eq!(warnings, warning(WarningCode::CellCut));
    let longest = "é".repeat(MAX_TEXT);
    assert_eq!(one(Kind::Text, &longest), (Data::String(longest), vec![]));
}

#[test]
fn warnings_are_counted_by_column() {
    let mut writer = rows(options("UTC", &[Kind::Text, Kind::Text]), LIMITS);
    let mut out = Vec::new();
    writer.begin(&mut out);
    for _ in 0..3 {
        writer.row(&[text("\0"), text("fine")], &mut out);
    }
    writer.row(&[text("fine"), text("\0")], &mut out);
    let warnings = writer.cell_warnings().warnings(&["c0".into(), "c1".into()]);
    let counts = warnings.into_iter().map(|w| (w.column.unwrap(), w.count));
    let counts: Vec<_> = counts.collect();
    assert_eq!(counts, [("c0".to_owned(), 3), ("c1".to_owned(), 1)]);
}

#[test]
fn rows_continue_in_the_next_sheet_with_its_own_header() {
    let limits = Limits {
        sheet_rows: 4,
        ..LIMITS
    };
    let file = file(
        rows(options("UTC", &[Kind::Integer]), limits),
        &numbers(0..7),
    );
    assert_eq!(
        open(file.clone()).sheet_names(),
        ["Orders", "Orders 2", "Orders 3"]
    );
    let sheets = read(file);
    assert_eq!(sheets.iter().map(Vec::len).collect::<Vec<_>>(), [3, 3, 1]);
    let expected: Vec<_> = (0..7).map(|n| Data::Float(f64::from(n))).collect();
    assert_eq!(sheets.concat(), expected);
}

#[test]
fn no_sheet_follows_one_that_is_exactly_full() {
    let limits = Limits {
        sheet_rows: 4,
        ..LIMITS
    };
    let file = file(
        rows(options("UTC", &[Kind::Integer]), limits),
        &numbers(0..6),
    );
    assert_eq!(read(file).iter().map(Vec::len).collect::<Vec<_>>(), [3, 3]);
}

#[test]
fn the_next_sheet_begins_before_a_sheet_is_too_large_for_its_archive() {
    let head = {
        let mut writer = rows(options("UTC", &[Kind::Integer]), LIMITS);
        writer.begin(&mut Vec::new());
        writer.pending().len() as u64
    };
    for fragment_bytes in [1, FRAGMENT_BYTES] {
        let row = "<row r=\"2\"><c r=\"A2\"><v>1</v></c></row>".len() as u64;
        let limits = Limits {
            sheet_bytes: head + 3 * row,
            fragment_bytes,
            ..LIMITS
        };
        let file = file(
            rows(options("UTC", &[Kind::Integer]), limits),
            &numbers(1..8),
        );
        let sheets: Vec<_> = read(file).iter().map(Vec::len).collect();
        // The head of the second sheet is shorter, since only the first is selected.
        assert_eq!(sheets, [3, 4], "{fragment_bytes}");
    }
    // A sheet has at least one row, even if the header alone exceeds the limit.
    let limits = Limits {
        sheet_bytes: 1,
        ..LIMITS
    };
    let file = file(
        rows(options("UTC", &[Kind::Integer]), limits),
        &numbers(0..3),
    );
    assert_eq!(read(file).iter().map(Vec::len).collect::<Vec<_>>(), [1; 3]);
}

#[test]
fn no_rows_make_a_file_with_a_header() {
    for kinds in [&[Kind::Text, Kind::Date][..], &[]] {
        let file = file(rows(options("UTC", kinds), LIMITS), &[]);
        let range = open(file).worksheet_range("Orders").unwrap();
        assert_eq!(range.rows().count(), kinds.len().min(1));
    }
}

#[test]
fn two_attempts_make_the_same_bytes() {
    let bytes = || {
        let options = options("UTC", &[Kind::Text, Kind::Timestamp]);
        let row = vec![text("a"), text("2017-10-02T10:56:33Z")];
        file(rows(options, LIMITS), &[row])
    };
    let first = bytes();
    let second = Timestamp::now().as_second();
    while Timestamp::now().as_second() == second {
        std::thread::yield_now();
    }
    assert!(first == bytes());
}

#[test]
fn a_file_with_too_many_columns_is_refused_with_advice() {
    let many = options("UTC", &vec![Kind::Text; MAX_COLUMNS + 1]);
    let Err(error) = XlsxRows::new(many) else {
        panic!("the file was not refused")
    };
    insta::assert_snapshot!(error, @"a spreadsheet has at most 16384 columns, this file 16385; choose fewer, or CSV");
    let most = options("UTC", &vec![Kind::Text; MAX_COLUMNS]);
    let row = vec![text("a"); MAX_COLUMNS];
    let range = open(file(rows(most, LIMITS), &[row]))
        .worksheet_range("Orders")
        .unwrap();
    assert_eq!(range.end(), Some((1, MAX_COLUMNS as u32 - 1)));
}

#[test]
fn every_cell_has_its_reference_type_and_style() {
    let kinds = [
        Kind::Text,
        Kind::Decimal,
        Kind::Boolean,
        Kind::Date,
        Kind::Timestamp,
        Kind::Timestamp,
    ];
    let values = [
        text(" <a>_x0041_"),
        text("12.50"),
        Value::Bool(true),
        text("2017-10-02"),
        text("2017-10-02T12:00:00Z"),
        text("2017-10-02T12:00:00.5Z"),
    ];
    let mut writer = rows(options("UTC", &kinds), LIMITS);
    writer.begin(&mut Vec::new());
    writer.row(&values, &mut Vec::new());
    writer.row(&[Value::Null, text("=1")], &mut Vec::new());
    let xml = std::str::from_utf8(writer.pending()).unwrap();
    insta::assert_snapshot!(xml.replace("><c", ">\n  <c").replace("><row", ">\n<row"));
}

/// Rows of every kind of cell, some of which are counted as warnings.
fn any_row() -> impl Strategy<Value = Vec<Value<'static>>> {
    let value = prop_oneof![
        "[a-c<&_\" ]{0,90}".prop_map(|text| Value::Text(text.into())),
        any::<String>().prop_map(|text| Value::Text(text.into())),
        (0..2_000_000_000_i64).prop_map(|n| {
            let instant = Timestamp::new(n, n as i32 % 1_000_000_000).unwrap();
            Value::Text(instant.to_string().into())
        }),
        any::<i64>().prop_map(|n| Value::Number(n.to_string().into())),
        any::<bool>().prop_map(Value::Bool),
        Just(Value::Missing),
    ];
    prop::collection::vec(value, 4)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_file_that_was_continued_anywhere_has_the_same_bytes(
        values in prop::collection::vec((any_row(), any::<bool>()), 0..40),
        sheet_rows in 2..20_u32,
        sheet_bytes in 1_000..8_000_u64,
        fragment_bytes in 1..3_000_usize,
    ) {
        let limits = Limits { sheet_rows, sheet_bytes, fragment_bytes };
        let kinds = [Kind::Text, Kind::Timestamp, Kind::Decimal, Kind::Boolean];
        let options = || options("America/Sao_Paulo", &kinds);
        let mut undisturbed = rows(options(), limits);
        let mut interrupted = rows(options(), limits);
        let (mut expected, mut out) = (Vec::new(), Vec::new());
        undisturbed.begin(&mut expected);
        interrupted.begin(&mut out);
        for (row, interrupt) in &values {
            undisturbed.row(row, &mut expected);
            interrupted.row(row, &mut out);
            let read = Xml::read(interrupted.pending().to_vec());
            prop_assert_eq!(read.candidates(), interrupted.pending.candidates());
            if *interrupt {
                let state = serde_json::to_string(&interrupted.state()).unwrap();
                let state: XlsxState = serde_json::from_str(&state).unwrap();
                prop_assert_eq!(&state, &interrupted.state());
                let (warnings, pending) = (interrupted.cell_warnings(), interrupted.pending().to_vec());
                interrupted =
                    XlsxRows::with_limits(options(), state, warnings, pending, limits).unwrap();
            }
            prop_assert_eq!(out.len(), expected.len());
        }
        undisturbed.end(&mut expected).unwrap();
        interrupted.end(&mut out).unwrap();
        prop_assert!(out == expected);
        prop_assert_eq!(interrupted.cell_warnings(), undisturbed.cell_warnings());
        let mut workbook = open(out);
        let read: usize = workbook
            .sheet_names()
            .iter()
            .map(|sheet| workbook.worksheet_range(sheet).unwrap().rows().count() - 1)
            .sum();
        prop_assert!(read <= values.len());
    }

    #[test]
    fn any_text_is_read_back_without_characters_that_xml_forbids(
        value in prop_oneof![any::<String>(), "[\\x00-\\x20_x0-9A-F&<>'\"=]{0,20}"],
        kind in prop::sample::select(vec![Kind::Text, Kind::Email, Kind::Boolean]),
    ) {
        prop_assume!(!matches!(value.as_str(), "true" | "false"));
        let expected = value.replace(is_forbidden, "");
        let (cell, _) = one(kind, &value);
        let read = match cell {
            Data::Empty => String::new(),
            Data::String(text) => text,
            other => panic!("{other:?}"),
        };
        prop_assert_eq!(read, expected);
    }

    #[test]
    fn any_number_is_read_back_in_value(number in "-?(0|[1-9][0-9]{0,18})(\\.[0-9]{1,6})?") {
        let (cell, _) = one(Kind::Decimal, &number);
        let read = match cell {
            Data::Float(double) => double.to_string(),
            Data::String(text) => text,
            other => panic!("{other:?}"),
        };
        prop_assert_eq!(crate::value::number::normal(&read), crate::value::number::normal(&number));
    }
}

/// Continuing from a checkpoint without its sheets would lose every following row.
#[test]
fn an_invalid_state_is_refused() {
    let mut out = Vec::new();
    let mut rows = XlsxRows::new(options("UTC", &[Kind::Text])).unwrap();
    rows.begin(&mut out);
    let begun = rows.state();
    let resume = |state: XlsxState| {
        XlsxRows::resume(
            options("UTC", &[Kind::Text]),
            state,
            Default::default(),
            rows.pending().to_vec(),
        )
    };
    assert!(resume(begun.clone()).is_ok());
    type Spoil = fn(&mut XlsxState);
    let wrong: [(&str, Spoil); 5] = [
        ("no sheet", |state| *state = XlsxState::default()),
        ("a sheet without a header", |state| state.rows[0] = 0),
        ("more rows than a sheet has", |state| {
            state.rows[0] = SHEET_ROWS + 1
        }),
        ("a sheet without an entry", |state| state.rows.push(1)),
        ("an archive of no bytes", |state| {
            state.archive = Default::default()
        }),
    ];
    for (what, change) in wrong {
        let mut state = begun.clone();
        change(&mut state);
        assert!(matches!(resume(state), Err(XlsxError::State)), "{what}");
    }
}
