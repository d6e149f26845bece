//! The stored entries of types, in the table `work`, each under its digest.
//!
//! An entry is never changed or deleted. Entries are small, and there is only one for each version of a type in the
//! catalog.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::types::AttributeValue;

use super::{Exports, StoreError, VERSION, version};
use crate::catalog::ExportType;
use crate::type_entry::TypeEntry;

/// The stored entries, with a cache that clones share.
#[derive(Debug, Clone)]
pub struct TypeEntries {
    exports: Exports,
    seen: Arc<Mutex<HashMap<String, Arc<ExportType>>>>,
}

impl TypeEntries {
    /// The entries in the table of these exports' work.
    pub fn new(exports: Exports) -> Self {
        Self {
            exports,
            seen: Arc::default(),
        }
    }

    /// Stores the entry of a type, unless it exists, and returns its digest.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn keep(&self, export_type: &ExportType) -> Result<String, StoreError> {
        let table = &self.exports.tables().work;
        let entry = TypeEntry::new(export_type).map_err(|e| StoreError::malformed(table, e))?;
        if self.seen(&entry.digest).is_some() {
            return Ok(entry.digest);
        }
        let put = self
            .exports
            .client()
            .put_item()
            .table_name(table)
            .item("id", AttributeValue::S(key(&entry.digest)))
            .item("entry", AttributeValue::S(entry.json))
            .item(VERSION, version())
            .condition_expression("attribute_not_exists(id)")
            .send()
            .await;
        match put {
            Ok(_) => {}
            // An item under the same digest is the same entry.
            Err(error) if error.code() == Some("ConditionalCheckFailedException") => {}
            Err(error) => return Err(StoreError::sdk("PutItem", table, error)),
        }
        self.remember(&entry.digest, export_type.clone());
        Ok(entry.digest)
    }

    /// The type whose entry has this digest; `None` if there is no such entry.
    ///
    /// # Errors
    /// When the table cannot be read, or the entry is malformed or of another version.
    pub async fn get(&self, digest: &str) -> Result<Option<Arc<ExportType>>, StoreError> {
        if let Some(seen) = self.seen(digest) {
            return Ok(Some(seen));
        }
        let table = &self.exports.tables().work;
        let Some(item) = self
            .exports
            .get(table, AttributeValue::S(key(digest)))
            .await?
        else {
            return Ok(None);
        };
        let json = item.get("entry").and_then(|entry| entry.as_s().ok());
        let export_type = TypeEntry::parse(json.map_or("", String::as_str))
            .map_err(|error| StoreError::malformed(table, error))?;
        Ok(Some(self.remember(digest, export_type)))
    }

    fn seen(&self, digest: &str) -> Option<Arc<ExportType>> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.get(digest).cloned()
    }

    fn remember(&self, digest: &str, export_type: ExportType) -> Arc<ExportType> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let known = seen.entry(digest.to_owned());
        known.or_insert_with(|| Arc::new(export_type)).clone()
    }
}

fn key(digest: &str) -> String {
    format!("entry#{digest}")
}
