//! Commits a change of an export: in one transaction, and only if the work has not been written since it was read.

mod amend;

use std::time::Duration;

use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::types::{AttributeValue, Delete, Put, TransactWriteItem};

use uuid::Uuid;

use super::{Exports, StoreError, from_item, to_item, totals};
use crate::aws::Item;
use crate::event::{Event, EventKind};
use crate::export::{Export, ExportId};
use crate::lifecycle::{Change, State};
use crate::work::Work;

/// Tries of a write that fails transiently (a transaction conflict, throttling, a timeout), in addition to the SDK's
/// retries.
const TRIES: u32 = 6;
const FIRST_WAIT: Duration = Duration::from_millis(40);

/// Why a change was not committed.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// The work has been written since it was read.
    #[error("the export was changed concurrently")]
    Conflict,
    /// The write failed, or its outcome is unknown.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The outcome of [`Exports::update`].
#[derive(Debug)]
pub enum Updated {
    /// The change was written; the state after it.
    Written(Box<State>),
    /// There was nothing to change; the current state.
    Unchanged(Box<State>),
    /// The export has no work left, or does not exist.
    NoWork,
    /// Every try met a concurrent write.
    Contended,
}

enum Written {
    Yes,
    /// A condition failed: there was a concurrent write, or an earlier try of this write had succeeded.
    ConditionFailed,
    Failed(StoreError),
}

impl Exports {
    /// Writes `change` in one transaction, and returns the new state.
    ///
    /// Each write has a random name. By it and the sequence, a retry recognizes an earlier try whose answer was lost.
    pub async fn commit(&self, change: Change) -> Result<State, CommitError> {
        self.commit_with(change, Vec::new()).await
    }

    /// As [`Exports::commit`], with further writes in the same transaction.
    pub(super) async fn commit_with(
        &self,
        change: Change,
        more: Vec<TransactWriteItem>,
    ) -> Result<State, CommitError> {
        let Change {
            before,
            mut after,
            events,
            done,
        } = change;
        after.work.sequence = before.work.sequence + 1;
        after.work.write = Uuid::new_v4().simple().to_string();
        let mut items = vec![self.work_write(&before.work, &after.work, done)?];
        if before.export != after.export {
            let put = Put::builder()
                .table_name(&self.tables.exports)
                .set_item(Some(to_item(&self.tables.exports, &after.export)?))
                .condition_expression("#status = :status")
                .expression_attribute_names("#status", "status")
                .expression_attribute_values(
                    ":status",
                    AttributeValue::S(before.export.status.as_str().into()),
                );
            items.push(write(put.build())?);
        }
        for event in &events {
            let put = Put::builder()
                .table_name(&self.tables.events)
                .set_item(Some(self.event_item(event)?))
                .build();
            items.push(write(put)?);
        }
        items.extend(totals::changed(self, &before.export, &after.export)?);
        items.extend(more);

        if self.write_with_retries(&items).await? {
            return Ok(after);
        }
        let found = self.work(after.work.id).await?;
        let mine = match &found {
            Some(work) => work.sequence == after.work.sequence && work.write == after.work.write,
            None => done,
        };
        match mine {
            true => Ok(after),
            false => Err(CommitError::Conflict),
        }
    }

    /// Reads the state, calls `decide`, and commits its change; after a concurrent write it starts again, at most
    /// `tries` times in all. `decide` returns the change of the current state, or `None` for no change.
    ///
    /// # Errors
    /// When the tables cannot be read or written.
    pub async fn update(
        &self,
        id: ExportId,
        tries: u32,
        mut decide: impl FnMut(&State) -> Option<Change>,
    ) -> Result<Updated, StoreError> {
        for _ in 0..tries {
            let Some(state) = self.state(id).await? else {
                return Ok(Updated::NoWork);
            };
            let Some(change) = decide(&state) else {
                return Ok(Updated::Unchanged(Box::new(state)));
            };
            match self.commit(change).await {
                Ok(after) => return Ok(Updated::Written(Box::new(after))),
                Err(CommitError::Conflict) => {}
                Err(CommitError::Store(error)) => return Err(error),
            }
        }
        Ok(Updated::Contended)
    }

    /// Writes an event without a change of the export: a download, which is also counted in the totals, or a refused
    /// one.
    pub async fn record(&self, export: &Export, event: &Event) -> Result<(), StoreError> {
        let put = Put::builder()
            .table_name(&self.tables.events)
            .set_item(Some(self.event_item(event)?))
            .condition_expression("attribute_not_exists(pk)");
        let mut items = vec![write(put.build())?];
        if let (EventKind::Downloaded, Some(who)) = (event.kind, &event.who) {
            let name = who.name.as_deref();
            items.extend(totals::downloaded(
                self,
                export,
                who.person(),
                name,
                event.at,
            )?);
        }
        // The event's key is unique, so the condition fails only if an earlier try of this write succeeded.
        self.write_with_retries(&items).await?;
        Ok(())
    }

    /// Writes all items, with retries of transient failures. Returns false if a condition fails.
    async fn write_with_retries(&self, items: &[TransactWriteItem]) -> Result<bool, StoreError> {
        let mut wait = FIRST_WAIT;
        for _ in 1..TRIES {
            match self.write_all(items).await {
                Written::Yes => return Ok(true),
                Written::ConditionFailed => return Ok(false),
                Written::Failed(error) if error.is_lasting() => return Err(error),
                Written::Failed(_) => {
                    tokio::time::sleep(wait).await;
                    wait *= 2;
                }
            }
        }
        match self.write_all(items).await {
            Written::Yes => Ok(true),
            Written::ConditionFailed => Ok(false),
            Written::Failed(error) => Err(error),
        }
    }

    /// Deletes the work of an export that does not exist, unless the work was written since it was read.
    ///
    /// # Errors
    /// When the work was written meanwhile, or the table cannot be read or written.
    pub async fn forget(&self, work: &Work) -> Result<(), CommitError> {
        let deleted = self
            .db
            .delete_item()
            .table_name(&self.tables.work)
            .key("id", AttributeValue::S(work.id.to_string()))
            .condition_expression("#sequence = :sequence")
            .expression_attribute_names("#sequence", "sequence")
            .expression_attribute_values(":sequence", AttributeValue::N(work.sequence.to_string()))
            .send()
            .await;
        match deleted {
            Ok(_) => Ok(()),
            Err(error) if error.code() == Some("ConditionalCheckFailedException") => {
                // The SDK retries a deletion whose answer was lost, so an absent item counts as deleted.
                match self.work(work.id).await? {
                    None => Ok(()),
                    Some(_) => Err(CommitError::Conflict),
                }
            }
            Err(error) => Err(StoreError::sdk("DeleteItem", &self.tables.work, error).into()),
        }
    }

    fn work_write(
        &self,
        before: &Work,
        after: &Work,
        done: bool,
    ) -> Result<TransactWriteItem, StoreError> {
        const CONDITION: &str = "#sequence = :sequence";
        let table = &self.tables.work;
        let sequence = AttributeValue::N(before.sequence.to_string());
        if done {
            let delete = Delete::builder()
                .table_name(table)
                .key("id", AttributeValue::S(before.id.to_string()))
                .condition_expression(CONDITION)
                .expression_attribute_names("#sequence", "sequence")
                .expression_attribute_values(":sequence", sequence)
                .build()
                .map_err(|e| StoreError::malformed(table, e))?;
            return Ok(TransactWriteItem::builder().delete(delete).build());
        }
        let put = Put::builder()
            .table_name(table)
            .set_item(Some(to_item(table, after)?))
            .condition_expression(CONDITION)
            .expression_attribute_names("#sequence", "sequence")
            .expression_attribute_values(":sequence", sequence)
            .build();
        write(put)
    }

    /// A single put is sent without a transaction, at half the price.
    async fn write_all(&self, items: &[TransactWriteItem]) -> Written {
        if let [only] = items
            && let Some(put) = only.put()
        {
            return self.write_one(put).await;
        }
        let sent = self
            .db
            .transact_write_items()
            .set_transact_items(Some(items.to_vec()))
            .send()
            .await;
        let Err(error) = sent else {
            return Written::Yes;
        };
        let canceled = error.as_service_error().and_then(|e| {
            match e {
            aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError::
                TransactionCanceledException(canceled) => Some(canceled),
            _ => None,
        }
        });
        let reasons = canceled
            .map(|c| c.cancellation_reasons())
            .unwrap_or_default();
        let mut reasons = reasons.iter().filter_map(|reason| reason.code());
        let reason = match reasons.clone().any(|code| code == "ConditionalCheckFailed") {
            true => return Written::ConditionFailed,
            // The transaction's own error code does not tell the reason.
            false => reasons.find(|code| *code != "None").map(str::to_owned),
        };
        let mut error = StoreError::sdk("TransactWriteItems", &self.tables.work, error);
        if let (StoreError::Unavailable(call), Some(reason)) = (&mut error, reason) {
            call.code = reason;
        }
        Written::Failed(error)
    }

    async fn write_one(&self, put: &Put) -> Written {
        let sent = self
            .db
            .put_item()
            .table_name(put.table_name())
            .set_item(Some(put.item().clone()))
            .set_condition_expression(put.condition_expression().map(str::to_owned))
            .set_expression_attribute_names(put.expression_attribute_names().cloned())
            .set_expression_attribute_values(put.expression_attribute_values().cloned())
            .send()
            .await;
        match sent {
            Ok(_) => Written::Yes,
            Err(error) if error.code() == Some("ConditionalCheckFailedException") => {
                Written::ConditionFailed
            }
            Err(error) => Written::Failed(StoreError::sdk("PutItem", put.table_name(), error)),
        }
    }

    /// The work of an export; `None` if nothing is left to do.
    pub async fn work(&self, id: ExportId) -> Result<Option<Work>, StoreError> {
        let item = self
            .get(&self.tables.work, AttributeValue::S(id.to_string()))
            .await?;
        item.map(|item| from_item(&self.tables.work, item))
            .transpose()
    }

    /// Reads one item strongly consistently.
    pub(super) async fn get(
        &self,
        table: &str,
        id: AttributeValue,
    ) -> Result<Option<Item>, StoreError> {
        let got = self
            .db
            .get_item()
            .table_name(table)
            .key("id", id)
            .consistent_read(true)
            .send()
            .await;
        Ok(got.map_err(|e| StoreError::sdk("GetItem", table, e))?.item)
    }
}

pub(super) fn write(
    put: Result<Put, aws_sdk_dynamodb::error::BuildError>,
) -> Result<TransactWriteItem, StoreError> {
    let put = put.map_err(|e| StoreError::malformed("?", e))?;
    Ok(TransactWriteItem::builder().put(put).build())
}
