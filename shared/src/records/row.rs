//! Items of DynamoDB as rows of values.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::types::AttributeValue;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::catalog::{Origin, Others, Path};
use crate::store::Item;
use crate::value::Value;

/// One record.
#[derive(Debug, Clone, Copy)]
pub struct Row<'p> {
    pub(super) item: &'p Item,
}

impl<'p> Row<'p> {
    /// The record's values that `origins` name, into `values`, which is emptied first.
    pub fn values(&self, origins: &[Origin], values: &mut Vec<Value<'p>>) {
        values.clear();
        values.extend(origins.iter().map(|origin| self.value(origin)));
    }

    fn value(&self, origin: &Origin) -> Value<'p> {
        match origin {
            Origin::Paths { paths, otherwise } => {
                let found = paths.iter().find_map(|path| self.at(path)).map(value);
                let otherwise = || {
                    otherwise
                        .as_ref()
                        .map(|text| Value::Text(text.clone().into()))
                };
                found.or_else(otherwise).unwrap_or(Value::Missing)
            }
            Origin::Others(others) => self.others(others),
        }
    }

    fn at(&self, path: &Path) -> Option<&'p AttributeValue> {
        let mut names = path.names().iter();
        let mut found = names.next().and_then(|name| self.item.get(name));
        for name in names {
            found = match found {
                Some(AttributeValue::M(map)) => map.get(name),
                _ => None,
            };
        }
        found
    }

    /// What no column has, as one JSON object. The values of a map are under their own names, or with the map's name
    /// before it where another value has that name.
    fn others(&self, others: &Others) -> Value<'p> {
        let mut found = BTreeMap::new();
        collect(self.item, &mut Vec::new(), others, &mut found);
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
}

fn collect<'p>(
    map: &'p HashMap<String, AttributeValue>,
    path: &mut Vec<String>,
    others: &Others,
    found: &mut BTreeMap<String, &'p AttributeValue>,
) {
    // In the order of the names, so that the same record always makes the same object; maps come last.
    let mut entries: Vec<_> = map.iter().collect();
    entries.sort_unstable_by_key(|(name, value)| (value.is_m(), name.as_str()));
    for (name, value) in entries {
        path.push(name.clone());
        match value {
            _ if others.is_known(path) => {}
            AttributeValue::M(map) if others.is_looked_into(path) => {
                collect(map, path, others, found);
            }
            value => {
                let is_of_a_map = path.len() > 1 && others.maps.contains(&path[0]);
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

fn value(attribute: &AttributeValue) -> Value<'_> {
    match attribute {
        AttributeValue::Null(_) => Value::Null,
        AttributeValue::Bool(bool) => Value::Bool(*bool),
        AttributeValue::N(digits) => Value::Number(Cow::Borrowed(digits)),
        AttributeValue::S(text) => Value::Text(Cow::Borrowed(text)),
        AttributeValue::B(bytes) => Value::Text(Cow::Owned(STANDARD.encode(bytes))),
        other => {
            let mut json = String::new();
            write_json(other, &mut json);
            Value::Json(Cow::Owned(json))
        }
    }
}

/// Compact JSON, with names in the order of their bytes: the SDK's maps have none, and the same record must always
/// make the same bytes.
fn write_json(attribute: &AttributeValue, out: &mut String) {
    fn list<T>(items: &[T], out: &mut String, write: impl Fn(&T, &mut String)) {
        out.push('[');
        for (n, item) in items.iter().enumerate() {
            if n > 0 {
                out.push(',');
            }
            write(item, out);
        }
        out.push(']');
    }
    let text = |text: &String, out: &mut String| write_text(text, out);
    match attribute {
        AttributeValue::Bool(bool) => out.push_str(if *bool { "true" } else { "false" }),
        AttributeValue::N(digits) => out.push_str(digits),
        AttributeValue::S(s) => text(s, out),
        AttributeValue::B(bytes) => text(&STANDARD.encode(bytes), out),
        AttributeValue::L(items) => list(items, out, write_json),
        AttributeValue::Ss(items) => list(items, out, text),
        AttributeValue::Ns(items) => list(items, out, |digits, out| out.push_str(digits)),
        AttributeValue::Bs(items) => {
            list(items, out, |bytes, out| text(&STANDARD.encode(bytes), out))
        }
        AttributeValue::M(map) => {
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

fn write_object<'a>(
    entries: impl IntoIterator<Item = (&'a str, &'a AttributeValue)>,
    out: &mut String,
) {
    out.push('{');
    for (n, (name, value)) in entries.into_iter().enumerate() {
        if n > 0 {
            out.push(',');
        }
        write_text(name, out);
        out.push(':');
        write_json(value, out);
    }
    out.push('}');
}

fn write_text(text: &str, out: &mut String) {
    out.push_str(&serde_json::Value::from(text).to_string());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn s(text: &str) -> AttributeValue {
        AttributeValue::S(text.into())
    }

    #[test]
    fn a_path_leads_into_maps_and_ends_where_there_are_none() {
        let address = AttributeValue::M(HashMap::from([("city".to_owned(), s("Porto"))]));
        let item = HashMap::from([
            ("address".to_owned(), address),
            ("name".to_owned(), s("Ana")),
        ]);
        let row = Row { item: &item };
        let path = |first: &str, rest: &[&str]| {
            Origin::from(Path::new(first, rest.iter().map(|name| (*name).to_owned())))
        };
        let mut values = vec![Value::Null];
        row.values(
            &[
                path("address", &["city"]),
                path("name", &["city"]),
                path("other", &[]),
            ],
            &mut values,
        );
        assert_eq!(
            values,
            [Value::Text("Porto".into()), Value::Missing, Value::Missing]
        );
    }

    #[test]
    fn lists_and_maps_are_compact_json_in_one_order() {
        let map: HashMap<_, _> = ["b", "a", "\""]
            .map(|name| (name.to_owned(), s(name)))
            .into();
        let list = AttributeValue::L(vec![
            AttributeValue::N("1.50".into()),
            AttributeValue::Null(true),
            AttributeValue::Bool(true),
            AttributeValue::M(map),
        ]);
        assert_eq!(
            value(&list),
            Value::Json(r#"[1.50,null,true,{"\"":"\"","a":"a","b":"b"}]"#.into())
        );
        assert_eq!(
            value(&AttributeValue::Ss(vec!["é".into()])),
            Value::Json(r#"["é"]"#.into())
        );
    }

    fn map(
        entries: impl IntoIterator<Item = (&'static str, AttributeValue)>,
    ) -> HashMap<String, AttributeValue> {
        entries
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect()
    }

    #[test]
    fn the_first_path_with_a_value_counts_and_a_text_stands_for_none() {
        let custom = AttributeValue::M(map([("job", s("cook"))]));
        let item = map([("custom", custom), ("job", s("actor")), ("age", s("7"))]);
        let row = Row { item: &item };
        let origin = |key: &str, otherwise: Option<&str>| Origin::Paths {
            paths: vec![Path::new("custom", [key.to_owned()]), Path::new(key, [])],
            otherwise: otherwise.map(str::to_owned),
        };
        let origins = [
            origin("job", Some("-")),
            origin("age", None),
            origin("size", Some("-")),
            origin("size", None),
        ];
        let mut values = Vec::new();
        row.values(&origins, &mut values);
        let text = |text: &'static str| Value::Text(text.into());
        assert_eq!(values, [text("cook"), text("7"), text("-"), Value::Missing]);
    }

    #[test]
    fn what_no_column_has_is_one_object_and_nothing_is_dropped() {
        let path = |text: &str| {
            let mut names = text.split('.').map(str::to_owned);
            Path::new(names.next().unwrap(), names)
        };
        let others = Origin::Others(Others {
            known: ["pk", "name", "address.city", "custom.job", "attributes.vip"]
                .map(path)
                .into(),
            maps: ["custom", "attributes"].map(str::to_owned).into(),
        });
        let shown = |item: HashMap<String, AttributeValue>| {
            Row { item: &item }
                .value(&others)
                .as_text()
                .map(str::to_owned)
        };
        let known = || [("pk", s("leads#web")), ("name", s("Ana"))];
        assert_eq!(shown(map(known())), None);
        let custom = AttributeValue::M(map([
            ("job", s("cook")),
            ("age", AttributeValue::N("7".into())),
        ]));
        let attributes = AttributeValue::M(map([
            ("vip", AttributeValue::Bool(true)),
            ("age", s("old")),
            ("tags", AttributeValue::L(vec![s("a")])),
        ]));
        let address = AttributeValue::M(map([("city", s("Porto")), ("county", s("=1+1"))]));
        let more = [
            ("custom", custom),
            ("attributes", attributes),
            ("address", address),
            ("tags", s("top")),
        ];
        assert_eq!(
            shown(map(known().into_iter().chain(more))).as_deref(),
            Some(
                r#"{"address.county":"=1+1","age":"old","attributes.tags":["a"],"custom.age":7,"tags":"top"}"#
            )
        );
        assert_eq!(
            shown(map([("custom", s("no map"))])).as_deref(),
            Some(r#"{"custom":"no map"}"#)
        );
    }
}
