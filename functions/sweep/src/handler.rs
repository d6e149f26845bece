//! One sweep: everything that is due, shard by shard, until it is done or time runs out.

use std::collections::BTreeSet;

use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::InvocationType;
use futures::StreamExt;
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;
use tokio::time::Instant;
use waybill::aws::{CallError, best_effort, best_effort_call};
use waybill::bucket::Bucket;
use waybill::export::{ExportId, Mail, Status};
use waybill::lifecycle::{Change, State};
use waybill::queue::{Message, Queue};
use waybill::store::{CommitError, Due, Exports, StoreError};
use waybill::work::{Pace, Work};

use crate::clean::{CleanError, clean};
use crate::step::{Step, kept_object, next_step};
use crate::summary::{
    ASKED, AWAITED, CLEANED, EXPIRED, FAILED, FREED, GIVEN_UP, ORPHANED, SENT, Summary,
};

/// How many exports of a shard are read at a time.
const PAGE: usize = 200;
/// Shards that are swept at once.
const SHARDS_AT_ONCE: usize = 4;
/// Things that may be due at once for one export: the mail, its expiry, cleaning before and after it.
const MOST_STEPS: usize = 4;
/// How long before its deadline a sweep stops, so that it can still say what is left.
const RESERVE: Duration = Duration::from_secs(3);

/// The function that sends mails.
#[derive(Debug, Clone)]
pub struct Notifier {
    /// Lambda.
    pub lambda: aws_sdk_lambda::Client,
    /// The function's name.
    pub function: String,
}

/// Everything that a sweep needs.
#[derive(Debug, Clone)]
pub struct Sweeper {
    /// The exports, their work and their history.
    pub exports: Exports,
    /// The queue of exports to be made.
    pub queue: Queue,
    /// The bucket that holds the files.
    pub bucket: Bucket,
    /// Who is asked for mails.
    pub notifier: Notifier,
    /// How long things may take and wait.
    pub pace: Pace,
    /// How long an expired export's object stays.
    pub delete_after: SignedDuration,
}

/// Why something due was not done. It is still due then, and the next sweep tries again.
#[derive(Debug, thiserror::Error)]
pub enum SweepError {
    /// Nothing could be swept, or one export not.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The bucket is not clean.
    #[error(transparent)]
    Clean(#[from] CleanError),
    /// The sweep's time was over.
    #[error("the sweep's time was over")]
    Time,
}

impl SweepError {
    /// Whether an item is not of the form that it was written in.
    fn is_unreadable(&self) -> bool {
        matches!(self, Self::Store(StoreError::Malformed { .. }))
    }
}

impl Sweeper {
    /// Does what is due at `now`, and stops before `deadline`. One export's failure holds no other up: those for which
    /// something failed before come after all others.
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
        // Where nothing could be read, nothing is known of what is due: it must not look as if nothing were.
        let all = usize::from(Work::SHARDS) * 2;
        if let Some(error) = error.filter(|_| unread == all && summary.looked_at == 0) {
            return Err(error);
        }
        summary.log(unread);
        Ok(summary)
    }

    /// Sweeps a shard to its end, and says whether that was reached.
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

    /// Looks at the exports of a page. False where the time was over before its end.
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
                // Also where the time is over, which one export alone may have used up.
                let put_off = self.put_off(id, now, &error, summary);
                if let Err(late) = best_effort(put_off).await {
                    let error = &late as &dyn std::error::Error;
                    tracing::warn!(export.id = %id, error, "not put off");
                }
            }
        }
        true
    }

    /// Tells of an export for which something could not be done, and puts it off, so that the next sweep looks at others
    /// first.
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
            tracing::warn!(export.id = %id, error, "not done");
        }
        if let Err(error) = self.exports.back_off(id, now, self.pace).await {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(export.id = %id, error, "not put off");
        }
    }

    /// Does everything that is due for one export. Where somebody else changes it meanwhile, it is theirs.
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
        for _ in 0..MOST_STEPS {
            let step = next_step(&state, now, self.pace);
            if step == Step::Nothing {
                return Ok(());
            }
            match self.take(step, &state, now, summary).await {
                Ok(Some(next)) => state = next,
                Ok(None) | Err(TakeError::Overtaken) => return Ok(()),
                Err(TakeError::Sweep(error)) => return Err(error),
            }
        }
        Ok(())
    }

    /// Takes one step, and returns what holds then; `None` once nothing is left to be done.
    ///
    /// What goes out (a message, an invocation) follows its commit: were it lost, what was committed says when to
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
            Step::Send => state.send_again(now, self.pace),
            Step::LookAgain(at) => state.look_again(at),
            Step::FreeLease => state.retry_later(now, self.pace),
            Step::AskForMail => state.ask_for_mail(now, self.pace),
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
            ASKED => summary.went_out(id, self.notifier.ask(id).await),
            GIVEN_UP => tracing::error!(export.id = %id, "mail failed"),
            FAILED => {
                let code = next
                    .export
                    .failure
                    .as_ref()
                    .map_or("", |failure| &failure.code);
                tracing::warn!(export.id = %id, code, "export failed");
            }
            _ => {}
        }
        Ok((!done).then_some(next))
    }

    /// Hands on what an export had of its parent's slots, whose worker is gone or which is not made any more, and wakes
    /// whoever has the slot next. Where that fails, the slot ends by itself.
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

    /// Removes the work of an export that is not there, with all that lies in the bucket for it.
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
            .is_some_and(|lease| now < lease.until + self.pace.skew());
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
                tracing::warn!(export.id = %id, "work without an export removed");
                summary.count(ORPHANED);
                Ok(())
            }
            Err(CommitError::Overtaken) => Ok(()),
            Err(CommitError::Store(error)) => Err(error.into()),
        }
    }
}

/// What a step came to: one that goes on with an export may also be the end of it.
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

impl Notifier {
    /// Asks for the mail of an export, without waiting for it to be sent.
    async fn ask(&self, export_id: ExportId) -> Result<(), CallError> {
        let payload = Message::new(export_id).body();
        let invoked = self
            .lambda
            .invoke()
            .function_name(&self.function)
            .invocation_type(InvocationType::Event)
            .payload(Blob::new(payload))
            .send();
        best_effort_call("Invoke", invoked).await?;
        Ok(())
    }
}

/// Why a step was not taken.
#[derive(Debug)]
enum TakeError {
    /// Somebody else has changed the export since it was read.
    Overtaken,
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
            CommitError::Overtaken => Self::Overtaken,
            CommitError::Store(error) => Self::Sweep(error.into()),
        }
    }
}

#[cfg(test)]
mod tests;
