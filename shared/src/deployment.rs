//! What several functions are told of their deployment by their environment.

use std::collections::HashMap;
use std::sync::Arc;

use crate::catalog::Catalog;
use crate::env::{EnvError, optional, required, seconds};
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
