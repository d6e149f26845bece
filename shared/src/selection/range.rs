//! Ranges of times.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::TimeBound;
use crate::field_error::FieldError;

/// A time range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Range<T> {
    /// The start, inclusive.
    #[serde(default = "none", skip_serializing_if = "Option::is_none")]
    pub from: Option<T>,
    /// The end, exclusive.
    #[serde(default = "none", skip_serializing_if = "Option::is_none")]
    pub to: Option<T>,
}

fn none<T>() -> Option<T> {
    None
}

impl<T> Default for Range<T> {
    fn default() -> Self {
        Self {
            from: None,
            to: None,
        }
    }
}

impl<T> Range<T> {
    /// Whether the range has no bounds.
    pub fn is_empty(&self) -> bool {
        self.from.is_none() && self.to.is_none()
    }
}

impl Range<Timestamp> {
    /// Whether the instant is in the range.
    pub fn contains(&self, instant: Timestamp) -> bool {
        self.from.is_none_or(|from| from <= instant) && self.to.is_none_or(|to| instant < to)
    }
}

impl Range<TimeBound> {
    /// Resolves relative bounds, counted from `now`, and days, which begin at 00:00 in `zone`, into instants.
    ///
    /// # Errors
    /// When a bound is outside the years 0 to 9999, or `to` is not after `from`; `field` is the name of the range.
    pub fn pin(
        &self,
        now: Timestamp,
        zone: &TimeZone,
        field: &str,
    ) -> Result<Range<Timestamp>, FieldError> {
        let bound = |name: &str, bound: Option<TimeBound>| match bound {
            None => Ok(None),
            Some(bound) => bound.resolve(now, zone).map(Some).ok_or_else(|| {
                FieldError::new(format!("{field}.{name}"), "must be in the years 0 to 9999")
            }),
        };
        let (from, to) = (bound("from", self.from)?, bound("to", self.to)?);
        match (from, to) {
            (Some(from), Some(to)) if to <= from => Err(FieldError::new(
                format!("{field}.to"),
                "must be after `from`; it is the first instant not in the range",
            )),
            _ => Ok(Range { from, to }),
        }
    }
}
