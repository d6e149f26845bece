//! Configuration from environment variables that several functions read.

use crate::env::{EnvError, required, seconds};
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

/// The time limits and waits, from `LEASE_SECONDS` and `RETRY_SECONDS`.
pub fn timing() -> Result<WorkTiming, EnvError> {
    Ok(WorkTiming::new(
        seconds("LEASE_SECONDS")?,
        seconds("RETRY_SECONDS")?,
    ))
}
