//! What is wrong with one field of a request.

use serde::Serialize;

/// What is wrong with one field of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[cfg_attr(feature = "schemas", derive(utoipa::ToSchema))]
#[error("{field}: {message}")]
pub struct FieldError {
    /// The field, by its path in the body (`filters.created_at.from`) or its name in the query string.
    pub field: String,
    /// What is wrong and what would be right. It repeats nothing secret; it may go to the person as it is.
    pub message: String,
}

impl FieldError {
    /// This field, and what is wrong with it.
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            message: message.into(),
        }
    }
}
