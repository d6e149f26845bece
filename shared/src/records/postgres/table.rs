//! A table's columns as the database describes them, and how each is selected.

use std::collections::HashMap;

use tokio_postgres::Client;
use tokio_postgres::types::{Kind as TypeKind, Type};

use super::ConnectionError;
use super::decode::Decoder;
use super::quoting;
use crate::catalog::{Column, Constant, ExportType, FixedCondition, Path, StoredForm};
use crate::records::sql::{ColumnError, SqlValues};
use crate::value::Kind;

/// A table or view.
#[derive(Debug)]
pub(super) struct Table {
    /// The quoted name.
    pub(super) name: String,
    columns: HashMap<String, TableColumn>,
    /// Whether no index can prove that keys are unique: of a view, a foreign table, or a table with others that inherit from
    /// it.
    pub(super) is_unprovable: bool,
    /// Whether row-level security hides rows from the role.
    pub(super) has_row_security: bool,
    /// Whether the database has no encoding (`SQL_ASCII`), so that its texts may be any bytes.
    pub(super) has_any_bytes: bool,
}

/// A column. Of a domain, the type is the one that the domain is made from, as which PostgreSQL sends its values.
#[derive(Debug, Clone)]
pub(super) struct TableColumn {
    pub(super) sql_type: Type,
    pub(super) is_nullable: bool,
    pub(super) type_name: String,
    category: Category,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Category {
    /// A type of one value.
    Scalar,
    Enum,
    /// An array, a composite or a range.
    Structured,
}

/// The types that can hold a parent's id.
const OF_PARENTS: &str = "integer, uuid and text";
/// The types that can be in a key.
const OF_KEYS: &str = "integers, numeric, text, uuid, enums, dates and timestamps";

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

impl Table {
    /// The table with this name, such as `public.orders`; `None` if it does not exist.
    pub(super) async fn describe(
        client: &Client,
        name: &str,
    ) -> Result<Option<Self>, ConnectionError> {
        let name = quoting::qualified(name);
        let rows = client.query_typed(COLUMNS, &[(&name, Type::TEXT)]).await?;
        let (mut has_row_security, mut is_unprovable, mut has_any_bytes) = (false, false, false);
        let mut columns = HashMap::with_capacity(rows.len());
        for row in rows {
            has_row_security |= row.try_get::<_, bool>(6)?;
            is_unprovable |= row.try_get::<_, bool>(7)?;
            has_any_bytes |= row.try_get::<_, bool>(8)?;
            let (oid, type_name): (u32, String) = (row.try_get(2)?, row.try_get(5)?);
            let (kind, category): (&str, &str) = (row.try_get(3)?, row.try_get(4)?);
            let category = match (kind, category) {
                ("e", _) => Category::Enum,
                ("c" | "r" | "m", _) | (_, "A") => Category::Structured,
                _ => Category::Scalar,
            };
            let simple = || Type::new(type_name.clone(), oid, TypeKind::Simple, String::new());
            let column = TableColumn {
                sql_type: Type::from_oid(oid).unwrap_or_else(simple),
                is_nullable: !row.try_get::<_, bool>(1)?,
                type_name: type_name.clone(),
                category,
            };
            columns.insert(row.try_get(0)?, column);
        }
        let table = Self {
            name,
            columns,
            is_unprovable,
            has_row_security,
            has_any_bytes,
        };
        Ok((!table.columns.is_empty()).then_some(table))
    }

    /// The column with this name.
    pub(super) fn column(&self, name: &str) -> Result<&TableColumn, ColumnError> {
        self.columns
            .get(name)
            .ok_or_else(|| ColumnError::Missing(name.to_owned()))
    }

    /// The column with the parent's id.
    pub(super) fn parent_column(&self, name: &str) -> Result<&TableColumn, ColumnError> {
        let column = self.column(name)?;
        match column.sql_type {
            Type::INT2
            | Type::INT4
            | Type::INT8
            | Type::UUID
            | Type::TEXT
            | Type::VARCHAR
            | Type::BPCHAR => Ok(column),
            _ => {
                let type_name = column.type_name.clone();
                Err(ColumnError::NoParent(
                    name.to_owned(),
                    type_name,
                    OF_PARENTS,
                ))
            }
        }
    }

    /// Checks that the column of the time of creation can have times.
    ///
    /// # Errors
    /// [`ColumnError::NoTime`].
    pub(super) fn created(&self, export_type: &ExportType) -> Result<(), ColumnError> {
        let Some(path) = &export_type.created else {
            return Ok(());
        };
        let column = self.column(path.root())?;
        let is_number = column.is_exact_number() || column.is_float();
        let may_be_time = match export_type.created_stored() {
            Some(_) => !matches!(
                column.sql_type,
                Type::BOOL | Type::UUID | Type::TIMESTAMP | Type::TIMESTAMPTZ
            ),
            None => !is_number && !matches!(column.sql_type, Type::BOOL | Type::UUID | Type::DATE),
        };
        match may_be_time || path.names().len() > 1 {
            true => Ok(()),
            false => Err(ColumnError::NoTime(
                path.to_string(),
                column.type_name.clone(),
            )),
        }
    }

    /// A column of the key, whose values must be told apart and ordered exactly.
    pub(super) fn key_column(&self, name: &str) -> Result<&TableColumn, ColumnError> {
        let column = self.column(name)?;
        // The columns of a view are never declared as not null. Its rows are looked at instead.
        if !column.may_be_key() {
            return Err(ColumnError::NoKey(
                name.to_owned(),
                column.type_name.clone(),
                OF_KEYS,
            ));
        }
        if column.is_nullable && !self.is_unprovable {
            return Err(ColumnError::NullableKey(name.to_owned()));
        }
        Ok(column)
    }

    /// What rows meet a condition of the type, in SQL. Constants are escaped literals, since a partial index is used only for
    /// those.
    pub(super) fn is_fixed(
        &self,
        name: &str,
        condition: &FixedCondition,
    ) -> Result<String, ColumnError> {
        let column = self.column(name)?;
        let quoted = quoting::identifier(name);
        let literals = condition.constants().iter().map(|constant| {
            column.literal(constant).ok_or_else(|| {
                let (name, type_name) = (name.to_owned(), column.type_name.clone());
                ColumnError::NoConstant(name, type_name, constant.to_string())
            })
        });
        let literals = literals.collect::<Result<Vec<_>, _>>()?.join(", ");
        Ok(match condition {
            FixedCondition::Is(Constant::Boolean(_)) => format!("{quoted} IS {literals}"),
            FixedCondition::Is(_) => format!("{quoted} = {literals}"),
            FixedCondition::OneOf { .. } => format!("{quoted} IN ({literals})"),
            // No other text is equal, as some are without regard to case for a collation, or in a citext.
            FixedCondition::Not { .. } if column.values() == SqlValues::Texts => {
                format!("({quoted} IS NULL OR {quoted}::text COLLATE \"C\" NOT IN ({literals}))")
            }
            FixedCondition::Not { .. } => {
                format!("({quoted} IS NULL OR {quoted} NOT IN ({literals}))")
            }
            FixedCondition::Absent { absent: true } => format!("{quoted} IS NULL"),
            FixedCondition::Absent { absent: false } => format!("{quoted} IS NOT NULL"),
        })
    }

    /// The expression that selects the value at a path, which is stored in this form, and how it is decoded.
    pub(super) fn expression(
        &self,
        path: &Path,
        form: Option<&StoredForm>,
    ) -> Result<(String, Decoder), ColumnError> {
        let (name, inside) = (path.root(), &path.names()[1..]);
        let column = self.column(name)?;
        let quoted = quoting::identifier(name);
        let json = match column.sql_type {
            Type::JSON => Some(Decoder::Json),
            Type::JSONB => Some(Decoder::Jsonb),
            _ => None,
        };
        match (json, inside) {
            (_, []) => column.expression(name, quoted, form),
            (Some(decoder), inside) => {
                let keys: Vec<String> = inside.iter().map(|name| quoting::literal(name)).collect();
                Ok((format!("{quoted} #> ARRAY[{}]", keys.join(", ")), decoder))
            }
            (None, _) => {
                let type_name = column.type_name.clone();
                Err(ColumnError::NoPaths(
                    name.to_owned(),
                    type_name,
                    path.clone(),
                ))
            }
        }
    }
}

impl TableColumn {
    /// The literal of a constant of the catalog; `None` where the column never has it.
    fn literal(&self, constant: &Constant) -> Option<String> {
        let is_number = self.is_exact_number() || self.is_float();
        let is_boolean = self.sql_type == Type::BOOL;
        match constant {
            // Texts stand for values of most types, such as citext and date.
            Constant::Text(text) if !is_number && !is_boolean => Some(quoting::literal(text)),
            Constant::Integer(number) if is_number => Some(number.to_string()),
            Constant::Boolean(true) if is_boolean => Some("TRUE".to_owned()),
            Constant::Boolean(false) if is_boolean => Some("FALSE".to_owned()),
            _ => None,
        }
    }

    /// What the type's values are.
    pub(super) fn values(&self) -> SqlValues {
        match self.sql_type {
            Type::INT2 | Type::INT4 | Type::INT8 => SqlValues::Integers,
            Type::NUMERIC | Type::FLOAT4 | Type::FLOAT8 | Type::MONEY => SqlValues::Numbers,
            Type::BOOL => SqlValues::Booleans,
            Type::DATE => SqlValues::Dates,
            Type::TIMESTAMP | Type::TIMESTAMPTZ => SqlValues::Times,
            Type::UUID => SqlValues::Uuids,
            Type::BYTEA => SqlValues::Bytes,
            Type::TEXT | Type::VARCHAR | Type::BPCHAR => SqlValues::Texts,
            _ if self.category == Category::Enum || self.type_name == "citext" => SqlValues::Texts,
            _ => SqlValues::Others,
        }
    }

    fn is_float(&self) -> bool {
        matches!(self.sql_type, Type::FLOAT4 | Type::FLOAT8)
    }

    /// Whether the type can have values of a column's kind. Texts can be written as any.
    pub(super) fn may_be(&self, column: &Column) -> bool {
        let is_number = self.is_exact_number() || self.is_float() || self.sql_type == Type::MONEY;
        let is_time = matches!(self.sql_type, Type::TIMESTAMP | Type::TIMESTAMPTZ);
        match column.kind {
            Kind::Text | Kind::Email | Kind::Phone => true,
            Kind::Integer | Kind::Decimal => {
                !is_time && !matches!(self.sql_type, Type::BOOL | Type::UUID | Type::DATE)
            }
            Kind::Boolean => {
                !is_number && !is_time && !matches!(self.sql_type, Type::UUID | Type::DATE)
            }
            Kind::Date => {
                !is_number && !is_time && !matches!(self.sql_type, Type::BOOL | Type::UUID)
            }
            Kind::Timestamp if column.stored.is_some() => is_number || self.is_text(),
            Kind::Timestamp => !is_number && !matches!(self.sql_type, Type::BOOL | Type::UUID),
        }
    }

    fn may_be_key(&self) -> bool {
        self.category == Category::Enum
            || matches!(
                self.sql_type,
                Type::INT2
                    | Type::INT4
                    | Type::INT8
                    | Type::NUMERIC
                    | Type::TEXT
                    | Type::VARCHAR
                    | Type::UUID
                    | Type::DATE
                    | Type::TIMESTAMP
                    | Type::TIMESTAMPTZ
            )
    }

    /// Whether the type is a text whose comparison with `=` finds at least the equal texts.
    pub(super) fn is_text(&self) -> bool {
        matches!(self.sql_type, Type::TEXT | Type::VARCHAR)
    }

    /// Whether the type is an integer, or a number with exact digits.
    pub(super) fn is_exact_number(&self) -> bool {
        self.is_integer() || self.sql_type == Type::NUMERIC
    }

    /// Whether the type is an integer.
    pub(super) fn is_integer(&self) -> bool {
        matches!(self.sql_type, Type::INT2 | Type::INT4 | Type::INT8)
    }

    /// How the column's own binary value is decoded; `None` for types that are sent as text or JSON instead.
    pub(super) fn decoder(&self) -> Option<Decoder> {
        Some(match self.sql_type {
            Type::BOOL => Decoder::Bool,
            Type::INT2 => Decoder::Int2,
            Type::INT4 => Decoder::Int4,
            Type::INT8 => Decoder::Int8,
            Type::FLOAT4 => Decoder::Float4,
            Type::FLOAT8 => Decoder::Float8,
            Type::NUMERIC => Decoder::Numeric,
            Type::TEXT | Type::VARCHAR | Type::NAME => Decoder::Text,
            Type::BPCHAR => Decoder::PaddedText,
            Type::JSON => Decoder::Json,
            Type::JSONB => Decoder::Jsonb,
            Type::UUID => Decoder::Uuid,
            Type::DATE => Decoder::Date,
            Type::TIMESTAMP => Decoder::Timestamp,
            Type::TIMESTAMPTZ => Decoder::TimestampTz,
            _ => return None,
        })
    }

    fn expression(
        &self,
        name: &str,
        quoted: String,
        form: Option<&StoredForm>,
    ) -> Result<(String, Decoder), ColumnError> {
        match (self.decoder(), form) {
            (Some(Decoder::Timestamp), Some(StoredForm::LocalTime(_))) => {
                let type_name = self.type_name.clone();
                return Err(ColumnError::OwnZone(name.to_owned(), type_name));
            }
            (Some(decoder), _) => return Ok((quoted, decoder)),
            (None, _) => {}
        }
        let is_shown = matches!(form, Some(StoredForm::Base64 | StoredForm::Uuid));
        Ok(match (self.category, &self.sql_type) {
            (_, &Type::BYTEA) if is_shown => (quoted, Decoder::Bytes),
            (_, &Type::BYTEA) => {
                let type_name = self.type_name.clone();
                return Err(ColumnError::Bytes(name.to_owned(), type_name));
            }
            (_, &Type::MONEY) => (format!("{quoted}::numeric"), Decoder::Numeric),
            (Category::Structured, _) => (format!("pg_catalog.to_jsonb({quoted})"), Decoder::Jsonb),
            _ => (format!("{quoted}::text"), Decoder::Text),
        })
    }
}
