//! Lists, maps and sets as compact JSON, and the values of a record that no other column has.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};

use crate::catalog::{Others, Path};
use crate::value::Value;

/// The value of `{"L":[…]}`, `{"M":{…}}` or a set.
pub(super) fn value(typed: &str) -> Value<'static> {
    // The scanner is more lenient than `serde_json`; what only the scanner accepts is no value.
    let Ok(typed) = serde_json::from_str::<Json>(typed) else {
        return Value::Missing;
    };
    let mut json = String::new();
    write(&typed, &mut json);
    Value::Json(Cow::Owned(json))
}

/// The values that no other column has, as one JSON object. It includes the values at the paths `not_shown`, whose
/// columns show another value. The values of a map are under their own names, prefixed by the map's name where another
/// value has the same name.
pub(super) fn others(record: &str, others: &Others, not_shown: &[&Path]) -> Value<'static> {
    let Ok(Json::Object(record)) = serde_json::from_str(record) else {
        return Value::Missing;
    };
    let mut found = BTreeMap::new();
    let known = Known { others, not_shown };
    collect(&record, &mut Vec::new(), &known, &mut found);
    if found.is_empty() {
        return Value::Missing;
    }
    let mut json = String::new();
    write_object(
        found.iter().map(|(name, value)| (name.as_str(), *value)),
        &mut json,
    );
    Value::Json(Cow::Owned(json))
}

/// Which values of a record belong to other columns.
struct Known<'a> {
    others: &'a Others,
    not_shown: &'a [&'a Path],
}

impl Known<'_> {
    fn has(&self, path: &[String]) -> bool {
        self.others.has_value_at(path) && !self.not_shown.iter().any(|shown| shown.names() == path)
    }
}

fn collect<'r>(
    map: &'r Map<String, Json>,
    path: &mut Vec<String>,
    known: &Known<'_>,
    found: &mut BTreeMap<String, &'r Json>,
) {
    // Sorted by name, so that the same record always makes the same object; maps are last.
    let mut entries: Vec<_> = map.iter().collect();
    entries.sort_unstable_by_key(|(name, value)| (value.get("M").is_some(), name.as_str()));
    for (name, value) in entries {
        path.push(name.clone());
        match value.get("M") {
            _ if known.has(path) => {}
            Some(Json::Object(map)) if known.others.has_values_inside(path) => {
                collect(map, path, known, found);
            }
            _ => {
                let is_of_a_map = path.len() > 1 && known.others.maps.contains(&path[0]);
                let mut name = path[usize::from(is_of_a_map)..].join(".");
                while found.contains_key(&name) {
                    name = format!("{}.{name}", path[0]);
                }
                found.insert(name, value);
            }
        }
        path.pop();
    }
}

/// Appends the compact JSON of a typed value such as `{"S":"…"}`. Names are sorted by their bytes, since DynamoDB's
/// maps are unordered and the same record must always make the same bytes.
fn write(typed: &Json, out: &mut String) {
    let Some((kind, value)) = typed.as_object().and_then(|typed| typed.iter().next()) else {
        return out.push_str("null");
    };
    match (kind.as_str(), value) {
        ("N", Json::String(digits)) => out.push_str(digits),
        ("S" | "B", text) | ("BOOL", text) => out.push_str(&text.to_string()),
        ("L", Json::Array(items)) => list(items, out, write),
        ("SS" | "BS", Json::Array(items)) => {
            list(items, out, |text, out| out.push_str(&text.to_string()));
        }
        ("NS", Json::Array(items)) => list(items, out, |digits, out| {
            out.push_str(digits.as_str().unwrap_or("null"));
        }),
        ("M", Json::Object(map)) => {
            let mut entries: Vec<_> = map
                .iter()
                .map(|(name, value)| (name.as_str(), value))
                .collect();
            entries.sort_unstable_by_key(|(name, _)| *name);
            write_object(entries, out);
        }
        // Null, and types that DynamoDB may add.
        _ => out.push_str("null"),
    }
}

fn list(items: &[Json], out: &mut String, write: impl Fn(&Json, &mut String)) {
    out.push('[');
    for (n, item) in items.iter().enumerate() {
        if n > 0 {
            out.push(',');
        }
        write(item, out);
    }
    out.push(']');
}

fn write_object<'r>(entries: impl IntoIterator<Item = (&'r str, &'r Json)>, out: &mut String) {
    out.push('{');
    for (n, (name, value)) in entries.into_iter().enumerate() {
        if n > 0 {
            out.push(',');
        }
        out.push_str(&Json::from(name).to_string());
        out.push(':');
        write(value, out);
    }
    out.push('}');
}
