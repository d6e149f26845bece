//! The format of a DynamoDB sort key.

use std::fmt;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::value::time::{self, Stamp};

/// The format of a sort key: the record's time, optionally followed by `#` and more.
///
/// With a fixed precision in UTC, keys are in the order of time, so a time range is a key range. With a mixed precision
/// they are not (`…29.017Z` sorts before `…29Z`); a time range is then compared with the instant of each key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SortFormat {
    unit: Option<Unit>,
    more: bool,
}

/// The format of the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    /// RFC 3339 in UTC with this many digits after the seconds.
    Fixed(usize),
    /// RFC 3339 in any precision and offset.
    Mixed,
    EpochSeconds,
    EpochMilliseconds,
}

const UNITS: [(&str, Unit); 7] = [
    ("rfc3339_s", Unit::Fixed(0)),
    ("rfc3339_ms", Unit::Fixed(3)),
    ("rfc3339_us", Unit::Fixed(6)),
    ("rfc3339_ns", Unit::Fixed(9)),
    ("rfc3339", Unit::Mixed),
    ("epoch_s", Unit::EpochSeconds),
    ("epoch_ms", Unit::EpochMilliseconds),
];

/// The catalog's name of the format: `rfc3339_ms#id`.
impl fmt::Display for SortFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = UNITS.iter().find(|(_, unit)| Some(*unit) == self.unit);
        match unit {
            None => f.write_str("id"),
            Some((name, _)) if self.more => write!(f, "{name}#id"),
            Some((name, _)) => f.write_str(name),
        }
    }
}

impl From<SortFormat> for String {
    fn from(format: SortFormat) -> Self {
        format.to_string()
    }
}

impl TryFrom<String> for SortFormat {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text).ok_or_else(|| format!("no such sort_format: {text}"))
    }
}

impl SortFormat {
    /// Parses `rfc3339_ms#id`, `rfc3339`, `epoch_s` and so on, or `id` for keys without a time.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if text == "id" {
            return Some(Self {
                unit: None,
                more: true,
            });
        }
        let (time, more) = match text.split_once('#') {
            None => (text, false),
            Some((time, "id")) => (time, true),
            Some(_) => return None,
        };
        let (_, unit) = UNITS.into_iter().find(|(name, _)| *name == time)?;
        Some(Self {
            unit: Some(unit),
            more,
        })
    }

    /// The list of formats, for an error message.
    pub(super) fn names() -> String {
        let names: Vec<_> = UNITS.iter().map(|(name, _)| *name).collect();
        format!("{} (each also with `#id`) or id", names.join(", "))
    }

    /// The format that every key has. A whole partition is read with it.
    pub const ANY: Self = Self {
        unit: None,
        more: true,
    };

    /// Whether keys are in the order of time, so that [`SortFormat::bound`] can be a condition on the key.
    pub fn is_ordered_by_time(&self) -> bool {
        match self.unit {
            Some(Unit::Fixed(_)) => true,
            // True for numbers. Texts of digits are in numeric order only if all have the same length.
            Some(Unit::EpochSeconds | Unit::EpochMilliseconds) => !self.more,
            Some(Unit::Mixed) | None => false,
        }
    }

    /// Whether keys contain no time.
    pub fn is_id(&self) -> bool {
        self.unit.is_none()
    }

    /// Whether the key is a number attribute: a count since 1970 without anything after it.
    pub fn is_number(&self) -> bool {
        matches!(
            self.unit,
            Some(Unit::EpochSeconds | Unit::EpochMilliseconds)
        ) && !self.more
    }

    /// Whether a key has this format. Computes no instant, since this runs for every record.
    #[inline]
    pub fn matches(&self, key: &str) -> bool {
        if let Some(Unit::Fixed(digits)) = self.unit {
            let length = "2017-10-02T10:56:33Z".len() + digits + usize::from(digits > 0);
            let time = match self.more {
                true if key.as_bytes().get(length) == Some(&b'#') => key.get(..length),
                true => None,
                false => Some(key).filter(|key| key.len() == length),
            };
            if time.is_some_and(time::is_shown_in_utc) {
                return true;
            }
        }
        self.instant(key).is_some()
    }

    /// The instant in a key. `None` where the format has no time, or the key has another format.
    pub fn instant(&self, key: &str) -> Option<Timestamp> {
        let time = match (self.more, key.split_once('#')) {
            (true, Some((time, _))) => time,
            (true, None) => return None,
            (false, _) => key,
        };
        match self.unit? {
            Unit::EpochSeconds => time::epoch_seconds(time),
            Unit::EpochMilliseconds => time::epoch_milliseconds(time),
            Unit::Mixed => Some(Stamp::parse(time)?.instant),
            Unit::Fixed(digits) => {
                let stamp = Stamp::parse(time)?;
                let fixed = stamp.fraction.len() == digits
                    && time.ends_with('Z')
                    && time.as_bytes()[10] == b'T';
                fixed.then_some(stamp.instant)
            }
        }
    }

    /// The key bound for an instant: keys of earlier records sort below this text, all others do not. The bound can
    /// thus be an exclusive upper or an inclusive lower one.
    ///
    /// `None` where keys are not in the order of time, or where the format cannot express the instant.
    pub fn bound(&self, instant: Timestamp) -> Option<String> {
        if !self.is_ordered_by_time() {
            return None;
        }
        match self.unit? {
            Unit::Mixed => None,
            Unit::EpochSeconds => Some(
                time::round_up(instant, SignedDuration::from_secs(1))?
                    .as_second()
                    .to_string(),
            ),
            Unit::EpochMilliseconds => Some(
                time::round_up(instant, SignedDuration::from_millis(1))?
                    .as_millisecond()
                    .to_string(),
            ),
            Unit::Fixed(digits) => {
                let unit = SignedDuration::from_nanos(10_i64.pow(9 - digits as u32));
                let instant = time::round_up(instant, unit)?;
                let nanoseconds = format!("{:09}", instant.subsec_nanosecond());
                let fraction = &nanoseconds[..digits];
                let mut text = String::new();
                Stamp {
                    instant,
                    fraction: fraction.into(),
                    verbatim: None,
                }
                .write(&TimeZone::UTC, &mut text);
                Some(text)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn format(text: &str) -> SortFormat {
        SortFormat::parse(text).unwrap()
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_bound_is_in_the_keys_own_format() {
        let instant = at("2017-10-02T10:56:33.0005Z");
        for (name, bound) in [
            ("rfc3339_s#id", Some("2017-10-02T10:56:34Z")),
            ("rfc3339_ms", Some("2017-10-02T10:56:33.001Z")),
            ("rfc3339_us#id", Some("2017-10-02T10:56:33.000500Z")),
            ("rfc3339_ns", Some("2017-10-02T10:56:33.000500000Z")),
            ("epoch_s", Some("1506941794")),
            ("epoch_ms", Some("1506941793001")),
            ("epoch_ms#id", None),
            ("rfc3339#id", None),
            ("id", None),
        ] {
            assert_eq!(format(name).bound(instant).as_deref(), bound, "{name}");
        }
    }

    #[test]
    fn a_key_names_its_instant_only_in_its_format() {
        let instant = Some(at("2017-10-02T10:56:33Z"));
        for (name, key, expected) in [
            ("rfc3339_s#id", "2017-10-02T10:56:33Z#a#b", instant),
            ("rfc3339_s#id", "2017-10-02T10:56:33Z", None),
            ("rfc3339_s#id", "2017-10-02T10:56:33.017Z#a", None),
            ("rfc3339_s#id", "2017-10-02T10:56:33+00:00#a", None),
            ("rfc3339_s#id", "2017-10-02 10:56:33Z#a", None),
            ("rfc3339_ms", "2017-10-02T10:56:33.000Z", instant),
            ("rfc3339", "2017-10-02T12:56:33.0+02:00", instant),
            ("epoch_s", "1506941793", instant),
            ("epoch_ms#id", "1506941793000#a", instant),
            ("id", "2017-10-02T10:56:33Z", None),
        ] {
            assert_eq!(format(name).instant(key), expected, "{name} {key}");
        }
    }

    #[test]
    fn only_known_formats_are_read() {
        for text in [
            "",
            "#id",
            "rfc3339#",
            "rfc3339#name",
            "rfc3339_ms#id#id",
            "id#rfc3339",
            "iso8601",
        ] {
            assert_eq!(SortFormat::parse(text), None, "{text:?}");
        }
    }

    proptest! {
        /// A time range is therefore a key range.
        #[test]
        fn a_bound_divides_the_keys_as_the_instant_divides_the_records(
            name in prop::sample::select(vec!["rfc3339_s", "rfc3339_ms", "rfc3339_us", "rfc3339_ns"]),
            record in 1_500_000_000_000_000_000_i64..1_500_000_003_000_000_000,
            bound in 1_500_000_000_000_000_000_i64..1_500_000_003_000_000_000,
            id in "[ -~]{0,8}",
        ) {
            let format = format(&format!("{name}#id"));
            let record = Timestamp::from_nanosecond(record.into()).unwrap();
            let bound = Timestamp::from_nanosecond(bound.into()).unwrap();
            let key = format!("{}#{id}", format.bound(record).unwrap());
            let stored = format.instant(&key).unwrap();
            prop_assert_eq!(key < format.bound(bound).unwrap(), stored < bound);
        }
    }
}
