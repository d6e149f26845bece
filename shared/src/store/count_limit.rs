//! The limit of counts: each reads records for up to two seconds, so that the records of one parent are counted only so
//! many times within a minute.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;

use super::StoreError;
use crate::parent::Parent;

/// How many times the records of one parent are counted within a minute of the clock.
pub const COUNT_LIMIT: u64 = 60;

const MINUTE: i64 = 60;

/// The counts of each parent and minute, in the table `limits`.
#[derive(Debug, Clone)]
pub struct CountLimit {
    db: Client,
    table: String,
}

impl CountLimit {
    /// The counts in this table.
    pub fn new(db: Client, table: String) -> Self {
        Self { db, table }
    }

    /// Adds a count of this parent's records at `now`. If the limit is reached, nothing is added, and the result is the
    /// number of seconds until the next minute.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn add(&self, parent: &Parent, now: Timestamp) -> Result<Option<u64>, StoreError> {
        let minute = now.as_second().div_euclid(MINUTE);
        let number = |n: i64| AttributeValue::N(n.to_string());
        let added = self
            .db
            .update_item()
            .table_name(&self.table)
            .key(
                "key",
                AttributeValue::S(format!("counts#{parent}#{minute}")),
            )
            .update_expression("SET #expires_at = :expires_at ADD #counts :one")
            .condition_expression("attribute_not_exists(#counts) OR #counts < :limit")
            .expression_attribute_names("#counts", "counts")
            .expression_attribute_names("#expires_at", "expires_at")
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":limit", AttributeValue::N(COUNT_LIMIT.to_string()))
            .expression_attribute_values(":expires_at", number((minute + 2) * MINUTE))
            .send()
            .await;
        match added {
            Ok(_) => Ok(None),
            Err(error) if error.code() == Some("ConditionalCheckFailedException") => {
                let left = (minute + 1) * MINUTE - now.as_second();
                Ok(Some(left.unsigned_abs()))
            }
            Err(error) => Err(StoreError::sdk("UpdateItem", &self.table, error)),
        }
    }
}
