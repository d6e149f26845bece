//! Export files: their names, their rows as CSV or XLSX, and warnings about values that were changed.

mod cell;
pub mod csv;
mod format;
mod formula_guard;
pub mod json;
pub mod name;
mod rows;
mod warning;
pub mod xlsx;

use std::borrow::Cow;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

pub use self::cell::is_of_kind;
pub use self::format::Format;
pub use self::rows::Rows;
pub use self::warning::{CellWarnings, Warning, WarningCode};
use crate::catalog::Column;

/// What a CSV file is for: spreadsheets, in which no cell may run as a formula, or programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Profile {
    /// For spreadsheets: the file has a byte-order mark, and no cell runs as a formula, whatever separator the file is
    /// opened with. `'` is inserted at the start of a text, and after each `;`, tab, `|`, CR and LF in it, if `=`, `+`,
    /// `-`, `@` or one of their full-width forms follows, also after white space, control characters and quotes. `'` is
    /// also inserted before a text that begins with a tab, CR, LF or NUL. To recover the original texts, remove each
    /// `'` from a place where these rules would insert one.
    ///
    /// Written unchanged are values that are stored as numbers, values of their column's kind that are no text, and
    /// phone numbers of only `+`, digits and spaces.
    #[default]
    Spreadsheet,
    /// For programs: the values are unchanged. A missing value is an empty field and an empty text is `""`. In a file
    /// with one column both are `""`, since readers skip blank lines.
    Data,
}

/// In which order a file has its records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum RowOrder {
    /// In the order of the records' keys: the oldest first, where these begin with the time.
    #[default]
    Oldest,
    /// The newest first.
    Newest,
}

impl RowOrder {
    /// Whether this is the order of a request that names none.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// What the header of a file calls its columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Headers {
    /// The columns' keys, for programs.
    #[default]
    Keys,
    /// The columns' labels, for people: a column without one in the catalog has the words of its key.
    Labels,
}

impl Headers {
    /// Those of a file whose request names none: people open workbooks, and programs read CSV files.
    pub fn of_format(format: Format) -> Self {
        match format {
            Format::Csv => Self::Keys,
            Format::Xlsx => Self::Labels,
        }
    }

    /// Whether these are the columns' keys.
    pub fn are_keys(&self) -> bool {
        *self == Self::Keys
    }
}

/// The options of a file: everything that its bytes depend on, except the rows.
#[derive(Debug, Clone)]
pub struct FileOptions {
    /// The profile of a CSV file.
    pub profile: Profile,
    /// The time zone of timestamps.
    pub time_zone: TimeZone,
    /// The columns, in order.
    pub columns: Vec<Column>,
    /// What the header calls them.
    pub headers: Headers,
    /// The label of the type, after which the sheets of a workbook are named.
    pub label: String,
    /// The time of the request. It is the creation time in an XLSX file's properties, so that every attempt makes the
    /// same bytes.
    pub created_at: Timestamp,
}

impl FileOptions {
    /// What the header calls a column.
    pub fn header<'a>(&self, column: &'a Column) -> Cow<'a, str> {
        match self.headers {
            Headers::Keys => Cow::Borrowed(&column.key),
            Headers::Labels => Cow::Owned(column.heading()),
        }
    }
}
