//! What several functions are told of their deployment by their environment.

use std::sync::Arc;

use crate::catalog::Catalog;
use crate::env::{EnvError, optional, required, seconds};
use crate::records::Mapping;
use crate::store::Tables;
use crate::work::Pace;

/// The tables' names, from `EXPORTS_TABLE`, `WORK_TABLE` and `EVENTS_TABLE`.
pub fn tables() -> Result<Tables, EnvError> {
    Ok(Tables {
        exports: required("EXPORTS_TABLE")?,
        work: required("WORK_TABLE")?,
        events: required("EVENTS_TABLE")?,
    })
}

/// What the words of entries stand for: the environment variables of these names.
pub fn mapping() -> Mapping {
    Arc::new(optional)
}

/// Checks that the words of the catalog's types stand for something.
///
/// # Errors
/// When one of the variables is not set.
pub fn check_mapping(catalog: &Catalog) -> Result<(), EnvError> {
    let mut words = catalog.types().iter().map(|t| &t.records.table);
    words.try_for_each(|word| required(word).map(drop))
}

/// How long things may take and wait, from `LEASE_SECONDS` and `RETRY_SECONDS`.
pub fn pace() -> Result<Pace, EnvError> {
    Ok(Pace::new(
        seconds("LEASE_SECONDS")?,
        seconds("RETRY_SECONDS")?,
    ))
}
