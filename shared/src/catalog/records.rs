//! Where a type's records are, and what their sort keys say about time.

use std::fmt;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::value::time::{self, Stamp};

/// What holds the records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Engine {
    /// A DynamoDB table or index, read by its partition key.
    Dynamodb,
}

/// Where a type's records are. Every read is bound to the parent: each partition has its id in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordsSpec {
    /// What holds them.
    pub engine: Engine,
    /// The environment variable that holds the table's name.
    pub table: String,
    /// The index to read; without one, the table.
    pub index: Option<String>,
    /// The attribute of the partition key.
    pub partition_key: String,
    /// The attribute of the sort key.
    pub sort_key: String,
    /// What a sort key is made of.
    pub sort_format: SortFormat,
    /// What every record has, by attribute: in one table with others, only such records are of the type.
    pub fixed: Vec<(String, Constant)>,
    /// The table's region, where it is not the function's own.
    pub region: Option<String>,
    /// The role to read it with, where it is in another account: its ARN, or the environment variable that holds it.
    pub role: Option<String>,
    /// How much of them an export reads in a second, in megabytes, so that the host's own requests still find room.
    pub read_mb_per_s: u32,
    pub(super) partitions: Vec<String>,
}

/// A value that does not change from record to record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Constant {
    /// A text.
    Text(String),
    /// A whole number.
    Integer(i64),
    /// True or false.
    Boolean(bool),
}

pub(super) const PARENT: &str = "{parent}";

impl RecordsSpec {
    /// The partition keys under which this parent's records are: one, or several that are read as one.
    pub fn partitions(&self, parent_id: &str) -> Vec<String> {
        self.partitions
            .iter()
            .map(|template| template.replace(PARENT, parent_id))
            .collect()
    }
}

/// What a sort key is made of: the time of the record, then perhaps more after a `#`.
///
/// In a fixed precision and in UTC, the order of keys is the order of time, so a range of time is a range of keys. In a
/// mixed precision it is not (`…29.017Z` sorts before `…29Z`); then a range of time applies to each key's
/// instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SortFormat {
    unit: Option<Unit>,
    more: bool,
}

/// How the time is written.
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

/// As the catalog writes it: `rfc3339_ms#id`.
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
    /// Reads `rfc3339_ms#id`, `rfc3339`, `epoch_s`…, or `id` for keys without a time.
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

    /// The formats there are, for a message.
    pub(super) fn names() -> String {
        let names: Vec<_> = UNITS.iter().map(|(name, _)| *name).collect();
        format!("{} (each also with `#id`) or id", names.join(", "))
    }

    /// The format that any key is of, by which all of a partition is read.
    pub const ANY: Self = Self {
        unit: None,
        more: true,
    };

    /// Whether the order of keys is the order of time, so that [`SortFormat::bound`] may be a condition on the key.
    pub fn is_ordered_by_time(&self) -> bool {
        match self.unit {
            Some(Unit::Fixed(_)) => true,
            // As a number; as text, the count of digits would have to be the same.
            Some(Unit::EpochSeconds | Unit::EpochMilliseconds) => !self.more,
            Some(Unit::Mixed) | None => false,
        }
    }

    /// Whether a key has no time in it.
    pub fn is_id(&self) -> bool {
        self.unit.is_none()
    }

    /// Whether the key is a number attribute: a time since 1970 alone.
    pub fn is_number(&self) -> bool {
        matches!(
            self.unit,
            Some(Unit::EpochSeconds | Unit::EpochMilliseconds)
        ) && !self.more
    }

    /// Whether a key is of this format. Most keys are, and are only looked at: no time is computed.
    #[inline]
    pub fn is_of(&self, key: &str) -> bool {
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
        self.instant_of(key).is_some()
    }

    /// The instant that a key names. `None` where the format has no time in it, or the key is not of this format.
    pub fn instant_of(&self, key: &str) -> Option<Timestamp> {
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

    /// Where an instant lies among the keys: those of records before it sort below this text, those of records at it
    /// or after do not. So it is an exclusive upper bound and an inclusive lower one alike.
    ///
    /// `None` where keys are not in the order of time, or past what the format can say.
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
            assert_eq!(format(name).instant_of(key), expected, "{name} {key}");
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
        /// What makes a range of time a range of keys.
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
            let stored = format.instant_of(&key).unwrap();
            prop_assert_eq!(key < format.bound(bound).unwrap(), stored < bound);
        }
    }
}
