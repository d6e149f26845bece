//! What a database says of a table, for the first draft of an entry.

use std::collections::BTreeMap;

use super::connector::Connector;
use crate::catalog::{DatabaseSpec, SqlSpec};

/// The rows whose values are looked at.
pub(in crate::records) const SAMPLED_ROWS: u32 = 1_000;

/// A table, as its database describes it, and values of some of its rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableOverview {
    /// The columns, in the table's order.
    pub columns: Vec<ColumnOverview>,
    /// The columns of each unique index on all rows; those of the primary key first.
    pub unique: Vec<Vec<String>>,
    /// The columns of each index on all rows.
    pub indexes: Vec<Vec<String>>,
    /// The tables that columns refer to, by column.
    pub references: BTreeMap<String, String>,
    /// Whether row-level security hides rows from the role.
    pub has_row_security: bool,
    /// Whether no index can prove keys: of a view, a foreign table, or a table that others inherit from.
    pub is_unprovable: bool,
    /// The number of rows whose values were looked at.
    pub sampled: usize,
}

/// A column, and its values in the sampled rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnOverview {
    /// The name.
    pub name: String,
    /// The type, as the database writes it: `character varying(40)`, `datetime(6)`.
    pub type_name: String,
    /// What the type's values are.
    pub values: SqlValues,
    /// Whether a row may have no value.
    pub is_nullable: bool,
    /// The comment on the column.
    pub comment: Option<String>,
    /// The values of the sampled rows as texts, in no order; `None` for null. Empty for bytes.
    pub samples: Vec<Option<String>>,
}

/// What the values of a type are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SqlValues {
    /// Whole numbers.
    Integers,
    /// Other numbers, and money.
    Numbers,
    /// True and false.
    Booleans,
    /// Dates.
    Dates,
    /// Instants, or times without a zone.
    Times,
    /// Texts, and words of an enum.
    Texts,
    /// UUIDs.
    Uuids,
    /// Bytes.
    Bytes,
    /// Anything else, which is written as text or JSON.
    Others,
}

/// What errors say of the table, and of its database: there is no entry yet.
pub(in crate::records) fn unnamed(connector: &Connector, table: &str) -> SqlSpec {
    SqlSpec {
        database: DatabaseSpec::of_name(connector.address().server.database()),
        table: table.to_owned(),
        parent: String::new(),
        key: Vec::new(),
        fixed: Vec::new(),
        row_security: false,
    }
}
