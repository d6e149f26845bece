//! Lists, maps and sets as compact JSON, and what of a record no column has.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};

use crate::catalog::{Others, Path};
use crate::value::Value;

/// The value of `{"L":[…]}` and the like.
pub(super) fn value(typed: &str) -> Value<'static> {
    // The scanner has gone over it; what it lets pass and this does not is no value.
    let Ok(typed) = serde_json::from_str::<Json>(typed) else {
        return Value::Missing;
    };
    let mut json = String::new();
    write(&typed, &mut json);
    Value::Json(Cow::Owned(json))
}

/// What no column has, as one JSON object, with what is at the paths `not_shown`: columns that could have had these values
/// show others. The values of a map are under their own names, or with the map's name before
/// it where another value has that name.
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

/// What of a record columns have.
struct Known<'a> {
    others: &'a Others,
    not_shown: &'a [&'a Path],
}

impl Known<'_> {
    fn has(&self, path: &[String]) -> bool {
        self.others.is_known(path) && !self.not_shown.iter().any(|shown| shown.names() == path)
    }
}

fn collect<'r>(
    map: &'r Map<String, Json>,
    path: &mut Vec<String>,
    known: &Known<'_>,
    found: &mut BTreeMap<String, &'r Json>,
) {
    // In the order of the names, so that the same record always makes the same object; maps come last.
    let mut entries: Vec<_> = map.iter().collect();
    entries.sort_unstable_by_key(|(name, value)| (value.get("M").is_some(), name.as_str()));
    for (name, value) in entries {
        path.push(name.clone());
        match value.get("M") {
            _ if known.has(path) => {}
            Some(Json::Object(map)) if known.others.is_looked_into(path) => {
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

/// Compact JSON of `{"S":"…"}` and the like, with names in the order of their bytes: DynamoDB's maps have none, and the
/// same record must always make the same bytes.
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
        // Null, and whatever DynamoDB may add.
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
