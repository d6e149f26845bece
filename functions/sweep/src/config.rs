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
    /// The function that sends mails.
    pub(crate) notify_function: String,
    pub(crate) pace: Pace,
    /// How long an expired export's object stays, for downloads that have begun.
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
            pace: deployment::pace()?,
            delete_after: SignedDuration::try_from(delete_after).unwrap_or(SignedDuration::MAX),
        })
    }
}
