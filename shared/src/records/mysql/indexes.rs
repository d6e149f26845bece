//! The indexes of a table, as MySQL and MariaDB describe them.

use super::ConnectionError;
use super::connection::{Connection, Version};
use super::table::is_table;
use crate::records::sql::{IndexColumn, Indexes};

/// The indexes of this table. One of a part of its columns' texts, or of expressions, is none here; nor is one that the
/// server does not use.
pub(super) async fn indexes(
    connection: &mut Connection,
    table: &str,
) -> Result<Indexes, ConnectionError> {
    let is_used = match connection.version {
        Version::Mariadb(major, minor) if (major, minor) >= (10, 6) => "IGNORED = 'NO'",
        Version::Mysql(major, _) if major >= 8 => "IS_VISIBLE = 'YES'",
        _ => "INDEX_NAME = i.INDEX_NAME",
    };
    let statement = format!(
        "SELECT i.INDEX_NAME, i.COLUMN_NAME, i.COLLATION = 'D', i.NON_UNIQUE = 0, i.INDEX_NAME = 'PRIMARY', \
           i.SUB_PART IS NULL AND i.COLUMN_NAME IS NOT NULL AND i.INDEX_TYPE = 'BTREE' AND i.{is_used}, t.ENGINE = 'InnoDB' \
         FROM information_schema.STATISTICS i JOIN information_schema.TABLES t \
           ON t.TABLE_SCHEMA = i.TABLE_SCHEMA AND t.TABLE_NAME = i.TABLE_NAME WHERE {} ORDER BY i.INDEX_NAME, i.SEQ_IN_INDEX",
        is_table("i", table)
    );
    let (mut columns, mut unusable, mut is_innodb) = (Vec::new(), Vec::new(), false);
    let described = connection.select(&statement, |mut row| {
        let index = row.text()?.unwrap_or_default();
        let column = row.text()?.unwrap_or_default();
        let mut flag = || Ok::<_, ConnectionError>(row.text()?.as_deref() == Some("1"));
        let of_index = IndexColumn {
            index,
            column,
            is_descending: flag()?,
            is_unique: flag()?,
            is_primary: flag()?,
        };
        if !flag()? {
            unusable.push(of_index.index.clone());
        }
        is_innodb = flag()?;
        columns.push(of_index);
        Ok(false)
    });
    described.await?;
    columns.retain(|column| !unusable.contains(&column.index));
    let indexes = Indexes::new(columns);
    Ok(match is_innodb {
        true => indexes.with_primary_key(),
        false => indexes,
    })
}
