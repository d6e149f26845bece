//! Idempotency keys: decides whether a request repeats an earlier one, whose export is then the answer.

use aws_sdk_dynamodb::types::{AttributeValue, Put, TransactWriteItem};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::commit::write;
use super::{StoreError, to_item};
use crate::export::ExportId;
use crate::hash::hex;

/// How long an `Idempotency-Key` is remembered.
pub const IDEMPOTENCY_WINDOW: SignedDuration = SignedDuration::from_hours(24);

/// A client's `Idempotency-Key` with the request that it is for.
#[derive(Debug, Clone)]
pub struct Idempotency {
    /// The key, of 1 to 255 visible ASCII characters.
    pub key: String,
    /// The person who sent it, in the text of [`crate::person::Person`]: keys are per person and path.
    pub person: String,
    /// The path of the request.
    pub path: String,
    /// SHA-256 of the parsed request, before relative dates are resolved.
    pub fingerprint: String,
}

impl Idempotency {
    /// The key of the record: a digest of key, person and path, of fixed length and without collisions.
    pub(super) fn record_key(&self) -> String {
        let mut hash = Sha256::new();
        for text in [&self.person, &self.path, &self.key] {
            hash.update((text.len() as u64).to_be_bytes());
            hash.update(text);
        }
        format!("idempotency#{}", hex(&hash.finalize()))
    }

    /// Writes the record of this export, on the condition that no other request with the key is remembered.
    pub(super) fn put(
        &self,
        table: &str,
        export_id: ExportId,
        now: Timestamp,
    ) -> Result<TransactWriteItem, StoreError> {
        let item = IdempotencyItem {
            key: self.record_key(),
            export_id,
            fingerprint: self.fingerprint.clone(),
            created_at: now.as_millisecond(),
            // TTL only cleans up, up to days late; `created_at` decides.
            expires_at: (now + IDEMPOTENCY_WINDOW * 2).as_second(),
        };
        let over = (now - IDEMPOTENCY_WINDOW).as_millisecond();
        let put = Put::builder()
            .table_name(table)
            .set_item(Some(to_item(table, &item)?))
            .condition_expression("attribute_not_exists(#key) OR created_at <= :over")
            .expression_attribute_names("#key", "key")
            .expression_attribute_values(":over", AttributeValue::N(over.to_string()));
        write(put.build())
    }
}

/// The record of a key, as stored in the table `limits`.
#[derive(Serialize, Deserialize)]
pub(super) struct IdempotencyItem {
    key: String,
    export_id: ExportId,
    fingerprint: String,
    created_at: i64,
    expires_at: i64,
}

/// What a request with a key is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Repetition {
    /// The key is not remembered any more: a new request.
    None,
    /// The request that created this export, once more.
    Of(ExportId),
    /// Another request under the same key.
    OtherRequest,
}

impl IdempotencyItem {
    /// What a request with this item's key is at `now`.
    pub(super) fn repetition(&self, request: &Idempotency, now: Timestamp) -> Repetition {
        if self.created_at <= (now - IDEMPOTENCY_WINDOW).as_millisecond() {
            return Repetition::None;
        }
        match self.fingerprint == request.fingerprint {
            true => Repetition::Of(self.export_id),
            false => Repetition::OtherRequest,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_different_people_and_paths_are_different() {
        let record = |person: &str, path: &str, key: &str| {
            Idempotency {
                key: key.into(),
                person: person.into(),
                path: path.into(),
                fingerprint: String::new(),
            }
            .record_key()
        };
        assert_ne!(record("a", "b", "c"), record("ab", "", "c"));
        assert_ne!(record("a", "b", "c"), record("a", "bc", ""));
        assert_eq!(record("a", "b", "c"), record("a", "b", "c"));
    }
}
