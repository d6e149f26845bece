//! The work of an export: what is left to do, with lease, checkpoint, progress and due time.

mod checkpoint;
mod timing;

pub use checkpoint::{Checkpoint, CheckpointVersion, Completing, FileProgress};
pub use timing::WorkTiming;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::bucket::Upload;
use crate::export::ExportId;

/// A worker's lease on an export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// The random name of the worker.
    pub owner: String,
    /// When the lease ends unless renewed.
    pub until: Timestamp,
}

/// The state of a pending mail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailWork {
    /// When the sweeper invokes `notify` again.
    pub next: Timestamp,
    /// How often the sweeper has invoked `notify`.
    pub asked: u32,
    /// Until when an invocation of `notify` has claimed the mail.
    #[serde(default)]
    pub claimed_until: Option<Timestamp>,
}

/// How far the file of an export is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reached {
    /// The number of rows written.
    pub rows: u64,
    /// The thousandths of the records that have been read, by their time; `None` where that is not known.
    pub permille: Option<u16>,
    /// When the thousandths were reported; `None` before that.
    pub at: Option<Timestamp>,
}

impl Reached {
    /// This number of rows, of an unknown number of records.
    pub fn of_rows(rows: u64) -> Self {
        Self {
            rows,
            ..Self::default()
        }
    }
}

/// An export's wait in the line for a slot of its parent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InLine {
    /// When the wait began.
    pub since: Timestamp,
    /// When a worker last found that the export must still wait.
    pub seen: Timestamp,
}

/// The work of an export: an item of the table `work`.
///
/// Every write has the `sequence` that was read as its condition, increments it, and sets a new random name. So of two
/// concurrent writes one fails, and a retry recognizes an earlier try whose answer was lost.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Work {
    /// The export.
    #[serde(with = "id_as_text")]
    pub id: ExportId,
    /// Incremented by every write.
    pub sequence: u64,
    /// The random name of the last write.
    pub write: String,
    /// The partition of the index `due`; absent if nothing will be due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<u8>,
    /// When the export is due, in seconds since the Unix epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<i64>,
    /// The lease of the current worker.
    #[serde(default)]
    pub lease: Option<Lease>,
    /// No worker may begin before this time: the wait before another attempt. Null without such a wait.
    #[serde(default)]
    pub not_before: Option<Timestamp>,
    /// How often the sweeper has sent the message again since a worker last claimed the export.
    #[serde(default)]
    pub sends: u32,
    /// Claims in a row without a new checkpoint, including the current one.
    #[serde(default)]
    pub attempts: u32,
    /// All claims.
    #[serde(default)]
    pub invocations: u32,
    /// Claims that ended as planned, near the deadline of their invocation.
    #[serde(default)]
    pub continuations: u32,
    /// The wait in line for a slot of the parent; null if the export is not in line.
    #[serde(default)]
    pub in_line: Option<InLine>,
    /// Seconds of earlier waits in line, which do not count towards the time limits.
    #[serde(default)]
    pub waited_s: i64,
    /// How often in a row the sweeper's step has failed.
    #[serde(default)]
    pub failures: u32,
    /// When the sweeper retries a failed step, in seconds since the Unix epoch; null if none failed.
    #[serde(default)]
    pub retry_at: Option<i64>,
    /// The number of rows written so far, shown to the user.
    #[serde(default)]
    pub progress: u64,
    /// The thousandths of the records that have been read, shown to the user; absent where that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permille: Option<u16>,
    /// When these were reported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permille_at: Option<Timestamp>,
    /// The multipart upload in progress.
    #[serde(default)]
    pub upload: Option<Upload>,
    /// The last checkpoint.
    #[serde(default)]
    pub checkpoint: Option<Checkpoint>,
    /// The object of the complete file; set just before it is created.
    #[serde(default)]
    pub completing: Option<Completing>,
    /// The pending mail; null without one.
    #[serde(default)]
    pub mail: Option<MailWork>,
    /// When the export's other objects and uploads may be deleted, since no worker can still be writing; null after
    /// that.
    #[serde(default)]
    pub clean_at: Option<Timestamp>,
}

impl Work {
    /// How far the file is, as last reported.
    pub fn reached(&self) -> Reached {
        Reached {
            rows: self.progress,
            permille: self.permille,
            at: self.permille_at,
        }
    }

    /// Takes a report of how far the file is. An earlier state changes nothing: what is shown never falls.
    pub fn report(&mut self, reached: Reached, now: Timestamp) {
        self.progress = self.progress.max(reached.rows);
        if reached.permille > self.permille {
            (self.permille, self.permille_at) = (reached.permille, Some(now));
        }
    }

    /// The number of shards of the index `due`, which spread the writes over several partitions.
    pub const SHARDS: u8 = 16;
    /// Added to the shard of an export whose step in the sweeper failed, so that such exports do not hold up others.
    /// They keep their `due`, which shows how long the step has been overdue.
    pub const FAILING: u8 = Self::SHARDS;

    /// The work of a new export; the sweeper acts at `due` if no worker has begun by then.
    pub fn new(id: ExportId, due: Timestamp) -> Self {
        let mut work = Self {
            id,
            sequence: 1,
            write: String::new(),
            shard: None,
            due: None,
            lease: None,
            not_before: None,
            sends: 0,
            attempts: 0,
            invocations: 0,
            continuations: 0,
            in_line: None,
            waited_s: 0,
            failures: 0,
            retry_at: None,
            progress: 0,
            permille: None,
            permille_at: None,
            upload: None,
            checkpoint: None,
            completing: None,
            mail: None,
            clean_at: None,
        };
        work.set_due(due);
        work
    }

    /// Sets the due time, rounded up to a second, and resets the failures of the sweeper.
    pub fn set_due(&mut self, at: Timestamp) {
        self.shard = Some((self.id.get() % u64::from(Self::SHARDS)) as u8);
        self.due = Some(at.as_second() + i64::from(at.subsec_nanosecond() > 0));
        (self.failures, self.retry_at) = (0, None);
    }

    /// Removes the due time: nothing will be due.
    pub fn clear_due(&mut self) {
        (self.shard, self.due) = (None, None);
        (self.failures, self.retry_at) = (0, None);
    }

    /// Whether a failed step must still wait for its retry.
    pub fn is_put_off(&self, now: Timestamp) -> bool {
        self.retry_at.is_some_and(|retry| now.as_second() < retry)
    }

    /// The total time that the export has waited in line, as far as workers have observed it.
    pub fn waited(&self) -> SignedDuration {
        let now = self.in_line.as_ref();
        let now = now.map_or(SignedDuration::ZERO, |line| {
            line.seen.duration_since(line.since)
        });
        SignedDuration::from_secs(self.waited_s) + now
    }

    /// The delay for a message sent at `now`, so that it does not arrive before `not_before`.
    pub fn held_back(&self, now: Timestamp) -> SignedDuration {
        let wait = self.not_before.map(|begin| begin.duration_since(now));
        wait.unwrap_or_default().max(SignedDuration::ZERO)
    }

    /// The due time.
    pub fn due_at(&self) -> Option<Timestamp> {
        self.due
            .and_then(|seconds| Timestamp::from_second(seconds).ok())
    }
}

/// The key is a text, since the table also has items with other keys, such as those of parts.
mod id_as_text {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    use crate::export::ExportId;

    pub(super) fn serialize<S: Serializer>(
        id: &ExportId,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_str(id)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<ExportId, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests;
