//! Values in PostgreSQL's binary format as text, without loss of a digit.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::records::sql::{Form, Malformed, bytes, float, json, text};

/// How a column's binary values are decoded. Values of all other types are sent as text or JSON by the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decoder {
    Bool,
    Int2,
    Int4,
    Int8,
    Float4,
    Float8,
    Numeric,
    Text,
    /// A `char(n)`, which PostgreSQL pads with blanks that mean nothing.
    PaddedText,
    /// A `json` or, after a byte with its version, a `jsonb`.
    Json,
    Jsonb,
    Uuid,
    /// A `bytea`, as base64.
    Bytes,
    Date,
    /// A time without a zone, taken to be in UTC where the catalog names no zone.
    Timestamp,
    TimestampTz,
}

impl Decoder {
    /// Appends the value's text, and returns its form. The text of a [`Form::Text`] may be no UTF-8.
    ///
    /// # Errors
    /// [`Malformed`] for bytes that are not of this type.
    #[inline]
    pub(super) fn decode(self, raw: &[u8], out: &mut Vec<u8>) -> Result<Form, Malformed> {
        match self {
            Self::Bool => match raw {
                [0] => Ok(Form::False),
                [1] => Ok(Form::True),
                _ => Err(Malformed),
            },
            Self::Int2 => Ok(integer(i16::from_be_bytes(array(raw)?).into(), out)),
            Self::Int4 => Ok(integer(i32::from_be_bytes(array(raw)?).into(), out)),
            Self::Int8 => Ok(integer(i64::from_be_bytes(array(raw)?), out)),
            Self::Float4 => {
                let number = f32::from_be_bytes(array(raw)?);
                Ok(float(zmij::Buffer::new().format(number), out))
            }
            Self::Float8 => {
                let number = f64::from_be_bytes(array(raw)?);
                Ok(float(zmij::Buffer::new().format(number), out))
            }
            Self::Numeric => numeric(raw, out),
            Self::Text => Ok(text(raw, out)),
            Self::PaddedText => {
                let end = raw.iter().rposition(|byte| *byte != b' ');
                Ok(text(&raw[..end.map_or(0, |last| last + 1)], out))
            }
            Self::Json => json(raw, out),
            Self::Jsonb => match raw {
                [1, json_text @ ..] => json(json_text, out),
                _ => Err(Malformed),
            },
            Self::Uuid => {
                let uuid = uuid::Uuid::from_bytes(array(raw)?);
                let mut digits = uuid::Uuid::encode_buffer();
                out.extend_from_slice(uuid.hyphenated().encode_lower(&mut digits).as_bytes());
                Ok(Form::Text)
            }
            Self::Bytes => Ok(bytes(raw, out)),
            Self::Date => Ok(date(i32::from_be_bytes(array(raw)?), out)),
            Self::Timestamp | Self::TimestampTz => {
                Ok(timestamp(i64::from_be_bytes(array(raw)?), out))
            }
        }
    }
}

fn array<const N: usize>(raw: &[u8]) -> Result<[u8; N], Malformed> {
    raw.try_into().map_err(|_| Malformed)
}

/// PostgreSQL's digits of a numeric are groups of four.
const GROUP: usize = 4;
/// How many numbers a group has.
const GROUPS: u16 = 10_000;

fn integer(number: i64, out: &mut Vec<u8>) -> Form {
    // Most numbers are short, and digits by groups then need no copy of any length.
    match (
        u16::try_from(number / 10_000),
        u16::try_from(number % 10_000),
    ) {
        (Ok(0), Ok(group)) => push_first(group, out),
        (Ok(first), Ok(group)) if first < GROUPS => {
            push_first(first, out);
            out.extend_from_slice(&digits(group));
        }
        _ => out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes()),
    }
    Form::Number
}

/// Decodes a numeric: the number of groups, the weight of the first group as a power of 10,000, the sign, the number of
/// digits after the point, and the groups.
fn numeric(raw: &[u8], out: &mut Vec<u8>) -> Result<Form, Malformed> {
    let (header, groups) = raw.split_first_chunk::<8>().ok_or(Malformed)?;
    let short = |at: usize| u16::from_be_bytes([header[at], header[at + 1]]);
    let (count, weight) = (usize::from(short(0)), i32::from(short(2) as i16));
    let (sign, scale) = (short(4), usize::from(short(6)));
    match sign {
        0x0000 => {}
        0x4000 => out.push(b'-'),
        0xC000 => return Ok(text(b"NaN", out)),
        0xD000 => return Ok(text(b"Infinity", out)),
        0xF000 => return Ok(text(b"-Infinity", out)),
        _ => return Err(Malformed),
    }
    if groups.len() != count * 2 {
        return Err(Malformed);
    }
    let group = |power: i32| {
        let at = usize::try_from(weight - power).ok();
        let bytes = at.and_then(|at| groups.get(at * 2..at * 2 + 2));
        let group = bytes.map_or(0, |bytes| u16::from_be_bytes([bytes[0], bytes[1]]));
        (group < GROUPS).then_some(group).ok_or(Malformed)
    };
    push_first(group(weight.max(0))?, out);
    for power in (0..weight.max(0)).rev() {
        out.extend_from_slice(&digits(group(power)?));
    }
    if scale > 0 {
        out.push(b'.');
        let end = out.len() + scale;
        for power in (1..).take(scale.div_ceil(GROUP)) {
            out.extend_from_slice(&digits(group(-power)?));
        }
        out.truncate(end);
    }
    Ok(Form::Number)
}

/// The four digits of a group.
fn digits(group: u16) -> [u8; GROUP] {
    let ([a, b], [c, d]) = (two(group / 100), two(group % 100));
    [a, b, c, d]
}

/// The two digits of a number below 100.
fn two(number: u16) -> [u8; 2] {
    [b'0' + (number / 10) as u8, b'0' + (number % 10) as u8]
}

/// Appends a group without zeros at its start.
#[inline]
fn push_first(group: u16, out: &mut Vec<u8>) {
    let [a, b, c, d] = digits(group);
    match group {
        0..10 => out.push(d),
        10..100 => out.extend_from_slice(&[c, d]),
        100..1_000 => out.extend_from_slice(&[b, c, d]),
        _ => out.extend_from_slice(&[a, b, c, d]),
    }
}

/// Days from 1970-01-01 to 2000-01-01, from which PostgreSQL counts.
const EPOCH_DAYS: i64 = 10_957;
const MICROSECONDS_PER_DAY: i64 = 86_400_000_000;

fn date(days: i32, out: &mut Vec<u8>) -> Form {
    match days {
        i32::MAX => out.extend_from_slice(b"infinity"),
        i32::MIN => out.extend_from_slice(b"-infinity"),
        days => {
            let era = push_date(i64::from(days) + EPOCH_DAYS, out);
            out.extend_from_slice(era);
        }
    }
    Form::Text
}

/// An instant in UTC as RFC 3339, with its fraction of a second where it has one. Years outside of 1 to 9999, which RFC
/// 3339 lacks, are written as PostgreSQL writes them.
fn timestamp(microseconds: i64, out: &mut Vec<u8>) -> Form {
    match microseconds {
        i64::MAX => return text(b"infinity", out),
        i64::MIN => return text(b"-infinity", out),
        _ => {}
    }
    let days = microseconds.div_euclid(MICROSECONDS_PER_DAY);
    let in_day = microseconds.rem_euclid(MICROSECONDS_PER_DAY) as u64;
    let era = push_date(days + EPOCH_DAYS, out);
    let (seconds, fraction) = ((in_day / 1_000_000) as u32, (in_day % 1_000_000) as u32);
    let ([h, hh], [m, mm], [s, ss]) = (
        two((seconds / 3600) as u16),
        two((seconds / 60 % 60) as u16),
        two((seconds % 60) as u16),
    );
    out.extend_from_slice(&[b'T', h, hh, b':', m, mm, b':', s, ss]);
    if fraction > 0 {
        let ([a, b, c, d], [e, f]) = (
            digits((fraction / 100) as u16),
            two((fraction % 100) as u16),
        );
        out.extend_from_slice(&[b'.', a, b, c, d, e, f]);
        while out.pop_if(|digit| *digit == b'0').is_some() {}
    }
    out.push(b'Z');
    out.extend_from_slice(era);
    Form::Text
}

/// A time without a zone in PostgreSQL's binary form, as the instant of that time in `zone`. Of two such instants, the
/// earlier one; a time that the clocks skip is taken by the offset before. Years beyond 9999 and infinities stay.
pub(super) fn zoned(zone: &TimeZone, raw: &[u8]) -> Option<[u8; 8]> {
    let microseconds = i64::from_be_bytes(raw.try_into().ok()?);
    let time = Timestamp::from_microsecond(microseconds.checked_add(EPOCH)?).ok()?;
    let instant = zone.to_timestamp(TimeZone::UTC.to_datetime(time)).ok()?;
    Some((instant.as_microsecond() - EPOCH).to_be_bytes())
}

/// Microseconds from 1970-01-01 to 2000-01-01, from which PostgreSQL counts.
pub(super) const EPOCH: i64 = 946_684_800_000_000;

/// Appends the date of a day since 1970-01-01 in the proleptic Gregorian calendar, and returns what follows the whole value
/// for a year before 1. There is no year 0: it is 1 BC.
fn push_date(days: i64, out: &mut Vec<u8>) -> &'static [u8] {
    // Years begin in March here, so that a leap day ends its year; 400 of them have 146,097 days.
    let days = days + 719_468;
    let (cycle, day) = (days.div_euclid(146_097), days.rem_euclid(146_097) as u32);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 {
        (month + 3, 0)
    } else {
        (month - 9, 1)
    };
    let year = cycle * 400 + i64::from(year) + next;
    let (year, era) = if year > 0 {
        (year, "")
    } else {
        (1 - year, " BC")
    };
    let ([m, mm], [d, dd]) = (two(month as u16), two(day as u16));
    match u16::try_from(year) {
        Ok(year) if year < GROUPS => {
            let [y, yy, yyy, yyyy] = digits(year);
            out.extend_from_slice(&[y, yy, yyy, yyyy, b'-', m, mm, b'-', d, dd]);
        }
        _ => {
            out.extend_from_slice(itoa::Buffer::new().format(year).as_bytes());
            out.extend_from_slice(&[b'-', m, mm, b'-', d, dd]);
        }
    }
    era.as_bytes()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decoded(decoder: Decoder, raw: &[u8]) -> (Form, String) {
        let mut out = Vec::new();
        let form = decoder.decode(raw, &mut out).unwrap();
        (form, String::from_utf8(out).unwrap())
    }

    fn number(text: &str) -> (Form, String) {
        (Form::Number, text.to_owned())
    }

    fn numeric(count: u16, weight: i16, sign: u16, scale: u16, groups: &[u16]) -> (Form, String) {
        let mut raw = Vec::new();
        for short in [count, weight as u16, sign, scale].iter().chain(groups) {
            raw.extend(short.to_be_bytes());
        }
        decoded(Decoder::Numeric, &raw)
    }

    #[test]
    fn a_numeric_keeps_every_digit() {
        assert_eq!(numeric(0, 0, 0, 0, &[]), number("0"));
        assert_eq!(numeric(0, 0, 0, 2, &[]), number("0.00"));
        assert_eq!(numeric(2, 0, 0x4000, 2, &[12, 5000]), number("-12.50"));
        assert_eq!(numeric(1, -1, 0, 4, &[1]), number("0.0001"));
        assert_eq!(numeric(1, -2, 0, 8, &[1]), number("0.00000001"));
        assert_eq!(numeric(1, 2, 0, 0, &[1]), number("100000000"));
        assert_eq!(numeric(2, 1, 0, 1, &[1, 2]), number("10002.0"));
        for (sign, text) in [(0xC000, "NaN"), (0xD000, "Infinity"), (0xF000, "-Infinity")] {
            assert_eq!(numeric(0, 0, sign, 0, &[]), (Form::Text, text.to_owned()));
        }
        let mut out = Vec::new();
        assert_eq!(Decoder::Numeric.decode(&[0; 7], &mut out), Err(Malformed));
        let too_large = [0, 1, 0, 0, 0, 0, 0, 0, 0x27, 0x10];
        assert_eq!(
            Decoder::Numeric.decode(&too_large[..9], &mut out),
            Err(Malformed)
        );
    }

    #[test]
    fn floats_have_their_shortest_digits() {
        for (float, text) in [
            (1.0, "1"),
            (0.1, "0.1"),
            (-2.5, "-2.5"),
            (f64::MAX, "1.7976931348623157e+308"),
        ] {
            assert_eq!(
                decoded(Decoder::Float8, &f64::to_be_bytes(float)),
                number(text)
            );
        }
        assert_eq!(
            decoded(Decoder::Float4, &0.1_f32.to_be_bytes()),
            number("0.1")
        );
        let nan = decoded(Decoder::Float8, &f64::NAN.to_be_bytes());
        assert_eq!(nan, (Form::Text, "NaN".to_owned()));
        let infinite = decoded(Decoder::Float4, &f32::NEG_INFINITY.to_be_bytes());
        assert_eq!(infinite, (Form::Text, "-Infinity".to_owned()));
    }

    #[test]
    fn json_is_compact_and_its_scalars_are_values() {
        let json = |text: &str| decoded(Decoder::Json, text.as_bytes());
        assert_eq!(
            json(r#" {"a": [1, 2.50 ], "b c": "x \" y\\"} "#),
            (Form::Json, r#"{"a":[1,2.50],"b c":"x \" y\\"}"#.to_owned())
        );
        assert_eq!(json(r#""a\u00e9""#), (Form::Text, "aé".to_owned()));
        assert_eq!(json("1.50"), number("1.50"));
        assert_eq!(json("null").0, Form::Null);
        assert_eq!(decoded(Decoder::Jsonb, b"\x01true").0, Form::True);
    }

    #[test]
    fn times_at_the_ends_of_postgresqls_range_are_written_as_postgresql_writes_them() {
        let date = |days: i32| decoded(Decoder::Date, &days.to_be_bytes()).1;
        assert_eq!(date(0), "2000-01-01");
        assert_eq!(date(-730_119), "0001-01-01");
        assert_eq!(date(-730_120), "0001-12-31 BC");
        assert_eq!(date(-2_451_545 + 1), "4714-11-25 BC");
        assert_eq!(date(i32::MAX), "infinity");
        let time = |microseconds: i64| decoded(Decoder::Timestamp, &microseconds.to_be_bytes()).1;
        assert_eq!(time(500_000), "2000-01-01T00:00:00.5Z");
        assert_eq!(time(-1), "1999-12-31T23:59:59.999999Z");
        assert_eq!(
            time(9_223_371_331_199_999_999),
            "294276-12-31T23:59:59.999999Z"
        );
        assert_eq!(time(i64::MIN), "-infinity");
    }

    #[test]
    fn blanks_after_a_padded_text_are_left_out() {
        assert_eq!(
            decoded(Decoder::PaddedText, b" a  "),
            (Form::Text, " a".to_owned())
        );
        assert_eq!(
            decoded(Decoder::Text, b" a  "),
            (Form::Text, " a  ".to_owned())
        );
    }

    proptest! {
        #[test]
        fn an_integer_keeps_its_digits(number in prop_oneof![any::<i64>(), -20_000_i64..200_000_000, Just(0)], zeros in 0_u32..9) {
            for number in [number, 10_i64.pow(zeros), 10_i64.pow(zeros) - 1] {
                prop_assert_eq!(decoded(Decoder::Int8, &number.to_be_bytes()).1, number.to_string());
            }
        }

        #[test]
        fn dates_are_those_of_the_calendar(days in -730_000_i32..2_900_000) {
            let date = jiff::civil::date(2000, 1, 1) + jiff::SignedDuration::from_hours(24 * i64::from(days));
            prop_assert_eq!(decoded(Decoder::Date, &days.to_be_bytes()).1, date.to_string());
        }

        #[test]
        fn any_bytes_are_decoded_or_refused(raw in prop::collection::vec(any::<u8>(), 0..24)) {
            let mut out = Vec::new();
            for decoder in [Decoder::Bool, Decoder::Numeric, Decoder::Json, Decoder::Jsonb, Decoder::Uuid, Decoder::Date, Decoder::Timestamp, Decoder::PaddedText] {
                let _ = decoder.decode(&raw, &mut out);
            }
        }
    }
}
