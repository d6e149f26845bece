//! What a database says of a table, for the first draft of an entry.

use std::collections::BTreeMap;

use super::column_type::ColumnType;
use super::connection::Connection;
use super::indexes::indexes;
use super::table::{Described, describe as describe_table, is_table};
use super::{ConnectionError, Mysql, connect};
use crate::records::RecordsError;
use crate::records::sql::{
    CONNECT, ColumnOverview, Connector, SqlType, SqlValues, TableColumn, TableOverview, sampling,
    unnamed,
};

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
    let mut connection = connect(connector).await.map_err(failed)?;
    let described = describe(&mut connection, table).await;
    connection.close().await;
    described.map_err(failed)
}

/// The names of up to 1,000 tables and views.
///
/// # Errors
/// As [`overview`].
pub(in crate::records) async fn tables(connector: &Connector) -> Result<Vec<String>, RecordsError> {
    const TABLES: &str = "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() ORDER BY 1 LIMIT 1000";
    let spec = unnamed(connector, "");
    let failed = |error: ConnectionError| error.into_records_error(CONNECT, &spec);
    let mut connection = connect(connector).await.map_err(failed)?;
    let mut names = Vec::new();
    let read = connection.select(TABLES, |mut row| {
        names.extend(row.text()?);
        Ok(false)
    });
    let read = read.await;
    connection.close().await;
    read.map_err(failed)?;
    Ok(names)
}

async fn describe(
    connection: &mut Connection,
    name: &str,
) -> Result<Option<TableOverview>, ConnectionError> {
    let Some(described) = describe_table(connection, name).await? else {
        return Ok(None);
    };
    let Described { table, comments } = described;
    let columns = table.columns.iter().map(|column| ColumnOverview {
        name: column.name.clone(),
        type_name: column.type_name.clone(),
        values: values(column),
        is_nullable: column.is_nullable,
        comment: comments
            .get(&column.name)
            .filter(|comment| !comment.is_empty())
            .cloned(),
        samples: Vec::new(),
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
fn values(column: &TableColumn<ColumnType>) -> SqlValues {
    match column.type_name.starts_with("tinyint(1)") {
        true => SqlValues::Booleans,
        false => column.sql_type.values(),
    }
}

/// Reads the values of some rows. Returns how many.
async fn sample(
    connection: &mut Connection,
    quoted: &str,
    columns: &mut [ColumnOverview],
) -> Result<usize, ConnectionError> {
    let Some((mut shown, statement)) = sampling::<Mysql>(quoted, columns) else {
        return Ok(0);
    };
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
