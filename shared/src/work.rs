//! The work of an export: what is left to do, with lease, checkpoint, progress and due time.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::bucket::Upload;
use crate::export::ExportId;
use crate::file::CellWarnings;
use crate::file::xlsx::XlsxState;
use crate::selection::UndecidedCounts;

/// Time limits and waits. All follow from two configured lengths, so that tests can shorten them in proportion.
#[derive(Debug, Clone, Copy)]
pub struct WorkTiming {
    lease: SignedDuration,
    retry: SignedDuration,
}

impl WorkTiming {
    /// The number of claims in a row without a new checkpoint after which an export fails.
    pub const MAX_ATTEMPTS: u32 = 5;
    /// An export that no worker has begun within this time fails.
    pub const START_WITHIN: SignedDuration = SignedDuration::from_hours(24);
    /// An export that is not complete within this time fails.
    pub const FINISH_WITHIN: SignedDuration = SignedDuration::from_hours(48);
    /// A mail that could not be sent within this time is abandoned.
    pub const MAIL_WITHIN: SignedDuration = SignedDuration::from_hours(7 * 24);
    /// The longest wait before a message or a mail is sent again, in units of `retry`.
    const LONGEST_WAIT: i32 = 60;
    /// The longest wait before an export is tried again, in units of `retry`.
    const LONGEST_RETRY: i32 = 8;

    /// `lease` is the length of a lease without renewal (60 s by default), `retry` the unit of all waits (one minute by
    /// default).
    pub fn new(lease: Duration, retry: Duration) -> Self {
        let signed = |d: Duration| SignedDuration::try_from(d).unwrap_or(SignedDuration::MAX);
        Self {
            lease: signed(lease),
            retry: signed(retry),
        }
    }

    /// The length of a lease.
    pub fn lease(&self) -> SignedDuration {
        self.lease
    }

    /// The interval of heartbeats: 10 s for a lease of 60 s.
    pub fn heartbeat(&self) -> Duration {
        self.lease.unsigned_abs() / 6
    }

    /// How long before the end of its lease a worker stops: 15 s for a lease of 60 s.
    pub fn early_end(&self) -> Duration {
        self.lease.unsigned_abs() / 4
    }

    /// The allowed difference between two machines' clocks: 30 s for a lease of 60 s.
    pub fn skew(&self) -> SignedDuration {
        self.lease / 2
    }

    /// The time before the sweeper sends a message again.
    pub fn retry(&self) -> SignedDuration {
        self.retry
    }

    /// The wait after `attempts` attempts without a new checkpoint: 1, 2, 4, 8 minutes.
    pub fn retry_after(&self, attempts: u32) -> SignedDuration {
        self.retry * doubled(attempts.saturating_sub(1), Self::LONGEST_RETRY)
    }

    /// The time before the sweeper sends the message of an export in line again: two minutes by default. Shorter than
    /// [`WorkTiming::reserved`], so that a reservation whose message was lost is still valid then.
    pub fn in_line(&self) -> SignedDuration {
        self.retry * 2
    }

    /// The time after which an unused reservation of a slot ends: five minutes by default.
    pub fn reserved(&self) -> SignedDuration {
        self.retry * 5
    }

    /// The wait before sending something again that was sent `times` times: 1, 2, 4 … 60 minutes.
    pub fn resend_after(&self, times: u32) -> SignedDuration {
        self.retry * doubled(times, Self::LONGEST_WAIT)
    }
}

fn doubled(times: u32, most: i32) -> i32 {
    1_i32.checked_shl(times.min(30)).unwrap_or(most).min(most)
}

/// A worker's lease on an export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// The random name of the worker.
    pub owner: String,
    /// When the lease ends unless renewed.
    pub until: Timestamp,
}

/// The progress of a file between two records.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct FileProgress {
    /// The location of the records. A position is valid only for the same location.
    #[serde(default)]
    pub source: String,
    /// The position after the last record read: its full key as JSON. Null before the first record and after the last.
    #[serde(default)]
    pub position: Option<String>,
    /// The number of records read.
    pub read: u64,
    /// The number of records in the selection.
    #[serde(default)]
    pub matched: u64,
    /// The number of rows written.
    pub rows: u64,
    /// The read units used.
    pub read_units: f64,
    /// The counts of cells with a warning so far.
    #[serde(default)]
    pub cell_warnings: CellWarnings,
    /// The counts of records in doubt so far.
    #[serde(default)]
    pub undecided: UndecidedCounts,
    /// The state of a spreadsheet; null for other formats, and after the last record.
    #[serde(default)]
    pub sheets: Option<XlsxState>,
}

/// The version of a checkpoint: the meaning of its fields, and the bytes that a worker writes after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CheckpointVersion(u32);

impl CheckpointVersion {
    /// The version of this release.
    pub const CURRENT: Self = Self(2);
}

impl Default for CheckpointVersion {
    fn default() -> Self {
        Self::CURRENT
    }
}

/// A checkpoint: all that a later worker needs to continue the file with the same bytes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// A worker that does not know the version starts the file again.
    #[serde(default)]
    pub v: CheckpointVersion,
    /// The progress at the end of these bytes.
    #[serde(flatten)]
    pub progress: FileProgress,
    /// The number of stored parts from part 1 without a gap. Their ETags are in items of their own.
    pub parts: u32,
    /// The number of bytes in the parts and the tail.
    pub bytes: u64,
    /// The number of bytes in the parts.
    pub stored: u64,
    /// The state of the SHA-256 of the parts ([`crate::hash::FileHash::state`]).
    pub hash: String,
    /// The key of the tail's object; null without a tail.
    #[serde(default)]
    pub tail: Option<String>,
    /// How many bytes at the end of the tail are pending rows, which are not in the file's bytes yet.
    #[serde(default)]
    pub pending: u64,
}

/// The object that is about to be created for the complete file. Recorded before that.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Completing {
    /// The progress at the end of the file.
    #[serde(flatten)]
    pub progress: FileProgress,
    /// The object's key.
    pub object: String,
    /// The number of parts; 0 for a single PUT.
    pub parts: u32,
    /// The object's length in bytes.
    pub size: u64,
    /// The object's SHA-256 in hexadecimal digits.
    pub sha256: String,
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
