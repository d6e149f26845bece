//! The rate limit: how many exports a user may request within a minute.

use aws_sdk_dynamodb::types::{AttributeValue, Put, TransactWriteItem};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::commit::write;
use super::{StoreError, to_item};
use crate::person::Person;

/// The number of exports that a user may request within [`RATE_WINDOW`] ("up to three exports per minute").
pub const RATE_LIMIT: usize = 3;
/// The window of the rate limit.
pub const RATE_WINDOW: SignedDuration = SignedDuration::from_mins(1);

/// A user's last requests, as stored in the table `limits`.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct RateItem {
    pub(super) key: String,
    /// The times of the last requests, in milliseconds since the Unix epoch.
    instants: Vec<i64>,
    version: u64,
    expires_at: i64,
}

impl RateItem {
    /// The item of a user without requests.
    pub(super) fn new(user: Person<'_>) -> Self {
        Self {
            key: format!("rate#{user}"),
            ..Self::default()
        }
    }

    /// Seconds until another request is allowed; `None` if one is allowed now.
    pub(super) fn wait(&self, now: Timestamp) -> Option<u64> {
        let recent = self.recent(now);
        if recent.len() < RATE_LIMIT {
            return None;
        }
        let first = recent.into_iter().min()?;
        let window = RATE_WINDOW.as_millis() as i64;
        // A stored time may be in the future of this machine's clock.
        let left = (first + window - now.as_millisecond()).clamp(1, window);
        Some(left.unsigned_abs().div_ceil(1000))
    }

    /// Writes one request more, on the condition that no other request has been counted since the item was read.
    pub(super) fn counting(
        self,
        table: &str,
        now: Timestamp,
    ) -> Result<TransactWriteItem, StoreError> {
        let mut instants = self.recent(now);
        instants.push(now.as_millisecond());
        let after = Self {
            instants,
            version: self.version + 1,
            expires_at: (now + RATE_WINDOW * 2).as_second(),
            key: self.key,
        };
        let item = to_item(table, &after)?;
        let put = Put::builder().table_name(table).set_item(Some(item));
        let put = match self.version {
            0 => put
                .condition_expression("attribute_not_exists(#key)")
                .expression_attribute_names("#key", "key"),
            version => put
                .condition_expression("#version = :version")
                .expression_attribute_names("#version", "version")
                .expression_attribute_values(":version", AttributeValue::N(version.to_string())),
        };
        write(put.build())
    }

    /// The times that are within the window at `now`.
    fn recent(&self, now: Timestamp) -> Vec<i64> {
        let start = (now - RATE_WINDOW).as_millisecond();
        let instants = self.instants.iter().copied();
        instants.filter(|instant| *instant > start).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn rate(seconds: &[i64]) -> RateItem {
        RateItem {
            instants: seconds.iter().map(|s| at(*s).as_millisecond()).collect(),
            ..RateItem::default()
        }
    }

    #[test]
    fn the_fourth_request_within_a_minute_waits_until_the_first_is_a_minute_old() {
        assert_eq!(rate(&[0, 10, 58]).wait(at(59)), Some(1));
        assert_eq!(rate(&[0, 10, 15]).wait(at(20)), Some(40));
        assert_eq!(rate(&[0, 10, 58]).wait(at(60)), None);
        assert_eq!(rate(&[58, 59]).wait(at(60)), None);
        // Three simultaneous requests, with times from a clock ahead of this one.
        assert_eq!(rate(&[62, 62, 63]).wait(at(60)), Some(60));
    }
}
