//! One value of a record, as its source gave it, and what a column takes it for.

pub mod number;
pub mod time;

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// One value of a record, borrowed from the page that it was read from where that is possible.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value<'a> {
    /// The record has nothing at this path.
    Missing,
    /// The record says that there is nothing.
    Null,
    /// True or false.
    Bool(bool),
    /// A number in the source's own digits: a double would lose some of them.
    Number(Cow<'a, str>),
    /// A text.
    Text(Cow<'a, str>),
    /// A list or a map, as compact JSON.
    Json(Cow<'a, str>),
}

impl Value<'_> {
    /// Whether the record has nothing here: an empty cell, and no match for any filter.
    pub fn is_empty(&self) -> bool {
        matches!(self, Value::Missing | Value::Null)
    }

    /// The value as text: digits, `true`, the text itself, JSON. `None` where there is nothing.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Value::Missing | Value::Null => None,
            Value::Bool(true) => Some("true"),
            Value::Bool(false) => Some("false"),
            Value::Number(text) | Value::Text(text) | Value::Json(text) => Some(text),
        }
    }
}

/// What a column's values are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Any text.
    Text,
    /// A whole number.
    Integer,
    /// A number that may have a fraction.
    Decimal,
    /// True or false.
    Boolean,
    /// A day: `2017-10-02`. It has no zone and never moves to another day.
    Date,
    /// An instant: `2017-10-02T10:56:33Z`. It is shown in the export's time zone.
    Timestamp,
    /// An email address.
    Email,
    /// A phone number.
    Phone,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 8] = [
        Kind::Text,
        Kind::Integer,
        Kind::Decimal,
        Kind::Boolean,
        Kind::Date,
        Kind::Timestamp,
        Kind::Email,
        Kind::Phone,
    ];

    /// The word for it in the catalog and the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Text => "text",
            Kind::Integer => "integer",
            Kind::Decimal => "decimal",
            Kind::Boolean => "boolean",
            Kind::Date => "date",
            Kind::Timestamp => "timestamp",
            Kind::Email => "email",
            Kind::Phone => "phone",
        }
    }

    /// Whether the column holds numbers.
    pub fn is_number(self) -> bool {
        matches!(self, Kind::Integer | Kind::Decimal)
    }
}

/// How a column's value is stored, where that is not how it is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stored {
    /// A whole number of hundredths; shown as a decimal with two places.
    Cents,
    /// Seconds since 1970-01-01T00:00:00Z; shown as a timestamp.
    EpochS,
    /// Milliseconds since 1970-01-01T00:00:00Z; shown as a timestamp.
    EpochMs,
}
