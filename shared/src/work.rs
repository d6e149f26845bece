//! What is still to be done for an export: lease, checkpoint, progress, and when somebody must look.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::bucket::Upload;
use crate::export::ExportId;
use crate::file::WarningCounts;
use crate::file::xlsx::XlsxState;
use crate::selection::UndecidedCounts;

/// How long things may take and wait. The lengths follow from two that are configured, so that tests can shorten
/// them all alike.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    lease: SignedDuration,
    retry: SignedDuration,
}

impl Pace {
    /// Claims that may end without a new checkpoint before the export fails.
    pub const MAX_ATTEMPTS: u32 = 5;
    /// An export that no worker has begun within this time fails.
    pub const START_WITHIN: SignedDuration = SignedDuration::from_hours(24);
    /// An export that is not done within this time fails.
    pub const FINISH_WITHIN: SignedDuration = SignedDuration::from_hours(48);
    /// A mail that could not be sent within this time is given up.
    pub const MAIL_WITHIN: SignedDuration = SignedDuration::from_hours(7 * 24);
    /// The longest wait before a message or a mail is sent again, in units of `retry`.
    const LONGEST_WAIT: i32 = 60;
    /// The longest wait before an export is tried again, in units of `retry`.
    const LONGEST_RETRY: i32 = 8;

    /// `lease` is how long a claim holds without being renewed (60 s by the design), `retry` the unit of all waits
    /// (one minute by the design).
    pub fn new(lease: Duration, retry: Duration) -> Self {
        let signed = |d: Duration| SignedDuration::try_from(d).unwrap_or(SignedDuration::MAX);
        Self {
            lease: signed(lease),
            retry: signed(retry),
        }
    }

    /// How long a claim holds.
    pub fn lease(&self) -> SignedDuration {
        self.lease
    }

    /// How often a lease is renewed: 10 s of 60.
    pub fn heartbeat(&self) -> Duration {
        self.lease.unsigned_abs() / 6
    }

    /// How long before a lease's end its worker stops: 15 s of 60.
    pub fn margin(&self) -> Duration {
        self.lease.unsigned_abs() / 4
    }

    /// How far two machines' clocks may be apart: 30 s beside a lease of 60.
    pub fn skew(&self) -> SignedDuration {
        self.lease / 2
    }

    /// How long a message has to arrive before the sweeper sends another.
    pub fn retry(&self) -> SignedDuration {
        self.retry
    }

    /// How long to wait after `attempts` fruitless ones: 1, 2, 4, 8 minutes.
    pub fn retry_after(&self, attempts: u32) -> SignedDuration {
        self.retry * doubled(attempts.saturating_sub(1), Self::LONGEST_RETRY)
    }

    /// How long an export waits in line for a slot of its parent before the sweeper sends its message once more: two
    /// minutes by the design. What was reserved for it meanwhile, by a message that was lost, is still there then.
    pub fn in_line(&self) -> SignedDuration {
        self.retry * 2
    }

    /// How long a slot stays reserved for an export that does not take it: five minutes by the design.
    pub fn reserved(&self) -> SignedDuration {
        self.retry * 5
    }

    /// How long to wait before something is sent once more after `times`: 1, 2, 4 … 60 minutes.
    pub fn resend_after(&self, times: u32) -> SignedDuration {
        self.retry * doubled(times, Self::LONGEST_WAIT)
    }
}

fn doubled(times: u32, most: i32) -> i32 {
    1_i32.checked_shl(times.min(30)).unwrap_or(most).min(most)
}

/// A worker's claim.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// The random name of the claim's holder.
    pub owner: String,
    /// When it ends unless it is renewed.
    pub until: Timestamp,
}

/// What is known of a file and of the records in it, at a place between two records.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct FileProgress {
    /// Where the records are read, as the deployment mapped it: another place has other records under the same position.
    #[serde(default)]
    pub source: String,
    /// The full key of the last record scanned, in the source's own form; null before the first, and once all are read.
    #[serde(default)]
    pub position: Option<String>,
    /// Records scanned.
    pub read: u64,
    /// Records of the selection.
    #[serde(default)]
    pub matched: u64,
    /// Rows written.
    pub rows: u64,
    /// Read units used.
    pub read_units: f64,
    /// What could not be written as it was.
    #[serde(default)]
    pub warnings: WarningCounts,
    /// What was in doubt about the records.
    #[serde(default)]
    pub undecided: UndecidedCounts,
    /// How far a spreadsheet has come; null for other files, and once all records are read.
    #[serde(default)]
    pub sheets: Option<XlsxState>,
}

/// The version of what a checkpoint's fields mean: which bytes follow them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CheckpointVersion(u32);

impl CheckpointVersion {
    /// That of this release.
    pub const CURRENT: Self = Self(1);
}

impl Default for CheckpointVersion {
    fn default() -> Self {
        Self::CURRENT
    }
}

/// How far the file is: what a later worker needs to go on to the same bytes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// A worker of a release that does not know the version makes the file anew.
    #[serde(default)]
    pub v: CheckpointVersion,
    /// What is known of the file at the end of these bytes.
    #[serde(flatten)]
    pub progress: FileProgress,
    /// How many parts, from part 1 without a gap, are stored; their ETags are kept beside the work.
    pub parts: u32,
    /// Bytes written: those of the parts and those of the tail.
    pub bytes: u64,
    /// Bytes in the parts.
    pub stored: u64,
    /// The state of the SHA-256 over the bytes in the parts, as [`crate::hash::FileHash::state`] gives it.
    pub hash: String,
    /// The key of the object that holds the bytes not yet in a part; null where there are none.
    #[serde(default)]
    pub tail: Option<String>,
    /// How many of the tail's bytes, its last ones, are rows that are not in the file's bytes yet.
    #[serde(default)]
    pub pending: u64,
}

/// What the object of a file will be, recorded just before the object appears.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Completing {
    /// What is known of the whole file.
    #[serde(flatten)]
    pub progress: FileProgress,
    /// The key of the object.
    pub object: String,
    /// The parts that make it; 0 where it is a single PUT.
    pub parts: u32,
    /// Its length in bytes.
    pub size: u64,
    /// Its SHA-256 in hexadecimal digits.
    pub sha256: String,
}

/// The mail that is still to be sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailWork {
    /// When the sweeper asks for it again.
    pub next: Timestamp,
    /// How often it has.
    pub asked: u32,
    /// Until when somebody is busy sending it.
    #[serde(default)]
    pub claimed_until: Option<Timestamp>,
}

/// An export's place in the line for a slot of its parent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InLine {
    /// Since when it waits.
    pub since: Timestamp,
    /// When a worker last found that it still has to.
    pub seen: Timestamp,
}

/// What is still to be done for one export: an item of the table `work`.
///
/// Every write is conditional on the `sequence` that was read, and writes the next one with a random name of its
/// own: so of two that run at once one fails, and a write whose answer was lost can be recognised.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Work {
    /// Of which export.
    #[serde(with = "id_as_text")]
    pub id: ExportId,
    /// Grows by one with every write.
    pub sequence: u64,
    /// The random name of the last write.
    pub write: String,
    /// The partition of the index `due`; there only while something is due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<u8>,
    /// When somebody must look, in seconds since the Unix epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<i64>,
    /// Who is at it.
    #[serde(default)]
    pub lease: Option<Lease>,
    /// Before this no worker may begin: the wait before another attempt. Null where there is none.
    #[serde(default)]
    pub not_before: Option<Timestamp>,
    /// How often the sweeper has sent the message again since a worker last came.
    #[serde(default)]
    pub sends: u32,
    /// Claims in a row that ended without a new checkpoint, the present one included.
    #[serde(default)]
    pub attempts: u32,
    /// Claims in all.
    #[serde(default)]
    pub invocations: u32,
    /// Claims that ended as planned, near their invocation's deadline.
    #[serde(default)]
    pub continuations: u32,
    /// Its place in the line for a slot of its parent; null while it does not wait there.
    #[serde(default)]
    pub in_line: Option<InLine>,
    /// Seconds that it waited in line before: neither the time to begin nor the time to finish.
    #[serde(default)]
    pub waited_s: i64,
    /// How often in a row the sweeper could not do what is due.
    #[serde(default)]
    pub failures: u32,
    /// When the sweeper tries again what it could not do, in seconds since the Unix epoch; null where nothing failed.
    #[serde(default)]
    pub retry_at: Option<i64>,
    /// Rows written so far, for the person who waits.
    #[serde(default)]
    pub progress: u64,
    /// The multipart upload under way.
    #[serde(default)]
    pub upload: Option<Upload>,
    /// Where to go on.
    #[serde(default)]
    pub checkpoint: Option<Checkpoint>,
    /// Set just before the file is completed.
    #[serde(default)]
    pub completing: Option<Completing>,
    /// Set while a mail is to be sent.
    #[serde(default)]
    pub mail: Option<MailWork>,
    /// When what lies around the file may be removed, because no worker can still be writing; null once it is gone.
    #[serde(default)]
    pub clean_at: Option<Timestamp>,
}

impl Work {
    /// The shards of the index `due`, so that no one partition of it takes every write.
    pub const SHARDS: u8 = 16;
    /// What is added to the shard of an export for which the sweeper could not do what is due, so that such exports
    /// hold up no others. They keep their `due`, which says since when something is undone.
    pub const FAILING: u8 = Self::SHARDS;

    /// The work of an export that has just been requested, due at `due` unless a worker comes first.
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

    /// Sets when somebody must look next; a part of a second counts as a whole one. What failed before counts no more.
    pub fn set_due(&mut self, at: Timestamp) {
        self.shard = Some((self.id.get() % u64::from(Self::SHARDS)) as u8);
        self.due = Some(at.as_second() + i64::from(at.subsec_nanosecond() > 0));
        (self.failures, self.retry_at) = (0, None);
    }

    /// Nobody need look any more.
    pub fn clear_due(&mut self) {
        (self.shard, self.due) = (None, None);
        (self.failures, self.retry_at) = (0, None);
    }

    /// Whether what is due and could not be done before is still to wait.
    pub fn is_put_off(&self, now: Timestamp) -> bool {
        self.retry_at.is_some_and(|retry| now.as_second() < retry)
    }

    /// How long the export has waited in line for a slot, as far as workers have seen it.
    pub fn waited(&self) -> SignedDuration {
        let now = self.in_line.as_ref();
        let now = now.map_or(SignedDuration::ZERO, |line| {
            line.seen.duration_since(line.since)
        });
        SignedDuration::from_secs(self.waited_s) + now
    }

    /// How long a message that is sent at `now` must be held back, so as not to come too early.
    pub fn held_back(&self, now: Timestamp) -> SignedDuration {
        let wait = self.not_before.map(|begin| begin.duration_since(now));
        wait.unwrap_or_default().max(SignedDuration::ZERO)
    }

    /// When somebody must look next.
    pub fn due_at(&self) -> Option<Timestamp> {
        self.due
            .and_then(|seconds| Timestamp::from_second(seconds).ok())
    }
}

/// Work and the items of its parts share a table, so its key is text.
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
