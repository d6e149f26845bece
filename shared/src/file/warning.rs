//! What could not be written as it was, counted by column.

use serde::{Deserialize, Serialize};

/// What happened to a cell, or what is in doubt about a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WarningCode {
    /// A number of more digits than a spreadsheet's numbers have is a text, so that none is lost.
    NumberAsText,
    /// Characters that XML forbids were left out.
    CharactersDropped,
    /// A text longer than a spreadsheet's cell was cut.
    CellCut,
    /// A time finer than a spreadsheet's milliseconds was cut to them.
    TimeCut,
    /// A record does not say when it was created: it is in the file, unless a filter is on the time.
    Undated,
    /// What decides whether a record belongs in the file could not be read. It is in the file where only the bound of
    /// the request needed it, and out where a filter did.
    Undecided,
    /// A record has none of the values that the file has columns for: its row is empty.
    BlankRow,
}

impl WarningCode {
    /// Every code.
    pub const ALL: [Self; 7] = [
        Self::NumberAsText,
        Self::CharactersDropped,
        Self::CellCut,
        Self::TimeCut,
        Self::Undated,
        Self::Undecided,
        Self::BlankRow,
    ];
}

/// How many cells of a column something happened to, or how many records are in doubt for the same reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Warning {
    /// What happened.
    pub code: WarningCode,
    /// The column's key, where it is about cells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// The attribute that is in doubt, where it is about records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attribute: Option<String>,
    /// The number of cells or records.
    pub count: u64,
    /// The sort key of one of the records. Only whoever may read records is shown it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub example: Option<String>,
}

impl Warning {
    /// What happened to so many cells of a column.
    pub fn of_cells(code: WarningCode, column: &str, count: u64) -> Self {
        Self {
            code,
            column: Some(column.to_owned()),
            attribute: None,
            count,
            example: None,
        }
    }
}

/// Counts of warnings, one for each kind and column: small, whatever the file's size.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WarningCounts(Vec<Warning>);

impl WarningCounts {
    /// Counts one cell.
    pub fn add(&mut self, code: WarningCode, column: &str) {
        match self
            .0
            .iter_mut()
            .find(|w| w.code == code && w.column.as_deref() == Some(column))
        {
            Some(warning) => warning.count += 1,
            None => self.0.push(Warning::of_cells(code, column, 1)),
        }
    }

    /// The warnings, in the order in which they first came.
    pub fn warnings(&self) -> Vec<Warning> {
        self.0.clone()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
