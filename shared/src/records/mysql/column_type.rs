//! The types of columns, as far as they differ for reading.

use jiff::Timestamp;

use super::Mysql;
use super::decode::Decoder;
use super::dialect::bytes;
use crate::catalog::{Column, Constant, StoredForm};
use crate::records::sql::{Dialect, SqlType, SqlValues, Times, is_in_digits, microseconds};
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

/// Longer numbers are for the projection. MySQL's exact numbers have 65 digits.
const LONGEST: usize = 60;

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
    fn is_number(self) -> bool {
        self.is_exact_number() || matches!(self, Self::Float | Self::Double)
    }

    /// Whether values are numbers with exact digits.
    fn is_exact_number(self) -> bool {
        self.is_integer() || matches!(self, Self::Decimal)
    }

    /// Whether values are whole numbers.
    fn is_integer(self) -> bool {
        matches!(self, Self::Integer { .. } | Self::Bit | Self::Year)
    }

    /// The literal of a value that the server sent for a column of this type.
    pub(super) fn literal_of(self, raw: &[u8]) -> String {
        let digits = std::str::from_utf8(raw).ok();
        let is_number = |text: &&str| crate::value::number::is_number(text);
        match (self, digits) {
            (Self::Integer { .. } | Self::Decimal, Some(digits)) if is_number(&digits) => {
                digits.to_owned()
            }
            (Self::Binary(_) | Self::Bytes, _) => bytes(raw),
            (_, text) => match text {
                Some(text) => Mysql::literal(text),
                None => bytes(raw),
            },
        }
    }
}

impl SqlType for ColumnType {
    type Dialect = Mysql;
    type Decoder = Decoder;

    const OF_PARENTS: &'static str = "integers, char, varchar, uuid and binary(16)";
    const OF_KEYS: &'static str =
        "integers, decimal, char, varchar, uuid, binary, dates and times of day and date";

    fn number(&self) -> u32 {
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

    fn values(&self) -> SqlValues {
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

    fn times(&self) -> Option<Times> {
        match self {
            Self::Datetime => Some(Times::Local),
            Self::Timestamp => Some(Times::Instants),
            _ => None,
        }
    }

    fn may_be_parent(&self) -> bool {
        matches!(
            self,
            Self::Integer { .. } | Self::Text | Self::Uuid | Self::Binary(16)
        )
    }

    fn may_be_key(&self) -> bool {
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

    fn may_be_created(&self, is_stored: bool) -> bool {
        match is_stored {
            true => self.is_number() || *self == Self::Text,
            false => matches!(self, Self::Datetime | Self::Timestamp | Self::Text),
        }
    }

    fn may_be(&self, column: &Column) -> bool {
        let is_text = matches!(self, Self::Text | Self::Enum | Self::Json | Self::Other);
        match (&column.conversion.form, column.kind) {
            (Some(StoredForm::LocalTime(_) | StoredForm::Base64 | StoredForm::Uuid), _)
            | (_, Kind::Text | Kind::Email | Kind::Phone) => true,
            (_, Kind::Integer | Kind::Decimal | Kind::Boolean) => self.is_number() || is_text,
            (_, Kind::Date) => *self == Self::Date || is_text,
            (_, Kind::Timestamp) if column.stored.is_some() => self.is_number() || is_text,
            (_, Kind::Timestamp) => matches!(self, Self::Datetime | Self::Timestamp) || is_text,
        }
    }

    fn constant(&self, constant: &Constant) -> Option<String> {
        match constant {
            Constant::Text(_) if self.is_number() => None,
            Constant::Text(text) => Some(Mysql::literal(text)),
            Constant::Integer(number) if self.is_number() => Some(number.to_string()),
            // `boolean` is a `tinyint(1)`.
            Constant::Boolean(flag) if self.is_integer() => Some(u8::from(*flag).to_string()),
            _ => None,
        }
    }

    /// Microseconds are what the types of times can hold, at most.
    fn time(&self, instant: Timestamp) -> String {
        let instant = Timestamp::from_microsecond(microseconds(instant)).unwrap_or(instant);
        instant.strftime("'%Y-%m-%d %H:%M:%S.%6f'").to_string()
    }

    /// A collation finds at least the equal texts.
    fn texts(&self, texts: &[String]) -> Option<Vec<String>> {
        let literals = texts.iter().map(|text| Mysql::literal(text));
        (*self == Self::Text).then(|| literals.collect())
    }

    fn numbers(&self, numbers: &[String]) -> Option<Vec<String>> {
        let mut each = numbers.iter();
        let are_exact = self.is_exact_number() && each.all(|number| is_in_digits(number, LONGEST));
        are_exact.then(|| numbers.to_vec())
    }

    fn expression(&self, quoted: String) -> (String, Decoder) {
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

    fn inside(&self, quoted: &str, names: &[String]) -> Option<(String, Decoder)> {
        (*self == Self::Json).then(|| (inside_of(quoted, names), Decoder::Json))
    }
}

/// The value inside a document. A number is a place in a list, or a name in a map.
fn inside_of(document: &str, names: &[String]) -> String {
    let Some((last, before)) = names.split_last() else {
        return document.to_owned();
    };
    let holder = inside_of(document, before);
    let member = format!("$.\"{}\"", last.replace('\\', "\\\\").replace('"', "\\\""));
    let member = format!("JSON_EXTRACT({holder}, {})", Mysql::literal(&member));
    match last.parse::<u32>() {
        Err(_) => member,
        Ok(place) => format!(
            "IF(JSON_TYPE({holder}) = 'ARRAY', JSON_EXTRACT({holder}, '$[{place}]'), {member})"
        ),
    }
}

/// The number in brackets: 16 of `binary(16)`.
fn width(whole: &str) -> u32 {
    let digits = whole.split(['(', ')']).nth(1);
    digits.and_then(|digits| digits.parse().ok()).unwrap_or(1)
}
