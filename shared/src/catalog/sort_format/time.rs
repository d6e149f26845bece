//! The times in sort keys, and the bounds of keys for an instant.

use std::ops::RangeInclusive;

use jiff::civil::Time;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::ksuid;
use super::ulid;
use crate::value::Stored;
use crate::value::time::{self, Stamp};

/// How a key has its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TimeFormat {
    /// RFC 3339 in UTC with this many digits after the seconds.
    Fixed(usize),
    /// The same in lower case, as some libraries write all keys (`2017-10-02t10:56:33z`).
    FixedLower(usize),
    /// RFC 3339 in any precision and offset.
    Mixed,
    EpochSeconds,
    EpochMilliseconds,
    /// `YYYY-MM-DD`, in any time zone.
    Date,
    /// <https://github.com/ulid/spec>, in capitals: 48 bits of milliseconds since 1970, and 80 others.
    Ulid,
    /// The same in lower case.
    UlidLower,
    /// <https://github.com/segmentio/ksuid>: 32 bits of seconds since 2014-05-13T16:53:20Z, and 128 others, in base 62.
    Ksuid,
    /// RFC 9562, section 5.7, in lower case: 48 bits of milliseconds since 1970, and others.
    Uuid7,
}

/// A side of a range of times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// The first instant of the range.
    From,
    /// The first instant after it.
    Until,
}

const FORMATS: [(&str, TimeFormat); 16] = [
    ("rfc3339_s", TimeFormat::Fixed(0)),
    ("rfc3339_ms", TimeFormat::Fixed(3)),
    ("rfc3339_us", TimeFormat::Fixed(6)),
    ("rfc3339_ns", TimeFormat::Fixed(9)),
    ("rfc3339_s_lower", TimeFormat::FixedLower(0)),
    ("rfc3339_ms_lower", TimeFormat::FixedLower(3)),
    ("rfc3339_us_lower", TimeFormat::FixedLower(6)),
    ("rfc3339_ns_lower", TimeFormat::FixedLower(9)),
    ("rfc3339", TimeFormat::Mixed),
    ("epoch_s", TimeFormat::EpochSeconds),
    ("epoch_ms", TimeFormat::EpochMilliseconds),
    ("date", TimeFormat::Date),
    ("ulid", TimeFormat::Ulid),
    ("ulid_lower", TimeFormat::UlidLower),
    ("ksuid", TimeFormat::Ksuid),
    ("uuid7", TimeFormat::Uuid7),
];

/// How far the local time of any zone is before and after UTC, with an hour to spare.
const BEHIND: SignedDuration = SignedDuration::from_hours(13);
const AHEAD: SignedDuration = SignedDuration::from_hours(15);

impl TimeFormat {
    pub(super) fn named(name: &str) -> Option<Self> {
        let found = FORMATS.into_iter().find(|(known, _)| *known == name);
        found.map(|(_, format)| format)
    }

    /// The placeholders of all formats, for an error message.
    pub(super) fn placeholders() -> Vec<String> {
        FORMATS.map(|(name, _)| format!("{{{name}}}")).into()
    }

    /// The length of each such time in bytes; `None` where lengths differ.
    pub(super) fn length(self) -> Option<usize> {
        match self {
            Self::Fixed(digits) | Self::FixedLower(digits) => {
                Some("2017-10-02T10:56:33Z".len() + digits + usize::from(digits > 0))
            }
            Self::Mixed | Self::EpochSeconds | Self::EpochMilliseconds => None,
            Self::Date => Some("2017-10-02".len()),
            Self::Ulid | Self::UlidLower => Some(ulid::LENGTH),
            Self::Ksuid => Some(ksuid::LENGTH),
            Self::Uuid7 => Some(UUID_LENGTH),
        }
    }

    /// Whether a time of this format can contain the character, so that it cannot end one of unknown length.
    pub(super) fn can_contain(self, c: char) -> bool {
        match self {
            Self::EpochSeconds | Self::EpochMilliseconds => c.is_ascii_digit() || c == '-',
            _ => c.is_ascii_digit() || "+-:.TtZz ".contains(c),
        }
    }

    /// Whether texts of this format are in the order of their times.
    pub(super) fn is_ordered_as_text(self) -> bool {
        match self {
            // Digits are in the order of numbers only where all have the same length.
            Self::Mixed | Self::EpochSeconds | Self::EpochMilliseconds => false,
            Self::Fixed(_)
            | Self::FixedLower(_)
            | Self::Date
            | Self::Ulid
            | Self::UlidLower
            | Self::Ksuid
            | Self::Uuid7 => true,
        }
    }

    pub(super) fn is_epoch(self) -> bool {
        matches!(self, Self::EpochSeconds | Self::EpochMilliseconds)
    }

    /// The form of a count since 1970.
    pub(super) fn stored(self) -> Option<Stored> {
        match self {
            Self::EpochSeconds => Some(Stored::EpochS),
            Self::EpochMilliseconds => Some(Stored::EpochMs),
            _ => None,
        }
    }

    /// The first characters that a time of this format has, before the year 10000.
    pub(super) fn first_characters(self) -> RangeInclusive<char> {
        match self {
            Self::Ulid | Self::UlidLower => '0'..='7',
            Self::Ksuid => '0'..='a',
            Self::Uuid7 => '0'..='f',
            _ => '0'..='9',
        }
    }

    /// Whether a text has this format. Computes no instant where that is not needed, since this runs for every record.
    #[inline]
    pub(super) fn matches(self, text: &str) -> bool {
        match self {
            Self::Fixed(_) if self.length() == Some(text.len()) && time::is_shown_in_utc(text) => {
                true
            }
            _ => self.instant(text).is_some(),
        }
    }

    /// The instant of a text of this format: for a unit such as a second or a day, its first in UTC.
    pub(super) fn instant(self, text: &str) -> Option<Timestamp> {
        match self {
            Self::EpochSeconds => time::epoch_seconds(text),
            Self::EpochMilliseconds => time::epoch_milliseconds(text),
            Self::Mixed => Some(Stamp::parse(text)?.instant),
            Self::Fixed(digits) => {
                let stamp = Stamp::parse(text)?;
                let is_fixed = stamp.fraction.len() == digits
                    && text.ends_with('Z')
                    && text.as_bytes()[10] == b'T';
                is_fixed.then_some(stamp.instant)
            }
            Self::FixedLower(digits) => of_lower_case(Self::Fixed(digits), text),
            Self::UlidLower => of_lower_case(Self::Ulid, text),
            Self::Date => {
                let midnight = time::parse_date(text)?.to_datetime(Time::midnight());
                TimeZone::UTC.to_timestamp(midnight).ok()
            }
            Self::Ulid => from_milliseconds(ulid::milliseconds(text)?),
            Self::Ksuid => ksuid::instant(text),
            Self::Uuid7 => from_milliseconds(uuid7_milliseconds(text)?),
        }
    }

    /// The first instant of a range that begins at `instant` or, for [`Side::Until`], of what follows a range that ends
    /// there, in the units of this format: a record created within a range has a key within the rounded range. `None` past the last `Timestamp` (in
    /// the year 9999).
    pub(super) fn rounded(self, instant: Timestamp, side: Side) -> Option<Timestamp> {
        let unit = match self {
            Self::Mixed => return Some(instant),
            Self::Fixed(digits) | Self::FixedLower(digits) => {
                SignedDuration::from_nanos(10_i64.pow(9 - digits as u32))
            }
            Self::EpochSeconds | Self::Ksuid => SignedDuration::from_secs(1),
            Self::EpochMilliseconds | Self::Ulid | Self::UlidLower | Self::Uuid7 => {
                SignedDuration::from_millis(1)
            }
            Self::Date => SignedDuration::from_hours(24),
        };
        let instant = match (self, side) {
            (Self::Date, Side::From) => instant.checked_sub(BEHIND).ok()?,
            (Self::Date, Side::Until) => instant.checked_add(AHEAD).ok()?,
            _ => instant,
        };
        match side {
            Side::From => time::round_down(instant, unit),
            Side::Until => time::round_up(instant, unit),
        }
    }

    /// The text that divides times of this format at an instant, which is a whole unit: those of earlier instants sort
    /// below it, all others do not. `None` for an instant that the format cannot express.
    pub(super) fn bound(self, instant: Timestamp) -> Option<String> {
        match self {
            Self::Mixed => None,
            Self::EpochSeconds => Some(instant.as_second().to_string()),
            Self::EpochMilliseconds => Some(instant.as_millisecond().to_string()),
            Self::Fixed(digits) => {
                let nanoseconds = format!("{:09}", instant.subsec_nanosecond());
                let stamp = Stamp {
                    instant,
                    fraction: nanoseconds[..digits].to_owned().into(),
                    verbatim: None,
                };
                let mut text = String::new();
                stamp.write(&TimeZone::UTC, &mut text);
                Some(text)
            }
            Self::FixedLower(digits) => Self::Fixed(digits).bound(instant).map(lower_case),
            Self::UlidLower => Self::Ulid.bound(instant).map(lower_case),
            Self::Date => Some(TimeZone::UTC.to_datetime(instant).date().to_string()),
            Self::Ulid => ulid::bound(milliseconds(instant)?),
            Self::Ksuid => ksuid::bound(instant),
            Self::Uuid7 => {
                let milliseconds = milliseconds(instant).filter(|ms| *ms < 1 << 48)?;
                Some(format!(
                    "{:08x}-{:04x}",
                    milliseconds >> 16,
                    milliseconds & 0xffff
                ))
            }
        }
    }
}

/// The instant of a text in lower case, of a format that is in capitals.
fn of_lower_case(capitals: TimeFormat, text: &str) -> Option<Timestamp> {
    let has_capitals = text.bytes().any(|byte| byte.is_ascii_uppercase());
    let instant = || capitals.instant(&text.to_ascii_uppercase());
    (!has_capitals).then(instant).flatten()
}

fn lower_case(mut text: String) -> String {
    text.make_ascii_lowercase();
    text
}

/// Milliseconds since 1970; 0 for an earlier instant, since no key has one.
fn milliseconds(instant: Timestamp) -> Option<u64> {
    u64::try_from(instant.as_millisecond().max(0)).ok()
}

fn from_milliseconds(milliseconds: u64) -> Option<Timestamp> {
    Timestamp::from_millisecond(i64::try_from(milliseconds).ok()?).ok()
}

/// The length of a UUID as text.
const UUID_LENGTH: usize = 36;

fn uuid7_milliseconds(text: &str) -> Option<u64> {
    let bytes: &[u8; UUID_LENGTH] = text.as_bytes().try_into().ok()?;
    let is_digit = |place: usize| match place {
        8 | 13 | 18 | 23 => bytes[place] == b'-',
        // The version and the variant (RFC 9562, section 4).
        14 => bytes[place] == b'7',
        19 => matches!(bytes[place], b'8' | b'9' | b'a' | b'b'),
        _ => matches!(bytes[place], b'0'..=b'9' | b'a'..=b'f'),
    };
    if !(0..UUID_LENGTH).all(is_digit) {
        return None;
    }
    let part = |digits: &str| u64::from_str_radix(digits, 16).ok();
    Some(part(&text[..8])? << 16 | part(&text[9..13])?)
}
