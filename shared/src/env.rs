//! Environment variables: each function reads its own once, at start.

use std::str::FromStr;
use std::time::Duration;

/// A missing or invalid environment variable.
#[derive(Debug, thiserror::Error)]
pub enum EnvError {
    /// The variable is not set, or empty.
    #[error("the environment variable {0} is not set")]
    Missing(String),
    /// The variable has an invalid value.
    #[error("the environment variable {name} is {value:?}, which is not {expected}")]
    Invalid {
        /// The variable.
        name: String,
        /// The value.
        value: String,
        /// What a valid value is.
        expected: &'static str,
    },
}

/// The variable's value.
pub fn required(name: &str) -> Result<String, EnvError> {
    optional(name).ok_or_else(|| EnvError::Missing(name.to_owned()))
}

/// The variable's value; `None` where it is not set, or empty.
pub fn optional(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The variable as a number of whole seconds.
pub fn seconds(name: &str) -> Result<Duration, EnvError> {
    let value = required(name)?;
    match u64::from_str(&value) {
        Ok(seconds) if (1..=31_536_000).contains(&seconds) => Ok(Duration::from_secs(seconds)),
        _ => Err(EnvError::Invalid {
            name: name.to_owned(),
            value,
            expected: "a number of seconds from 1 to 31536000",
        }),
    }
}

/// The variable as a whole number from 1.
pub fn count(name: &str) -> Result<usize, EnvError> {
    let value = required(name)?;
    let count = value.parse().ok().filter(|count| *count > 0);
    count.ok_or_else(|| EnvError::Invalid {
        name: name.to_owned(),
        value,
        expected: "a whole number from 1",
    })
}
