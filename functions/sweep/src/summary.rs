//! The summary of a sweep: counts, and the log line that alarms use.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Serialize;
use waybill::aws::CallError;
use waybill::export::ExportId;

pub(crate) const SENT: &str = "sent";
pub(crate) const AWAITED: &str = "awaited";
pub(crate) const FREED: &str = "freed";
pub(crate) const FAILED: &str = "failed";
pub(crate) const ASKED: &str = "asked";
pub(crate) const DELAYED: &str = "delayed";
pub(crate) const GIVEN_UP: &str = "given up";
pub(crate) const EXPIRED: &str = "expired";
pub(crate) const CLEANED: &str = "cleaned";
pub(crate) const ORPHANED: &str = "orphaned";

/// The summary of a sweep.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Exports that were processed.
    pub looked_at: usize,
    /// How often each step was taken.
    pub done: BTreeMap<&'static str, usize>,
    /// Exports whose step failed.
    pub failed: usize,
    /// Exports whose step failed before and waits for its retry.
    pub put_off: usize,
    /// Failed exports whose items cannot be read, and index entries without a valid export id.
    pub unreadable: usize,
    /// Due exports that were read, but not processed in time.
    pub left: usize,
    /// How long the longest overdue export has been due, in seconds. Failed steps do not reset this.
    pub due_age_s: i64,
    /// The exports that this sweep has put off, which it does not process again.
    #[serde(skip)]
    pub(crate) just_put_off: BTreeSet<ExportId>,
}

impl Summary {
    pub(crate) fn count(&mut self, done: &'static str) {
        *self.done.entry(done).or_default() += 1;
    }

    pub(crate) fn note_age(&mut self, due: Timestamp, now: Timestamp) {
        self.due_age_s = self.due_age_s.max(now.duration_since(due).as_secs());
    }

    /// Counts or logs the result of sending after a commit. If it failed, a later sweep sends again.
    pub(crate) fn went_out(&mut self, id: ExportId, sent: Result<(), CallError>) {
        if let Err(error) = sent {
            self.failed += 1;
            let error = &error as &dyn std::error::Error;
            tracing::warn!(export.id = %id, error, "sending failed");
        }
    }

    /// Logs the summary in one line, from which the metric of `due_age_s` is taken.
    pub(crate) fn log(&self, unread_shards: usize) {
        let done = |name| self.done.get(name).copied().unwrap_or(0);
        tracing::info!(
            looked_at = self.looked_at,
            sent = done(SENT),
            freed = done(FREED),
            awaited = done(AWAITED),
            failed_exports = done(FAILED),
            mails = done(ASKED),
            mails_delayed = done(DELAYED),
            mails_given_up = done(GIVEN_UP),
            expired = done(EXPIRED),
            cleaned = done(CLEANED),
            orphans = done(ORPHANED),
            failed = self.failed,
            put_off = self.put_off,
            unreadable = self.unreadable,
            left = self.left,
            unread_shards,
            due_age_s = self.due_age_s,
            "swept"
        );
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.looked_at += other.looked_at;
        self.failed += other.failed;
        self.put_off += other.put_off;
        self.unreadable += other.unreadable;
        self.left += other.left;
        self.due_age_s = self.due_age_s.max(other.due_age_s);
        self.just_put_off.extend(other.just_put_off);
        for (done, times) in other.done {
            *self.done.entry(done).or_default() += times;
        }
    }
}
