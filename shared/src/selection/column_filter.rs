//! Filters on the value of one column.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Range, Search, TimeBound};
use crate::value::Kind;

/// The filter on one column. `T` is the type of time bounds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, bound(deserialize = "T: Deserialize<'de>"))]
pub(super) enum ColumnFilter<T> {
    /// The value is one of these, sorted and unique.
    OneOf(Vec<String>),
    /// The value meets all of these.
    Conditions(Conditions<T>),
}

/// Conditions on a value. Only `not` and `empty: true` are met without a value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, bound(deserialize = "T: Deserialize<'de>"))]
pub(super) struct Conditions<T> {
    /// None of these, sorted and unique.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) not: Vec<String>,
    /// Whether there is no value, null, or an empty text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) empty: Option<bool>,
    /// A text that the value contains, as a search finds it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) contains: Option<Search>,
    /// A text that the value begins with, as a search finds it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) starts_with: Option<Search>,
    /// The least number, inclusive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) min: Option<String>,
    /// The greatest number, inclusive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) max: Option<String>,
    /// The first time or day, inclusive.
    #[serde(default = "none", skip_serializing_if = "Option::is_none")]
    pub(super) from: Option<T>,
    /// The end of the range of times or days, exclusive.
    #[serde(default = "none", skip_serializing_if = "Option::is_none")]
    pub(super) to: Option<T>,
}

fn none<T>() -> Option<T> {
    None
}

/// A bound that does not depend on the time of the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum PinnedBound {
    /// Of a column of times.
    Instant(Timestamp),
    /// Of a column of dates.
    Day(Date),
}

impl<T> Default for ColumnFilter<T> {
    fn default() -> Self {
        Self::OneOf(Vec::new())
    }
}

impl<T> Default for Conditions<T> {
    fn default() -> Self {
        Self {
            not: Vec::new(),
            empty: None,
            contains: None,
            starts_with: None,
            min: None,
            max: None,
            from: None,
            to: None,
        }
    }
}

impl<T> ColumnFilter<T> {
    /// Whether each value that meets the filter is there, and not null.
    pub(super) fn needs_value(&self) -> bool {
        match self {
            Self::OneOf(_) => true,
            Self::Conditions(conditions) => {
                conditions.empty == Some(false)
                    || conditions.contains.is_some()
                    || conditions.starts_with.is_some()
                    || conditions.min.is_some()
                    || conditions.max.is_some()
                    || conditions.from.is_some()
                    || conditions.to.is_some()
            }
        }
    }
}

impl ColumnFilter<TimeBound> {
    /// Resolves the bounds of a column of this kind.
    ///
    /// # Errors
    /// The name of a bound, and what is wrong with it.
    pub(super) fn pin(
        &self,
        kind: Kind,
        now: Timestamp,
        zone: &TimeZone,
    ) -> Result<ColumnFilter<PinnedBound>, (&'static str, String)> {
        let conditions = match self {
            Self::OneOf(values) => return Ok(ColumnFilter::OneOf(values.clone())),
            Self::Conditions(conditions) => conditions,
        };
        let pinned = |name: &'static str, bound: Option<TimeBound>| {
            let pinned = bound.map(|bound| {
                let pinned = match kind {
                    Kind::Date => day(bound, now, zone).map(PinnedBound::Day),
                    _ => bound.resolve(now, zone).map(PinnedBound::Instant),
                };
                pinned.ok_or((name, "must be in the years 0 to 9999".to_owned()))
            });
            pinned.transpose()
        };
        let (from, to) = (
            pinned("from", conditions.from)?,
            pinned("to", conditions.to)?,
        );
        let is_empty = match (from, to) {
            (Some(PinnedBound::Instant(from)), Some(PinnedBound::Instant(to))) => to <= from,
            (Some(PinnedBound::Day(from)), Some(PinnedBound::Day(to))) => to <= from,
            _ => false,
        };
        if is_empty {
            let first = if kind == Kind::Date { "day" } else { "instant" };
            return Err((
                "to",
                format!("must be after `from`; it is the first {first} not in the range"),
            ));
        }
        let conditions = conditions.clone();
        Ok(ColumnFilter::Conditions(Conditions {
            not: conditions.not,
            empty: conditions.empty,
            contains: conditions.contains,
            starts_with: conditions.starts_with,
            min: conditions.min,
            max: conditions.max,
            from,
            to,
        }))
    }
}

impl Conditions<PinnedBound> {
    /// The range of instants.
    pub(super) fn instants(&self) -> Range<Timestamp> {
        let instant = |bound: Option<PinnedBound>| match bound {
            Some(PinnedBound::Instant(instant)) => Some(instant),
            _ => None,
        };
        Range {
            from: instant(self.from),
            to: instant(self.to),
        }
    }

    /// The range of days.
    pub(super) fn days(&self) -> Range<Date> {
        let day = |bound: Option<PinnedBound>| match bound {
            Some(PinnedBound::Day(day)) => Some(day),
            _ => None,
        };
        Range {
            from: day(self.from),
            to: day(self.to),
        }
    }
}

/// The day of a bound, in the request's time zone where it is relative. [`super::parse`] refuses instants for dates.
fn day(bound: TimeBound, now: Timestamp, zone: &TimeZone) -> Option<Date> {
    match bound {
        TimeBound::Day(day) => Some(day),
        TimeBound::DaysAgo(days) => {
            let today = zone.to_datetime(now).date();
            let ago = SignedDuration::from_hours(24 * i64::from(days));
            today.checked_sub(ago).ok().filter(|day| day.year() >= 0)
        }
        TimeBound::Instant(_) | TimeBound::HoursAgo(_) => bound
            .resolve(now, zone)
            .map(|instant| zone.to_datetime(instant).date()),
    }
}
