//! Parses and checks the columns of a type.

use std::collections::{BTreeMap, HashSet};

use jiff::tz::TimeZone;
use serde::Deserialize;
use toml::Spanned;

use super::{Wrong, humane, not_empty, path, wrong};
use crate::catalog::{Column, Conversion, Mask, Origin, Path, StoredForm};
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

/// What bytes are shown as.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Bytes {
    Base64,
    Uuid,
}

/// The maximum length of the keys of a type's columns together. An export lists them, and must fit into an item of DynamoDB
/// (400 KB) beside its filters, custom fields and warnings.
const MAX_KEYS_BYTES: usize = 100_000;

pub(super) fn columns(raw: Spanned<Vec<RawColumn>>) -> Result<Vec<Column>, Wrong> {
    let span = raw.span();
    let mut found = Wrong::default();
    let mut taken = HashSet::new();
    let mut columns = Vec::new();
    for raw in raw.into_inner() {
        if !taken.insert(raw.key.get_ref().clone()) {
            found.add(wrong(
                &raw.key,
                format!("the column `{}` is defined twice", raw.key.get_ref()),
            ));
        }
        columns.extend(found.keep(column(raw)));
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
    let conversion = conversion(&raw)?;
    let origin = origin(&raw)?;
    let (values, labels) = match &raw.values {
        Some(raw) => values(raw)?,
        None => Default::default(),
    };
    if !labels.is_empty() && raw.kind != Kind::Text {
        return Err(wrong(
            &raw.key,
            "only the values of a column of kind text have labels",
        ));
    }
    let key = not_empty(raw.key)?;
    Ok(Column {
        label: raw.label.unwrap_or_else(|| humane(&key)),
        stored: raw.from.map(Spanned::into_inner),
        conversion,
        default: raw.default,
        values,
        labels,
        hidden: raw.hidden,
        ..Column::new(key, raw.kind, origin)
    })
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

/// The values of a column: a list, or a table with what people see in place of each.
fn values(raw: &Spanned<toml::Value>) -> Result<(Vec<String>, BTreeMap<String, String>), Wrong> {
    let text = |value: &toml::Value| {
        let text = value.as_str().filter(|text| !text.trim().is_empty());
        text.map(str::to_owned)
            .ok_or_else(|| wrong(raw, "each value must be a text that is not empty"))
    };
    match raw.get_ref() {
        toml::Value::Array(list) => {
            let list = list.iter().map(text).collect::<Result<Vec<_>, _>>()?;
            let mut known = HashSet::new();
            if let Some(twice) = list.iter().find(|value| !known.insert(*value)) {
                return Err(wrong(raw, format!("the value `{twice}` is listed twice")));
            }
            Ok((list, BTreeMap::new()))
        }
        toml::Value::Table(table) => {
            let list = table.keys().cloned().collect();
            let label = |(value, label): (&String, _)| Ok((value.clone(), text(label)?));
            Ok((list, table.iter().map(label).collect::<Result<_, Wrong>>()?))
        }
        _ => Err(wrong(
            raw,
            "`values` must be a list of texts, or a table such as { P = \"Pending\" }",
        )),
    }
}

/// What is done with a column's values before anything else reads them.
fn conversion(raw: &RawColumn) -> Result<Conversion, Wrong> {
    let needs = |kind: Kind, at: Wrong| if raw.kind == kind { Ok(()) } else { Err(at) };
    let mut form = None;
    if let Some(bytes) = &raw.bytes {
        needs(
            Kind::Text,
            wrong(
                bytes,
                "bytes with an `as` are texts; change the column's kind",
            ),
        )?;
        form = Some(match bytes.get_ref() {
            Bytes::Base64 => StoredForm::Base64,
            Bytes::Uuid => StoredForm::Uuid,
        });
    }
    if let Some(true_word) = &raw.true_word {
        needs(
            Kind::Boolean,
            wrong(
                true_word,
                "`true` is for columns of kind boolean; change the column's kind",
            ),
        )?;
        form = Some(booleans(true_word, raw.false_word.as_ref())?);
    } else if let Some(false_word) = &raw.false_word {
        return Err(wrong(false_word, "`false` needs a `true`"));
    }
    if let Some(zone) = &raw.time_zone {
        needs(
            Kind::Timestamp,
            wrong(
                zone,
                "`time_zone` is for columns of kind timestamp; change the column's kind",
            ),
        )?;
        if raw.from.is_some() {
            return Err(wrong(
                zone,
                "a time that is stored as a number has no `time_zone`",
            ));
        }
        let known = TimeZone::get(zone.get_ref());
        let known = known.map_err(|_| {
            wrong(
                zone,
                "`time_zone` must be a zone's IANA name, such as Europe/Lisbon",
            )
        })?;
        form = Some(StoredForm::LocalTime(known));
    }
    if let Some(mask) = &raw.mask
        && !matches!(raw.kind, Kind::Text | Kind::Email | Kind::Phone)
    {
        return Err(wrong(
            mask,
            "a `mask` is for columns of kind text, email or phone; change the column's kind",
        ));
    }
    Ok(Conversion {
        form,
        mask: raw.mask.as_ref().map(|mask| *mask.get_ref()),
    })
}

/// Words that usually stand for true, and their opposites.
const OPPOSITES: [(&str, &str); 9] = [
    ("Y", "N"),
    ("y", "n"),
    ("1", "0"),
    ("T", "F"),
    ("t", "f"),
    ("yes", "no"),
    ("Yes", "No"),
    ("YES", "NO"),
    ("on", "off"),
];

fn booleans(
    true_word: &Spanned<toml::Value>,
    false_word: Option<&Spanned<toml::Value>>,
) -> Result<StoredForm, Wrong> {
    let word = |value: &Spanned<toml::Value>| match value.get_ref() {
        toml::Value::String(text) if !text.is_empty() => Ok(text.clone()),
        toml::Value::Integer(number) => Ok(number.to_string()),
        _ => Err(wrong(
            value,
            "`true` and `false` must be a text or a whole number, such as \"Y\" or 1",
        )),
    };
    let truth = word(true_word)?;
    let falsehood = match false_word {
        Some(false_word) => word(false_word)?,
        None => {
            let opposite = OPPOSITES.iter().find(|(word, _)| *word == truth);
            let (_, opposite) =
                opposite.ok_or_else(|| wrong(true_word, "say also what stands for `false`"))?;
            (*opposite).to_owned()
        }
    };
    if truth == falsehood {
        return Err(wrong(true_word, "`true` and `false` must differ"));
    }
    Ok(StoredForm::Booleans(truth, falsehood))
}

#[cfg(test)]
mod tests;
