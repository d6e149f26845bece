//! The lease guard: renews the lease by a heartbeat, and is the only way for a worker to write the export and its work.

use std::sync::{Mutex, PoisonError};

use tokio::sync::Mutex as AsyncMutex;
use tokio::time::{Duration, Instant};
use waybill::clock::Clock;
use waybill::lifecycle::{Change, State};
use waybill::store::{CommitError, Exports, StoreError};
use waybill::work::{Reached, WorkTiming};

/// Proof that a write is in the table, for steps that must follow it.
pub(crate) struct Recorded(());

/// Holds the lease of one export.
///
/// Writes are sequential, each conditional on the sequence of the previous one. The end of the lease is measured with
/// the monotonic clock, from before the write that took or renewed it, and is earlier than the end in the table by
/// [`WorkTiming::early_end`], so that the worker stops before another one can take the lease.
pub(crate) struct LeaseGuard {
    exports: Exports,
    clock: Clock,
    timing: WorkTiming,
    state: AsyncMutex<State>,
    ends: Mutex<Instant>,
    reached: Mutex<Reached>,
    /// When the lease was last checked.
    checked: Mutex<Instant>,
}

/// The minimum time between two checks, about as long as a page of 1 MB takes.
const BETWEEN_CHECKS: Duration = Duration::from_millis(50);

/// How a lease ended against its worker's will.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LeaseEnd {
    /// Another worker has the lease, or the export is final.
    Lost,
    /// The lease was not renewed in time. In the table it may still be this worker's.
    RanOut,
}

/// Why a write under the lease failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LeaseError {
    /// Another worker has the lease, or the export is final: this worker must stop.
    #[error("the lease is lost")]
    Lost,
    /// The table could not be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl LeaseGuard {
    /// Takes the lease by committing `change`, a claim. `before` must be earlier than the claim's own time, so that the
    /// lease ends here no later than in the table, however long the commit takes.
    pub(crate) async fn take(
        exports: Exports,
        clock: Clock,
        timing: WorkTiming,
        before: Instant,
        change: Change,
    ) -> Result<Self, LeaseError> {
        let state = exports.commit(change).await?;
        let reached = state.work.reached();
        Ok(Self {
            exports,
            clock,
            timing,
            state: AsyncMutex::new(state),
            ends: Mutex::new(end(before, timing)),
            reached: Mutex::new(reached),
            checked: Mutex::new(Instant::now()),
        })
    }

    /// The export and its work as last written by this worker.
    pub(crate) async fn state(&self) -> State {
        self.state.lock().await.clone()
    }

    /// Commits a change of the current state.
    pub(crate) async fn commit(
        &self,
        change: impl FnOnce(&State) -> Change,
    ) -> Result<State, LeaseError> {
        let mut state = self.state.lock().await;
        *state = self.exports.commit(change(&state)).await?;
        Ok(state.clone())
    }

    /// Commits a checkpoint, or the mark *completing*, with the ETags of the upload's parts, of which those from part
    /// `from` on are written.
    pub(crate) async fn commit_with_parts(
        &self,
        change: impl FnOnce(&State) -> Change,
        etags: &[String],
        from: u32,
    ) -> Result<Recorded, LeaseError> {
        let mut state = self.state.lock().await;
        let change = change(&state);
        *state = self.exports.commit_with_parts(change, etags, from).await?;
        Ok(Recorded(()))
    }

    /// Sets how far the file is, which the next heartbeat writes.
    pub(crate) fn report(&self, reached: Reached) {
        *self.reached.lock().unwrap_or_else(PoisonError::into_inner) = reached;
    }

    /// Checks whether this worker still has the lease, so that a cancel is noticed before the next heartbeat. If the
    /// table cannot be read, the worker continues.
    pub(crate) async fn check(&self) -> Result<(), LeaseError> {
        {
            let mut checked = self.checked.lock().unwrap_or_else(PoisonError::into_inner);
            if checked.elapsed() < BETWEEN_CHECKS {
                return Ok(());
            }
            *checked = Instant::now();
        }
        let (id, owner) = {
            let state = self.state.lock().await;
            let lease = state.work.lease.as_ref();
            (state.export.id, lease.map(|lease| lease.owner.clone()))
        };
        match self.exports.work(id).await {
            Ok(work) => match work.and_then(|work| work.lease) {
                Some(lease) if Some(&lease.owner) == owner.as_ref() => Ok(()),
                _ => Err(LeaseError::Lost),
            },
            Err(error) => {
                tracing::debug!(
                    error = &error as &dyn std::error::Error,
                    "the lease could not be checked"
                );
                Ok(())
            }
        }
    }

    /// Renews the lease until it is lost or runs out, and then returns; the caller must then stop its work. Never
    /// returns after the worker itself has given up the lease.
    pub(crate) async fn heartbeat(&self) -> LeaseEnd {
        let mut next = Instant::now() + self.timing.heartbeat();
        loop {
            let ends = *self.ends.lock().unwrap_or_else(PoisonError::into_inner);
            tokio::time::sleep_until(next.min(ends)).await;
            let state = self.state.try_lock();
            if state.is_ok_and(|state| state.work.lease.is_none()) {
                return std::future::pending().await;
            }
            if Instant::now() >= ends {
                return LeaseEnd::RanOut;
            }
            next = Instant::now() + self.timing.heartbeat();
            let before = Instant::now();
            let reached = *self.reached.lock().unwrap_or_else(PoisonError::into_inner);
            let renewal = self.commit(|state| state.renew(reached, self.clock.now(), self.timing));
            match tokio::time::timeout_at(ends, renewal).await {
                Ok(Ok(_)) => {
                    *self.ends.lock().unwrap_or_else(PoisonError::into_inner) =
                        end(before, self.timing);
                }
                Ok(Err(LeaseError::Lost)) => return LeaseEnd::Lost,
                Err(_) => return LeaseEnd::RanOut,
                // The next heartbeat tries again, while the lease lasts.
                Ok(Err(LeaseError::Store(error))) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "heartbeat failed");
                }
            }
        }
    }
}

impl From<CommitError> for LeaseError {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Conflict => Self::Lost,
            CommitError::Store(error) => Self::Store(error),
        }
    }
}

fn end(renewed: Instant, timing: WorkTiming) -> Instant {
    renewed
        + timing
            .lease()
            .unsigned_abs()
            .saturating_sub(timing.early_end())
}

#[cfg(test)]
mod tests;
