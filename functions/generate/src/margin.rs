//! How long before its deadline an invocation must come to an end.

use tokio::time::{Duration, Instant};

/// What ending takes where nothing has been measured yet: the parts in flight, a tail, a checkpoint and a message, at
/// a bad moment of the network.
const UNKNOWN: Duration = Duration::from_secs(20);
/// Whatever was measured, the next time may be worse.
const LEAST: Duration = Duration::from_secs(3);
/// By how much the next time may be worse than the worst so far.
const SAFETY: u32 = 3;

/// The time to keep for ending as planned, from what pages and checkpoints of this invocation have taken.
pub(crate) struct Margin {
    deadline: Instant,
    /// The most that is kept: of a short invocation a third, so that something is done in it.
    most: Duration,
    page: Duration,
    checkpoint: Option<Duration>,
}

impl Margin {
    /// That of an invocation that began at `now`.
    pub(crate) fn new(now: Instant, deadline: Instant) -> Self {
        Self {
            deadline,
            most: UNKNOWN.min(deadline.saturating_duration_since(now) / 3),
            page: Duration::ZERO,
            checkpoint: None,
        }
    }

    /// A page took so long to be written.
    pub(crate) fn page(&mut self, took: Duration) {
        self.page = self.page.max(took);
    }

    /// A checkpoint with its tail took so long to be stored.
    pub(crate) fn checkpoint(&mut self, took: Duration) {
        self.checkpoint = Some(self.checkpoint.unwrap_or_default().max(took));
    }

    fn length(&self) -> Duration {
        let Some(checkpoint) = self.checkpoint else {
            return self.most;
        };
        ((checkpoint + self.page) * SAFETY)
            .max(LEAST)
            .min(self.most)
    }

    /// When it is time to end.
    pub(crate) fn begins(&self) -> Instant {
        let begins = self.deadline.checked_sub(self.length());
        begins.unwrap_or(self.deadline)
    }

    /// Whether it is time to end.
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
    async fn it_is_what_was_measured_and_then_some() {
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
            "what is slow does not use the whole invocation up"
        );
        let mut fast = Margin::new(now, now + s(900));
        fast.checkpoint(Duration::from_millis(20));
        assert_eq!(fast.length(), s(3));
    }

    #[tokio::test(start_paused = true)]
    async fn a_short_invocation_works_for_two_thirds_of_it() {
        let now = Instant::now();
        let margin = Margin::new(now, now + s(6));
        assert!(!margin.is_reached());
        tokio::time::advance(Duration::from_millis(3_999)).await;
        assert!(!margin.is_reached());
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(margin.is_reached());
    }
}
