//! The frame of a workbook: everything except the rows. The library `rust_xlsxwriter` makes an empty workbook, whose
//! XML is split here to go around the rows.

use std::io::{Cursor, Read};

use rust_xlsxwriter::{DocProperties, ExcelDateTime, Format, Workbook, Worksheet};
use zip::ZipArchive;
use zip::result::ZipError;

use super::SHEET_ROWS;
use crate::catalog::Column;
use crate::file::FileOptions;
use crate::value::Kind;

/// The maximum length of a sheet's name ("Excel specifications and limits").
const MAX_TITLE: usize = 31;

/// Why a frame could not be made.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// The library failed.
    #[error("the workbook could not be made")]
    Workbook(#[from] rust_xlsxwriter::XlsxError),
    /// The library's workbook could not be read.
    #[error("the workbook could not be read")]
    Archive(#[from] ZipError),
    /// The library's workbook lacks an expected element.
    #[error("the workbook has no {0}")]
    Missing(&'static str),
}

/// The XML around the rows of a sheet, and the styles of cells.
#[derive(Debug)]
pub(super) struct Frame {
    /// The numbers of the styles.
    pub(super) styles: Styles,
    /// The XML before the rows: of the first sheet, and of every other.
    heads: [Vec<u8>; 2],
    /// The XML after the rows of a sheet, before and after the number of its last row. A sheet without columns has no
    /// filter and thus no such number.
    tail: (Vec<u8>, Option<Vec<u8>>),
}

/// The style numbers that cells refer to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Styles {
    pub(super) header: String,
    pub(super) date: String,
    pub(super) seconds: String,
    pub(super) milliseconds: String,
}

impl Frame {
    /// The frame of a file with these options.
    pub(super) fn new(options: &FileOptions) -> Result<Self, FrameError> {
        let entries = read(&workbook(options, &[SHEET_ROWS; 2])?)?;
        let sheet = |number: usize| {
            let name = entry_name(number);
            let found = entries.iter().find(|(entry, _)| *entry == name);
            let xml = found.ok_or(FrameError::Missing("sheet"))?.1.as_slice();
            std::str::from_utf8(xml).map_err(|_| FrameError::Missing("text"))
        };
        let (first, next) = (Sheet::parse(sheet(1)?)?, Sheet::parse(sheet(2)?)?);
        let tail = match first.tail.split_once(&SHEET_ROWS.to_string()) {
            Some((before, after)) => (before.into(), Some(after.into())),
            None => (first.tail.into(), None),
        };
        Ok(Self {
            styles: first.styles()?,
            heads: [first.head()?.into_bytes(), next.head()?.into_bytes()],
            tail,
        })
    }

    /// The XML before the rows of a sheet; `sheet` counts from 1.
    pub(super) fn head(&self, sheet: usize) -> &[u8] {
        &self.heads[usize::from(sheet > 1)]
    }

    /// The XML after the rows of a sheet with this number of rows.
    pub(super) fn tail(&self, rows: u32) -> Vec<u8> {
        let (before, after) = &self.tail;
        match after {
            Some(after) => [before, rows.to_string().as_bytes(), after].concat(),
            None => before.clone(),
        }
    }
}

/// Every entry of the archive except the sheets, for sheets with these numbers of rows.
pub(super) fn other_entries(
    options: &FileOptions,
    rows: &[u32],
) -> Result<Vec<(String, Vec<u8>)>, FrameError> {
    let mut entries = read(&workbook(options, rows)?)?;
    entries.retain(|(name, _)| !name.starts_with("xl/worksheets/sheet"));
    Ok(entries)
}

/// The name of a sheet for people: `label` without the characters that a name must not have, with its number from the second
/// one on. A name has at most 31 characters, no apostrophe at its ends, and is not `History` ("Rename a worksheet",
/// Excel's documentation).
fn title(label: &str, number: usize) -> String {
    let end = match number {
        1 => String::new(),
        number => format!(" {number}"),
    };
    let is_allowed = |c: &char| !c.is_control() && !r"[]:*?/\".contains(*c);
    let name: String = label.chars().filter(is_allowed).collect();
    let most = MAX_TITLE - end.len();
    // Excel counts UTF-16 units.
    let mut length = 0;
    let fits = |c: &char| {
        length += c.len_utf16();
        length <= most
    };
    let name: String = name.chars().take_while(fits).collect();
    let name = name.trim_matches(['\'', ' ']);
    match name.is_empty() || name.eq_ignore_ascii_case("history") {
        true => format!("Sheet{number}"),
        false => format!("{name}{end}"),
    }
}

/// The name of a sheet's entry in the archive; `number` counts from 1.
pub(super) fn entry_name(number: usize) -> String {
    format!("xl/worksheets/sheet{number}.xml")
}

/// A workbook for sheets with these numbers of rows, without the rows. Each sheet has one cell of each style, so that
/// the style numbers do not depend on the number of sheets.
fn workbook(options: &FileOptions, rows: &[u32]) -> Result<Vec<u8>, FrameError> {
    let mut workbook = Workbook::new();
    // By default the library writes the current time, and another attempt would make other bytes.
    let created = ExcelDateTime::from_timestamp(options.created_at.as_second())?;
    workbook.set_properties(&DocProperties::new().set_creation_datetime(&created));
    let formats = [
        Format::new().set_bold(),
        Format::new().set_num_format("yyyy-mm-dd"),
        Format::new().set_num_format("yyyy-mm-dd hh:mm:ss"),
        Format::new().set_num_format("yyyy-mm-dd hh:mm:ss.000"),
    ];
    for (number, &rows) in (1..).zip(rows) {
        let sheet = workbook.add_worksheet();
        sheet.set_name(title(&options.label, number))?;
        for (place, format) in (0..).zip(&formats) {
            sheet.write_number_with_format(0, place, 0, format)?;
        }
        arrange(sheet, &options.columns, rows)?;
    }
    Ok(workbook.save_to_buffer()?)
}

/// Freezes the header, adds a filter on all rows, and sets the columns' widths.
fn arrange(sheet: &mut Worksheet, columns: &[Column], rows: u32) -> Result<(), FrameError> {
    sheet.set_freeze_panes(1, 0)?;
    for (place, column) in (0..).zip(columns) {
        if let Some(width) = width(column.kind) {
            sheet.set_column_width(place, width)?;
        }
    }
    if let Some(last) = columns.len().checked_sub(1) {
        sheet.autofilter(0, 0, rows - 1, last as u16)?;
    }
    Ok(())
}

/// The width of a column in characters, where the default would show values as `#####`.
fn width(kind: Kind) -> Option<f64> {
    match kind {
        Kind::Date => Some(11.0),
        Kind::Timestamp => Some(23.0),
        Kind::Text | Kind::Integer | Kind::Decimal | Kind::Boolean | Kind::Email | Kind::Phone => {
            None
        }
    }
}

fn read(workbook: &[u8]) -> Result<Vec<(String, Vec<u8>)>, FrameError> {
    let mut archive = ZipArchive::new(Cursor::new(workbook))?;
    (0..archive.len())
        .map(|place| {
            let mut entry = archive.by_index(place)?;
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).map_err(ZipError::Io)?;
            Ok((entry.name()?.into_owned(), bytes))
        })
        .collect()
}

/// A sheet's XML, split before and after the rows.
struct Sheet<'a> {
    head: &'a str,
    cells: &'a str,
    tail: &'a str,
}

impl<'a> Sheet<'a> {
    fn parse(xml: &'a str) -> Result<Self, FrameError> {
        let missing = FrameError::Missing("rows");
        let begin = xml.find("<sheetData>").map(|at| at + "<sheetData>".len());
        match (begin, xml.find("</sheetData>")) {
            (Some(begin), Some(end)) if begin <= end => Ok(Self {
                head: &xml[..begin],
                cells: &xml[begin..end],
                tail: &xml[end..],
            }),
            _ => Err(missing),
        }
    }

    /// The XML before the rows, without the optional `dimension`: it is not known before the rows.
    fn head(&self) -> Result<String, FrameError> {
        let missing = FrameError::Missing("dimension");
        let Some((before, rest)) = self.head.split_once("<dimension ") else {
            return Err(missing);
        };
        let (_, after) = rest.split_once("/>").ok_or(missing)?;
        Ok(format!("{before}{after}"))
    }

    fn styles(&self) -> Result<Styles, FrameError> {
        let style = |cell: &str| {
            let (_, rest) = self.cells.split_once(&format!("<c r=\"{cell}\" s=\""))?;
            Some(rest.split_once('"')?.0.to_owned())
        };
        let style = |cell| style(cell).ok_or(FrameError::Missing("style"));
        Ok(Styles {
            header: style("A1")?,
            date: style("B1")?,
            seconds: style("C1")?,
            milliseconds: style("D1")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;
    use crate::file::cell::tests::column;
    use crate::file::{Headers, Profile};

    fn options(kinds: &[Kind]) -> FileOptions {
        FileOptions {
            profile: Profile::Spreadsheet,
            time_zone: TimeZone::UTC,
            columns: kinds.iter().map(|&kind| column("c", kind)).collect(),
            headers: Headers::Keys,
            label: "Orders".into(),
            created_at: "2026-11-21T12:01:02Z".parse().unwrap(),
        }
    }

    #[test]
    fn a_sheet_has_its_types_name_as_far_as_a_sheet_may() {
        for (label, number, expected) in [
            ("Orders", 1, "Orders"),
            ("Orders", 12, "Orders 12"),
            ("'In/out': [a]?*\\ ", 1, "Inout' a"),
            (
                "A very long label of a type of records",
                1,
                "A very long label of a type of",
            ),
            (
                "A very long label of a type of records",
                10,
                "A very long label of a type 10",
            ),
            (
                "\u{1f4e6}\u{1f4e6}\u{1f4e6}\u{1f4e6}\u{1f4e6}\u{1f4e6}\u{1f4e6}\u{1f4e6}\u{1f4e6}\u{1f4e6}\u{1f4e6}\u{1f4e6}\u{1f4e6}\u{1f4e6}\u{1f4e6}\u{1f4e6}",
                1,
                "\u{1f4e6}\u{1f4e6}\u{1f4e6}\u{1f4e6}\u{1f4e6}\u{1f4e6}\u{1f4e6}\u{1f4e6}\u{1f4e6}\u{1f4e6}\u{1f4e6}\u{1f4e6}\u{1f4e6}\u{1f4e6}\u{1f4e6}",
            ),
            ("History", 1, "Sheet1"),
            ("???", 3, "Sheet3"),
        ] {
            assert_eq!(title(label, number), expected, "{label}");
            let options = FileOptions {
                label: label.into(),
                ..options(&[])
            };
            // The library refuses a name that Excel would.
            assert!(workbook(&options, &[2; 3]).is_ok(), "{label}");
        }
    }

    #[test]
    fn a_frame_fits_any_number_of_sheets() {
        for kinds in [
            vec![],
            vec![Kind::Text],
            vec![Kind::Date, Kind::Text, Kind::Timestamp],
            vec![Kind::Timestamp; 30],
        ] {
            let options = options(&kinds);
            let frame = Frame::new(&options).unwrap();
            // A range of one cell is `A1` to the library, and `A1:A1` here.
            let rows = [SHEET_ROWS, 5, 2];
            let entries = read(&workbook(&options, &rows).unwrap()).unwrap();
            for (number, rows) in (1..).zip(rows) {
                let name = entry_name(number);
                let (_, xml) = entries.iter().find(|(entry, _)| *entry == name).unwrap();
                let sheet = Sheet::parse(std::str::from_utf8(xml).unwrap()).unwrap();
                assert_eq!(String::from_utf8(frame.tail(rows)).unwrap(), sheet.tail);
                assert_eq!(frame.head(number), sheet.head().unwrap().as_bytes());
                assert_eq!(frame.styles, sheet.styles().unwrap());
            }
        }
    }

    #[test]
    fn a_sheet_has_a_frozen_header_a_filter_and_widths() {
        let frame = Frame::new(&options(&[Kind::Text, Kind::Date])).unwrap();
        let xml = [frame.head(1), &frame.tail(7)].concat();
        insta::assert_snapshot!(String::from_utf8(xml).unwrap().replace('>', ">\n"));
    }
}
