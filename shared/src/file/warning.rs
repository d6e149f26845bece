//! What could not be written as it was, and what is not as its column says, counted by column.

use serde::{Deserialize, Serialize};

use crate::catalog::Column;

/// What happened to a cell, or what is in doubt about a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(utoipa::ToSchema))]
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
    pub const ALL: [Self; 8] = [
        Self::NumberAsText,
        Self::CharactersDropped,
        Self::CellCut,
        Self::TimeCut,
        Self::OtherKind,
        Self::Undated,
        Self::Undecided,
        Self::BlankRow,
    ];
}

/// What could not be written as it was, or which records could not be placed for sure, and how many of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(utoipa::ToSchema))]
pub struct Warning {
    /// What happened.
    pub code: WarningCode,
    /// The column's key, where it is about cells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schemas", schema(nullable = false))]
    pub column: Option<String>,
    /// The attribute that is in doubt, where it is about records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schemas", schema(nullable = false))]
    pub attribute: Option<String>,
    /// The number of cells or records.
    pub count: u64,
    /// The sort key of one of the records. Only whoever may read records is shown it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schemas", schema(nullable = false))]
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
            let place = |key: &String| warning.column.as_ref() == Some(key);
            match warnings.keys.iter().position(place) {
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
                counted.map(|(code, &count)| Warning::of_cells(code, key, count))
            });
        WarningCounts(of_columns.chain(self.others.iter().cloned()).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::file::cell::tests::column;
    use crate::value::Kind;

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
            Warning::of_cells(WarningCode::OtherKind, "b", 40),
            Warning::of_cells(WarningCode::CellCut, "gone", 7),
        ];
        let mut warnings = CellWarnings::new(&columns, WarningCounts(before));
        warnings.add(WarningCode::OtherKind, 1);
        warnings.add(WarningCode::CellCut, 1);
        warnings.add(WarningCode::OtherKind, 0);
        let expected = vec![
            Warning::of_cells(WarningCode::OtherKind, "a", 1),
            Warning::of_cells(WarningCode::CellCut, "b", 1),
            Warning::of_cells(WarningCode::OtherKind, "b", 41),
            Warning::of_cells(WarningCode::CellCut, "gone", 7),
        ];
        let counts = warnings.counts();
        assert_eq!(counts.warnings(), expected);
        assert_eq!(CellWarnings::new(&columns, counts.clone()).counts(), counts);
    }

    #[test]
    fn counts_are_stored_as_a_list_of_code_column_and_count() {
        let counts = WarningCounts(vec![Warning::of_cells(WarningCode::OtherKind, "age", 3)]);
        let stored = serde_json::to_string(&counts).unwrap();
        assert_eq!(
            stored,
            r#"[{"code":"other_kind","column":"age","count":3}]"#
        );
    }
}
