//! The multipart upload of a file: sends full parts with a bounded number in flight, and gives checkpoints.

mod sizes;

use std::collections::BTreeMap;

use bytes::Bytes;
use tokio::task::{JoinError, JoinSet};
use waybill::aws::CallError;
use waybill::bucket::{Bucket, BucketError, MAX_PARTS, Upload};
use waybill::hash::{FileHash, InvalidHashState};
use waybill::objects::ObjectKey;
use waybill::work::{Checkpoint, CheckpointVersion, Completing, FileProgress};

pub use self::sizes::PartSizes;
use crate::lease::Recorded;

/// The maximum number of parts in flight: one while the next is filled, and a second to even out slow answers.
const IN_FLIGHT: usize = 2;

/// Why an upload failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UploadError {
    #[error(transparent)]
    Bucket(#[from] BucketError),
    /// The file needs more parts than S3 allows.
    #[error("the file has more than {MAX_PARTS} parts")]
    TooLarge,
    /// The checkpoint's tail is missing or has another length.
    #[error("the checkpoint's tail is missing or has another length")]
    Tail,
    /// The checkpoint's hash state is invalid.
    #[error(transparent)]
    Hash(#[from] InvalidHashState),
}

/// A part that is stored in S3.
struct Stored {
    number: u32,
    etag: String,
    bytes: Bytes,
}

/// The upload of one file.
pub(crate) struct PartUpload {
    bucket: Bucket,
    sizes: PartSizes,
    /// The object of the file.
    object: ObjectKey,
    /// S3's multipart upload, begun with the first full part. It is recorded in the work before any part is sent.
    upload: Option<Upload>,
    /// The ETags of the stored parts from part 1 up to the first gap.
    etags: Vec<String>,
    /// The ETags of stored parts after the gap, by number.
    ahead: BTreeMap<u32, String>,
    in_flight: JoinSet<Result<Stored, BucketError>>,
    /// Buffers of stored parts, for reuse. The kernel maps new memory 4 KB at a time, which is slow.
    spares: Vec<Vec<u8>>,
    /// The number of parts cut so far.
    cut: u32,
    /// The checkpoint at the end of each part, for parts that are in no checkpoint yet.
    checkpoints: BTreeMap<u32, Checkpoint>,
    /// The number of bytes in the parts cut so far.
    stored: u64,
    hash: FileHash,
    /// The bytes that are not in a part yet. Rows are written here.
    pub(crate) buffer: Vec<u8>,
}

impl PartUpload {
    /// The upload of a new file as `object`.
    pub(crate) fn new(bucket: Bucket, sizes: PartSizes, object: ObjectKey) -> Self {
        Self {
            bucket,
            sizes,
            object,
            upload: None,
            etags: Vec::new(),
            ahead: BTreeMap::new(),
            in_flight: JoinSet::new(),
            spares: Vec::new(),
            cut: 0,
            checkpoints: BTreeMap::new(),
            stored: 0,
            hash: FileHash::default(),
            buffer: Vec::new(),
        }
    }

    /// Continues from a checkpoint, with its `upload` and the ETags of its parts. Without an upload, since the file had
    /// no full part yet, uses `new`.
    pub(crate) async fn resume(
        new: Self,
        checkpoint: &Checkpoint,
        upload: Option<Upload>,
        etags: Vec<String>,
    ) -> Result<Self, UploadError> {
        let tail_size = (checkpoint.bytes + checkpoint.pending).saturating_sub(checkpoint.stored);
        let buffer = match &checkpoint.tail {
            None => Vec::new(),
            Some(key) => new.bucket.get(key).await?.ok_or(UploadError::Tail)?,
        };
        if buffer.len() as u64 != tail_size {
            return Err(UploadError::Tail);
        }
        Ok(Self {
            upload,
            etags,
            cut: checkpoint.parts,
            stored: checkpoint.stored,
            hash: FileHash::resume(&checkpoint.hash)?,
            buffer,
            ..new
        })
    }

    /// The number of bytes of the file so far.
    fn size(&self) -> u64 {
        self.stored + self.buffer.len() as u64
    }

    /// Whether the buffer is a full part.
    pub(crate) fn is_part_full(&self) -> bool {
        self.buffer.len() >= self.sizes.of(self.cut + 1)
    }

    /// Sends the buffer as the next part; `progress` is that at its end. Waits while too many parts are in flight.
    ///
    /// The first part begins the multipart upload, which `record` must store before the part is sent, so that a later
    /// worker can find it.
    pub(crate) async fn cut<E: From<UploadError>>(
        &mut self,
        progress: FileProgress,
        media_type: &str,
        record: impl AsyncFnOnce(Upload) -> Result<(), E>,
    ) -> Result<(), E> {
        let upload = match &self.upload {
            Some(upload) => upload.clone(),
            None => {
                let begun = self
                    .bucket
                    .begin_upload(self.object.as_str(), media_type)
                    .await;
                let begun = begun.map_err(UploadError::Bucket)?;
                record(begun.clone()).await?;
                self.upload.insert(begun).clone()
            }
        };
        Ok(self.send(upload, progress).await?)
    }

    async fn send(&mut self, upload: Upload, progress: FileProgress) -> Result<(), UploadError> {
        let number = self.cut + 1;
        if number > MAX_PARTS {
            return Err(UploadError::TooLarge);
        }
        while self.in_flight.len() >= IN_FLIGHT {
            self.settle_one().await?;
        }
        let next = self.sizes.of(number + 1);
        let room = next + next / 16;
        let spare = self.spares.pop().filter(|spare| spare.capacity() >= room);
        let empty = spare.unwrap_or_else(|| Vec::with_capacity(room));
        let bytes = Bytes::from(std::mem::replace(&mut self.buffer, empty));
        self.hash.update(&bytes);
        self.stored += bytes.len() as u64;
        self.cut = number;
        self.checkpoints
            .insert(number, self.checkpoint(progress, None, 0));
        let bucket = self.bucket.clone();
        self.in_flight.spawn(async move {
            let etag = bucket.upload_part(&upload, number, bytes.clone()).await?;
            Ok(Stored {
                number,
                etag,
                bytes,
            })
        });
        while let Some(done) = self.in_flight.try_join_next() {
            self.record_part(done)?;
        }
        Ok(())
    }

    /// Waits until every part is stored.
    async fn drain(&mut self) -> Result<(), UploadError> {
        while !self.in_flight.is_empty() {
            self.settle_one().await?;
        }
        Ok(())
    }

    async fn settle_one(&mut self) -> Result<(), UploadError> {
        match self.in_flight.join_next().await {
            Some(done) => self.record_part(done),
            None => Ok(()),
        }
    }

    fn record_part(
        &mut self,
        done: Result<Result<Stored, BucketError>, JoinError>,
    ) -> Result<(), UploadError> {
        let ended = |error| CallError::with_code("UploadPart", "the task ended", error);
        let Stored {
            number,
            etag,
            mut bytes,
        } = done.map_err(ended).map_err(BucketError::Call)??;
        bytes.clear();
        if bytes.is_unique() {
            self.spares.push(bytes.into());
        }
        self.ahead.insert(number, etag);
        while let Some(etag) = self.ahead.remove(&(self.etags.len() as u32 + 1)) {
            self.etags.push(etag);
        }
        Ok(())
    }

    /// The checkpoint at the last part before the first gap, if there are new parts since the last checkpoint.
    pub(crate) fn take_newest_checkpoint(&mut self) -> Option<Checkpoint> {
        let stored = self.etags.len() as u32;
        let later = self.checkpoints.split_off(&(stored + 1));
        std::mem::replace(&mut self.checkpoints, later)
            .into_values()
            .next_back()
    }

    /// The ETags of the stored parts up to the first gap.
    pub(crate) fn etags(&self) -> &[String] {
        &self.etags
    }

    /// Waits until every part is stored, and stores the tail: the bytes that are not in a part yet, followed by the
    /// `pending` rows. The returned checkpoint thus has all rows so far.
    pub(crate) async fn store_tail(
        &mut self,
        progress: FileProgress,
        pending: &[u8],
        key: ObjectKey,
    ) -> Result<Checkpoint, UploadError> {
        self.drain().await?;
        self.checkpoints.clear();
        if self.buffer.is_empty() && pending.is_empty() {
            return Ok(self.checkpoint(progress, None, 0));
        }
        let tail = Bytes::from([&self.buffer, pending].concat());
        self.bucket
            .put(key.as_str(), tail, "application/octet-stream")
            .await?;
        Ok(self.checkpoint(
            progress,
            Some(key.as_str().to_owned()),
            pending.len() as u64,
        ))
    }

    fn checkpoint(&self, progress: FileProgress, tail: Option<String>, pending: u64) -> Checkpoint {
        Checkpoint {
            v: CheckpointVersion::CURRENT,
            progress,
            parts: self.cut,
            bytes: self.size(),
            stored: self.stored,
            hash: self.hash.state(),
            tail,
            pending,
        }
    }

    /// Ends the file: if there are parts, the buffer becomes the last part. Waits until every part is stored.
    pub(crate) async fn end(mut self, progress: FileProgress) -> Result<EndedFile, UploadError> {
        let size = self.size();
        let parts = match self.upload.take().filter(|_| self.cut > 0) {
            None => None,
            Some(upload) => {
                if !self.buffer.is_empty() {
                    self.send(upload.clone(), progress).await?;
                }
                self.drain().await?;
                Some(upload)
            }
        };
        self.hash.update(&self.buffer);
        Ok(EndedFile {
            object: match &parts {
                Some(upload) => upload.object.clone(),
                None => self.object.as_str().to_owned(),
            },
            upload: parts,
            bucket: self.bucket,
            etags: self.etags,
            bytes: self.buffer.into(),
            size,
            sha256: self.hash.finish(),
        })
    }
}

/// A file whose bytes are all known and whose parts are stored. Its object must still be recorded, and then created.
pub(crate) struct EndedFile {
    bucket: Bucket,
    object: String,
    /// The multipart upload; `None` for a single PUT.
    upload: Option<Upload>,
    etags: Vec<String>,
    /// The bytes for a single PUT.
    bytes: Bytes,
    size: u64,
    sha256: String,
}

impl EndedFile {
    /// The object to record.
    pub(crate) fn completing(&self, progress: FileProgress) -> Completing {
        Completing {
            // No worker continues from here.
            progress: FileProgress {
                position: None,
                sheets: None,
                ..progress
            },
            object: self.object.clone(),
            parts: self.etags.len() as u32,
            size: self.size,
            sha256: self.sha256.clone(),
        }
    }

    /// The ETags of all parts.
    pub(crate) fn etags(&self) -> &[String] {
        &self.etags
    }

    /// Creates the object after it has been recorded: by a single PUT, or by completing the upload.
    pub(crate) async fn complete(
        self,
        _recorded: Recorded,
        media_type: &str,
    ) -> Result<(), BucketError> {
        match self.upload {
            None => self.bucket.put(&self.object, self.bytes, media_type).await,
            Some(upload) => self.bucket.complete_upload(&upload, &self.etags).await,
        }
    }
}

#[cfg(test)]
mod tests;
