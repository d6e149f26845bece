//! Making one file under a lease: read, keep what matches, write rows, store parts, note checkpoints.

use tokio::time::{Duration, Instant};
use waybill::aws::{Late, RecordsClients, best_effort};
use waybill::bucket::{Bucket, BucketError, Upload};
use waybill::clock::Clock;
use waybill::export::{Export, ExportId, Failure};
use waybill::file::Rows;
use waybill::file::xlsx::XlsxError;
use waybill::lifecycle::State;
use waybill::objects::ObjectKey;
use waybill::records::{Page, RecordsError};
use waybill::store::{Exports, StoreError};
use waybill::value::Value;
use waybill::work::{Checkpoint, Completing, Pace};

use crate::held::{Held, HeldError};
use crate::margin::Margin;
use crate::plan::{Plan, PlanError};
use crate::upload::{Mark, PartUpload, UploadError};

/// How a turn at a file ended, where nothing went wrong.
#[derive(Debug)]
pub(crate) enum Made {
    /// The object is there under this mark.
    Whole(Box<Completing>),
    /// There is more to do than this invocation has time for; a checkpoint holds all that was done.
    Part,
}

/// What came in between.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
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
    Elsewhere,
    /// It may pass.
    #[error(transparent)]
    Passing(Box<dyn std::error::Error + Send + Sync>),
}

/// What files are made with.
#[derive(Clone)]
pub struct Tools {
    /// The exports, their work and their history.
    pub exports: Exports,
    /// The host's records.
    pub records: RecordsClients,
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

/// One turn at one file.
pub(crate) struct Making<'a> {
    pub(crate) tools: &'a Tools,
    pub(crate) held: &'a Held,
    pub(crate) plan: &'a Plan,
    pub(crate) export: &'a Export,
    /// When this invocation is ended, whether or not it is done.
    pub(crate) deadline: Instant,
}

/// Rows that are written at a time: between two such runs the heartbeat, what is asked for and what is sent off move on.
const ROWS_AT_A_TIME: usize = 256;

impl Making<'_> {
    /// Makes the file, or goes on with it.
    pub(crate) async fn run(
        &self,
        checkpoint: Option<Checkpoint>,
        old: Option<Upload>,
    ) -> Result<Made, Trouble> {
        let (plan, tools) = (self.plan, self.tools);
        plan.settled(&tools.clock).await;
        let mut mark = match &checkpoint {
            Some(checkpoint) if checkpoint.source != plan.source() => {
                return Err(Trouble::Elsewhere);
            }
            Some(checkpoint) => Mark::from(checkpoint),
            None => Mark {
                source: plan.source().to_owned(),
                ..Mark::default()
            },
        };
        let (mut upload, mut rows) = self.begin(checkpoint, old).await?;
        let position = mark.position.as_deref();
        let records = plan.records(&tools.records, &tools.clock, position).await?;
        let mut records = records.in_bulk();
        let mut margin = Margin::new(Instant::now(), self.deadline);
        let mut checkpointed = Instant::now();
        let attempts = self.held.state().await.work.attempts;
        let mut checkpoint_after = sooner(self.tools.checkpoint_every, attempts);
        let mut is_under_way = false;
        loop {
            // Once there is something to keep, a page that is late is left to the next invocation.
            let patience = is_under_way.then(|| margin.begins());
            let page = match before(patience, records.next()).await {
                Some(page) => page?,
                None => {
                    self.keep(&mut upload, &mark, &rows).await?;
                    return Ok(Made::Part);
                }
            };
            let Some(page) = page else {
                break;
            };
            is_under_way = true;
            let begun = Instant::now();
            mark.read_units += page.read_units;
            let mut values: Vec<Value<'_>> = Vec::new();
            for (n, row) in page.rows().enumerate() {
                if n % ROWS_AT_A_TIME == 0 {
                    tokio::task::yield_now().await;
                }
                row.values(&mut values);
                let decision = plan.decide(&page, n, &values);
                plan.count(&mut mark.undecided, decision, (&page, n), &values);
                if !decision.is_in() {
                    continue;
                }
                mark.matched += 1;
                rows.row(plan.projection.columns(&values), &mut upload.buffer);
                if upload.is_part_full() && rows.pending().is_empty() {
                    let mark = Mark {
                        position: Some(page.position(n)),
                        read: mark.read + page.read_through(n),
                        ..written(&mark, &rows)
                    };
                    self.cut(&mut upload, mark).await?;
                }
            }
            pass(&mut mark, &page);
            self.held.progress(mark.matched);
            self.held.look().await?;
            if let Some(checkpoint) = upload.grown() {
                self.note(&upload, checkpoint).await?;
                checkpointed = Instant::now();
                checkpoint_after = self.tools.checkpoint_every;
            }
            margin.page(begun.elapsed());
            let pause = margin.is_reached();
            if pause || checkpointed.elapsed() >= checkpoint_after {
                let begun = Instant::now();
                self.keep(&mut upload, &mark, &rows).await?;
                checkpointed = Instant::now();
                checkpoint_after = self.tools.checkpoint_every;
                margin.checkpoint(begun.elapsed());
            }
            if pause {
                return Ok(Made::Part);
            }
        }
        if let Some(failure) = self.mismatch(&mark).await? {
            tracing::error!(failure.message, "the catalog does not fit the records");
            return Err(Trouble::Failed(failure));
        }
        rows.end(&mut upload.buffer)?;
        let mark = written(&mark, &rows);
        if let Some(failure) = miscounted(mark.matched, mark.rows) {
            tracing::error!(mark.matched, mark.rows, "rows miscounted");
            return Err(Trouble::Failed(failure));
        }
        self.finish(upload, mark).await
    }

    /// Why all that was read is no complete file, although nothing went wrong.
    async fn mismatch(&self, mark: &Mark) -> Result<Option<Failure>, Trouble> {
        if let Some(failure) = mark.undecided.mismatch(&self.plan.export_type) {
            return Ok(Some(failure));
        }
        if !mark.undecided.saw_nothing() {
            return Ok(None);
        }
        Ok(self.plan.mismatch_at_the_ends(&self.tools.records).await?)
    }

    /// A new file, or the one that a checkpoint left.
    async fn begin(
        &self,
        checkpoint: Option<Checkpoint>,
        old: Option<Upload>,
    ) -> Result<(PartUpload, Rows), Trouble> {
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
        let Checkpoint {
            sheets,
            warnings,
            rows,
            ..
        } = checkpoint;
        let rows = Rows::resume(format, options, sheets, warnings, pending, rows)?;
        Ok((upload, rows))
    }

    async fn fresh(&self, old: Option<Upload>) -> PartUpload {
        if let Some(old) = old {
            abort(&self.tools.bucket, &old).await;
        }
        self.new_upload()
    }

    fn new_upload(&self) -> PartUpload {
        let (bucket, first_part) = (self.tools.bucket.clone(), self.tools.first_part);
        PartUpload::new(bucket, first_part, ObjectKey::new(self.export.id))
    }

    async fn resumed(
        &self,
        checkpoint: &Checkpoint,
        old: Option<Upload>,
    ) -> Result<PartUpload, Trouble> {
        let (upload, etags) = match old {
            Some(upload) if checkpoint.parts > 0 => {
                let etags = self
                    .tools
                    .exports
                    .etags(self.export.id, &upload.upload_id, checkpoint.parts)
                    .await?;
                (Some(upload), etags.ok_or_else(gone)?)
            }
            Some(unused) => {
                abort(&self.tools.bucket, &unused).await;
                (None, Vec::new())
            }
            None => (None, Vec::new()),
        };
        Ok(PartUpload::resume(self.new_upload(), checkpoint, upload, etags).await?)
    }

    async fn cut(&self, upload: &mut PartUpload, mark: Mark) -> Result<(), Trouble> {
        let record = async |begun| {
            let note = |state: &State| state.note(|work| work.upload = Some(begun));
            self.held.commit(note).await?;
            Ok(())
        };
        let media_type = self.export.format.media_type();
        upload.cut(mark, media_type, record).await
    }

    /// A checkpoint of all that there is, with what is not in a part as its tail.
    async fn keep(&self, upload: &mut PartUpload, mark: &Mark, rows: &Rows) -> Result<(), Trouble> {
        let tail = ObjectKey::new(self.export.id);
        let mark = written(mark, rows);
        let checkpoint = upload.store_tail(mark, rows.pending(), tail).await?;
        self.note(upload, checkpoint).await
    }

    /// Writes a checkpoint down, and removes the tail of the one before.
    async fn note(&self, upload: &PartUpload, checkpoint: Checkpoint) -> Result<(), Trouble> {
        let before = self.held.state().await.work.checkpoint;
        let etags = &upload.etags()[..checkpoint.parts as usize];
        let from = before.as_ref().map_or(0, |before| before.parts) + 1;
        self.held
            .checkpoint(
                |state| state.note(|work| work.checkpoint = Some(checkpoint)),
                etags,
                from,
            )
            .await?;
        if let Some(tail) = before.and_then(|before| before.tail) {
            remove(&self.tools.bucket, &tail).await;
        }
        Ok(())
    }

    async fn finish(&self, upload: PartUpload, mark: Mark) -> Result<Made, Trouble> {
        let ended = upload.end(mark.clone()).await?;
        let completing = ended.completing(mark);
        let noted = completing.clone();
        let note = |state: &State| state.note(|work| work.completing = Some(noted));
        let recorded = self.held.checkpoint(note, ended.etags(), 1).await?;
        let media_type = self.export.format.media_type();
        let completed = ended.complete(recorded, media_type).await;
        settle(&self.tools.bucket, completing, completed).await
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
fn log(what: &str, done: Result<Result<(), BucketError>, Late>) {
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

/// Finishes a file whose mark was found: whoever set it may have completed it, or not.
pub(crate) async fn finish_marked(
    tools: &Tools,
    id: ExportId,
    mark: Completing,
    upload: Option<Upload>,
) -> Result<Made, Trouble> {
    if tools.bucket.size(&mark.object).await? == Some(mark.size) {
        return Ok(Made::Whole(Box::new(mark)));
    }
    let Some(upload) = upload.filter(|_| mark.parts > 0) else {
        // The bytes of a single PUT are gone with the worker that had them.
        return Err(gone());
    };
    let etags = tools
        .exports
        .etags(id, &upload.upload_id, mark.parts)
        .await?;
    let etags = etags.ok_or_else(gone)?;
    let completed = tools.bucket.complete(&upload, &etags).await;
    settle(&tools.bucket, mark, completed).await
}

/// What an attempt to complete means: where S3 says that the upload is gone or the object there, the object decides.
async fn settle(
    bucket: &Bucket,
    mark: Completing,
    completed: Result<(), BucketError>,
) -> Result<Made, Trouble> {
    match completed {
        Ok(()) => Ok(Made::Whole(Box::new(mark))),
        Err(BucketError::UploadGone | BucketError::Exists)
            if bucket.size(&mark.object).await? == Some(mark.size) =>
        {
            Ok(Made::Whole(Box::new(mark)))
        }
        Err(error) => Err(error.into()),
    }
}

/// The parts that were recorded are not there to be gone on from.
fn gone() -> Trouble {
    BucketError::UploadGone.into()
}

/// What comes before `end`, if there is one.
async fn before<T>(end: Option<Instant>, awaited: impl Future<Output = T>) -> Option<T> {
    match end {
        Some(end) => tokio::time::timeout_at(end, awaited).await.ok(),
        None => Some(awaited.await),
    }
}

fn pass(mark: &mut Mark, page: &Page) {
    mark.position = Some(page.end());
    mark.read += page.read();
}

/// The mark with what is known of the file's bytes.
fn written(mark: &Mark, rows: &Rows) -> Mark {
    Mark {
        rows: rows.written(),
        warnings: rows.warnings(),
        sheets: rows.state(),
        ..mark.clone()
    }
}

impl From<&Checkpoint> for Mark {
    fn from(checkpoint: &Checkpoint) -> Self {
        Self {
            source: checkpoint.source.clone(),
            position: checkpoint.position.clone(),
            read: checkpoint.read,
            matched: checkpoint.matched,
            rows: checkpoint.rows,
            read_units: checkpoint.read_units,
            warnings: checkpoint.warnings.clone(),
            undecided: checkpoint.undecided.clone(),
            sheets: checkpoint.sheets.clone(),
        }
    }
}

impl From<HeldError> for Trouble {
    fn from(error: HeldError) -> Self {
        match error {
            HeldError::Lost => Self::Lost,
            HeldError::Store(error) => error.into(),
        }
    }
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Self::Passing(Box::new(error))
    }
}

impl From<RecordsError> for Trouble {
    fn from(error: RecordsError) -> Self {
        match error.failure() {
            Some(failure) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "the records cannot be read"
                );
                Self::Failed(failure)
            }
            None => Self::Passing(Box::new(error)),
        }
    }
}

impl From<PlanError> for Trouble {
    fn from(error: PlanError) -> Self {
        match error {
            PlanError::Records(error) => error.into(),
            PlanError::Unmapped(_) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "the records cannot be found"
                );
                match error.failure() {
                    Some(failure) => Self::Failed(failure),
                    None => Self::Passing(Box::new(error)),
                }
            }
        }
    }
}

impl From<UploadError> for Trouble {
    fn from(error: UploadError) -> Self {
        match error {
            UploadError::Bucket(error) => error.into(),
            UploadError::Tail | UploadError::Hash(_) => Self::StartOver(error.into()),
            UploadError::TooLarge => Self::Failed(Failure {
                code: "file_too_large".into(),
                message: "The file is larger than 430 GB. Please narrow the export.".into(),
                retryable: false,
            }),
        }
    }
}

impl From<BucketError> for Trouble {
    fn from(error: BucketError) -> Self {
        match error {
            BucketError::UploadGone | BucketError::PartChanged | BucketError::Exists => {
                Self::StartOver(error.into())
            }
            BucketError::Call(_) => Self::Passing(Box::new(error)),
        }
    }
}

impl From<XlsxError> for Trouble {
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

    fn mark() -> Completing {
        Completing {
            object: "exports/7/a".into(),
            parts: 2,
            read: 3,
            matched: 2,
            rows: 3,
            size: 12,
            sha256: String::new(),
            read_units: 0.0,
            warnings: Default::default(),
            undecided: Default::default(),
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

    async fn complete(answer: Option<&'static str>, size: Option<i64>) -> Result<Made, Trouble> {
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
        settle(&bucket, mark(), completed).await
    }

    /// A second Complete of an upload is NoSuchUpload at AWS: the first one's answer may have been lost.
    #[tokio::test]
    async fn a_lost_answer_is_settled_by_the_object() {
        assert!(matches!(complete(None, None).await, Ok(Made::Whole(_))));
        assert!(matches!(
            complete(Some("NoSuchUpload"), Some(12)).await,
            Ok(Made::Whole(_))
        ));
        assert!(matches!(
            complete(Some("PreconditionFailed"), Some(12)).await,
            Ok(Made::Whole(_))
        ));
        for size in [Some(11), None] {
            assert!(
                matches!(
                    complete(Some("NoSuchUpload"), size).await,
                    Err(Trouble::StartOver(_))
                ),
                "{size:?}"
            );
        }
    }

    #[tokio::test]
    async fn a_part_that_is_another_means_a_new_file_and_trouble_a_new_attempt() {
        assert!(matches!(
            complete(Some("InvalidPart"), Some(12)).await,
            Err(Trouble::StartOver(_))
        ));
        assert!(matches!(
            complete(Some("SlowDown"), Some(12)).await,
            Err(Trouble::Passing(_))
        ));
    }
}
