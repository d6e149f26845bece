//! Completes a file's object, also after another worker recorded it, and deletes obsolete uploads and objects.

use waybill::aws::{TimedOut, best_effort};
use waybill::bucket::{Bucket, BucketError, Upload};
use waybill::export::ExportId;
use waybill::work::Completing;

use super::{AttemptError, AttemptOutcome, Dependencies};

/// Completes a file that a previous worker recorded as complete, whether or not that worker created the object.
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
        // The bytes of a single PUT were only in the memory of the previous worker.
        return Err(upload_lost());
    };
    let etags = dependencies
        .exports
        .etags(id, &upload.upload_id, completing.parts)
        .await?;
    let etags = etags.ok_or_else(upload_lost)?;
    let completed = dependencies.bucket.complete_upload(&upload, &etags).await;
    resolve_completion(&dependencies.bucket, completing, completed).await
}

/// Resolves the result of completing a file. If S3 answers that the upload is gone or that the object exists, the
/// length of the object decides.
pub(super) async fn resolve_completion(
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

/// The error for a recorded upload without all of its parts.
pub(super) fn upload_lost() -> AttemptError {
    BucketError::UploadGone.into()
}

/// Aborts an obsolete upload. A failure is only logged, since the sweeper aborts it later.
pub(crate) async fn abort(bucket: &Bucket, upload: &Upload) {
    log(
        "an obsolete upload was not aborted",
        best_effort(bucket.abort_upload(upload)).await,
    );
}

/// Deletes an obsolete object. A failure is only logged, since the sweeper deletes it later.
pub(super) async fn remove(bucket: &Bucket, key: &str) {
    log(
        "an obsolete object was not deleted",
        best_effort(bucket.delete(key)).await,
    );
}

/// Logs a failed cleanup.
fn log(what: &str, done: Result<Result<(), BucketError>, TimedOut>) {
    let error: &dyn std::error::Error = match &done {
        Ok(Ok(())) => return,
        Ok(Err(error)) => error,
        Err(late) => late,
    };
    tracing::debug!(error, "{what}");
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
        let completed = bucket
            .complete_upload(&upload, &["a".into(), "b".into()])
            .await;
        resolve_completion(&bucket, completing(), completed).await
    }

    /// A second `CompleteMultipartUpload` is answered `NoSuchUpload` by AWS: the answer to the first may have been
    /// lost.
    #[tokio::test]
    async fn after_a_lost_answer_the_object_decides() {
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
    async fn another_part_restarts_the_file_and_a_transient_error_retries_the_attempt() {
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
