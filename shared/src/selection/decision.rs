//! Whether a record belongs in a file, and what is in doubt about it.

/// What a record's key says of the record's time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyTime {
    /// The key's time lies before the bound of the request, and within the range that keys were read by.
    WithinBounds,
    /// The key has no time in it.
    None,
    /// The key should have a time in it, and is not of the type's `sort_format`.
    Unreadable,
}

/// Whether a record belongs in the file of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// It does.
    In,
    /// It does not, since its time is out of the range.
    OutOfTime,
    /// It does not: it is of another type, or a filter on something else than its time excludes it.
    Excluded,
    /// It cannot be decided for sure.
    Doubtful {
        /// Where it is put all the same.
        is_in: bool,
        /// Why it cannot be decided.
        doubt: Doubt,
    },
}

/// Why it cannot be decided for sure whether a record belongs in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doubt {
    /// It does not say when it was created.
    Undated,
    /// When it was created is there in a form that cannot be read.
    Created,
    /// Its key is not of the type's `sort_format`.
    Key,
    /// The value in this place of the row should be the same in every record of the type; it reads the same, and is of
    /// another type, such as a boolean in place of a text.
    Fixed(usize),
}

impl Decision {
    /// Whether the record is put into the file.
    pub fn is_in(self) -> bool {
        matches!(self, Self::In | Self::Doubtful { is_in: true, .. })
    }
}
