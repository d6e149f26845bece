//! Conditions that every record of a type meets, which tell its records from others in the same place.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A condition on one attribute or column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum FixedCondition {
    /// The value is this one.
    Is(Constant),
    /// The value is one of these, at least one.
    OneOf {
        /// The values.
        one_of: Vec<Constant>,
    },
    /// The value is none of these, at least one, or there is none.
    Not {
        /// The values.
        not: Vec<Constant>,
    },
    /// Whether there is no value, or it is null.
    Absent {
        /// False where there must be a value.
        absent: bool,
    },
}

/// A value in the catalog.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Constant {
    /// A text.
    Text(String),
    /// A whole number.
    Integer(i64),
    /// True or false.
    Boolean(bool),
}

impl FixedCondition {
    /// The values that records are compared with.
    pub fn constants(&self) -> &[Constant] {
        match self {
            Self::Is(constant) => std::slice::from_ref(constant),
            Self::OneOf { one_of } => one_of,
            Self::Not { not } => not,
            Self::Absent { .. } => &[],
        }
    }
}

impl From<Constant> for FixedCondition {
    fn from(constant: Constant) -> Self {
        Self::Is(constant)
    }
}

impl fmt::Display for FixedCondition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let listed = |constants: &[Constant]| {
            let listed = constants.iter().map(ToString::to_string);
            listed.collect::<Vec<_>>().join(" or ")
        };
        match self {
            Self::Is(constant) => constant.fmt(f),
            Self::OneOf { one_of } => f.write_str(&listed(one_of)),
            Self::Not { not } => write!(f, "anything but {}", listed(not)),
            Self::Absent { absent: true } => f.write_str("no value"),
            Self::Absent { absent: false } => f.write_str("a value"),
        }
    }
}

impl fmt::Display for Constant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "the text \"{text}\""),
            Self::Integer(number) => write!(f, "the number {number}"),
            Self::Boolean(flag) => write!(f, "the boolean {flag}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Entries of exports keep the form in which they were stored.
    #[test]
    fn a_condition_keeps_its_stored_form() {
        let text = |text: &str| Constant::Text(text.to_owned());
        for (condition, stored) in [
            (text("lead").into(), json!({"text": "lead"})),
            (
                FixedCondition::OneOf {
                    one_of: vec![text("a"), Constant::Integer(2)],
                },
                json!({"one_of": [{"text": "a"}, {"integer": 2}]}),
            ),
            (
                FixedCondition::Not {
                    not: vec![Constant::Boolean(true)],
                },
                json!({"not": [{"boolean": true}]}),
            ),
            (
                FixedCondition::Absent { absent: true },
                json!({"absent": true}),
            ),
        ] {
            assert_eq!(serde_json::to_value(&condition).unwrap(), stored);
            assert_eq!(
                serde_json::from_value::<FixedCondition>(stored).unwrap(),
                condition
            );
        }
    }
}
