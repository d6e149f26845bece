//! The time that an invocation has left.

use std::time::{Duration, SystemTime};

/// Lambda's longest timeout.
const LONGEST: Duration = Duration::from_secs(15 * 60);

/// The time left until `deadline`.
///
/// A deadline in the past is ignored, and the time left is Lambda's longest timeout. Lambda never sends such a
/// deadline, but `cargo lambda watch` sends a duration in place of a point in time.
pub fn time_left(deadline: SystemTime) -> Duration {
    deadline
        .duration_since(SystemTime::now())
        .unwrap_or(LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_in_1970_is_ignored() {
        assert_eq!(
            time_left(SystemTime::UNIX_EPOCH + Duration::from_millis(600_000)),
            LONGEST
        );
        let left = time_left(SystemTime::now() + Duration::from_secs(60));
        assert!(
            left > Duration::from_secs(50) && left <= Duration::from_secs(60),
            "{left:?}"
        );
    }
}
