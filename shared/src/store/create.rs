//! Creates exports: writes the export, its work, its first event, the user's rate and the idempotency record in one
//! transaction.

use std::time::Duration;

use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{AttributeValue, Put, TransactWriteItem};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::commit::write;
use super::idempotency::{Idempotency, IdempotencyItem, Repetition};
use super::rate_limit::RateItem;
use super::{Exports, StoreError, from_item, to_item, totals};
use crate::aws::Item;
use crate::download_uuid::new_download;
use crate::event::{Actor, Event, EventKind};
use crate::export::{Export, ExportId, NewExport};
use crate::person::Person;
use crate::work::Work;

/// Tries of a request that conflicts with another one of the same user. Enough for any number of simultaneous requests
/// within the rate limit.
const TRIES: u32 = 60;
/// The time, in units of `retry`, before the sweeper sends the message again if no worker has begun.
const FIRST_LOOK: i32 = 1;

/// The outcome of a request for an export.
#[derive(Debug)]
pub enum Creation {
    /// A new export.
    New(Box<Export>),
    /// The current state of the export that the same request with the same key created.
    Replayed(Box<Export>),
    /// The key was used before for another request.
    KeyReused,
    /// The user has reached the rate limit.
    TooMany {
        /// Seconds until the next request is allowed, at least 1.
        retry_after: u64,
    },
    /// Too many simultaneous requests of the same user; no export was created.
    Busy,
}

/// Creates exports in Waybill's tables.
#[derive(Debug, Clone)]
pub struct ExportCreator {
    exports: Exports,
    limits: String,
    retry: SignedDuration,
}

impl ExportCreator {
    /// `limits` is the name of the table `limits`; `retry` is the time before the sweeper sends the message again.
    pub fn new(exports: Exports, limits: String, retry: SignedDuration) -> Self {
        Self {
            exports,
            limits,
            retry,
        }
    }

    /// Creates an export from `new` at `now`, requested by `who`, with a new id and download UUID.
    pub async fn create(
        &self,
        new: NewExport,
        who: Actor,
        idempotency: Option<Idempotency>,
        now: Timestamp,
    ) -> Result<Creation, StoreError> {
        for _ in 0..TRIES {
            if let Some(idempotency) = &idempotency
                && let Some(replay) = self.replay(idempotency, now).await?
            {
                return Ok(replay);
            }
            let rate = self.rate(new.user.person()).await?;
            if let Some(retry_after) = rate.wait(now) {
                return Ok(Creation::TooMany { retry_after });
            }

            let id = ExportId::new(now, random());
            let export = new.clone().into_export(id, new_download(id));
            let event = Event::new(&export, EventKind::Requested, now).by(who.clone());
            let mut items = self.export_items(&export, &event, now)?;
            items.push(rate.counting(&self.limits, now)?);
            if let Some(idempotency) = &idempotency {
                items.push(idempotency.put(&self.limits, export.id, now)?);
            }
            let sent = self
                .exports
                .client()
                .transact_write_items()
                .set_transact_items(Some(items))
                .send()
                .await;
            match sent {
                Ok(_) => return Ok(Creation::New(Box::new(export))),
                Err(error) if is_conflict(error.as_service_error()) => {
                    // Another request of the same user is being written. A random wait spreads the retries.
                    tokio::time::sleep(Duration::from_millis(5 + random() % 60)).await;
                }
                Err(error) => {
                    return Err(StoreError::sdk("TransactWriteItems", &self.limits, error));
                }
            }
        }
        Ok(Creation::Busy)
    }

    async fn replay(
        &self,
        idempotency: &Idempotency,
        now: Timestamp,
    ) -> Result<Option<Creation>, StoreError> {
        let Some(item) = self.limit(&idempotency.record_key()).await? else {
            return Ok(None);
        };
        let record: IdempotencyItem = from_item(&self.limits, item)?;
        match record.repetition(idempotency, now) {
            Repetition::None => Ok(None),
            Repetition::OtherRequest => Ok(Some(Creation::KeyReused)),
            Repetition::Of(export_id) => {
                let export = self.exports.export(export_id).await?;
                Ok(export.map(|export| Creation::Replayed(Box::new(export))))
            }
        }
    }

    async fn rate(&self, person: Person<'_>) -> Result<RateItem, StoreError> {
        let rate = RateItem::new(person);
        match self.limit(&rate.key).await? {
            Some(item) => from_item(&self.limits, item),
            None => Ok(rate),
        }
    }

    async fn limit(&self, key: &str) -> Result<Option<Item>, StoreError> {
        let client = self.exports.client();
        let key = AttributeValue::S(key.to_owned());
        let got = client
            .get_item()
            .table_name(&self.limits)
            .key("key", key)
            .consistent_read(true)
            .send()
            .await;
        Ok(got
            .map_err(|e| StoreError::sdk("GetItem", &self.limits, e))?
            .item)
    }

    fn export_items(
        &self,
        export: &Export,
        event: &Event,
        now: Timestamp,
    ) -> Result<Vec<TransactWriteItem>, StoreError> {
        let tables = self.exports.tables();
        let work = Work::new(export.id, now + self.retry * FIRST_LOOK);
        let new = |table: &str, item: Item| {
            let put = Put::builder().table_name(table).set_item(Some(item));
            write(put.condition_expression("attribute_not_exists(id)").build())
        };
        let event = Put::builder()
            .table_name(&tables.events)
            .set_item(Some(self.exports.event_item(event)?));
        let mut items = vec![
            new(&tables.exports, to_item(&tables.exports, export)?)?,
            new(&tables.work, to_item(&tables.work, &work)?)?,
            write(event.build())?,
        ];
        items.extend(totals::requested(&self.exports, export)?);
        Ok(items)
    }
}

/// Whether a transaction failed only because of a concurrent one of the same user.
fn is_conflict(error: Option<&TransactWriteItemsError>) -> bool {
    let Some(TransactWriteItemsError::TransactionCanceledException(canceled)) = error else {
        return false;
    };
    let reasons = canceled
        .cancellation_reasons()
        .iter()
        .filter_map(|reason| reason.code());
    reasons
        .filter(|code| *code != "None")
        .all(|code| matches!(code, "ConditionalCheckFailed" | "TransactionConflict"))
}

fn random() -> u64 {
    Uuid::new_v4().as_u64_pair().1
}
