//! Interprets a value as its column's kind, in the same way for CSV, XLSX and JSON.

use std::borrow::Cow;

use jiff::civil::Date;

use crate::catalog::Column;
use crate::value::number::{from_cents, is_integer, is_number};
use crate::value::time::{Stamp, parse_date};
use crate::value::{Kind, Stored, Value};

/// A cell. A value that does not parse as its column's kind is text.
#[derive(Debug, PartialEq)]
pub(super) enum Cell<'a> {
    Empty,
    Number(Cow<'a, str>),
    Boolean(bool),
    Date(Date, &'a str),
    /// The instant, and the stored text.
    Timestamp(Stamp<'a>, &'a str),
    /// A value that is stored as a number in a column of another kind. It cannot run as a formula.
    StoredNumber(&'a str),
    Text(&'a str),
}

impl Cell<'_> {
    /// Whether the cell is of this kind. A missing value and an empty text are of every kind.
    #[inline]
    pub(super) fn is_of_kind(&self, kind: Kind) -> bool {
        let (Cell::Text(text) | Cell::StoredNumber(text)) = self else {
            return true;
        };
        match kind {
            Kind::Text => true,
            Kind::Email => text.is_empty() || text.contains('@'),
            Kind::Phone => text.is_empty() || text.bytes().any(|byte| byte.is_ascii_digit()),
            Kind::Integer | Kind::Decimal | Kind::Boolean | Kind::Date | Kind::Timestamp => {
                text.is_empty()
            }
        }
    }
}

/// Interprets a value as its column's kind; in a file for people, a value with a label is that text.
#[inline]
pub(super) fn read_for_people<'a>(column: &'a Column, value: &'a Value<'_>) -> Cell<'a> {
    let label = match column.labels.is_empty() {
        true => None,
        false => value.as_text().and_then(|text| column.labels.get(text)),
    };
    label.map_or_else(|| read(column, value), |label| Cell::Text(label))
}

/// Interprets a value as its column's kind.
pub(super) fn read<'a>(column: &Column, value: &'a Value<'_>) -> Cell<'a> {
    let Some(text) = value.as_text() else {
        return Cell::Empty;
    };
    match (typed(column, value, text), value) {
        (Some(cell), _) => cell,
        (None, Value::Number(_)) if is_number(text) => Cell::StoredNumber(text),
        (None, _) => Cell::Text(text),
    }
}

/// Whether a value is of its column's kind. A missing value and an empty text are of every kind. A file counts all
/// others as [`OtherKind`](super::WarningCode::OtherKind).
pub fn is_of_kind(column: &Column, value: &Value<'_>) -> bool {
    read(column, value).is_of_kind(column.kind)
}

fn typed<'a>(column: &Column, value: &Value<'_>, text: &'a str) -> Option<Cell<'a>> {
    match (column.kind, value) {
        (_, Value::Json(_)) | (Kind::Text | Kind::Email | Kind::Phone, _) => None,
        (Kind::Boolean, Value::Bool(flag)) => Some(Cell::Boolean(*flag)),
        (Kind::Boolean, Value::Text(_)) => text.parse().ok().map(Cell::Boolean),
        (_, Value::Bool(_)) | (Kind::Boolean, _) => None,
        (Kind::Integer | Kind::Decimal, _) if column.stored == Some(Stored::Cents) => {
            from_cents(text).map(|decimal| Cell::Number(Cow::Owned(decimal)))
        }
        // The text `1e5` is rather a code than a whole number; a stored number of that form is a number.
        (Kind::Integer, Value::Text(_)) => {
            is_integer(text).then_some(Cell::Number(Cow::Borrowed(text)))
        }
        (Kind::Integer | Kind::Decimal, _) => {
            is_number(text).then_some(Cell::Number(Cow::Borrowed(text)))
        }
        (Kind::Date, _) => parse_date(text).map(|date| Cell::Date(date, text)),
        (Kind::Timestamp, _) => timestamp(column.stored, text),
    }
}

fn timestamp(stored: Option<Stored>, text: &str) -> Option<Cell<'_>> {
    let stamp = match stored {
        Some(Stored::EpochS) => Stamp::from_epoch_seconds(text),
        Some(Stored::EpochMs) => Stamp::from_epoch_milliseconds(text),
        Some(Stored::Cents) | None => Stamp::parse(text),
    };
    match stamp {
        Some(stamp) => Some(Cell::Timestamp(stamp, text)),
        // A date without a time has no time zone.
        None => parse_date(text).map(|date| Cell::Date(date, text)),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::catalog::Path;

    /// A visible column of this kind, whose path is its key.
    pub(crate) fn column(key: &str, kind: Kind) -> Column {
        Column::new(key, kind, Path::new(key, []))
    }

    fn text(text: &str) -> Value<'_> {
        Value::Text(text.into())
    }

    #[test]
    fn a_value_is_read_as_its_columns_kind() {
        for (kind, text, is_typed) in [
            (Kind::Integer, "-12", true),
            (Kind::Integer, "1e5", false),
            (Kind::Integer, "12.5", false),
            (Kind::Integer, "007", false),
            (Kind::Decimal, "-0.50", true),
            (Kind::Decimal, "-1+1", false),
            (Kind::Boolean, "true", true),
            (Kind::Boolean, "yes", false),
            (Kind::Date, "2017-10-02", true),
            (Kind::Date, "2017-10-02T00:00:00Z", false),
            (Kind::Timestamp, "2017-10-02T00:00:00Z", true),
            (Kind::Timestamp, "2017-10-02", true),
            (Kind::Timestamp, "2017-10-02 00:00:00", false),
            (Kind::Text, "12", false),
            (Kind::Phone, "12", false),
            (Kind::Email, "true", false),
        ] {
            let value = Value::Text(text.into());
            let cell = read(&column("c", kind), &value);
            assert_eq!(
                !matches!(cell, Cell::Text(_)),
                is_typed,
                "{kind:?} {text}: {cell:?}"
            );
        }
    }

    #[test]
    fn a_stored_number_is_a_number_only_in_a_column_of_numbers() {
        let number = Value::Number("-1.5".into());
        assert_eq!(
            read(&column("c", Kind::Integer), &number),
            Cell::Number("-1.5".into())
        );
        for kind in [
            Kind::Text,
            Kind::Boolean,
            Kind::Date,
            Kind::Email,
            Kind::Phone,
        ] {
            assert_eq!(
                read(&column("c", kind), &number),
                Cell::StoredNumber("-1.5")
            );
        }
        assert_eq!(
            read(&column("c", Kind::Text), &Value::Number("=1".into())),
            Cell::Text("=1")
        );
        assert_eq!(
            read(&column("c", Kind::Integer), &Value::Bool(true)),
            Cell::Text("true")
        );
    }

    #[test]
    fn cents_and_epoch_times_are_converted() {
        let mut amount = column("amount", Kind::Decimal);
        amount.stored = Some(Stored::Cents);
        assert_eq!(
            read(&amount, &Value::Number("1234".into())),
            Cell::Number("12.34".into())
        );
        assert_eq!(read(&amount, &text("12.5")), Cell::Text("12.5"));
        let mut seen = column("seen", Kind::Timestamp);
        seen.stored = Some(Stored::EpochS);
        assert!(matches!(
            read(&seen, &Value::Number("1506941793".into())),
            Cell::Timestamp(..)
        ));
    }

    #[test]
    fn a_list_is_text_in_every_column() {
        for kind in [Kind::Text, Kind::Integer, Kind::Date, Kind::Boolean] {
            assert_eq!(
                read(&column("c", kind), &Value::Json("[1]".into())),
                Cell::Text("[1]")
            );
        }
        assert_eq!(read(&column("c", Kind::Text), &Value::Null), Cell::Empty);
        assert_eq!(
            read(&column("c", Kind::Integer), &Value::Missing),
            Cell::Empty
        );
    }

    #[test]
    fn values_of_another_kind_than_their_column_are_recognized() {
        for (kind, value, is_of_kind) in [
            (Kind::Text, Value::Number("-1".into()), true),
            (Kind::Integer, text("12 pieces"), false),
            (Kind::Integer, text(""), true),
            (Kind::Integer, Value::Missing, true),
            (Kind::Decimal, Value::Bool(true), false),
            (Kind::Boolean, Value::Number("1".into()), false),
            (Kind::Date, text("2017-10-02T00:00:00Z"), false),
            (Kind::Timestamp, text("2017-10-02"), true),
            (Kind::Timestamp, Value::Number("1506941793".into()), false),
            (Kind::Email, text("ana@example.com"), true),
            (Kind::Email, text("ana"), false),
            (Kind::Email, text(""), true),
            (Kind::Phone, Value::Number("15197482199".into()), true),
            (Kind::Phone, text("none"), false),
            (Kind::Phone, Value::Null, true),
        ] {
            let found = super::is_of_kind(&column("c", kind), &value);
            assert_eq!(found, is_of_kind, "{kind:?} {value:?}");
        }
    }
}
