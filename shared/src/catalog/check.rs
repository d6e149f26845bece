//! Parses a catalog's TOML. An error has the line, and every mistake that could make an export wrong is an error.

mod columns;
mod mistakes;
mod parents;
mod records;
mod unknown_keys;

use std::collections::HashSet;

use serde::Deserialize;
use toml::Spanned;

use self::columns::{RawColumn, columns};
use self::mistakes::{Wrong, wrong};
use self::parents::RawKind;
use self::records::{Databases, RawRecords};
use super::custom::{OTHER, last_keys};
use super::{
    ATTRIBUTES, CREATED_AT, CatalogError, Column, Delivery, ExportType, Path, RecordsSpec,
};
use crate::parent::{ParentKind, ParentKinds};
use crate::similar::nearest;
use crate::toml_error::explained;
use crate::value::Kind;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCatalog {
    #[serde(rename = "type")]
    types: Spanned<Vec<RawType>>,
    #[serde(default, rename = "parent")]
    kinds: Vec<Spanned<RawKind>>,
    #[serde(default, rename = "database")]
    databases: Databases,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawType {
    name: Spanned<String>,
    label: Option<String>,
    parent: Spanned<String>,
    delivery: Delivery,
    records: Spanned<RawRecords>,
    created: Option<Spanned<String>>,
    #[serde(default)]
    search: Vec<Spanned<String>>,
    #[serde(default)]
    filters: Vec<Spanned<String>>,
    columns: Spanned<Vec<RawColumn>>,
    custom: Option<Spanned<bool>>,
}

/// The types of a catalog, and its kinds of parents.
pub(super) type Checked = (Vec<ExportType>, ParentKinds);

/// Parses and checks every type and kind of a catalog.
pub(super) fn catalog(text: &str) -> Result<Checked, CatalogError> {
    let mut found = Wrong::default();
    let raw = found.keep(unknown_keys::read::<RawCatalog>(text));
    let checked = raw.and_then(|(raw, unknown)| {
        found.add(unknown);
        let kinds = found.keep(parents::kinds(raw.kinds))?;
        let types = found.keep(types(raw.types, &kinds, &raw.databases));
        types.map(|types| (types, kinds))
    });
    found.or(checked).map_err(|wrong| wrong.in_text(text))
}

/// The kinds of a catalog, without its types.
pub(super) fn kinds(text: &str) -> Result<ParentKinds, CatalogError> {
    #[derive(Deserialize)]
    struct RawKinds {
        #[serde(default, rename = "parent")]
        kinds: Vec<Spanned<RawKind>>,
    }
    let wrong = |error: toml::de::Error| {
        let span = error.span().unwrap_or_default();
        Wrong::at(span, explained(&error, text))
    };
    let raw = toml::from_str::<RawKinds>(text).map_err(wrong);
    let kinds = raw.and_then(|raw| parents::kinds(raw.kinds));
    kinds.map_err(|wrong| wrong.in_text(text))
}

fn types(
    raw: Spanned<Vec<RawType>>,
    kinds: &ParentKinds,
    databases: &Databases,
) -> Result<Vec<ExportType>, Wrong> {
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
    // One invalid type is enough: whoever wants to know of all leaves it out and tries again.
    raw.into_iter()
        .map(|raw| export_type(raw, kinds, databases))
        .collect()
}

fn export_type(
    raw: RawType,
    kinds: &ParentKinds,
    databases: &Databases,
) -> Result<ExportType, Wrong> {
    let mut found = Wrong::default();
    if !is_name(raw.name.get_ref()) {
        found.add(wrong(
            &raw.name,
            "a type's name must have 1 to 64 of a-z, 0-9 and _, and begin with a letter",
        ));
    }
    let kind = found.keep(parents::kind(&raw.parent, kinds));
    let records = found.keep(records::records(raw.records, databases));
    let columns = found.keep(columns(raw.columns));
    let created = match &raw.created {
        Some(text) => found.keep(path(text)).map(Some),
        None => Some(None),
    };
    let (Some(kind), Some(records), Some(mut columns), Some(created)) =
        (kind, records, columns, created)
    else {
        return Err(found);
    };
    if let RecordsSpec::Mysql(_) = records {
        records::read_numbers(&mut columns);
    }
    let custom = raw.custom.filter(|custom| *custom.get_ref());
    if let Some(custom) = &custom {
        found.keep(may_be_custom(custom, kind, &records, &columns));
    }
    let columns = match (&custom, &created) {
        (Some(_), Some(created)) => with_last_columns(columns, kind, created),
        (Some(custom), None) => {
            let message = "a type with custom fields needs `created`, which its files end with";
            found.add(wrong(custom, message));
            columns
        }
        (None, _) => columns,
    };
    if let (Some(text), Some(created)) = (&raw.created, &created)
        && let Some(column) = columns.iter().find(|c| c.origin.path() == Some(created))
        && column.kind != Kind::Timestamp
    {
        let message = format!("the column `{}` must be of kind timestamp", column.key);
        found.add(wrong(text, message));
    }
    let search = found.keep(keys(raw.search, &columns, &[]));
    let filters = found.keep(filters(raw.filters, &columns, created.is_some()));
    let name = raw.name.into_inner();
    found.or(search.zip(filters).map(|(search, filters)| ExportType {
        label: raw.label.unwrap_or_else(|| humane(&name)),
        parent: kind.name.clone(),
        delivery: raw.delivery,
        records,
        search,
        filters,
        custom: custom.is_some(),
        created,
        columns,
        name,
    }))
}

/// Whether a type with these records and columns may have custom fields.
fn may_be_custom(
    custom: &Spanned<bool>,
    kind: &ParentKind,
    records: &RecordsSpec,
    columns: &[Column],
) -> Result<(), Wrong> {
    if !kind.custom {
        return Err(wrong(
            custom,
            format!(
                "{} have no custom fields; they would need `custom = true` in their [[parent]]",
                kind.plural
            ),
        ));
    }
    if columns.iter().any(|column| column.key == OTHER) {
        return Err(wrong(
            custom,
            "the key `other` is reserved for fields without a definition; give the column another key",
        ));
    }
    match records {
        RecordsSpec::Dynamodb(_) => Ok(()),
        RecordsSpec::Postgres(_) | RecordsSpec::Mysql(_) => Err(wrong(
            custom,
            "records in a database have no custom fields; name their columns",
        )),
    }
}

/// Moves the columns that end a file with custom fields to the end. Adds those that the type does not define.
fn with_last_columns(columns: Vec<Column>, kind: &ParentKind, created: &Path) -> Vec<Column> {
    let last = last_keys(&kind.name);
    let (defined, mut columns): (Vec<_>, Vec<_>) = columns
        .into_iter()
        .partition(|column| last.contains(&column.key));
    let id_field = kind.name.id_field();
    columns.extend(last.map(|key| {
        let defined = defined.iter().find(|column| column.key == key);
        let kind = match key == id_field {
            true => Kind::Text,
            false => Kind::Timestamp,
        };
        let path = match key.as_str() {
            CREATED_AT => created.clone(),
            _ => Path::new(key.clone(), []),
        };
        defined.cloned().unwrap_or_else(|| Column {
            label: humane(&key),
            ..Column::new(key, kind, path)
        })
    }));
    columns
}

/// Checks a list of columns' keys, or other allowed `words`, without duplicates.
fn keys(
    raw: Vec<Spanned<String>>,
    columns: &[Column],
    words: &[&str],
) -> Result<Vec<String>, Wrong> {
    let mut found = Wrong::default();
    let mut keys = Vec::new();
    for key in raw {
        let name = key.get_ref();
        if !words.contains(&name.as_str()) && !columns.iter().any(|c| c.key == *name) {
            let known = columns.iter().map(|column| column.key.as_str());
            let meant = nearest(name, known.chain(words.iter().copied()));
            let meant = meant.map_or(String::new(), |key| format!("; did you mean `{key}`?"));
            found.add(wrong(
                &key,
                format!("this type has no column `{name}`{meant}"),
            ));
        }
        if keys.contains(name) {
            found.add(wrong(&key, format!("`{name}` is listed twice")));
        }
        keys.push(key.into_inner());
    }
    found.or(Some(keys))
}

/// Parameters of a list's query string that are not filters. A filter cannot have the same name.
const RESERVED: [&str; 5] = ["limit", "cursor", "search", "columns", "time_zone"];

fn filters(
    raw: Vec<Spanned<String>>,
    columns: &[Column],
    has_created: bool,
) -> Result<Vec<String>, Wrong> {
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
    if let Some(key) = raw.iter().find(|key| key.get_ref() == CREATED_AT)
        && !has_created
    {
        let message = "`created_at` filters by the time of creation: say what that is in `created`";
        return Err(wrong(key, message));
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
    if let Some(name) = path.names().iter().find(|name| name.ends_with(']')) {
        return Err(wrong(
            text,
            format!(
                "`{name}` is no attribute; an element of a list has a dot and its place: items.0.sku"
            ),
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
