//! What a database says of a table, for the first draft of an entry.

use std::collections::BTreeMap;

use super::connection::Connection;
use super::indexes::indexes;
use super::quoting;
use super::table::{Table, TableColumn, is_table};
use super::{ConnectionError, connect};
use crate::records::RecordsError;
use crate::records::sql::{
    CONNECT, ColumnOverview, Connector, SAMPLED_ROWS, SqlValues, TableOverview, unnamed,
};

/// Describes a table; `None` if there is none of this name.
///
/// # Errors
/// When the database cannot be reached, or refuses to show the table.
pub(in crate::records) async fn overview(
    connector: &Connector,
    table: &str,
) -> Result<Option<TableOverview>, RecordsError> {
    let spec = unnamed(table);
    let failed = |error: ConnectionError| error.into_records_error(CONNECT, &spec);
    let mut connection = connect(connector).await.map_err(failed)?;
    let described = describe(&mut connection, table).await;
    connection.close().await;
    described.map_err(failed)
}

async fn describe(
    connection: &mut Connection,
    name: &str,
) -> Result<Option<TableOverview>, ConnectionError> {
    let Some(table) = Table::describe(connection, name).await? else {
        return Ok(None);
    };
    let columns = table.names.iter().map(|name| {
        let column = table.column(name).ok();
        ColumnOverview {
            name: name.clone(),
            type_name: column.map_or(String::new(), |column| column.type_name.clone()),
            values: column.map_or(SqlValues::Others, values),
            is_nullable: column.is_none_or(|column| column.is_nullable),
            comment: column
                .map(|column| column.comment.clone())
                .filter(|comment| !comment.is_empty()),
            samples: Vec::new(),
        }
    });
    let mut columns: Vec<ColumnOverview> = columns.collect();
    let sampled = sample(connection, &table.name, &mut columns).await?;
    let mut references = BTreeMap::new();
    let statement = format!(
        "SELECT k.COLUMN_NAME, k.REFERENCED_TABLE_NAME FROM information_schema.KEY_COLUMN_USAGE k \
         WHERE {} AND k.REFERENCED_TABLE_NAME IS NOT NULL",
        is_table("k", name)
    );
    let described = connection.select(&statement, |mut row| {
        let (column, referenced) = (row.text()?, row.text()?);
        references.extend(column.zip(referenced));
        Ok(false)
    });
    described.await?;
    let found = indexes(connection, name).await?;
    Ok(Some(TableOverview {
        columns,
        unique: found.unique(),
        indexes: found.all(),
        references,
        has_row_security: false,
        is_unprovable: table.is_unprovable,
        sampled,
    }))
}

/// What the values of a column are. A `boolean` is a `tinyint(1)`.
fn values(column: &TableColumn) -> SqlValues {
    match column.type_name.starts_with("tinyint(1)") {
        true => SqlValues::Booleans,
        false => column.column_type.values(),
    }
}

/// Reads the values of some rows. Returns how many.
async fn sample(
    connection: &mut Connection,
    quoted: &str,
    columns: &mut [ColumnOverview],
) -> Result<usize, ConnectionError> {
    let is_shown = |column: &&mut ColumnOverview| column.values != SqlValues::Bytes;
    let mut shown: Vec<&mut ColumnOverview> = columns.iter_mut().filter(is_shown).collect();
    if shown.is_empty() {
        return Ok(0);
    }
    // A long text, such as a document, is no word of a list and no address.
    let texts = shown.iter().map(|column| {
        let name = quoting::identifier(&column.name);
        format!("LEFT(CONVERT({name} USING utf8mb4), 200)")
    });
    let texts: Vec<String> = texts.collect();
    let statement = format!(
        "SELECT {} FROM {quoted} LIMIT {SAMPLED_ROWS}",
        texts.join(", ")
    );
    let mut sampled = 0;
    let read = connection.select(&statement, |mut row| {
        for column in &mut shown {
            column.samples.push(row.text()?);
        }
        sampled += 1;
        Ok(false)
    });
    read.await?;
    Ok(sampled)
}
