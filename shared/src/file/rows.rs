//! The rows of a file in its format: bytes leave as rows come, and any worker can go on between two rows.

use super::csv::CsvRows;
use super::xlsx::{XlsxError, XlsxRows, XlsxState};
use super::{FileOptions, WarningCounts};
use crate::file::Format;
use crate::value::Value;

/// What turns rows into a file's bytes. They depend on the rows alone, not on who wrote them and how often that changed.
#[derive(Debug)]
pub enum Rows {
    /// Comma-separated values.
    Csv(CsvRows),
    /// A spreadsheet.
    Xlsx(Box<XlsxRows>),
}

impl Rows {
    /// The rows of a new file, whose first bytes are appended.
    ///
    /// # Errors
    /// When the format cannot hold a file of these options.
    pub fn begin(
        format: Format,
        options: FileOptions,
        out: &mut Vec<u8>,
    ) -> Result<Self, XlsxError> {
        Ok(match format {
            Format::Csv => {
                let mut rows = CsvRows::new(options);
                rows.header(out);
                Self::Csv(rows)
            }
            Format::Xlsx => {
                let mut rows = XlsxRows::new(options)?;
                rows.begin(out);
                Self::Xlsx(Box::new(rows))
            }
        })
    }

    /// Goes on where another was: with its [`state`](Self::state), its [`warnings`](Self::warnings), what was
    /// [`pending`](Self::pending), and the rows that it had [`written`](Self::written).
    ///
    /// # Errors
    /// As [`begin`](Self::begin), and when `state` is not that of a file of this format.
    pub fn resume(
        format: Format,
        options: FileOptions,
        state: Option<XlsxState>,
        warnings: WarningCounts,
        pending: Vec<u8>,
        written: u64,
    ) -> Result<Self, XlsxError> {
        Ok(match format {
            Format::Csv => Self::Csv(CsvRows::resume(options, warnings, written)),
            Format::Xlsx => {
                let state = state.unwrap_or_default();
                let rows = XlsxRows::resume(options, state, warnings, pending)?;
                Self::Xlsx(Box::new(rows))
            }
        })
    }

    /// Adds one row, and appends what is ready. `row` has a value for each column, in their order.
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
    /// When the file cannot be ended: what was appended is of no use.
    pub fn end(&mut self, out: &mut Vec<u8>) -> Result<(), XlsxError> {
        match self {
            Self::Csv(_) => Ok(()),
            Self::Xlsx(rows) => rows.end(out),
        }
    }

    /// What another needs to go on, besides the bytes; `None` where it needs no more.
    pub fn state(&self) -> Option<XlsxState> {
        match self {
            Self::Csv(_) => None,
            Self::Xlsx(rows) => Some(rows.state()),
        }
    }

    /// What of the rows is not among the bytes yet.
    #[inline]
    pub fn pending(&self) -> &[u8] {
        match self {
            Self::Csv(_) => &[],
            Self::Xlsx(rows) => rows.pending(),
        }
    }

    /// How many rows the writer has written, the header not counted.
    pub fn written(&self) -> u64 {
        match self {
            Self::Csv(rows) => rows.written(),
            Self::Xlsx(rows) => rows.written(),
        }
    }

    /// What could not be written as it was, and what is not of its column's kind, in all of the file so far.
    pub fn warnings(&self) -> WarningCounts {
        match self {
            Self::Csv(rows) => rows.warnings(),
            Self::Xlsx(rows) => rows.warnings(),
        }
    }
}
