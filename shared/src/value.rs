//! Values of records, and the kinds of columns.

pub mod number;
pub mod time;

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// A value of a record, borrowed from its page where possible.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value<'a> {
    /// The record has no value at the path.
    Missing,
    /// The record has a null at the path.
    Null,
    /// True or false.
    Bool(bool),
    /// A number as a text of all its digits, since a double would lose some.
    Number(Cow<'a, str>),
    /// A text.
    Text(Cow<'a, str>),
    /// A text of which some bytes were none in the database's encoding: each is U+FFFD here.
    LossyText(Cow<'a, str>),
    /// A list or a map, as compact JSON.
    Json(Cow<'a, str>),
}

impl Value<'_> {
    /// Whether the value is missing or null: such a value is an empty cell and matches no filter.
    pub fn is_empty(&self) -> bool {
        matches!(self, Value::Missing | Value::Null)
    }

    /// The value as text: digits, `true`, the text itself, JSON. `None` for a missing value or null.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Value::Missing | Value::Null => None,
            Value::Bool(true) => Some("true"),
            Value::Bool(false) => Some("false"),
            Value::Number(text)
            | Value::Text(text)
            | Value::LossyText(text)
            | Value::Json(text) => Some(text),
        }
    }
}

/// The kind of a column: what its values are.
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
    /// A date: `2017-10-02`, independent of time zones.
    Date,
    /// An instant: `2017-10-02T10:56:33Z`. Shown in the export's time zone.
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

    /// The kind's name in the catalog and the API.
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
        match self {
            Kind::Integer | Kind::Decimal => true,
            Kind::Text
            | Kind::Boolean
            | Kind::Date
            | Kind::Timestamp
            | Kind::Email
            | Kind::Phone => false,
        }
    }
}

/// How a column's values are stored, where they are shown in another form.
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
