//! Writes the rows of a file in its format, as a stream. Another worker can continue the file between any two rows.

use super::csv::CsvRows;
use super::xlsx::{XlsxError, XlsxRows, XlsxState};
use super::{CellWarnings, FileOptions};
use crate::file::Format;
use crate::value::Value;

/// The writer of a file's rows. The bytes depend on the rows alone, not on where the file was interrupted.
#[derive(Debug)]
pub enum Rows {
    /// Comma-separated values.
    Csv(Box<CsvRows>),
    /// A spreadsheet.
    Xlsx(Box<XlsxRows>),
}

impl Rows {
    /// Begins a new file: appends its first bytes to `out`.
    ///
    /// # Errors
    /// When the format cannot hold a file with these options.
    pub fn begin(
        format: Format,
        options: FileOptions,
        out: &mut Vec<u8>,
    ) -> Result<Self, XlsxError> {
        Ok(match format {
            Format::Csv => {
                let mut rows = CsvRows::new(options);
                rows.header(out);
                Self::Csv(Box::new(rows))
            }
            Format::Xlsx => {
                let mut rows = XlsxRows::new(options)?;
                rows.begin(out);
                Self::Xlsx(Box::new(rows))
            }
        })
    }

    /// Continues a file of another writer from its [`state`](Self::state), its [`cell_warnings`](Self::cell_warnings), its
    /// [`pending`](Self::pending) rows and the number of rows [`written`](Self::written).
    ///
    /// # Errors
    /// As [`begin`](Self::begin), and when `state` is not that of a file of this format.
    pub fn resume(
        format: Format,
        options: FileOptions,
        state: Option<XlsxState>,
        warnings: CellWarnings,
        pending: Vec<u8>,
        written: u64,
    ) -> Result<Self, XlsxError> {
        Ok(match format {
            Format::Csv => Self::Csv(Box::new(CsvRows::resume(options, warnings, written))),
            Format::Xlsx => {
                let state = state.unwrap_or_default();
                let rows = XlsxRows::resume(options, state, warnings, pending)?;
                Self::Xlsx(Box::new(rows))
            }
        })
    }

    /// Adds one row, and appends the bytes that are ready. `row` has a value for each column, in order.
    #[inline]
    pub fn row(&mut self, row: &[Value<'_>], out: &mut Vec<u8>) {
        match self {
            Self::Csv(rows) => rows.row(row, out),
            Self::Xlsx(rows) => rows.row(row, out),
        }
    }

    /// Appends the rest of the file.
    ///
    /// # Errors
    /// When the file cannot be ended; the appended bytes are then useless.
    pub fn end(&mut self, out: &mut Vec<u8>) -> Result<(), XlsxError> {
        match self {
            Self::Csv(_) => Ok(()),
            Self::Xlsx(rows) => rows.end(out),
        }
    }

    /// The state that another writer needs to continue the file; `None` for formats without one.
    pub fn state(&self) -> Option<XlsxState> {
        match self {
            Self::Csv(_) => None,
            Self::Xlsx(rows) => Some(rows.state()),
        }
    }

    /// Rows that are not in the file's bytes yet.
    #[inline]
    pub fn pending(&self) -> &[u8] {
        match self {
            Self::Csv(_) => &[],
            Self::Xlsx(rows) => rows.pending(),
        }
    }

    /// How many rows have been written, without the header.
    pub fn written(&self) -> u64 {
        match self {
            Self::Csv(rows) => rows.written(),
            Self::Xlsx(rows) => rows.written(),
        }
    }

    /// The counts of cells with a warning in the whole file so far.
    pub fn cell_warnings(&self) -> CellWarnings {
        match self {
            Self::Csv(rows) => rows.cell_warnings(),
            Self::Xlsx(rows) => rows.cell_warnings(),
        }
    }
}
