//! One attempt to build a file under a lease: reads records, writes the rows of the selection, uploads parts, commits
//! checkpoints.

mod draft;
mod error;
mod finish;
mod records;

use tokio::time::{Duration, Instant};
use waybill::bucket::{Bucket, Upload};
use waybill::clock::Clock;
use waybill::export::{Export, Failure};
use waybill::file::Rows;
use waybill::lifecycle::State;
use waybill::objects::ObjectKey;
use waybill::records::{RecordsError, RecordsOpener, RecordsSource};
use waybill::store::Exports;
use waybill::work::{Checkpoint, CheckpointVersion, Completing, FileProgress, WorkTiming};

use self::draft::Draft;
pub(crate) use self::error::AttemptError;
pub(crate) use self::finish::{abort, finish_recorded};
use self::finish::{remove, resolve_completion, upload_lost};
use crate::lease::LeaseGuard;
use crate::margin::Margin;
use crate::plan::Plan;
use crate::upload::{PartSizes, PartUpload};

/// The outcome of an attempt without an error.
#[derive(Debug)]
pub(crate) enum AttemptOutcome {
    /// The file's object exists, as recorded.
    Complete(Box<Completing>),
    /// The invocation is near its deadline; a checkpoint has all progress.
    Paused,
}

/// Where the writing of pages ended.
enum PagesOutcome {
    /// After the last record.
    AtEnd,
    /// Near the end of the invocation; a checkpoint has all progress.
    Paused,
    /// At a page that a database cannot be asked for yet; a checkpoint has all progress.
    NotYet,
}

/// The dependencies of an attempt.
#[derive(Clone)]
pub struct Dependencies {
    /// Waybill's own tables.
    pub exports: Exports,
    /// Opens the host's records.
    pub records: RecordsOpener,
    /// The bucket for files.
    pub bucket: Bucket,
    /// The sizes of a file's parts.
    pub part_sizes: PartSizes,
    /// The wall clock.
    pub clock: Clock,
    /// The maximum time between two checkpoints.
    pub checkpoint_every: Duration,
}

/// One attempt to build the file of an export.
pub(crate) struct Attempt<'a> {
    pub(crate) dependencies: &'a Dependencies,
    pub(crate) lease: &'a LeaseGuard,
    pub(crate) plan: &'a Plan,
    pub(crate) export: &'a Export,
    /// When Lambda ends this invocation.
    pub(crate) deadline: Instant,
}

impl Attempt<'_> {
    /// Builds the file, from the checkpoint if there is one. `old` is the upload of the previous attempt.
    pub(crate) async fn run(
        &self,
        checkpoint: Option<Checkpoint>,
        old: Option<Upload>,
    ) -> Result<AttemptOutcome, AttemptError> {
        let (plan, dependencies) = (self.plan, self.dependencies);
        plan.wait_until_settled(&dependencies.clock).await;
        let mut draft = self.open(checkpoint, old).await?;
        let mut margin = Margin::new(Instant::now(), self.deadline);
        loop {
            let opened = self.open_records(&draft.progress, margin.begins()).await?;
            let Some(mut records) = opened else {
                return Ok(AttemptOutcome::Paused);
            };
            let read = self
                .write_pages(&mut records, &mut draft, &mut margin)
                .await;
            records.close().await;
            match read? {
                PagesOutcome::AtEnd => return self.end(draft).await,
                PagesOutcome::Paused => return Ok(AttemptOutcome::Paused),
                PagesOutcome::NotYet => {}
            }
        }
    }

    /// Writes the rows of all records, until the end of the records. Near the end of the invocation, and where a database
    /// cannot be read for a while, it leaves a checkpoint.
    async fn write_pages(
        &self,
        records: &mut RecordsSource,
        draft: &mut Draft,
        margin: &mut Margin,
    ) -> Result<PagesOutcome, AttemptError> {
        let dependencies = self.dependencies;
        let attempts = self.lease.state().await.work.attempts;
        let mut next_checkpoint = NextCheckpoint::new(dependencies.checkpoint_every, attempts);
        let mut has_page = false;
        loop {
            // After the first page, a slow page is left to the next invocation.
            let patience = has_page.then(|| margin.begins());
            let Some(page) = before(patience, records.next()).await else {
                self.checkpoint_all(draft).await?;
                return Ok(PagesOutcome::Paused);
            };
            let page = match page {
                Err(RecordsError::NotYet { .. }) => {
                    self.checkpoint_all(draft).await?;
                    return Ok(PagesOutcome::NotYet);
                }
                page => page?,
            };
            let Some(page) = page else {
                return Ok(PagesOutcome::AtEnd);
            };
            has_page = true;
            let begun = Instant::now();
            draft.write(self, &page).await?;
            self.lease.report(draft.reached(self.plan));
            self.lease.check().await?;
            if let Some(checkpoint) = draft.upload.take_newest_checkpoint() {
                self.commit_checkpoint(&draft.upload, checkpoint).await?;
                next_checkpoint.reset();
            }
            margin.page(begun.elapsed());
            let pause = margin.is_reached();
            if pause || next_checkpoint.is_due() {
                let begun = Instant::now();
                self.checkpoint_all(draft).await?;
                next_checkpoint.reset();
                margin.checkpoint(begun.elapsed());
            }
            if pause {
                return Ok(PagesOutcome::Paused);
            }
        }
    }

    /// Completes a file after the last record.
    async fn end(&self, mut draft: Draft) -> Result<AttemptOutcome, AttemptError> {
        if let Some(failure) = self.mismatch(&draft.progress).await? {
            tracing::error!(failure.message, "the catalog does not match the records");
            return Err(AttemptError::Failed(failure));
        }
        draft.rows.end(&mut draft.upload.buffer)?;
        let progress = draft.written();
        if let Some(failure) = miscounted(progress.matched, progress.rows) {
            tracing::error!(progress.matched, progress.rows, "rows miscounted");
            return Err(AttemptError::Failed(failure));
        }
        self.finish(draft.upload, progress).await
    }

    /// The failure of an export whose records do not match the catalog, so that the file would lack records.
    async fn mismatch(&self, progress: &FileProgress) -> Result<Option<Failure>, AttemptError> {
        if let Some(failure) = progress.undecided.mismatch(&self.plan.export_type) {
            return Ok(Some(failure));
        }
        if !progress.undecided.has_no_candidates() {
            return Ok(None);
        }
        Ok(self
            .plan
            .mismatch_at_the_ends(&self.dependencies.records)
            .await?)
    }

    /// Begins a new file, or continues the checkpoint's.
    async fn open(
        &self,
        checkpoint: Option<Checkpoint>,
        old: Option<Upload>,
    ) -> Result<Draft, AttemptError> {
        let (format, options) = (self.export.format, self.plan.options.clone());
        let Some(checkpoint) = checkpoint else {
            let mut upload = self.fresh(old).await;
            return Ok(Draft {
                rows: Rows::begin(format, options, &mut upload.buffer)?,
                upload,
                last_created: None,
                progress: FileProgress {
                    source: self.plan.source().to_owned(),
                    ..FileProgress::default()
                },
            });
        };
        if checkpoint.v != CheckpointVersion::CURRENT {
            let other = "the checkpoint has another version";
            return Err(AttemptError::StartOver(other.into()));
        }
        if checkpoint.progress.source != self.plan.source() {
            return Err(AttemptError::RecordsMoved);
        }
        let mut upload = self.resumed(&checkpoint, old).await?;
        // The tail is at least as long as its pending rows: `resumed` has compared its length.
        let pending = upload.buffer.len();
        let pending = pending.saturating_sub(checkpoint.pending as usize);
        let pending = upload.buffer.split_off(pending);
        let progress = checkpoint.progress;
        let (sheets, warnings) = (progress.sheets.clone(), progress.cell_warnings.clone());
        Ok(Draft {
            rows: Rows::resume(format, options, sheets, warnings, pending, progress.rows)?,
            upload,
            last_created: None,
            progress,
        })
    }

    async fn fresh(&self, old: Option<Upload>) -> PartUpload {
        if let Some(old) = old {
            abort(&self.dependencies.bucket, &old).await;
        }
        self.new_upload()
    }

    fn new_upload(&self) -> PartUpload {
        let (bucket, sizes) = (
            self.dependencies.bucket.clone(),
            self.dependencies.part_sizes,
        );
        PartUpload::new(bucket, sizes, ObjectKey::new(self.export.id))
    }

    async fn resumed(
        &self,
        checkpoint: &Checkpoint,
        old: Option<Upload>,
    ) -> Result<PartUpload, AttemptError> {
        let (upload, etags) = match old {
            Some(upload) if checkpoint.parts > 0 => {
                let etags = self
                    .dependencies
                    .exports
                    .etags(self.export.id, &upload.upload_id, checkpoint.parts)
                    .await?;
                (Some(upload), etags.ok_or_else(upload_lost)?)
            }
            Some(unused) => {
                abort(&self.dependencies.bucket, &unused).await;
                (None, Vec::new())
            }
            None => (None, Vec::new()),
        };
        Ok(PartUpload::resume(self.new_upload(), checkpoint, upload, etags).await?)
    }

    async fn cut(
        &self,
        upload: &mut PartUpload,
        progress: FileProgress,
    ) -> Result<(), AttemptError> {
        let record = async |begun| {
            let note = |state: &State| state.with_work(|work| work.upload = Some(begun));
            self.lease.commit(note).await?;
            Ok(())
        };
        let media_type = self.export.format.media_type();
        upload.cut(progress, media_type, record).await
    }

    /// Commits a checkpoint of all progress, with the bytes that are not in a part as its tail.
    async fn checkpoint_all(&self, draft: &mut Draft) -> Result<(), AttemptError> {
        let tail = ObjectKey::new(self.export.id);
        let progress = draft.written();
        let pending = draft.rows.pending();
        let checkpoint = draft.upload.store_tail(progress, pending, tail).await?;
        self.commit_checkpoint(&draft.upload, checkpoint).await
    }

    /// Commits a checkpoint, and deletes the tail of the previous one.
    async fn commit_checkpoint(
        &self,
        upload: &PartUpload,
        checkpoint: Checkpoint,
    ) -> Result<(), AttemptError> {
        let before = self.lease.state().await.work.checkpoint;
        let etags = &upload.etags()[..checkpoint.parts as usize];
        let from = before.as_ref().map_or(0, |before| before.parts) + 1;
        self.lease
            .commit_with_parts(
                |state| state.with_work(|work| work.checkpoint = Some(checkpoint)),
                etags,
                from,
            )
            .await?;
        if let Some(tail) = before.and_then(|before| before.tail) {
            remove(&self.dependencies.bucket, &tail).await;
        }
        Ok(())
    }

    async fn finish(
        &self,
        upload: PartUpload,
        progress: FileProgress,
    ) -> Result<AttemptOutcome, AttemptError> {
        let ended = upload.end(progress.clone()).await?;
        let completing = ended.completing(progress);
        let noted = completing.clone();
        let note = |state: &State| state.with_work(|work| work.completing = Some(noted));
        let recorded = self.lease.commit_with_parts(note, ended.etags(), 1).await?;
        let media_type = self.export.format.media_type();
        let completed = ended.complete(recorded, media_type).await;
        resolve_completion(&self.dependencies.bucket, completing, completed).await
    }
}

/// When the next checkpoint is due.
struct NextCheckpoint {
    every: Duration,
    last: Instant,
    after: Duration,
}

impl NextCheckpoint {
    fn new(every: Duration, attempts: u32) -> Self {
        Self {
            every,
            last: Instant::now(),
            after: first_checkpoint_after(every, attempts),
        }
    }

    fn is_due(&self) -> bool {
        self.last.elapsed() >= self.after
    }

    fn reset(&mut self) {
        (self.last, self.after) = (Instant::now(), self.every);
    }
}

/// The time until an attempt's first checkpoint. If previous attempts ended before a checkpoint, each further attempt
/// waits a quarter of the time, so that an export that makes any progress does not run out of attempts.
fn first_checkpoint_after(every: Duration, attempts: u32) -> Duration {
    every / 4_u32.pow(attempts.clamp(1, WorkTiming::MAX_ATTEMPTS) - 1)
}

/// The failure of an export whose file has another number of rows than records were selected.
fn miscounted(matched: u64, written: u64) -> Option<Failure> {
    (matched != written).then(|| Failure::rows_miscounted(matched, written))
}

/// Waits for `awaited` until `end`, if given; `None` if that passes first.
async fn before<T>(end: Option<Instant>, awaited: impl Future<Output = T>) -> Option<T> {
    match end {
        Some(end) => tokio::time::timeout_at(end, awaited).await.ok(),
        None => Some(awaited.await),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attempt_after_ones_without_a_checkpoint_writes_its_first_checkpoint_sooner() {
        let first = |attempts| first_checkpoint_after(Duration::from_secs(30), attempts);
        assert_eq!(first(1), Duration::from_secs(30));
        assert_eq!(first(2), Duration::from_millis(7_500));
        assert!(first(WorkTiming::MAX_ATTEMPTS) < Duration::from_millis(120));
        assert!(first(WorkTiming::MAX_ATTEMPTS + 1) > Duration::ZERO);
    }

    #[test]
    fn a_file_with_more_or_fewer_rows_than_records_fails_the_export() {
        assert_eq!(miscounted(7, 7), None);
        for written in [6, 8] {
            let failure = miscounted(7, written).unwrap();
            assert_eq!(failure.code, "rows_miscounted");
            assert!(
                failure
                    .message
                    .contains(&format!("{written} rows for 7 records"))
            );
        }
    }
}
