//! Configuration from environment variables that several functions read.

use std::sync::Arc;

use crate::catalog::{Catalog, RecordsSpec};
use crate::env::{EnvError, optional, required, seconds};
use crate::records::{Mapping, database_variable};
use crate::store::Tables;
use crate::work::WorkTiming;

/// The names of the tables, from `EXPORTS_TABLE`, `WORK_TABLE` and `EVENTS_TABLE`.
pub fn tables() -> Result<Tables, EnvError> {
    Ok(Tables {
        exports: required("EXPORTS_TABLE")?,
        work: required("WORK_TABLE")?,
        events: required("EVENTS_TABLE")?,
    })
}

/// The mapping from names in entries to values: each name is an environment variable.
pub fn mapping() -> Mapping {
    Arc::new(optional)
}

/// Takes the types out of service whose table or database no environment variable names.
pub fn disable_unmapped_types(catalog: &mut Catalog) {
    catalog.take_out_of_service(|export_type| {
        let variable = match &export_type.records {
            RecordsSpec::Dynamodb(spec) => spec.table.clone(),
            RecordsSpec::Postgres(spec) => database_variable(&spec.database.name),
        };
        required(&variable).err().map(|error| error.to_string())
    });
}

/// The time limits and waits, from `LEASE_SECONDS` and `RETRY_SECONDS`.
pub fn timing() -> Result<WorkTiming, EnvError> {
    Ok(WorkTiming::new(
        seconds("LEASE_SECONDS")?,
        seconds("RETRY_SECONDS")?,
    ))
}
