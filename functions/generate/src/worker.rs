//! The worker: processes a message until its export is final, continued by another invocation, or to be retried.

use jiff::SignedDuration;
use tokio::time::Instant;
use uuid::Uuid;
use waybill::aws::{TimedOut, best_effort};
use waybill::bucket::BucketError;
use waybill::export::{Export, ExportId, Failure, Status};
use waybill::lifecycle::{Claim, State};
use waybill::queue::Queue;
use waybill::store::{CommitError, MaskSecrets, Place, StoreError, TypeEntries, Updated};
use waybill::work::{Completing, WorkTiming};

use crate::attempt::{Attempt, AttemptError, AttemptOutcome, Dependencies, abort, finish_recorded};
use crate::lease::{LeaseEnd, LeaseError, LeaseGuard};
use crate::plan::Plan;
use crate::receipt::receipt;

/// Tries of giving back a lease. A late renewal may still take effect and conflict with the first try.
const GIVE_BACK_TRIES: u32 = 2;

/// The dependencies and configuration of a worker.
pub struct Worker {
    /// The dependencies of an attempt.
    pub dependencies: Dependencies,
    /// The queue of exports.
    pub queue: Queue,
    /// The stored entries of types.
    pub type_entries: TypeEntries,
    /// The secret of masked values.
    pub mask_secrets: MaskSecrets,
    /// The time limits and waits.
    pub timing: WorkTiming,
    /// The time from completion to expiry of a file.
    pub retention: SignedDuration,
    /// The number of exports of one parent that run at once.
    pub exports_per_parent: usize,
    /// The function's memory in megabytes, which determines its cost per second.
    pub memory_mb: u32,
}

/// The outcome of a message. None returns the message to the queue: what is left to do is in the export's work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// There was nothing to do: the export is final or unknown, or another worker has it.
    Left,
    Succeeded,
    Failed,
    /// The next invocation continues the export.
    Continued,
    /// Another attempt follows after a wait.
    Retried,
    /// The message came before the end of that wait, and was sent again.
    Early,
    /// Every slot of the parent is in use: the export waits in line, and is woken when it has a slot.
    Waits,
    /// Another worker has the export, or it was canceled.
    Lost,
}

impl Worker {
    /// Works on an export until it is final, the invocation's `deadline` is near, or the lease is lost.
    ///
    /// # Errors
    /// Only when the tables cannot be read or written; the message then returns to the queue.
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
        match state.claim(&owner, self.dependencies.clock.now(), self.timing) {
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
                    Ok(state) => log_end(&state),
                    Err(CommitError::Conflict) => return Ok(Outcome::Lost),
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
        let outcome = self.run_in_slot(&state, &owner, deadline).await;
        let continues = matches!(outcome, Ok(Outcome::Continued));
        self.end_slot(export, &owner, continues).await;
        outcome
    }

    /// Works on an export that has a slot.
    async fn run_in_slot(
        &self,
        state: &State,
        owner: &str,
        deadline: Instant,
    ) -> Result<Outcome, StoreError> {
        let id = state.export.id;
        // Taking the slot may have been slow. Both clocks of the lease begin now.
        let before = Instant::now();
        let Claim::Take(change) = state.claim(owner, self.dependencies.clock.now(), self.timing)
        else {
            return Ok(Outcome::Left);
        };
        let taken = LeaseGuard::take(
            self.dependencies.exports.clone(),
            self.dependencies.clock.clone(),
            self.timing,
            before,
            *change,
        );
        let lease = match taken.await {
            Ok(lease) => lease,
            Err(LeaseError::Lost) => return Ok(Outcome::Left),
            Err(LeaseError::Store(error)) => return Err(error),
        };
        tokio::select! {
            // The lease is polled first: a worker that was frozen past its lease's end must not take another step.
            biased;
            end = lease.heartbeat() => match end {
                LeaseEnd::Lost => Ok(Outcome::Lost),
                LeaseEnd::RanOut => self.give_back(id, owner).await,
            },
            outcome = self.run_under_lease(&lease, deadline) => match outcome {
                Ok(outcome) => Ok(outcome),
                Err(LeaseError::Lost) => Ok(Outcome::Lost),
                Err(LeaseError::Store(error)) => Err(error),
            },
        }
    }

    async fn take_slot(&self, export: &Export, owner: &str) -> Result<Place, StoreError> {
        let (most, now) = (self.exports_per_parent, self.dependencies.clock.now());
        let exports = &self.dependencies.exports;
        let claim = exports
            .take_slot(export, owner, most, now, self.timing)
            .await?;
        self.wake(&claim.woken).await;
        Ok(claim.place)
    }

    /// Records that the export waits in line: this time does not count towards its time limits.
    async fn wait_in_line(&self, state: &State) -> Result<Outcome, StoreError> {
        let waits = state.wait_in_line(self.dependencies.clock.now(), self.timing);
        match self.dependencies.exports.commit(waits).await {
            Ok(_) => Ok(Outcome::Waits),
            Err(CommitError::Conflict) => Ok(Outcome::Lost),
            Err(CommitError::Store(error)) => Err(error),
        }
    }

    /// Frees a worker's slot, and wakes the export that has it next. An export that continues in another invocation
    /// goes to the end of the line, so that it does not keep others from beginning.
    async fn end_slot(&self, export: &Export, owner: &str, continues: bool) {
        let (exports, now) = (&self.dependencies.exports, self.dependencies.clock.now());
        let ended = best_effort(async {
            match continues {
                true => exports.requeue_slot(export, owner, now).await,
                false => exports.end_slot(export, owner, now).await,
            }
        });
        if !self.wake_next(export, ended.await).await && continues {
            self.send(export.id, SignedDuration::ZERO).await;
        }
    }

    /// Removes an export that ended without a worker from its parent's line.
    async fn leave_line(&self, export: &Export) {
        let now = self.dependencies.clock.now();
        let left = best_effort(self.dependencies.exports.leave_line(export, now)).await;
        self.wake_next(export, left).await;
    }

    /// Wakes the exports for which a slot was reserved. Returns false if the slots could not be written.
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

    /// Frees a lease that was not renewed in time, unless another worker has taken it, so that the export need not wait
    /// for the sweeper.
    async fn give_back(&self, id: ExportId, owner: &str) -> Result<Outcome, StoreError> {
        tracing::warn!(export.id = %id, "the lease was not renewed in time");
        let (exports, now) = (&self.dependencies.exports, self.dependencies.clock.now());
        let free = |state: &State| {
            let lease = state.work.lease.as_ref();
            let is_own = lease.is_some_and(|lease| lease.owner == owner);
            is_own.then(|| state.end_attempt(now, self.timing))
        };
        match exports.update(id, GIVE_BACK_TRIES, free).await? {
            Updated::Written(state) => Ok(self.retried(&state).await),
            Updated::Unchanged(_) | Updated::NoWork | Updated::Contended => Ok(Outcome::Lost),
        }
    }

    /// Sends the message for the next attempt, unless the export has failed with its last one.
    async fn retried(&self, state: &State) -> Outcome {
        if state.export.status == Status::Failed {
            return log_end(state);
        }
        self.send(
            state.export.id,
            state.work.held_back(self.dependencies.clock.now()),
        )
        .await;
        Outcome::Retried
    }

    /// Sends the export's message. If that fails, the sweeper sends it when the export is due.
    async fn send(&self, id: ExportId, wait: SignedDuration) {
        if let Err(error) = self.queue.send_after(id, wait).await {
            tracing::warn!(
                export.id = %id,
                error = &error as &dyn std::error::Error,
                "message not sent"
            );
        }
    }

    async fn run_under_lease(
        &self,
        lease: &LeaseGuard,
        deadline: Instant,
    ) -> Result<Outcome, LeaseError> {
        let mut started_over = false;
        loop {
            let error = match self.attempt(lease, deadline).await {
                Ok(AttemptOutcome::Complete(completing)) => {
                    return self.succeed(lease, &completing).await;
                }
                Ok(AttemptOutcome::Paused) => {
                    lease
                        .commit(|state| {
                            state.continue_later(self.dependencies.clock.now(), self.timing)
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
                            state.fail(failure, self.dependencies.clock.now(), self.timing)
                        })
                        .await?;
                    return Ok(log_end(&state));
                }
                error @ (AttemptError::StartOver(_) | AttemptError::RecordsMoved) => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "the file is started again"
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
                AttemptError::Transient(error) => log_attempt_error(&*error),
            }
            let state = lease
                .commit(|state| state.end_attempt(self.dependencies.clock.now(), self.timing))
                .await?;
            return Ok(self.retried(&state).await);
        }
    }

    async fn succeed(
        &self,
        lease: &LeaseGuard,
        completing: &Completing,
    ) -> Result<Outcome, LeaseError> {
        let consistency = self.consistency(lease).await?;
        let state = lease
            .commit(|state| {
                let now = self.dependencies.clock.now();
                let receipt = receipt(state, completing, consistency, self.memory_mb, now);
                state.succeed(completing, receipt, self.retention, now, self.timing)
            })
            .await?;
        Ok(log_end(&state))
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
        let entry = self.type_entries.get(&export.entry).await?;
        let entry =
            entry.ok_or_else(|| AttemptError::Failed(Failure::catalog_changed("the entry")))?;
        let mut plan =
            Plan::new(&entry, &self.dependencies.records, &export).map_err(AttemptError::Failed)?;
        plan.projection = self.mask_secrets.complete(plan.projection).await?;
        let attempt = Attempt {
            dependencies: &self.dependencies,
            lease,
            plan: &plan,
            export: &export,
            deadline,
        };
        attempt.run(work.checkpoint, work.upload).await
    }

    /// The read consistency of the export's records in words, for the receipt.
    async fn consistency(&self, lease: &LeaseGuard) -> Result<&'static str, StoreError> {
        let digest = lease.state().await.export.entry;
        let entry = self.type_entries.get(&digest).await?;
        Ok(entry.map_or("unknown", |entry| {
            waybill::records::consistency(&entry.records)
        }))
    }
}

/// Logs the error of an attempt. A lasting one, such as a missing permission, is logged as an error at once, so that it
/// can be fixed while attempts are left.
fn log_attempt_error(error: &(dyn std::error::Error + Send + Sync + 'static)) {
    let store = error.downcast_ref().is_some_and(StoreError::is_lasting);
    let bucket = error.downcast_ref().is_some_and(BucketError::is_lasting);
    let error = error as &dyn std::error::Error;
    match store || bucket {
        true => tracing::error!(error, "attempt failed with a lasting error"),
        false => tracing::warn!(error, "attempt failed"),
    }
}

/// Logs the end of an export. An alarm counts the line `export failed`.
fn log_end(state: &State) -> Outcome {
    let Some(failure) = &state.export.failure else {
        return Outcome::Succeeded;
    };
    match failure.is_for_operator() {
        true => tracing::error!(failure.code, "export failed"),
        false => tracing::info!(failure.code, "export too large"),
    }
    Outcome::Failed
}

#[cfg(test)]
mod tests;
