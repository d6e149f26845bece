//! Values in the protocol's text format, as text without loss of a digit.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::records::sql::{Form, Malformed, bytes, float, json, text};

/// How the values of an expression are decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decoder {
    /// Digits, as the server writes them.
    Number,
    /// A float of four bytes, as the digits of one of eight bytes: MySQL's own text has six digits.
    Float4,
    Float8,
    Text,
    Json,
    /// Bytes, as base64.
    Bytes,
    /// A time without a zone, taken to be in UTC where the catalog names no zone.
    Datetime,
    /// An instant, which the session shows in UTC.
    Timestamp,
}

impl Decoder {
    /// Appends the value's text, and returns its form. The text of a [`Form::Text`] may be no UTF-8. `zone` is that of times
    /// that have none.
    ///
    /// # Errors
    /// [`Malformed`] for bytes that are not of this type.
    #[inline]
    pub(super) fn decode(
        self,
        raw: &[u8],
        zone: Option<&TimeZone>,
        out: &mut Vec<u8>,
    ) -> Result<Form, Malformed> {
        match (self, zone) {
            (Self::Number, _) => Ok(number(raw, out)),
            (Self::Float4, _) => {
                // The widened digits are exact, so that they are those of one float only.
                let widened: f64 = parsed(raw)?;
                Ok(float(zmij::Buffer::new().format(widened as f32), out))
            }
            (Self::Float8, _) => {
                let number: f64 = parsed(raw)?;
                Ok(float(zmij::Buffer::new().format(number), out))
            }
            (Self::Text, _) => Ok(text(raw, out)),
            (Self::Json, _) => json(raw, out),
            (Self::Bytes, _) => Ok(bytes(raw, out)),
            (Self::Datetime, Some(zone)) => Ok(zoned(raw, zone, out)),
            (Self::Datetime, None) | (Self::Timestamp, _) => Ok(timestamp(raw, out)),
        }
    }
}

fn parsed<T: std::str::FromStr>(raw: &[u8]) -> Result<T, Malformed> {
    let digits = std::str::from_utf8(raw).map_err(|_| Malformed)?;
    digits.parse().map_err(|_| Malformed)
}

/// A number without the zeros in front that `ZEROFILL` shows.
fn number(raw: &[u8], out: &mut Vec<u8>) -> Form {
    let mut digits = raw;
    while let [b'0', rest @ ..] = digits
        && rest.first().is_some_and(u8::is_ascii_digit)
    {
        digits = rest;
    }
    out.extend_from_slice(digits);
    Form::Number
}

/// Where a time's blank, its point and its end are: `2024-05-01 10:00:00.500000`.
const DATE: usize = 10;
const SECONDS: usize = 19;

/// A time in UTC as RFC 3339, with its fraction of a second where it has one. A time with a zero for its year, month or day
/// (`0000-00-00 00:00:00`) is none, and stays as it is.
fn timestamp(raw: &[u8], out: &mut Vec<u8>) -> Form {
    if raw.len() < SECONDS || raw[DATE] != b' ' || is_zero_date(raw) {
        return text(raw, out);
    }
    out.extend_from_slice(&raw[..DATE]);
    out.push(b'T');
    out.extend_from_slice(&raw[DATE + 1..SECONDS]);
    if let [b'.', fraction @ ..] = &raw[SECONDS..]
        && let Some(last) = fraction.iter().rposition(|digit| *digit != b'0')
    {
        out.push(b'.');
        out.extend_from_slice(&fraction[..=last]);
    }
    out.push(b'Z');
    Form::Text
}

fn is_zero_date(raw: &[u8]) -> bool {
    &raw[..4] == b"0000" || &raw[5..7] == b"00" || &raw[8..DATE] == b"00"
}

/// A time without a zone as the instant of that time in `zone`. Of two such instants, the earlier one; a time that the clocks
/// skip is taken by the offset before.
fn zoned(raw: &[u8], zone: &TimeZone, out: &mut Vec<u8>) -> Form {
    let time = std::str::from_utf8(raw).ok();
    let time = time.and_then(|time| time.parse::<DateTime>().ok());
    match time.and_then(|time| zone.to_timestamp(time).ok()) {
        Some(instant) => text(instant.to_string().as_bytes(), out),
        None => text(raw, out),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(decoder: Decoder, raw: &str) -> (Form, String) {
        in_zone(decoder, raw, None)
    }

    fn in_zone(decoder: Decoder, raw: &str, zone: Option<&TimeZone>) -> (Form, String) {
        let mut out = Vec::new();
        let form = decoder.decode(raw.as_bytes(), zone, &mut out).unwrap();
        (form, String::from_utf8(out).unwrap())
    }

    #[test]
    fn numbers_keep_their_digits_and_lose_the_zeros_of_zerofill() {
        for (raw, number) in [
            ("18446744073709551615", "18446744073709551615"),
            ("-0.50", "-0.50"),
            ("00042", "42"),
            ("000.500", "0.500"),
            ("0000", "0"),
        ] {
            assert_eq!(
                decoded(Decoder::Number, raw),
                (Form::Number, number.to_owned())
            );
        }
    }

    #[test]
    fn floats_have_their_shortest_digits() {
        for (decoder, raw, number) in [
            (Decoder::Float4, "0.10000000149011612", "0.1"),
            (Decoder::Float4, "3.4028234663852886e38", "3.4028235e+38"),
            (Decoder::Float8, "0.1", "0.1"),
            (Decoder::Float8, "1e15", "1000000000000000"),
            (Decoder::Float8, "-2.50", "-2.5"),
        ] {
            assert_eq!(decoded(decoder, raw), (Form::Number, number.to_owned()));
        }
        let mut out = Vec::new();
        assert_eq!(Decoder::Float8.decode(b"x", None, &mut out), Err(Malformed));
    }

    #[test]
    fn times_are_rfc_3339_unless_they_are_none() {
        for (raw, time) in [
            ("2024-05-01 10:00:00", "2024-05-01T10:00:00Z"),
            ("2024-05-01 10:00:00.500000", "2024-05-01T10:00:00.5Z"),
            ("2024-05-01 10:00:00.000000", "2024-05-01T10:00:00Z"),
            ("0000-00-00 00:00:00", "0000-00-00 00:00:00"),
            ("2024-00-01 10:00:00", "2024-00-01 10:00:00"),
            ("", ""),
        ] {
            assert_eq!(
                decoded(Decoder::Timestamp, raw),
                (Form::Text, time.to_owned())
            );
        }
    }

    #[test]
    fn a_time_without_a_zone_is_that_of_the_databases_zone() {
        let lisbon = TimeZone::get("Europe/Lisbon").unwrap();
        let text = |raw| in_zone(Decoder::Datetime, raw, Some(&lisbon)).1;
        assert_eq!(text("2024-07-01 10:00:00.25"), "2024-07-01T09:00:00.25Z");
        assert_eq!(text("0000-00-00 00:00:00"), "0000-00-00 00:00:00");
        let instant = in_zone(Decoder::Timestamp, "2024-07-01 10:00:00", Some(&lisbon)).1;
        assert_eq!(instant, "2024-07-01T10:00:00Z");
    }
}
