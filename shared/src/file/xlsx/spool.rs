//! Rows as XLSX, spooled row by row to a file, so that memory does not grow with them.

use std::any::Any;
use std::fs::File;
use std::io::{self, BufWriter, Seek};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use jiff::civil::{Date, DateTime, date};
use rust_xlsxwriter::{DocProperties, ExcelDateTime, Format, Workbook, Worksheet};

use super::text::fitting;
use super::{MAX_COLUMNS, SHEET_ROWS, XlsxError};
use crate::catalog::Column;
use crate::file::cell::{self, Cell};
use crate::file::{FileOptions, WarningCode, WarningCounts};
use crate::value::number::exact_double;
use crate::value::time::Stamp;
use crate::value::{Kind, Value};

/// A spreadsheet in the making.
///
/// Rows go to files in a directory, one for each sheet, which have no name and vanish with the spool. After an error
/// it can only be dropped.
pub struct XlsxSpool {
    workbook: Workbook,
    options: FileOptions,
    dir: PathBuf,
    formats: Formats,
    sheet_rows: u32,
    sheets: usize,
    /// Rows in the last sheet, its header among them.
    rows: u32,
    warnings: WarningCounts,
}

struct Formats {
    header: Format,
    date: Format,
    seconds: Format,
    milliseconds: Format,
}

impl XlsxSpool {
    /// An empty spreadsheet, spooled in this directory.
    ///
    /// # Errors
    /// When it has more columns than a sheet, or the directory cannot be written to.
    pub fn new(options: FileOptions, dir: &Path) -> Result<Self, XlsxError> {
        Self::with_sheet_rows(options, dir, SHEET_ROWS)
    }

    fn with_sheet_rows(
        options: FileOptions,
        dir: &Path,
        sheet_rows: u32,
    ) -> Result<Self, XlsxError> {
        if options.columns.len() > MAX_COLUMNS {
            return Err(XlsxError::TooManyColumns(options.columns.len()));
        }
        let mut workbook = Workbook::new();
        workbook
            .set_tempdir(dir)
            .map_err(|error| spool_error(dir, io::Error::other(error)))?;
        // Otherwise the library takes the time of day, and a second run would make other bytes.
        let created = ExcelDateTime::from_timestamp(options.created_at.as_second())
            .map_err(XlsxError::Workbook)?;
        workbook.set_properties(&DocProperties::new().set_creation_datetime(&created));
        let mut spool = Self {
            workbook,
            options,
            dir: dir.to_owned(),
            formats: Formats {
                header: Format::new().set_bold(),
                date: Format::new().set_num_format("yyyy-mm-dd"),
                seconds: Format::new().set_num_format("yyyy-mm-dd hh:mm:ss"),
                milliseconds: Format::new().set_num_format("yyyy-mm-dd hh:mm:ss.000"),
            },
            sheet_rows,
            sheets: 0,
            rows: 0,
            warnings: WarningCounts::default(),
        };
        spool.guarded(Self::begin_sheet)?;
        Ok(spool)
    }

    /// Adds one row. `row` has a value for each column, in their order; what follows them is not written.
    ///
    /// # Errors
    /// When the spool cannot be written.
    pub fn row(&mut self, row: &[Value<'_>]) -> Result<(), XlsxError> {
        self.guarded(|spool| {
            if spool.rows == spool.sheet_rows {
                spool.end_sheet()?;
                spool.begin_sheet()?;
            }
            spool.write_row(row)
        })
    }

    /// Makes the file of all rows. It is open at its beginning, and gone once it is closed. Beside it is what could
    /// not be written as it was.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn finish(mut self) -> Result<(File, WarningCounts), XlsxError> {
        let file = self.guarded(|spool| {
            spool.end_sheet()?;
            let mut file = tempfile::tempfile_in(&spool.dir)?;
            spool.workbook.save_to_writer(BufWriter::new(&mut file))?;
            file.rewind()?;
            Ok(file)
        })?;
        Ok((file, self.warnings))
    }

    /// Runs one step. The library panics where its spool cannot be written; here that is an error like any other.
    fn guarded<T>(
        &mut self,
        step: impl FnOnce(&mut Self) -> Result<T, rust_xlsxwriter::XlsxError>,
    ) -> Result<T, XlsxError> {
        match catch_unwind(AssertUnwindSafe(|| step(self))) {
            Ok(result) => result.map_err(|error| failed(&self.dir, error)),
            Err(panic) => Err(spool_error(&self.dir, io::Error::other(words(&*panic)))),
        }
    }

    fn begin_sheet(&mut self) -> Result<(), rust_xlsxwriter::XlsxError> {
        let sheet = self.workbook.add_worksheet_with_constant_memory()?;
        sheet.set_freeze_panes(1, 0)?;
        for (place, column) in (0..).zip(&self.options.columns) {
            if let Some(width) = width(column.kind) {
                sheet.set_column_width(place, width)?;
            }
            let key = fitting(&column.key, |_| ());
            sheet.write_string_with_format(0, place, key, &self.formats.header)?;
        }
        self.sheets += 1;
        self.rows = 1;
        Ok(())
    }

    fn end_sheet(&mut self) -> Result<(), rust_xlsxwriter::XlsxError> {
        if let Some(last) = self.options.columns.len().checked_sub(1) {
            let sheet = self.workbook.worksheet_from_index(self.sheets - 1)?;
            sheet.autofilter(0, 0, self.rows - 1, last as u16)?;
        }
        Ok(())
    }

    fn write_row(&mut self, row: &[Value<'_>]) -> Result<(), rust_xlsxwriter::XlsxError> {
        let mut cells = Cells {
            sheet: self.workbook.worksheet_from_index(self.sheets - 1)?,
            options: &self.options,
            formats: &self.formats,
            warnings: &mut self.warnings,
            row: self.rows,
        };
        for (place, (column, value)) in (0..).zip(self.options.columns.iter().zip(row)) {
            cells.write(place, column, value)?;
        }
        self.rows += 1;
        Ok(())
    }
}

/// The cells of one row.
struct Cells<'a> {
    sheet: &'a mut Worksheet,
    options: &'a FileOptions,
    formats: &'a Formats,
    warnings: &'a mut WarningCounts,
    row: u32,
}

impl Cells<'_> {
    fn write(
        &mut self,
        place: u16,
        column: &Column,
        value: &Value<'_>,
    ) -> Result<(), rust_xlsxwriter::XlsxError> {
        match cell::read(column, value) {
            Cell::Empty => {}
            Cell::Number(number) => match exact_double(&number) {
                Some(double) => {
                    self.sheet.write_number(self.row, place, double)?;
                }
                None => {
                    self.warnings.add(WarningCode::NumberAsText, &column.key);
                    self.text(place, column, &number)?;
                }
            },
            Cell::Boolean(flag) => {
                self.sheet.write_boolean(self.row, place, flag)?;
            }
            Cell::Date(day, text) => match serial_day(day) {
                Some(serial) => {
                    self.sheet.write_number_with_format(
                        self.row,
                        place,
                        serial,
                        &self.formats.date,
                    )?;
                }
                None => self.text(place, column, text)?,
            },
            Cell::Timestamp(stamp, _) => self.timestamp(place, column, &stamp)?,
            Cell::Text(text) => self.text(place, column, text)?,
        }
        Ok(())
    }

    fn timestamp(
        &mut self,
        place: u16,
        column: &Column,
        stamp: &Stamp<'_>,
    ) -> Result<(), rust_xlsxwriter::XlsxError> {
        let Some(serial) = serial_time(self.options.time_zone.to_datetime(stamp.instant)) else {
            let mut text = String::new();
            stamp.write(&self.options.time_zone, &mut text);
            return self.text(place, column, &text);
        };
        let digits = stamp.fraction.trim_end_matches('0').len();
        if digits > 3 {
            self.warnings.add(WarningCode::TimeCut, &column.key);
        }
        let format = if digits > 0 {
            &self.formats.milliseconds
        } else {
            &self.formats.seconds
        };
        self.sheet
            .write_number_with_format(self.row, place, serial, format)?;
        Ok(())
    }

    fn text(
        &mut self,
        place: u16,
        column: &Column,
        text: &str,
    ) -> Result<(), rust_xlsxwriter::XlsxError> {
        let text = fitting(text, |code| self.warnings.add(code, &column.key));
        if !text.is_empty() {
            self.sheet.write_string(self.row, place, text)?;
        }
        Ok(())
    }
}

/// The number of a day in a spreadsheet (ECMA-376 part 1, section 18.17.4.1, the 1900 date base), which has a
/// 29 February 1900 that never was. `None` for days before 1900: it cannot show them.
fn serial_day(day: Date) -> Option<f64> {
    if day.year() < 1900 {
        return None;
    }
    let days = i32::try_from(day.duration_since(date(1899, 12, 30)).as_hours() / 24).ok()?;
    Some(f64::from(if day < date(1900, 3, 1) {
        days - 1
    } else {
        days
    }))
}

/// The number of a day and a time on its clock, cut to milliseconds: a double has no room for more.
fn serial_time(local: DateTime) -> Option<f64> {
    let time = local.time();
    let seconds =
        (i32::from(time.hour()) * 60 + i32::from(time.minute())) * 60 + i32::from(time.second());
    let milliseconds = f64::from(seconds * 1000 + time.subsec_nanosecond() / 1_000_000);
    Some(serial_day(local.date())? + milliseconds / 86_400_000.0)
}

/// Wide enough, in characters, that a date is not shown as `#####`.
fn width(kind: Kind) -> Option<f64> {
    match kind {
        Kind::Date => Some(11.0),
        Kind::Timestamp => Some(23.0),
        _ => None,
    }
}

fn failed(dir: &Path, error: rust_xlsxwriter::XlsxError) -> XlsxError {
    match error {
        rust_xlsxwriter::XlsxError::IoError(source) => spool_error(dir, source),
        error => XlsxError::Workbook(error),
    }
}

fn spool_error(dir: &Path, source: io::Error) -> XlsxError {
    let dir = dir.to_owned();
    XlsxError::Spool { dir, source }
}

fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("the writer panicked")
        .to_owned()
}

#[cfg(test)]
mod tests {
    use std::io::{BufReader, Read};

    use calamine::{Data, Reader, Xlsx, open_workbook_from_rs};
    use jiff::Timestamp;
    use jiff::tz::TimeZone;
    use proptest::prelude::*;

    use super::*;
    use crate::file::cell::tests::column;
    use crate::file::xlsx::text::{MAX_TEXT, is_forbidden};
    use crate::file::{Profile, Warning};

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
        }
    }

    fn spool(zone: &str, kinds: &[Kind], sheet_rows: u32) -> XlsxSpool {
        XlsxSpool::with_sheet_rows(options(zone, kinds), &std::env::temp_dir(), sheet_rows).unwrap()
    }

    fn open(file: File) -> Xlsx<BufReader<File>> {
        open_workbook_from_rs(BufReader::new(file)).unwrap()
    }

    fn text(text: &str) -> Value<'_> {
        Value::Text(text.into())
    }

    /// Writes one row and reads it back.
    fn written(zone: &str, kinds: &[Kind], row: &[Value<'_>]) -> (Vec<Data>, Vec<Warning>) {
        let mut spool = spool(zone, kinds, SHEET_ROWS);
        spool.row(row).unwrap();
        let (file, warnings) = spool.finish().unwrap();
        let sheet = open(file).worksheet_range("Sheet1").unwrap();
        let cells =
            (0..kinds.len()).map(|i| sheet.get_value((1, i as u32)).cloned().unwrap_or_default());
        (cells.collect(), warnings.warnings())
    }

    fn one(kind: Kind, value: &str) -> (Data, Vec<Warning>) {
        let (mut cells, warnings) = written("UTC", &[kind], &[text(value)]);
        (cells.remove(0), warnings)
    }

    fn warning(code: WarningCode) -> Vec<Warning> {
        let column = "c0".to_owned();
        vec![Warning {
            code,
            column,
            count: 1,
        }]
    }

    #[test]
    fn every_kind_is_a_cell_of_its_own() {
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
        assert_eq!(
            one(Kind::Integer, "=1+1"),
            (Data::String("=1+1".into()), vec![])
        );
        assert_eq!(
            one(Kind::Integer, "007"),
            (Data::String("007".into()), vec![])
        );
    }

    #[test]
    fn a_number_that_would_lose_digits_is_text() {
        for number in [
            "9007199254740993",
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
            one(Kind::Decimal, "9007199254740992").0,
            Data::Float(9_007_199_254_740_992.0)
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
    fn days_have_the_numbers_of_the_1900_date_base() {
        // The examples of ECMA-376, and the days around the one that never was.
        for (day, serial) in [
            (date(1900, 1, 1), 1.0),
            (date(1900, 2, 28), 59.0),
            (date(1900, 3, 1), 61.0),
            (date(1976, 2, 1), 27791.0),
            (date(9999, 12, 31), 2_958_465.0),
        ] {
            assert_eq!(serial_day(day), Some(serial), "{day}");
        }
    }

    #[test]
    fn what_a_cell_cannot_hold_is_left_out_and_counted() {
        assert_eq!(
            one(Kind::Text, "a\0b\u{1f}c\u{ffff}"),
            (
                Data::String("abc".into()),
                warning(WarningCode::CharactersDropped)
            )
        );
        assert_eq!(one(Kind::Text, "\u{7}").0, Data::Empty);
        // Each of these is two UTF-16 code units: the last one does not fit halfway.
        let (cell, warnings) = one(Kind::Text, &"😀".repeat(MAX_TEXT / 2 + 1));
        assert_eq!(cell, Data::String("😀".repeat(MAX_TEXT / 2)));
        assert_eq!(warnings, warning(WarningCode::CellCut));
        let longest = "é".repeat(MAX_TEXT);
        assert_eq!(one(Kind::Text, &longest), (Data::String(longest), vec![]));
    }

    #[test]
    fn warnings_are_counted_by_column() {
        let mut spool = spool("UTC", &[Kind::Text, Kind::Text], SHEET_ROWS);
        for _ in 0..3 {
            spool.row(&[text("\0"), text("fine")]).unwrap();
        }
        spool.row(&[text("fine"), text("\0")]).unwrap();
        let counts: Vec<_> = spool
            .warnings
            .warnings()
            .into_iter()
            .map(|w| (w.column, w.count))
            .collect();
        assert_eq!(counts, [("c0".to_owned(), 3), ("c1".to_owned(), 1)]);
    }

    #[test]
    fn rows_go_on_in_the_next_sheet_under_a_header_of_its_own() {
        let mut spool = spool("UTC", &[Kind::Integer], 4);
        for n in 0..7 {
            spool.row(&[Value::Number(n.to_string().into())]).unwrap();
        }
        let mut workbook = open(spool.finish().unwrap().0);
        assert_eq!(workbook.sheet_names(), ["Sheet1", "Sheet2", "Sheet3"]);
        let mut read = Vec::new();
        for sheet in workbook.sheet_names() {
            let range = workbook.worksheet_range(&sheet).unwrap();
            assert_eq!(range.get_value((0, 0)), Some(&Data::String("c0".into())));
            read.extend(range.rows().skip(1).map(|row| row[0].clone()));
        }
        let expected: Vec<_> = (0..7).map(|n| Data::Float(f64::from(n))).collect();
        assert_eq!(read, expected);
    }

    #[test]
    fn no_rows_make_a_file_with_a_header() {
        let (file, warnings) = spool("UTC", &[Kind::Text, Kind::Date], SHEET_ROWS)
            .finish()
            .unwrap();
        let range = open(file).worksheet_range("Sheet1").unwrap();
        assert_eq!(range.rows().count(), 1);
        assert!(warnings.is_empty());
    }

    #[test]
    fn two_runs_make_the_same_bytes() {
        let bytes = || {
            let mut spool = spool("UTC", &[Kind::Text, Kind::Timestamp], SHEET_ROWS);
            spool
                .row(&[text("a"), text("2017-10-02T10:56:33Z")])
                .unwrap();
            let mut bytes = Vec::new();
            spool.finish().unwrap().0.read_to_end(&mut bytes).unwrap();
            bytes
        };
        let first = bytes();
        let second = Timestamp::now().as_second();
        while Timestamp::now().as_second() == second {
            std::thread::yield_now();
        }
        assert!(first == bytes());
    }

    #[test]
    fn what_cannot_be_made_is_refused_with_what_to_do() {
        let many = options("UTC", &vec![Kind::Text; MAX_COLUMNS + 1]);
        let Err(error) = XlsxSpool::new(many, &std::env::temp_dir()) else {
            panic!("it was made")
        };
        insta::assert_snapshot!(error, @"a spreadsheet has at most 16384 columns, this file 16385; choose fewer, or CSV");
        let Err(error) = XlsxSpool::new(options("UTC", &[Kind::Text]), Path::new("/nowhere"))
        else {
            panic!("it was made")
        };
        insta::assert_snapshot!(error,
            @"cannot spool the rows in /nowhere; give the function more ephemeral storage, or choose CSV");
    }

    #[test]
    fn a_panic_of_the_writer_is_an_error() {
        let mut spool = spool("UTC", &[Kind::Text], SHEET_ROWS);
        let error = spool
            .guarded(|_| -> Result<(), _> { panic!("Couldn't write to xml file") })
            .unwrap_err();
        insta::assert_snapshot!(error.to_string().replace(&*std::env::temp_dir().to_string_lossy(), "/tmp"),
            @"cannot spool the rows in /tmp; give the function more ephemeral storage, or choose CSV");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn any_text_is_read_back_without_what_xml_forbids(
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
}
