//! What became of a sweep: counts, and the one line of the log that alarms are measured by.

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
pub(crate) const GIVEN_UP: &str = "given up";
pub(crate) const EXPIRED: &str = "expired";
pub(crate) const CLEANED: &str = "cleaned";
pub(crate) const ORPHANED: &str = "orphaned";

/// What became of a sweep.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Exports that were looked at.
    pub looked_at: usize,
    /// How often each thing was done.
    pub done: BTreeMap<&'static str, usize>,
    /// Exports for which something could not be done.
    pub failed: usize,
    /// Exports for which something could not be done before, and is tried again later.
    pub put_off: usize,
    /// Exports among those that failed whose items cannot be read, and entries that name no export.
    pub unreadable: usize,
    /// Exports that were due and that there was no time for, as far as they were seen.
    pub left: usize,
    /// For how long the one that has waited longest had been due, in seconds: since it first was, however often it
    /// failed.
    pub due_age_s: i64,
    /// The exports that this sweep has put off, which it does not look at again.
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

    /// What went out after a commit, or not: what was committed says when it goes out again.
    pub(crate) fn went_out(&mut self, id: ExportId, sent: Result<(), CallError>) {
        if let Err(error) = sent {
            self.failed += 1;
            let error = &error as &dyn std::error::Error;
            tracing::warn!(export.id = %id, error, "not sent");
        }
    }

    /// The line that the age of what is due is measured by.
    pub(crate) fn log(&self, unread_shards: usize) {
        let done = |name| self.done.get(name).copied().unwrap_or(0);
        tracing::info!(
            looked_at = self.looked_at,
            sent = done(SENT),
            freed = done(FREED),
            awaited = done(AWAITED),
            failed_exports = done(FAILED),
            mails = done(ASKED),
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
