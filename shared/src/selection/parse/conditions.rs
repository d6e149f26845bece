//! Parses the conditions of a filter on a column: `{"not": ["a"]}`, `{"min": 1}`.

use serde_json::{Map, Value};

use super::{MAX_VALUE_LENGTH, Parser, column_value};
use crate::catalog::Column;
use crate::selection::column_filter::{ColumnFilter, Conditions};
use crate::selection::{Search, TimeBound};
use crate::value::Kind;
use crate::value::number::{self, is_number};

/// The conditions of a kind of columns, by name.
pub(super) fn known(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Text | Kind::Email | Kind::Phone => &["not", "empty", "contains", "starts_with"],
        Kind::Integer | Kind::Decimal => &["not", "empty", "min", "max"],
        Kind::Boolean => &["not", "empty"],
        Kind::Date | Kind::Timestamp => &["not", "empty", "from", "to"],
    }
}

impl Parser<'_> {
    pub(super) fn conditions(
        &mut self,
        field: &str,
        column: &Column,
        object: &Map<String, Value>,
    ) -> ColumnFilter<TimeBound> {
        if column.hidden {
            return self.refuse(field, "takes values only; the column is not shown");
        }
        if object.is_empty() {
            return self.refuse(
                field,
                "must not be an empty object; leave the filter out for all records",
            );
        }
        let mut conditions = Conditions::default();
        for (name, value) in object {
            let field = format!("{field}.{name}");
            let known = known(column.kind);
            if !known.contains(&name.as_str()) {
                self.refuse::<()>(
                    field,
                    format!(
                        "is no condition for {} {}; there are {}",
                        if column.kind == Kind::Integer {
                            "an"
                        } else {
                            "a"
                        },
                        column.kind.as_str(),
                        known.join(", ")
                    ),
                );
                continue;
            }
            match name.as_str() {
                "not" => {
                    conditions.not = self.values(&field, value, |value| column_value(column, value))
                }
                "empty" => conditions.empty = self.flag(&field, value),
                "contains" => conditions.contains = self.text(&field, value),
                "starts_with" => conditions.starts_with = self.text(&field, value),
                "min" => conditions.min = self.number(&field, value),
                "max" => conditions.max = self.number(&field, value),
                "from" => conditions.from = self.bound(&field, column.kind, value),
                _ => conditions.to = self.bound(&field, column.kind, value),
            }
        }
        if let (Some(min), Some(max)) = (&conditions.min, &conditions.max)
            && number::compare(min, max).is_gt()
        {
            return self.refuse(format!("{field}.max"), "must not be less than `min`");
        }
        ColumnFilter::Conditions(conditions)
    }

    fn flag(&mut self, field: &str, value: &Value) -> Option<bool> {
        let flag = match value {
            Value::Bool(flag) => Some(*flag),
            Value::String(text) => text.parse().ok(),
            _ => None,
        };
        flag.or_else(|| self.refuse(field, "must be true or false"))
    }

    fn text(&mut self, field: &str, value: &Value) -> Option<Search> {
        let text = value.as_str().and_then(Search::new);
        text.or_else(|| {
            self.refuse(
                field,
                format!("must be a text of 1 to {MAX_VALUE_LENGTH} characters, not blank"),
            )
        })
    }

    fn number(&mut self, field: &str, value: &Value) -> Option<String> {
        let text = match value {
            Value::Number(number) => number.to_string(),
            Value::String(text) => text.clone(),
            _ => String::new(),
        };
        let is_valid = is_number(&text) && text.len() <= MAX_VALUE_LENGTH;
        Some(text)
            .filter(|_| is_valid)
            .or_else(|| self.refuse(field, "must be a number"))
    }

    fn bound(&mut self, field: &str, kind: Kind, value: &Value) -> Option<TimeBound> {
        let bound = value.as_str().and_then(TimeBound::parse);
        let form = match kind {
            Kind::Date => "a date (2017-10-01), or how long ago in days (-30d)",
            _ => TimeBound::FORMS,
        };
        let is_valid = match bound {
            Some(TimeBound::Instant(_) | TimeBound::HoursAgo(_)) => kind != Kind::Date,
            Some(_) => true,
            None => false,
        };
        bound
            .filter(|_| is_valid)
            .or_else(|| self.refuse(field, format!("must be {form}")))
    }
}
