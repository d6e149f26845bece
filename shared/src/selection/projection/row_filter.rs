//! Decides whether a record belongs in a file: by the type's `fixed` conditions, the filters, the search and the time.

use jiff::Timestamp;

use super::{Projection, Test};
use crate::catalog::{Constant, FixedCondition};
use crate::selection::Attribute;
use crate::selection::decision::{Decision, Doubt, KeyTime};
use crate::value::Value;
use crate::value::number::normal;

impl Projection {
    /// Decides whether the record belongs in the file of an export that was requested at `as_of`. `key` is the result of
    /// reading the time in the record's key.
    ///
    /// A record that the type's `fixed` conditions or the filters exclude is out, without doubt. A record whose time cannot be
    /// interpreted is in the file if only the time of the request limits it, and out if a filter needs the time. Both are
    /// reported as doubtful.
    #[inline]
    pub fn decide(&self, row: &[Value<'_>], key: KeyTime, as_of: Timestamp) -> Decision {
        let mut doubt = None;
        for (place, condition) in &self.fixed {
            match is_fixed(row.get(*place).unwrap_or(&Value::Missing), condition) {
                Fixed::Equal => {}
                Fixed::OtherType => doubt = Some(Doubt::Fixed(*place)),
                Fixed::Other => return Decision::Excluded,
            }
        }
        if !self.tests.iter().all(|test| self.passes(test, row)) {
            return Decision::Excluded;
        }
        let (is_in, in_time) = self.decide_time(row, key, as_of);
        match in_time.or(doubt) {
            None if is_in => Decision::In,
            None => Decision::OutOfTime,
            Some(doubt) => Decision::Doubtful { is_in, doubt },
        }
    }

    fn decide_time(
        &self,
        row: &[Value<'_>],
        key: KeyTime,
        as_of: Timestamp,
    ) -> (bool, Option<Doubt>) {
        let is_filtered = !self.created_at.is_empty();
        let misfit = (key == KeyTime::Unreadable).then_some(Doubt::Key);
        if self.created.is_none() {
            // Records of this type have no time, and no filter can ask for one.
            return (true, misfit);
        }
        if self.created_value(row).is_empty() {
            return (!is_filtered, misfit.or(Some(Doubt::Undated)));
        }
        if !is_filtered && key == KeyTime::WithinBounds {
            return (true, None);
        }
        match self.created(row) {
            Some(instant) => {
                let is_earlier = key == KeyTime::WithinBounds || instant < as_of;
                (is_earlier && self.created_at.contains(instant), misfit)
            }
            None => (!is_filtered, misfit.or(Some(Doubt::Created))),
        }
    }

    fn passes(&self, test: &Test, row: &[Value<'_>]) -> bool {
        match test {
            Test::Column { place, test } => test.passes(row.get(*place).unwrap_or(&Value::Missing)),
            Test::Attribute { place, attribute } => {
                let value = row.get(*place);
                value.is_some_and(|value| matches(attribute, value))
            }
            Test::Search { places, term } => places.iter().any(|&(place, kind)| {
                let text = row.get(place).and_then(Value::as_text);
                text.is_some_and(|text| term.is_in(text, kind))
            }),
        }
    }
}

/// The result of comparing a value with a `fixed` condition of the type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fixed {
    /// The value meets the condition.
    Equal,
    /// The value has the text of a constant and another DynamoDB type, such as the text `false` and the boolean.
    OtherType,
    /// The value does not meet the condition: the record is of another type.
    Other,
}

/// Compares a value with a `fixed` condition of the type.
pub fn is_fixed(value: &Value<'_>, condition: &FixedCondition) -> Fixed {
    let any = |constants: &[Constant]| {
        let mut any = Fixed::Other;
        for constant in constants {
            match is_constant(value, constant) {
                Fixed::Equal => return Fixed::Equal,
                Fixed::OtherType => any = Fixed::OtherType,
                Fixed::Other => {}
            }
        }
        any
    };
    match condition {
        FixedCondition::Is(constant) => is_constant(value, constant),
        FixedCondition::OneOf { one_of } => any(one_of),
        FixedCondition::Not { not } => match any(not) {
            Fixed::Equal => Fixed::Other,
            Fixed::OtherType => Fixed::OtherType,
            Fixed::Other => Fixed::Equal,
        },
        FixedCondition::Absent { absent } => Fixed::from(value.is_empty() == *absent),
    }
}

fn is_constant(value: &Value<'_>, constant: &Constant) -> Fixed {
    let is_equal = match (value, constant) {
        (Value::Text(found), Constant::Text(text)) => return Fixed::from(found == text),
        (Value::Bool(found), Constant::Boolean(flag)) => return Fixed::from(found == flag),
        (Value::Number(found), Constant::Integer(number)) => {
            return Fixed::from(normal(found) == normal(&number.to_string()));
        }
        (Value::Text(found), Constant::Integer(number)) => **found == number.to_string(),
        (Value::Text(found), Constant::Boolean(flag)) => {
            found.eq_ignore_ascii_case(&flag.to_string())
        }
        (Value::Number(found), Constant::Text(text)) => normal(found) == normal(text),
        (Value::Bool(found), Constant::Text(text)) => text.eq_ignore_ascii_case(&found.to_string()),
        _ => false,
    };
    match is_equal {
        true => Fixed::OtherType,
        false => Fixed::Other,
    }
}

impl From<bool> for Fixed {
    fn from(is_equal: bool) -> Self {
        match is_equal {
            true => Self::Equal,
            false => Self::Other,
        }
    }
}

/// Whether a value matches the filter on an attribute. A list matches if one of its elements does.
fn matches(attribute: &Attribute, value: &Value<'_>) -> bool {
    let Some(text) = value.as_text() else {
        return false;
    };
    let Attribute::OneOf(accepted) = attribute else {
        return !matches!(value, Value::Bool(false)) && !text.is_empty();
    };
    if let Value::Json(json) = value
        && let Ok(elements) = serde_json::from_str::<Vec<serde_json::Value>>(json)
    {
        return elements.iter().any(|element| match element {
            serde_json::Value::String(text) => accepted.contains(text),
            element => accepted.contains(&element.to_string()),
        });
    }
    let is_number = matches!(value, Value::Number(_));
    let mut accepted = accepted.iter();
    accepted.any(|other| other == text || (is_number && normal(other) == normal(text)))
}
