//! The files that exports make: their names, their rows as CSV or XLSX, and what could not be written as it was.

mod cell;
pub mod csv;
mod format;
mod guard;
pub mod json;
pub mod name;
mod rows;
mod warning;
pub mod xlsx;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

pub use self::cell::is_of_kind;
pub use self::format::Format;
pub use self::rows::Rows;
pub use self::warning::{Warning, WarningCode, WarningCounts};
use crate::catalog::Column;

/// Whom a CSV file is for: a spreadsheet, in which no cell may run, or a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Profile {
    /// A spreadsheet: a byte-order mark, and no cell that would run as a formula, whatever separator the file is read
    /// with. `'` is put before what would: at a text's start, and within it after `;`, tab, `|`, CR and LF, where white
    /// space, control characters and quotes, if any, are followed by `=`, `+`, `-`, `@` or one of their full-width forms;
    /// and before a text that begins with a tab, CR, LF or NUL. A reader that takes away each `'` behind which it would
    /// put one has the texts as they were.
    ///
    /// What is stored as a number is written as it is in every column, and so is a value of its column's kind, and a
    /// phone of `+`, digits and spaces.
    #[default]
    Spreadsheet,
    /// A program: the values as they are. Where there is none, nothing is written, and for an empty text `""`; but in a
    /// file of one column `""` for both, since readers leave out blank lines.
    Data,
}

/// What a file depends on besides its rows.
#[derive(Debug, Clone)]
pub struct FileOptions {
    /// Whom it is for.
    pub profile: Profile,
    /// The zone in which timestamps are shown.
    pub time_zone: TimeZone,
    /// Its columns, in order.
    pub columns: Vec<Column>,
    /// When it was requested; XLSX says so in its properties, and two runs must make the same bytes.
    pub created_at: Timestamp,
}
