//! What could not be written as it was, and what is not as its column says, counted by column.

use serde::{Deserialize, Serialize};

use crate::catalog::Column;

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
    /// A value is not of its column's kind ([`is_of_kind`](super::is_of_kind)), and was written as it is.
    OtherKind,
}

impl WarningCode {
    /// Every code, in the order of their declaration.
    pub const ALL: [WarningCode; 5] = [
        WarningCode::NumberAsText,
        WarningCode::CharactersDropped,
        WarningCode::CellCut,
        WarningCode::TimeCut,
        WarningCode::OtherKind,
    ];
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
    /// Counts one of what has no place among a file's cells.
    pub fn add(&mut self, code: WarningCode, column: &str) {
        let mut counted = self.0.iter_mut();
        match counted.find(|w| w.code == code && w.column == column) {
            Some(warning) => warning.count += 1,
            None => self.0.push(Warning {
                code,
                column: column.to_owned(),
                count: 1,
            }),
        }
    }

    /// The warnings: those of a file's cells in the order of its columns.
    pub fn warnings(&self) -> Vec<Warning> {
        self.0.clone()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The counts of a file that is being written: a cell's column is known by its place, so that counting one costs the
/// same in every file.
#[derive(Debug)]
pub(super) struct CellWarnings {
    keys: Vec<String>,
    /// For each column, the count of each code.
    counts: Vec<[u64; WarningCode::ALL.len()]>,
    /// Counts that are not of these columns: they are only handed on.
    others: Vec<Warning>,
}

impl CellWarnings {
    /// Goes on from the counts of whoever wrote these columns before.
    pub(super) fn new(columns: &[Column], before: WarningCounts) -> Self {
        let mut warnings = Self {
            keys: columns.iter().map(|column| column.key.clone()).collect(),
            counts: vec![Default::default(); columns.len()],
            others: Vec::new(),
        };
        for warning in before.0 {
            match warnings.keys.iter().position(|key| *key == warning.column) {
                Some(place) => warnings.counts[place][warning.code as usize] += warning.count,
                None => warnings.others.push(warning),
            }
        }
        warnings
    }

    /// Counts a cell of the column at this place, from 0.
    #[inline]
    pub(super) fn add(&mut self, code: WarningCode, place: usize) {
        self.counts[place][code as usize] += 1;
    }

    /// The counts so far.
    pub(super) fn counts(&self) -> WarningCounts {
        let of_columns = self
            .keys
            .iter()
            .zip(&self.counts)
            .flat_map(|(key, counts)| {
                let counted = WarningCode::ALL.into_iter().zip(counts);
                let counted = counted.filter(|&(_, &count)| count > 0);
                counted.map(|(code, &count)| Warning {
                    code,
                    column: key.clone(),
                    count,
                })
            });
        WarningCounts(of_columns.chain(self.others.iter().cloned()).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::file::cell::tests::column;
    use crate::value::Kind;

    fn warning(code: WarningCode, column: &str, count: u64) -> Warning {
        Warning {
            code,
            column: column.to_owned(),
            count,
        }
    }

    #[test]
    fn every_code_is_counted_in_a_place_of_its_own() {
        for (place, code) in WarningCode::ALL.into_iter().enumerate() {
            assert_eq!(code as usize, place, "{code:?}");
        }
    }

    #[test]
    fn counts_go_on_from_those_before_and_none_is_lost() {
        let columns = ["a", "b"].map(|key| column(key, Kind::Integer));
        let before = vec![
            warning(WarningCode::OtherKind, "b", 40),
            warning(WarningCode::CellCut, "gone", 7),
        ];
        let mut warnings = CellWarnings::new(&columns, WarningCounts(before));
        warnings.add(WarningCode::OtherKind, 1);
        warnings.add(WarningCode::CellCut, 1);
        warnings.add(WarningCode::OtherKind, 0);
        let expected = vec![
            warning(WarningCode::OtherKind, "a", 1),
            warning(WarningCode::CellCut, "b", 1),
            warning(WarningCode::OtherKind, "b", 41),
            warning(WarningCode::CellCut, "gone", 7),
        ];
        let counts = warnings.counts();
        assert_eq!(counts.warnings(), expected);
        assert_eq!(CellWarnings::new(&columns, counts.clone()).counts(), counts);
    }

    #[test]
    fn counts_are_stored_as_a_list_of_code_column_and_count() {
        let counts = WarningCounts(vec![warning(WarningCode::OtherKind, "age", 3)]);
        let stored = serde_json::to_string(&counts).unwrap();
        assert_eq!(
            stored,
            r#"[{"code":"other_kind","column":"age","count":3}]"#
        );
    }
}
