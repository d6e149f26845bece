//! An invalid field of a request.

use serde::Serialize;

/// An invalid field of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[cfg_attr(feature = "schemas", derive(utoipa::ToSchema))]
#[error("{field}: {message}")]
pub struct FieldError {
    /// The field, by its path in the body (`filters.created_at.from`) or its name in the query string.
    pub field: String,
    /// What is wrong and what would be right. The text is shown to the client and contains nothing secret.
    pub message: String,
}

impl FieldError {
    /// An error for this field.
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            message: message.into(),
        }
    }
}
