//! The types of columns, as far as they differ for reading.

use super::decode::Decoder;
use super::quoting;
use crate::catalog::{Column, Constant};
use crate::records::sql::SqlValues;
use crate::value::Kind;

/// A type of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ColumnType {
    /// A whole number of so many bits.
    Integer {
        bits: u32,
        is_signed: bool,
    },
    Decimal,
    Float,
    Double,
    /// So many bits, shown as a number.
    Bit,
    Year,
    Date,
    /// A date and time without a zone.
    Datetime,
    /// An instant.
    Timestamp,
    /// A time of day, or a duration.
    Time,
    /// A text with a character set.
    Text,
    /// One of the words of the type.
    Enum,
    Json,
    /// MariaDB's type.
    Uuid,
    /// So many bytes.
    Binary(u32),
    /// Any number of bytes.
    Bytes,
    /// Shown as well-known text.
    Geometry,
    /// Anything else, as the server writes it.
    Other,
}

impl ColumnType {
    /// The type that `information_schema` describes by `DATA_TYPE` and `COLUMN_TYPE`: `int` and `int(10) unsigned`.
    pub(super) fn parse(data_type: &str, whole: &str) -> Self {
        let is_signed = !whole.contains("unsigned");
        let integer = |bits| Self::Integer { bits, is_signed };
        match data_type.to_ascii_lowercase().as_str() {
            "tinyint" => integer(8),
            "smallint" => integer(16),
            "mediumint" => integer(24),
            "int" | "integer" => integer(32),
            "bigint" => integer(64),
            "decimal" | "numeric" => Self::Decimal,
            "float" => Self::Float,
            "double" | "real" => Self::Double,
            "bit" => Self::Bit,
            "year" => Self::Year,
            "date" => Self::Date,
            "datetime" => Self::Datetime,
            "timestamp" => Self::Timestamp,
            "time" => Self::Time,
            "char" | "varchar" | "tinytext" | "text" | "mediumtext" | "longtext" => Self::Text,
            "enum" => Self::Enum,
            "json" => Self::Json,
            "uuid" => Self::Uuid,
            "binary" => Self::Binary(width(whole)),
            "varbinary" | "tinyblob" | "blob" | "mediumblob" | "longblob" | "vector" => Self::Bytes,
            "geometry" | "point" | "linestring" | "polygon" | "multipoint" | "multilinestring"
            | "multipolygon" | "geometrycollection" | "geomcollection" => Self::Geometry,
            _ => Self::Other,
        }
    }

    /// Whether values are numbers.
    pub(super) fn is_number(self) -> bool {
        self.is_exact_number() || matches!(self, Self::Float | Self::Double)
    }

    /// Whether values are numbers with exact digits.
    pub(super) fn is_exact_number(self) -> bool {
        self.is_integer() || matches!(self, Self::Decimal)
    }

    /// Whether values are whole numbers.
    pub(super) fn is_integer(self) -> bool {
        matches!(self, Self::Integer { .. } | Self::Bit | Self::Year)
    }

    /// Whether a column of this type can be in a key.
    pub(super) fn may_be_key(self) -> bool {
        matches!(
            self,
            Self::Integer { .. }
                | Self::Decimal
                | Self::Text
                | Self::Uuid
                | Self::Binary(_)
                | Self::Date
                | Self::Datetime
                | Self::Timestamp
        )
    }

    /// A number for positions: the values of a key are valid only for columns of the same types.
    pub(super) fn number(self) -> u32 {
        match self {
            Self::Integer { .. } => 1,
            Self::Decimal => 2,
            Self::Text => 3,
            Self::Uuid => 4,
            Self::Binary(_) => 5,
            Self::Date => 6,
            Self::Datetime => 7,
            Self::Timestamp => 8,
            _ => 0,
        }
    }

    /// The literal of a value that the server sent for a column of this type.
    pub(super) fn literal_of(self, raw: &[u8]) -> String {
        let digits = std::str::from_utf8(raw).ok();
        let is_number = |text: &&str| crate::value::number::is_number(text);
        match (self, digits) {
            (Self::Integer { .. } | Self::Decimal, Some(digits)) if is_number(&digits) => {
                digits.to_owned()
            }
            (Self::Binary(_) | Self::Bytes, _) => quoting::bytes(raw),
            (_, text) => match text {
                Some(text) => quoting::literal(text),
                None => quoting::bytes(raw),
            },
        }
    }

    /// The literal of a constant of the catalog; `None` where the column never has it.
    pub(super) fn literal(self, constant: &Constant) -> Option<String> {
        match constant {
            Constant::Text(_) if self.is_number() => None,
            Constant::Text(text) => Some(quoting::literal(text)),
            Constant::Integer(number) if self.is_number() => Some(number.to_string()),
            // `boolean` is a `tinyint(1)`.
            Constant::Boolean(flag) if self.is_integer() => Some(u8::from(*flag).to_string()),
            _ => None,
        }
    }

    /// The expression that selects a column's values, and how they are decoded.
    pub(super) fn expression(self, quoted: String) -> (String, Decoder) {
        match self {
            Self::Integer { .. } | Self::Decimal | Self::Year => (quoted, Decoder::Number),
            Self::Float => (format!("({quoted} + 0e0)"), Decoder::Float4),
            Self::Double => (format!("({quoted} + 0e0)"), Decoder::Float8),
            Self::Bit => (format!("({quoted} + 0)"), Decoder::Number),
            Self::Datetime => (quoted, Decoder::Datetime),
            Self::Timestamp => (quoted, Decoder::Timestamp),
            Self::Json => (quoted, Decoder::Json),
            Self::Binary(_) | Self::Bytes => (quoted, Decoder::Bytes),
            Self::Geometry => (format!("ST_AsText({quoted})"), Decoder::Text),
            Self::Date | Self::Time | Self::Text | Self::Enum | Self::Uuid | Self::Other => {
                (quoted, Decoder::Text)
            }
        }
    }

    /// What the type's values are.
    pub(super) fn values(self) -> SqlValues {
        match self {
            Self::Integer { .. } | Self::Year | Self::Bit => SqlValues::Integers,
            Self::Decimal | Self::Float | Self::Double => SqlValues::Numbers,
            Self::Date => SqlValues::Dates,
            Self::Datetime | Self::Timestamp => SqlValues::Times,
            Self::Text | Self::Enum => SqlValues::Texts,
            Self::Uuid => SqlValues::Uuids,
            Self::Binary(_) | Self::Bytes => SqlValues::Bytes,
            Self::Time | Self::Json | Self::Geometry | Self::Other => SqlValues::Others,
        }
    }

    /// Whether the type can have values of a column's kind. Texts can be written as any.
    pub(super) fn may_be(self, column: &Column) -> bool {
        let is_text = matches!(self, Self::Text | Self::Enum | Self::Json | Self::Other);
        match column.kind {
            Kind::Text | Kind::Email | Kind::Phone => true,
            Kind::Integer | Kind::Decimal | Kind::Boolean => self.is_number() || is_text,
            Kind::Date => self == Self::Date || is_text,
            Kind::Timestamp if column.stored.is_some() => self.is_number() || is_text,
            Kind::Timestamp => matches!(self, Self::Datetime | Self::Timestamp) || is_text,
        }
    }
}

/// The number in brackets: 16 of `binary(16)`.
fn width(whole: &str) -> u32 {
    let digits = whole.split(['(', ')']).nth(1);
    digits.and_then(|digits| digits.parse().ok()).unwrap_or(1)
}
