//! Time zones in requests.

use jiff::tz::TimeZone;

/// The valid form, for an error message.
pub(crate) const FORM: &str = "must be the IANA name of a time zone, such as Europe/Lisbon";

/// The time zone with this name, ignoring case, and its name in canonical case.
pub(crate) fn named(name: &str) -> Option<(TimeZone, String)> {
    let zone = TimeZone::get(name).ok()?;
    let name = zone.iana_name().filter(|_| !zone.is_unknown())?.to_owned();
    Some((zone, name))
}

/// The time zone of a request without one: UTC.
pub(crate) fn default() -> (TimeZone, String) {
    (TimeZone::UTC, "UTC".to_owned())
}
