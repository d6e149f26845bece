//! Parses and checks the columns of a type.

mod conversion;

use std::collections::{BTreeMap, HashSet};

use serde::Deserialize;
use toml::Spanned;

use self::conversion::{Bytes, conversion};
use super::{Wrong, humane, not_empty, path, wrong};
use crate::catalog::{Column, Mask, Origin, Path};
use crate::value::{Kind, Stored};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawColumn {
    key: Spanned<String>,
    label: Option<String>,
    kind: Kind,
    path: Option<Spanned<String>>,
    constant: Option<Spanned<String>>,
    from: Option<Spanned<Stored>>,
    #[serde(rename = "as")]
    bytes: Option<Spanned<Bytes>>,
    #[serde(rename = "true")]
    true_word: Option<Spanned<toml::Value>>,
    #[serde(rename = "false")]
    false_word: Option<Spanned<toml::Value>>,
    time_zone: Option<Spanned<String>>,
    mask: Option<Spanned<Mask>>,
    #[serde(default = "is_shown_by_default")]
    default: bool,
    values: Option<Spanned<toml::Value>>,
    #[serde(default)]
    hidden: bool,
}

fn is_shown_by_default() -> bool {
    true
}

/// The maximum length of the keys of a type's columns together. An export lists them, and must fit into an item of DynamoDB
/// (400 KB) beside its filters, custom fields and warnings.
const MAX_KEYS_BYTES: usize = 100_000;

pub(super) fn columns(raw: Spanned<Vec<RawColumn>>) -> Result<Vec<Column>, Wrong> {
    let span = raw.span();
    let mut found = Wrong::default();
    let mut taken = HashSet::new();
    let mut columns = Vec::new();
    let mut spans = Vec::new();
    for raw in raw.into_inner() {
        if !taken.insert(raw.key.get_ref().clone()) {
            found.add(wrong(
                &raw.key,
                format!("the column `{}` is defined twice", raw.key.get_ref()),
            ));
        }
        let span = raw.key.span();
        if let Some(column) = found.keep(column(raw)) {
            columns.push(column);
            spans.push(span);
        }
    }
    for (column, span) in columns.iter().zip(spans) {
        found.keep(shows_nothing_masked(column, &columns).map_err(|text| Wrong::at(span, text)));
    }
    let bytes: usize = columns.iter().map(|c| c.key.len()).sum();
    if bytes > MAX_KEYS_BYTES {
        found.add(Wrong::at(
            span.clone(),
            format!(
                "the keys of the columns have {bytes} bytes together, and at most {MAX_KEYS_BYTES} fit into an export; \
                 give the columns shorter keys, and the names in `path`"
            ),
        ));
    }
    let is_valid = found.is_empty();
    if is_valid && !columns.iter().any(|c| c.default && !c.hidden) {
        found.add(Wrong::at(
            span,
            "at least one column must not be hidden and not have `default = false`",
        ));
    }
    found.or(Some(columns))
}

/// Checks that a column without a mask does not show what the mask of another one hides.
fn shows_nothing_masked(column: &Column, all: &[Column]) -> Result<(), String> {
    if column.conversion.mask.is_some() {
        return Ok(());
    }
    let shows = |masked: &&Column| {
        let masked = masked.origin.paths();
        let starts = |path: &Path| {
            masked
                .iter()
                .any(|masked| masked.names().starts_with(path.names()))
        };
        column.origin.paths().iter().any(starts)
    };
    let mut masked = all.iter().filter(|other| other.conversion.mask.is_some());
    match masked.find(shows) {
        None => Ok(()),
        Some(masked) => Err(format!(
            "this column shows what the mask of `{}` hides; give it a mask too, or leave it out",
            masked.key
        )),
    }
}

/// The maximum length of a column's key. A warning names it.
const MAX_KEY_BYTES: usize = 255;

/// The column, or each of its mistakes.
fn column(raw: RawColumn) -> Result<Column, Wrong> {
    let mut found = Wrong::default();
    let key = found.keep(key(&raw.key));
    if let Some(stored) = &raw.from {
        found.keep(gives_kind(stored, raw.kind));
    }
    let conversion = found.keep(conversion(&raw));
    let origin = found.keep(origin(&raw));
    let values = found.keep(raw.values.as_ref().map_or(Ok(Values::default()), values));
    if let Some(values) = &values
        && !values.labels.is_empty()
        && raw.kind != Kind::Text
    {
        found.add(wrong(
            &raw.key,
            "only the values of a column of kind text have labels",
        ));
    }
    if let (Some(mask), Some(_)) = (&raw.mask, &raw.values) {
        found.add(wrong(
            mask,
            "a filter takes only `values`, and no value has this text once it is masked; leave out one of them",
        ));
    }
    let parts = key.zip(conversion).zip(origin).zip(values);
    let column = parts.map(|(((key, conversion), origin), values)| Column {
        label: raw.label.unwrap_or_else(|| humane(&key)),
        stored: raw.from.map(Spanned::into_inner),
        conversion,
        default: raw.default,
        values: values.list,
        labels: values.labels,
        hidden: raw.hidden,
        ..Column::new(key, raw.kind, origin)
    });
    found.or(column)
}

fn key(raw: &Spanned<String>) -> Result<String, Wrong> {
    if raw.get_ref().len() > MAX_KEY_BYTES {
        return Err(wrong(
            raw,
            format!(
                "a column's key has at most {MAX_KEY_BYTES} bytes; give the attribute's name in `path`"
            ),
        ));
    }
    if raw.get_ref().chars().any(char::is_control) {
        return Err(wrong(
            raw,
            "a column's key must not have control characters",
        ));
    }
    not_empty(raw.clone())
}

/// Checks that values that are stored like this are of the column's kind.
fn gives_kind(stored: &Spanned<Stored>, kind: Kind) -> Result<(), Wrong> {
    let given = match stored.get_ref() {
        Stored::Cents => Kind::Decimal,
        Stored::EpochS | Stored::EpochMs => Kind::Timestamp,
    };
    if kind != given {
        return Err(wrong(
            stored,
            format!(
                "this `from` gives a {}; change the column's kind",
                given.as_str()
            ),
        ));
    }
    Ok(())
}

/// Where a column's values come from.
fn origin(raw: &RawColumn) -> Result<Origin, Wrong> {
    let Some(constant) = &raw.constant else {
        return Ok(match &raw.path {
            Some(text) => path(text)?.into(),
            None => Path::new(raw.key.get_ref().clone(), []).into(),
        });
    };
    let is_read = raw.path.is_some()
        || raw.from.is_some()
        || raw.bytes.is_some()
        || raw.true_word.is_some()
        || raw.time_zone.is_some()
        || raw.mask.is_some();
    if is_read {
        return Err(wrong(
            constant,
            "a column with a `constant` reads nothing from records; leave out `path`, `from`, `as`, `true`, `time_zone` and `mask`",
        ));
    }
    Ok(Origin::Paths {
        paths: Vec::new(),
        otherwise: Some(not_empty(constant.clone())?),
    })
}

/// The only values of a column, and what people see in place of each.
#[derive(Default)]
struct Values {
    list: Vec<String>,
    labels: BTreeMap<String, String>,
}

/// The values of a column: a list, or a table with labels.
fn values(raw: &Spanned<toml::Value>) -> Result<Values, Wrong> {
    let text = |value: &toml::Value| {
        let text = value.as_str().filter(|text| !text.trim().is_empty());
        text.map(str::to_owned)
            .ok_or_else(|| wrong(raw, "each value must be a text that is not empty"))
    };
    match raw.get_ref() {
        toml::Value::Array(list) if list.is_empty() => {
            Err(wrong(raw, "`values` must list a value, or be left out"))
        }
        toml::Value::Array(list) => {
            let list = list.iter().map(text).collect::<Result<Vec<_>, _>>()?;
            let mut known = HashSet::new();
            if let Some(twice) = list.iter().find(|value| !known.insert(*value)) {
                return Err(wrong(raw, format!("the value `{twice}` is listed twice")));
            }
            Ok(Values {
                list,
                labels: BTreeMap::new(),
            })
        }
        toml::Value::Table(table) => {
            let list = table.keys().cloned().collect();
            let label = |(value, label): (&String, _)| Ok((value.clone(), text(label)?));
            let labels = table.iter().map(label).collect::<Result<_, Wrong>>()?;
            Ok(Values { list, labels })
        }
        _ => Err(wrong(
            raw,
            "`values` must be a list of texts, or a table such as { P = \"Pending\" }",
        )),
    }
}

#[cfg(test)]
mod tests;
