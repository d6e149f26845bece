//! A table's columns as its database describes them, and what statements select of them.

use std::fmt;

use jiff::Timestamp;

use super::columns::ColumnError;
use super::dialect::Dialect;
use super::overview::SqlValues;
use crate::catalog::{Column, Constant, ExportType, FixedCondition, Path, StoredForm};
use crate::similar::nearest;

/// A type of columns.
pub(in crate::records) trait SqlType:
    fmt::Debug + Clone + Send + Sync + 'static
{
    /// How the engine writes SQL.
    type Dialect: Dialect;
    /// How the values of an expression are decoded.
    type Decoder: fmt::Debug + Copy + PartialEq + Send + Sync + 'static;

    /// The types that can hold a parent's id.
    const OF_PARENTS: &'static str;
    /// The types that can be in a key.
    const OF_KEYS: &'static str;

    /// A number for positions: the values of a key are valid only for columns of the same types.
    fn number(&self) -> u32;

    /// What the type's values are.
    fn values(&self) -> SqlValues;

    /// What the type's times are; `None` for a type of other values.
    fn times(&self) -> Option<Times>;

    /// Whether a column of this type can hold a parent's id.
    fn may_be_parent(&self) -> bool;

    /// Whether a column of this type can be in a key, since its values are told apart and ordered exactly.
    fn may_be_key(&self) -> bool;

    /// Whether a column of this type can have the time of creation, which the entry says the form of if it `is_stored`.
    fn may_be_created(&self, is_stored: bool) -> bool;

    /// Whether the type can have values of a column's kind, in the form that the entry says. Texts can be written as any.
    fn may_be(&self, column: &Column) -> bool;

    /// The literal of a constant of the catalog; `None` where the column never has it.
    fn constant(&self, constant: &Constant) -> Option<String>;

    /// The literal of an instant, in microseconds.
    fn time(&self, instant: Timestamp) -> String;

    /// Literals of which one is equal to each value that has one of these texts; `None` where there are none, so that the
    /// projection decides.
    fn texts(&self, texts: &[String]) -> Option<Vec<String>>;

    /// Literals of which one is equal to each value that is one of these numbers; `None` where there are none, so that the
    /// projection decides.
    fn numbers(&self, numbers: &[String]) -> Option<Vec<String>>;

    /// The expression that selects the values of a quoted column, and how they are decoded.
    fn expression(&self, quoted: String) -> (String, Self::Decoder);

    /// The same of the values at a path inside the column's documents; `None` for a type without.
    fn inside(&self, quoted: &str, names: &[String]) -> Option<(String, Self::Decoder)>;
}

/// What the times of a type are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::records) enum Times {
    Instants,
    /// Times without a zone.
    Local,
}

/// A table or view.
#[derive(Debug)]
pub(in crate::records) struct Table<T> {
    /// The quoted name.
    pub(in crate::records) name: String,
    pub(in crate::records) columns: Vec<TableColumn<T>>,
    /// Whether no index can prove that keys are unique, as of a view.
    pub(in crate::records) is_unprovable: bool,
}

/// A column.
#[derive(Debug, Clone)]
pub(in crate::records) struct TableColumn<T> {
    pub(in crate::records) name: String,
    pub(in crate::records) sql_type: T,
    /// The type, as the database writes it.
    pub(in crate::records) type_name: String,
    pub(in crate::records) is_nullable: bool,
}

impl<T: SqlType> Table<T> {
    /// The column with this name.
    pub(in crate::records) fn column(&self, name: &str) -> Result<&TableColumn<T>, ColumnError> {
        let mut columns = self.columns.iter();
        columns.find(|column| column.name == name).ok_or_else(|| {
            let names = self.columns.iter().map(|column| column.name.as_str());
            ColumnError::Missing {
                name: name.to_owned(),
                similar: nearest(name, names).map(str::to_owned),
            }
        })
    }

    /// The column with the parent's id.
    pub(super) fn parent_column(&self, name: &str) -> Result<&TableColumn<T>, ColumnError> {
        let column = self.column(name)?;
        match column.sql_type.may_be_parent() {
            true => Ok(column),
            false => Err(ColumnError::NoParent(
                name.to_owned(),
                column.type_name.clone(),
                T::OF_PARENTS,
            )),
        }
    }

    /// A column of the key.
    pub(super) fn key_column(&self, name: &str) -> Result<&TableColumn<T>, ColumnError> {
        let column = self.column(name)?;
        if !column.sql_type.may_be_key() {
            let type_name = column.type_name.clone();
            return Err(ColumnError::NoKey(name.to_owned(), type_name, T::OF_KEYS));
        }
        // The columns of a view are not declared as not null. Its rows are looked at instead.
        if column.is_nullable && !self.is_unprovable {
            return Err(ColumnError::NullableKey(name.to_owned()));
        }
        Ok(column)
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
        let is_stored = export_type.created_stored().is_some();
        match path.names().len() > 1 || column.sql_type.may_be_created(is_stored) {
            true => Ok(()),
            false => Err(ColumnError::NoTime(
                path.to_string(),
                column.type_name.clone(),
            )),
        }
    }

    /// What rows meet a condition of the type, in SQL. Constants are literals, since a partial index is used only for those.
    pub(in crate::records) fn is_fixed(
        &self,
        name: &str,
        condition: &FixedCondition,
    ) -> Result<String, ColumnError> {
        let column = self.column(name)?;
        let quoted = T::Dialect::identifier(name);
        let literals = condition.constants().iter().map(|constant| {
            column.sql_type.constant(constant).ok_or_else(|| {
                let (name, type_name) = (name.to_owned(), column.type_name.clone());
                ColumnError::NoConstant(name, type_name, constant.to_string())
            })
        });
        let literals = literals.collect::<Result<Vec<_>, _>>()?.join(", ");
        Ok(match condition {
            FixedCondition::Is(Constant::Boolean(_)) => {
                format!("{quoted} {} {literals}", T::Dialect::IS_BOOLEAN)
            }
            FixedCondition::Is(_) => format!("{quoted} = {literals}"),
            FixedCondition::OneOf { .. } => format!("{quoted} IN ({literals})"),
            FixedCondition::Not { .. } => {
                let compared = match column.sql_type.values() {
                    SqlValues::Texts => T::Dialect::as_exact_text(&quoted),
                    _ => quoted.clone(),
                };
                format!("({quoted} IS NULL OR {compared} NOT IN ({literals}))")
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
    ) -> Result<(String, T::Decoder), ColumnError> {
        let (name, inside) = (path.root(), &path.names()[1..]);
        let column = self.column(name)?;
        let quoted = T::Dialect::identifier(name);
        let names = || (name.to_owned(), column.type_name.clone());
        if !inside.is_empty() {
            return column.sql_type.inside(&quoted, inside).ok_or_else(|| {
                let (name, type_name) = names();
                ColumnError::NoPaths(name, type_name, path.clone())
            });
        }
        let is_of_zone = matches!(form, Some(StoredForm::LocalTime(_)));
        if is_of_zone && column.sql_type.times() == Some(Times::Local) {
            let (name, type_name) = names();
            return Err(ColumnError::OwnZone(name, type_name));
        }
        let is_shown = matches!(form, Some(StoredForm::Base64 | StoredForm::Uuid));
        if !is_shown && column.sql_type.values() == SqlValues::Bytes {
            let (name, type_name) = names();
            return Err(ColumnError::Bytes(name, type_name));
        }
        Ok(column.sql_type.expression(quoted))
    }
}
