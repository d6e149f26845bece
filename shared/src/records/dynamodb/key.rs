//! Keys of records: where DynamoDB continues from, and the order in which partitions are merged.

use std::cmp::Ordering;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::wire::KeyValue;
use super::{RecordsError, Row};
use crate::aws::Item;
use crate::value::number;

/// The attributes of a key. In an index, they include those of the table's own key.
pub(super) type Key = Item;

/// A key's JSON in a position.
pub(super) fn to_json(key: &Key) -> Value {
    let attribute = |value: &AttributeValue| match value {
        AttributeValue::S(text) => json!({ "S": text }),
        AttributeValue::N(digits) => json!({ "N": digits }),
        AttributeValue::B(bytes) => json!({ "B": STANDARD.encode(bytes) }),
        _ => Value::Null,
    };
    let mut entries: Vec<_> = key.iter().collect();
    entries.sort_unstable_by_key(|(name, _)| name.as_str());
    let entries = entries
        .into_iter()
        .map(|(name, value)| (name.clone(), attribute(value)));
    Value::Object(entries.collect())
}

/// Parses a key's JSON.
pub(super) fn from_json(json: &Value) -> Result<Key, RecordsError> {
    let entries: &Map<_, _> = json.as_object().ok_or(RecordsError::Position)?;
    let attribute = |value: &Value| {
        let text = |name| value[name].as_str();
        match (text("S"), text("N"), text("B")) {
            (Some(text), None, None) => Some(AttributeValue::S(text.into())),
            (None, Some(digits), None) => Some(AttributeValue::N(digits.into())),
            (None, None, Some(base64)) => {
                let bytes = STANDARD.decode(base64).ok()?;
                Some(AttributeValue::B(Blob::new(bytes)))
            }
            _ => None,
        }
    };
    entries
        .iter()
        .map(|(name, value)| Some((name.clone(), attribute(value)?)))
        .collect::<Option<Key>>()
        .ok_or(RecordsError::Position)
}

/// The key of a record.
pub(super) fn from_row(row: Row<'_>) -> Key {
    let attribute = |value| match value {
        KeyValue::Text(text) => AttributeValue::S(text.to_owned()),
        KeyValue::Number(digits) => AttributeValue::N(digits.to_owned()),
        KeyValue::Bytes(base64) => {
            AttributeValue::B(Blob::new(STANDARD.decode(base64).unwrap_or_default()))
        }
    };
    row.key()
        .map(|(name, value)| (name.to_owned(), attribute(value)))
        .collect()
}

/// The text of a sort key that is a text or a number; `None` for binary, which no catalog allows.
pub(super) fn text(value: KeyValue<'_>) -> Option<&str> {
    match value {
        KeyValue::Text(text) | KeyValue::Number(text) => Some(text),
        KeyValue::Bytes(_) => None,
    }
}

/// The attribute with this name, if it is a text or a number.
pub(super) fn sort_value<'k>(key: &'k Key, name: &str) -> Option<KeyValue<'k>> {
    match key.get(name)? {
        AttributeValue::S(text) => Some(KeyValue::Text(text)),
        AttributeValue::N(digits) => Some(KeyValue::Number(digits)),
        _ => None,
    }
}

/// DynamoDB's order of sort keys: texts by bytes, numbers by value.
pub(super) fn compare(a: Option<KeyValue<'_>>, b: Option<KeyValue<'_>>) -> Ordering {
    match (a, b) {
        (Some(KeyValue::Number(a)), Some(KeyValue::Number(b))) => number::compare(a, b),
        (a, b) => a.and_then(text).cmp(&b.and_then(text)),
    }
}
