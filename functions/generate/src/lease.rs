//! The lease guard: it renews the lease by a heartbeat, and is the one way to write to the export meanwhile.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex as Cell, PoisonError};

use tokio::sync::Mutex;
use tokio::time::{Duration, Instant};
use waybill::clock::Clock;
use waybill::lifecycle::{Change, State};
use waybill::store::{CommitError, Exports, StoreError};
use waybill::work::Pace;

/// That something is in the table, for what must not come before that.
pub(crate) struct Recorded(());

/// The lease of one export.
///
/// Its writes go one after the other, each on the sequence that the one before left. Its end is counted on the
/// monotonic clock from before the write that made or renewed it, and comes [`Pace::margin`] early.
pub(crate) struct LeaseGuard {
    exports: Exports,
    clock: Clock,
    pace: Pace,
    state: Mutex<State>,
    ends: Cell<Instant>,
    rows: AtomicU64,
    /// When the lease was last looked at.
    looked: Cell<Instant>,
}

/// Within this time of a look no other is needed: a page of 1 MB takes about as long.
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);

/// How a lease ended that its worker wanted to keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// It is another's now, or the export is final.
    Lost,
    /// It could not be renewed in time, and may still be this worker's in the table.
    RanOut,
}

/// Why a write under the lease did not come about.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LeaseError {
    /// The lease is another's now, or the export is final: this worker has nothing more to say.
    #[error("the lease is lost")]
    Lost,
    /// The table could not be written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl LeaseGuard {
    /// Takes the lease by committing `change`, a claim that was made after `before`: its lease's end in the table and on
    /// the monotonic clock are counted from one moment, however long the commit takes.
    pub(crate) async fn take(
        exports: Exports,
        clock: Clock,
        pace: Pace,
        before: Instant,
        change: Change,
    ) -> Result<Self, LeaseError> {
        let state = exports.commit(change).await?;
        let rows = state.work.progress;
        Ok(Self {
            exports,
            clock,
            pace,
            state: Mutex::new(state),
            ends: Cell::new(end(before, pace)),
            rows: AtomicU64::new(rows),
            looked: Cell::new(Instant::now()),
        })
    }

    /// The export and its work as this worker last wrote them.
    pub(crate) async fn state(&self) -> State {
        self.state.lock().await.clone()
    }

    /// Writes a change of the present state.
    pub(crate) async fn commit(
        &self,
        change: impl FnOnce(&State) -> Change,
    ) -> Result<State, LeaseError> {
        let mut state = self.state.lock().await;
        *state = self.exports.commit(change(&state)).await?;
        Ok(state.clone())
    }

    /// Writes a checkpoint with the ETags of its parts, those from part `from` on.
    pub(crate) async fn checkpoint(
        &self,
        change: impl FnOnce(&State) -> Change,
        etags: &[String],
        from: u32,
    ) -> Result<Recorded, LeaseError> {
        let mut state = self.state.lock().await;
        let change = change(&state);
        *state = self.exports.commit_checkpoint(change, etags, from).await?;
        Ok(Recorded(()))
    }

    /// How many rows there are by now, for the next heartbeat to tell.
    pub(crate) fn report_rows(&self, rows: u64) {
        self.rows.store(rows, Ordering::Relaxed);
    }

    /// Looks whether the lease is still this worker's: a cancel takes it, which the next heartbeat alone would notice
    /// later. Where the table does not answer, nothing is known, and the work goes on.
    pub(crate) async fn look(&self) -> Result<(), LeaseError> {
        {
            let mut looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
            if looked.elapsed() < BETWEEN_LOOKS {
                return Ok(());
            }
            *looked = Instant::now();
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
                    "the lease was not seen"
                );
                Ok(())
            }
        }
    }

    /// Renews the lease until it ends against its worker's will, and then returns: whoever works under it must stop at
    /// that. A lease that its worker has given up needs no more, and this does not return.
    pub(crate) async fn keep(&self) -> End {
        let mut next = Instant::now() + self.pace.heartbeat();
        loop {
            let ends = *self.ends.lock().unwrap_or_else(PoisonError::into_inner);
            tokio::time::sleep_until(next.min(ends)).await;
            let state = self.state.try_lock();
            if state.is_ok_and(|state| state.work.lease.is_none()) {
                return std::future::pending().await;
            }
            if Instant::now() >= ends {
                return End::RanOut;
            }
            next = Instant::now() + self.pace.heartbeat();
            let before = Instant::now();
            let rows = self.rows.load(Ordering::Relaxed);
            let renewal = self.commit(|state| state.renew(rows, self.clock.now(), self.pace));
            match tokio::time::timeout_at(ends, renewal).await {
                Ok(Ok(_)) => {
                    *self.ends.lock().unwrap_or_else(PoisonError::into_inner) =
                        end(before, self.pace);
                }
                Ok(Err(LeaseError::Lost)) => return End::Lost,
                Err(_) => return End::RanOut,
                // It is tried again at the next heartbeat, while the lease lasts.
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
            CommitError::Overtaken => Self::Lost,
            CommitError::Store(error) => Self::Store(error),
        }
    }
}

fn end(renewed: Instant, pace: Pace) -> Instant {
    renewed + pace.lease().unsigned_abs().saturating_sub(pace.margin())
}
