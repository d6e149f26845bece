//! What cursors need in the table `limits`: the secret that encrypts them, and positions that are too long for one.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};

use super::secret::SecretItem;
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

    /// The secret for encrypting cursors: 32 random bytes.
    ///
    /// # Errors
    /// When the table cannot be read or written.
    pub async fn secret(&self) -> Result<Vec<u8>, StoreError> {
        let item = SecretItem {
            db: &self.db,
            table: &self.table,
            key_name: "key",
            key: SECRET,
        };
        item.get_or_create().await
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
