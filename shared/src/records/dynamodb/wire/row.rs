//! Records as rows of values, borrowed from their answer.

use std::borrow::Cow;

use super::Answer;
use super::layout::Source;
use super::nested;
use super::parser::{Form, ValueSpan};
use crate::catalog::Path;
use crate::value::Value;

/// One record.
#[derive(Debug, Clone, Copy)]
pub(in crate::records::dynamodb) struct Row<'p> {
    answer: &'p Answer,
    row: usize,
}

impl<'p> Row<'p> {
    pub(in crate::records::dynamodb) fn new(answer: &'p Answer, row: usize) -> Self {
        Self { answer, row }
    }

    /// Replaces the contents of `values` (the previous record's values, or nothing) by this record's values, in the
    /// order of the layout.
    pub(in crate::records::dynamodb) fn values(&self, values: &mut Vec<Value<'p>>) {
        let sources = &self.answer.layout().sources;
        values.resize(sources.len(), Value::Missing);
        for (source, value) in sources.iter().zip(values) {
            match source {
                Source::Places(places, otherwise) => {
                    let span = match places.as_slice() {
                        [place] => Some(self.at(*place)).filter(|c| c.form != Form::Missing),
                        places => self.first_of(places),
                    };
                    self.set(value, span, otherwise.as_deref());
                }
                Source::Others(place, others) => {
                    let whole = Some(self.at(*place)).filter(|span| span.form == Form::Whole);
                    *value = whole.map_or(Value::Missing, |span| {
                        nested::others(self.answer.text(span), others, &self.not_shown())
                    });
                }
            }
        }
    }

    /// The first of these values that has a value; without one, the first that exists but is empty.
    fn first_of(&self, places: &[usize]) -> Option<ValueSpan> {
        let values = || places.iter().map(|place| self.at(*place));
        let filled = values().find(|span| span.is_filled());
        filled.or_else(|| values().find(|span| span.form != Form::Missing))
    }

    /// The paths of values that are not shown because their column shows the value at another path.
    fn not_shown(&self) -> Vec<&'p Path> {
        let mut not_shown = Vec::new();
        for choices in &self.answer.layout().choices {
            let mut filled = choices
                .iter()
                .map(|(place, path)| (self.at(*place), path))
                .filter(|(span, _)| span.is_filled());
            if let Some((shown, _)) = filled.next() {
                let others = filled.filter(|(span, _)| self.value(*span) != self.value(shown));
                not_shown.extend(others.map(|(_, path)| path));
            }
        }
        not_shown
    }

    /// Sets a value in place. Most values have the form of the previous record's, and then only the text's pointer and
    /// length are written; building a new value and moving it here would be slower.
    #[inline]
    fn set(&self, value: &mut Value<'p>, span: Option<ValueSpan>, otherwise: Option<&'p str>) {
        let Some(span) = span else {
            *value = otherwise.map_or(Value::Missing, |text| Value::Text(Cow::Borrowed(text)));
            return;
        };
        match (span.form, &mut *value) {
            (Form::Text | Form::Bytes, Value::Text(Cow::Borrowed(text))) => {
                *text = self.answer.text(span);
            }
            (Form::Number, Value::Number(Cow::Borrowed(digits))) => {
                *digits = self.answer.text(span);
            }
            _ => *value = self.value(span),
        }
    }

    /// The attributes of the record's key by name. Missing attributes, and those of a type that no key has, are left
    /// out.
    pub(in crate::records::dynamodb) fn key(
        &self,
    ) -> impl Iterator<Item = (&'p str, KeyValue<'p>)> {
        let row = *self;
        let keys = self.answer.layout().keys.iter();
        keys.filter_map(move |(name, place)| Some((name.as_str(), row.key_value(*place)?)))
    }

    /// The value of the sort key.
    #[inline]
    pub(in crate::records::dynamodb) fn sort_key(&self) -> Option<KeyValue<'p>> {
        self.key_value(self.answer.layout().sort_key?)
    }

    /// Whether the record has the attribute of the sort key, of any type.
    pub(in crate::records::dynamodb) fn has_sort_key(&self) -> bool {
        let place = self.answer.layout().sort_key;
        place.is_some_and(|place| self.at(place).form != Form::Missing)
    }

    #[inline]
    fn key_value(&self, place: usize) -> Option<KeyValue<'p>> {
        let span = self.at(place);
        Some(match span.form {
            Form::Text => KeyValue::Text(self.answer.text(span)),
            Form::Unescaped => KeyValue::Text(self.answer.unescaped(span)),
            Form::Number => KeyValue::Number(self.answer.text(span)),
            Form::Bytes => KeyValue::Bytes(self.answer.text(span)),
            _ => return None,
        })
    }

    #[inline]
    fn at(&self, place: usize) -> ValueSpan {
        self.answer.span(self.row, place)
    }

    fn value(&self, span: ValueSpan) -> Value<'p> {
        match span.form {
            Form::Text | Form::Bytes => Value::Text(Cow::Borrowed(self.answer.text(span))),
            Form::Number => Value::Number(Cow::Borrowed(self.answer.text(span))),
            Form::Missing => Value::Missing,
            Form::Null => Value::Null,
            Form::True => Value::Bool(true),
            Form::False => Value::Bool(false),
            Form::Unescaped => Value::Text(Cow::Borrowed(self.answer.unescaped(span))),
            Form::Nested => nested::value(self.answer.text(span)),
            // A whole record is only the source of the column of other values.
            Form::Whole => Value::Missing,
        }
    }
}

/// The value of a key's attribute, as written in an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::records::dynamodb) enum KeyValue<'p> {
    Text(&'p str),
    Number(&'p str),
    /// In base64.
    Bytes(&'p str),
}
