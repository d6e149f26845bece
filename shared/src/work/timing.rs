//! The time limits of an export, and the waits before its next attempt or message.

use std::time::Duration;

use jiff::SignedDuration;

/// Time limits and waits. All follow from two configured lengths, so that tests can shorten them in proportion.
#[derive(Debug, Clone, Copy)]
pub struct WorkTiming {
    lease: SignedDuration,
    retry: SignedDuration,
}

impl WorkTiming {
    /// The number of claims in a row without a new checkpoint after which an export fails.
    pub const MAX_ATTEMPTS: u32 = 5;
    /// An export that no worker has begun within this time fails.
    pub const START_WITHIN: SignedDuration = SignedDuration::from_hours(24);
    /// An export that is not complete within this time fails.
    pub const FINISH_WITHIN: SignedDuration = SignedDuration::from_hours(48);
    /// A mail that could not be sent within this time is abandoned.
    pub const MAIL_WITHIN: SignedDuration = SignedDuration::from_hours(7 * 24);
    /// The longest wait before a message or a mail is sent again, in units of `retry`.
    const LONGEST_WAIT: i32 = 60;
    /// The longest wait before an export is tried again, in units of `retry`.
    const LONGEST_RETRY: i32 = 8;

    /// `lease` is the length of a lease without renewal (60 s by default), `retry` the unit of all waits (one minute by
    /// default).
    pub fn new(lease: Duration, retry: Duration) -> Self {
        let signed = |d: Duration| SignedDuration::try_from(d).unwrap_or(SignedDuration::MAX);
        Self {
            lease: signed(lease),
            retry: signed(retry),
        }
    }

    /// The length of a lease.
    pub fn lease(&self) -> SignedDuration {
        self.lease
    }

    /// The interval of heartbeats: 10 s for a lease of 60 s.
    pub fn heartbeat(&self) -> Duration {
        self.lease.unsigned_abs() / 6
    }

    /// How long before the end of its lease a worker stops: 15 s for a lease of 60 s.
    pub fn early_end(&self) -> Duration {
        self.lease.unsigned_abs() / 4
    }

    /// The allowed difference between two machines' clocks: 30 s for a lease of 60 s.
    pub fn skew(&self) -> SignedDuration {
        self.lease / 2
    }

    /// The time before the sweeper sends a message again.
    pub fn wait_unit(&self) -> SignedDuration {
        self.retry
    }

    /// The wait after `attempts` attempts without a new checkpoint: 1, 2, 4, 8 minutes.
    pub fn wait_after_attempts(&self, attempts: u32) -> SignedDuration {
        self.retry * doubled(attempts.saturating_sub(1), Self::LONGEST_RETRY)
    }

    /// The time before the sweeper sends the message of an export in line again: two minutes by default. Shorter than
    /// [`WorkTiming::reserved`], so that a reservation whose message was lost is still valid then.
    pub fn in_line(&self) -> SignedDuration {
        self.retry * 2
    }

    /// The time after which an unused reservation of a slot ends: five minutes by default.
    pub fn reserved(&self) -> SignedDuration {
        self.retry * 5
    }

    /// The wait before sending something again that was sent `times` times: 1, 2, 4 … 60 minutes.
    pub fn doubling_wait(&self, times: u32) -> SignedDuration {
        self.retry * doubled(times, Self::LONGEST_WAIT)
    }
}

fn doubled(times: u32, most: i32) -> i32 {
    1_i32.checked_shl(times.min(30)).unwrap_or(most).min(most)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timing() -> WorkTiming {
        WorkTiming::new(Duration::from_secs(60), Duration::from_secs(60))
    }

    #[test]
    fn the_default_lengths_are_those_of_the_design() {
        let timing = timing();
        assert_eq!(timing.heartbeat(), Duration::from_secs(10));
        assert_eq!(timing.early_end(), Duration::from_secs(15));
        assert_eq!(timing.skew(), SignedDuration::from_secs(30));
        let minutes = |waits: Vec<SignedDuration>| {
            waits
                .iter()
                .map(SignedDuration::as_mins)
                .collect::<Vec<_>>()
        };
        assert_eq!(
            minutes((1..=5).map(|n| timing.wait_after_attempts(n)).collect()),
            [1, 2, 4, 8, 8]
        );
        assert_eq!(
            minutes((0..=7).map(|n| timing.doubling_wait(n)).collect()),
            [1, 2, 4, 8, 16, 32, 60, 60]
        );
        assert_eq!(timing.doubling_wait(u32::MAX).as_mins(), 60);
        assert_eq!(
            (timing.in_line().as_mins(), timing.reserved().as_mins()),
            (2, 5)
        );
    }
}
