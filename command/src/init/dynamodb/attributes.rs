//! The attributes of a type's items, as columns.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use uuid::Uuid;
use waybill::aws::Item;
use waybill::records::{ColumnOverview, SqlValues, TableOverview};
use waybill::value::time::parse_date;

use super::entity::Entity;
use super::{Table, text};

/// The usual names of keys in tables with items of several types, in small letters.
const KEYS: [&str; 2] = ["pk", "sk"];
/// The names in a map that are shown.
const SHOWN_NAMES: usize = 6;

/// The attributes that are no columns: keys that are made up of others, and what names the type.
pub(super) fn left_out(table: &Table, items: &[&Item], entity: &Entity) -> BTreeSet<String> {
    let keys = table
        .keys
        .iter()
        .flat_map(|key| [Some(&key.partition), key.sort.as_ref()])
        .flatten();
    let is_made_up = |name: &&String| {
        let lower = name.to_lowercase();
        let is_named = KEYS
            .iter()
            .any(|key| lower == *key || lower.starts_with("gsi") && lower.ends_with(key));
        let values = || {
            items
                .iter()
                .filter_map(|item| item.get(*name).and_then(text))
        };
        is_named || values().any(|value| value.contains('#'))
    };
    let keys: BTreeSet<String> = keys.filter(is_made_up).cloned().collect();
    let all = items.iter().flat_map(|item| item.keys());
    let of_libraries = all.filter(|name| name.starts_with("__")).cloned();
    let named = entity.fixed.iter().map(|(name, _)| name.clone());
    let names = keys.into_iter().chain(of_libraries).chain(named);
    names
        .filter(|name| items.iter().any(|item| item.contains_key(name)))
        .collect()
}

/// The attributes of these items: the id first, then those that the most items have.
pub(super) fn overview(items: &[&Item], left_out: &BTreeSet<String>) -> TableOverview {
    let mut counts: BTreeMap<&String, usize> = BTreeMap::new();
    for name in items.iter().flat_map(|item| item.keys()) {
        *counts.entry(name).or_default() += 1;
    }
    let mut names: Vec<(&String, usize)> = counts
        .into_iter()
        .filter(|(name, _)| !left_out.contains(*name))
        .collect();
    names.sort_by_key(|(name, count)| (*name != "id", std::cmp::Reverse(*count)));
    TableOverview {
        columns: names
            .iter()
            .map(|(name, count)| column(items, name, *count))
            .collect(),
        unique: Vec::new(),
        indexes: Vec::new(),
        references: BTreeMap::new(),
        has_row_security: false,
        is_unprovable: false,
        sampled: items.len(),
    }
}

fn column(items: &[&Item], name: &str, count: usize) -> ColumnOverview {
    let values: Vec<&AttributeValue> = items
        .iter()
        .filter_map(|item| item.get(name))
        .filter(|value| !value.is_null())
        .collect();
    let types: BTreeSet<&str> = values.iter().map(|value| type_name(value)).collect();
    let types: Vec<&str> = types.into_iter().collect();
    let samples: Vec<Option<String>> = items
        .iter()
        .map(|item| item.get(name).and_then(text))
        .collect();
    ColumnOverview {
        name: name.to_owned(),
        type_name: types.join(" or "),
        values: kind(&types, &samples),
        is_nullable: count < items.len(),
        comment: comment(name, &types, &values),
        samples,
    }
}

fn type_name(value: &AttributeValue) -> &'static str {
    match value {
        AttributeValue::S(_) => "text",
        AttributeValue::N(_) => "number",
        AttributeValue::Bool(_) => "boolean",
        AttributeValue::B(_) => "bytes",
        AttributeValue::M(_) => "map",
        AttributeValue::L(_) => "list",
        _ => "set",
    }
}

fn kind(types: &[&str], samples: &[Option<String>]) -> SqlValues {
    let all = |is: fn(&str) -> bool| samples.iter().flatten().all(|text| is(text));
    match types {
        ["number"] if all(|text| text.parse::<i64>().is_ok()) => SqlValues::Integers,
        ["number"] => SqlValues::Numbers,
        ["boolean"] => SqlValues::Booleans,
        ["bytes"] => SqlValues::Bytes,
        ["text"] if all(|text| text.parse::<Timestamp>().is_ok()) => SqlValues::Times,
        ["text"] if all(|text| parse_date(text).is_some()) => SqlValues::Dates,
        ["text"] if all(|text| Uuid::try_parse(text).is_ok()) => SqlValues::Uuids,
        ["text"] => SqlValues::Texts,
        _ => SqlValues::Others,
    }
}

/// What is of interest about values that are no single ones, or of several types.
fn comment(name: &str, types: &[&str], values: &[&AttributeValue]) -> Option<String> {
    if types.is_empty() {
        return Some("null in all items that were looked at".to_owned());
    }
    if let [one] = types {
        let names: BTreeSet<&String> = values
            .iter()
            .filter_map(|value| value.as_m().ok())
            .flat_map(|map| map.keys())
            .collect();
        let shown: Vec<&str> = names
            .iter()
            .take(SHOWN_NAMES)
            .map(|name| name.as_str())
            .collect();
        return match *one {
            "map" => Some(format!(
                "JSON of a map with {}; `path = \"{name}.{}\"` is one of them",
                shown.join(", "),
                shown.first().unwrap_or(&"…")
            )),
            "list" | "set" => Some(format!("JSON of a {one}")),
            _ => None,
        };
    }
    Some(format!(
        "values of several types: {}; the others than the kind's are written as they are, and counted",
        types.join(", ")
    ))
}
