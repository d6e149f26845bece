//! Limits the read rate of a type's records.

use std::sync::{Mutex, PoisonError};

use tokio::time::{Duration, Instant};

/// A limit in bytes per second, shared by all partitions of a read, which leaves table capacity to the host's own
/// requests. The rate is halved when the table throttles, and grows back with every answer without throttling.
#[derive(Debug)]
pub(super) struct Budget {
    /// In bytes per second; `None` for no limit.
    limit: Option<f64>,
    rate: Mutex<ReadRate>,
}

#[derive(Debug)]
struct ReadRate {
    /// The current fraction of the limit.
    share: f64,
    /// When the bytes read so far are covered by the rate.
    paid: Option<Instant>,
}

/// The smallest fraction of the limit, however often the table throttles.
const MIN_SHARE: f64 = 1.0 / 16.0;
/// The factor by which the fraction grows with each answer.
const GROWTH: f64 = 1.05;

impl Budget {
    /// A limit in bytes per second; `None` for no limit.
    pub(super) fn new(bytes_per_second: Option<f64>) -> Self {
        Self {
            limit: bytes_per_second,
            rate: Mutex::new(ReadRate {
                share: 1.0,
                paid: None,
            }),
        }
    }

    /// Waits until the rate allows another read.
    pub(super) async fn wait(&self) {
        loop {
            let paid = self.rate().paid;
            match paid.filter(|paid| *paid > Instant::now()) {
                // Another reader may have read more meanwhile, so the time is checked again.
                Some(paid) => tokio::time::sleep_until(paid).await,
                None => return,
            }
        }
    }

    /// Counts `bytes` as read.
    pub(super) fn take(&self, bytes: u64) {
        let Some(limit) = self.limit else {
            return;
        };
        let mut rate = self.rate();
        let time = Duration::from_secs_f64(bytes as f64 / (limit * rate.share));
        let now = Instant::now();
        rate.paid = Some(rate.paid.map_or(now, |paid| paid.max(now)) + time);
        rate.share = (rate.share * GROWTH).min(1.0);
    }

    /// Halves the rate after throttling.
    pub(super) fn slow_down(&self) {
        let mut rate = self.rate();
        rate.share = (rate.share / 2.0).max(MIN_SHARE);
    }

    fn rate(&self) -> std::sync::MutexGuard<'_, ReadRate> {
        self.rate.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The time to read `megabytes`, one at a time.
    async fn seconds(budget: &Budget, megabytes: u64) -> f64 {
        let begun = Instant::now();
        for _ in 0..megabytes {
            budget.wait().await;
            budget.take(1_000_000);
        }
        budget.wait().await;
        begun.elapsed().as_secs_f64()
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_is_read_than_the_budget_allows() {
        let budget = Budget::new(Some(12e6));
        let took = seconds(&budget, 120).await;
        assert!((9.99..10.2).contains(&took), "{took}");
        let took = seconds(&Budget::new(None), 120).await;
        assert!(took < 0.001, "{took}");
    }

    #[tokio::test(start_paused = true)]
    async fn readers_side_by_side_share_it() {
        let budget = Budget::new(Some(12e6));
        let begun = Instant::now();
        tokio::join!(seconds(&budget, 60), seconds(&budget, 60));
        let took = begun.elapsed().as_secs_f64();
        assert!((9.9..10.2).contains(&took), "{took}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_table_that_throttles_is_read_more_slowly_for_a_while() {
        let budget = Budget::new(Some(1e6));
        budget.slow_down();
        budget.slow_down();
        let took = seconds(&budget, 1).await;
        assert!((3.9..4.1).contains(&took), "{took}");
        seconds(&budget, 40).await;
        let took = seconds(&budget, 1).await;
        assert!((0.9..1.1).contains(&took), "{took}");
        for _ in 0..99 {
            budget.slow_down();
        }
        let took = seconds(&budget, 1).await;
        assert!((15.0..17.0).contains(&took), "{took}");
    }
}
