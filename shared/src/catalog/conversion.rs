//! Values that are stored in another form than their column's kind, and values of which only a part is shown.

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

/// What is done with each value of a column before anything else reads it: filters, the search, lists and files see the
/// result. A value of another form than expected stays as it is, so that the file counts it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Conversion {
    /// The form in which the value is stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub form: Option<StoredForm>,
    /// The part of the value that is shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mask: Option<Mask>,
}

/// The form in which a value is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StoredForm {
    /// A text or a number that stands for true, and one that stands for false.
    Booleans(String, String),
    /// A time without an offset, or a date alone, in this time zone.
    LocalTime(#[serde(with = "jiff::fmt::serde::tz::required")] TimeZone),
    /// Bytes, shown in base64 (RFC 4648, section 4).
    Base64,
    /// The 16 bytes of a UUID.
    Uuid,
}

/// The part of a value that is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mask {
    /// The last four characters, of values with more than eight: `****1234`.
    Last4,
    /// The first character of a mail address, and its domain: `a***@example.com`.
    Email,
    /// The first 16 bytes of an HMAC-SHA-256 under the deployment's secret, in hexadecimal digits: the same for the same
    /// value, in every file.
    Hash,
}

impl Conversion {
    /// Whether values stay as they are.
    pub fn is_none(&self) -> bool {
        self.form.is_none() && self.mask.is_none()
    }
}
