//! Reads values that are stored in another form than their column's.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::tz::TimeZone;
use uuid::Uuid;

use super::mask::{HIDDEN, MaskSecret, masked};
use crate::catalog::{Conversion, Mask, StoredForm};
use crate::value::Value;
use crate::value::time::{local_stamp, parse_date};

/// The value as it is shown.
pub(super) fn converted<'v>(
    conversion: &Conversion,
    secret: Option<&MaskSecret>,
    value: Value<'v>,
) -> Value<'v> {
    let value = match &conversion.form {
        Some(form) => read(form, value),
        None => value,
    };
    // Of a list or a map, a part could be anything.
    if let (Some(Mask::Last4 | Mask::Email), Value::Json(_)) = (conversion.mask, &value) {
        return Value::Text(HIDDEN.into());
    }
    match (conversion.mask, value.as_text()) {
        (Some(mask), Some(text)) if !text.is_empty() => {
            Value::Text(masked(mask, secret, text).into())
        }
        _ => value,
    }
}

fn read<'v>(form: &StoredForm, value: Value<'v>) -> Value<'v> {
    let (Value::Text(text) | Value::Number(text)) = &value else {
        return value;
    };
    match form {
        StoredForm::Booleans(yes, _) if yes == text => Value::Bool(true),
        StoredForm::Booleans(_, no) if no == text => Value::Bool(false),
        StoredForm::LocalTime(zone) => {
            let converted = in_zone(text, zone);
            converted.map_or(value, |text| Value::Text(text.into()))
        }
        StoredForm::Uuid => {
            let bytes = STANDARD.decode(&**text).ok();
            let uuid = bytes.and_then(|bytes| Uuid::from_slice(&bytes).ok());
            uuid.map_or(value, |uuid| Value::Text(Cow::Owned(uuid.to_string())))
        }
        StoredForm::Booleans(..) | StoredForm::Base64 => value,
    }
}

/// A local time, or the first instant of a date, as RFC 3339 in UTC.
fn in_zone(text: &str, zone: &TimeZone) -> Option<String> {
    let midnight;
    let text = match parse_date(text) {
        Some(_) => {
            midnight = format!("{text}T00:00:00");
            &midnight
        }
        None => text,
    };
    let mut out = String::new();
    local_stamp(text, zone)?.write(&TimeZone::UTC, &mut out);
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text_of(conversion: &Conversion, text: &str) -> String {
        let value = converted(conversion, None, Value::Text(text.into()));
        value.as_text().unwrap_or_default().to_owned()
    }

    fn stored(form: StoredForm) -> Conversion {
        Conversion {
            form: Some(form),
            mask: None,
        }
    }

    #[test]
    fn words_and_numbers_stand_for_true_and_false() {
        let flags = stored(StoredForm::Booleans("1".into(), "0".into()));
        for (value, expected) in [
            (Value::Number("1".into()), Value::Bool(true)),
            (Value::Text("0".into()), Value::Bool(false)),
            (Value::Number("2".into()), Value::Number("2".into())),
            (Value::Bool(true), Value::Bool(true)),
            (Value::Null, Value::Null),
        ] {
            assert_eq!(converted(&flags, None, value), expected);
        }
    }

    #[test]
    fn times_without_an_offset_are_in_the_columns_zone() {
        let zone = TimeZone::get("America/Sao_Paulo").unwrap();
        let local = stored(StoredForm::LocalTime(zone));
        for (text, instant) in [
            ("2017-10-02 07:56:33", "2017-10-02T10:56:33Z"),
            ("2017-10-02T07:56:33.120", "2017-10-02T10:56:33.120Z"),
            ("2017-10-02T07:56", "2017-10-02T10:56:00Z"),
            ("2017-10-02", "2017-10-02T03:00:00Z"),
            // Clocks were put forward at midnight.
            ("2017-10-15", "2017-10-15T03:00:00Z"),
            ("2017-10-02T07:56:33Z", "2017-10-02T07:56:33Z"),
            ("yesterday", "yesterday"),
            ("", ""),
        ] {
            assert_eq!(text_of(&local, text), instant, "{text}");
        }
    }

    #[test]
    fn sixteen_bytes_are_a_uuid() {
        let uuid = stored(StoredForm::Uuid);
        assert_eq!(
            text_of(&uuid, "AAECAwQFBgcICQoLDA0ODw=="),
            "00010203-0405-0607-0809-0a0b0c0d0e0f"
        );
        assert_eq!(text_of(&uuid, "AAE="), "AAE=");
    }

    #[test]
    fn numbers_are_masked_and_empty_values_are_not() {
        let last4 = Conversion {
            form: None,
            mask: Some(Mask::Last4),
        };
        for (value, shown) in [
            (
                Value::Number("123456789".into()),
                Value::Text("****6789".into()),
            ),
            (
                Value::Json(r#"["4111111111111234"]"#.into()),
                Value::Text("****".into()),
            ),
            (Value::Text("".into()), Value::Text("".into())),
            (Value::Null, Value::Null),
        ] {
            assert_eq!(converted(&last4, None, value), shown);
        }
    }
}
