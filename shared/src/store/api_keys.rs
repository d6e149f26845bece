//! API keys of the host's backends, in a table of their own, which no function can add a key to.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{StoreError, from_item, to_item};
use crate::aws::Item;
use crate::grant_patterns::GrantPatterns;

/// How often the time of a key's last use is written.
const USE_WRITTEN_EVERY: SignedDuration = SignedDuration::from_mins(1);

/// A key of a host's backend. It opens `POST /v1/sessions`, and exports for a named user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKey {
    /// The hash of the secret.
    pub id: String,
    /// The name. Keys of one name give sessions of one issuer, so that a key can be replaced.
    pub name: String,
    /// The grants that its sessions may have.
    pub grants: GrantPatterns,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

impl ApiKey {
    /// The issuer of its sessions.
    pub fn issuer(&self) -> String {
        Self::issuer_of(&self.name)
    }

    /// The issuer of the sessions of keys with this name.
    pub fn issuer_of(name: &str) -> String {
        format!("waybill:{name}")
    }
}

/// The keys in their table.
#[derive(Debug, Clone)]
pub struct ApiKeys {
    db: Client,
    table: String,
}

impl ApiKeys {
    /// The keys in this table.
    pub fn new(db: Client, table: String) -> Self {
        Self { db, table }
    }

    /// Adds a key.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn add(&self, key: &ApiKey) -> Result<(), StoreError> {
        let put = self.db.put_item().table_name(&self.table);
        let put = put.set_item(Some(to_item(&self.table, key)?));
        let put = put.condition_expression("attribute_not_exists(id)");
        let put = put.send().await;
        put.map_err(|error| StoreError::sdk("PutItem", &self.table, error))?;
        Ok(())
    }

    /// The key with this id, read consistently; `None` if there is none or it was revoked.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn valid(&self, id: &str) -> Result<Option<ApiKey>, StoreError> {
        let get = self.db.get_item().table_name(&self.table);
        let get = get.key("id", AttributeValue::S(id.to_owned()));
        let got = get.consistent_read(true).send().await;
        let got = got.map_err(|error| StoreError::sdk("GetItem", &self.table, error))?;
        let key: Option<ApiKey> = got
            .item
            .map(|item| from_item(&self.table, item))
            .transpose()?;
        Ok(key.filter(|key| key.revoked_at.is_none()))
    }

    /// Records that a key was used, once a minute.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn mark_used(&self, key: &ApiKey, now: Timestamp) -> Result<(), StoreError> {
        let is_recent = |at: Timestamp| now.duration_since(at) < USE_WRITTEN_EVERY;
        if key.last_used_at.is_some_and(is_recent) {
            return Ok(());
        }
        self.set(&key.id, "last_used_at", now).await?;
        Ok(())
    }

    /// Revokes a key. Returns whether there is such a key.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn revoke(&self, id: &str, now: Timestamp) -> Result<bool, StoreError> {
        self.set(id, "revoked_at", now).await
    }

    /// Deletes a key, so that no list has it any more: for a key of a test. Other keys are revoked.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn delete(&self, id: &str) -> Result<(), StoreError> {
        let delete = self.db.delete_item().table_name(&self.table);
        let delete = delete.key("id", AttributeValue::S(id.to_owned()));
        let deleted = delete.send().await;
        deleted.map_err(|error| StoreError::sdk("DeleteItem", &self.table, error))?;
        Ok(())
    }

    /// Sets a time of an existing key. Returns whether there is such a key.
    async fn set(&self, id: &str, name: &str, at: Timestamp) -> Result<bool, StoreError> {
        let update = self.db.update_item().table_name(&self.table);
        let update = update.key("id", AttributeValue::S(id.to_owned()));
        let updated = update
            .update_expression("SET #at = :at")
            .condition_expression("attribute_exists(id)")
            .expression_attribute_names("#at", name)
            .expression_attribute_values(":at", AttributeValue::S(at.to_string()))
            .send()
            .await;
        match updated {
            Ok(_) => Ok(true),
            Err(error) if error.code() == Some("ConditionalCheckFailedException") => Ok(false),
            Err(error) => Err(StoreError::sdk("UpdateItem", &self.table, error)),
        }
    }

    /// All keys, also those that were revoked; the oldest first.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn list(&self) -> Result<Vec<ApiKey>, StoreError> {
        let scan = self.db.scan().table_name(&self.table).consistent_read(true);
        let items: Result<Vec<Item>, _> = scan.into_paginator().items().send().try_collect().await;
        let items = items.map_err(|error| StoreError::sdk("Scan", &self.table, error))?;
        let keys = items.into_iter().map(|item| from_item(&self.table, item));
        let mut keys: Vec<ApiKey> = keys.collect::<Result<_, _>>()?;
        keys.sort_by_key(|key| key.created_at);
        Ok(keys)
    }
}
