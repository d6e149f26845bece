//! Parses a catalog's TOML. An error has the line, and every mistake that could make an export wrong is an error.

mod records;

use std::collections::HashSet;
use std::ops::Range;

use serde::Deserialize;
use toml::Spanned;

use self::records::{Databases, RawRecords};
use super::custom::{LAST, OTHER};
use super::{
    ATTRIBUTES, CREATED_AT, CatalogError, Column, Delivery, ExportType, ParentKind, Path,
    RecordsSpec,
};
use crate::value::{Kind, Stored};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCatalog {
    #[serde(rename = "type")]
    types: Spanned<Vec<RawType>>,
    #[serde(default, rename = "database")]
    databases: Databases,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawType {
    name: Spanned<String>,
    label: Option<String>,
    parent: ParentKind,
    delivery: Delivery,
    records: Spanned<RawRecords>,
    created: Spanned<String>,
    #[serde(default)]
    search: Vec<Spanned<String>>,
    #[serde(default)]
    filters: Vec<Spanned<String>>,
    columns: Spanned<Vec<RawColumn>>,
    custom: Option<Spanned<bool>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawColumn {
    key: Spanned<String>,
    label: Option<String>,
    kind: Kind,
    path: Option<Spanned<String>>,
    from: Option<Spanned<Stored>>,
    #[serde(default = "yes")]
    default: bool,
    #[serde(default)]
    values: Vec<Spanned<String>>,
    #[serde(default)]
    hidden: bool,
}

fn yes() -> bool {
    true
}

/// An error, with its bytes in the text.
struct Wrong(Range<usize>, String);

fn wrong<T>(at: &Spanned<T>, message: impl Into<String>) -> Wrong {
    Wrong(at.span(), message.into())
}

/// Parses and checks every type of a catalog.
pub(super) fn catalog(text: &str) -> Result<Vec<ExportType>, CatalogError> {
    let raw: RawCatalog = toml::from_str(text).map_err(|error| {
        invalid(
            text,
            Wrong(error.span().unwrap_or_default(), error.message().to_owned()),
        )
    })?;
    types(raw.types, &raw.databases).map_err(|wrong| invalid(text, wrong))
}

fn invalid(text: &str, Wrong(span, message): Wrong) -> CatalogError {
    let before = text.as_bytes().iter().take(span.start);
    CatalogError::Invalid {
        line: 1 + before.filter(|&&b| b == b'\n').count(),
        message,
    }
}

fn types(raw: Spanned<Vec<RawType>>, databases: &Databases) -> Result<Vec<ExportType>, Wrong> {
    if raw.get_ref().is_empty() {
        return Err(wrong(&raw, "the catalog has no type; add a [[type]]"));
    }
    let mut names = HashSet::new();
    let raw = raw.into_inner();
    for t in &raw {
        if !names.insert(t.name.get_ref()) {
            return Err(wrong(
                &t.name,
                format!("the type `{}` is defined twice", t.name.get_ref()),
            ));
        }
    }
    raw.into_iter()
        .map(|raw| export_type(raw, databases))
        .collect()
}

fn export_type(raw: RawType, databases: &Databases) -> Result<ExportType, Wrong> {
    if !is_name(raw.name.get_ref()) {
        return Err(wrong(
            &raw.name,
            "a type's name must have 1 to 64 of a-z, 0-9 and _, and begin with a letter",
        ));
    }
    let mut columns = columns(raw.columns)?;
    let created = path(&raw.created)?;
    let custom = match &raw.custom {
        Some(custom) if *custom.get_ref() => {
            if raw.parent != ParentKind::Source {
                return Err(wrong(
                    custom,
                    "only sources have custom fields; the type's parent must be source",
                ));
            }
            if columns.iter().any(|column| column.key == OTHER) {
                return Err(wrong(
                    custom,
                    "the key `other` is reserved for fields without a definition; give the column another key",
                ));
            }
            columns = with_last_columns(columns, &created);
            true
        }
        _ => false,
    };
    if let Some(column) = columns.iter().find(|c| c.origin.path() == Some(&created))
        && column.kind != Kind::Timestamp
    {
        return Err(wrong(
            &raw.created,
            format!("the column `{}` must be of kind timestamp", column.key),
        ));
    }
    let records = records::records(raw.records, databases)?;
    if let (Some(key), true, RecordsSpec::Postgres(_)) = (&raw.custom, custom, &records) {
        return Err(wrong(
            key,
            "records in a database have no custom fields; name their columns",
        ));
    }
    let name = raw.name.into_inner();
    Ok(ExportType {
        label: raw.label.unwrap_or_else(|| humane(&name)),
        parent: raw.parent,
        delivery: raw.delivery,
        records,
        search: keys(raw.search, &columns, &[])?,
        filters: filters(raw.filters, &columns)?,
        custom,
        created,
        columns,
        name,
    })
}

/// Moves the columns that end a file with custom fields to the end. Adds those that the type does not define.
fn with_last_columns(columns: Vec<Column>, created: &Path) -> Vec<Column> {
    let (defined, mut columns): (Vec<_>, Vec<_>) = columns
        .into_iter()
        .partition(|column| LAST.contains(&column.key.as_str()));
    columns.extend(LAST.map(|key| {
        let defined = defined.iter().find(|column| column.key == key);
        defined.cloned().unwrap_or_else(|| Column {
            key: key.to_owned(),
            label: humane(key),
            kind: match key {
                "source_id" => Kind::Text,
                _ => Kind::Timestamp,
            },
            origin: match key {
                CREATED_AT => created.clone().into(),
                _ => Path::new(key, []).into(),
            },
            stored: None,
            default: true,
            values: Vec::new(),
            hidden: false,
        })
    }));
    columns
}

/// The maximum length of the keys of a type's columns together. An export lists them, and must fit into an item of DynamoDB
/// (400 KB) beside its filters, custom fields and warnings.
const MAX_KEYS_BYTES: usize = 100_000;

fn columns(raw: Spanned<Vec<RawColumn>>) -> Result<Vec<Column>, Wrong> {
    let span = raw.span();
    let mut taken = HashSet::new();
    let mut columns = Vec::new();
    for raw in raw.into_inner() {
        if !taken.insert(raw.key.get_ref().clone()) {
            return Err(wrong(
                &raw.key,
                format!("the column `{}` is defined twice", raw.key.get_ref()),
            ));
        }
        columns.push(column(raw)?);
    }
    let bytes: usize = columns.iter().map(|c| c.key.len()).sum();
    if bytes > MAX_KEYS_BYTES {
        return Err(Wrong(
            span,
            format!(
                "the keys of the columns have {bytes} bytes together, and at most {MAX_KEYS_BYTES} fit into an export; \
                 give the columns shorter keys, and the names in `path`"
            ),
        ));
    }
    if !columns.iter().any(|c| c.default && !c.hidden) {
        return Err(Wrong(
            span,
            "at least one column must not be hidden and not have `default = false`".to_owned(),
        ));
    }
    Ok(columns)
}

/// The maximum length of a column's key. A warning names it.
const MAX_KEY_BYTES: usize = 255;

fn column(raw: RawColumn) -> Result<Column, Wrong> {
    if raw.key.get_ref().len() > MAX_KEY_BYTES {
        return Err(wrong(
            &raw.key,
            format!(
                "a column's key has at most {MAX_KEY_BYTES} bytes; give the attribute's name in `path`"
            ),
        ));
    }
    if raw.key.get_ref().chars().any(char::is_control) {
        return Err(wrong(
            &raw.key,
            "a column's key must not have control characters",
        ));
    }
    if let Some(stored) = &raw.from {
        let kind = match stored.get_ref() {
            Stored::Cents => Kind::Decimal,
            Stored::EpochS | Stored::EpochMs => Kind::Timestamp,
        };
        if raw.kind != kind {
            return Err(wrong(
                stored,
                format!(
                    "this `from` gives a {}; change the column's kind",
                    kind.as_str()
                ),
            ));
        }
    }
    let mut values = Vec::new();
    for value in raw.values {
        if values.contains(value.get_ref()) {
            return Err(wrong(
                &value,
                format!("the value `{}` is listed twice", value.get_ref()),
            ));
        }
        values.push(not_empty(value)?);
    }
    let path = match &raw.path {
        Some(text) => path(text)?,
        None => Path::new(raw.key.get_ref().clone(), []),
    };
    let key = not_empty(raw.key)?;
    Ok(Column {
        label: raw.label.unwrap_or_else(|| humane(&key)),
        kind: raw.kind,
        origin: path.into(),
        stored: raw.from.map(Spanned::into_inner),
        default: raw.default,
        values,
        hidden: raw.hidden,
        key,
    })
}

/// Checks a list of columns' keys, or other allowed `words`, without duplicates.
fn keys(
    raw: Vec<Spanned<String>>,
    columns: &[Column],
    words: &[&str],
) -> Result<Vec<String>, Wrong> {
    let mut keys = Vec::new();
    for key in raw {
        let name = key.get_ref();
        if !words.contains(&name.as_str()) && !columns.iter().any(|c| c.key == *name) {
            return Err(wrong(&key, format!("this type has no column `{name}`")));
        }
        if keys.contains(name) {
            return Err(wrong(&key, format!("`{name}` is listed twice")));
        }
        keys.push(key.into_inner());
    }
    Ok(keys)
}

/// Parameters of a list's query string that are not filters. A filter cannot have the same name.
const RESERVED: [&str; 5] = ["limit", "cursor", "search", "columns", "time_zone"];

fn filters(raw: Vec<Spanned<String>>, columns: &[Column]) -> Result<Vec<String>, Wrong> {
    if let Some(key) = raw
        .iter()
        .find(|key| RESERVED.contains(&key.get_ref().as_str()))
    {
        let name = key.get_ref();
        return Err(wrong(
            key,
            format!("`{name}` is another parameter of a list; give the column another key"),
        ));
    }
    keys(raw, columns, &[CREATED_AT, ATTRIBUTES])
}

fn path(text: &Spanned<String>) -> Result<Path, Wrong> {
    let mut names = text.get_ref().split('.').map(str::to_owned);
    let first = names.next().unwrap_or_default();
    let path = Path::new(first, names);
    if path.names().iter().any(String::is_empty) {
        return Err(wrong(
            text,
            "a path must be attribute names separated by dots, such as address.city",
        ));
    }
    Ok(path)
}

fn not_empty(text: Spanned<String>) -> Result<String, Wrong> {
    if text.get_ref().trim().is_empty() {
        return Err(wrong(&text, "this value must not be empty"));
    }
    Ok(text.into_inner())
}

fn is_name(text: &str) -> bool {
    text.len() <= 64
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

/// `created_at` for people: `Created at`.
fn humane(key: &str) -> String {
    let mut words = key.replace('_', " ");
    if let Some(first) = words.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    words
}

#[cfg(test)]
mod tests;
