//! Attempt one file under a lease: read, keep what matches, write rows, store parts, note checkpoints.

use tokio::time::{Duration, Instant};
use waybill::aws::{TimedOut, best_effort};
use waybill::bucket::{Bucket, BucketError, Upload};
use waybill::clock::Clock;
use waybill::export::{Export, ExportId, Failure};
use waybill::file::Rows;
use waybill::file::xlsx::XlsxError;
use waybill::lifecycle::State;
use waybill::objects::ObjectKey;
use waybill::records::{Page, RecordsError, RecordsOpener};
use waybill::store::{Exports, StoreError};
use waybill::value::Value;
use waybill::work::{Checkpoint, CheckpointVersion, Completing, FileProgress, Pace};

use crate::lease::{LeaseError, LeaseGuard};
use crate::margin::Margin;
use crate::plan::Plan;
use crate::upload::{PartUpload, UploadError};

/// How an attempt at a file ended, where nothing went wrong.
#[derive(Debug)]
pub(crate) enum AttemptOutcome {
    /// The object is there, as was recorded before.
    Complete(Box<Completing>),
    /// There is more to do than this invocation has time for; a checkpoint holds all that was done.
    Paused,
}

/// What came in between.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AttemptError {
    /// The lease is lost: stop, and touch nothing.
    #[error("the lease is lost")]
    Lost,
    /// The export fails at once.
    #[error("{}", .0.message)]
    Failed(Failure),
    /// What was stored is of no use: the file must be made anew.
    #[error("what was stored cannot be gone on from")]
    StartOver(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// What was stored is of records in another place than the deployment names now: the file must be made anew.
    #[error("the records are in another place than at the checkpoint")]
    RecordsMoved,
    /// It may pass.
    #[error(transparent)]
    Transient(Box<dyn std::error::Error + Send + Sync>),
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

/// Rows that are written at a time: between two such runs the heartbeat, what is asked for and what is sent off move on.
const ROWS_AT_A_TIME: usize = 256;

impl Attempt<'_> {
    /// Makes the file, or goes on with it.
    pub(crate) async fn run(
        &self,
        checkpoint: Option<Checkpoint>,
        old: Option<Upload>,
    ) -> Result<AttemptOutcome, AttemptError> {
        let (plan, dependencies) = (self.plan, self.dependencies);
        plan.settled(&dependencies.clock).await;
        let mut progress = match &checkpoint {
            Some(checkpoint) if checkpoint.v != CheckpointVersion::CURRENT => {
                return Err(AttemptError::StartOver(
                    "the checkpoint is of another version".into(),
                ));
            }
            Some(checkpoint) if checkpoint.progress.source != plan.source() => {
                return Err(AttemptError::RecordsMoved);
            }
            Some(checkpoint) => checkpoint.progress.clone(),
            None => FileProgress {
                source: plan.source().to_owned(),
                ..FileProgress::default()
            },
        };
        let (mut upload, mut rows) = self.begin(checkpoint, old).await?;
        let position = progress.position.as_deref();
        let records = plan
            .records(&dependencies.records, &dependencies.clock, position)
            .await?;
        let mut records = records.in_bulk();
        let mut margin = Margin::new(Instant::now(), self.deadline);
        let mut checkpointed = Instant::now();
        let attempts = self.lease.state().await.work.attempts;
        let mut checkpoint_after = sooner(self.dependencies.checkpoint_every, attempts);
        let mut is_under_way = false;
        loop {
            // Once there is something to keep, a page that is late is left to the next invocation.
            let patience = is_under_way.then(|| margin.begins());
            let page = match before(patience, records.next()).await {
                Some(page) => page?,
                None => {
                    self.keep(&mut upload, &progress, &rows).await?;
                    return Ok(AttemptOutcome::Paused);
                }
            };
            let Some(page) = page else {
                break;
            };
            is_under_way = true;
            let begun = Instant::now();
            progress.read_units += page.read_units;
            let mut values: Vec<Value<'_>> = Vec::new();
            for (n, row) in page.rows().enumerate() {
                if n % ROWS_AT_A_TIME == 0 {
                    tokio::task::yield_now().await;
                }
                row.values(&mut values);
                let decision = plan.decide(&page, n, &values);
                plan.count(&mut progress.undecided, decision, (&page, n), &values);
                if !decision.is_in() {
                    continue;
                }
                progress.matched += 1;
                rows.row(plan.projection.columns(&values), &mut upload.buffer);
                if upload.is_part_full() && rows.pending().is_empty() {
                    let progress = FileProgress {
                        position: Some(page.position(n)),
                        read: progress.read + page.read_through(n),
                        ..written(&progress, &rows)
                    };
                    self.cut(&mut upload, progress).await?;
                }
            }
            pass(&mut progress, &page);
            self.lease.report_rows(progress.matched);
            self.lease.look().await?;
            if let Some(checkpoint) = upload.grown() {
                self.note(&upload, checkpoint).await?;
                checkpointed = Instant::now();
                checkpoint_after = self.dependencies.checkpoint_every;
            }
            margin.page(begun.elapsed());
            let pause = margin.is_reached();
            if pause || checkpointed.elapsed() >= checkpoint_after {
                let begun = Instant::now();
                self.keep(&mut upload, &progress, &rows).await?;
                checkpointed = Instant::now();
                checkpoint_after = self.dependencies.checkpoint_every;
                margin.checkpoint(begun.elapsed());
            }
            if pause {
                return Ok(AttemptOutcome::Paused);
            }
        }
        if let Some(failure) = self.mismatch(&progress).await? {
            tracing::error!(failure.message, "the catalog does not fit the records");
            return Err(AttemptError::Failed(failure));
        }
        rows.end(&mut upload.buffer)?;
        let progress = written(&progress, &rows);
        if let Some(failure) = miscounted(progress.matched, progress.rows) {
            tracing::error!(progress.matched, progress.rows, "rows miscounted");
            return Err(AttemptError::Failed(failure));
        }
        self.finish(upload, progress).await
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
    async fn begin(
        &self,
        checkpoint: Option<Checkpoint>,
        old: Option<Upload>,
    ) -> Result<(PartUpload, Rows), AttemptError> {
        let (format, options) = (self.export.format, self.plan.options.clone());
        let Some(checkpoint) = checkpoint else {
            let mut upload = self.fresh(old).await;
            let rows = Rows::begin(format, options, &mut upload.buffer)?;
            return Ok((upload, rows));
        };
        let mut upload = self.resumed(&checkpoint, old).await?;
        // The tail is at least as long as the rows in it: its length has been compared.
        let pending = upload
            .buffer
            .len()
            .saturating_sub(checkpoint.pending as usize);
        let pending = upload.buffer.split_off(pending);
        let FileProgress {
            sheets,
            warnings,
            rows,
            ..
        } = checkpoint.progress;
        let rows = Rows::resume(format, options, sheets, warnings, pending, rows)?;
        Ok((upload, rows))
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
    async fn keep(
        &self,
        upload: &mut PartUpload,
        progress: &FileProgress,
        rows: &Rows,
    ) -> Result<(), AttemptError> {
        let tail = ObjectKey::new(self.export.id);
        let progress = written(progress, rows);
        let checkpoint = upload.store_tail(progress, rows.pending(), tail).await?;
        self.note(upload, checkpoint).await
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

/// Ends an upload that counts for nothing any more. The sweeper does it too, so a failure is no matter.
pub(crate) async fn abort(bucket: &Bucket, upload: &Upload) {
    log(
        "an old upload was not removed",
        best_effort(bucket.abort(upload)).await,
    );
}

/// Removes an object that counts for nothing any more, likewise.
async fn remove(bucket: &Bucket, key: &str) {
    log(
        "an old object was not removed",
        best_effort(bucket.delete(key)).await,
    );
}

/// Tells of a removal that did not come about.
fn log(what: &str, done: Result<Result<(), BucketError>, TimedOut>) {
    let error: &dyn std::error::Error = match &done {
        Ok(Ok(())) => return,
        Ok(Err(error)) => error,
        Err(late) => late,
    };
    tracing::debug!(error, "{what}");
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

/// Finishes a file that was about to be complete: whoever recorded that may have completed it, or not.
pub(crate) async fn finish_recorded(
    dependencies: &Dependencies,
    id: ExportId,
    completing: Completing,
    upload: Option<Upload>,
) -> Result<AttemptOutcome, AttemptError> {
    if dependencies.bucket.size(&completing.object).await? == Some(completing.size) {
        return Ok(AttemptOutcome::Complete(Box::new(completing)));
    }
    let Some(upload) = upload.filter(|_| completing.parts > 0) else {
        // The bytes of a single PUT are gone with the worker that had them.
        return Err(gone());
    };
    let etags = dependencies
        .exports
        .etags(id, &upload.upload_id, completing.parts)
        .await?;
    let etags = etags.ok_or_else(gone)?;
    let completed = dependencies.bucket.complete(&upload, &etags).await;
    settle(&dependencies.bucket, completing, completed).await
}

/// What an attempt to complete means: where S3 says that the upload is gone or the object there, the object decides.
async fn settle(
    bucket: &Bucket,
    completing: Completing,
    completed: Result<(), BucketError>,
) -> Result<AttemptOutcome, AttemptError> {
    match completed {
        Ok(()) => Ok(AttemptOutcome::Complete(Box::new(completing))),
        Err(BucketError::UploadGone | BucketError::Exists)
            if bucket.size(&completing.object).await? == Some(completing.size) =>
        {
            Ok(AttemptOutcome::Complete(Box::new(completing)))
        }
        Err(error) => Err(error.into()),
    }
}

/// The parts that were recorded are not there to be gone on from.
fn gone() -> AttemptError {
    BucketError::UploadGone.into()
}

/// What comes before `end`, if there is one.
async fn before<T>(end: Option<Instant>, awaited: impl Future<Output = T>) -> Option<T> {
    match end {
        Some(end) => tokio::time::timeout_at(end, awaited).await.ok(),
        None => Some(awaited.await),
    }
}

fn pass(progress: &mut FileProgress, page: &Page) {
    progress.position = Some(page.end());
    progress.read += page.read();
}

/// The mark with what is known of the file's bytes.
fn written(progress: &FileProgress, rows: &Rows) -> FileProgress {
    FileProgress {
        rows: rows.written(),
        warnings: rows.warnings(),
        sheets: rows.state(),
        ..progress.clone()
    }
}

impl From<LeaseError> for AttemptError {
    fn from(error: LeaseError) -> Self {
        match error {
            LeaseError::Lost => Self::Lost,
            LeaseError::Store(error) => error.into(),
        }
    }
}

impl From<StoreError> for AttemptError {
    fn from(error: StoreError) -> Self {
        Self::Transient(Box::new(error))
    }
}

impl From<RecordsError> for AttemptError {
    fn from(error: RecordsError) -> Self {
        match error.failure() {
            Some(failure) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "the records cannot be read"
                );
                Self::Failed(failure)
            }
            None => Self::Transient(Box::new(error)),
        }
    }
}

impl From<UploadError> for AttemptError {
    fn from(error: UploadError) -> Self {
        match error {
            UploadError::Bucket(error) => error.into(),
            UploadError::Tail | UploadError::Hash(_) => Self::StartOver(error.into()),
            UploadError::TooLarge => Self::Failed(Failure {
                code: "file_too_large".into(),
                message: "The file is larger than 460 GB. Please narrow the export.".into(),
                retryable: false,
            }),
        }
    }
}

impl From<BucketError> for AttemptError {
    fn from(error: BucketError) -> Self {
        match error {
            BucketError::UploadGone | BucketError::PartChanged | BucketError::Exists => {
                Self::StartOver(error.into())
            }
            BucketError::Call(_) => Self::Transient(Box::new(error)),
        }
    }
}

impl From<XlsxError> for AttemptError {
    fn from(error: XlsxError) -> Self {
        if let XlsxError::State = error {
            return Self::StartOver(error.into());
        }
        tracing::error!(
            error = &error as &dyn std::error::Error,
            "the spreadsheet cannot be made"
        );
        Self::Failed(Failure {
            code: "xlsx_impossible".into(),
            message:
                "The spreadsheet is too large to be made. Please narrow the export, or choose CSV."
                    .into(),
            retryable: false,
        })
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_s3::Client;
    use aws_sdk_s3::error::ErrorMetadata;
    use aws_sdk_s3::operation::complete_multipart_upload::{
        CompleteMultipartUploadError, CompleteMultipartUploadOutput,
    };
    use aws_sdk_s3::operation::head_object::{HeadObjectError, HeadObjectOutput};
    use aws_sdk_s3::types::error::NotFound;
    use aws_smithy_mocks::{Rule, mock};

    use super::*;
    use crate::testing::bucket;

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

    fn completing() -> Completing {
        Completing {
            object: "exports/7/a".into(),
            parts: 2,
            size: 12,
            ..Completing::default()
        }
    }

    fn head(size: Option<i64>) -> Rule {
        match size {
            Some(size) => mock!(Client::head_object)
                .then_output(move || HeadObjectOutput::builder().content_length(size).build()),
            None => mock!(Client::head_object)
                .then_error(|| HeadObjectError::NotFound(NotFound::builder().build())),
        }
    }

    async fn complete(
        answer: Option<&'static str>,
        size: Option<i64>,
    ) -> Result<AttemptOutcome, AttemptError> {
        let complete = match answer {
            None => mock!(Client::complete_multipart_upload)
                .then_output(|| CompleteMultipartUploadOutput::builder().build()),
            Some(code) => mock!(Client::complete_multipart_upload).then_error(move || {
                CompleteMultipartUploadError::generic(ErrorMetadata::builder().code(code).build())
            }),
        };
        let bucket = bucket(&[&complete, &head(size)]);
        let upload = Upload {
            object: "exports/7/a".into(),
            upload_id: "u".into(),
        };
        let completed = bucket.complete(&upload, &["a".into(), "b".into()]).await;
        settle(&bucket, completing(), completed).await
    }

    /// A second Complete of an upload is NoSuchUpload at AWS: the first one's answer may have been lost.
    #[tokio::test]
    async fn a_lost_answer_is_settled_by_the_object() {
        assert!(matches!(
            complete(None, None).await,
            Ok(AttemptOutcome::Complete(_))
        ));
        assert!(matches!(
            complete(Some("NoSuchUpload"), Some(12)).await,
            Ok(AttemptOutcome::Complete(_))
        ));
        assert!(matches!(
            complete(Some("PreconditionFailed"), Some(12)).await,
            Ok(AttemptOutcome::Complete(_))
        ));
        for size in [Some(11), None] {
            assert!(
                matches!(
                    complete(Some("NoSuchUpload"), size).await,
                    Err(AttemptError::StartOver(_))
                ),
                "{size:?}"
            );
        }
    }

    #[tokio::test]
    async fn a_part_that_is_another_means_a_new_file_and_trouble_a_new_attempt() {
        assert!(matches!(
            complete(Some("InvalidPart"), Some(12)).await,
            Err(AttemptError::StartOver(_))
        ));
        assert!(matches!(
            complete(Some("SlowDown"), Some(12)).await,
            Err(AttemptError::Transient(_))
        ));
    }
}
