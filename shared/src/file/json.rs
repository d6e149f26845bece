//! Cells as JSON, for lists of records. The values are interpreted as for files.

use jiff::tz::TimeZone;
use serde_json::{Number, Value as Json};

use super::cell::{self, Cell};
use crate::catalog::Column;
use crate::value::Value;
use crate::value::number::{exact_double, is_integer};

/// JavaScript's `Number.MAX_SAFE_INTEGER`, 2^53 - 1: a double holds every integer up to it exactly.
const MAX_SAFE_INTEGER: i64 = (1 << 53) - 1;

/// The JSON of a value, by its column's kind: null for a missing value; a number where a double holds it exactly, else
/// a text of its digits; true or false; a timestamp as RFC 3339 in `zone`; lists and maps as JSON. A value that does
/// not parse as its column's kind is text, and so is a number in a column of texts.
pub fn value(column: &Column, value: &Value<'_>, zone: &TimeZone) -> Json {
    match cell::read(column, value) {
        Cell::Empty => Json::Null,
        Cell::Number(digits) => number(&digits),
        Cell::Boolean(flag) => Json::Bool(flag),
        Cell::Date(_, text) | Cell::StoredNumber(text) => Json::from(text),
        Cell::Timestamp(stamp, _) => {
            let mut text = String::new();
            stamp.write(zone, &mut text);
            Json::from(text)
        }
        Cell::Text(text) => match value {
            Value::Json(json) => serde_json::from_str(json).unwrap_or_else(|_| Json::from(text)),
            _ => Json::from(text),
        },
    }
}

/// Most clients read every number as a double and silently lose digits. XLSX files follow the same rule.
fn number(digits: &str) -> Json {
    if is_integer(digits)
        && let Ok(integer) = digits.parse::<i64>()
        && integer.abs() <= MAX_SAFE_INTEGER
    {
        return Json::from(integer);
    }
    match exact_double(digits).and_then(Number::from_f64) {
        Some(number) => Json::Number(number),
        None => Json::from(digits),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::file::cell::tests::column;
    use crate::value::{Kind, Stored};

    fn shown(kind: Kind, stored: Value<'_>) -> Json {
        let zone = TimeZone::get("America/Sao_Paulo").unwrap();
        value(&column("c", kind), &stored, &zone)
    }

    #[test]
    fn values_are_what_a_client_reads_them_as() {
        for (kind, stored, expected) in [
            (Kind::Text, Value::Missing, json!(null)),
            (Kind::Decimal, Value::Null, json!(null)),
            (Kind::Text, Value::Text("=1+1".into()), json!("=1+1")),
            (Kind::Text, Value::Number("007".into()), json!("007")),
            (Kind::Text, Value::Number("-47".into()), json!("-47")),
            (Kind::Boolean, Value::Bool(true), json!(true)),
            (Kind::Boolean, Value::Text("false".into()), json!(false)),
            (
                Kind::Date,
                Value::Text("2017-10-02".into()),
                json!("2017-10-02"),
            ),
            (
                Kind::Timestamp,
                Value::Text("2017-10-02T10:56:33.017Z".into()),
                json!("2017-10-02T07:56:33.017-03:00"),
            ),
            (
                Kind::Timestamp,
                Value::Text("yesterday".into()),
                json!("yesterday"),
            ),
            (
                Kind::Text,
                Value::Json(r#"{"a":[1,null]}"#.into()),
                json!({"a": [1, null]}),
            ),
        ] {
            assert_eq!(shown(kind, stored.clone()), expected, "{kind:?} {stored:?}");
        }
    }

    #[test]
    fn a_number_is_one_only_where_a_double_holds_it() {
        for (digits, expected) in [
            ("12", json!(12)),
            ("-0.50", json!(-0.5)),
            ("1e3", json!(1000.0)),
            ("9007199254740991", json!(9_007_199_254_740_991_i64)),
            ("9007199254740993", json!("9007199254740993")),
            ("0.1234567890123456789", json!("0.1234567890123456789")),
            ("1e400", json!("1e400")),
            ("12 pieces", json!("12 pieces")),
        ] {
            assert_eq!(
                shown(Kind::Decimal, Value::Text(digits.into())),
                expected,
                "{digits}"
            );
        }
        let mut amount = column("amount", Kind::Decimal);
        amount.stored = Some(Stored::Cents);
        let cents = Value::Number("1234".into());
        assert_eq!(value(&amount, &cents, &TimeZone::UTC), json!(12.34));
    }
}
