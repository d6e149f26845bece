//! The indexes of a table, as PostgreSQL describes them.

use tokio_postgres::Client;
use tokio_postgres::types::Type;

use super::{ConnectionError, Postgres};
use crate::records::sql::{Dialect, IndexColumn, Indexes};

/// The columns of each index of the table `$1`, without those that are only included.
const INDEXES: &str = "\
    SELECT i.indexrelid::text, a.attname::text, (i.indoption[k.n - 1] & 1) = 1, i.indisunique AND i.indimmediate, i.indisprimary \
    FROM pg_catalog.pg_index i \
      CROSS JOIN LATERAL pg_catalog.unnest(i.indkey::int2[]) WITH ORDINALITY k(number, n) \
      JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number \
    WHERE i.indrelid = pg_catalog.to_regclass($1) AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL \
      AND k.n <= i.indnkeyatts \
    ORDER BY i.indexrelid, k.n";

/// The indexes of this table.
pub(super) async fn indexes(client: &Client, table: &str) -> Result<Indexes, ConnectionError> {
    let name = Postgres::qualified(table);
    let rows = client.query_typed(INDEXES, &[(&name, Type::TEXT)]).await?;
    let columns = rows.iter().map(|row| {
        Ok(IndexColumn {
            index: row.try_get(0)?,
            column: row.try_get(1)?,
            is_descending: row.try_get(2)?,
            is_unique: row.try_get(3)?,
            is_primary: row.try_get(4)?,
        })
    });
    let columns = columns.collect::<Result<Vec<_>, tokio_postgres::Error>>()?;
    Ok(Indexes::new(columns))
}
