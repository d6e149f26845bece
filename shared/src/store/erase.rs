//! Erasing what is stored about an export and a parent, for the operator's test of a deployment. No function may do it.

use aws_sdk_dynamodb::types::AttributeValue;

use super::slots::slots_key;
use super::totals::totals_key;
use super::{Exports, StoreError, event_key};
use crate::aws::Item;
use crate::export::ExportId;
use crate::parent::Parent;

impl Exports {
    /// Deletes an export, its work and its history. The file must be gone, since nothing would delete it later.
    ///
    /// # Errors
    /// When a table cannot be read or written. What was deleted until then stays so, and the call can be repeated.
    pub async fn erase(&self, id: ExportId) -> Result<(), StoreError> {
        let tables = &self.tables;
        let work = AttributeValue::S(id.to_string());
        self.delete(&tables.work, [("id", work)]).await?;
        let export = AttributeValue::N(id.to_string());
        self.delete(&tables.exports, [("id", export)]).await?;
        self.erase_partition(event_key(id)).await
    }

    /// Deletes the daily totals and the slots of a parent, none of whose exports is unfinished.
    ///
    /// # Errors
    /// As [`Exports::erase`].
    pub async fn erase_parent(&self, parent: &Parent) -> Result<(), StoreError> {
        let slots = AttributeValue::S(slots_key(parent));
        self.delete(&self.tables.work, [("id", slots)]).await?;
        self.erase_partition(totals_key(parent)).await
    }

    /// Deletes all items of a partition of the table `events`.
    async fn erase_partition(&self, partition: String) -> Result<(), StoreError> {
        let table = &self.tables.events;
        let query = self.db.query().table_name(table).consistent_read(true);
        let query = query
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", AttributeValue::S(partition))
            .projection_expression("pk, sk");
        let items = query.into_paginator().items().send();
        let items: Result<Vec<Item>, _> = items.try_collect().await;
        for mut item in items.map_err(|e| StoreError::sdk("Query", table, e))? {
            let key = ["pk", "sk"].map(|name| (name, item.remove(name)));
            let key = key
                .into_iter()
                .filter_map(|(name, value)| Some((name, value?)));
            self.delete(table, key).await?;
        }
        Ok(())
    }

    async fn delete(
        &self,
        table: &str,
        key: impl IntoIterator<Item = (&str, AttributeValue)>,
    ) -> Result<(), StoreError> {
        let key = key
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value));
        let delete = self.db.delete_item().table_name(table);
        let deleted = delete.set_key(Some(key.collect())).send().await;
        deleted.map_err(|e| StoreError::sdk("DeleteItem", table, e))?;
        Ok(())
    }
}
