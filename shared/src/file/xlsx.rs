//! Writes rows as XLSX, as a stream. A file can be continued between any two rows.
//!
//! A spreadsheet is a ZIP archive ([`archive`]) of XML files. The library `rust_xlsxwriter` makes the [`frame`]:
//! styles, widths, filters, properties. The rows' XML is written here ([`cells`]) and deflated in fragments. Each sheet
//! is an entry of the archive, followed by the entries that list the sheets and by the archive's directory.

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
use super::{CellWarnings, FileOptions};
use crate::value::Value;

/// The maximum number of rows of a sheet, including the header ("Excel specifications and limits").
const SHEET_ROWS: u32 = 1_048_576;

/// The maximum number of columns of a sheet.
pub const MAX_COLUMNS: usize = 16_384;

/// The size of a sheet's XML, in bytes, after which the next sheet begins. The rest of the 4 GiB that an archive's
/// entry may have is room for one more row, the sheet's end, and what Deflate may add.
const SHEET_BYTES: u64 = 4_000_000_000;

/// The size of XML, in bytes, after which a fragment ends at the end of a row.
const FRAGMENT_BYTES: usize = 256 * 1024;

/// Why a file could not be written. The same rows always fail in the same way, so a retry cannot succeed.
#[derive(Debug, thiserror::Error)]
pub enum XlsxError {
    /// The file has more columns than a sheet allows.
    #[error("a spreadsheet has at most {MAX_COLUMNS} columns, this file {0}; choose fewer, or CSV")]
    TooManyColumns(usize),
    /// The frame around the rows could not be made.
    #[error("the spreadsheet could not be made; choose CSV")]
    Frame(#[from] frame::FrameError),
    /// A sheet is larger than a ZIP entry allows (4 GiB): a single row has filled it.
    #[error("the spreadsheet could not be made; choose fewer columns, or CSV")]
    TooLarge(#[from] archive::EntryTooLarge),
    /// The state in the checkpoint is not a valid state of a writer.
    #[error("the checkpoint's spreadsheet state is invalid")]
    State,
}

/// The state of a spreadsheet between two rows. Together with the pending XML it is all that another writer needs to
/// continue. Its size hardly grows with the file.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct XlsxState {
    archive: Progress,
    /// The number of rows of each sheet, including the header. The last sheet is the current one.
    rows: Vec<u32>,
}

impl XlsxState {
    /// Whether the state is valid between two rows: every sheet has its header and an entry in the archive.
    fn has_begun(&self) -> bool {
        let is_sheet = |rows: &u32| (1..=SHEET_ROWS).contains(rows);
        !self.rows.is_empty()
            && self.rows.iter().all(is_sheet)
            && self.archive.is_possible(self.rows.len())
    }
}

/// Writes rows as XLSX. The bytes depend on the rows alone, so a file that was continued anywhere is identical to one
/// written in one go.
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

/// The limits of sheets and fragments.
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
    /// The writer of a new file. [`begin`](Self::begin) must be called first.
    ///
    /// # Errors
    /// When there are more columns than a sheet allows, or the frame cannot be made.
    pub fn new(options: FileOptions) -> Result<Self, XlsxError> {
        let (state, warnings) = Default::default();
        Self::with_limits(options, state, warnings, Vec::new(), LIMITS)
    }

    /// Continues a file with the same options, from another writer's state, warnings and pending XML.
    ///
    /// # Errors
    /// As [`new`](Self::new), and when `state` is not valid between two rows.
    pub fn resume(
        options: FileOptions,
        state: XlsxState,
        warnings: CellWarnings,
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
        warnings: CellWarnings,
        pending: Vec<u8>,
        limits: Limits,
    ) -> Result<Self, XlsxError> {
        if options.columns.len() > MAX_COLUMNS {
            return Err(XlsxError::TooManyColumns(options.columns.len()));
        }
        let frame = Frame::new(&options)?;
        Ok(Self {
            cells: Cells::new(options.columns.len(), &frame.styles),
            warnings,
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
        debug_assert!(self.rows.is_empty(), "the file has begun already");
        self.begin_sheet(out);
    }

    /// Adds one row, and appends the bytes that are ready. `row` has a value for each column, in order; further values
    /// are ignored.
    pub fn row(&mut self, row: &[Value<'_>], out: &mut Vec<u8>) {
        if self.is_full() {
            self.end_sheet(out);
            self.begin_sheet(out);
        }
        let Some(number) = self.rows.last_mut() else {
            debug_assert!(false, "the file has not begun");
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

    /// Appends the rest of the file. No other method may be called afterwards.
    ///
    /// # Errors
    /// When the frame cannot be made, or a sheet is too large; the appended bytes are then useless.
    pub fn end(&mut self, out: &mut Vec<u8>) -> Result<(), XlsxError> {
        self.end_sheet(out);
        for (name, bytes) in frame::other_entries(&self.options, &self.rows)? {
            self.archive.entry(&name, bytes, out);
        }
        Ok(self.archive.end(out)?)
    }

    /// How many rows have been written, without the header of each sheet.
    pub fn written(&self) -> u64 {
        self.rows
            .iter()
            .map(|rows| u64::from(*rows).saturating_sub(1))
            .sum()
    }

    /// The state of the file, between two rows.
    pub fn state(&self) -> XlsxState {
        XlsxState {
            archive: self.archive.progress().clone(),
            rows: self.rows.clone(),
        }
    }

    /// The XML of rows that are not in the file's bytes yet: whole rows, at most 256 KiB plus one row.
    pub fn pending(&self) -> &[u8] {
        &self.pending.bytes
    }

    /// The counts of cells with a warning in the whole file so far.
    pub fn cell_warnings(&self) -> CellWarnings {
        self.warnings.clone()
    }

    fn is_full(&self) -> bool {
        let bytes = self.archive.entry_size() + self.pending.len() as u64;
        let rows = self.rows.last().copied().unwrap_or_default();
        rows == self.limits.sheet_rows || (rows > 1 && bytes >= self.limits.sheet_bytes)
    }

    fn begin_sheet(&mut self, out: &mut Vec<u8>) {
        self.rows.push(1);
        let sheet = self.rows.len();
        self.archive.begin(&frame::entry_name(sheet), out);
        self.pending.append(self.frame.head(sheet));
        self.cells.header(&self.options, &mut self.pending);
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
