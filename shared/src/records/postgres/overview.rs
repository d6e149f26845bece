//! What a database says of a table, for the first draft of an entry.

use std::collections::BTreeMap;

use tokio_postgres::Client;
use tokio_postgres::types::{ToSql, Type};

use super::indexes::indexes;
use super::table::describe as describe_table;
use super::{ConnectionError, Postgres, connect};
use crate::records::RecordsError;
use crate::records::sql::{
    CONNECT, ColumnOverview, Connector, SqlType, SqlValues, TableOverview, in_time, sampling,
    unnamed,
};

/// The columns of the table `$1` in order: name, type, comment, and the words of its enum.
const DETAILS: &str = "\
    SELECT a.attname::text, pg_catalog.format_type(a.atttypid, a.atttypmod), \
      pg_catalog.col_description(a.attrelid, a.attnum) \
    FROM pg_catalog.pg_attribute a \
    WHERE a.attrelid = pg_catalog.to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped \
    ORDER BY a.attnum";

/// The columns of the table `$1` that alone refer to another table, and that table.
const REFERENCES: &str = "\
    SELECT a.attname::text, c.confrelid::pg_catalog.regclass::text \
    FROM pg_catalog.pg_constraint c JOIN pg_catalog.pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1] \
    WHERE c.contype = 'f' AND c.conrelid = pg_catalog.to_regclass($1) AND pg_catalog.array_length(c.conkey, 1) = 1";

/// The name of describing a table, for errors.
const DESCRIBE: &str = "Describe";

/// Describes a table; `None` if there is none of this name.
///
/// # Errors
/// When the database cannot be reached, or refuses to show the table.
pub(in crate::records) async fn overview(
    connector: &Connector,
    table: &str,
) -> Result<Option<TableOverview>, RecordsError> {
    let spec = unnamed(connector, table);
    let failed = |error: ConnectionError| error.into_records_error(CONNECT, &spec);
    let connection = connect(connector).await.map_err(failed)?;
    let described = in_time(describe(connection.client(), table)).await;
    connection.close().await;
    described.map_err(|error| error.into_records_error(DESCRIBE, &spec))
}

/// The tables and views that are not the server's own, by their names with schemas.
const TABLES: &str = "\
    SELECT n.nspname || '.' || c.relname \
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' \
    ORDER BY 1 LIMIT 1000";

/// The names of up to 1,000 tables.
///
/// # Errors
/// As [`overview`].
pub(in crate::records) async fn tables(connector: &Connector) -> Result<Vec<String>, RecordsError> {
    let spec = unnamed(connector, "");
    let failed = |error: ConnectionError| error.into_records_error(CONNECT, &spec);
    let connection = connect(connector).await.map_err(failed)?;
    let rows = in_time(connection.client().query_typed(TABLES, &[])).await;
    connection.close().await;
    let rows = rows.map_err(failed)?;
    let names = rows
        .iter()
        .map(|row| row.try_get(0))
        .collect::<Result<_, _>>();
    names.map_err(|error| failed(error.into()))
}

async fn describe(client: &Client, name: &str) -> Result<Option<TableOverview>, ConnectionError> {
    let Some(described) = describe_table(client, name).await? else {
        return Ok(None);
    };
    let table = described.table;
    let name_of_table: [(&(dyn ToSql + Sync), Type); 1] = [(&table.name, Type::TEXT)];
    let mut columns = Vec::new();
    for row in client.query_typed(DETAILS, &name_of_table).await? {
        let name: String = row.try_get(0)?;
        let column = table.column(&name).ok();
        columns.push(ColumnOverview {
            values: column.map_or(SqlValues::Others, |column| column.sql_type.values()),
            is_nullable: column.is_none_or(|column| column.is_nullable),
            name,
            type_name: row.try_get(1)?,
            comment: row.try_get(2)?,
            samples: Vec::new(),
        });
    }
    let sampled = sample(client, &table.name, &mut columns).await?;
    let mut references = BTreeMap::new();
    for row in client.query_typed(REFERENCES, &name_of_table).await? {
        references.insert(row.try_get(0)?, row.try_get(1)?);
    }
    let found = indexes(client, name).await?;
    Ok(Some(TableOverview {
        columns,
        unique: found.unique(),
        indexes: found.all(),
        references,
        has_row_security: described.has_row_security,
        is_unprovable: table.is_unprovable,
        sampled,
    }))
}

/// Reads the values of some rows. Returns how many.
async fn sample(
    client: &Client,
    quoted: &str,
    columns: &mut [ColumnOverview],
) -> Result<usize, ConnectionError> {
    let Some((mut shown, statement)) = sampling::<Postgres>(quoted, columns) else {
        return Ok(0);
    };
    let rows = client.query_typed(&statement, &[]).await?;
    for row in &rows {
        for (place, column) in shown.iter_mut().enumerate() {
            column.samples.push(row.try_get(place)?);
        }
    }
    Ok(rows.len())
}
