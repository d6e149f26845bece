//! The end of a file: its object appears, whoever lets it, and what counts for nothing any more is removed.

use waybill::aws::{TimedOut, best_effort};
use waybill::bucket::{Bucket, BucketError, Upload};
use waybill::export::ExportId;
use waybill::work::Completing;

use super::{AttemptError, AttemptOutcome, Dependencies};

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
pub(super) async fn settle(
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
pub(super) fn gone() -> AttemptError {
    BucketError::UploadGone.into()
}

/// Ends an upload that counts for nothing any more. The sweeper does it too, so a failure is no matter.
pub(crate) async fn abort(bucket: &Bucket, upload: &Upload) {
    log(
        "an old upload was not removed",
        best_effort(bucket.abort(upload)).await,
    );
}

/// Removes an object that counts for nothing any more, likewise.
pub(super) async fn remove(bucket: &Bucket, key: &str) {
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
