//! What a comparison of an entry with its table has found.

use std::fmt;

use super::columns::ColumnError;
use super::dialect::Dialect;
use super::indexes::Indexes;
use super::table::{SqlType, Table};
use crate::catalog::{Column, ExportType, SqlSpec};

/// What a comparison of an entry with its table has found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// Exports of the type fail.
    Error(String),
    /// Exports work, but slowly, or not as may be meant.
    Warning(String),
    /// What may be of interest.
    Note(String),
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Error(text) => write!(f, "error: {text}"),
            Self::Warning(text) => write!(f, "warning: {text}"),
            Self::Note(text) => write!(f, "note: {text}"),
        }
    }
}

/// Names of columns that change with each change of a row.
const CHANGING: [&str; 4] = ["updated", "modified", "changed", "last_"];

/// What is wrong with the columns of an entry, or seems to be.
pub(in crate::records) fn of_columns<T: SqlType>(
    table: &Table<T>,
    export_type: &ExportType,
    spec: &SqlSpec,
) -> Vec<Finding> {
    let mut errors: Vec<ColumnError> = Vec::new();
    errors.extend(table.parent_column(&spec.parent).err());
    let key = spec.key.iter();
    errors.extend(key.filter_map(|name| table.key_column(name).err()));
    let fixed = spec.fixed.iter();
    errors.extend(fixed.filter_map(|(name, condition)| table.is_fixed(name, condition).err()));
    let form = export_type.created_form();
    let created = export_type.created.as_ref();
    errors.extend(created.and_then(|path| table.expression(path, form.as_ref()).err()));
    errors.extend(table.created(export_type).err());
    for column in &export_type.columns {
        let form = column.conversion.form.as_ref();
        let paths = column.origin.paths().iter();
        errors.extend(paths.filter_map(|path| table.expression(path, form).err()));
    }
    let mut findings: Vec<Finding> = Vec::new();
    findings.extend(
        export_type
            .columns
            .iter()
            .filter_map(|column| of_kind(table, column)),
    );
    for error in errors {
        let finding = Finding::Error(error.to_string());
        if !findings.contains(&finding) {
            findings.push(finding);
        }
    }
    let changing = spec
        .key
        .iter()
        .filter(|name| CHANGING.iter().any(|word| name.starts_with(word)));
    findings.extend(changing.map(|name| {
        Finding::Warning(format!(
            "the column {name} of the key seems to change with its row, which a file could then have twice or not at all"
        ))
    }));
    findings
}

/// A warning about a column whose type has values of another kind than the entry says.
fn of_kind<T: SqlType>(table: &Table<T>, column: &Column) -> Option<Finding> {
    let [path] = column.origin.paths() else {
        return None;
    };
    if path.names().len() > 1 {
        return None;
    }
    let found = table.column(path.root()).ok()?;
    if found.sql_type.may_be(column) {
        return None;
    }
    Some(Finding::Warning(format!(
        "the column {} has the type {}, whose values are no {}: each is written as it is, and counted",
        column.key,
        found.type_name,
        column.kind.as_str()
    )))
}

/// The warning about a table whose keys no index proves.
pub(in crate::records) fn unprovable<D: Dialect>(spec: &SqlSpec) -> Finding {
    Finding::Warning(format!(
        "{} is {}: no index proves that each row of a parent has its own key, so an export fails if it meets two rows with the \
         same one, and each page may read all rows of the parent",
        spec.table,
        D::UNPROVABLE
    ))
}

/// What is wrong with the indexes of an entry's table, or slow.
pub(in crate::records) fn of_indexes<D: Dialect>(
    indexes: &Indexes,
    spec: &SqlSpec,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !indexes.prove_keys(spec) {
        findings.push(Finding::Error(unproven::<D>(spec)));
    }
    if indexes.of_order(spec).is_none() {
        findings.push(Finding::Warning(format!(
            "no index has a parent's rows in the order of the key, so that each page may read all rows of the parent, or of the table: \
             {} ON {}",
            D::CREATE_INDEX,
            parent_and_key::<D>(spec)
        )));
    }
    findings
}

/// Says that two rows of a parent could have the same key, so that a file could lack one of them.
pub(in crate::records) fn unproven<D: Dialect>(spec: &SqlSpec) -> String {
    format!(
        "no unique index proves that no two rows of a parent have the same key: {} ON {}",
        D::CREATE_UNIQUE_INDEX,
        parent_and_key::<D>(spec)
    )
}

/// The table, and the columns of an index that has a parent's rows in the order of their keys.
fn parent_and_key<D: Dialect>(spec: &SqlSpec) -> String {
    let table = D::shown_qualified(&spec.table);
    let columns: Vec<String> = spec.parent_and_key().map(D::shown).collect();
    format!("{table} ({})", columns.join(", "))
}

/// What is of interest about the connections that a `role` or a `user` may have, which `statement` limits to those that the
/// catalog says.
pub(in crate::records) fn of_connections(
    user: &str,
    limit: u32,
    spec: &SqlSpec,
    statement: &str,
) -> Finding {
    let most = spec.database.connections;
    match limit > most {
        true => Finding::Warning(format!(
            "the {user} may have {limit} connections, and the catalog says {most}: {statement} keeps the rest for the product"
        )),
        false => Finding::Note(format!("the {user} may have {limit} connections")),
    }
}

/// The note about a server whose rows are behind those of another one.
pub(in crate::records) fn of_lag(server: &str, spec: &SqlSpec) -> Finding {
    Finding::Note(format!(
        "the server is {server}; `settles` ({} s) must cover its lag",
        spec.database.settles_s
    ))
}

/// The error of a condition of `fixed` that the server refuses.
pub(in crate::records) fn of_refused(column: &str, message: &str) -> Finding {
    Finding::Error(format!(
        "the server refuses the column {column} in `fixed`: {message}"
    ))
}
