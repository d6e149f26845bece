//! A table's columns as the database describes them, and how each is selected.

use std::collections::HashMap;

use super::connection::{Connection, Version};
use super::decode::Decoder;
use super::quoting;
use super::{ConnectionError, column_type::ColumnType};
use crate::catalog::{ExportType, FixedCondition, Path, StoredForm};
use crate::records::sql::{ColumnError, SqlValues};

/// The types that can hold a parent's id.
const OF_PARENTS: &str = "integers, char, varchar, uuid and binary(16)";
/// The types that can be in a key.
const OF_KEYS: &str =
    "integers, decimal, char, varchar, uuid, binary, dates and times of day and date";

/// A table or view.
#[derive(Debug)]
pub(super) struct Table {
    /// The quoted name.
    pub(super) name: String,
    columns: HashMap<String, TableColumn>,
    /// The names of the columns, in the table's order.
    pub(super) names: Vec<String>,
    /// Whether no index can prove that keys are unique: of a view.
    pub(super) is_unprovable: bool,
}

/// A column.
#[derive(Debug, Clone)]
pub(super) struct TableColumn {
    pub(super) column_type: ColumnType,
    /// The type, as the database writes it: `varchar(40)`.
    pub(super) type_name: String,
    pub(super) is_nullable: bool,
    pub(super) comment: String,
}

impl Table {
    /// The table with this name, such as `orders` or `shop.orders`; `None` if it does not exist.
    pub(super) async fn describe(
        connection: &mut Connection,
        name: &str,
    ) -> Result<Option<Self>, ConnectionError> {
        let (mut names, mut columns, mut is_view) = (Vec::new(), HashMap::new(), false);
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
            let column_type = match documents.contains(&name) {
                true => ColumnType::Json,
                false => ColumnType::parse(&data_type, &type_name),
            };
            let column = TableColumn {
                column_type,
                type_name,
                is_nullable: next()? == "YES",
                comment: next()?,
            };
            is_view |= next()?.ends_with("VIEW");
            names.push(name.clone());
            columns.insert(name, column);
            Ok(false)
        });
        described.await?;
        let table = Self {
            name: quoting::qualified(name),
            columns,
            names,
            is_unprovable: is_view,
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
        match column.column_type {
            ColumnType::Integer { .. }
            | ColumnType::Text
            | ColumnType::Uuid
            | ColumnType::Binary(16) => Ok(column),
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
        let may_be_time = path.names().len() > 1
            || match export_type.created_stored() {
                Some(_) => column.column_type.is_number() || column.column_type == ColumnType::Text,
                None => matches!(
                    column.column_type,
                    ColumnType::Datetime | ColumnType::Timestamp | ColumnType::Text
                ),
            };
        match may_be_time {
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
        if !column.column_type.may_be_key() {
            let type_name = column.type_name.clone();
            return Err(ColumnError::NoKey(name.to_owned(), type_name, OF_KEYS));
        }
        // Rows of a view are looked at instead.
        if column.is_nullable && !self.is_unprovable {
            return Err(ColumnError::NullableKey(name.to_owned()));
        }
        Ok(column)
    }

    /// What rows meet a condition of the type, in SQL.
    pub(super) fn is_fixed(
        &self,
        name: &str,
        condition: &FixedCondition,
    ) -> Result<String, ColumnError> {
        let column = self.column(name)?;
        let quoted = quoting::identifier(name);
        let literals = condition.constants().iter().map(|constant| {
            column.column_type.literal(constant).ok_or_else(|| {
                let (name, type_name) = (name.to_owned(), column.type_name.clone());
                ColumnError::NoConstant(name, type_name, constant.to_string())
            })
        });
        let literals = literals.collect::<Result<Vec<_>, _>>()?.join(", ");
        Ok(match condition {
            FixedCondition::Is(_) => format!("{quoted} = {literals}"),
            FixedCondition::OneOf { .. } => format!("{quoted} IN ({literals})"),
            // No other text is equal, as some are without regard to case or blanks for a collation.
            FixedCondition::Not { .. } if column.column_type.values() == SqlValues::Texts => {
                let exact = format!("CAST(CONVERT({quoted} USING utf8mb4) AS BINARY)");
                format!("({quoted} IS NULL OR {exact} NOT IN ({literals}))")
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
        match (column.column_type, inside) {
            (_, []) => column.expression(name, quoted, form),
            (ColumnType::Json, inside) => Ok((inside_of(&quoted, inside), Decoder::Json)),
            _ => {
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
    fn expression(
        &self,
        name: &str,
        quoted: String,
        form: Option<&StoredForm>,
    ) -> Result<(String, Decoder), ColumnError> {
        let is_shown = matches!(form, Some(StoredForm::Base64 | StoredForm::Uuid));
        match self.column_type {
            ColumnType::Datetime if matches!(form, Some(StoredForm::LocalTime(_))) => {
                let type_name = self.type_name.clone();
                Err(ColumnError::OwnZone(name.to_owned(), type_name))
            }
            ColumnType::Binary(_) | ColumnType::Bytes if !is_shown => {
                let type_name = self.type_name.clone();
                Err(ColumnError::Bytes(name.to_owned(), type_name))
            }
            column_type => Ok(column_type.expression(quoted)),
        }
    }
}

/// The condition that a row of a view of `information_schema` is about a table. Names are compared as the server does it.
pub(super) fn is_table(view: &str, name: &str) -> String {
    let (schema, table) = match name.split_once('.') {
        Some((schema, table)) => (quoting::literal(schema), table),
        None => ("DATABASE()".to_owned(), name),
    };
    let table = table.as_bytes();
    format!(
        "{view}.TABLE_SCHEMA = {schema} AND {view}.TABLE_NAME = {} \
         AND (@@lower_case_table_names > 0 OR CAST({view}.TABLE_NAME AS BINARY) = {})",
        quoting::literal(&String::from_utf8_lossy(table)),
        quoting::bytes(table)
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
        Some((schema, table)) => (quoting::literal(schema), table),
        None => ("DATABASE()".to_owned(), name),
    };
    let statement = format!(
        "SELECT CHECK_CLAUSE FROM information_schema.CHECK_CONSTRAINTS \
         WHERE CONSTRAINT_SCHEMA = {schema} AND TABLE_NAME = {} AND CHECK_CLAUSE LIKE 'json_valid(%)'",
        quoting::literal(table)
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

/// The value inside a document. A number is a place in a list, or a name in a map.
fn inside_of(document: &str, names: &[String]) -> String {
    let Some((last, before)) = names.split_last() else {
        return document.to_owned();
    };
    let holder = inside_of(document, before);
    let member = format!("$.\"{}\"", last.replace('\\', "\\\\").replace('"', "\\\""));
    let member = format!("JSON_EXTRACT({holder}, {})", quoting::literal(&member));
    match last.parse::<u32>() {
        Err(_) => member,
        Ok(place) => format!(
            "IF(JSON_TYPE({holder}) = 'ARRAY', JSON_EXTRACT({holder}, '$[{place}]'), {member})"
        ),
    }
}
