//! A table as the database describes it.

use std::collections::HashMap;

use super::column_type::ColumnType;
use super::connection::{Connection, Version};
use super::dialect::bytes;
use super::{ConnectionError, Mysql};
use crate::records::sql::{self, Dialect};

/// A table or view.
pub(super) type Table = sql::Table<ColumnType>;

/// A table, and what is only for people.
#[derive(Debug)]
pub(super) struct Described {
    pub(super) table: Table,
    /// The comment on each column; empty for none.
    pub(super) comments: HashMap<String, String>,
}

/// The table with this name, such as `orders` or `shop.orders`; `None` if it does not exist.
pub(super) async fn describe(
    connection: &mut Connection,
    name: &str,
) -> Result<Option<Described>, ConnectionError> {
    let (mut columns, mut comments, mut is_view) = (Vec::new(), HashMap::new(), false);
    let documents = documents(connection, name).await?;
    let statement = format!(
        "SELECT c.COLUMN_NAME, c.DATA_TYPE, c.COLUMN_TYPE, c.IS_NULLABLE, c.COLUMN_COMMENT, t.TABLE_TYPE \
         FROM information_schema.COLUMNS c JOIN information_schema.TABLES t \
           ON t.TABLE_SCHEMA = c.TABLE_SCHEMA AND t.TABLE_NAME = c.TABLE_NAME \
         WHERE {} ORDER BY c.ORDINAL_POSITION",
        is_table("c", name)
    );
    let described = connection.select(&statement, |mut row| {
        let mut next = || row.text().map(Option::unwrap_or_default);
        let (name, data_type, type_name) = (next()?, next()?, next()?);
        let sql_type = match documents.contains(&name) {
            true => ColumnType::Json,
            false => ColumnType::parse(&data_type, &type_name),
        };
        columns.push(sql::TableColumn {
            name: name.clone(),
            sql_type,
            type_name,
            is_nullable: next()? == "YES",
        });
        comments.insert(name, next()?);
        is_view |= next()?.ends_with("VIEW");
        Ok(false)
    });
    described.await?;
    let table = Table {
        name: Mysql::qualified(name),
        columns,
        is_unprovable: is_view,
    };
    Ok((!table.columns.is_empty()).then_some(Described { table, comments }))
}

/// The condition that a row of a view of `information_schema` is about a table. Names are compared as the server does it.
pub(super) fn is_table(view: &str, name: &str) -> String {
    let (schema, table) = match name.split_once('.') {
        Some((schema, table)) => (Mysql::literal(schema), table),
        None => ("DATABASE()".to_owned(), name),
    };
    let table = table.as_bytes();
    format!(
        "{view}.TABLE_SCHEMA = {schema} AND {view}.TABLE_NAME = {} \
         AND (@@lower_case_table_names > 0 OR CAST({view}.TABLE_NAME AS BINARY) = {})",
        Mysql::literal(&String::from_utf8_lossy(table)),
        bytes(table)
    )
}

/// The columns of a table in MariaDB that have JSON: it has no such type, and checks texts.
async fn documents(
    connection: &mut Connection,
    name: &str,
) -> Result<Vec<String>, ConnectionError> {
    let mut documents = Vec::new();
    let Version::Mariadb(..) = connection.version else {
        return Ok(documents);
    };
    let (schema, table) = match name.split_once('.') {
        Some((schema, table)) => (Mysql::literal(schema), table),
        None => ("DATABASE()".to_owned(), name),
    };
    let statement = format!(
        "SELECT CHECK_CLAUSE FROM information_schema.CHECK_CONSTRAINTS \
         WHERE CONSTRAINT_SCHEMA = {schema} AND TABLE_NAME = {} AND CHECK_CLAUSE LIKE 'json_valid(%)'",
        Mysql::literal(table)
    );
    let described = connection.select(&statement, |mut row| {
        let clause = row.text()?.unwrap_or_default();
        let column = clause
            .strip_prefix("json_valid(`")
            .and_then(|rest| rest.strip_suffix("`)"));
        documents.extend(column.map(|name| name.replace("``", "`")));
        Ok(false)
    });
    described.await?;
    Ok(documents)
}
