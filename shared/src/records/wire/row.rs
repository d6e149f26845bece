//! Records as rows of values, borrowed from the answer that they came in.

use std::borrow::Cow;

use super::Answer;
use super::layout::Source;
use super::nested;
use super::reader::{Cell, Form};
use crate::catalog::Path;
use crate::value::Value;

/// One record.
#[derive(Debug, Clone, Copy)]
pub struct Row<'p> {
    answer: &'p Answer,
    row: usize,
}

impl<'p> Row<'p> {
    pub(in crate::records) fn new(answer: &'p Answer, row: usize) -> Self {
        Self { answer, row }
    }

    /// The record's values that were asked for, in their order, in place of what is in `values`: those of another record
    /// or nothing.
    pub fn values(&self, values: &mut Vec<Value<'p>>) {
        let sources = &self.answer.layout().sources;
        values.resize(sources.len(), Value::Missing);
        for (source, value) in sources.iter().zip(values) {
            match source {
                Source::Places(places, otherwise) => {
                    let cell = match places.as_slice() {
                        [place] => Some(self.at(*place)).filter(|c| c.form != Form::Missing),
                        places => self.first_of(places),
                    };
                    self.set(value, cell, otherwise.as_deref());
                }
                Source::Others(place, others) => {
                    let whole = Some(self.at(*place)).filter(|cell| cell.form == Form::Whole);
                    *value = whole.map_or(Value::Missing, |cell| {
                        nested::others(self.answer.text(cell), others, &self.not_shown())
                    });
                }
            }
        }
    }

    /// The first of these cells that has a value; else the first that is there, though with nothing in it.
    fn first_of(&self, places: &[usize]) -> Option<Cell> {
        let cells = || places.iter().map(|place| self.at(*place));
        let filled = cells().find(|cell| cell.is_filled());
        filled.or_else(|| cells().find(|cell| cell.form != Form::Missing))
    }

    /// The paths of values that a column could have shown, and did not, since it shows another.
    fn not_shown(&self) -> Vec<&'p Path> {
        let mut not_shown = Vec::new();
        for choices in &self.answer.layout().choices {
            let mut filled = choices
                .iter()
                .map(|(place, path)| (self.at(*place), path))
                .filter(|(cell, _)| cell.is_filled());
            if let Some((shown, _)) = filled.next() {
                let others = filled.filter(|(cell, _)| self.value(*cell) != self.value(shown));
                not_shown.extend(others.map(|(_, path)| path));
            }
        }
        not_shown
    }

    /// Most values have the form of the one before, and then only where it is has to be written: a value that is made
    /// elsewhere and moved here would be read before it is written, for which a processor waits.
    #[inline]
    fn set(&self, value: &mut Value<'p>, cell: Option<Cell>, otherwise: Option<&'p str>) {
        let Some(cell) = cell else {
            *value = otherwise.map_or(Value::Missing, |text| Value::Text(Cow::Borrowed(text)));
            return;
        };
        match (cell.form, &mut *value) {
            (Form::Text | Form::Bytes, Value::Text(Cow::Borrowed(text))) => {
                *text = self.answer.text(cell);
            }
            (Form::Number, Value::Number(Cow::Borrowed(digits))) => {
                *digits = self.answer.text(cell);
            }
            _ => *value = self.value(cell),
        }
    }

    /// The attributes of its key, each by its name. Those that it has not, or not in a form that a key can have, are
    /// left out.
    pub(in crate::records) fn key(&self) -> impl Iterator<Item = (&'p str, KeyValue<'p>)> {
        let row = *self;
        let keys = self.answer.layout().keys.iter();
        keys.filter_map(move |(name, place)| Some((name.as_str(), row.key_value(*place)?)))
    }

    /// Its sort key's value, the second of the key's attributes.
    #[inline]
    pub(in crate::records) fn sort_key(&self) -> Option<KeyValue<'p>> {
        let (_, place) = self.answer.layout().keys.get(1)?;
        self.key_value(*place)
    }

    /// Whether it has the attribute of its sort key in any form.
    pub(in crate::records) fn has_sort_key(&self) -> bool {
        let keys = &self.answer.layout().keys;
        keys.get(1)
            .is_some_and(|(_, place)| self.at(*place).form != Form::Missing)
    }

    #[inline]
    fn key_value(&self, place: usize) -> Option<KeyValue<'p>> {
        let cell = self.at(place);
        Some(match cell.form {
            Form::Text => KeyValue::Text(self.answer.text(cell)),
            Form::Unescaped => KeyValue::Text(self.answer.unescaped(cell)),
            Form::Number => KeyValue::Number(self.answer.text(cell)),
            Form::Bytes => KeyValue::Bytes(self.answer.text(cell)),
            _ => return None,
        })
    }

    #[inline]
    fn at(&self, place: usize) -> Cell {
        self.answer.cell(self.row, place)
    }

    fn value(&self, cell: Cell) -> Value<'p> {
        match cell.form {
            Form::Text | Form::Bytes => Value::Text(Cow::Borrowed(self.answer.text(cell))),
            Form::Number => Value::Number(Cow::Borrowed(self.answer.text(cell))),
            Form::Missing => Value::Missing,
            Form::Null => Value::Null,
            Form::True => Value::Bool(true),
            Form::False => Value::Bool(false),
            Form::Unescaped => Value::Text(Cow::Borrowed(self.answer.unescaped(cell))),
            Form::Nested => nested::value(self.answer.text(cell)),
            // Only what no column has is read from a whole record.
            Form::Whole => Value::Missing,
        }
    }
}

/// A part of a key, as it is written in an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::records) enum KeyValue<'p> {
    Text(&'p str),
    Number(&'p str),
    /// In base64.
    Bytes(&'p str),
}
