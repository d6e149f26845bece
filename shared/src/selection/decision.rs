//! Decisions whether a record belongs in a file.

/// What a record's key tells about its creation time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyTime {
    /// The time in the key is before the request and within the range of keys that was read.
    WithinBounds,
    /// The key does not decide: keys of this type contain no time, or one as coarse as the second or the day of the
    /// request.
    None,
    /// The key should contain a time, but does not have the type's `sort_format`.
    Unreadable,
}

/// Whether a record belongs in the file of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// The record belongs in the file.
    In,
    /// The record does not: its time is outside the range.
    OutOfTime,
    /// The record does not: it is of another type, or excluded by a filter other than the one on its time.
    Excluded,
    /// The decision is in doubt.
    Doubtful {
        /// Whether the record is put into the file.
        is_in: bool,
        /// The reason for the doubt.
        doubt: Doubt,
    },
}

/// Why it is in doubt whether a record belongs in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doubt {
    /// The record has no creation time.
    Undated,
    /// The creation time cannot be parsed.
    Created,
    /// The key does not have the type's `sort_format`.
    Key,
    /// The value at this index of the row should equal a constant of the type. Its text equals the constant, but its
    /// data type differs, such as a boolean instead of a text.
    Fixed(usize),
}

impl Decision {
    /// Whether the record is put into the file.
    pub fn is_in(self) -> bool {
        matches!(self, Self::In | Self::Doubtful { is_in: true, .. })
    }

    /// Whether the record does not say whether it is selected.
    pub fn is_doubtful(self) -> bool {
        matches!(self, Self::Doubtful { .. })
    }
}
