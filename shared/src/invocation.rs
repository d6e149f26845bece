//! How much time an invocation has.

use std::time::{Duration, SystemTime};

/// The longest that Lambda lets a function run.
const LONGEST: Duration = Duration::from_secs(15 * 60);

/// The time left until `deadline`.
///
/// A deadline that is past when an invocation begins is none: Lambda never sends one, but `cargo lambda watch` gives
/// a length of time where a point in time belongs. Such an invocation may take as long as any.
pub fn time_left(deadline: SystemTime) -> Duration {
    deadline
        .duration_since(SystemTime::now())
        .unwrap_or(LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_of_1970_is_none() {
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
