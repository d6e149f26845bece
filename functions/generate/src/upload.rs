//! A file on its way to S3: bytes go in, parts go out with a bounded number in flight, checkpoints come back.

use std::collections::BTreeMap;

use bytes::Bytes;
use tokio::task::{JoinError, JoinSet};
use waybill::aws::CallError;
use waybill::bucket::{Bucket, BucketError, MOST_PARTS, Upload};
use waybill::hash::{FileHash, InvalidHashState};
use waybill::objects::ObjectKey;
use waybill::work::{Checkpoint, CheckpointVersion, Completing, FileProgress};

use crate::lease::Recorded;

/// S3 takes parts of 5 MiB and more, the last one excepted; these are the first ones' size.
pub const FIRST_PART: usize = 8 << 20;
/// Every so many parts, their size grows by that of the first, so that S3's 10,000 are enough for 430 GiB while a part
/// never needs more memory than 80 MiB.
const PARTS_OF_A_SIZE: u32 = 1_000;
/// Parts on their way at once: one while the next is filled keeps the line busy, a second evens out slow answers.
const IN_FLIGHT: usize = 2;

/// The bytes at which part `number` (from 1) is full, where the first is at `first`: it ends with the row that reaches
/// them.
fn part_size(first: usize, number: u32) -> usize {
    first * (1 + (number.saturating_sub(1) / PARTS_OF_A_SIZE) as usize)
}

/// Why a file did not get on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UploadError {
    #[error(transparent)]
    Bucket(#[from] BucketError),
    /// The file would need more parts than S3 takes.
    #[error("the file has more than {MOST_PARTS} parts")]
    TooLarge,
    /// The tail of the checkpoint is missing, or not as long as the checkpoint says.
    #[error("the checkpoint's tail cannot be used")]
    Tail,
    /// The hash of the checkpoint cannot be read.
    #[error(transparent)]
    Hash(#[from] InvalidHashState),
}

/// A part that S3 has.
struct Stored {
    number: u32,
    etag: String,
    bytes: Bytes,
}

/// One file on its way.
pub(crate) struct PartUpload {
    bucket: Bucket,
    /// The bytes at which the first part is full.
    first_part: usize,
    /// The object that it becomes.
    object: ObjectKey,
    /// S3's upload, once there is more than a part. It is recorded before any part is sent.
    upload: Option<Upload>,
    /// The ETags of the unbroken run of stored parts, from part 1 on.
    etags: Vec<String>,
    /// The ETags of stored parts beyond it.
    ahead: BTreeMap<u32, String>,
    in_flight: JoinSet<Result<Stored, BucketError>>,
    /// The memory of parts that are stored. New memory would come from the kernel 4 KB at a time.
    spares: Vec<Vec<u8>>,
    /// Parts cut so far.
    cut: u32,
    /// What held at the end of each part that no checkpoint has counted yet.
    checkpoints: BTreeMap<u32, Checkpoint>,
    /// Bytes in the parts that were cut.
    stored: u64,
    hash: FileHash,
    /// The bytes that are not yet in a part; writers write here.
    pub(crate) buffer: Vec<u8>,
}

impl PartUpload {
    /// The upload of a new file under `object`, whose first part is full at `first_part` bytes.
    pub(crate) fn new(bucket: Bucket, first_part: usize, object: ObjectKey) -> Self {
        Self {
            bucket,
            first_part,
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

    /// Goes on with the `upload` that a checkpoint left, which had these parts. Without one, as where the file had no part
    /// yet, it is the `new` one.
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

    /// Bytes of the file so far.
    fn size(&self) -> u64 {
        self.stored + self.buffer.len() as u64
    }

    /// Whether the buffer is a part.
    pub(crate) fn is_part_full(&self) -> bool {
        self.buffer.len() >= part_size(self.first_part, self.cut + 1)
    }

    /// Sends the buffer off as the next part; `progress` is what holds at its end. Waits while too many are in flight.
    ///
    /// The first part begins the upload at S3, which `record` notes before anything is sent: whoever comes next must
    /// find it.
    pub(crate) async fn cut<E: From<UploadError>>(
        &mut self,
        progress: FileProgress,
        media_type: &str,
        record: impl AsyncFnOnce(Upload) -> Result<(), E>,
    ) -> Result<(), E> {
        let upload = match &self.upload {
            Some(upload) => upload.clone(),
            None => {
                let begun = self.bucket.begin(self.object.as_str(), media_type).await;
                let begun = begun.map_err(UploadError::Bucket)?;
                record(begun.clone()).await?;
                self.upload.insert(begun).clone()
            }
        };
        Ok(self.send(upload, progress).await?)
    }

    async fn send(&mut self, upload: Upload, progress: FileProgress) -> Result<(), UploadError> {
        let number = self.cut + 1;
        if number > MOST_PARTS {
            return Err(UploadError::TooLarge);
        }
        while self.in_flight.len() >= IN_FLIGHT {
            self.settle_one().await?;
        }
        let next = part_size(self.first_part, number + 1);
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
            let etag = bucket.part(&upload, number, bytes.clone()).await?;
            Ok(Stored {
                number,
                etag,
                bytes,
            })
        });
        while let Some(done) = self.in_flight.try_join_next() {
            self.settle(done)?;
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
            Some(done) => self.settle(done),
            None => Ok(()),
        }
    }

    fn settle(
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

    /// The checkpoint at the end of the unbroken run of stored parts, if it has grown since the last one.
    pub(crate) fn grown(&mut self) -> Option<Checkpoint> {
        let stored = self.etags.len() as u32;
        let later = self.checkpoints.split_off(&(stored + 1));
        std::mem::replace(&mut self.checkpoints, later)
            .into_values()
            .next_back()
    }

    /// The ETags of the unbroken run of stored parts.
    pub(crate) fn etags(&self) -> &[String] {
        &self.etags
    }

    /// Waits until every part is stored, and stores the bytes that are not yet in one as an object of their own, and
    /// after them what of the rows is `pending`, so that the checkpoint holds all rows so far.
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

    /// Ends the file: what is in the buffer becomes the last part, where there are others, and all of them are stored.
    pub(crate) async fn end(mut self, progress: FileProgress) -> Result<Ended, UploadError> {
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
        Ok(Ended {
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

/// A file whose every byte is known, and whose parts are stored: what is left is to record what its object will be, and
/// to let it appear.
pub(crate) struct Ended {
    bucket: Bucket,
    object: String,
    /// The upload of its parts; without one, a single PUT will do.
    upload: Option<Upload>,
    etags: Vec<String>,
    /// The bytes that are in no part.
    bytes: Bytes,
    size: u64,
    sha256: String,
}

impl Ended {
    /// What the object will be.
    pub(crate) fn completing(&self, progress: FileProgress) -> Completing {
        Completing {
            // Nothing goes on from here.
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

    /// The ETags of its parts.
    pub(crate) fn etags(&self) -> &[String] {
        &self.etags
    }

    /// Makes the object appear, once it is recorded what it will be: by a single PUT, or by completing the upload.
    pub(crate) async fn complete(
        self,
        _what_it_will_be: Recorded,
        media_type: &str,
    ) -> Result<(), BucketError> {
        match self.upload {
            None => self.bucket.put(&self.object, self.bytes, media_type).await,
            Some(upload) => self.bucket.complete(&upload, &self.etags).await,
        }
    }
}

#[cfg(test)]
mod tests;
