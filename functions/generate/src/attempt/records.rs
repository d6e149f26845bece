//! Opens the records of an attempt, and waits for a database that cannot be read yet.

use std::time::Duration;

use tokio::time::Instant;
use waybill::records::{RecordsError, RecordsSource};
use waybill::work::FileProgress;

use super::{Attempt, AttemptError, Dependencies};

/// How long an export waits for a database before it tries again.
const DATABASE_WAIT: Duration = Duration::from_secs(5);

impl Attempt<'_> {
    /// Opens the records where the progress ends. Waits while a database cannot be read yet, until `deadline`: then
    /// `None`.
    pub(super) async fn open_records(
        &self,
        progress: &FileProgress,
        deadline: Instant,
    ) -> Result<Option<RecordsSource>, AttemptError> {
        let Dependencies { records, clock, .. } = self.dependencies;
        loop {
            let position = progress.position.as_deref();
            match self.plan.records(records, clock, position).await {
                Ok(records) => return Ok(Some(records.with_read_ahead())),
                Err(RecordsError::NotYet { database, reason }) => {
                    tracing::warn!(database, reason, "the export waits for the database");
                }
                Err(error) => return Err(error.into()),
            }
            if Instant::now() + DATABASE_WAIT >= deadline {
                return Ok(None);
            }
            tokio::time::sleep(DATABASE_WAIT).await;
        }
    }
}
