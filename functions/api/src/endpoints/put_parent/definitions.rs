//! Parses a parent's custom fields and attributes, each a column of its files: `[{"key": "job", "label": "Job", "kind":
//! "text"}, "age"]`. A string alone is the key of a column of texts.

use std::collections::HashSet;

use serde_json::Value;
use waybill::catalog::{Catalog, Definition, Definitions, OTHER};
use waybill::parent::KindName;
use waybill::value::Kind;

use crate::http::body::Fields;

/// The maximum number of custom fields, and of attributes, of a parent.
const MAX_DEFINITIONS: usize = 200;
/// The maximum length of a key or label in characters.
const MAX_LENGTH: usize = 100;
const FORM: &str =
    r#"must be a list, such as [{"key": "job", "label": "Job", "kind": "text"}, "age"]"#;
const ENTRY: &str = "must be a key, or an object with `key`, and perhaps `label` and `kind`";
const KNOWN: [&str; 3] = ["key", "label", "kind"];

/// Takes `custom_fields` and `attributes`. The columns of a file must have different keys, so a key of the catalog is
/// refused.
pub(super) fn parse(fields: &mut Fields, kind: &KindName, catalog: &Catalog) -> Definitions {
    let of_kind = catalog.types().iter();
    let of_kind = of_kind.filter(|t| t.custom && t.parent == *kind);
    let system = of_kind.flat_map(|t| t.columns.iter().map(|column| column.key.clone()));
    let mut parser = Parser {
        fields,
        system: system.chain([OTHER.to_owned()]).collect(),
        defined: HashSet::new(),
    };
    Definitions {
        custom_fields: parser.list("custom_fields"),
        attributes: parser.list("attributes"),
    }
}

struct Parser<'a> {
    fields: &'a mut Fields,
    /// The keys of the catalog's columns.
    system: HashSet<String>,
    defined: HashSet<String>,
}

impl Parser<'_> {
    fn list(&mut self, name: &str) -> Vec<Definition> {
        let list = match self.fields.take(name) {
            None => return Vec::new(),
            Some(Value::Array(list)) => list,
            Some(_) => {
                self.fields.refuse(name, FORM);
                return Vec::new();
            }
        };
        if list.len() > MAX_DEFINITIONS {
            self.fields
                .refuse(name, format!("must have at most {MAX_DEFINITIONS} entries"));
            return Vec::new();
        }
        let entries = list.into_iter().enumerate();
        entries
            .filter_map(|(n, entry)| self.definition(&format!("{name}[{n}]"), entry))
            .collect()
    }

    fn definition(&mut self, name: &str, entry: Value) -> Option<Definition> {
        let mut entry = match entry {
            Value::String(key) => {
                return Some(Definition {
                    label: key.clone(),
                    key: self.key(name, key)?,
                    kind: Kind::Text,
                });
            }
            Value::Object(entry) => entry,
            _ => {
                self.fields.refuse(name, ENTRY);
                return None;
            }
        };
        for unknown in entry.keys().filter(|key| !KNOWN.contains(&key.as_str())) {
            let unknown: String = unknown.chars().take(MAX_LENGTH).collect();
            self.fields.refuse(
                &format!("{name}.{unknown}"),
                format!("is unknown; the fields are {}", KNOWN.join(", ")),
            );
        }
        let key = match entry.remove("key") {
            Some(Value::String(key)) => self.key(&format!("{name}.key"), key),
            None | Some(Value::Null) => {
                self.fields.refuse(&format!("{name}.key"), "is required");
                None
            }
            Some(_) => {
                self.fields.refuse(&format!("{name}.key"), "must be a text");
                None
            }
        };
        let label = match entry.remove("label") {
            None | Some(Value::Null) => key.clone(),
            Some(Value::String(label)) => {
                self.fields
                    .line(&format!("{name}.label"), Some(label), MAX_LENGTH)
            }
            Some(_) => {
                self.fields
                    .refuse(&format!("{name}.label"), "must be a text");
                None
            }
        };
        let kind = match entry.remove("kind") {
            None | Some(Value::Null) => Some(Kind::Text),
            Some(kind) => serde_json::from_value(kind).ok(),
        };
        if kind.is_none() {
            let kinds = Kind::ALL.map(Kind::as_str).join(", ");
            self.fields
                .refuse(&format!("{name}.kind"), format!("must be one of {kinds}"));
        }
        Some(Definition {
            key: key?,
            label: label?,
            kind: kind?,
        })
    }

    fn key(&mut self, name: &str, key: String) -> Option<String> {
        let length = key.chars().count();
        let is_line = !key.contains(char::is_control) && key.trim() == key;
        let problem = if !(1..=MAX_LENGTH).contains(&length) || !is_line {
            format!("must have 1 to {MAX_LENGTH} characters, in one line, and no space at its ends")
        } else if self.system.contains(&key) {
            "is the key of another column, which every file has".to_owned()
        } else if self.defined.contains(&key) {
            "is defined twice; custom fields and attributes share one set of keys".to_owned()
        } else {
            self.defined.insert(key.clone());
            return Some(key);
        };
        self.fields.refuse(name, problem);
        None
    }
}
