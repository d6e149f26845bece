//! The S3 bucket that stores the files.

use std::time::Duration;

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumAlgorithm, ChecksumType, CompletedMultipartUpload, CompletedPart};
use aws_sdk_s3::{Client, Config};
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::aws::{CallError, upload_timeouts};

/// S3's limit on the parts of a multipart upload.
pub const MAX_PARTS: u32 = 10_000;

/// Tries of a PUT that S3 rejects because of a concurrent request for the same key.
const CONFLICT_TRIES: u32 = 4;
/// The wait before the second try; it doubles with each try.
const CONFLICT_WAIT: Duration = Duration::from_millis(200);

/// A bucket and its S3 client.
#[derive(Debug, Clone)]
pub struct Bucket {
    s3: Client,
    name: String,
}

/// A multipart upload in progress.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upload {
    /// The key of the object that the upload creates.
    pub object: String,
    /// S3's upload id.
    pub upload_id: String,
}

/// Why a call to the bucket failed.
#[derive(Debug, thiserror::Error)]
pub enum BucketError {
    /// The call failed.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The upload no longer exists: it was completed or aborted.
    #[error("the upload no longer exists")]
    UploadGone,
    /// A stored part has another ETag than the recorded one.
    #[error("a stored part of the upload has another ETag than the recorded one")]
    PartChanged,
    /// Another object has this key already.
    #[error("another object has this key already")]
    Exists,
}

impl BucketError {
    fn new<E, R>(operation: &'static str, error: SdkError<E, R>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
        R: std::fmt::Debug + Send + Sync + 'static,
    {
        match error.code() {
            Some("NoSuchUpload") => Self::UploadGone,
            Some("InvalidPart") => Self::PartChanged,
            Some("PreconditionFailed") => Self::Exists,
            _ => Self::Call(CallError::new(operation, error)),
        }
    }

    /// Whether a retry cannot succeed until the bucket or its permissions change.
    pub fn is_lasting(&self) -> bool {
        matches!(self, Self::Call(error) if error.is_lasting())
    }

    /// Whether S3 rejected the call because of a concurrent request for the same key.
    fn is_conflict(&self) -> bool {
        matches!(self, Self::Call(error) if error.code == "ConditionalRequestConflict")
    }
}

/// Multipart uploads.
impl Bucket {
    /// Begins a multipart upload of the object `key`.
    ///
    /// # Errors
    /// When the call fails, or the answer has no upload id.
    pub async fn begin_upload(&self, key: &str, media_type: &str) -> Result<Upload, BucketError> {
        const OPERATION: &str = "CreateMultipartUpload";
        let created = self
            .s3
            .create_multipart_upload()
            .bucket(&self.name)
            .key(key)
            .content_type(media_type)
            // The algorithm of the parts' checksums must be set here. Only a CRC can cover the whole object.
            .checksum_algorithm(ChecksumAlgorithm::Crc32)
            .checksum_type(ChecksumType::FullObject)
            .send()
            .await
            .map_err(|error| BucketError::new(OPERATION, error))?;
        Ok(Upload {
            object: key.to_owned(),
            upload_id: given(OPERATION, "an upload id", created.upload_id)?,
        })
    }

    /// Uploads a part and returns its ETag. Parts are numbered from 1.
    ///
    /// # Errors
    /// When the call fails, or the answer has no ETag.
    pub async fn upload_part(
        &self,
        upload: &Upload,
        number: u32,
        bytes: Bytes,
    ) -> Result<String, BucketError> {
        const OPERATION: &str = "UploadPart";
        let timeouts = upload_timeouts(bytes.len());
        let sent = self
            .s3
            .upload_part()
            .bucket(&self.name)
            .key(&upload.object)
            .upload_id(&upload.upload_id)
            .part_number(number as i32)
            .checksum_algorithm(ChecksumAlgorithm::Crc32)
            .body(ByteStream::from(bytes))
            // TLS and the part's CRC-32 protect the bytes already; the SHA-256 of the signature would cost CPU only.
            .customize()
            .disable_payload_signing()
            .config_override(Config::builder().timeout_config(timeouts))
            .send()
            .await
            .map_err(|error| BucketError::new(OPERATION, error))?;
        given(OPERATION, "an ETag", sent.e_tag)
    }

    /// Completes an upload. `etags` are those of its parts, in order from part 1.
    ///
    /// # Errors
    /// [`BucketError::UploadGone`] where the upload was completed before, such as by a call whose answer was lost.
    pub async fn complete_upload(
        &self,
        upload: &Upload,
        etags: &[String],
    ) -> Result<(), BucketError> {
        let part = |(etag, number)| {
            CompletedPart::builder()
                .part_number(number)
                .e_tag(etag)
                .build()
        };
        let parts = CompletedMultipartUpload::builder()
            .set_parts(Some(etags.iter().zip(1..).map(part).collect()))
            .build();
        self.s3
            .complete_multipart_upload()
            .bucket(&self.name)
            .key(&upload.object)
            .upload_id(&upload.upload_id)
            .if_none_match("*")
            .checksum_type(ChecksumType::FullObject)
            .multipart_upload(parts)
            .send()
            .await
            .map_err(|error| BucketError::new("CompleteMultipartUpload", error))?;
        Ok(())
    }

    /// Aborts an upload. An upload that no longer exists is no error.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn abort_upload(&self, upload: &Upload) -> Result<(), BucketError> {
        let aborted = self
            .s3
            .abort_multipart_upload()
            .bucket(&self.name)
            .key(&upload.object)
            .upload_id(&upload.upload_id)
            .send()
            .await
            .map_err(|error| BucketError::new("AbortMultipartUpload", error));
        match aborted {
            Ok(_) | Err(BucketError::UploadGone) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Lists the uploads in progress under a prefix.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn uploads(&self, prefix: &str) -> Result<Vec<Upload>, BucketError> {
        let mut found = Vec::new();
        let (mut key_marker, mut upload_marker) = (None, None);
        loop {
            let page = self
                .s3
                .list_multipart_uploads()
                .bucket(&self.name)
                .prefix(prefix)
                .set_key_marker(key_marker)
                .set_upload_id_marker(upload_marker)
                .send()
                .await
                .map_err(|error| BucketError::new("ListMultipartUploads", error))?;
            let uploads = page.uploads().iter().filter_map(|upload| {
                Some(Upload {
                    object: upload
                        .key()
                        .filter(|key| key.starts_with(prefix))?
                        .to_owned(),
                    upload_id: upload.upload_id()?.to_owned(),
                })
            });
            found.extend(uploads);
            if page.is_truncated() != Some(true) || page.next_key_marker().is_none() {
                return Ok(found);
            }
            (key_marker, upload_marker) = (page.next_key_marker, page.next_upload_id_marker);
        }
    }
}

/// Objects.
impl Bucket {
    /// The bucket of this name.
    pub fn new(s3: Client, name: impl Into<String>) -> Self {
        Self {
            s3,
            name: name.into(),
        }
    }

    /// Stores an object under a new key that no other writer uses.
    ///
    /// The SDK retries a request whose answer was lost, and the retry then conflicts with the first request: S3 answers
    /// that the object exists (412) or that another request for the key is running (409). An object of the right length
    /// is taken to be this one.
    ///
    /// # Errors
    /// [`BucketError::Exists`] where an object of another length has the key.
    pub async fn put(&self, key: &str, bytes: Bytes, media_type: &str) -> Result<(), BucketError> {
        let length = bytes.len() as u64;
        let mut wait = CONFLICT_WAIT;
        let mut tries = 1;
        loop {
            match self.put_once(key, bytes.clone(), media_type).await {
                Err(error) if error.is_conflict() && tries < CONFLICT_TRIES => {
                    tokio::time::sleep(wait).await;
                }
                Err(BucketError::Exists) if self.size(key).await? == Some(length) => return Ok(()),
                done => return done,
            }
            wait *= 2;
            tries += 1;
        }
    }

    async fn put_once(&self, key: &str, bytes: Bytes, media_type: &str) -> Result<(), BucketError> {
        let timeouts = upload_timeouts(bytes.len());
        let put = self
            .s3
            .put_object()
            .bucket(&self.name)
            .key(key)
            .if_none_match("*")
            .content_type(media_type)
            .body(ByteStream::from(bytes))
            .customize()
            .config_override(Config::builder().timeout_config(timeouts));
        let put = put.send().await;
        put.map_err(|error| BucketError::new("PutObject", error))?;
        Ok(())
    }

    /// Reads an object; `None` where it does not exist.
    ///
    /// # Errors
    /// When the call fails, or the body ends early.
    pub async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, BucketError> {
        const OPERATION: &str = "GetObject";
        let get = self.s3.get_object().bucket(&self.name).key(key);
        let body = match get.send().await {
            Ok(got) => got.body.collect().await,
            Err(error) if error.code() == Some("NoSuchKey") => return Ok(None),
            Err(error) => return Err(BucketError::new(OPERATION, error)),
        };
        let cut = |error| CallError::with_code(OPERATION, "the body ended early", error);
        Ok(Some(body.map_err(cut)?.to_vec()))
    }

    /// The length of an object in bytes; `None` where it does not exist. Without the permission `s3:ListBucket`, S3
    /// answers 403 for that.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn size(&self, key: &str) -> Result<Option<u64>, BucketError> {
        let head = self.s3.head_object().bucket(&self.name).key(key);
        match head.send().await {
            Ok(head) => Ok(head
                .content_length
                .and_then(|length| u64::try_from(length).ok())),
            Err(error) if error.as_service_error().is_some_and(|e| e.is_not_found()) => Ok(None),
            Err(error) => Err(BucketError::new("HeadObject", error)),
        }
    }

    /// Deletes an object, if it exists.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn delete(&self, key: &str) -> Result<(), BucketError> {
        let delete = self.s3.delete_object().bucket(&self.name).key(key);
        let deleted = delete.send().await;
        deleted.map_err(|error| BucketError::new("DeleteObject", error))?;
        Ok(())
    }

    /// Lists the keys of the objects under a prefix.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn keys(&self, prefix: &str) -> Result<Vec<String>, BucketError> {
        let mut found = Vec::new();
        let mut token = None;
        loop {
            let page = self
                .s3
                .list_objects_v2()
                .bucket(&self.name)
                .prefix(prefix)
                .set_continuation_token(token)
                .send()
                .await
                .map_err(|error| BucketError::new("ListObjectsV2", error))?;
            let keys = page.contents().iter().filter_map(|object| object.key());
            found.extend(
                keys.filter(|key| key.starts_with(prefix))
                    .map(str::to_owned),
            );
            token = page.next_continuation_token;
            if token.is_none() {
                return Ok(found);
            }
        }
    }

    /// A presigned URL that serves an object for the time `lasts`, with `disposition` as its `Content-Disposition` (RFC
    /// 6266).
    ///
    /// # Errors
    /// When the URL cannot be signed: there are no credentials, or `lasts` is longer than a week.
    pub async fn presign(
        &self,
        key: &str,
        disposition: &str,
        media_type: &str,
        lasts: Duration,
    ) -> Result<String, BucketError> {
        const OPERATION: &str = "GetObject";
        let config = PresigningConfig::expires_in(lasts)
            .map_err(|error| CallError::with_code(OPERATION, "the URL cannot be signed", error))?;
        let get = self.s3.get_object().bucket(&self.name).key(key);
        let get = get
            .response_content_disposition(disposition)
            .response_content_type(media_type);
        let request = get.presigned(config).await;
        let request = request.map_err(|error| BucketError::new(OPERATION, error))?;
        Ok(request.uri().to_owned())
    }
}

/// A field that every answer of S3 must have.
fn given(
    operation: &'static str,
    what: &str,
    value: Option<String>,
) -> Result<String, BucketError> {
    let value = value.filter(|value| !value.is_empty());
    let missing = || CallError::with_code(operation, format!("an answer without {what}"), "S3");
    Ok(value.ok_or_else(missing)?)
}
