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
    pub(crate) timing: WorkTiming,
    /// The time from completion to expiry of a file.
    pub(crate) retention: SignedDuration,
    /// The number of exports of one parent that run at once.
    pub(crate) exports_per_parent: usize,
    /// The function's memory in megabytes, which determines its cost per second.
    pub(crate) memory_mb: u32,
}

impl Config {
    pub(crate) fn from_env() -> Result<Self, EnvError> {
        Ok(Self {
            tables: deployment::tables()?,
            bucket: env::required("BUCKET")?,
            queue_url: env::required("QUEUE_URL")?,
            timing: deployment::timing()?,
            retention: SignedDuration::try_from(env::seconds("RETENTION_SECONDS")?)
                .unwrap_or(SignedDuration::MAX),
            exports_per_parent: env::count("EXPORTS_PER_PARENT")?,
            // Lambda sets this variable. Elsewhere it is 0, and the compute time costs nothing.
            memory_mb: env::optional("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")
                .and_then(|mb| mb.parse().ok())
                .unwrap_or(0),
        })
    }
}
