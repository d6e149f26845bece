//! A table as the database describes it.

use tokio_postgres::Client;
use tokio_postgres::types::{Kind as TypeKind, Type};

use super::column_type::{Category, ColumnType};
use super::{ConnectionError, Postgres};
use crate::records::sql::{self, Dialect};

/// A table or view, of which no index can prove that keys are unique if it is a view, a foreign table, or a table with
/// others that inherit from it.
pub(super) type Table = sql::Table<ColumnType>;

/// A table, and what only PostgreSQL has.
#[derive(Debug)]
pub(super) struct Described {
    pub(super) table: Table,
    /// Whether row-level security hides rows from the role.
    pub(super) has_row_security: bool,
    /// Whether the database has no encoding (`SQL_ASCII`), so that its texts may be any bytes.
    pub(super) has_any_bytes: bool,
}

/// Every column of the table `$1`, with a domain resolved to its base type.
const COLUMNS: &str = "\
    WITH RECURSIVE c AS (\
      SELECT a.attname, a.attnotnull, t.oid, t.typtype, t.typbasetype, t.typcategory, t.typname \
      FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid \
      WHERE a.attrelid = pg_catalog.to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped \
      UNION ALL \
      SELECT c.attname, c.attnotnull OR d.typnotnull, t.oid, t.typtype, t.typbasetype, t.typcategory, t.typname \
      FROM c JOIN pg_catalog.pg_type d ON d.oid = c.oid JOIN pg_catalog.pg_type t ON t.oid = c.typbasetype \
      WHERE c.typtype = 'd'\
    ) \
    SELECT attname::text, attnotnull, oid, typtype::text, typcategory::text, typname::text, \
      pg_catalog.row_security_active(pg_catalog.to_regclass($1)), \
      (SELECT r.relkind IN ('v', 'f') \
          OR r.relkind = 'r' AND EXISTS (SELECT FROM pg_catalog.pg_inherits h WHERE h.inhparent = r.oid) \
        FROM pg_catalog.pg_class r WHERE r.oid = pg_catalog.to_regclass($1)), \
      pg_catalog.current_setting('server_encoding') = 'SQL_ASCII' \
    FROM c WHERE typtype <> 'd'";

/// The table with this name, such as `public.orders`; `None` if it does not exist.
pub(super) async fn describe(
    client: &Client,
    name: &str,
) -> Result<Option<Described>, ConnectionError> {
    let name = Postgres::qualified(name);
    let rows = client.query_typed(COLUMNS, &[(&name, Type::TEXT)]).await?;
    let (mut has_row_security, mut is_unprovable, mut has_any_bytes) = (false, false, false);
    let mut columns = Vec::with_capacity(rows.len());
    for row in rows {
        has_row_security |= row.try_get::<_, bool>(6)?;
        is_unprovable |= row.try_get::<_, bool>(7)?;
        has_any_bytes |= row.try_get::<_, bool>(8)?;
        let (oid, type_name): (u32, String) = (row.try_get(2)?, row.try_get(5)?);
        let (kind, category): (&str, &str) = (row.try_get(3)?, row.try_get(4)?);
        let category = match (kind, category) {
            ("e", _) => Category::Enum,
            ("c" | "r" | "m", _) | (_, "A") => Category::Structured,
            _ if type_name == "citext" => Category::Citext,
            _ => Category::Scalar,
        };
        let simple = || Type::new(type_name.clone(), oid, TypeKind::Simple, String::new());
        columns.push(sql::TableColumn {
            name: row.try_get(0)?,
            sql_type: ColumnType {
                base: Type::from_oid(oid).unwrap_or_else(simple),
                category,
            },
            type_name: type_name.clone(),
            is_nullable: !row.try_get::<_, bool>(1)?,
        });
    }
    let table = Table {
        name,
        columns,
        is_unprovable,
    };
    Ok((!table.columns.is_empty()).then_some(Described {
        table,
        has_row_security,
        has_any_bytes,
    }))
}
