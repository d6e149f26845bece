//! Time bounds in requests: an instant, a day, or a time ago.

use std::fmt;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::{Serialize, Serializer};

use crate::value::time::{Stamp, parse_date};

/// A time bound, which may be relative to the time of the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeBound {
    /// An instant.
    Instant(Timestamp),
    /// The start of a day in the request's time zone.
    Day(Date),
    /// This many days, of 24 hours each, before the request.
    DaysAgo(u32),
    /// This many hours before the request.
    HoursAgo(u32),
}

impl TimeBound {
    /// The accepted forms, for an error message.
    pub const FORMS: &str = "an instant (2017-10-01T00:00:00Z), a date (2017-10-01), or how long ago in days or hours (-30d, -12h)";

    /// Parses one of the [`FORMS`](Self::FORMS).
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(ago) = text.strip_prefix('-') {
            let unit = ago.chars().next_back()?;
            let count = ago
                .strip_suffix(unit)
                .filter(|n| n.bytes().all(|b| b.is_ascii_digit()))?;
            let count: u32 = count.parse().ok()?;
            return match unit {
                'd' => Some(Self::DaysAgo(count)),
                'h' => Some(Self::HoursAgo(count)),
                _ => None,
            };
        }
        if let Some(day) = parse_date(text) {
            return Some(Self::Day(day));
        }
        Stamp::parse(text).map(|stamp| Self::Instant(stamp.instant))
    }

    /// Resolves the bound to an instant. `None` outside the years 0 to 9999. A day at the end of that range, such as
    /// 9999-12-31, is the last instant there is.
    pub fn resolve(self, now: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let instant = match self {
            Self::Instant(instant) => instant,
            Self::Day(day) => {
                let begin = zone.to_zoned(day.to_datetime(jiff::civil::Time::midnight()));
                match begin {
                    Ok(begin) => begin.timestamp(),
                    Err(_) if day.year() == 9999 => Timestamp::MAX,
                    Err(_) => return None,
                }
            }
            Self::DaysAgo(days) => hours_before(now, 24 * i64::from(days))?,
            Self::HoursAgo(hours) => hours_before(now, hours.into())?,
        };
        // RFC 3339 has no form for years before 0.
        (TimeZone::UTC.to_datetime(instant).year() >= 0).then_some(instant)
    }
}

fn hours_before(now: Timestamp, hours: i64) -> Option<Timestamp> {
    now.checked_sub(SignedDuration::from_hours(hours)).ok()
}

impl fmt::Display for TimeBound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Instant(instant) => instant.fmt(f),
            Self::Day(day) => day.fmt(f),
            Self::DaysAgo(days) => write!(f, "-{days}d"),
            Self::HoursAgo(hours) => write!(f, "-{hours}h"),
        }
    }
}

impl Serialize for TimeBound {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pinned(text: &str, zone: &str) -> Option<String> {
        let now = "2026-11-21T12:01:02Z".parse().unwrap();
        let zone = TimeZone::get(zone).unwrap();
        TimeBound::parse(text)?
            .resolve(now, &zone)
            .map(|instant| instant.to_string())
    }

    #[test]
    fn every_form_is_resolved() {
        for (text, zone, instant) in [
            ("2017-10-01T02:00:00+02:00", "UTC", "2017-10-01T00:00:00Z"),
            ("2017-10-01", "UTC", "2017-10-01T00:00:00Z"),
            ("2017-10-01", "America/Sao_Paulo", "2017-10-01T03:00:00Z"),
            // Daylight saving time began at midnight, so the day began at 01:00.
            ("2017-10-15", "America/Sao_Paulo", "2017-10-15T03:00:00Z"),
            ("9999-12-31", "UTC", "9999-12-30T22:00:00.999999999Z"),
            ("9999-12-31", "Asia/Tokyo", "9999-12-30T15:00:00Z"),
            (
                "9999-12-31T23:59:59Z",
                "UTC",
                "9999-12-30T22:00:00.999999999Z",
            ),
            ("-30d", "UTC", "2026-10-22T12:01:02Z"),
            ("-12h", "Asia/Tokyo", "2026-11-21T00:01:02Z"),
            ("-0d", "UTC", "2026-11-21T12:01:02Z"),
        ] {
            assert_eq!(pinned(text, zone).as_deref(), Some(instant), "{text}");
        }
    }

    #[test]
    fn invalid_time_bounds_are_refused() {
        for text in [
            "",
            "-",
            "-d",
            "30d",
            "-30",
            "-30m",
            "--30d",
            "-3.5d",
            "-+3d",
            "-3 d",
            "-99999999999d",
            "yesterday",
            "2017-10",
            "2017-10-01T00:00:00",
            "1506816000",
            "-30é",
        ] {
            assert_eq!(TimeBound::parse(text), None, "{text:?}");
        }
        for text in ["-1000000d", "-4294967295h"] {
            assert_eq!(pinned(text, "UTC"), None, "{text:?}");
        }
    }
}
