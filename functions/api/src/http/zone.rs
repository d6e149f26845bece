//! Time zones in requests.

use jiff::tz::TimeZone;
use waybill::field_error::FieldError;

use super::query::Pairs;

/// The valid form, for an error message.
pub(crate) const FORM: &str = "must be the IANA name of a time zone, such as Europe/Lisbon";

/// The time zone with this name, ignoring case, and its name in canonical case.
pub(crate) fn named(name: &str) -> Option<(TimeZone, String)> {
    let zone = TimeZone::get(name).ok()?;
    let name = zone.iana_name().filter(|_| !zone.is_unknown())?.to_owned();
    Some((zone, name))
}

/// The time zone of a query string whose pairs are all its parameter `name`, and its name.
///
/// # Errors
/// When the parameter is repeated, or names no time zone.
pub(crate) fn of_query(pairs: &Pairs, name: &str) -> Result<(TimeZone, String), FieldError> {
    let mut names = pairs.iter().map(|(_, zone)| zone);
    match (names.next(), names.next()) {
        (None, _) => Ok(default()),
        (Some(zone), None) => named(zone).ok_or_else(|| FieldError::new(name, FORM)),
        (Some(_), Some(_)) => Err(FieldError::new(name, "must not be repeated")),
    }
}

/// The time zone of a request without one: UTC.
pub(crate) fn default() -> (TimeZone, String) {
    (TimeZone::UTC, "UTC".to_owned())
}
