//! A file that is being written: its rows, its upload and its progress.

use waybill::file::Rows;
use waybill::records::RecordsPage;
use waybill::value::Value;
use waybill::work::FileProgress;

use super::{Attempt, AttemptError};
use crate::upload::PartUpload;

/// Records processed before yielding to the heartbeat, the next page and the uploads.
const ROWS_AT_A_TIME: usize = 256;

/// A file that is being written.
pub(super) struct Draft {
    pub(super) upload: PartUpload,
    pub(super) rows: Rows,
    /// The progress up to the last page, without the state of `rows`, which [`Draft::written`] adds.
    pub(super) progress: FileProgress,
}

impl Draft {
    /// The current progress, including the state of `rows`.
    pub(super) fn written(&self) -> FileProgress {
        FileProgress {
            rows: self.rows.written(),
            cell_warnings: self.rows.cell_warnings(),
            sheets: self.rows.state(),
            ..self.progress.clone()
        }
    }

    /// Writes the records of a page that belong in the file, and uploads full parts.
    pub(super) async fn write(
        &mut self,
        attempt: &Attempt<'_>,
        page: &RecordsPage,
    ) -> Result<(), AttemptError> {
        let plan = attempt.plan;
        self.progress.read_units += page.read_units();
        let mut values: Vec<Value<'_>> = Vec::new();
        for n in 0..page.len() {
            if n % ROWS_AT_A_TIME == 0 {
                tokio::task::yield_now().await;
            }
            page.values(n, &plan.projection, &mut values);
            let decision = plan.decide(page, n, &values);
            plan.count(&mut self.progress.undecided, decision, (page, n), &values);
            if !decision.is_in() {
                continue;
            }
            self.progress.matched += 1;
            let columns = plan.projection.columns(&values);
            self.rows.row(columns, &mut self.upload.buffer);
            if self.upload.is_part_full() && self.rows.pending().is_empty() {
                let progress = FileProgress {
                    position: Some(page.position(n)),
                    read: self.progress.read + page.read_through(n),
                    ..self.written()
                };
                attempt.cut(&mut self.upload, progress).await?;
            }
        }
        self.progress.position = Some(page.end());
        self.progress.read += page.read();
        Ok(())
    }
}
