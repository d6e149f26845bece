//! The ETags of an upload's parts, in items of 500 ETags in the table `work`.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{AttributeValue, Put};
use serde::{Deserialize, Serialize};

use super::commit::{CommitError, write};
use super::queries::batch_get;
use super::{Exports, StoreError, from_item, to_item};
use crate::export::ExportId;
use crate::lifecycle::{Change, State};

/// ETags per item: about 25 KB, far below DynamoDB's limit of 400 KB.
const PER_ITEM: usize = 500;

#[derive(Serialize, Deserialize)]
struct PartsItem {
    id: String,
    upload_id: String,
    etags: Vec<String>,
}

fn key(id: ExportId, item: usize) -> String {
    format!("{id}#parts#{item}")
}

impl Exports {
    /// Commits a checkpoint, or the mark *completing*, together with the ETags of the upload's parts. `etags` are those of
    /// all parts from part 1; only the items from the one with part `from` (counted from 1) are written.
    pub async fn commit_with_parts(
        &self,
        change: Change,
        etags: &[String],
        from: u32,
    ) -> Result<State, CommitError> {
        let table = &self.tables.work;
        let id = change.before.work.id;
        let upload = change
            .after
            .work
            .upload
            .as_ref()
            .map_or("", |upload| &upload.upload_id)
            .to_owned();
        let first = (from.max(1) as usize - 1) / PER_ITEM;
        let mut items = Vec::new();
        for (n, chunk) in etags.chunks(PER_ITEM).enumerate().skip(first) {
            let item = PartsItem {
                id: key(id, n),
                upload_id: upload.clone(),
                etags: chunk.to_vec(),
            };
            items.push(write(
                Put::builder()
                    .table_name(table)
                    .set_item(Some(to_item(table, &item)?))
                    .build(),
            )?);
        }
        self.commit_with(change, items).await
    }

    /// The ETags of the first `count` parts of this upload; `None` if some are missing.
    pub async fn etags(
        &self,
        id: ExportId,
        upload_id: &str,
        count: u32,
    ) -> Result<Option<Vec<String>>, StoreError> {
        let count = count as usize;
        let table = &self.tables.work;
        let keys = (0..count.div_ceil(PER_ITEM))
            .map(|n| HashMap::from([("id".to_owned(), AttributeValue::S(key(id, n)))]))
            .collect();
        let mut found = HashMap::new();
        for item in batch_get(&self.db, table, keys).await? {
            let item: PartsItem = from_item(table, item)?;
            if item.upload_id == upload_id {
                found.insert(item.id, item.etags);
            }
        }
        let mut etags: Vec<String> = Vec::with_capacity(count);
        for n in 0..count.div_ceil(PER_ITEM) {
            let Some(chunk) = found.remove(&key(id, n)) else {
                return Ok(None);
            };
            etags.extend(chunk);
        }
        if etags.len() < count {
            return Ok(None);
        }
        etags.truncate(count);
        Ok(Some(etags))
    }

    /// Deletes the recorded ETags of an export. The last item is deleted first, so that the items that an interrupted
    /// call leaves have no gap, and the next call finds them all.
    ///
    /// # Errors
    /// When the table cannot be read or written.
    pub async fn delete_etags(&self, id: ExportId) -> Result<(), StoreError> {
        let table = &self.tables.work;
        let item = |n| AttributeValue::S(key(id, n));
        let mut count = 0;
        while self.get(table, item(count)).await?.is_some() {
            count += 1;
        }
        for n in (0..count).rev() {
            let delete = self.db.delete_item().table_name(table).key("id", item(n));
            let deleted = delete.send().await;
            deleted.map_err(|e| StoreError::sdk("DeleteItem", table, e))?;
        }
        Ok(())
    }
}
