//! Tests whether a value meets the filter on its column.

use std::cmp::Ordering;

use super::instant;
use crate::catalog::Column;
use crate::selection::column_filter::{ColumnFilter, Conditions, PinnedBound};
use crate::selection::search::Term;
use crate::value::number::{self, from_cents, is_number, normal};
use crate::value::time::parse_date;
use crate::value::{Kind, Stored, Value};

/// The filter on a column, prepared for comparison with many values.
#[derive(Debug, Clone)]
pub(super) struct ColumnTest {
    kind: Kind,
    stored: Option<Stored>,
    test: ValueTest,
}

#[derive(Debug, Clone)]
enum ValueTest {
    /// One of these values, in their normal form.
    OneOf(Vec<String>),
    Conditions {
        conditions: Box<Conditions<PinnedBound>>,
        contains: Option<Term>,
        starts_with: Option<Term>,
    },
}

impl ColumnTest {
    pub(super) fn new(column: &Column, filter: &ColumnFilter<PinnedBound>) -> Self {
        let kind = column.kind;
        let normal = |values: &[String]| {
            let values = values.iter().map(|value| comparable(kind, None, value));
            values.collect::<Vec<_>>()
        };
        let test = match filter {
            ColumnFilter::OneOf(values) => ValueTest::OneOf(normal(values)),
            ColumnFilter::Conditions(conditions) => ValueTest::Conditions {
                contains: conditions.contains.as_ref().map(Term::new),
                starts_with: conditions.starts_with.as_ref().map(Term::new),
                conditions: Box::new(Conditions {
                    not: normal(&conditions.not),
                    ..conditions.clone()
                }),
            },
        };
        Self {
            kind,
            stored: column.stored,
            test,
        }
    }

    pub(super) fn passes(&self, value: &Value<'_>) -> bool {
        match &self.test {
            ValueTest::OneOf(values) => value
                .as_text()
                .is_some_and(|text| self.is_one_of(values, text)),
            ValueTest::Conditions {
                conditions,
                contains,
                starts_with,
            } => {
                let text = value.as_text();
                let has = |term: &Option<Term>, test: fn(&Term, &str, Kind) -> bool| {
                    term.as_ref()
                        .is_none_or(|term| text.is_some_and(|text| test(term, text, self.kind)))
                };
                let is_empty = text.is_none_or(str::is_empty);
                conditions.empty.is_none_or(|empty| empty == is_empty)
                    && !text.is_some_and(|text| self.is_one_of(&conditions.not, text))
                    && has(contains, Term::is_in)
                    && has(starts_with, Term::begins)
                    && self.is_in_range(conditions, text)
            }
        }
    }

    fn is_one_of(&self, values: &[String], text: &str) -> bool {
        match is_plain(self.kind, self.stored) {
            true => values.iter().any(|value| value == text),
            false => values.contains(&comparable(self.kind, self.stored, text)),
        }
    }

    /// Whether the value is within the bounds, if there are any. A value that is not of its column's kind is not.
    fn is_in_range(&self, conditions: &Conditions<PinnedBound>, text: Option<&str>) -> bool {
        let Conditions { min, max, .. } = conditions;
        let (instants, days) = (conditions.instants(), conditions.days());
        if min.is_none() && max.is_none() && instants.is_empty() && days.is_empty() {
            return true;
        }
        let Some(text) = text else {
            return false;
        };
        match self.kind {
            Kind::Integer | Kind::Decimal => {
                let cents = match self.stored {
                    Some(Stored::Cents) => from_cents(text),
                    _ => None,
                };
                let text = cents.as_deref().unwrap_or(text);
                let is = |bound: &Option<String>, other: Ordering| {
                    bound
                        .as_ref()
                        .is_none_or(|bound| number::compare(text, bound) != other)
                };
                is_number(text) && is(min, Ordering::Less) && is(max, Ordering::Greater)
            }
            Kind::Date => parse_date(text).is_some_and(|day| {
                days.from.is_none_or(|from| from <= day) && days.to.is_none_or(|to| day < to)
            }),
            _ => instant(self.stored, text).is_some_and(|instant| instants.contains(instant)),
        }
    }
}

/// Whether values are compared as unchanged texts.
pub(super) fn is_plain(kind: Kind, stored: Option<Stored>) -> bool {
    stored.is_none()
        && match kind {
            Kind::Integer | Kind::Decimal | Kind::Timestamp => false,
            Kind::Text | Kind::Boolean | Kind::Date | Kind::Email | Kind::Phone => true,
        }
}

/// The normal form of a value, so that `1.50` and `1.5` are equal, and so is an instant in two offsets.
fn comparable(kind: Kind, stored: Option<Stored>, text: &str) -> String {
    match (kind, stored) {
        (_, Some(Stored::Cents)) => match from_cents(text) {
            Some(decimal) => normal(&decimal).into_owned(),
            None => text.to_owned(),
        },
        (Kind::Integer | Kind::Decimal, _) => normal(text).into_owned(),
        (Kind::Timestamp, stored) => {
            instant(stored, text).map_or_else(|| text.to_owned(), |i| i.to_string())
        }
        (Kind::Text | Kind::Boolean | Kind::Date | Kind::Email | Kind::Phone, _) => text.to_owned(),
    }
}
