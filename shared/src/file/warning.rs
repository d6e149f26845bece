//! Warnings: counts of values that were changed or are not of their column's kind, and of records in doubt.

use serde::{Deserialize, Serialize};

use crate::catalog::Column;

/// The kind of a warning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum WarningCode {
    /// A number with more digits than a spreadsheet keeps was written as text, so that none is lost.
    NumberAsText,
    /// Characters that XML forbids were removed.
    CharactersDropped,
    /// A text longer than a spreadsheet's cell allows was cut.
    CellCut,
    /// A time was cut to milliseconds, a spreadsheet's precision.
    TimeCut,
    /// A value is not of its column's kind ([`is_of_kind`](super::is_of_kind)), and was written unchanged.
    OtherKind,
    /// A record has no creation time. It is in the file, unless there is a filter on the time.
    Undated,
    /// A value that decides whether a record belongs in the file could not be read. The record is left out if a filter
    /// needed the value, and kept if only the time limit of the request did.
    Undecided,
    /// A record has no value for any of the file's columns, so its row is empty.
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

/// A warning: its code, what it is about, and how often it occurred.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(utoipa::ToSchema))]
pub struct Warning {
    /// The kind of warning.
    pub code: WarningCode,
    /// The key of the column, for a warning about cells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schemas", schema(nullable = false))]
    pub column: Option<String>,
    /// The attribute in doubt, for a warning about records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schemas", schema(nullable = false))]
    pub attribute: Option<String>,
    /// The number of cells or records.
    pub count: u64,
    /// The sort key of one of the records. Shown only to users who may read records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schemas", schema(nullable = false))]
    pub example: Option<String>,
}

impl Warning {
    /// A warning about `count` cells of a column.
    pub fn for_column(code: WarningCode, column: &str, count: u64) -> Self {
        Self {
            code,
            column: Some(column.to_owned()),
            attribute: None,
            count,
            example: None,
        }
    }
}

/// The warnings of a file, one for each code and column. Their size does not grow with the file.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WarningCounts(Vec<Warning>);

impl WarningCounts {
    /// The warnings; those about cells are in the order of the columns.
    pub fn warnings(&self) -> Vec<Warning> {
        self.0.clone()
    }

    /// Whether there are no warnings.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The counts of a file that is being written, indexed by the column's position, so that counting takes constant time.
#[derive(Debug)]
pub(super) struct CellWarnings {
    keys: Vec<String>,
    /// For each column, the count of each code.
    counts: Vec<[u64; WarningCode::ALL.len()]>,
    /// Counts of a previous writer that belong to none of these columns; they are passed on unchanged.
    others: Vec<Warning>,
}

impl CellWarnings {
    /// Continues from the counts of a previous writer of the same file.
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

    /// Counts a cell of the column with index `place`.
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
                counted.map(|(code, &count)| Warning::for_column(code, key, count))
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
            Warning::for_column(WarningCode::OtherKind, "b", 40),
            Warning::for_column(WarningCode::CellCut, "gone", 7),
        ];
        let mut warnings = CellWarnings::new(&columns, WarningCounts(before));
        warnings.add(WarningCode::OtherKind, 1);
        warnings.add(WarningCode::CellCut, 1);
        warnings.add(WarningCode::OtherKind, 0);
        let expected = vec![
            Warning::for_column(WarningCode::OtherKind, "a", 1),
            Warning::for_column(WarningCode::CellCut, "b", 1),
            Warning::for_column(WarningCode::OtherKind, "b", 41),
            Warning::for_column(WarningCode::CellCut, "gone", 7),
        ];
        let counts = warnings.counts();
        assert_eq!(counts.warnings(), expected);
        assert_eq!(CellWarnings::new(&columns, counts.clone()).counts(), counts);
    }

    #[test]
    fn counts_are_stored_as_a_list_of_code_column_and_count() {
        let counts = WarningCounts(vec![Warning::for_column(WarningCode::OtherKind, "age", 3)]);
        let stored = serde_json::to_string(&counts).unwrap();
        assert_eq!(
            stored,
            r#"[{"code":"other_kind","column":"age","count":3}]"#
        );
    }
}
