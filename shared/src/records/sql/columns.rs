//! Why a column cannot be what an entry says.

use crate::catalog::Path;

/// The question for a column of a similar name.
fn meant(similar: Option<&str>) -> String {
    similar.map_or(String::new(), |name| format!("; did you mean {name}?"))
}

/// Why a column cannot be selected. A missing one comes with one of a similar name, if the table has any.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::records) enum ColumnError {
    #[error("the column {name} does not exist{}", meant(similar.as_deref()))]
    Missing {
        name: String,
        similar: Option<String>,
    },
    #[error("the column {0} has the type {1}, not a JSON type, so it has no value at {2}")]
    NoPaths(String, String, Path),
    #[error(
        "the column {0} has the type {1}, which has no text; say `as = \"base64\"` or `as = \"uuid\"`"
    )]
    Bytes(String, String),
    #[error("the column {0} has the type {1}; say its `time_zone` in the entry of the database")]
    OwnZone(String, String),
    #[error("the column {0} of the key may be null")]
    NullableKey(String),
    #[error("the column {0} has the type {1}, which cannot hold a parent's id: {2} can")]
    NoParent(String, String, &'static str),
    #[error("the column {0} has the type {1}, which cannot be in a key: {2} can")]
    NoKey(String, String, &'static str),
    #[error(
        "the column {0} has the type {1}, which is no time of creation; give its column an entry with `from`, or name another in `created`"
    )]
    NoTime(String, String),
    #[error("the column {0} has the type {1}, so that it never has {2} of `fixed`")]
    NoConstant(String, String, String),
}
