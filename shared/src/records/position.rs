//! Places in a partition: where a source of records goes on.

use serde_json::{Value, json};

use super::key::{self, Key};
use super::{RecordsError, Row};

/// Where a partition is gone on with.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct ResumePosition {
    /// How many segments are read to their end.
    pub(super) segment: usize,
    /// The key after which the segment is read; from its beginning without one.
    pub(super) start: Option<Key>,
    /// A record after `start` that has been taken, and all before it. So that the records which DynamoDB looked at are
    /// counted by whole pages, the page is read from its start again and this much of it left out.
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

    /// The names of a key's attributes, where a key is known.
    pub(super) fn key_names(&self) -> impl Iterator<Item = &String> {
        let known = self.after.as_ref().or(self.start.as_ref());
        known.into_iter().flat_map(|key| key.keys())
    }
}

/// What is known of a partition's page besides its records.
#[derive(Debug, Clone)]
pub(super) struct PageOrigin {
    pub(super) begin: ResumePosition,
    /// Whether every record that DynamoDB looked at is in the page, so that they count one by one.
    pub(super) is_dense: bool,
    /// Records that DynamoDB looked at.
    pub(super) looked_at: u64,
}

impl PageOrigin {
    /// Where to go on after this record of the page.
    pub(super) fn position_after(&self, row: Row<'_>) -> ResumePosition {
        let key = Some(key::of(row));
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
