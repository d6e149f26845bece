//! Request bodies: JSON objects with known fields.

mod repeated_keys;

use axum::body::{Body, to_bytes};
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use serde_json::{Map, Value};
use waybill::field_error::FieldError;

use super::error::ApiError;

/// The maximum length of a body.
pub(crate) const MAX_BODY_BYTES: usize = 64 * 1024;

/// Parses a body as a JSON object.
///
/// # Errors
/// 415 for another `Content-Type`, 413 for a body that is too long, 400 for one that is no JSON object, 422 for repeated
/// keys.
pub(crate) async fn object(
    headers: &HeaderMap,
    body: Body,
) -> Result<Map<String, Value>, ApiError> {
    if !is_json(headers) {
        return Err(ApiError::NotJsonType);
    }
    // The whole body is in the invocation's event, so only its length can be wrong.
    let bytes = to_bytes(body, MAX_BODY_BYTES)
        .await
        .map_err(|_| ApiError::BodyTooLarge)?;
    let (value, repeated) =
        repeated_keys::parse(&bytes).map_err(|error| ApiError::NotJson(error.to_string()))?;
    let Value::Object(object) = value else {
        return Err(ApiError::NotJson("it is another JSON value".to_owned()));
    };
    if repeated.is_empty() {
        return Ok(object);
    }
    let errors = repeated.into_iter();
    let errors = errors.map(|field| FieldError::new(field, "must not be repeated"));
    Err(ApiError::Invalid(errors.collect()))
}

fn is_json(headers: &HeaderMap) -> bool {
    let media_type = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let essence = media_type.and_then(|text| text.split(';').next());
    essence.is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"))
}

/// The fields of an object, which are taken one by one while errors are collected.
#[derive(Debug)]
pub(crate) struct Fields {
    object: Map<String, Value>,
    prefix: &'static str,
    errors: Vec<FieldError>,
}

impl Fields {
    /// The fields of `object`. Fields that are not `known` are errors. `prefix` is put before the names in errors.
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
        // A name may be as long as a body, so it is cut in the error.
        let unknown: Vec<String> = unknown
            .map(|name| name.chars().take(100).collect())
            .collect();
        for name in unknown {
            fields.refuse(
                &name,
                format!("is unknown; the fields are {}", known.join(", ")),
            );
        }
        fields
    }

    /// Adds an error for a field.
    pub(crate) fn refuse(&mut self, name: &str, message: impl Into<String>) {
        self.errors
            .push(FieldError::new(format!("{}{name}", self.prefix), message));
    }

    /// Adds the errors of another parser of the same request.
    pub(crate) fn refuse_all(&mut self, errors: Vec<FieldError>) {
        self.errors.extend(errors);
    }

    /// Whether there is such a field; null counts as absent.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.object.get(name).is_some_and(|value| !value.is_null())
    }

    /// Takes a value; null counts as absent.
    pub(crate) fn take(&mut self, name: &str) -> Option<Value> {
        self.object.remove(name).filter(|value| !value.is_null())
    }

    /// Takes an optional text.
    pub(crate) fn text(&mut self, name: &str) -> Option<String> {
        match self.take(name)? {
            Value::String(text) => Some(text),
            _ => {
                self.refuse(name, "must be a text");
                None
            }
        }
    }

    /// Takes a required text.
    pub(crate) fn required_text(&mut self, name: &str) -> Option<String> {
        if !self.has(name) {
            self.refuse(name, "is required");
            return None;
        }
        self.text(name)
    }

    /// Checks a text of one line: 1 to `longest` characters after trimming, no control characters.
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

    /// The errors.
    pub(crate) fn into_errors(self) -> Vec<FieldError> {
        self.errors
    }
}
