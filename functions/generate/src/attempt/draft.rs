//! A file that is being written: its rows, its upload and its progress.

use jiff::Timestamp;
use waybill::file::Rows;
use waybill::records::RecordsPage;
use waybill::value::Value;
use waybill::work::{FileProgress, Reached};

use super::{Attempt, AttemptError};
use crate::plan::Plan;
use crate::upload::PartUpload;

/// Records processed before yielding to the heartbeat, the next page and the uploads.
const ROWS_AT_A_TIME: usize = 256;

/// A file that is being written.
pub(super) struct Draft {
    pub(super) upload: PartUpload,
    pub(super) rows: Rows,
    /// The creation time of the last record that was read, where the records come in the order of their time.
    pub(super) last_created: Option<Timestamp>,
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

    /// How far the file is.
    pub(super) fn reached(&self, plan: &Plan) -> Reached {
        let times = self.progress.first_created.zip(self.last_created);
        Reached {
            rows: self.progress.matched,
            permille: times.and_then(|(first, last)| plan.permille(first, last)),
            at: None,
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
        let mut first_created = None;
        for n in 0..page.len() {
            if n % ROWS_AT_A_TIME == 0 {
                tokio::task::yield_now().await;
            }
            page.values(n, &plan.projection, &mut values);
            if n == 0 {
                first_created = plan.ordered_time(page, n, &values);
            }
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
        if let Some(last) = page.len().checked_sub(1) {
            self.last_created = plan.ordered_time(page, last, &values);
            self.progress.first_created = self.progress.first_created.or(first_created);
        }
        self.progress.position = Some(page.end());
        self.progress.read += page.read();
        Ok(())
    }
}
