//! Values as databases send them, as text without loss of a digit.

use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::value::Value;

/// The form of a decoded value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::records) enum Form {
    /// SQL's NULL, and JSON's.
    Null,
    True,
    False,
    Number,
    Text,
    /// A text with bytes that are no UTF-8.
    LossyText,
    /// A JSON array or object.
    Json,
}

/// A value that is not of its column's type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a value of the answer is malformed")]
pub(in crate::records) struct Malformed;

/// The decoded value's text and form, as a value of a record.
pub(super) fn value(form: Form, text: &str) -> Value<'_> {
    match form {
        Form::Null => Value::Null,
        Form::True => Value::Bool(true),
        Form::False => Value::Bool(false),
        Form::Number => Value::Number(text.into()),
        Form::Text => Value::Text(text.into()),
        Form::LossyText => Value::LossyText(text.into()),
        Form::Json => Value::Json(text.into()),
    }
}

/// Appends a text, which may be no UTF-8.
#[inline]
pub(in crate::records) fn text(raw: &[u8], out: &mut Vec<u8>) -> Form {
    out.extend_from_slice(raw);
    Form::Text
}

/// Appends bytes as base64.
pub(in crate::records) fn bytes(raw: &[u8], out: &mut Vec<u8>) -> Form {
    out.extend_from_slice(STANDARD.encode(raw).as_bytes());
    Form::Text
}

/// The shortest digits that give the same float, `1`, not `1.0`. NaN and the infinities are texts.
pub(in crate::records) fn float(shortest: &str, out: &mut Vec<u8>) -> Form {
    let special = match shortest {
        "NaN" => Some("NaN"),
        "inf" => Some("Infinity"),
        "-inf" => Some("-Infinity"),
        _ => None,
    };
    if let Some(special) = special {
        return text(special.as_bytes(), out);
    }
    out.extend_from_slice(shortest.strip_suffix(".0").unwrap_or(shortest).as_bytes());
    Form::Number
}

/// The value that has exactly this text: `42` has, and `042` has not.
pub(in crate::records) fn written_as<T: FromStr + ToString>(text: &str) -> Option<T> {
    let value: T = text.parse().ok()?;
    (value.to_string() == text).then_some(value)
}

/// A JSON value without its whitespace between tokens: a scalar as such, a list or a map as compact JSON.
pub(in crate::records) fn json(raw: &[u8], out: &mut Vec<u8>) -> Result<Form, Malformed> {
    let trimmed = std::str::from_utf8(raw)
        .map_err(|_| Malformed)?
        .trim_ascii();
    match trimmed.as_bytes().first().ok_or(Malformed)? {
        b'"' => {
            let scalar: String = serde_json::from_str(trimmed).map_err(|_| Malformed)?;
            Ok(text(scalar.as_bytes(), out))
        }
        b'{' | b'[' => {
            compact(trimmed.as_bytes(), out);
            Ok(Form::Json)
        }
        b't' => Ok(Form::True),
        b'f' => Ok(Form::False),
        b'n' => Ok(Form::Null),
        _ => {
            out.extend_from_slice(trimmed.as_bytes());
            Ok(Form::Number)
        }
    }
}

fn compact(json: &[u8], out: &mut Vec<u8>) {
    let (mut is_text, mut is_escaped) = (false, false);
    out.extend(json.iter().filter(|byte| {
        let is_shown = is_text || !byte.is_ascii_whitespace();
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = is_text,
            b'"' => is_text = !is_text,
            _ => {}
        }
        is_shown
    }));
}
