//! Reads filters and a search from a JSON body or a query string.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{Attribute, Criteria, Filters, MAX_SEARCH_LENGTH, Moment, Range, Search};
use crate::catalog::{ATTRIBUTES, CREATED_AT};
use crate::catalog::{Column, ExportType};
use crate::field_error::FieldError;
use crate::value::Kind;
use crate::value::number::is_number;
use crate::value::time::{Stamp, parse_date};

/// The most values that one filter may list.
const MAX_VALUES: usize = 100;
/// The longest value of a filter, in characters.
const MAX_VALUE_LENGTH: usize = 200;
/// The most attributes that one request may filter by.
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
            _ => !append(&mut filters, name, value),
        };
        if twice {
            parser.errors.push(FieldError::new(name, "is there twice"));
        }
    }
    let filters = parser.filters(&filters);
    let search = search
        .as_ref()
        .and_then(Value::as_str)
        .and_then(|text| parser.search(text));
    parser.end(filters, search)
}

/// The object of this name, which is made where nothing is there. `None` where something else is.
fn object<'a>(
    filters: &'a mut Map<String, Value>,
    name: &str,
) -> Option<&'a mut Map<String, Value>> {
    filters
        .entry(name)
        .or_insert_with(|| Value::Object(Map::new()))
        .as_object_mut()
}

/// Puts one more value into the list of this name. False where something else is there already.
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
        filters: Filters<Moment>,
        search: Option<Search>,
    ) -> Result<Criteria, Vec<FieldError>> {
        if !self.errors.is_empty() {
            return Err(self.errors);
        }
        Ok(Criteria {
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

    fn filters(&mut self, filters: &Map<String, Value>) -> Filters<Moment> {
        let mut parsed = Filters::default();
        for (name, value) in filters {
            let field = format!("{}{name}", self.prefix);
            if !self.export_type.filters.contains(name) {
                let known = self.export_type.filters.join(", ");
                self.refuse::<()>(
                    field,
                    format!("is no filter of {}; it has {known}", self.export_type.name),
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
                    let values = self.values(&field, value, |value| column_value(column, value));
                    parsed.columns.insert(name.clone(), values);
                }
            }
        }
        parsed
    }

    fn range(&mut self, field: &str, value: &Value) -> Range<Moment> {
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
                        "is no bound; there are `from` (inclusive) and `to` (exclusive)",
                    );
                    continue;
                }
            };
            if value.is_null() {
                continue;
            }
            *bound = value.as_str().and_then(Moment::parse);
            if bound.is_none() {
                self.refuse::<()>(field, format!("must be {}", Moment::FORMS));
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

    /// One value or a list of them, sorted, each once.
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

/// A value that the column can have, as text.
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
        return Err(format!("must be of {}", column.values.join(", ")));
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
mod tests {
    use insta::assert_snapshot;
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::selection::tests::{leads, orders};

    fn json(filters: Value) -> Result<Criteria, Vec<FieldError>> {
        from_json(&leads(), Some(&filters), None)
    }

    fn refusal(filters: Value) -> String {
        let errors = json(filters).unwrap_err();
        errors
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join("\n")
    }

    fn canonical(criteria: &Criteria) -> String {
        serde_json::to_string(criteria).unwrap()
    }

    #[test]
    fn a_body_and_a_query_that_say_the_same_are_the_same() {
        let body = from_json(
            &leads(),
            Some(&json!({
                "status": ["new", "sold", "new"],
                "created_at": {"from": "-30d", "to": "2017-11-01T01:00:00+01:00"},
                "attributes": {"vip": true, "campaign": ["b", "a"]},
                "score": 7,
            })),
            Some(&json!("  Ana ")),
        )
        .unwrap();
        let query = from_query(
            &leads(),
            [
                ("created_at.to", "2017-11-01T00:00:00Z"),
                ("status", "sold"),
                ("status", "new"),
                ("attributes.campaign", "a"),
                ("attributes.vip", "true"),
                ("attributes.campaign", "b"),
                ("score", "7"),
                ("search", "Ana"),
                ("created_at.from", "-30d"),
            ],
        )
        .unwrap();
        assert_eq!(canonical(&body), canonical(&query));
        assert_snapshot!(canonical(&body), @r#"{"filters":{"created_at":{"from":"-30d","to":"2017-11-01T00:00:00Z"},"attributes":{"campaign":["a","b"],"vip":true},"score":["7"],"status":["new","sold"]},"search":"Ana"}"#);
    }

    #[test]
    fn nothing_is_no_filter() {
        let nothing = from_json(&leads(), None, None).unwrap();
        for filters in [
            json!(null),
            json!({}),
            json!({"status": null}),
            json!({"created_at": {}}),
            json!({"created_at": {"from": null, "to": null}}),
            json!({"attributes": {}}),
            json!({"attributes": {"vip": null}}),
        ] {
            for search in [json!(null), json!(""), json!(" \t")] {
                assert_eq!(
                    from_json(&leads(), Some(&filters), Some(&search)).unwrap(),
                    nothing,
                    "{filters}"
                );
            }
        }
        assert_eq!(
            canonical(&from_query(&leads(), [("search", " ")]).unwrap()),
            canonical(&nothing)
        );
    }

    #[test]
    fn what_is_wrong_is_named_field_by_field() {
        assert_snapshot!(refusal(json!([])), @r#"filters: must be an object, such as {"status": ["paid"]}"#);
        assert_snapshot!(refusal(json!({"city": "Rio", "status": []})), @"
        filters.city: is no filter of leads; it has status, created_at, attributes, score, vip, born, seen
        filters.status: must not be an empty list; leave the filter out for all records
        ");
        assert_snapshot!(refusal(json!({"status": ["new", 5]})), @"filters.status: must be a text of 1 to 200 characters or a list of such");
        assert_snapshot!(refusal(json!({"status": ""})), @"filters.status: must be a text of 1 to 200 characters or a list of such");
        assert_snapshot!(refusal(json!({"status": "x".repeat(201)})), @"filters.status: must be a text of 1 to 200 characters or a list of such");
        assert_snapshot!(refusal(json!({"status": vec!["a"; 101]})), @"filters.status: must list at most 100 values");
        assert_snapshot!(refusal(json!({"score": "7a"})), @"filters.score: must be a number or a list of such");
        assert_snapshot!(refusal(json!({"vip": "yes"})), @"filters.vip: must be true, false or a list of such");
        assert_snapshot!(refusal(json!({"born": "2017-02-30"})), @"filters.born: must be a date (2017-10-01) or a list of such");
        assert_snapshot!(refusal(json!({"seen": "2017-02-03"})), @"filters.seen: must be an instant (2017-10-01T00:00:00Z) or a list of such");
        assert_snapshot!(refusal(json!({"created_at": "2017-10-01"})), @"filters.created_at: must be an object with `from`, `to` or both");
        assert_snapshot!(refusal(json!({"created_at": {"since": "x", "from": "soon", "to": 5}})), @"
        filters.created_at.since: is no bound; there are `from` (inclusive) and `to` (exclusive)
        filters.created_at.from: must be an instant (2017-10-01T00:00:00Z), a date (2017-10-01), or how long ago in days or hours (-30d, -12h)
        filters.created_at.to: must be an instant (2017-10-01T00:00:00Z), a date (2017-10-01), or how long ago in days or hours (-30d, -12h)
        ");
        assert_snapshot!(refusal(json!({"attributes": ["vip"]})), @r#"filters.attributes: must be an object, such as {"vip": true, "campaign": ["spring", "summer"]}"#);
        assert_snapshot!(refusal(json!({"attributes": {"vip": false}})), @"filters.attributes.vip: must be true (has it), or a text of 1 to 200 characters or a list of such (has one of these)");
        assert_snapshot!(refusal(json!({"attributes": {"": true}})), @"filters.attributes.: must have a name of 1 to 200 characters");
        let many: Map<_, _> = (0..21).map(|n| (n.to_string(), json!(true))).collect();
        assert_snapshot!(refusal(json!({"attributes": many})), @"filters.attributes: must name at most 20 attributes");
    }

    #[test]
    fn a_column_with_values_accepts_only_these() {
        let errors = from_json(&orders(), Some(&json!({"status": ["paid"]})), None).unwrap_err();
        assert_snapshot!(errors[0], @"filters.status: must be of created, approved, invoiced, processing, shipped, delivered, unavailable, canceled");
    }

    #[test]
    fn a_search_is_a_text_of_at_most_200_characters() {
        let refusal =
            |search: Value| from_json(&leads(), None, Some(&search)).unwrap_err()[0].to_string();
        assert_snapshot!(refusal(json!(5)), @"search: must be a text");
        assert_snapshot!(refusal(json!("x".repeat(201))), @"search: must have at most 200 characters");
    }

    #[test]
    fn a_query_string_is_refused_under_its_own_names() {
        let refusal = |pairs: &[(&str, &str)]| {
            let errors = from_query(&leads(), pairs.iter().copied()).unwrap_err();
            errors
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join("\n")
        };
        assert_snapshot!(refusal(&[("city", "Rio")]), @"city: is no filter of leads; it has status, created_at, attributes, score, vip, born, seen");
        assert_snapshot!(refusal(&[("created_at.from", "-1d"), ("created_at.from", "-2d")]), @"created_at.from: is there twice");
        assert_snapshot!(refusal(&[("search", "a"), ("search", "b")]), @"search: is there twice");
        assert_snapshot!(refusal(&[("attributes.vip", "true"), ("attributes.vip", "a")]), @"attributes.vip: is there twice");
        assert_snapshot!(refusal(&[("created_at", "-1d")]), @"created_at: must be an object with `from`, `to` or both");
        assert_snapshot!(refusal(&[("created_at", "-1d"), ("created_at.from", "-2d")]), @"
        created_at.from: is there twice
        created_at: must be an object with `from`, `to` or both
        ");
        assert_snapshot!(refusal(&[("created_at.from", "-1d"), ("created_at", "-1d")]), @"created_at: is there twice");
    }

    proptest! {
        #[test]
        fn any_query_is_read_without_a_panic(
            pairs in prop::collection::vec(("(status|created_at|attributes|search|\\PC{0,5})(\\.\\PC{0,5})?", "\\PC{0,9}"), 0..6),
        ) {
            let _ = from_query(&leads(), pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        }
    }
}
