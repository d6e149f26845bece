//! Serial numbers of dates and times (ECMA-376 part 1, section 18.17.4.1, the 1900 date base).

use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::value::time::Stamp;

/// 1970-01-01 as a serial number: days since 1899-12-30, valid after February 1900.
const EPOCH: i64 = 25_569;

/// 1900-01-01 and 1900-03-01 in days since 1899-12-30. The date base counts a nonexistent 29 February 1900 between
/// them.
const FIRST: i64 = 2;
const MARCH: i64 = 61;

const DAY_S: i64 = 86_400;

/// The serial number of a date. `None` before 1900, which a spreadsheet cannot show.
pub(super) fn day(date: Date) -> Option<i64> {
    number(days_since_1970(date))
}

/// The serial number of a local date and time, cut to milliseconds, the precision of a double. `None` before 1900 and in
/// the last hours of the year 9999.
pub(super) fn time(stamp: &Stamp<'_>, zone: &TimeZone) -> Option<f64> {
    if stamp.verbatim.is_some() {
        return None;
    }
    let mut seconds =
        stamp.instant.as_second() + i64::from(zone.to_offset(stamp.instant).seconds());
    let mut nanoseconds = stamp.instant.subsec_nanosecond();
    // Before 1970 both are negative.
    if nanoseconds < 0 {
        seconds -= 1;
        nanoseconds += 1_000_000_000;
    }
    let day = number(seconds.div_euclid(DAY_S))?;
    let milliseconds = seconds.rem_euclid(DAY_S) * 1000 + i64::from(nanoseconds / 1_000_000);
    Some(day as f64 + milliseconds as f64 / (DAY_S * 1000) as f64)
}

fn number(days_since_1970: i64) -> Option<i64> {
    let days = days_since_1970 + EPOCH;
    match days {
        ..FIRST => None,
        FIRST..MARCH => Some(days - 1),
        _ => Some(days),
    }
}

/// Counts days in years that begin in March, so that a leap day is the last of its year; 400 years are 146,097 days.
fn days_since_1970(date: Date) -> i64 {
    let month = (i64::from(date.month()) + 9) % 12;
    let year = i64::from(date.year()) - i64::from(month > 9);
    let (era, year) = (year.div_euclid(400), year.rem_euclid(400));
    let day = (153 * month + 2) / 5 + i64::from(date.day()) - 1;
    era * 146_097 + year * 365 + year / 4 - year / 100 + day - 719_468
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use jiff::{Timestamp, Unit};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn days_have_the_numbers_of_the_1900_date_base() {
        // The examples of ECMA-376, and the days around the nonexistent one.
        for (date, number) in [
            (date(1899, 12, 31), None),
            (date(1900, 1, 1), Some(1)),
            (date(1900, 2, 28), Some(59)),
            (date(1900, 3, 1), Some(61)),
            (date(1976, 2, 1), Some(27791)),
            (date(2024, 2, 29), Some(45351)),
            (date(9999, 12, 31), Some(2_958_465)),
        ] {
            assert_eq!(day(date), number, "{date}");
        }
    }

    proptest! {
        #[test]
        fn days_are_counted_as_the_library_counts_them(days in -719_528..=2_932_896_i64) {
            let epoch = date(1970, 1, 1);
            let date = epoch + jiff::Span::new().days(days);
            prop_assert_eq!(days_since_1970(date), days);
        }

        #[test]
        fn a_time_is_that_of_the_zones_clock(
            second in -2_300_000_000_i64..253_000_000_000,
            nanosecond in 0..1_000_000_000_i32,
            zone in prop::sample::select(vec!["UTC", "America/Sao_Paulo", "Asia/Kolkata", "Europe/Lisbon"]),
        ) {
            let zone = TimeZone::get(zone).unwrap();
            let instant = Timestamp::new(second, nanosecond).unwrap();
            let stamp = Stamp { instant, fraction: "".into(), verbatim: None };
            let local = zone.to_datetime(instant);
            let midnight = local.date().at(0, 0, 0, 0);
            let milliseconds = (local - midnight).total(Unit::Nanosecond).unwrap() as i64 / 1_000_000;
            let expected = day(local.date()).map(|day| day as f64 + milliseconds as f64 / 86_400_000.0);
            prop_assert_eq!(time(&stamp, &zone), expected);
        }
    }
}
