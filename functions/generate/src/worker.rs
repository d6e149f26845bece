//! From a message to its export's next resting place: final, continued, or to be tried again.

use jiff::SignedDuration;
use tokio::time::Instant;
use uuid::Uuid;
use waybill::aws::{Late, best_effort};
use waybill::bucket::BucketError;
use waybill::env::Mapping;
use waybill::export::{Export, ExportId, Failure, Status};
use waybill::lifecycle::{Claim, State};
use waybill::queue::Queue;
use waybill::store::{CommitError, Entries, Place, StoreError};
use waybill::work::Pace;

use crate::held::{End, Held, HeldError};
use crate::making::{Made, Making, Tools, Trouble, abort, finish_marked};
use crate::plan::{self, Plan};
use crate::receipt::receipt;

/// Everything that an export is made with.
pub struct Worker {
    /// What files are made with.
    pub tools: Tools,
    /// Where messages of what is left to do go.
    pub queue: Queue,
    /// What the exports' types were at their requests.
    pub entries: Entries,
    /// Which tables and roles the words of an entry stand for.
    pub mapping: Mapping,
    /// How long things may take and wait.
    pub pace: Pace,
    /// How long a file is kept.
    pub retention: SignedDuration,
    /// How many exports of one parent are made at once.
    pub exports_per_parent: usize,
    /// The function's memory in megabytes, which is what its time costs by.
    pub memory_mb: u32,
}

/// How a message ended. None of these brings it back: what is left to do is in the export's work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// There was nothing to do: the export is final, unknown, or another worker is at it.
    Left,
    Succeeded,
    Failed,
    /// The next invocation goes on.
    Continued,
    /// Another attempt is due after a while.
    Retried,
    /// The message came before that while was over, and comes again.
    Early,
    /// Every slot of its parent is in use: it waits in line, and is woken when it has a slot.
    Waits,
    /// Another worker has it, or somebody canceled it.
    Lost,
}

impl Worker {
    /// Works on an export until it is final, the invocation's `deadline` is near, or the lease is lost.
    ///
    /// # Errors
    /// Only when the tables cannot be reached at all; the message then comes back.
    pub(crate) async fn work_on(
        &self,
        id: ExportId,
        deadline: Instant,
    ) -> Result<Outcome, StoreError> {
        let Some(state) = self.tools.exports.state(id).await? else {
            return Ok(Outcome::Left);
        };
        let export = &state.export;
        let owner = Uuid::new_v4().simple().to_string();
        match state.claim(&owner, self.tools.clock.now(), self.pace) {
            Claim::Leave => {
                if export.status.is_final() {
                    self.leave_line(export).await;
                }
                return Ok(Outcome::Left);
            }
            Claim::NotYet(wait) => {
                self.send(id, wait).await;
                return Ok(Outcome::Early);
            }
            Claim::GiveUp(change) => {
                let outcome = match self.tools.exports.commit(*change).await {
                    Ok(state) => ended(&state),
                    Err(CommitError::Overtaken) => return Ok(Outcome::Lost),
                    Err(CommitError::Store(error)) => return Err(error),
                };
                self.leave_line(export).await;
                return Ok(outcome);
            }
            Claim::Take(_) => {}
        }
        match self.take_slot(export, &owner).await? {
            Place::Slot => {}
            Place::Line => return self.wait_in_line(&state).await,
            Place::Taken => return Ok(Outcome::Left),
        }
        let outcome = self.in_slot(&state, &owner, deadline).await;
        let goes_on = matches!(outcome, Ok(Outcome::Continued));
        self.end_slot(export, &owner, goes_on).await;
        outcome
    }

    /// Works on an export that has a slot.
    async fn in_slot(
        &self,
        state: &State,
        owner: &str,
        deadline: Instant,
    ) -> Result<Outcome, StoreError> {
        let id = state.export.id;
        // The slot may have taken its time. The lease begins now, by both clocks.
        let before = Instant::now();
        let Claim::Take(change) = state.claim(owner, self.tools.clock.now(), self.pace) else {
            return Ok(Outcome::Left);
        };
        let taken = Held::take(
            self.tools.exports.clone(),
            self.tools.clock.clone(),
            self.pace,
            before,
            *change,
        );
        let held = match taken.await {
            Ok(held) => held,
            Err(HeldError::Lost) => return Ok(Outcome::Left),
            Err(HeldError::Store(error)) => return Err(error),
        };
        tokio::select! {
            // The lease is looked at first: a worker that stood still past its end must not take one step more.
            biased;
            end = held.keep() => match end {
                End::Lost => Ok(Outcome::Lost),
                End::RanOut => self.give_back(id, owner).await,
            },
            outcome = self.under(&held, deadline) => match outcome {
                Ok(outcome) => Ok(outcome),
                Err(HeldError::Lost) => Ok(Outcome::Lost),
                Err(HeldError::Store(error)) => Err(error),
            },
        }
    }

    async fn take_slot(&self, export: &Export, owner: &str) -> Result<Place, StoreError> {
        let (most, now) = (self.exports_per_parent, self.tools.clock.now());
        let exports = &self.tools.exports;
        let asked = exports
            .take_slot(export, owner, most, now, self.pace)
            .await?;
        self.wake(&asked.woken).await;
        Ok(asked.place)
    }

    /// Notes that the export waits for others of its parent, which is no time in which it could have been begun.
    async fn wait_in_line(&self, state: &State) -> Result<Outcome, StoreError> {
        let waits = state.wait_in_line(self.tools.clock.now(), self.pace);
        match self.tools.exports.commit(waits).await {
            Ok(_) => Ok(Outcome::Waits),
            Err(CommitError::Overtaken) => Ok(Outcome::Lost),
            Err(CommitError::Store(error)) => Err(error),
        }
    }

    /// Gives a worker's slot up, and wakes the export that has it next. One that goes on in another invocation waits at
    /// the end of the line first, so that it keeps no others from being begun.
    async fn end_slot(&self, export: &Export, owner: &str, goes_on: bool) {
        let (exports, now) = (&self.tools.exports, self.tools.clock.now());
        let ended = best_effort(async {
            match goes_on {
                true => exports.requeue_slot(export, owner, now).await,
                false => exports.end_slot(export, owner, now).await,
            }
        });
        if !self.wake_next(export, ended.await).await && goes_on {
            self.send(export.id, SignedDuration::ZERO).await;
        }
    }

    /// Takes an export that came to its end without a worker out of the line of its parent.
    async fn leave_line(&self, export: &Export) {
        let now = self.tools.clock.now();
        let left = best_effort(self.tools.exports.leave_line(export, now)).await;
        self.wake_next(export, left).await;
    }

    /// Wakes the exports that a slot was reserved for. False where nothing is known of the slots.
    async fn wake_next(
        &self,
        export: &Export,
        woken: Result<Result<Vec<ExportId>, StoreError>, Late>,
    ) -> bool {
        let error: &dyn std::error::Error = match &woken {
            Ok(Ok(woken)) => {
                self.wake(woken).await;
                return true;
            }
            Ok(Err(error)) => error,
            Err(late) => late,
        };
        tracing::warn!(export.id = %export.id, error, "the slot ends with its lease");
        false
    }

    async fn wake(&self, woken: &[ExportId]) {
        for id in woken {
            self.send(*id, SignedDuration::ZERO).await;
        }
    }

    /// The lease ran out in this worker's hands, since it could not be renewed in time. Where nobody else has taken
    /// it on, it is freed at once, rather than by the sweeper once it has surely ended.
    async fn give_back(&self, id: ExportId, owner: &str) -> Result<Outcome, StoreError> {
        tracing::warn!(export.id = %id, "the lease was not renewed in time");
        // The renewal that came too late may still be carried out, and overtake this once.
        for _ in 0..2 {
            let Some(state) = self.tools.exports.state(id).await? else {
                break;
            };
            let lease = state.work.lease.as_ref();
            if lease.is_none_or(|lease| lease.owner != owner) {
                break;
            }
            let freed = state.retry_later(self.tools.clock.now(), self.pace);
            match self.tools.exports.commit(freed).await {
                Ok(state) => return Ok(self.retried(&state).await),
                Err(CommitError::Overtaken) => {}
                Err(CommitError::Store(error)) => return Err(error),
            }
        }
        Ok(Outcome::Lost)
    }

    /// Tells the queue of the next attempt, unless the last one was the export's last.
    async fn retried(&self, state: &State) -> Outcome {
        if state.export.status == Status::Failed {
            return ended(state);
        }
        self.send(
            state.export.id,
            state.work.held_back(self.tools.clock.now()),
        )
        .await;
        Outcome::Retried
    }

    /// Sends the export's message; should it not be taken, the sweeper sends it when it is due.
    async fn send(&self, id: ExportId, wait: SignedDuration) {
        if let Err(error) = self.queue.send_after(id, wait).await {
            tracing::warn!(
                export.id = %id,
                error = &error as &dyn std::error::Error,
                "message not sent"
            );
        }
    }

    async fn under(&self, held: &Held, deadline: Instant) -> Result<Outcome, HeldError> {
        let mut started_over = false;
        loop {
            let trouble = match self.attempt(held, deadline).await {
                Ok(Made::Whole(mark)) => {
                    let consistency = self.consistency(held).await?;
                    let state = held
                        .commit(|state| {
                            let now = self.tools.clock.now();
                            let receipt = receipt(state, &mark, consistency, self.memory_mb, now);
                            state.succeed(&mark, receipt, self.retention, now, self.pace)
                        })
                        .await?;
                    return Ok(ended(&state));
                }
                Ok(Made::Part) => {
                    held.commit(|state| state.continue_later(self.tools.clock.now(), self.pace))
                        .await?;
                    return Ok(Outcome::Continued);
                }
                Err(trouble) => trouble,
            };
            match trouble {
                Trouble::Lost => return Err(HeldError::Lost),
                Trouble::Failed(failure) => {
                    let state = held
                        .commit(|state| state.fail(failure, self.tools.clock.now(), self.pace))
                        .await?;
                    return Ok(ended(&state));
                }
                trouble @ (Trouble::StartOver(_) | Trouble::Elsewhere) => {
                    tracing::warn!(
                        error = &trouble as &dyn std::error::Error,
                        "the file is made anew"
                    );
                    if let Some(upload) = held.state().await.work.upload {
                        abort(&self.tools.bucket, &upload).await;
                    }
                    held.commit(State::start_over).await?;
                    if !started_over {
                        started_over = true;
                        continue;
                    }
                }
                Trouble::Passing(error) => attempt_ended(&*error),
            }
            let state = held
                .commit(|state| state.retry_later(self.tools.clock.now(), self.pace))
                .await?;
            return Ok(self.retried(&state).await);
        }
    }

    async fn attempt(&self, held: &Held, deadline: Instant) -> Result<Made, Trouble> {
        let State { export, work } = held.state().await;
        if let Some(mark) = work.completing {
            return finish_marked(&self.tools, export.id, mark, work.upload).await;
        }
        let entry = self.entries.get(&export.entry).await?;
        let entry = entry.ok_or_else(|| Trouble::Failed(plan::no_entry()))?;
        let plan = Plan::new(&entry, &self.mapping, &export).map_err(Trouble::Failed)?;
        let making = Making {
            tools: &self.tools,
            held,
            plan: &plan,
            export: &export,
            deadline,
        };
        making.run(work.checkpoint, work.upload).await
    }

    /// How the export's records were read, in words.
    async fn consistency(&self, held: &Held) -> Result<&'static str, StoreError> {
        let digest = held.state().await.export.entry;
        let entry = self.entries.get(&digest).await?;
        Ok(entry.map_or("unknown", |entry| {
            waybill::records::consistency(&entry.records)
        }))
    }
}

/// Logs what ended an attempt. What no other attempt can do away with, such as a missing permission, is an error at
/// once: somebody must put it right while there are attempts left.
fn attempt_ended(error: &(dyn std::error::Error + Send + Sync + 'static)) {
    let store = error.downcast_ref().is_some_and(StoreError::is_lasting);
    let bucket = error.downcast_ref().is_some_and(BucketError::is_lasting);
    let error = error as &dyn std::error::Error;
    match store || bucket {
        true => tracing::error!(error, "attempt ended by what will not pass by itself"),
        false => tracing::warn!(error, "attempt ended"),
    }
}

/// Logs an export's end; alarms count the failed ones by this line.
fn ended(state: &State) -> Outcome {
    match &state.export.failure {
        Some(Failure { code, .. }) => {
            tracing::error!(export.id = %state.export.id, failure.code = code, "export failed");
            Outcome::Failed
        }
        None => Outcome::Succeeded,
    }
}

#[cfg(test)]
#[path = "worker_tests.rs"]
mod tests;
