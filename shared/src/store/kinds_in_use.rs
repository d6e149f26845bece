//! The kinds of parents that something is stored of, in the table `events`: an item for each, under its name.
//!
//! A catalog may forget a kind; the exports of its parents stay, and so does who may read them.

use std::sync::{Arc, PoisonError, RwLock};

use aws_sdk_dynamodb::types::AttributeValue;

use super::{Exports, StoreError, VERSION, version};
use crate::parent::ParentKind;

/// The partition of the kinds. That of an export's events is a number, and that of totals has a `#`.
const PARTITION: &str = "kinds";

/// The stored kinds. Clones share a cache of what has been stored.
#[derive(Debug, Clone)]
pub struct KindsInUse {
    exports: Exports,
    stored: Arc<RwLock<Vec<ParentKind>>>,
}

impl KindsInUse {
    /// The kinds beside the events of these exports.
    pub fn new(exports: Exports) -> Self {
        Self {
            exports,
            stored: Arc::default(),
        }
    }

    /// Stores these kinds, unless they are known to be stored as they are.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn keep(&self, kinds: &[&ParentKind]) -> Result<(), StoreError> {
        let missing: Vec<_> = {
            let stored = self.stored.read().unwrap_or_else(PoisonError::into_inner);
            let missing = kinds.iter().filter(|kind| !stored.contains(kind));
            missing.copied().collect()
        };
        for kind in missing {
            self.put(kind).await?;
            let mut stored = self.stored.write().unwrap_or_else(PoisonError::into_inner);
            stored.push(kind.clone());
        }
        Ok(())
    }

    async fn put(&self, kind: &ParentKind) -> Result<(), StoreError> {
        let table = &self.exports.tables().events;
        let json = serde_json::to_string(kind).map_err(|e| StoreError::malformed(table, e))?;
        let put = self
            .exports
            .client()
            .put_item()
            .table_name(table)
            .item("pk", AttributeValue::S(PARTITION.to_owned()))
            .item("sk", AttributeValue::S(kind.name.as_str().to_owned()))
            .item("kind", AttributeValue::S(json))
            .item(VERSION, version())
            .send()
            .await;
        put.map_err(|e| StoreError::sdk("PutItem", table, e))?;
        Ok(())
    }

    /// All stored kinds, in the order of their names.
    ///
    /// # Errors
    /// When the table cannot be read, or a kind is malformed.
    pub async fn all(&self) -> Result<Vec<ParentKind>, StoreError> {
        let table = &self.exports.tables().events;
        let answer = self
            .exports
            .client()
            .query()
            .table_name(table)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", AttributeValue::S(PARTITION.to_owned()))
            .consistent_read(true)
            .send()
            .await;
        let answer = answer.map_err(|e| StoreError::sdk("Query", table, e))?;
        let kinds = answer.items.unwrap_or_default().into_iter().map(|item| {
            let json = item.get("kind").and_then(|json| json.as_s().ok());
            let json = json.map_or("", String::as_str);
            serde_json::from_str(json).map_err(|e| StoreError::malformed(table, e))
        });
        kinds.collect()
    }
}
