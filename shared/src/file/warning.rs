//! What could not be written as it was, counted by column.

use serde::{Deserialize, Serialize};

/// What happened to a cell.
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
}

/// How many cells of a column something happened to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Warning {
    /// What happened.
    pub code: WarningCode,
    /// The column's key.
    pub column: String,
    /// The number of cells.
    pub count: u64,
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
            .find(|w| w.code == code && w.column == column)
        {
            Some(warning) => warning.count += 1,
            None => self.0.push(Warning {
                code,
                column: column.to_owned(),
                count: 1,
            }),
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
