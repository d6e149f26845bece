//! Parses JSON and finds repeated keys of objects, of which other parsers take the last without a word.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// The maximum length of a repeated key's path in an error, in characters. A key may be as long as a body.
const MAX_PATH: usize = 200;

/// Parses a JSON text. Returns the value, in which the first of repeated keys stays, and the paths of repeated keys:
/// `filters.status`.
///
/// # Errors
/// When the text is not JSON.
pub(super) fn parse(json: &[u8]) -> serde_json::Result<(Value, Vec<String>)> {
    let mut repeated = Vec::new();
    let mut reader = serde_json::Deserializer::from_slice(json);
    let seed = Seed {
        path: String::new(),
        repeated: &mut repeated,
    };
    let value = seed.deserialize(&mut reader)?;
    reader.end()?;
    Ok((value, repeated))
}

struct Seed<'a> {
    path: String,
    repeated: &'a mut Vec<String>,
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Value, E> {
        Ok(Value::Bool(flag))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Number(number.into()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(Value::Number(number.into()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(Number::from_f64(number).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::String(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(element) = elements.next_element_seed(Seed {
            path: format!("{}[{}]", self.path, list.len()),
            repeated: self.repeated,
        })? {
            list.push(element);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            let path = match self.path.is_empty() {
                true => key.clone(),
                false => format!("{}.{key}", self.path),
            };
            if object.contains_key(&key) {
                self.repeated.push(path.chars().take(MAX_PATH).collect());
            }
            let value = entries.next_value_seed(Seed {
                path,
                repeated: self.repeated,
            })?;
            object.entry(key).or_insert(value);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_json_value_is_read_as_serde_json_reads_it() {
        for json in [
            "null",
            r#"{"a": [1, -2, 2.5, 18446744073709551615, "x\u00e9", true, null, {"b": {}}], "c": []}"#,
            " [ ] ",
        ] {
            let (value, repeated) = parse(json.as_bytes()).unwrap();
            let expected: Value = serde_json::from_str(json).unwrap();
            assert_eq!(value, expected);
            assert!(repeated.is_empty());
        }
        for json in ["", "{", "[1,]", "{} {}", "nul", "\"\u{1}\"", "{\"a\": 01}"] {
            let expected = serde_json::from_str::<Value>(json).unwrap_err().to_string();
            assert_eq!(parse(json.as_bytes()).unwrap_err().to_string(), expected);
        }
    }

    #[test]
    fn repeated_keys_are_named_with_their_paths() {
        let json = br#"{"a": 1, "f": {"s": 1, "s": 2}, "a": 2, "l": [{"x": 1, "x": 1}], "a": 3}"#;
        let (value, repeated) = parse(json).unwrap();
        assert_eq!(repeated, ["f.s", "a", "l[0].x", "a"]);
        assert_eq!(value["a"], 1);
    }
}
