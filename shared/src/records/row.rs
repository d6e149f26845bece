//! Items of DynamoDB as rows of values.

use std::borrow::Cow;

use aws_sdk_dynamodb::types::AttributeValue;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::catalog::Path;
use crate::store::Item;
use crate::value::Value;

/// One record.
#[derive(Debug, Clone, Copy)]
pub struct Row<'p> {
    pub(super) item: &'p Item,
}

impl<'p> Row<'p> {
    /// The record's values at `paths`, into `values`, which is emptied first.
    pub fn values(&self, paths: &[Path], values: &mut Vec<Value<'p>>) {
        values.clear();
        values.extend(paths.iter().map(|path| self.value(path)));
    }

    fn value(&self, path: &Path) -> Value<'p> {
        let mut names = path.names().iter();
        let mut found = names.next().and_then(|name| self.item.get(name));
        for name in names {
            found = match found {
                Some(AttributeValue::M(map)) => map.get(name),
                _ => None,
            };
        }
        found.map_or(Value::Missing, value)
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
    let text = |text: &String, out: &mut String| {
        out.push_str(&serde_json::Value::from(text.as_str()).to_string())
    };
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
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_unstable_by_key(|(name, _)| name.as_str());
            out.push('{');
            for (n, (name, value)) in entries.into_iter().enumerate() {
                if n > 0 {
                    out.push(',');
                }
                text(name, out);
                out.push(':');
                write_json(value, out);
            }
            out.push('}');
        }
        // Null, and whatever DynamoDB may add.
        _ => out.push_str("null"),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

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
            Path::new(first, rest.iter().map(|name| (*name).to_owned()))
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
}
