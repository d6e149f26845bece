//! The function's configuration, read once from its environment.

use jiff::SignedDuration;
use waybill::deployment;
use waybill::env::{self, EnvError};
use waybill::store::Tables;
use waybill::work::Pace;

/// Everything that the environment says.
pub(crate) struct Config {
    pub(crate) tables: Tables,
    pub(crate) bucket: String,
    pub(crate) queue_url: String,
    pub(crate) pace: Pace,
    /// How long a file is kept.
    pub(crate) retention: SignedDuration,
    /// How many exports of one parent are made at once.
    pub(crate) exports_per_parent: usize,
    /// The function's memory, which is what its time costs by.
    pub(crate) memory_mb: u32,
}

impl Config {
    pub(crate) fn from_env() -> Result<Self, EnvError> {
        Ok(Self {
            tables: deployment::tables()?,
            bucket: env::required("BUCKET")?,
            queue_url: env::required("QUEUE_URL")?,
            pace: deployment::pace()?,
            retention: SignedDuration::try_from(env::seconds("RETENTION_SECONDS")?)
                .unwrap_or(SignedDuration::MAX),
            exports_per_parent: env::count("EXPORTS_PER_PARENT")?,
            // Lambda sets it; elsewhere there is nothing to pay.
            memory_mb: env::optional("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")
                .and_then(|mb| mb.parse().ok())
                .unwrap_or(0),
        })
    }
}
