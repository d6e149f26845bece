//! A sweep: does everything that is due, shard by shard, until nothing is due or time runs out.

use std::collections::BTreeSet;

use futures::StreamExt;
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;
use tokio::time::Instant;
use waybill::aws::best_effort;
use waybill::bucket::Bucket;
use waybill::export::{ExportId, Mail, Status};
use waybill::lifecycle::{Change, State};
use waybill::queue::Queue;
use waybill::store::{CommitError, Due, Exports, StoreError};
use waybill::work::{Work, WorkTiming};

use crate::clean::{CleanError, clean};
use crate::notifier::Notifier;
use crate::step::{Step, kept_object, next_step};
use crate::summary::{
    ASKED, AWAITED, CLEANED, DELAYED, EXPIRED, FAILED, FREED, GIVEN_UP, ORPHANED, SENT, Summary,
};

/// The number of exports of a shard that are read at a time.
const PAGE: usize = 200;
/// The number of shards that are swept concurrently.
const SHARDS_AT_ONCE: usize = 4;
/// The maximum number of steps for one export in a sweep: the mail, the expiry, and cleaning before and after it.
const MAX_STEPS: usize = 4;
/// The time before its deadline at which a sweep stops, so that it can still log its summary.
const RESERVE: Duration = Duration::from_secs(3);

/// How often the sweeper has asked for a mail that then counts as delayed: after about ten minutes. Fewer tries may fail
/// because SES throttled one call, which passes.
const TRIES_OF_A_DELAYED_MAIL: u32 = 4;

/// The dependencies and configuration of a sweep.
#[derive(Debug, Clone)]
pub struct Sweeper {
    /// Waybill's own tables.
    pub exports: Exports,
    /// The queue of exports for `generate`.
    pub queue: Queue,
    /// The bucket for files.
    pub bucket: Bucket,
    /// Invokes `notify`.
    pub notifier: Notifier,
    /// The time limits and waits.
    pub timing: WorkTiming,
    /// The time from a file's expiry to the deletion of its object.
    pub delete_after: SignedDuration,
}

/// Why a step failed. The export is still due, and a later sweep tries again.
#[derive(Debug, thiserror::Error)]
pub enum SweepError {
    /// A table could not be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The bucket could not be cleaned.
    #[error(transparent)]
    Clean(#[from] CleanError),
    /// The sweep ran out of time.
    #[error("the sweep ran out of time")]
    Time,
}

impl SweepError {
    /// Whether an item is malformed.
    fn is_unreadable(&self) -> bool {
        matches!(self, Self::Store(StoreError::Malformed { .. }))
    }
}

impl Sweeper {
    /// Does everything that is due at `now`, and stops before `deadline`. A failing export does not hold up others:
    /// exports that failed before are processed last.
    ///
    /// # Errors
    /// When no shard could be read.
    pub async fn sweep(&self, now: Timestamp, deadline: Instant) -> Result<Summary, SweepError> {
        let stop = deadline.checked_sub(RESERVE).unwrap_or(deadline);
        let (mut summary, mut unread, mut error) = (Summary::default(), 0, None);
        for first in [0, Work::FAILING] {
            let just_put_off = summary.just_put_off.clone();
            let mut shards = futures::stream::iter(first..first + Work::SHARDS)
                .map(|shard| self.sweep_shard(shard, &just_put_off, now, stop))
                .buffer_unordered(SHARDS_AT_ONCE);
            while let Some((shard, read)) = shards.next().await {
                summary.add(shard);
                if let Err(failed) = read {
                    tracing::error!(error = &failed as &dyn std::error::Error, "shard not read");
                    unread += 1;
                    error = Some(failed);
                }
            }
        }
        // If no shard could be read, the sweep must fail rather than report that nothing is due.
        let all = usize::from(Work::SHARDS) * 2;
        if let Some(error) = error.filter(|_| unread == all && summary.looked_at == 0) {
            return Err(error);
        }
        summary.log(unread);
        Ok(summary)
    }

    /// Sweeps a shard. Returns whether its end was reached.
    async fn sweep_shard(
        &self,
        shard: u8,
        just_put_off: &BTreeSet<ExportId>,
        now: Timestamp,
        stop: Instant,
    ) -> (Summary, Result<(), SweepError>) {
        let mut summary = Summary::default();
        let mut start = None;
        loop {
            let read = self.exports.due(shard, now, start, PAGE);
            let mut due = match tokio::time::timeout_at(stop, read).await {
                Ok(Ok(due)) => due,
                Ok(Err(error)) => return (summary, Err(error.into())),
                Err(_) => return (summary, Err(SweepError::Time)),
            };
            start = due.next.take();
            due.exports.retain(|(id, _)| !just_put_off.contains(id));
            if !self.sweep_page(due, now, stop, &mut summary).await || start.is_none() {
                return (summary, Ok(()));
            }
        }
    }

    /// Processes the exports of a page. Returns false if time ran out before its end.
    async fn sweep_page(
        &self,
        due: Due,
        now: Timestamp,
        stop: Instant,
        summary: &mut Summary,
    ) -> bool {
        for since in &due.unreadable {
            summary.note_age(*since, now);
            summary.failed += 1;
            summary.unreadable += 1;
            tracing::error!(unreadable = 1, "items unreadable");
        }
        let all = due.exports.len();
        for (done, (id, since)) in due.exports.into_iter().enumerate() {
            if Instant::now() >= stop {
                summary.left += all - done;
                summary.note_age(since, now);
                return false;
            }
            summary.looked_at += 1;
            let looked = tokio::time::timeout_at(stop, self.look_at(id, now, summary)).await;
            if let Err(error) = looked.unwrap_or(Err(SweepError::Time)) {
                summary.note_age(since, now);
                summary.failed += 1;
                // Also if time ran out, since this one export may have used it up.
                let put_off = self.put_off(id, now, &error, summary);
                if let Err(late) = best_effort(put_off).await {
                    let error = &late as &dyn std::error::Error;
                    tracing::warn!(export.id = %id, error, "the export was not put off");
                }
            }
        }
        true
    }

    /// Logs the failed step of an export, and puts the export off, so that the next sweep processes others first.
    async fn put_off(
        &self,
        id: ExportId,
        now: Timestamp,
        error: &SweepError,
        summary: &mut Summary,
    ) {
        summary.just_put_off.insert(id);
        let is_unreadable = error.is_unreadable();
        let error = error as &dyn std::error::Error;
        if is_unreadable {
            summary.unreadable += 1;
            tracing::error!(export.id = %id, unreadable = 1, error, "items unreadable");
        } else {
            tracing::warn!(export.id = %id, error, "step failed");
        }
        if let Err(error) = self.exports.record_failed_step(id, now, self.timing).await {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(export.id = %id, error, "the export was not put off");
        }
    }

    /// Does everything that is due for one export. Stops if the export is changed concurrently.
    async fn look_at(
        &self,
        id: ExportId,
        now: Timestamp,
        summary: &mut Summary,
    ) -> Result<(), SweepError> {
        let Some(mut state) = self.exports.state(id).await? else {
            return self.clean_orphan(id, now, summary).await;
        };
        if let Some(due) = state.work.due_at() {
            summary.note_age(due, now);
            summary.put_off += usize::from(due <= now && state.work.is_put_off(now));
        }
        for _ in 0..MAX_STEPS {
            let step = next_step(&state, now, self.timing);
            if step == Step::Nothing {
                return Ok(());
            }
            match self.take(step, &state, now, summary).await {
                Ok(Some(next)) => state = next,
                Ok(None) | Err(TakeError::Conflict) => return Ok(()),
                Err(TakeError::Sweep(error)) => return Err(error),
            }
        }
        Ok(())
    }

    /// Takes one step, and returns the new state; `None` if nothing is left to do.
    ///
    /// A message or an invocation is sent after the commit. If it is lost, the committed due time makes a later sweep
    /// send it again.
    async fn take(
        &self,
        step: Step,
        state: &State,
        now: Timestamp,
        summary: &mut Summary,
    ) -> Result<Option<State>, TakeError> {
        let id = state.export.id;
        let change = match step {
            Step::Nothing => return Ok(None),
            Step::Send => state.send_again(now, self.timing),
            Step::LookAgain(at) => state.look_again(at),
            Step::FreeLease => state.end_attempt(now, self.timing),
            Step::AskForMail => state.ask_for_mail(now, self.timing),
            Step::Expire => {
                let expired = state.export.expires_at.unwrap_or(now);
                state.expire(expired + self.delete_after, now)
            }
            Step::Clean => {
                clean(&self.bucket, id, kept_object(&state.export))
                    .await
                    .map_err(SweepError::from)?;
                self.exports
                    .delete_etags(id)
                    .await
                    .map_err(SweepError::from)?;
                state.cleaned(now)
            }
        };
        let outcome = outcome(step, &change);
        let done = change.done;
        let next = self.exports.commit(change).await?;
        summary.count(outcome);
        if matches!(outcome, FREED | FAILED) {
            self.hand_on_slot(state, now, summary).await;
        }
        match outcome {
            SENT | FREED => {
                let wait = next.work.held_back(now);
                let sent = self.queue.send_after(id, wait).await;
                summary.went_out(id, sent);
            }
            ASKED => {
                let asked = next.work.mail.as_ref().map_or(0, |mail| mail.asked);
                if asked >= TRIES_OF_A_DELAYED_MAIL {
                    summary.count(DELAYED);
                    tracing::error!(export.id = %id, asked, "mail delayed");
                }
                summary.went_out(id, self.notifier.ask(id).await);
            }
            GIVEN_UP => tracing::error!(export.id = %id, "mail failed"),
            FAILED => {
                let code = next
                    .export
                    .failure
                    .as_ref()
                    .map_or("", |failure| &failure.code);
                tracing::error!(export.id = %id, failure.code = code, "export failed");
            }
            _ => {}
        }
        Ok((!done).then_some(next))
    }

    /// Passes on the slot or reservation of an export whose worker is gone or which needs no slot any more, and wakes
    /// the exports that have it next. If this fails, the slot ends by timeout.
    async fn hand_on_slot(&self, state: &State, now: Timestamp, summary: &mut Summary) {
        let export = &state.export;
        let handed = best_effort(async {
            match &state.work.lease {
                Some(lease) => self.exports.end_slot(export, &lease.owner, now).await,
                None => self.exports.leave_line(export, now).await,
            }
        });
        let handed = handed.await;
        let error: &dyn std::error::Error = match &handed {
            Ok(Ok(woken)) => {
                for id in woken {
                    let sent = self.queue.send(*id).await;
                    summary.went_out(*id, sent);
                }
                return;
            }
            Ok(Err(error)) => error,
            Err(late) => late,
        };
        tracing::warn!(export.id = %export.id, error, "the slot ends with its lease");
    }

    /// Deletes the work of an export that does not exist, with its objects and uploads in the bucket.
    async fn clean_orphan(
        &self,
        id: ExportId,
        now: Timestamp,
        summary: &mut Summary,
    ) -> Result<(), SweepError> {
        let Some(work) = self.exports.work(id).await? else {
            return Ok(());
        };
        let leased = work
            .lease
            .as_ref()
            .is_some_and(|lease| now < lease.until + self.timing.skew());
        if leased
            || work.due_at().is_none_or(|due| now < due)
            || self.exports.export(id).await?.is_some()
        {
            return Ok(());
        }
        clean(&self.bucket, id, None).await?;
        self.exports.delete_etags(id).await?;
        match self.exports.forget(&work).await {
            Ok(()) => {
                tracing::warn!(export.id = %id, "work without an export deleted");
                summary.count(ORPHANED);
                Ok(())
            }
            Err(CommitError::Conflict) => Ok(()),
            Err(CommitError::Store(error)) => Err(error.into()),
        }
    }
}

/// The name in the summary: a step that would continue an export may also have failed it.
fn outcome(step: Step, change: &Change) -> &'static str {
    match step {
        Step::Send | Step::FreeLease if change.after.export.status == Status::Failed => FAILED,
        Step::Send => SENT,
        Step::FreeLease => FREED,
        Step::AskForMail if change.after.export.mail != Some(Mail::Pending) => GIVEN_UP,
        Step::AskForMail => ASKED,
        Step::Expire => EXPIRED,
        Step::Clean => CLEANED,
        Step::LookAgain(_) | Step::Nothing => AWAITED,
    }
}

/// Why a step was not taken.
#[derive(Debug)]
enum TakeError {
    /// The export was changed since it was read.
    Conflict,
    Sweep(SweepError),
}

impl From<SweepError> for TakeError {
    fn from(error: SweepError) -> Self {
        Self::Sweep(error)
    }
}

impl From<CommitError> for TakeError {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Conflict => Self::Conflict,
            CommitError::Store(error) => Self::Sweep(error.into()),
        }
    }
}

#[cfg(test)]
mod tests;
