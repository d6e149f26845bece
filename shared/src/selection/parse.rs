//! Parses filters and a search from a JSON body or a query string.

mod conditions;

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::column_filter::ColumnFilter;
use super::{Attribute, Criteria, Filters, MAX_SEARCH_LENGTH, Range, Search, TimeBound};
use crate::catalog::{ATTRIBUTES, CREATED_AT};
use crate::catalog::{Column, ExportType};
use crate::field_error::FieldError;
use crate::value::Kind;
use crate::value::number::is_number;
use crate::value::time::{Stamp, parse_date};

/// The maximum number of values of one filter.
const MAX_VALUES: usize = 100;
/// The maximum length of a filter's value, in characters.
const MAX_VALUE_LENGTH: usize = 200;
/// The maximum number of attributes that a request filters by.
const MAX_ATTRIBUTES: usize = 20;

const SEARCH: &str = "search";

pub(super) fn from_json(
    export_type: &ExportType,
    filters: Option<&Value>,
    search: Option<&Value>,
) -> Result<Criteria, Vec<FieldError>> {
    let mut parser = Parser::new(export_type, "filters.");
    let filters = match filters {
        None | Some(Value::Null) => Filters::default(),
        Some(Value::Object(filters)) => parser.filters(filters),
        Some(_) => parser.refuse(
            "filters",
            r#"must be an object, such as {"status": ["paid"]}"#,
        ),
    };
    let search = match search {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) => parser.search(text),
        Some(_) => parser.refuse(SEARCH, "must be a text"),
    };
    parser.end(filters, search)
}

pub(super) fn from_query<'a>(
    export_type: &ExportType,
    pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Result<Criteria, Vec<FieldError>> {
    let mut parser = Parser::new(export_type, "");
    let mut filters = Map::new();
    let mut search = None;
    for (name, value) in pairs {
        let value = Value::from(value);
        let twice = match name.split_once('.') {
            None if name == SEARCH => search.replace(value).is_some(),
            Some((CREATED_AT, bound)) => object(&mut filters, CREATED_AT)
                .is_none_or(|range| range.insert(bound.to_owned(), value).is_some()),
            Some((ATTRIBUTES, attribute)) => {
                object(&mut filters, ATTRIBUTES).is_none_or(|attributes| {
                    if value == "true" {
                        return attributes
                            .insert(attribute.to_owned(), Value::Bool(true))
                            .is_some();
                    }
                    !append(attributes, attribute, value)
                })
            }
            Some((column, condition)) if !export_type.filters.iter().any(|known| known == name) => {
                object(&mut filters, column).is_none_or(|conditions| match condition {
                    "not" => !append(conditions, condition, value),
                    _ => conditions.insert(condition.to_owned(), value).is_some(),
                })
            }
            _ => !append(&mut filters, name, value),
        };
        if twice {
            parser
                .errors
                .push(FieldError::new(name, "must not be repeated"));
        }
    }
    let filters = parser.filters(&filters);
    let search = search
        .as_ref()
        .and_then(Value::as_str)
        .and_then(|text| parser.search(text));
    parser.end(filters, search)
}

/// The object under this name, created if absent. `None` if the name has another value.
fn object<'a>(
    filters: &'a mut Map<String, Value>,
    name: &str,
) -> Option<&'a mut Map<String, Value>> {
    filters
        .entry(name)
        .or_insert_with(|| Value::Object(Map::new()))
        .as_object_mut()
}

/// Appends a value to the list under this name. Returns false if the name has another value.
fn append(filters: &mut Map<String, Value>, name: &str, value: Value) -> bool {
    match filters
        .entry(name)
        .or_insert_with(|| Value::Array(Vec::new()))
    {
        Value::Array(values) => {
            values.push(value);
            true
        }
        _ => false,
    }
}

struct Parser<'a> {
    export_type: &'a ExportType,
    prefix: &'static str,
    errors: Vec<FieldError>,
}

impl<'a> Parser<'a> {
    fn new(export_type: &'a ExportType, prefix: &'static str) -> Self {
        Self {
            export_type,
            prefix,
            errors: Vec::new(),
        }
    }

    fn end(
        self,
        filters: Filters<TimeBound>,
        search: Option<Search>,
    ) -> Result<Criteria, Vec<FieldError>> {
        if !self.errors.is_empty() {
            return Err(self.errors);
        }
        let columns = self.export_type.columns.iter();
        let kinds = columns.map(|column| (column.key.clone(), column.kind));
        Ok(Criteria {
            kinds: kinds
                .filter(|(key, _)| filters.columns.contains_key(key))
                .collect(),
            filters,
            search,
            prefix: self.prefix,
        })
    }

    fn refuse<T: Default>(&mut self, field: impl Into<String>, message: impl Into<String>) -> T {
        self.errors.push(FieldError::new(field, message));
        T::default()
    }

    fn search(&mut self, text: &str) -> Option<Search> {
        if text.trim().is_empty() {
            return None;
        }
        let search = Search::new(text);
        if search.is_none() {
            return self.refuse(
                SEARCH,
                format!("must have at most {MAX_SEARCH_LENGTH} characters"),
            );
        }
        search
    }

    fn filters(&mut self, filters: &Map<String, Value>) -> Filters<TimeBound> {
        let mut parsed = Filters::default();
        for (name, value) in filters {
            let field = format!("{}{name}", self.prefix);
            if !self.export_type.filters.contains(name) {
                let known = self.export_type.filters.join(", ");
                self.refuse::<()>(
                    field,
                    format!(
                        "is no filter of {}; its filters are {known}",
                        self.export_type.name
                    ),
                );
                continue;
            }
            if value.is_null() {
                continue;
            }
            match name.as_str() {
                CREATED_AT => parsed.created_at = self.range(&field, value),
                ATTRIBUTES => parsed.attributes = self.attributes(&field, value),
                _ => {
                    let Some(column) = self.export_type.column(name) else {
                        continue;
                    };
                    let filter = self.column(&field, column, value);
                    parsed.columns.insert(name.clone(), filter);
                }
            }
        }
        parsed
    }

    fn column(&mut self, field: &str, column: &Column, value: &Value) -> ColumnFilter<TimeBound> {
        match value {
            Value::Object(object) => self.conditions(field, column, object),
            values => {
                ColumnFilter::OneOf(self.values(field, values, |value| column_value(column, value)))
            }
        }
    }

    fn range(&mut self, field: &str, value: &Value) -> Range<TimeBound> {
        let mut range = Range::default();
        let Value::Object(bounds) = value else {
            return self.refuse(field, "must be an object with `from`, `to` or both");
        };
        for (name, value) in bounds {
            let field = format!("{field}.{name}");
            let bound = match name.as_str() {
                "from" => &mut range.from,
                "to" => &mut range.to,
                _ => {
                    self.refuse::<()>(
                        field,
                        "is unknown; the bounds are `from` (inclusive) and `to` (exclusive)",
                    );
                    continue;
                }
            };
            if value.is_null() {
                continue;
            }
            *bound = value.as_str().and_then(TimeBound::parse);
            if bound.is_none() {
                self.refuse::<()>(field, format!("must be {}", TimeBound::FORMS));
            }
        }
        range
    }

    fn attributes(&mut self, field: &str, value: &Value) -> BTreeMap<String, Attribute> {
        let Value::Object(attributes) = value else {
            return self.refuse(
                field,
                r#"must be an object, such as {"vip": true, "campaign": ["spring", "summer"]}"#,
            );
        };
        if attributes.len() > MAX_ATTRIBUTES {
            return self.refuse(
                field,
                format!("must name at most {MAX_ATTRIBUTES} attributes"),
            );
        }
        let mut parsed = BTreeMap::new();
        for (name, value) in attributes {
            let field = format!("{field}.{name}");
            let attribute = match value {
                Value::Null => continue,
                Value::Bool(true) => Attribute::Present,
                value => Attribute::OneOf(self.values(&field, value, attribute_value)),
            };
            if !(1..=MAX_VALUE_LENGTH).contains(&name.chars().count()) {
                self.refuse::<()>(
                    field,
                    format!("must have a name of 1 to {MAX_VALUE_LENGTH} characters"),
                );
                continue;
            }
            parsed.insert(name.clone(), attribute);
        }
        parsed
    }

    /// Parses one value or a list of values; the result is sorted and unique.
    fn values(
        &mut self,
        field: &str,
        value: &Value,
        read: impl Fn(&Value) -> Result<String, String>,
    ) -> Vec<String> {
        let list = match value {
            Value::Array(values) if values.is_empty() => {
                return self.refuse(
                    field,
                    "must not be an empty list; leave the filter out for all records",
                );
            }
            Value::Array(values) if values.len() > MAX_VALUES => {
                return self.refuse(field, format!("must list at most {MAX_VALUES} values"));
            }
            Value::Array(values) => values.as_slice(),
            one => std::slice::from_ref(one),
        };
        let mut values = Vec::with_capacity(list.len());
        for value in list {
            match read(value) {
                Ok(value) => values.push(value),
                Err(message) => return self.refuse(field, message),
            }
        }
        values.sort_unstable();
        values.dedup();
        values
    }
}

/// The text of a value, if the column can have it; else what the column expects.
fn column_value(column: &Column, value: &Value) -> Result<String, String> {
    let text = match (value, column.kind) {
        (Value::String(text), _) => text.clone(),
        (Value::Number(number), Kind::Integer | Kind::Decimal) => number.to_string(),
        (Value::Bool(flag), Kind::Boolean) => flag.to_string(),
        _ => {
            return Err(format!(
                "must be {} or a list of such",
                expected(column.kind)
            ));
        }
    };
    if !column.values.is_empty() && !column.values.contains(&text) {
        return Err(format!("must be one of {}", column.values.join(", ")));
    }
    let fits = match column.kind {
        Kind::Integer | Kind::Decimal => is_number(&text),
        Kind::Boolean => matches!(text.as_str(), "true" | "false"),
        Kind::Date => parse_date(&text).is_some(),
        Kind::Timestamp => Stamp::parse(&text).is_some(),
        Kind::Text | Kind::Email | Kind::Phone => !text.is_empty(),
    };
    if !fits || text.chars().count() > MAX_VALUE_LENGTH {
        return Err(format!(
            "must be {} or a list of such",
            expected(column.kind)
        ));
    }
    Ok(text)
}

fn expected(kind: Kind) -> &'static str {
    match kind {
        Kind::Integer | Kind::Decimal => "a number",
        Kind::Boolean => "true, false",
        Kind::Date => "a date (2017-10-01)",
        Kind::Timestamp => "an instant (2017-10-01T00:00:00Z)",
        Kind::Text | Kind::Email | Kind::Phone => "a text of 1 to 200 characters",
    }
}

fn attribute_value(value: &Value) -> Result<String, String> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => String::new(),
    };
    if (1..=MAX_VALUE_LENGTH).contains(&text.chars().count()) {
        return Ok(text);
    }
    Err("must be true (has it), or a text of 1 to 200 characters or a list of such (has one of these)".to_owned())
}

#[cfg(test)]
mod tests;
