//! Environment variables: each function reads its own once, at start.

use std::collections::HashMap;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use crate::catalog::Catalog;
use crate::store::Tables;
use crate::work::Pace;

/// A variable that a function cannot start without.
#[derive(Debug, thiserror::Error)]
pub enum EnvError {
    /// It is not set, or empty.
    #[error("the environment variable {0} is not set")]
    Missing(String),
    /// It is set to something else than what it says.
    #[error("the environment variable {name} is {value:?}, which is not {expected}")]
    Invalid {
        /// The variable.
        name: String,
        /// What it is set to.
        value: String,
        /// What it should be.
        expected: &'static str,
    },
}

/// The variable's text.
pub fn required(name: &str) -> Result<String, EnvError> {
    optional(name).ok_or_else(|| EnvError::Missing(name.to_owned()))
}

/// The variable's text; `None` where it is not set, or empty.
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

/// The variable as a number of things, from 1.
pub fn count(name: &str) -> Result<usize, EnvError> {
    let value = required(name)?;
    let count = value.parse().ok().filter(|count| *count > 0);
    count.ok_or_else(|| EnvError::Invalid {
        name: name.to_owned(),
        value,
        expected: "a whole number from 1",
    })
}

/// The tables' names, from `EXPORTS_TABLE`, `WORK_TABLE` and `EVENTS_TABLE`.
pub fn tables() -> Result<Tables, EnvError> {
    Ok(Tables {
        exports: required("EXPORTS_TABLE")?,
        work: required("WORK_TABLE")?,
        events: required("EVENTS_TABLE")?,
    })
}

/// The names of the tables that hold records, by the variables that the catalog's types name for them.
///
/// # Errors
/// When one of the variables is not set.
pub fn records_tables(catalog: &Catalog) -> Result<HashMap<String, String>, EnvError> {
    let variables = catalog.types().iter().map(|t| &t.records.table);
    variables
        .map(|variable| Ok((variable.clone(), required(variable)?)))
        .collect()
}

/// What a variable that an entry names says, such as the name of a table: looked up when it is needed, since an export is
/// made by the entry of its request, which may name others than the catalog of the day.
pub type Mapping = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// The mapping that the environment holds.
pub fn records_tables_mapping() -> Mapping {
    Arc::new(optional)
}

/// How long things may take and wait, from `LEASE_SECONDS` and `RETRY_SECONDS`.
pub fn pace() -> Result<Pace, EnvError> {
    Ok(Pace::new(
        seconds("LEASE_SECONDS")?,
        seconds("RETRY_SECONDS")?,
    ))
}
