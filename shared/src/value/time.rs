//! Dates and timestamps as records hold them: RFC 3339 text, `YYYY-MM-DD`, or a count since 1970.

use std::borrow::Cow;
use std::fmt::Write;

use jiff::civil::{Date, DateTime};
use jiff::tz::{Offset, TimeZone};
use jiff::{SignedDuration, Timestamp};

/// A stored instant, with all digits of its fraction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp<'a> {
    /// The instant, to the nanosecond. The last `Timestamp` there is (in the year 9999) for a later one.
    pub instant: Timestamp,
    /// The digits after the decimal point of the seconds; empty without one.
    pub fraction: Cow<'a, str>,
    /// The stored text of an instant that has no form in UTC or no `Timestamp`: in the first hours of the year 0 or the
    /// last of 9999. It is shown as it is stored.
    pub verbatim: Option<&'a str>,
}

impl<'a> Stamp<'a> {
    /// Parses RFC 3339 (section 5.6): a date, `T`, a time and an offset. A text without an offset is no instant, since
    /// its time zone is unknown.
    pub fn parse(text: &'a str) -> Option<Self> {
        if !text.is_ascii() || text.len() < "2017-10-02T10:56:33Z".len() {
            return None;
        }
        let (day, rest) = text.split_at(10);
        let (clock, rest) = rest.split_at(9);
        let clock = clock.as_bytes();
        if !matches!(clock[0], b'T' | b't' | b' ') || clock[3] != b':' || clock[6] != b':' {
            return None;
        }
        let time = jiff::civil::Time::new(
            two_digits(clock[1], clock[2])?,
            two_digits(clock[4], clock[5])?,
            two_digits(clock[7], clock[8])?,
            0,
        )
        .ok()?;
        let (fraction, offset) = match rest.strip_prefix('.') {
            None => ("", rest),
            Some(rest) => {
                let end = rest
                    .find(|c: char| !c.is_ascii_digit())
                    .filter(|&end| end > 0)?;
                rest.split_at(end)
            }
        };
        let local = DateTime::from_parts(parse_date(day)?, time);
        let seconds = match TimeZone::UTC.to_timestamp(local) {
            Ok(timestamp) => timestamp.as_second(),
            // The last `Timestamp` is 26 hours before the end of the year 9999.
            Err(_) => local
                .duration_since(DateTime::constant(1970, 1, 1, 0, 0, 0, 0))
                .as_secs(),
        };
        let seconds = seconds - offset_seconds(offset)?;
        let instant = Timestamp::new(seconds, nanoseconds(fraction)).ok();
        let is_shown = instant.is_some_and(|instant| Offset::UTC.to_datetime(instant).year() >= 0);
        Some(Self {
            instant: instant.unwrap_or(Timestamp::MAX),
            fraction: Cow::Borrowed(fraction),
            verbatim: (!is_shown).then_some(text),
        })
    }

    /// The instant this many seconds after 1970-01-01T00:00:00Z, where the text is a number, with at most 9 decimals.
    pub fn from_epoch_seconds(text: &str) -> Option<Self> {
        Self::from_epoch(text, 0)
    }

    /// The instant this many milliseconds after 1970-01-01T00:00:00Z, where the text is a number, with at most 6 decimals.
    pub fn from_epoch_milliseconds(text: &str) -> Option<Self> {
        Self::from_epoch(text, 3)
    }

    /// The instant of a number of units since 1970, of which each second has ten to the power of `digits`.
    fn from_epoch(text: &str, digits: usize) -> Option<Self> {
        let instant = epoch(text, digits)?;
        let decimals = text
            .split_once('.')
            .map_or(0, |(_, decimals)| decimals.len());
        let nanoseconds = instant.as_nanosecond().rem_euclid(1_000_000_000);
        let mut fraction = format!("{nanoseconds:09}");
        fraction.truncate(digits + decimals);
        Some(Self {
            instant,
            fraction: Cow::Owned(fraction),
            verbatim: None,
        })
    }

    /// Appends the instant as RFC 3339 in this time zone, with the stored fraction: `…Z` in UTC, else an offset such as
    /// `-03:00`.
    pub fn write(&self, zone: &TimeZone, out: &mut String) {
        if let Some(text) = self.verbatim {
            out.push_str(text);
            return;
        }
        // RFC 3339 offsets have no seconds, but time zones did before standard time (São Paulo: -03:06:28). The local
        // time is computed from the written offset, so that the text is still the same instant.
        let minutes = zone.to_offset(self.instant).seconds() / 60;
        let local = self.local(minutes * 60);
        if local.year() < 0 {
            // RFC 3339 has no such year.
            return self.write(&TimeZone::UTC, out);
        }
        let (date, time) = (local.date(), local.time());
        // Writing to a String cannot fail.
        let _ = write!(
            out,
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}",
            date.year(),
            date.month(),
            date.day(),
            time.hour(),
            time.minute(),
            time.second(),
        );
        if !self.fraction.is_empty() {
            out.push('.');
            out.push_str(&self.fraction);
        }
        if *zone == TimeZone::UTC {
            out.push('Z');
            return;
        }
        let sign = if minutes < 0 { '-' } else { '+' };
        let minutes = minutes.abs();
        let _ = write!(out, "{sign}{:02}:{:02}", minutes / 60, minutes % 60);
    }

    /// The local time at an offset in seconds east of Greenwich.
    fn local(&self, seconds_east: i32) -> DateTime {
        match Offset::from_seconds(seconds_east) {
            Ok(offset) => offset.to_datetime(self.instant),
            // A zone's offset is always in range.
            Err(_) => Offset::UTC.to_datetime(self.instant),
        }
    }
}

/// Whether the text is an instant in exactly the form that [`Stamp::write`] gives in UTC: `2017-10-02T10:56:33.017Z`.
/// False for the year 9999, since not all of it is a valid `Timestamp`.
pub fn is_shown_in_utc(text: &str) -> bool {
    let bytes = text.as_bytes();
    let Some((date_time, fraction)) = bytes.split_first_chunk::<19>() else {
        return false;
    };
    let two = |place: usize| {
        let digits = [date_time[place], date_time[place + 1]].map(|byte| byte.wrapping_sub(b'0'));
        (digits[0] <= 9 && digits[1] <= 9).then(|| digits[0] * 10 + digits[1])
    };
    let separators = [4, 7, 10, 13, 16].map(|place| date_time[place]);
    let (Some(century), Some(year), Some(month), Some(day), Some(hour), Some(minute), Some(second)) =
        (two(0), two(2), two(5), two(8), two(11), two(14), two(17))
    else {
        return false;
    };
    let year = u16::from(century) * 100 + u16::from(year);
    let is_leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        2 => 28 + u8::from(is_leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return false,
    };
    let is_fraction = match fraction {
        b"Z" => true,
        [b'.', digits @ .., b'Z'] => !digits.is_empty() && digits.iter().all(u8::is_ascii_digit),
        _ => false,
    };
    separators == *b"--T::"
        && (1..=days).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60
        && year < 9999
        && is_fraction
}

/// Parses `YYYY-MM-DD`, a date of the proleptic Gregorian calendar in the years 0 to 9999.
pub fn parse_date(text: &str) -> Option<Date> {
    let bytes: &[u8; 10] = text.as_bytes().try_into().ok()?;
    if bytes[4] != b'-' || bytes[7] != b'-' {
        return None;
    }
    let century = i16::from(two_digits(bytes[0], bytes[1])?);
    let year = century * 100 + i16::from(two_digits(bytes[2], bytes[3])?);
    Date::new(
        year,
        two_digits(bytes[5], bytes[6])?,
        two_digits(bytes[8], bytes[9])?,
    )
    .ok()
}

/// The instant this many seconds after 1970-01-01T00:00:00Z, where the text is a number, with at most 9 decimals.
pub fn epoch_seconds(text: &str) -> Option<Timestamp> {
    epoch(text, 0)
}

/// The instant this many milliseconds after 1970-01-01T00:00:00Z, where the text is a number, with at most 6 decimals.
pub fn epoch_milliseconds(text: &str) -> Option<Timestamp> {
    epoch(text, 3)
}

/// The instant of a number of units since 1970, of which each second has ten to the power of `digits`.
fn epoch(text: &str, digits: usize) -> Option<Timestamp> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
    let places = 9 - digits;
    let is_fraction = (1..=places).contains(&decimals.len())
        && decimals.bytes().all(|byte| byte.is_ascii_digit());
    let fraction: i128 = decimals.parse().ok().filter(|_| is_fraction)?;
    let fraction = fraction * 10_i128.pow((places - decimals.len()) as u32);
    let whole = i128::from(whole.parse::<i64>().ok()?) * 10_i128.pow(places as u32);
    let nanoseconds = match text.starts_with('-') {
        true => whole - fraction,
        false => whole + fraction,
    };
    Timestamp::from_nanosecond(nanoseconds).ok()
}

/// Parses a time without an offset, `2017-10-02T10:56:33.017` with `T` or a blank and with or without seconds, as the instant of that time
/// in `zone`. Of two such instants, the earlier one; a time that the clocks skip is taken by the offset before.
pub fn local_stamp<'a>(text: &'a str, zone: &TimeZone) -> Option<Stamp<'a>> {
    let (date_time, fraction) = text
        .split_once('.')
        .map_or((text, None), |(time, fraction)| (time, Some(fraction)));
    let is_fraction =
        |fraction: &str| !fraction.is_empty() && fraction.bytes().all(|byte| byte.is_ascii_digit());
    if fraction.is_some_and(|fraction| !is_fraction(fraction)) {
        return None;
    }
    let seconds = match date_time.len() {
        16 if fraction.is_none() => ":00",
        19 => "",
        _ => return None,
    };
    let in_utc = format!("{date_time}{seconds}Z");
    let stamp = Stamp::parse(&in_utc).filter(|stamp| stamp.verbatim.is_none())?;
    let instant = zone
        .to_timestamp(TimeZone::UTC.to_datetime(stamp.instant))
        .ok()?;
    let fraction = fraction.unwrap_or_default();
    let with_fraction = SignedDuration::from_nanos(nanoseconds(fraction).into());
    Some(Stamp {
        instant: instant.checked_add(with_fraction).ok()?,
        fraction: Cow::Borrowed(fraction),
        verbatim: None,
    })
}

/// Rounds an instant down to a multiple of `unit` since 1970. `None` before the first `Timestamp`.
pub fn round_down(instant: Timestamp, unit: SignedDuration) -> Option<Timestamp> {
    let nanoseconds = instant.as_nanosecond();
    let down = nanoseconds - nanoseconds.rem_euclid(unit.as_nanos());
    Timestamp::from_nanosecond(down).ok()
}

/// Rounds an instant up to a multiple of `unit` since 1970. `None` past the last `Timestamp` (in the year 9999).
pub fn round_up(instant: Timestamp, unit: SignedDuration) -> Option<Timestamp> {
    let unit = unit.as_nanos();
    let nanoseconds = instant.as_nanosecond();
    let up = nanoseconds + (-nanoseconds).rem_euclid(unit);
    Timestamp::from_nanosecond(up).ok()
}

fn two_digits(tens: u8, units: u8) -> Option<i8> {
    let digit = |b: u8| b.is_ascii_digit().then(|| (b - b'0') as i8);
    Some(digit(tens)? * 10 + digit(units)?)
}

fn nanoseconds(fraction: &str) -> i32 {
    fraction
        .bytes()
        .chain(std::iter::repeat(b'0'))
        .take(9)
        .fold(0, |sum, digit| sum * 10 + i32::from(digit - b'0'))
}

/// Parses `Z` or `+hh:mm` into seconds east of Greenwich.
fn offset_seconds(text: &str) -> Option<i64> {
    match text.as_bytes() {
        b"Z" | b"z" => Some(0),
        &[sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => {
            let hours = i64::from(two_digits(h1, h2)?);
            let minutes = i64::from(two_digits(m1, m2)?);
            if hours > 23 || minutes > 59 {
                return None;
            }
            let seconds = hours * 3600 + minutes * 60;
            Some(if sign == b'-' { -seconds } else { seconds })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(text: &str, zone: &str) -> String {
        let zone = TimeZone::get(zone).unwrap();
        let mut out = String::new();
        Stamp::parse(text).unwrap().write(&zone, &mut out);
        out
    }

    #[test]
    fn a_timestamp_moves_to_the_zone_and_keeps_its_fraction() {
        assert_eq!(shown("2017-10-02T10:56:33Z", "UTC"), "2017-10-02T10:56:33Z");
        assert_eq!(
            shown("2017-10-02T10:56:33.120Z", "America/Sao_Paulo"),
            "2017-10-02T07:56:33.120-03:00"
        );
        assert_eq!(
            shown("2017-10-02T10:56:33.123456789012Z", "Asia/Kolkata"),
            "2017-10-02T16:26:33.123456789012+05:30"
        );
        assert_eq!(
            shown("2017-10-02T00:30:00+02:00", "UTC"),
            "2017-10-01T22:30:00Z"
        );
        assert_eq!(
            shown("1969-12-31T23:59:59.9Z", "UTC"),
            "1969-12-31T23:59:59.9Z"
        );
        assert_eq!(
            shown("1900-01-01T12:00:00Z", "America/Sao_Paulo"),
            "1900-01-01T08:54:00-03:06"
        );
    }

    #[test]
    fn a_timestamp_at_the_ends_of_the_years_stays_exact() {
        for text in [
            "9999-12-30T22:00:00.999999999Z",
            "9999-12-30T22:00:01Z",
            "9999-12-31T23:59:59.999Z",
            "9999-12-31T23:59:59-23:59",
            "0000-01-01T00:00:00Z",
            "0000-01-01T00:00:00.5+23:59",
        ] {
            assert_eq!(shown(text, "UTC"), text);
        }
        let zone = "America/Sao_Paulo";
        let last = "9999-12-31T23:59:59Z";
        assert_eq!(shown(last, zone), last);
        assert_eq!(Stamp::parse(last).unwrap().instant, Timestamp::MAX);
        let first = "0000-01-01T00:00:00Z";
        assert_eq!(shown(first, "Asia/Kolkata"), "0000-01-01T05:53:00+05:53");
        assert_eq!(shown(first, zone), first);
    }

    #[test]
    fn a_count_since_1970_is_an_instant() {
        let shown = |stamp: Stamp<'_>| {
            let mut out = String::new();
            stamp.write(&TimeZone::UTC, &mut out);
            out
        };
        assert_eq!(
            shown(Stamp::from_epoch_seconds("1506941793").unwrap()),
            "2017-10-02T10:56:33Z"
        );
        assert_eq!(
            shown(Stamp::from_epoch_milliseconds("1506941793007").unwrap()),
            "2017-10-02T10:56:33.007Z"
        );
        assert_eq!(
            shown(Stamp::from_epoch_milliseconds("-1200").unwrap()),
            "1969-12-31T23:59:58.800Z"
        );
        for (text, instant) in [
            ("1506941793.5", "2017-10-02T10:56:33.5Z"),
            ("1506941793.120", "2017-10-02T10:56:33.120Z"),
            ("-0.25", "1969-12-31T23:59:59.75Z"),
        ] {
            let stamp = Stamp::from_epoch_seconds(text).unwrap();
            assert_eq!(shown(stamp), instant, "{text}");
        }
        let stamp = Stamp::from_epoch_milliseconds("1506941793007.25").unwrap();
        assert_eq!(shown(stamp), "2017-10-02T10:56:33.00725Z");
        for text in [
            "99999999999999999",
            "1.",
            ".5",
            "1.5.5",
            "1.x",
            "1.1234567",
            "1e3",
            "",
        ] {
            assert_eq!(Stamp::from_epoch_milliseconds(text), None, "{text}");
        }
    }

    #[test]
    fn texts_that_are_no_instants_are_refused() {
        for text in [
            "",
            "2017-10-02",
            "2017-10-02T10:56:33",
            "2017-10-02 10:56:33",
            "2017-10-02T10:56Z",
            "2017-10-02T10:56:60Z",
            "2017-02-29T00:00:00Z",
            "2017-10-02T24:00:00Z",
            "2017-10-02T10:56:33.Z",
            "2017-10-02T10:56:33.5",
            "2017-10-02T10:56:33+0200",
            "2017-10-02T10:56:33+24:00",
            "2017-10-02T10:56:33Zz",
            "２017-10-02T10:56:33Z",
            "+017-10-02T10:56:33Z",
        ] {
            assert_eq!(Stamp::parse(text), None, "{text:?}");
        }
        for text in [
            "2017-1-02",
            "2017-13-01",
            "2017-02-30",
            "20171002",
            "2017/10/02",
            "-017-10-02",
        ] {
            assert_eq!(parse_date(text), None, "{text:?}");
        }
    }

    #[test]
    fn rounds_up_to_a_whole_unit() {
        let second = SignedDuration::from_secs(1);
        for (at, up) in [
            ("2017-10-02T10:56:33Z", "2017-10-02T10:56:33Z"),
            ("2017-10-02T10:56:33.000000001Z", "2017-10-02T10:56:34Z"),
            ("1960-01-01T00:00:00.5Z", "1960-01-01T00:00:01Z"),
        ] {
            assert_eq!(
                round_up(at.parse().unwrap(), second),
                Some(up.parse().unwrap())
            );
        }
    }

    proptest! {
        #[test]
        fn a_written_instant_in_utc_is_recognized(
            text in "[0-9]{3}[0-8]-(0[0-9]|1[0-3])-[0-3][0-9]T[0-2][0-9]:[0-6][0-9]:[0-6][0-9](\\.[0-9]{0,11})?Z"
        ) {
            let shown = Stamp::parse(&text).map(|stamp| {
                let mut out = String::new();
                stamp.write(&TimeZone::UTC, &mut out);
                out
            });
            prop_assert_eq!(is_shown_in_utc(&text), shown == Some(text));
        }

        #[test]
        fn a_text_that_is_recognized_is_what_would_be_written(
            text in "2017-10-02T10:56:33(\\.5)?Z", place in 0_usize..20, other in "[0-9TZtz:.+ -]",
        ) {
            let mut changed = text.clone();
            changed.replace_range(place..place + 1, &other);
            if is_shown_in_utc(&changed) {
                let mut out = String::new();
                Stamp::parse(&changed).unwrap().write(&TimeZone::UTC, &mut out);
                prop_assert_eq!(out, changed);
            }
        }

        #[test]
        fn agrees_with_the_library(second in -62_000_000_000_i64..253_000_000_000, nanosecond in 0..1_000_000_000_i32) {
            let instant = Timestamp::new(second, nanosecond).unwrap();
            let text = instant.to_string();
            let stamp = Stamp::parse(&text).unwrap();
            prop_assert_eq!(stamp.instant, instant);
            let mut out = String::new();
            stamp.write(&TimeZone::UTC, &mut out);
            prop_assert_eq!(out, text);
        }

        #[test]
        fn any_text_is_read_without_a_panic(text in "\\PC{0,40}") {
            let _ = Stamp::parse(&text);
            let _ = parse_date(&text);
        }

        #[test]
        fn nearly_a_timestamp_is_read_without_a_panic(text in "[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9:]{8}[.0-9]{0,12}[Zz+:0-9-]{0,6}") {
            if let Some(stamp) = Stamp::parse(&text) {
                let library: Timestamp = text.parse().unwrap();
                prop_assert_eq!(stamp.instant.as_second(), library.as_second());
            }
        }
    }
}
