//! One attempt at a file under a lease: read, keep what matches, write rows, store parts, note checkpoints.

mod draft;
mod error;
mod finish;

use tokio::time::{Duration, Instant};
use waybill::bucket::{Bucket, Upload};
use waybill::clock::Clock;
use waybill::export::{Export, Failure};
use waybill::file::Rows;
use waybill::lifecycle::State;
use waybill::objects::ObjectKey;
use waybill::records::RecordsOpener;
use waybill::store::Exports;
use waybill::work::{Checkpoint, CheckpointVersion, Completing, FileProgress, Pace};

use self::draft::Draft;
pub(crate) use self::error::AttemptError;
pub(crate) use self::finish::{abort, finish_recorded};
use self::finish::{gone, remove, settle};
use crate::lease::LeaseGuard;
use crate::margin::Margin;
use crate::plan::Plan;
use crate::upload::PartUpload;

/// How an attempt at a file ended, where nothing went wrong.
#[derive(Debug)]
pub(crate) enum AttemptOutcome {
    /// The object is there, as was recorded before.
    Complete(Box<Completing>),
    /// There is more to do than this invocation has time for; a checkpoint holds all that was done.
    Paused,
}

/// What files are made with.
#[derive(Clone)]
pub struct Dependencies {
    /// The exports, their work and their history.
    pub exports: Exports,
    /// The host's records.
    pub records: RecordsOpener,
    /// Where files go.
    pub bucket: Bucket,
    /// The bytes at which the first part of a file is full: [`FIRST_PART`](crate::FIRST_PART), but where no S3 would
    /// refuse less.
    pub first_part: usize,
    /// The time of day.
    pub clock: Clock,
    /// The time between two checkpoints, at most.
    pub checkpoint_every: Duration,
}

/// One attempt at one file.
pub(crate) struct Attempt<'a> {
    pub(crate) dependencies: &'a Dependencies,
    pub(crate) lease: &'a LeaseGuard,
    pub(crate) plan: &'a Plan,
    pub(crate) export: &'a Export,
    /// When this invocation is ended, whether or not it is done.
    pub(crate) deadline: Instant,
}

impl Attempt<'_> {
    /// Makes the file, or goes on with it.
    pub(crate) async fn run(
        &self,
        checkpoint: Option<Checkpoint>,
        old: Option<Upload>,
    ) -> Result<AttemptOutcome, AttemptError> {
        let (plan, dependencies) = (self.plan, self.dependencies);
        plan.settled(&dependencies.clock).await;
        let mut draft = self.open(checkpoint, old).await?;
        let position = draft.progress.position.as_deref();
        let records = plan.records(&dependencies.records, &dependencies.clock, position);
        let mut records = records.await?.in_bulk();
        let mut margin = Margin::new(Instant::now(), self.deadline);
        let attempts = self.lease.state().await.work.attempts;
        let mut next_checkpoint = NextCheckpoint::new(dependencies.checkpoint_every, attempts);
        let mut is_under_way = false;
        loop {
            // Once there is something to keep, a page that is late is left to the next invocation.
            let patience = is_under_way.then(|| margin.begins());
            let Some(page) = before(patience, records.next()).await else {
                self.keep(&mut draft).await?;
                return Ok(AttemptOutcome::Paused);
            };
            let Some(page) = page? else {
                return self.end(draft).await;
            };
            is_under_way = true;
            let begun = Instant::now();
            draft.write(self, &page).await?;
            self.lease.report_rows(draft.progress.matched);
            self.lease.look().await?;
            if let Some(checkpoint) = draft.upload.grown() {
                self.note(&draft.upload, checkpoint).await?;
                next_checkpoint.noted();
            }
            margin.page(begun.elapsed());
            let pause = margin.is_reached();
            if pause || next_checkpoint.is_due() {
                let begun = Instant::now();
                self.keep(&mut draft).await?;
                next_checkpoint.noted();
                margin.checkpoint(begun.elapsed());
            }
            if pause {
                return Ok(AttemptOutcome::Paused);
            }
        }
    }

    /// Ends a file of which all records are read.
    async fn end(&self, mut draft: Draft) -> Result<AttemptOutcome, AttemptError> {
        if let Some(failure) = self.mismatch(&draft.progress).await? {
            tracing::error!(failure.message, "the catalog does not fit the records");
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

    /// Why all that was read is no complete file, although nothing went wrong.
    async fn mismatch(&self, progress: &FileProgress) -> Result<Option<Failure>, AttemptError> {
        if let Some(failure) = progress.undecided.mismatch(&self.plan.export_type) {
            return Ok(Some(failure));
        }
        if !progress.undecided.saw_nothing() {
            return Ok(None);
        }
        Ok(self
            .plan
            .mismatch_at_the_ends(&self.dependencies.records)
            .await?)
    }

    /// A new file, or the one that a checkpoint left.
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
                progress: FileProgress {
                    source: self.plan.source().to_owned(),
                    ..FileProgress::default()
                },
            });
        };
        if checkpoint.v != CheckpointVersion::CURRENT {
            let other = "the checkpoint is of another version";
            return Err(AttemptError::StartOver(other.into()));
        }
        if checkpoint.progress.source != self.plan.source() {
            return Err(AttemptError::RecordsMoved);
        }
        let mut upload = self.resumed(&checkpoint, old).await?;
        // The tail is at least as long as the rows in it: its length has been compared.
        let pending = upload.buffer.len();
        let pending = pending.saturating_sub(checkpoint.pending as usize);
        let pending = upload.buffer.split_off(pending);
        let progress = checkpoint.progress;
        let (sheets, warnings) = (progress.sheets.clone(), progress.warnings.clone());
        Ok(Draft {
            rows: Rows::resume(format, options, sheets, warnings, pending, progress.rows)?,
            upload,
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
        let (bucket, first_part) = (
            self.dependencies.bucket.clone(),
            self.dependencies.first_part,
        );
        PartUpload::new(bucket, first_part, ObjectKey::new(self.export.id))
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
                (Some(upload), etags.ok_or_else(gone)?)
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
            let note = |state: &State| state.note(|work| work.upload = Some(begun));
            self.lease.commit(note).await?;
            Ok(())
        };
        let media_type = self.export.format.media_type();
        upload.cut(progress, media_type, record).await
    }

    /// A checkpoint of all that there is, with what is not in a part as its tail.
    async fn keep(&self, draft: &mut Draft) -> Result<(), AttemptError> {
        let tail = ObjectKey::new(self.export.id);
        let progress = draft.written();
        let pending = draft.rows.pending();
        let checkpoint = draft.upload.store_tail(progress, pending, tail).await?;
        self.note(&draft.upload, checkpoint).await
    }

    /// Writes a checkpoint down, and removes the tail of the one before.
    async fn note(&self, upload: &PartUpload, checkpoint: Checkpoint) -> Result<(), AttemptError> {
        let before = self.lease.state().await.work.checkpoint;
        let etags = &upload.etags()[..checkpoint.parts as usize];
        let from = before.as_ref().map_or(0, |before| before.parts) + 1;
        self.lease
            .checkpoint(
                |state| state.note(|work| work.checkpoint = Some(checkpoint)),
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
        let note = |state: &State| state.note(|work| work.completing = Some(noted));
        let recorded = self.lease.checkpoint(note, ended.etags(), 1).await?;
        let media_type = self.export.format.media_type();
        let completed = ended.complete(recorded, media_type).await;
        settle(&self.dependencies.bucket, completing, completed).await
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
            after: sooner(every, attempts),
        }
    }

    fn is_due(&self) -> bool {
        self.last.elapsed() >= self.after
    }

    fn noted(&mut self) {
        (self.last, self.after) = (Instant::now(), self.every);
    }
}

/// When an attempt writes its first checkpoint, which usually it does `every` so often. Where the attempts before came to
/// none, whatever ends them may come sooner than that: each tries a quarter of the time, so that an export which gets on
/// at all is not given up.
fn sooner(every: Duration, attempts: u32) -> Duration {
    every / 4_u32.pow(attempts.clamp(1, Pace::MAX_ATTEMPTS) - 1)
}

/// What an export fails with whose writer has written another number of rows than records were selected.
fn miscounted(matched: u64, written: u64) -> Option<Failure> {
    (matched != written).then(|| Failure {
        code: "rows_miscounted".into(),
        message: format!(
            "The file would have had {written} rows for {matched} records, and was not kept. Please start the export \
             again; if it fails again, contact support."
        ),
        retryable: true,
    })
}

/// What comes before `end`, if there is one.
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
    fn an_attempt_after_fruitless_ones_writes_its_first_checkpoint_sooner() {
        let first = |attempts| sooner(Duration::from_secs(30), attempts);
        assert_eq!(first(1), Duration::from_secs(30));
        assert_eq!(first(2), Duration::from_millis(7_500));
        assert!(first(Pace::MAX_ATTEMPTS) < Duration::from_millis(120));
        assert!(first(Pace::MAX_ATTEMPTS + 1) > Duration::ZERO);
    }

    #[test]
    fn a_file_with_more_or_fewer_rows_than_records_is_no_file() {
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
