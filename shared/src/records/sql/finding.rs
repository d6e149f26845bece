//! What a comparison of an entry with its table has found.

use std::fmt;

use super::columns::ColumnError;
use crate::catalog::{Column, ExportType, FixedCondition, Path, SqlSpec, StoredForm};

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

/// A table as its database describes it: what is wrong with a use of its columns.
pub(in crate::records) trait Described {
    /// A column as that of the parent's id.
    fn parent(&self, name: &str) -> Result<(), ColumnError>;

    /// A column in the key.
    fn key(&self, name: &str) -> Result<(), ColumnError>;

    /// A condition of the entry.
    fn fixed(&self, name: &str, condition: &FixedCondition) -> Result<(), ColumnError>;

    /// The value at a path, which is stored in this form.
    fn value(&self, path: &Path, form: Option<&StoredForm>) -> Result<(), ColumnError>;

    /// The time of creation.
    fn time_of_creation(&self, export_type: &ExportType) -> Result<(), ColumnError>;

    /// The type of a column of the table that never has values of the kind that the entry says; `None` where it may.
    fn other_type(&self, name: &str, column: &Column) -> Option<&str>;
}

/// Names of columns that change with each change of a row.
const CHANGING: [&str; 4] = ["updated", "modified", "changed", "last_"];

/// What is wrong with the columns of an entry, or seems to be.
pub(in crate::records) fn of_columns(
    table: &impl Described,
    export_type: &ExportType,
    spec: &SqlSpec,
) -> Vec<Finding> {
    let mut errors: Vec<ColumnError> = Vec::new();
    errors.extend(table.parent(&spec.parent).err());
    errors.extend(spec.key.iter().filter_map(|name| table.key(name).err()));
    let fixed = spec.fixed.iter();
    errors.extend(fixed.filter_map(|(name, condition)| table.fixed(name, condition).err()));
    let form = export_type.created_form();
    let created = export_type.created.as_ref();
    errors.extend(created.and_then(|path| table.value(path, form.as_ref()).err()));
    errors.extend(table.time_of_creation(export_type).err());
    for column in &export_type.columns {
        let form = column.conversion.form.as_ref();
        let paths = column.origin.paths().iter();
        errors.extend(paths.filter_map(|path| table.value(path, form).err()));
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
fn of_kind(table: &impl Described, column: &Column) -> Option<Finding> {
    let [path] = column.origin.paths() else {
        return None;
    };
    if path.names().len() > 1 {
        return None;
    }
    let type_name = table.other_type(path.root(), column)?;
    Some(Finding::Warning(format!(
        "the column {} has the type {type_name}, whose values are no {}: each is written as it is, and counted",
        column.key,
        column.kind.as_str()
    )))
}
