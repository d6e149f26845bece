//! The indexes of a table, and what they prove.

use crate::catalog::SqlSpec;

/// The valid indexes of a table that are on columns alone and cover all rows.
#[derive(Debug, Default)]
pub(in crate::records) struct Indexes(Vec<Index>);

#[derive(Debug)]
struct Index {
    name: String,
    /// The columns in whose order the index has its rows.
    columns: Vec<String>,
    /// How many of them the index is declared on. The others follow by themselves.
    declared: usize,
    /// Of each column, whether its values are in descending order.
    descending: Vec<bool>,
    /// Whether no two rows have the same values of these columns, also within a transaction.
    is_unique: bool,
    is_primary: bool,
}

/// A column of an index, as a database describes it.
#[derive(Debug)]
pub(in crate::records) struct IndexColumn {
    /// The index.
    pub(in crate::records) index: String,
    pub(in crate::records) column: String,
    pub(in crate::records) is_descending: bool,
    /// Whether the index is unique.
    pub(in crate::records) is_unique: bool,
    /// Whether the index is the primary key.
    pub(in crate::records) is_primary: bool,
}

impl Indexes {
    /// The indexes of these columns, which are in order, index by index.
    pub(in crate::records) fn new(columns: impl IntoIterator<Item = IndexColumn>) -> Self {
        let mut indexes: Vec<Index> = Vec::new();
        for of_index in columns {
            if indexes
                .last()
                .is_none_or(|last| last.name != of_index.index)
            {
                indexes.push(Index {
                    name: of_index.index,
                    columns: Vec::new(),
                    declared: 0,
                    descending: Vec::new(),
                    is_unique: of_index.is_unique,
                    is_primary: of_index.is_primary,
                });
            }
            if let Some(index) = indexes.last_mut() {
                index.columns.push(of_index.column);
                index.declared += 1;
                index.descending.push(of_index.is_descending);
            }
        }
        Self(indexes)
    }

    /// The same where each index ends with the columns of the primary key that are not in it, as those of InnoDB do.
    pub(in crate::records) fn with_primary_key(mut self) -> Self {
        let primary = self.0.iter().find(|index| index.is_primary);
        let primary: Vec<(String, bool)> = primary.map_or(Vec::new(), |index| {
            let columns = index.columns.iter().cloned();
            columns.zip(index.descending.iter().copied()).collect()
        });
        for index in &mut self.0 {
            for (column, is_descending) in &primary {
                if !index.columns.contains(column) {
                    index.columns.push(column.clone());
                    index.descending.push(*is_descending);
                }
            }
        }
        self
    }

    /// The columns in whose order each index has its rows.
    pub(in crate::records) fn all(&self) -> Vec<Vec<String>> {
        let columns = self.0.iter().map(|index| index.columns.clone());
        columns.collect()
    }

    /// The columns of each unique index; those of the primary key first.
    pub(in crate::records) fn unique(&self) -> Vec<Vec<String>> {
        let mut unique: Vec<&Index> = self.0.iter().filter(|index| index.is_unique).collect();
        unique.sort_by_key(|index| !index.is_primary);
        let declared = unique.iter().map(|index| &index.columns[..index.declared]);
        declared.map(<[String]>::to_vec).collect()
    }

    /// Whether a unique index proves that no two rows of a parent have the same key.
    pub(in crate::records) fn prove_keys(&self, spec: &SqlSpec) -> bool {
        let is_of_key = |column: &String| spec.key.contains(column) || *column == spec.parent;
        let mut unique = self.0.iter().filter(|index| index.is_unique);
        unique.any(|index| index.columns[..index.declared].iter().all(is_of_key))
    }

    /// The index that has a parent's rows in the order of their keys, so that each page is one short read of it.
    pub(in crate::records) fn of_order(&self, spec: &SqlSpec) -> Option<&str> {
        let wanted: Vec<&String> = std::iter::once(&spec.parent).chain(&spec.key).collect();
        let found = self.0.iter().find(|index| {
            let of_key = index.descending.get(1..wanted.len()).unwrap_or_default();
            let begins = index
                .columns
                .iter()
                .take(wanted.len())
                .eq(wanted.iter().copied());
            begins && of_key.windows(2).all(|pair| pair[0] == pair[1])
        });
        Some(&found?.name)
    }
}
