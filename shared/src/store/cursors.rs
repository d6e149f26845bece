//! What cursors need in the table `limits`: the secret that signs them, and positions that are too long for one.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{StoreError, VERSION, version};
use crate::aws::Item;
use crate::hash::hex;

/// How long a kept position can be used.
const KEPT_FOR: SignedDuration = SignedDuration::from_hours(24);
const SECRET: &str = "cursor-secret";

/// The part of the table `limits` that is for cursors.
#[derive(Debug, Clone)]
pub struct CursorStore {
    db: Client,
    table: String,
}

impl CursorStore {
    /// Access to this table.
    pub fn new(db: Client, table: String) -> Self {
        Self { db, table }
    }

    /// The secret for signing cursors: 32 random bytes. The first caller creates it, so that no secret needs to be
    /// configured.
    ///
    /// # Errors
    /// When the table cannot be read or written.
    pub async fn secret(&self) -> Result<Vec<u8>, StoreError> {
        if let Some(secret) = self.stored_secret().await? {
            return Ok(secret);
        }
        let secret = [*Uuid::new_v4().as_bytes(), *Uuid::new_v4().as_bytes()].concat();
        let put = self
            .db
            .put_item()
            .table_name(&self.table)
            .item("key", AttributeValue::S(SECRET.to_owned()))
            .item("secret", AttributeValue::B(Blob::new(secret.clone())))
            .item(VERSION, version())
            .condition_expression("attribute_not_exists(#key)")
            .expression_attribute_names("#key", "key")
            .send()
            .await;
        let error = match put {
            Ok(_) => return Ok(secret),
            Err(error) => error,
        };
        // Another instance created the secret first, so that one is used.
        if error.code() == Some("ConditionalCheckFailedException")
            && let Some(secret) = self.stored_secret().await?
        {
            return Ok(secret);
        }
        Err(StoreError::sdk("PutItem", &self.table, error))
    }

    async fn stored_secret(&self) -> Result<Option<Vec<u8>>, StoreError> {
        let item = self.get(SECRET).await?;
        let secret = item.and_then(|mut item| item.remove("secret"));
        Ok(secret.and_then(|value| match value {
            AttributeValue::B(blob) => Some(blob.into_inner()),
            _ => None,
        }))
    }

    /// Keeps a position for a day, and returns the id under which it is found.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn keep(&self, position: &str, now: Timestamp) -> Result<String, StoreError> {
        let id = hex(&Sha256::digest(position));
        // TTL deletes an item up to days later than this, and a position does no harm then.
        let expires_at = (now + KEPT_FOR).as_second();
        let put = self
            .db
            .put_item()
            .table_name(&self.table)
            .item("key", AttributeValue::S(key(&id)))
            .item("position", AttributeValue::S(position.to_owned()))
            .item("expires_at", AttributeValue::N(expires_at.to_string()))
            .item(VERSION, version())
            .send()
            .await;
        put.map_err(|error| StoreError::sdk("PutItem", &self.table, error))?;
        Ok(id)
    }

    /// The position that was kept under `id`; `None` where it is no longer kept.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn kept(&self, id: &str) -> Result<Option<String>, StoreError> {
        let item = self.get(&key(id)).await?;
        let position = item.and_then(|mut item| item.remove("position"));
        Ok(position.and_then(|value| match value {
            AttributeValue::S(position) => Some(position),
            _ => None,
        }))
    }

    async fn get(&self, key: &str) -> Result<Option<Item>, StoreError> {
        let got = self
            .db
            .get_item()
            .table_name(&self.table)
            .key("key", AttributeValue::S(key.to_owned()))
            .consistent_read(true)
            .send()
            .await;
        let got = got.map_err(|error| StoreError::sdk("GetItem", &self.table, error))?;
        Ok(got.item)
    }
}

fn key(id: &str) -> String {
    format!("position#{id}")
}
