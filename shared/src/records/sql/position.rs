//! The position of a reader: the last key that was read, and the last key that is to be read.

use std::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD_NO_PAD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::records::RecordsError;

/// The values of a key as the database sends them, in the order of the key's columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::records) struct Key(pub(in crate::records) Vec<Vec<u8>>);

impl Serialize for Key {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|raw| BASE64_STANDARD_NO_PAD.encode(raw)))
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let texts = Vec::<String>::deserialize(deserializer)?;
        let raw = texts.iter().map(|text| BASE64_STANDARD_NO_PAD.decode(text));
        raw.collect::<Result<_, _>>()
            .map(Self)
            .map_err(serde::de::Error::custom)
    }
}

/// Where a reader goes on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Position {
    /// The types of the key's columns, in the engine's numbers: the values are in these types' forms.
    pub(super) types: Vec<u32>,
    /// The last key that was read; none before the first.
    pub(super) after: Option<Key>,
    /// The parent's last key when the first page was read: nothing after it is in the file. None in a list.
    pub(super) last: Option<Key>,
}

impl Position {
    /// A position of a reader of a key with these types.
    ///
    /// # Errors
    /// [`RecordsError::Position`] for any other text, also where a column of the key has changed its type.
    pub(super) fn parse(text: &str, types: &[u32]) -> Result<Self, RecordsError> {
        let position: Self = serde_json::from_str(text).map_err(|_| RecordsError::Position)?;
        let mut keys = position.after.iter().chain(&position.last);
        match position.types == types && keys.all(|key| key.0.len() == types.len()) {
            true => Ok(position),
            false => Err(RecordsError::Position),
        }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(self).map_err(|_| fmt::Error)?)
    }
}
