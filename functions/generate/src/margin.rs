//! The margin: how long before its deadline an invocation begins to end.

use tokio::time::{Duration, Instant};

/// The margin before anything was measured: the time for the parts in flight, a tail, a checkpoint and a message on a
/// slow network.
const INITIAL: Duration = Duration::from_secs(20);
/// The minimum margin, whatever was measured.
const MINIMUM: Duration = Duration::from_secs(3);
/// The factor on the longest times measured.
const SAFETY: u32 = 3;

/// The time reserved for a planned end, computed from the times of this invocation's pages and checkpoints.
pub(crate) struct Margin {
    deadline: Instant,
    /// The maximum margin: at most a third of the invocation, so that a short one makes progress.
    most: Duration,
    page: Duration,
    checkpoint: Option<Duration>,
}

impl Margin {
    /// The margin of an invocation that begins at `now`.
    pub(crate) fn new(now: Instant, deadline: Instant) -> Self {
        Self {
            deadline,
            most: INITIAL.min(deadline.saturating_duration_since(now) / 3),
            page: Duration::ZERO,
            checkpoint: None,
        }
    }

    /// Records the time that a page took.
    pub(crate) fn page(&mut self, took: Duration) {
        self.page = self.page.max(took);
    }

    /// Records the time that a checkpoint with its tail took.
    pub(crate) fn checkpoint(&mut self, took: Duration) {
        self.checkpoint = Some(self.checkpoint.unwrap_or_default().max(took));
    }

    fn length(&self) -> Duration {
        let Some(checkpoint) = self.checkpoint else {
            return self.most;
        };
        ((checkpoint + self.page) * SAFETY)
            .max(MINIMUM)
            .min(self.most)
    }

    /// When the invocation must begin to end.
    pub(crate) fn begins(&self) -> Instant {
        let begins = self.deadline.checked_sub(self.length());
        begins.unwrap_or(self.deadline)
    }

    /// Whether the invocation must begin to end.
    pub(crate) fn is_reached(&self) -> bool {
        Instant::now() >= self.begins()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[tokio::test(start_paused = true)]
    async fn the_margin_is_a_multiple_of_the_measured_times() {
        let now = Instant::now();
        let mut margin = Margin::new(now, now + s(900));
        assert_eq!(margin.length(), s(20));
        margin.page(s(1));
        assert_eq!(margin.length(), s(20));
        margin.checkpoint(s(1));
        margin.page(Duration::ZERO);
        assert_eq!(margin.length(), s(6));
        margin.checkpoint(s(60));
        assert_eq!(
            margin.length(),
            s(20),
            "slow pages do not use up the whole invocation"
        );
        let mut fast = Margin::new(now, now + s(900));
        fast.checkpoint(Duration::from_millis(20));
        assert_eq!(fast.length(), s(3));
    }

    #[tokio::test(start_paused = true)]
    async fn a_short_invocation_works_for_two_thirds_of_its_time() {
        let now = Instant::now();
        let margin = Margin::new(now, now + s(6));
        assert!(!margin.is_reached());
        tokio::time::advance(Duration::from_millis(3_999)).await;
        assert!(!margin.is_reached());
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(margin.is_reached());
    }
}
