//! The format of a DynamoDB sort key.

mod digits;
mod ksuid;
mod template;
mod time;
mod ulid;

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use self::template::{Piece, Placeholder};
use self::time::{Side, TimeFormat};
use crate::value::Stored;

/// The format of a sort key: literal text and placeholders, such as `ORDER#{rfc3339_ms}#{id}`.
///
/// The literal beginning bounds what is read. Where a time of fixed precision in UTC follows, keys are in the order of time, so that a time
/// range is a key range. With a mixed precision they are not (`…29.017Z` sorts before `…29Z`); a time range is then compared with the
/// instant of each key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SortFormat {
    /// The format as it is written in the catalog.
    text: String,
    /// The literal beginning.
    prefix: String,
    /// The placeholders, each with the literal text after it.
    pieces: Vec<Piece>,
    /// Whether the literal text has a word, which tells the type's records from others in the same partition.
    names_type: bool,
}

/// What the format says of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyForm {
    /// The key has the format.
    Fits,
    /// The key has the format's literal text, but not its placeholders.
    Unreadable,
    /// The key's literal text is that of other records.
    OfAnotherType,
}

/// The format as it is written in the catalog.
impl fmt::Display for SortFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl From<SortFormat> for String {
    fn from(format: SortFormat) -> Self {
        format.text
    }
}

impl TryFrom<String> for SortFormat {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text)
    }
}

impl SortFormat {
    /// Parses a template. Older catalogs have names instead: `rfc3339_ms` for `{rfc3339_ms}`, `rfc3339_ms#id` for
    /// `{rfc3339_ms}#{*}`, and `id` for `{*}`.
    ///
    /// # Errors
    /// What is wrong, and what would be right.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let (prefix, pieces) = template::parse(&template::of_name(text))?;
        let mut literals = pieces.iter().map(|piece| piece.then.as_str());
        let is_word = |literal: &str| literal.contains(char::is_alphanumeric);
        Ok(Self {
            names_type: is_word(&prefix) || literals.any(is_word),
            text: text.to_owned(),
            prefix,
            pieces,
        })
    }

    /// The format that every key has. A whole partition is read with it.
    pub fn any() -> Self {
        Self {
            text: "{*}".to_owned(),
            prefix: String::new(),
            pieces: vec![Piece {
                placeholder: Placeholder::Rest,
                then: String::new(),
                separator: template::SEPARATOR,
            }],
            names_type: false,
        }
    }

    /// The literal text with which all keys begin.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Whether keys are in the order of time, so that [`SortFormat::lower_bound`] and [`SortFormat::upper_bound`] can be
    /// conditions on the key.
    pub fn is_ordered_by_time(&self) -> bool {
        self.is_number() || self.ordered_time().is_some()
    }

    /// The time after the literal beginning, where texts of its format are in the order of time.
    fn ordered_time(&self) -> Option<TimeFormat> {
        let first = self.pieces.first()?.time()?;
        first.is_ordered_as_text().then_some(first)
    }

    /// Whether keys contain a time.
    pub fn has_time(&self) -> bool {
        self.time().is_some()
    }

    fn time(&self) -> Option<TimeFormat> {
        self.pieces.iter().find_map(Piece::time)
    }

    /// Whether the key is a number attribute: a count since 1970 without anything around it.
    pub fn is_number(&self) -> bool {
        self.is_alone() && self.time().is_some_and(TimeFormat::is_epoch)
    }

    /// How the number that is the key has its time; `None` where the key is no such number.
    pub(super) fn stored(&self) -> Option<Stored> {
        let time = self.time().filter(|_| self.is_alone());
        time.and_then(TimeFormat::stored)
    }

    /// Whether the key can be a number attribute.
    pub fn can_be_number(&self) -> bool {
        self.is_alone() && self.time().is_none_or(TimeFormat::is_epoch)
    }

    /// Whether a key is one placeholder, without anything around it.
    fn is_alone(&self) -> bool {
        let [piece] = self.pieces.as_slice() else {
            return false;
        };
        self.prefix.is_empty() && piece.then.is_empty()
    }

    /// The characters with which the part of a key after the prefix can begin: the first, and the first after them.
    /// `None` where it can begin with any.
    pub fn characters_after_prefix(&self) -> Option<(char, char)> {
        let characters = self.ordered_time()?.first_characters();
        let after = char::from_u32(u32::from(*characters.end()) + 1)?;
        Some((*characters.start(), after))
    }

    /// Whether a key has this format.
    #[inline]
    pub fn form(&self, key: &str) -> KeyForm {
        self.read(key, |_, _| ())
    }

    /// The instant in a key. `None` where the format has no time, or the key has another format.
    pub fn instant(&self, key: &str) -> Option<Timestamp> {
        let mut instant = None;
        let form = self.read(key, |format, text| instant = format.instant(text));
        instant.filter(|_| form == KeyForm::Fits)
    }

    /// Whether a record with this key may have been created within a range. False for a key of another format.
    pub fn is_within(&self, key: &str, from: Option<Timestamp>, until: Timestamp) -> bool {
        let (Some(format), Some(instant)) = (self.time(), self.instant(key)) else {
            return false;
        };
        let from = from.and_then(|from| format.rounded(from, Side::From));
        let until = format.rounded(until, Side::Until);
        from.is_none_or(|from| from <= instant) && until.is_none_or(|until| instant < until)
    }

    /// Whether each record with this key was created before `end`, as the key says. False for a key of another format.
    pub fn is_before(&self, key: &str, end: Timestamp) -> bool {
        let (Some(format), Some(instant)) = (self.time(), self.instant(key)) else {
            return false;
        };
        let end = format.rounded(end, Side::From);
        end.is_some_and(|end| instant < end)
    }

    /// Reads a key, and calls `each` with a time in it that has its format.
    #[inline]
    fn read<'k>(&self, key: &'k str, mut each: impl FnMut(TimeFormat, &'k str)) -> KeyForm {
        let other = match self.names_type {
            true => KeyForm::OfAnotherType,
            false => KeyForm::Unreadable,
        };
        let Some(mut rest) = key.strip_prefix(&*self.prefix) else {
            return other;
        };
        let mut form = KeyForm::Fits;
        // A key with more segments, such as `ORDER#7#ITEM#1`, is that of another record, if an id cannot be read so.
        let longer = |piece: &Piece| match piece.separator.is_in_no_id {
            true => other,
            false => KeyForm::Unreadable,
        };
        for piece in &self.pieces {
            let Some((text, after)) = piece.split(rest) else {
                let is_word = piece.then.contains(char::is_alphanumeric);
                return if is_word { other } else { KeyForm::Unreadable };
            };
            rest = after;
            match piece.placeholder {
                Placeholder::Rest => {}
                Placeholder::Id if text.contains(piece.separator.character) => form = longer(piece),
                Placeholder::Id if text.is_empty() => form = KeyForm::Unreadable,
                Placeholder::Id => {}
                Placeholder::Time(format) if format.matches(text) => each(format, text),
                Placeholder::Time(_)
                    if piece.then.is_empty() && text.contains(piece.separator.character) =>
                {
                    form = longer(piece)
                }
                Placeholder::Time(_) => form = KeyForm::Unreadable,
            }
            if form == KeyForm::OfAnotherType {
                return form;
            }
        }
        form
    }

    /// The bound of keys for a range of time that begins at `instant`: keys of records in the range do not sort below this text.
    ///
    /// `None` where keys are not in the order of time, or where the format cannot express the instant.
    pub fn lower_bound(&self, instant: Timestamp) -> Option<String> {
        self.bound(instant, Side::From)
    }

    /// The bound of keys for a range of time that ends at `instant`: keys of records in the range sort below this text.
    ///
    /// `None` as for [`SortFormat::lower_bound`].
    pub fn upper_bound(&self, instant: Timestamp) -> Option<String> {
        self.bound(instant, Side::Until)
    }

    fn bound(&self, instant: Timestamp, side: Side) -> Option<String> {
        let format = match self.is_number() {
            true => self.time(),
            false => self.ordered_time(),
        }?;
        let bound = format.bound(format.rounded(instant, side)?)?;
        Some(format!("{}{bound}", self.prefix))
    }
}

#[cfg(test)]
mod tests;
