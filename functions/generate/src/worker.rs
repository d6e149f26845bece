//! From a message to its export's next resting place: final, continued, or to be tried again.

use jiff::SignedDuration;
use tokio::time::Instant;
use uuid::Uuid;
use waybill::aws::{TimedOut, best_effort};
use waybill::bucket::BucketError;
use waybill::export::{Export, ExportId, Failure, Status};
use waybill::lifecycle::{Claim, State};
use waybill::queue::Queue;
use waybill::store::{CommitError, Entries, Place, StoreError, Updated};
use waybill::work::Pace;

use crate::attempt::{Attempt, AttemptError, AttemptOutcome, Dependencies, abort, finish_recorded};
use crate::lease::{End, LeaseError, LeaseGuard};
use crate::plan::{self, Plan};
use crate::receipt::receipt;

/// The renewal that came too late may still be carried out, and overtake the worker that gives its lease back once.
const GIVE_BACK_TRIES: u32 = 2;

/// Everything that an export is made with.
pub struct Worker {
    /// What files are made with.
    pub dependencies: Dependencies,
    /// Where messages of what is left to do go.
    pub queue: Queue,
    /// What the exports' types were at their requests.
    pub entries: Entries,
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
        let Some(state) = self.dependencies.exports.state(id).await? else {
            return Ok(Outcome::Left);
        };
        let export = &state.export;
        let owner = Uuid::new_v4().simple().to_string();
        match state.claim(&owner, self.dependencies.clock.now(), self.pace) {
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
                let outcome = match self.dependencies.exports.commit(*change).await {
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
        let Claim::Take(change) = state.claim(owner, self.dependencies.clock.now(), self.pace)
        else {
            return Ok(Outcome::Left);
        };
        let taken = LeaseGuard::take(
            self.dependencies.exports.clone(),
            self.dependencies.clock.clone(),
            self.pace,
            before,
            *change,
        );
        let lease = match taken.await {
            Ok(lease) => lease,
            Err(LeaseError::Lost) => return Ok(Outcome::Left),
            Err(LeaseError::Store(error)) => return Err(error),
        };
        tokio::select! {
            // The lease is looked at first: a worker that stood still past its end must not take one step more.
            biased;
            end = lease.keep() => match end {
                End::Lost => Ok(Outcome::Lost),
                End::RanOut => self.give_back(id, owner).await,
            },
            outcome = self.under(&lease, deadline) => match outcome {
                Ok(outcome) => Ok(outcome),
                Err(LeaseError::Lost) => Ok(Outcome::Lost),
                Err(LeaseError::Store(error)) => Err(error),
            },
        }
    }

    async fn take_slot(&self, export: &Export, owner: &str) -> Result<Place, StoreError> {
        let (most, now) = (self.exports_per_parent, self.dependencies.clock.now());
        let exports = &self.dependencies.exports;
        let asked = exports
            .take_slot(export, owner, most, now, self.pace)
            .await?;
        self.wake(&asked.woken).await;
        Ok(asked.place)
    }

    /// Notes that the export waits for others of its parent, which is no time in which it could have been begun.
    async fn wait_in_line(&self, state: &State) -> Result<Outcome, StoreError> {
        let waits = state.wait_in_line(self.dependencies.clock.now(), self.pace);
        match self.dependencies.exports.commit(waits).await {
            Ok(_) => Ok(Outcome::Waits),
            Err(CommitError::Overtaken) => Ok(Outcome::Lost),
            Err(CommitError::Store(error)) => Err(error),
        }
    }

    /// Gives a worker's slot up, and wakes the export that has it next. One that goes on in another invocation waits at
    /// the end of the line first, so that it keeps no others from being begun.
    async fn end_slot(&self, export: &Export, owner: &str, goes_on: bool) {
        let (exports, now) = (&self.dependencies.exports, self.dependencies.clock.now());
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
        let now = self.dependencies.clock.now();
        let left = best_effort(self.dependencies.exports.leave_line(export, now)).await;
        self.wake_next(export, left).await;
    }

    /// Wakes the exports that a slot was reserved for. False where nothing is known of the slots.
    async fn wake_next(
        &self,
        export: &Export,
        woken: Result<Result<Vec<ExportId>, StoreError>, TimedOut>,
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
        let (exports, now) = (&self.dependencies.exports, self.dependencies.clock.now());
        let free = |state: &State| {
            let lease = state.work.lease.as_ref();
            let is_own = lease.is_some_and(|lease| lease.owner == owner);
            is_own.then(|| state.retry_later(now, self.pace))
        };
        match exports.update(id, GIVE_BACK_TRIES, free).await? {
            Updated::Written(state) => Ok(self.retried(&state).await),
            Updated::Unchanged(_) | Updated::NoWork | Updated::Contended => Ok(Outcome::Lost),
        }
    }

    /// Tells the queue of the next attempt, unless the last one was the export's last.
    async fn retried(&self, state: &State) -> Outcome {
        if state.export.status == Status::Failed {
            return ended(state);
        }
        self.send(
            state.export.id,
            state.work.held_back(self.dependencies.clock.now()),
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

    async fn under(&self, lease: &LeaseGuard, deadline: Instant) -> Result<Outcome, LeaseError> {
        let mut started_over = false;
        loop {
            let error = match self.attempt(lease, deadline).await {
                Ok(AttemptOutcome::Complete(completing)) => {
                    let consistency = self.consistency(lease).await?;
                    let state = lease
                        .commit(|state| {
                            let now = self.dependencies.clock.now();
                            let receipt =
                                receipt(state, &completing, consistency, self.memory_mb, now);
                            state.succeed(&completing, receipt, self.retention, now, self.pace)
                        })
                        .await?;
                    return Ok(ended(&state));
                }
                Ok(AttemptOutcome::Paused) => {
                    lease
                        .commit(|state| {
                            state.continue_later(self.dependencies.clock.now(), self.pace)
                        })
                        .await?;
                    return Ok(Outcome::Continued);
                }
                Err(error) => error,
            };
            match error {
                AttemptError::Lost => return Err(LeaseError::Lost),
                AttemptError::Failed(failure) => {
                    let state = lease
                        .commit(|state| {
                            state.fail(failure, self.dependencies.clock.now(), self.pace)
                        })
                        .await?;
                    return Ok(ended(&state));
                }
                error @ (AttemptError::StartOver(_) | AttemptError::RecordsMoved) => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "the file is made anew"
                    );
                    if let Some(upload) = lease.state().await.work.upload {
                        abort(&self.dependencies.bucket, &upload).await;
                    }
                    lease.commit(State::start_over).await?;
                    if !started_over {
                        started_over = true;
                        continue;
                    }
                }
                AttemptError::Transient(error) => attempt_ended(&*error),
            }
            let state = lease
                .commit(|state| state.retry_later(self.dependencies.clock.now(), self.pace))
                .await?;
            return Ok(self.retried(&state).await);
        }
    }

    async fn attempt(
        &self,
        lease: &LeaseGuard,
        deadline: Instant,
    ) -> Result<AttemptOutcome, AttemptError> {
        let State { export, work } = lease.state().await;
        if let Some(completing) = work.completing {
            return finish_recorded(&self.dependencies, export.id, completing, work.upload).await;
        }
        let entry = self.entries.get(&export.entry).await?;
        let entry = entry.ok_or_else(|| AttemptError::Failed(plan::no_entry()))?;
        let plan =
            Plan::new(&entry, &self.dependencies.records, &export).map_err(AttemptError::Failed)?;
        let making = Attempt {
            dependencies: &self.dependencies,
            lease,
            plan: &plan,
            export: &export,
            deadline,
        };
        making.run(work.checkpoint, work.upload).await
    }

    /// How the export's records were read, in words.
    async fn consistency(&self, lease: &LeaseGuard) -> Result<&'static str, StoreError> {
        let digest = lease.state().await.export.entry;
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
mod tests;
