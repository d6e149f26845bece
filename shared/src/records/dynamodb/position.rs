//! Positions in a partition, from which reading resumes.

use serde_json::{Value, json};

use super::key::{self, Key};
use super::{RecordsError, Row};

/// Where reading a partition resumes.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct ResumePosition {
    /// The number of segments that are read completely.
    pub(super) segment: usize,
    /// The key after which to read the current segment; `None` for its beginning.
    pub(super) start: Option<Key>,
    /// The last record after `start` that was taken. The page is read again from `start`, and its records up to this
    /// one are dropped, so that examined records are counted by whole pages.
    pub(super) after: Option<Key>,
}

impl ResumePosition {
    pub(super) fn to_json(&self) -> Value {
        json!({
            "segment": self.segment,
            "start": self.start.as_ref().map(key::to_json),
            "after": self.after.as_ref().map(key::to_json),
        })
    }

    pub(super) fn from_json(json: &Value) -> Result<Self, RecordsError> {
        let key = |name: &str| match json.get(name) {
            None => Err(RecordsError::Position),
            Some(Value::Null) => Ok(None),
            Some(key) => key::from_json(key).map(Some),
        };
        let segment = json["segment"].as_u64().ok_or(RecordsError::Position)?;
        Ok(Self {
            segment: usize::try_from(segment).map_err(|_| RecordsError::Position)?,
            start: key("start")?,
            after: key("after")?,
        })
    }

    /// The names of the key's attributes, if the position has a key.
    pub(super) fn key_names(&self) -> impl Iterator<Item = &String> {
        let known = self.after.as_ref().or(self.start.as_ref());
        known.into_iter().flat_map(|key| key.keys())
    }
}

/// The position and counts of a page.
#[derive(Debug, Clone)]
pub(super) struct PageOrigin {
    pub(super) begin: ResumePosition,
    /// Whether the page contains every record that DynamoDB examined, so that they can be counted one by one.
    pub(super) is_dense: bool,
    /// Records that DynamoDB examined.
    pub(super) scanned: u64,
}

impl PageOrigin {
    /// Where to resume after this record of the page.
    pub(super) fn position_after(&self, row: Row<'_>) -> ResumePosition {
        let key = Some(key::from_row(row));
        let segment = self.begin.segment;
        if self.is_dense {
            return ResumePosition {
                segment,
                start: key,
                after: None,
            };
        }
        ResumePosition {
            segment,
            start: self.begin.start.clone(),
            after: key,
        }
    }
}
