//! Warnings: counts of values that were changed or are not of their column's kind, and of records in doubt.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The kind of a warning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum WarningCode {
    /// A number with more digits than a spreadsheet keeps was written as text, so that none is lost.
    NumberAsText,
    /// A date or time that a spreadsheet cannot hold, such as one before 1900, was written as text.
    TimeAsText,
    /// Characters that XML forbids were removed.
    CharactersDropped,
    /// Bytes that are no text in the database's encoding were replaced, each by U+FFFD.
    BytesReplaced,
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
    pub const ALL: [Self; 10] = [
        Self::NumberAsText,
        Self::TimeAsText,
        Self::CharactersDropped,
        Self::BytesReplaced,
        Self::CellCut,
        Self::TimeCut,
        Self::OtherKind,
        Self::Undated,
        Self::Undecided,
        Self::BlankRow,
    ];

    /// The code's name in the API and in the keys of texts.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NumberAsText => "number_as_text",
            Self::TimeAsText => "time_as_text",
            Self::CharactersDropped => "characters_dropped",
            Self::BytesReplaced => "bytes_replaced",
            Self::CellCut => "cell_cut",
            Self::TimeCut => "time_cut",
            Self::OtherKind => "other_kind",
            Self::Undated => "undated",
            Self::Undecided => "undecided",
            Self::BlankRow => "blank_row",
        }
    }

    /// Whether the warning counts cells; otherwise it counts records.
    pub fn is_about_cells(self) -> bool {
        match self {
            Self::NumberAsText
            | Self::TimeAsText
            | Self::CharactersDropped
            | Self::BytesReplaced
            | Self::CellCut
            | Self::TimeCut
            | Self::OtherKind => true,
            Self::Undated | Self::Undecided | Self::BlankRow => false,
        }
    }
}

/// A warning: its code, what it is about, and how often it occurred.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(utoipa::ToSchema))]
pub struct Warning {
    /// The kind of warning.
    pub code: WarningCode,
    /// The key of the column, for a warning about cells. Without it, the warning sums those of further columns.
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

/// The maximum number of an export's warnings that name a column. Those of further columns are summed by code, so that
/// an export with its warnings fits into an item of DynamoDB (400 KB).
const MAX_NAMED: usize = 200;

/// The counts of cells with a warning, by code and by the column's position in the file. Their size does not grow with the
/// file, nor with the columns' names.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(
    from = "BTreeMap<WarningCode, Vec<u64>>",
    into = "BTreeMap<WarningCode, Vec<u64>>"
)]
pub struct CellWarnings([Vec<u64>; WarningCode::ALL.len()]);

impl CellWarnings {
    /// Counts a cell of the column at index `place`.
    #[inline]
    pub(super) fn add(&mut self, code: WarningCode, place: usize) {
        let counts = &mut self.0[code as usize];
        if counts.len() <= place {
            counts.resize(place + 1, 0);
        }
        counts[place] += 1;
    }

    /// The warnings about a file with these columns, in the columns' order; at the end, without a column, the sums of those
    /// beyond the first 200.
    pub fn warnings(&self, columns: &[String]) -> Vec<Warning> {
        let places = columns.iter().enumerate();
        let of_columns = places.flat_map(|(place, column)| {
            let counted = WarningCode::ALL.into_iter().zip(&self.0);
            let counted =
                counted.filter_map(move |(code, counts)| Some((code, *counts.get(place)?)));
            let counted = counted.filter(|&(_, count)| count > 0);
            counted.map(move |(code, count)| Warning::for_column(code, column, count))
        });
        let mut warnings: Vec<Warning> = of_columns.collect();
        let mut sums = BTreeMap::new();
        for further in warnings.drain(MAX_NAMED.min(warnings.len())..) {
            *sums.entry(further.code).or_default() += further.count;
        }
        warnings.extend(sums.into_iter().map(|(code, count)| Warning {
            code,
            column: None,
            attribute: None,
            count,
            example: None,
        }));
        warnings
    }
}

impl From<BTreeMap<WarningCode, Vec<u64>>> for CellWarnings {
    fn from(mut stored: BTreeMap<WarningCode, Vec<u64>>) -> Self {
        Self(WarningCode::ALL.map(|code| stored.remove(&code).unwrap_or_default()))
    }
}

impl From<CellWarnings> for BTreeMap<WarningCode, Vec<u64>> {
    fn from(counts: CellWarnings) -> Self {
        let counted = WarningCode::ALL.into_iter().zip(counts.0);
        counted.filter(|(_, counts)| !counts.is_empty()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(keys: &[&str]) -> Vec<String> {
        keys.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn every_code_is_counted_in_a_place_of_its_own() {
        for (place, code) in WarningCode::ALL.into_iter().enumerate() {
            assert_eq!(code as usize, place, "{code:?}");
        }
    }

    #[test]
    fn counts_are_stored_by_code_and_go_on_from_there() {
        let mut counts = CellWarnings::default();
        counts.add(WarningCode::OtherKind, 1);
        counts.add(WarningCode::CellCut, 1);
        let stored = serde_json::to_string(&counts).unwrap();
        assert_eq!(stored, r#"{"cell_cut":[0,1],"other_kind":[0,1]}"#);
        let mut counts: CellWarnings = serde_json::from_str(&stored).unwrap();
        counts.add(WarningCode::OtherKind, 1);
        counts.add(WarningCode::OtherKind, 0);
        let expected = vec![
            Warning::for_column(WarningCode::OtherKind, "a", 1),
            Warning::for_column(WarningCode::CellCut, "b", 1),
            Warning::for_column(WarningCode::OtherKind, "b", 2),
        ];
        assert_eq!(counts.warnings(&columns(&["a", "b", "c"])), expected);
    }

    #[test]
    fn warnings_beyond_200_are_summed_by_code() {
        let mut counts = CellWarnings::default();
        for place in 0..103 {
            counts.add(WarningCode::OtherKind, place);
            counts.add(WarningCode::NumberAsText, place);
        }
        let keys: Vec<String> = (0..103).map(|n| format!("c{n}")).collect();
        let warnings = counts.warnings(&keys);
        assert_eq!(warnings.len(), 202);
        assert_eq!(warnings[199].column.as_deref(), Some("c99"));
        let sums = warnings[200..]
            .iter()
            .map(|w| (w.code, w.column.clone(), w.count));
        let expected = [
            (WarningCode::NumberAsText, None, 3),
            (WarningCode::OtherKind, None, 3),
        ];
        assert_eq!(sums.collect::<Vec<_>>(), expected);
    }
}
