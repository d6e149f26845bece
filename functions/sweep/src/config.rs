//! The function's configuration, read once from its environment.

use jiff::SignedDuration;
use waybill::deployment;
use waybill::env::{self, EnvError};
use waybill::store::Tables;
use waybill::work::WorkTiming;

/// The function's configuration.
pub(crate) struct Config {
    pub(crate) tables: Tables,
    pub(crate) bucket: String,
    pub(crate) queue_url: String,
    /// The name of the function `notify`.
    pub(crate) notify_function: String,
    pub(crate) timing: WorkTiming,
    /// The time from a file's expiry to the deletion of its object, for downloads that have begun.
    pub(crate) delete_after: SignedDuration,
}

impl Config {
    pub(crate) fn from_env() -> Result<Self, EnvError> {
        let delete_after = env::seconds("DELETE_AFTER_SECONDS")?;
        Ok(Self {
            tables: deployment::tables()?,
            bucket: env::required("BUCKET")?,
            queue_url: env::required("QUEUE_URL")?,
            notify_function: env::required("NOTIFY_FUNCTION")?,
            timing: deployment::timing()?,
            delete_after: SignedDuration::try_from(delete_after).unwrap_or(SignedDuration::MAX),
        })
    }
}
