//! The types of columns, as far as they differ for reading.

use jiff::Timestamp;
use tokio_postgres::types::Type;
use uuid::Uuid;

use super::Postgres;
use super::decode::Decoder;
use crate::catalog::{Column, Constant};
use crate::records::sql::{Dialect, SqlType, SqlValues, Times, is_in_digits, microseconds};
use crate::value::Kind;

/// A type of a column.
#[derive(Debug, Clone)]
pub(super) struct ColumnType {
    /// Of a domain, the type that it is made from, as which PostgreSQL sends its values.
    pub(super) base: Type,
    pub(super) category: Category,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Category {
    /// A type of one value.
    Scalar,
    Enum,
    /// The extension's text without regard to case, whose number is another one in each database.
    Citext,
    /// An array, a composite or a range.
    Structured,
}

/// Longer numbers are for the projection.
const LONGEST: usize = 100;

impl ColumnType {
    fn is_float(&self) -> bool {
        matches!(self.base, Type::FLOAT4 | Type::FLOAT8)
    }

    /// Whether the type is a text whose comparison with `=` finds at least the equal texts.
    fn is_text(&self) -> bool {
        matches!(self.base, Type::TEXT | Type::VARCHAR)
    }

    /// Whether the type is an integer, or a number with exact digits.
    fn is_exact_number(&self) -> bool {
        self.is_integer() || self.base == Type::NUMERIC
    }

    fn is_integer(&self) -> bool {
        matches!(self.base, Type::INT2 | Type::INT4 | Type::INT8)
    }

    /// How the column's own binary value is decoded; `None` for types that are sent as text or JSON instead.
    pub(super) fn decoder(&self) -> Option<Decoder> {
        Some(match self.base {
            Type::BOOL => Decoder::Bool,
            Type::INT2 => Decoder::Int2,
            Type::INT4 => Decoder::Int4,
            Type::INT8 => Decoder::Int8,
            Type::FLOAT4 => Decoder::Float4,
            Type::FLOAT8 => Decoder::Float8,
            Type::NUMERIC => Decoder::Numeric,
            Type::TEXT | Type::VARCHAR | Type::NAME => Decoder::Text,
            Type::BPCHAR => Decoder::PaddedText,
            Type::JSON => Decoder::Json,
            Type::JSONB => Decoder::Jsonb,
            Type::UUID => Decoder::Uuid,
            Type::DATE => Decoder::Date,
            Type::TIMESTAMP => Decoder::Timestamp,
            Type::TIMESTAMPTZ => Decoder::TimestampTz,
            _ => return None,
        })
    }
}

impl SqlType for ColumnType {
    type Dialect = Postgres;
    type Decoder = Decoder;

    const OF_PARENTS: &'static str = "integer, uuid and text";
    const OF_KEYS: &'static str = "integers, numeric, text, uuid, enums, dates and timestamps";

    fn number(&self) -> u32 {
        self.base.oid()
    }

    fn values(&self) -> SqlValues {
        match self.base {
            Type::INT2 | Type::INT4 | Type::INT8 => SqlValues::Integers,
            Type::NUMERIC | Type::FLOAT4 | Type::FLOAT8 | Type::MONEY => SqlValues::Numbers,
            Type::BOOL => SqlValues::Booleans,
            Type::DATE => SqlValues::Dates,
            Type::TIMESTAMP | Type::TIMESTAMPTZ => SqlValues::Times,
            Type::UUID => SqlValues::Uuids,
            Type::BYTEA => SqlValues::Bytes,
            Type::TEXT | Type::VARCHAR | Type::BPCHAR => SqlValues::Texts,
            _ => match self.category {
                Category::Enum | Category::Citext => SqlValues::Texts,
                Category::Scalar | Category::Structured => SqlValues::Others,
            },
        }
    }

    fn times(&self) -> Option<Times> {
        match self.base {
            Type::TIMESTAMP => Some(Times::Local),
            Type::TIMESTAMPTZ => Some(Times::Instants),
            _ => None,
        }
    }

    fn may_be_parent(&self) -> bool {
        self.is_integer() || self.is_text() || matches!(self.base, Type::UUID | Type::BPCHAR)
    }

    fn may_be_key(&self) -> bool {
        let is_time = matches!(self.base, Type::DATE | Type::TIMESTAMP | Type::TIMESTAMPTZ);
        self.is_exact_number()
            || self.is_text()
            || is_time
            || self.base == Type::UUID
            || self.category == Category::Enum
    }

    fn may_be_created(&self, is_stored: bool) -> bool {
        let is_number = self.is_exact_number() || self.is_float();
        match (is_stored, &self.base) {
            (_, &Type::BOOL | &Type::UUID) => false,
            (true, other) => !matches!(*other, Type::TIMESTAMP | Type::TIMESTAMPTZ),
            (false, other) => !is_number && *other != Type::DATE,
        }
    }

    fn may_be(&self, column: &Column) -> bool {
        let is_number = self.is_exact_number() || self.is_float() || self.base == Type::MONEY;
        let is_time = matches!(self.base, Type::TIMESTAMP | Type::TIMESTAMPTZ);
        match column.kind {
            _ if column.conversion.form.is_some() => true,
            Kind::Text | Kind::Email | Kind::Phone => true,
            Kind::Integer | Kind::Decimal => {
                !is_time && !matches!(self.base, Type::BOOL | Type::UUID | Type::DATE)
            }
            Kind::Boolean => {
                !is_number && !is_time && !matches!(self.base, Type::UUID | Type::DATE)
            }
            Kind::Date => !is_number && !is_time && !matches!(self.base, Type::BOOL | Type::UUID),
            Kind::Timestamp if column.stored.is_some() => is_number || self.is_text(),
            Kind::Timestamp => !is_number && !matches!(self.base, Type::BOOL | Type::UUID),
        }
    }

    fn constant(&self, constant: &Constant) -> Option<String> {
        let is_number = self.is_exact_number() || self.is_float();
        let is_boolean = self.base == Type::BOOL;
        match constant {
            // Texts stand for values of most types, such as citext and date.
            Constant::Text(text) if !is_number && !is_boolean => Some(Postgres::literal(text)),
            Constant::Integer(number) if is_number => Some(number.to_string()),
            Constant::Boolean(true) if is_boolean => Some("TRUE".to_owned()),
            Constant::Boolean(false) if is_boolean => Some("FALSE".to_owned()),
            _ => None,
        }
    }

    /// Compared as a `timestamptz`, a time without a zone would be taken to be in the session's zone.
    fn time(&self, instant: Timestamp) -> String {
        let instant = Timestamp::from_microsecond(microseconds(instant));
        let text = instant.map_or_else(|_| "infinity".to_owned(), |instant| instant.to_string());
        let type_name = self.base.name();
        format!("{}::{type_name}", Postgres::literal(&text))
    }

    fn texts(&self, texts: &[String]) -> Option<Vec<String>> {
        let texts = texts.iter();
        match self.base {
            Type::TEXT | Type::VARCHAR => Some(texts.map(|text| Postgres::literal(text)).collect()),
            // A uuid has the text of no other value.
            Type::UUID => {
                let uuids = texts.filter_map(|text| Uuid::parse_str(text).ok());
                Some(uuids.map(|uuid| format!("'{uuid}'::uuid")).collect())
            }
            Type::BOOL => {
                let flags = texts.filter(|text| matches!(text.as_str(), "true" | "false"));
                Some(flags.cloned().collect())
            }
            _ => None,
        }
    }

    fn numbers(&self, numbers: &[String]) -> Option<Vec<String>> {
        let are_exact =
            self.is_exact_number() && numbers.iter().all(|number| is_in_digits(number, LONGEST));
        let literals = numbers.iter().filter_map(|number| match self.is_integer() {
            true => integer(number),
            false => Some(format!("'{number}'::numeric")),
        });
        are_exact.then(|| literals.collect())
    }

    fn expression(&self, quoted: String) -> (String, Decoder) {
        if let Some(decoder) = self.decoder() {
            return (quoted, decoder);
        }
        match (self.category, &self.base) {
            (_, &Type::BYTEA) => (quoted, Decoder::Bytes),
            (_, &Type::MONEY) => (format!("{quoted}::numeric"), Decoder::Numeric),
            (Category::Structured, _) => (format!("pg_catalog.to_jsonb({quoted})"), Decoder::Jsonb),
            _ => (Postgres::as_text(&quoted), Decoder::Text),
        }
    }

    fn inside(&self, quoted: &str, names: &[String]) -> Option<(String, Decoder)> {
        let decoder = match self.base {
            Type::JSON => Decoder::Json,
            Type::JSONB => Decoder::Jsonb,
            _ => return None,
        };
        let keys: Vec<String> = names.iter().map(|name| Postgres::literal(name)).collect();
        Some((format!("{quoted} #> ARRAY[{}]", keys.join(", ")), decoder))
    }
}

/// The quoted literal of a number for a comparison with integers; `None` for one that no integer is. Without quotes, the least
/// integer would be out of range before its sign counts.
fn integer(number: &str) -> Option<String> {
    let whole = match number.split_once('.') {
        None => number,
        Some((whole, fraction)) if fraction.bytes().all(|byte| byte == b'0') => whole,
        Some(_) => return None,
    };
    let whole: i64 = whole.parse().ok()?;
    Some(format!("'{whole}'::int8"))
}
