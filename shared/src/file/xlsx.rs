//! Rows as XLSX, as a stream: bytes leave as rows come, and a file may be continued anywhere between rows.
//!
//! A spreadsheet is a ZIP archive ([`archive`]) of XML. The library makes the [`frame`]: styles, widths, filters,
//! properties. The rows' XML is written here ([`cells`]), deflated in fragments, and each sheet is an entry of the
//! archive; what names the sheets follows them, and the archive's directory is last.

mod archive;
mod cells;
mod deflate;
mod frame;
mod huffman;
mod serial;
mod text;
mod xml;

use serde::{Deserialize, Serialize};

use self::archive::{Archive, Progress};
use self::cells::Cells;
use self::frame::Frame;
use self::xml::Xml;
use super::warning::CellWarnings;
use super::{FileOptions, WarningCounts};
use crate::value::Value;

/// The rows of a sheet, its header among them ("Excel specifications and limits").
const SHEET_ROWS: u32 = 1_048_576;

/// The columns of a sheet.
pub const MAX_COLUMNS: usize = 16_384;

/// The XML after which no row is added to a sheet. What is left to 4 GiB, where an archive's entry ends, has room for
/// one more row, the sheet's end, and what Deflate may add.
const SHEET_BYTES: u64 = 4_000_000_000;

/// The XML after which a fragment ends, with its last row.
const FRAGMENT_BYTES: usize = 256 * 1024;

/// Why there is no file. The same rows always end like this: none passes on another attempt.
#[derive(Debug, thiserror::Error)]
pub enum XlsxError {
    /// More columns than a sheet has.
    #[error("a spreadsheet has at most {MAX_COLUMNS} columns, this file {0}; choose fewer, or CSV")]
    TooManyColumns(usize),
    /// What is around the rows could not be made.
    #[error("the spreadsheet could not be made; choose CSV")]
    Frame(#[from] frame::FrameError),
    /// A sheet is larger than its container allows (4 GiB): one row alone has filled it.
    #[error("the spreadsheet could not be made; choose fewer columns, or CSV")]
    TooLarge(#[from] archive::EntryTooLarge),
    /// The state to go on from is not one that a writer can have been in.
    #[error("the state of the spreadsheet cannot be gone on from")]
    State,
}

/// How far a spreadsheet has come: with the XML that was pending, all that its writer needs to go on. It is small,
/// whatever the file's size.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct XlsxState {
    archive: Progress,
    /// The rows of each sheet, its header among them. The last sheet is the current one.
    rows: Vec<u32>,
}

impl XlsxState {
    /// Whether it is the state of a file between two rows: every sheet has its header, and its entry in the archive.
    fn has_begun(&self) -> bool {
        let is_sheet = |rows: &u32| (1..=SHEET_ROWS).contains(rows);
        !self.rows.is_empty()
            && self.rows.iter().all(is_sheet)
            && self.archive.is_possible(self.rows.len())
    }
}

/// Turns rows into XLSX. Which bytes leave when depends on the rows alone, so that a file that was continued, wherever
/// that was, is the same to the byte as one made in one go.
#[derive(Debug)]
pub struct XlsxRows {
    options: FileOptions,
    limits: Limits,
    frame: Frame,
    cells: Cells,
    archive: Archive,
    rows: Vec<u32>,
    pending: Xml,
    warnings: CellWarnings,
}

/// Where sheets and fragments end.
#[derive(Debug, Clone, Copy)]
struct Limits {
    sheet_rows: u32,
    sheet_bytes: u64,
    fragment_bytes: usize,
}

const LIMITS: Limits = Limits {
    sheet_rows: SHEET_ROWS,
    sheet_bytes: SHEET_BYTES,
    fragment_bytes: FRAGMENT_BYTES,
};

impl XlsxRows {
    /// Rows of a file of these options. [`begin`](Self::begin) comes first.
    ///
    /// # Errors
    /// When it has more columns than a sheet, or what is around the rows cannot be made.
    pub fn new(options: FileOptions) -> Result<Self, XlsxError> {
        let (state, warnings) = Default::default();
        Self::with_limits(options, state, warnings, Vec::new(), LIMITS)
    }

    /// Goes on where a writer of the same options was, with its warnings: the next row follows the last that it was
    /// given.
    ///
    /// # Errors
    /// As [`new`](Self::new), and when `state` is of no file that has begun.
    pub fn resume(
        options: FileOptions,
        state: XlsxState,
        warnings: WarningCounts,
        pending: Vec<u8>,
    ) -> Result<Self, XlsxError> {
        if !state.has_begun() {
            return Err(XlsxError::State);
        }
        Self::with_limits(options, state, warnings, pending, LIMITS)
    }

    fn with_limits(
        options: FileOptions,
        state: XlsxState,
        warnings: WarningCounts,
        pending: Vec<u8>,
        limits: Limits,
    ) -> Result<Self, XlsxError> {
        if options.columns.len() > MAX_COLUMNS {
            return Err(XlsxError::TooManyColumns(options.columns.len()));
        }
        let frame = Frame::new(&options)?;
        Ok(Self {
            cells: Cells::new(options.columns.len(), &frame.styles),
            warnings: CellWarnings::new(&options.columns, warnings),
            options,
            limits,
            frame,
            archive: Archive::new(state.archive),
            rows: state.rows,
            pending: Xml::read(pending),
        })
    }

    /// Appends the file's first bytes.
    pub fn begin(&mut self, out: &mut Vec<u8>) {
        debug_assert!(self.rows.is_empty(), "it has begun");
        self.begin_sheet(out);
    }

    /// Adds one row, and appends what is ready. `row` has a value for each column, in their order; what follows them
    /// is not written.
    pub fn row(&mut self, row: &[Value<'_>], out: &mut Vec<u8>) {
        if self.is_full() {
            self.end_sheet(out);
            self.begin_sheet(out);
        }
        let Some(number) = self.rows.last_mut() else {
            debug_assert!(false, "it has not begun");
            return;
        };
        *number += 1;
        self.cells.row(
            *number,
            &self.options,
            row,
            &mut self.warnings,
            &mut self.pending,
        );
        self.end_row(out);
    }

    /// Appends the rest of the file. After that it can only be dropped.
    ///
    /// # Errors
    /// When what is around the rows cannot be made, or a sheet is too large: what was appended is of no use.
    pub fn end(&mut self, out: &mut Vec<u8>) -> Result<(), XlsxError> {
        self.end_sheet(out);
        for (name, bytes) in frame::other_entries(&self.options, &self.rows)? {
            self.archive.entry(&name, bytes, out);
        }
        Ok(self.archive.end(out)?)
    }

    /// How many rows have been written, each sheet's header not counted.
    pub fn written(&self) -> u64 {
        self.rows
            .iter()
            .map(|rows| u64::from(*rows).saturating_sub(1))
            .sum()
    }

    /// How far the file has come, between two rows.
    pub fn state(&self) -> XlsxState {
        XlsxState {
            archive: self.archive.progress().clone(),
            rows: self.rows.clone(),
        }
    }

    /// XML that has not left yet: whole rows, at most 256 KiB and a row.
    pub fn pending(&self) -> &[u8] {
        &self.pending.bytes
    }

    /// What could not be written as it was, and what is not of its column's kind.
    pub fn warnings(&self) -> WarningCounts {
        self.warnings.counts()
    }

    fn is_full(&self) -> bool {
        let bytes = self.archive.entry_size() + self.pending.len() as u64;
        let rows = self.rows.last().copied().unwrap_or_default();
        rows == self.limits.sheet_rows || (rows > 1 && bytes >= self.limits.sheet_bytes)
    }

    fn begin_sheet(&mut self, out: &mut Vec<u8>) {
        self.rows.push(1);
        let sheet = self.rows.len();
        self.archive.begin(&frame::sheet_name(sheet), out);
        self.pending.append(self.frame.head(sheet));
        self.cells.header(&self.options.columns, &mut self.pending);
        self.end_row(out);
    }

    fn end_row(&mut self, out: &mut Vec<u8>) {
        if self.pending.len() >= self.limits.fragment_bytes {
            self.archive.fragment(&self.pending, false, out);
            self.pending.clear();
        }
    }

    fn end_sheet(&mut self, out: &mut Vec<u8>) {
        let rows = self.rows.last().copied().unwrap_or_default();
        self.pending.append(&self.frame.tail(rows));
        self.archive.fragment(&self.pending, true, out);
        self.pending.clear();
    }
}

#[cfg(test)]
mod tests;
