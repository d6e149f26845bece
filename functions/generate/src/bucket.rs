//! The bucket that files go to, as far as making them needs S3.

use aws_sdk_s3::Client;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumAlgorithm, ChecksumType, CompletedMultipartUpload, CompletedPart};
use bytes::Bytes;
use tokio::time::Duration;
use waybill::aws::{Late, best_effort, is_lasting};
use waybill::hash::InvalidHashState;
use waybill::work::Upload;

/// The most parts that S3 takes.
pub(crate) const MOST_PARTS: u32 = 10_000;

/// How often a PUT is tried that meets another one of the same key at the same moment.
const CONFLICT_TRIES: u32 = 4;
/// The wait before the second of them; it doubles.
const CONFLICT_WAIT: Duration = Duration::from_millis(200);

/// The bucket that files go to.
#[derive(Debug, Clone)]
pub struct Bucket {
    /// S3.
    pub s3: Client,
    /// The bucket's name.
    pub name: String,
    /// The bytes at which the first part of a file is full: [`FIRST_PART`], but where no S3 would refuse less.
    pub first_part: usize,
}

/// What an upload met.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UploadError {
    /// It may pass.
    #[error("S3 did not carry out {operation}: {code}")]
    Unavailable {
        operation: &'static str,
        code: String,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The upload is gone: it was completed, or removed.
    #[error("the upload is gone")]
    Gone,
    /// A stored part is not the one that was recorded.
    #[error("a part of the upload is not the one that was stored")]
    Changed,
    /// An object of this name is there already.
    #[error("the object is there already")]
    Exists,
    /// The file would need more parts than S3 takes.
    #[error("the file has more than {MOST_PARTS} parts")]
    TooLarge,
    /// The tail of the checkpoint is not as long as the checkpoint says.
    #[error("the checkpoint's tail cannot be used")]
    Tail,
    /// The hash of the checkpoint cannot be read.
    #[error(transparent)]
    Hash(#[from] InvalidHashState),
}

impl UploadError {
    fn sdk<E, R>(operation: &'static str, error: SdkError<E, R>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
        R: std::fmt::Debug + Send + Sync + 'static,
    {
        match error.code() {
            Some("NoSuchUpload") => Self::Gone,
            Some("InvalidPart") => Self::Changed,
            Some("PreconditionFailed") => Self::Exists,
            code => Self::Unavailable {
                operation,
                code: code.unwrap_or("no answer").to_owned(),
                source: Box::new(error),
            },
        }
    }
}

impl UploadError {
    /// Whether it stays until somebody changes the bucket or its permissions.
    pub(crate) fn is_lasting(&self) -> bool {
        match self {
            Self::Unavailable { code, .. } => is_lasting(code),
            Self::TooLarge => true,
            Self::Gone | Self::Changed | Self::Exists | Self::Tail | Self::Hash(_) => false,
        }
    }

    /// Whether S3 was busy with another request for the same key.
    fn is_conflict(&self) -> bool {
        matches!(self, Self::Unavailable { code, .. } if code == "ConditionalRequestConflict")
    }
}

impl Bucket {
    /// Begins an upload that becomes the object `key`.
    pub(crate) async fn begin(&self, key: &str, media_type: &str) -> Result<Upload, UploadError> {
        let created = self
            .s3
            .create_multipart_upload()
            .bucket(&self.name)
            .key(key)
            .content_type(media_type)
            // The checksum of the parts must be named here, and only a CRC can be one of the whole object.
            .checksum_algorithm(ChecksumAlgorithm::Crc32)
            .checksum_type(ChecksumType::FullObject)
            .send()
            .await
            .map_err(|e| UploadError::sdk("CreateMultipartUpload", e))?;
        Ok(Upload {
            object: key.to_owned(),
            upload_id: created.upload_id.unwrap_or_default(),
        })
    }

    /// Stores a part of an upload, and gives its ETag.
    pub(crate) async fn part(
        &self,
        upload: &Upload,
        number: u32,
        bytes: Bytes,
    ) -> Result<String, UploadError> {
        let sent = self
            .s3
            .upload_part()
            .bucket(&self.name)
            .key(&upload.object)
            .upload_id(&upload.upload_id)
            .part_number(number as i32)
            .checksum_algorithm(ChecksumAlgorithm::Crc32)
            .body(ByteStream::from(bytes))
            // TLS and the part's CRC-32 keep the bytes; their SHA-256 would only be worked out a second time.
            .customize()
            .disable_payload_signing()
            .send()
            .await
            .map_err(|e| UploadError::sdk("UploadPart", e))?;
        Ok(sent.e_tag.unwrap_or_default())
    }

    /// Stores an object under a new key, which nobody else writes.
    ///
    /// The SDK sends the request again where its answer was lost or late, and that one then meets itself: S3 says that
    /// the object is there (412), or that it is busy with another request for the key (409). An object of the right
    /// length is this one.
    pub(crate) async fn put(
        &self,
        key: &str,
        bytes: Bytes,
        media_type: &str,
    ) -> Result<(), UploadError> {
        let length = bytes.len() as u64;
        let mut wait = CONFLICT_WAIT;
        for _ in 1..CONFLICT_TRIES {
            match self.put_once(key, bytes.clone(), media_type).await {
                Err(error) if error.is_conflict() => tokio::time::sleep(wait).await,
                Err(UploadError::Exists) => return self.is_stored(key, length).await,
                done => return done,
            }
            wait *= 2;
        }
        match self.put_once(key, bytes, media_type).await {
            Err(UploadError::Exists) => self.is_stored(key, length).await,
            done => done,
        }
    }

    /// Whether what is in the way of an object is the object itself.
    async fn is_stored(&self, key: &str, length: u64) -> Result<(), UploadError> {
        match self.size(key).await? == Some(length) {
            true => Ok(()),
            false => Err(UploadError::Exists),
        }
    }

    async fn put_once(&self, key: &str, bytes: Bytes, media_type: &str) -> Result<(), UploadError> {
        let put = self
            .s3
            .put_object()
            .bucket(&self.name)
            .key(key)
            .if_none_match("*")
            .content_type(media_type)
            .body(ByteStream::from(bytes));
        put.send()
            .await
            .map_err(|e| UploadError::sdk("PutObject", e))?;
        Ok(())
    }

    /// The bytes of a checkpoint's tail.
    pub(crate) async fn get(&self, key: &str) -> Result<Vec<u8>, UploadError> {
        let got = self
            .s3
            .get_object()
            .bucket(&self.name)
            .key(key)
            .send()
            .await;
        let body = match got {
            Ok(got) => got.body.collect().await,
            Err(error) if error.code() == Some("NoSuchKey") => return Err(UploadError::Tail),
            Err(error) => return Err(UploadError::sdk("GetObject", error)),
        };
        let body = body.map_err(|error| UploadError::Unavailable {
            operation: "GetObject",
            code: "the body ended early".to_owned(),
            source: Box::new(error),
        })?;
        Ok(body.to_vec())
    }

    /// Removes an object that counts for nothing any more. The sweeper removes it too, so a failure is no matter.
    pub(crate) async fn delete(&self, key: &str) {
        let delete = self.s3.delete_object().bucket(&self.name).key(key);
        log(
            "an old object was not removed",
            best_effort(delete.send()).await,
        );
    }

    /// Ends an upload that counts for nothing any more, likewise.
    pub(crate) async fn abort(&self, upload: &Upload) {
        let abort = self
            .s3
            .abort_multipart_upload()
            .bucket(&self.name)
            .key(&upload.object);
        let abort = abort.upload_id(&upload.upload_id).send();
        log("an old upload was not removed", best_effort(abort).await);
    }

    /// Completes an upload of these parts, numbered from 1.
    pub(crate) async fn complete(
        &self,
        upload: &Upload,
        etags: &[String],
    ) -> Result<(), UploadError> {
        let parts = etags
            .iter()
            .zip(1..)
            .map(|(etag, number)| {
                CompletedPart::builder()
                    .part_number(number)
                    .e_tag(etag)
                    .build()
            })
            .collect();
        self.s3
            .complete_multipart_upload()
            .bucket(&self.name)
            .key(&upload.object)
            .upload_id(&upload.upload_id)
            .if_none_match("*")
            .checksum_type(ChecksumType::FullObject)
            .multipart_upload(
                CompletedMultipartUpload::builder()
                    .set_parts(Some(parts))
                    .build(),
            )
            .send()
            .await
            .map_err(|e| UploadError::sdk("CompleteMultipartUpload", e))?;
        Ok(())
    }

    /// The length of an object; `None` where there is none. (Without `s3:ListBucket`, S3 would say 403 for that.)
    pub(crate) async fn size(&self, key: &str) -> Result<Option<u64>, UploadError> {
        match self
            .s3
            .head_object()
            .bucket(&self.name)
            .key(key)
            .send()
            .await
        {
            Ok(head) => Ok(head
                .content_length
                .and_then(|length| u64::try_from(length).ok())),
            Err(error) if error.as_service_error().is_some_and(|e| e.is_not_found()) => Ok(None),
            Err(error) => Err(UploadError::sdk("HeadObject", error)),
        }
    }
}

/// Tells of a removal that did not come about.
fn log<T, E: std::error::Error + 'static>(what: &str, done: Result<Result<T, E>, Late>) {
    let error: &dyn std::error::Error = match &done {
        Ok(Ok(_)) => return,
        Ok(Err(error)) => error,
        Err(late) => late,
    };
    tracing::debug!(error, "{what}");
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use aws_sdk_s3::error::ErrorMetadata;
    use aws_sdk_s3::operation::head_object::{HeadObjectError, HeadObjectOutput};
    use aws_sdk_s3::operation::put_object::{PutObjectError, PutObjectOutput};
    use aws_sdk_s3::types::error::NotFound;
    use aws_smithy_mocks::{Rule, mock};
    use tokio::time::Instant;
    use waybill::aws::{BEST_EFFORT, timeouts};
    use waybill_testing::twin::{Silent, http_client};

    use super::*;
    use crate::testing::bucket;

    fn put_fails(code: &'static str) -> Rule {
        mock!(Client::put_object).then_error(move || {
            PutObjectError::generic(ErrorMetadata::builder().code(code).build())
        })
    }

    fn head(size: Option<i64>) -> Rule {
        match size {
            Some(size) => mock!(Client::head_object)
                .then_output(move || HeadObjectOutput::builder().content_length(size).build()),
            None => mock!(Client::head_object)
                .then_error(|| HeadObjectError::NotFound(NotFound::builder().build())),
        }
    }

    async fn put(rules: &[&Rule]) -> Result<(), UploadError> {
        let bytes = Bytes::from_static(b"twelve bytes");
        bucket(rules).put("exports/7/a", bytes, "text/csv").await
    }

    #[tokio::test]
    async fn a_put_that_meets_an_object_of_its_length_met_itself() {
        let there = put_fails("PreconditionFailed");
        assert!(put(&[&there, &head(Some(12))]).await.is_ok());
        for size in [Some(11), Some(13), None] {
            let done = put(&[&there, &head(size)]).await;
            assert!(
                matches!(done, Err(UploadError::Exists)),
                "{size:?}: {done:?}"
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_put_that_meets_another_of_its_key_at_the_same_moment_is_tried_again() {
        let conflict = put_fails("ConditionalRequestConflict");
        let done = put(&[&conflict]).await;
        assert!(
            matches!(&done, Err(error) if error.is_conflict()),
            "{done:?}"
        );
        assert_eq!(conflict.num_calls(), 4);

        let passes = mock!(Client::put_object)
            .sequence()
            .error(|| {
                let code = ErrorMetadata::builder().code("ConditionalRequestConflict");
                PutObjectError::generic(code.build())
            })
            .output(|| PutObjectOutput::builder().build())
            .build();
        assert!(put(&[&passes]).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn removals_that_are_not_answered_are_not_waited_for() {
        let config = aws_sdk_s3::Config::builder()
            .behavior_version(aws_sdk_s3::config::BehaviorVersion::latest())
            .region(aws_sdk_s3::config::Region::new("eu-west-1"))
            .credentials_provider(aws_sdk_s3::config::Credentials::new(
                "a", "b", None, None, "test",
            ))
            .timeout_config(timeouts())
            .http_client(http_client(Arc::new(Silent)));
        let silent = Bucket {
            s3: Client::from_conf(config.build()),
            ..bucket(&[])
        };
        let began = Instant::now();
        silent.delete("exports/7/tail").await;
        let upload = Upload {
            object: "exports/7/a".into(),
            upload_id: "u".into(),
        };
        silent.abort(&upload).await;
        assert!(began.elapsed() <= BEST_EFFORT * 2, "{:?}", began.elapsed());
    }

    #[test]
    fn what_only_a_change_of_the_deployment_puts_right_is_lasting() {
        let refused = |code: &str| UploadError::Unavailable {
            operation: "PutObject",
            code: code.to_owned(),
            source: "said so".into(),
        };
        for code in ["AccessDenied", "NoSuchBucket", "KMS.DisabledException"] {
            assert!(refused(code).is_lasting(), "{code}");
        }
        for code in ["SlowDown", "InternalError", "RequestTimeout", "no answer"] {
            assert!(!refused(code).is_lasting(), "{code}");
        }
        assert!(!UploadError::Gone.is_lasting());
    }
}
