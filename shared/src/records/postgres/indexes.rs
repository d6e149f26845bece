//! The indexes of a table, as the database describes them.

use tokio_postgres::Client;
use tokio_postgres::types::Type;

use super::error::ConnectionError;
use super::sql;
use crate::catalog::SqlSpec;

/// The valid indexes of a table that are on columns alone and cover all rows.
#[derive(Debug)]
pub(super) struct Indexes(Vec<Index>);

#[derive(Debug)]
struct Index {
    columns: Vec<String>,
    /// Of each column, whether its values are in descending order.
    descending: Vec<bool>,
    /// Whether no two rows have the same values of these columns, also within a transaction.
    is_unique: bool,
    is_primary: bool,
}

/// The columns of each index of the table `$1`, without those that are only included.
const INDEXES: &str = "\
    SELECT i.indexrelid, a.attname::text, (i.indoption[k.n - 1] & 1) = 1, i.indisunique AND i.indimmediate, i.indisprimary \
    FROM pg_catalog.pg_index i \
      CROSS JOIN LATERAL pg_catalog.unnest(i.indkey::int2[]) WITH ORDINALITY k(number, n) \
      JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number \
    WHERE i.indrelid = pg_catalog.to_regclass($1) AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL \
      AND k.n <= i.indnkeyatts \
    ORDER BY i.indexrelid, k.n";

impl Indexes {
    /// The indexes of this table.
    pub(super) async fn describe(client: &Client, table: &str) -> Result<Self, ConnectionError> {
        let name = sql::qualified(table);
        let rows = client.query_typed(INDEXES, &[(&name, Type::TEXT)]).await?;
        let mut indexes: Vec<(u32, Index)> = Vec::new();
        for row in rows {
            let id = row.try_get(0)?;
            if indexes.last().is_none_or(|(last, _)| *last != id) {
                let index = Index {
                    columns: Vec::new(),
                    descending: Vec::new(),
                    is_unique: row.try_get(3)?,
                    is_primary: row.try_get(4)?,
                };
                indexes.push((id, index));
            }
            if let Some((_, index)) = indexes.last_mut() {
                index.columns.push(row.try_get(1)?);
                index.descending.push(row.try_get(2)?);
            }
        }
        Ok(Self(indexes.into_iter().map(|(_, index)| index).collect()))
    }

    /// The columns of each index.
    pub(super) fn all(&self) -> Vec<Vec<String>> {
        let columns = self.0.iter().map(|index| index.columns.clone());
        columns.collect()
    }

    /// The columns of each unique index; those of the primary key first.
    pub(super) fn unique(&self) -> Vec<Vec<String>> {
        let mut unique: Vec<&Index> = self.0.iter().filter(|index| index.is_unique).collect();
        unique.sort_by_key(|index| !index.is_primary);
        unique.iter().map(|index| index.columns.clone()).collect()
    }

    /// Whether a unique index proves that no two rows of a parent have the same key.
    pub(super) fn prove_keys(&self, spec: &SqlSpec) -> bool {
        let is_of_key = |column: &String| spec.key.contains(column) || *column == spec.parent;
        let mut unique = self.0.iter().filter(|index| index.is_unique);
        unique.any(|index| index.columns.iter().all(is_of_key))
    }

    /// Whether an index has a parent's rows in the order of their keys, so that each page is one short read of it.
    pub(super) fn order_keys(&self, spec: &SqlSpec) -> bool {
        let wanted: Vec<&String> = std::iter::once(&spec.parent).chain(&spec.key).collect();
        self.0.iter().any(|index| {
            let of_key = index.descending.get(1..wanted.len()).unwrap_or_default();
            let begins = index
                .columns
                .iter()
                .take(wanted.len())
                .eq(wanted.iter().copied());
            begins && of_key.windows(2).all(|pair| pair[0] == pair[1])
        })
    }
}
