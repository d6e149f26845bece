//! Exports whose step in the sweeper failed, so that they do not hold up others.

use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;

use super::{Exports, StoreError};
use crate::aws::Item;
use crate::export::ExportId;
use crate::work::{Work, WorkTiming};

impl Exports {
    /// Records that the sweeper's step for an export failed. The sweeper tries again after 1, 2, 4 … 60 minutes. Until
    /// then the export is in the shard of failing exports ([`Work::FAILING`]), with the same `due`.
    ///
    /// An item that was written meanwhile is left unchanged. The item is rewritten attribute by attribute, since it may
    /// be one that cannot be converted to [`Work`]. Its sequence stays the same, so a worker on the export can
    /// continue; its next write may undo that, which does no harm.
    ///
    /// # Errors
    /// When the table cannot be read or written.
    pub async fn record_failed_step(
        &self,
        id: ExportId,
        now: Timestamp,
        timing: WorkTiming,
    ) -> Result<(), StoreError> {
        let table = &self.tables.work;
        let key = AttributeValue::S(id.to_string());
        let Some(mut item) = self.get(table, key).await? else {
            return Ok(());
        };
        let (Some(due), Some(shard)) = (item.get("due").cloned(), number(&item, "shard")) else {
            return Ok(());
        };
        let failures = number(&item, "failures").unwrap_or(0);
        let wait = timing.doubling_wait(u32::try_from(failures).unwrap_or(u32::MAX));
        for (name, value) in [
            ("failures", failures.saturating_add(1)),
            ("retry_at", (now + wait).as_second()),
            (
                "shard",
                shard % i64::from(Work::SHARDS) + i64::from(Work::FAILING),
            ),
        ] {
            item.insert(name.to_owned(), AttributeValue::N(value.to_string()));
        }
        let sequence = item.get("sequence").cloned();
        let put = self
            .db
            .put_item()
            .table_name(table)
            .set_item(Some(item))
            .expression_attribute_names("#due", "due")
            .expression_attribute_values(":due", due);
        let put = match sequence {
            None => put.condition_expression("#due = :due"),
            Some(sequence) => put
                .condition_expression("#due = :due AND #sequence = :sequence")
                .expression_attribute_names("#sequence", "sequence")
                .expression_attribute_values(":sequence", sequence),
        };
        match put.send().await {
            Ok(_) => Ok(()),
            Err(error) if error.code() == Some("ConditionalCheckFailedException") => Ok(()),
            Err(error) => Err(StoreError::sdk("PutItem", table, error)),
        }
    }
}

fn number(item: &Item, name: &str) -> Option<i64> {
    item.get(name)?.as_n().ok()?.parse().ok()
}
