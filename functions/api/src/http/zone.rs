//! Time zones as requests name them.

use jiff::tz::TimeZone;

/// What a time zone must be, for a message.
pub(crate) const FORM: &str = "must be the IANA name of a time zone, such as Europe/Lisbon";

/// The zone of this name, in any spelling of upper and lower case, and its name in the usual spelling.
pub(crate) fn named(name: &str) -> Option<(TimeZone, String)> {
    let zone = TimeZone::get(name).ok()?;
    let name = zone.iana_name().filter(|_| !zone.is_unknown())?.to_owned();
    Some((zone, name))
}

/// The zone of a request that names none.
pub(crate) fn default() -> (TimeZone, String) {
    (TimeZone::UTC, "UTC".to_owned())
}
