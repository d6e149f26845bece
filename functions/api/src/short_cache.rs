//! A cache in the memory of an instance, for what may be 30 s old.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};

/// How long an entry is valid.
pub(crate) const VALIDITY: SignedDuration = SignedDuration::from_secs(30);
/// The maximum number of entries, a few MB.
const MAX_ENTRIES: usize = 10_000;

/// The entries by a digest of what they are about.
///
/// Uses the wall clock, since a monotonic clock may stop while Lambda has frozen the process.
pub(crate) struct ShortCache<V>(Mutex<HashMap<[u8; 32], (Timestamp, V)>>);

impl<V> Default for ShortCache<V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<V: Clone> ShortCache<V> {
    /// The entry, if it is valid.
    pub(crate) fn get(&self, key: &[u8; 32], now: Timestamp) -> Option<V> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, value) = kept.get(key)?;
        is_fresh(*at, now).then(|| value.clone())
    }

    /// Keeps an entry, which is of `now`.
    pub(crate) fn keep(&self, key: [u8; 32], value: V, now: Timestamp) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= MAX_ENTRIES {
            kept.retain(|_, (at, _)| is_fresh(*at, now));
        }
        if kept.len() >= MAX_ENTRIES {
            tracing::warn!(entries = MAX_ENTRIES, "cache is full and was cleared");
            kept.clear();
        }
        kept.insert(key, (now, value));
    }

    /// Removes an entry.
    pub(crate) fn forget(&self, key: &[u8; 32]) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.remove(key);
    }
}

/// Whether an entry of the time `at` is still valid. A time in the future comes from a clock that was corrected since,
/// and is not.
fn is_fresh(at: Timestamp, now: Timestamp) -> bool {
    (SignedDuration::ZERO..VALIDITY).contains(&now.duration_since(at))
}

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    use super::*;

    #[test]
    fn an_entry_is_valid_for_30_seconds() {
        let now: Timestamp = "2026-11-21T12:00:00Z".parse().unwrap();
        let cache = ShortCache::default();
        cache.keep([1; 32], true, now);
        cache.keep([2; 32], false, now);
        let after = |milliseconds| now + SignedDuration::from_millis(milliseconds);
        assert_eq!(cache.get(&[1; 32], after(29_999)), Some(true));
        assert_eq!(cache.get(&[2; 32], after(29_999)), Some(false));
        assert_eq!(cache.get(&[1; 32], after(30_000)), None);
        assert_eq!(cache.get(&[1; 32], after(-1)), None);
        assert_eq!(cache.get(&[3; 32], now), None);
        cache.forget(&[1; 32]);
        assert_eq!(cache.get(&[1; 32], now), None);
    }

    #[test]
    fn the_number_of_entries_is_limited() {
        let now: Timestamp = "2026-11-21T12:00:00Z".parse().unwrap();
        let cache = ShortCache::default();
        let key = |number: usize| Sha256::digest(number.to_string()).into();
        for number in 0..MAX_ENTRIES {
            cache.keep(
                key(number),
                true,
                now + SignedDuration::from_millis(number as i64 / 1000),
            );
        }
        // Expired entries are removed first; if none is expired, all are.
        cache.keep([0; 32], true, now + VALIDITY);
        assert_eq!(cache.get(&key(999), now), None);
        assert_eq!(cache.get(&key(MAX_ENTRIES - 1), now + VALIDITY), Some(true));
        for number in 0..MAX_ENTRIES {
            cache.keep(key(number), true, now + VALIDITY);
        }
        assert!(cache.0.lock().unwrap().len() <= MAX_ENTRIES);
        assert_eq!(cache.get(&key(MAX_ENTRIES - 1), now + VALIDITY), Some(true));
    }
}
