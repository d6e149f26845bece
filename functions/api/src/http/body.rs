//! Bodies: JSON objects of known fields.

use axum::body::{Body, to_bytes};
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use serde_json::{Map, Value};
use waybill::field_error::FieldError;

use super::error::ApiError;

/// The longest body that is read.
pub(crate) const MAX_BODY_BYTES: usize = 64 * 1024;

/// The object in a body.
///
/// # Errors
/// 415 unless it is sent as JSON, 413 when it is too long, 400 when it is no JSON object.
pub(crate) async fn object(
    headers: &HeaderMap,
    body: Body,
) -> Result<Map<String, Value>, ApiError> {
    if !is_json(headers) {
        return Err(ApiError::NotJsonType);
    }
    // The whole body has come with the invocation, so that nothing but its length can be wrong.
    let bytes = to_bytes(body, MAX_BODY_BYTES)
        .await
        .map_err(|_| ApiError::BodyTooLarge)?;
    match serde_json::from_slice(&bytes) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(ApiError::NotJson("it is another JSON value".to_owned())),
        Err(error) => Err(ApiError::NotJson(error.to_string())),
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let media_type = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let essence = media_type.and_then(|text| text.split(';').next());
    essence.is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"))
}

/// Fields of an object, taken out one by one; everything that is wrong is collected.
#[derive(Debug)]
pub(crate) struct Fields {
    object: Map<String, Value>,
    prefix: &'static str,
    errors: Vec<FieldError>,
}

impl Fields {
    /// The fields of `object`, of which there may be none but `known`; `prefix` stands before their names in errors.
    pub(crate) fn new(object: Map<String, Value>, prefix: &'static str, known: &[&str]) -> Self {
        let mut fields = Self {
            object,
            prefix,
            errors: Vec::new(),
        };
        let unknown = fields
            .object
            .keys()
            .filter(|name| !known.contains(&name.as_str()));
        // A name may be as long as a body; what of it is shown is enough to find it.
        let unknown: Vec<String> = unknown
            .map(|name| name.chars().take(100).collect())
            .collect();
        for name in unknown {
            fields.refuse(
                &name,
                format!("is no field of this; there are {}", known.join(", ")),
            );
        }
        fields
    }

    /// Notes that a field is wrong.
    pub(crate) fn refuse(&mut self, name: &str, message: impl Into<String>) {
        self.errors
            .push(FieldError::new(format!("{}{name}", self.prefix), message));
    }

    /// Takes over what another reader of the same request found wrong.
    pub(crate) fn refuse_all(&mut self, errors: Vec<FieldError>) {
        self.errors.extend(errors);
    }

    /// The value; null is as good as absent.
    pub(crate) fn take(&mut self, name: &str) -> Option<Value> {
        self.object.remove(name).filter(|value| !value.is_null())
    }

    /// A field that may be left out and is a text otherwise.
    pub(crate) fn text(&mut self, name: &str) -> Option<String> {
        match self.take(name)? {
            Value::String(text) => Some(text),
            _ => {
                self.refuse(name, "must be a text");
                None
            }
        }
    }

    /// A field that must be there and be a text.
    pub(crate) fn required_text(&mut self, name: &str) -> Option<String> {
        if self.object.get(name).is_none_or(Value::is_null) {
            self.refuse(name, "is required");
            return None;
        }
        self.text(name)
    }

    /// A text of one line for people: 1 to `longest` characters after trimming, none of them a control.
    pub(crate) fn line(
        &mut self,
        name: &str,
        text: Option<String>,
        longest: usize,
    ) -> Option<String> {
        let text = text?.trim().to_owned();
        if text.is_empty() || text.chars().count() > longest || text.contains(char::is_control) {
            self.refuse(
                name,
                format!("must have 1 to {longest} characters, in one line"),
            );
            return None;
        }
        Some(text)
    }

    /// What is wrong.
    pub(crate) fn into_errors(self) -> Vec<FieldError> {
        self.errors
    }
}
