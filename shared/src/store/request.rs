//! Creates exports: writes the export, its work, its first event, the user's rate and the idempotency record in one
//! transaction.

use std::time::Duration;

use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{AttributeValue, Put, TransactWriteItem};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::commit::write;
use super::{Exports, StoreError, from_item, to_item, totals};
use crate::aws::Item;
use crate::download::new_download;
use crate::event::{Actor, Event, EventKind};
use crate::export::{Export, ExportId, NewExport};
use crate::hash::hex;
use crate::work::Work;

/// The number of exports that a user may request within [`RATE_WINDOW`] ("up to three exports per minute").
pub const RATE_LIMIT: usize = 3;
/// The window of the rate limit.
pub const RATE_WINDOW: SignedDuration = SignedDuration::from_mins(1);
/// How long an `Idempotency-Key` is remembered.
pub const IDEMPOTENCY_WINDOW: SignedDuration = SignedDuration::from_hours(24);

/// Tries of a request that conflicts with another one of the same user. Enough for any number of simultaneous requests
/// within the rate limit.
const TRIES: u32 = 60;
/// The time, in units of `retry`, before the sweeper sends the message again if no worker has begun.
const FIRST_LOOK: i32 = 1;

/// A client's `Idempotency-Key` with the request that it is for.
#[derive(Debug, Clone)]
pub struct Idempotency {
    /// The key, of 1 to 255 visible ASCII characters.
    pub key: String,
    /// The `sub` of the person: keys are per person and path.
    pub person: String,
    /// The path of the request.
    pub path: String,
    /// SHA-256 of the parsed request, before relative dates are resolved.
    pub fingerprint: String,
}

impl Idempotency {
    /// The key of the record: a digest of key, person and path, of fixed length and without collisions.
    fn record_key(&self) -> String {
        let mut hash = Sha256::new();
        for text in [&self.person, &self.path, &self.key] {
            hash.update((text.len() as u64).to_be_bytes());
            hash.update(text);
        }
        format!("idempotency#{}", hex(&hash.finalize()))
    }
}

/// The outcome of a request.
#[derive(Debug)]
pub enum Requested {
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

#[derive(Serialize, Deserialize)]
struct IdempotencyItem {
    key: String,
    export_id: ExportId,
    fingerprint: String,
    created_at: i64,
    expires_at: i64,
}

#[derive(Default, Serialize, Deserialize)]
struct RateItem {
    key: String,
    /// The times of the last requests, in milliseconds since the Unix epoch.
    instants: Vec<i64>,
    version: u64,
    expires_at: i64,
}

/// Writes the tables of a request.
#[derive(Debug, Clone)]
pub struct Requests {
    exports: Exports,
    limits: String,
    retry: SignedDuration,
}

impl Requests {
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
    ) -> Result<Requested, StoreError> {
        for _ in 0..TRIES {
            if let Some(idempotency) = &idempotency
                && let Some(replay) = self.replay(idempotency, now).await?
            {
                return Ok(replay);
            }
            let rate = self.rate(&new.user.id).await?;
            let recent = recent(&rate.instants, now);
            if let Some(retry_after) = wait(&recent, now) {
                return Ok(Requested::TooMany { retry_after });
            }

            let id = ExportId::new(now, random());
            let export = new.clone().into_export(id, new_download(id));
            let event = Event::new(&export, EventKind::Requested, now).by(who.clone());
            let mut items = self.export_items(&export, &event, now)?;
            items.push(self.rate_item(rate, recent, now)?);
            if let Some(idempotency) = &idempotency {
                items.push(self.idempotency_item(idempotency, export.id, now)?);
            }
            let sent = self
                .exports
                .client()
                .transact_write_items()
                .set_transact_items(Some(items))
                .send()
                .await;
            match sent {
                Ok(_) => return Ok(Requested::New(Box::new(export))),
                Err(error) if is_conflict(error.as_service_error()) => {
                    // Another request of the same user is being written. A random wait spreads the retries.
                    tokio::time::sleep(Duration::from_millis(5 + random() % 60)).await;
                }
                Err(error) => {
                    return Err(StoreError::sdk("TransactWriteItems", &self.limits, error));
                }
            }
        }
        Ok(Requested::Busy)
    }

    async fn replay(
        &self,
        idempotency: &Idempotency,
        now: Timestamp,
    ) -> Result<Option<Requested>, StoreError> {
        let Some(item) = self.limit(&idempotency.record_key()).await? else {
            return Ok(None);
        };
        let record: IdempotencyItem = from_item(&self.limits, item)?;
        if record.created_at <= (now - IDEMPOTENCY_WINDOW).as_millisecond() {
            return Ok(None);
        }
        if record.fingerprint != idempotency.fingerprint {
            return Ok(Some(Requested::KeyReused));
        }
        let export = self.exports.export(record.export_id).await?;
        Ok(export.map(|export| Requested::Replayed(Box::new(export))))
    }

    async fn rate(&self, person: &str) -> Result<RateItem, StoreError> {
        let key = format!("rate#{person}");
        match self.limit(&key).await? {
            Some(item) => from_item(&self.limits, item),
            None => Ok(RateItem {
                key,
                ..RateItem::default()
            }),
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

    fn rate_item(
        &self,
        before: RateItem,
        mut recent: Vec<i64>,
        now: Timestamp,
    ) -> Result<TransactWriteItem, StoreError> {
        recent.push(now.as_millisecond());
        let after = RateItem {
            key: before.key,
            instants: recent,
            version: before.version + 1,
            expires_at: (now + RATE_WINDOW * 2).as_second(),
        };
        let put = Put::builder()
            .table_name(&self.limits)
            .set_item(Some(to_item(&self.limits, &after)?));
        let put = if before.version == 0 {
            put.condition_expression("attribute_not_exists(#key)")
                .expression_attribute_names("#key", "key")
        } else {
            put.condition_expression("#version = :version")
                .expression_attribute_names("#version", "version")
                .expression_attribute_values(
                    ":version",
                    AttributeValue::N(before.version.to_string()),
                )
        };
        write(put.build())
    }

    fn idempotency_item(
        &self,
        idempotency: &Idempotency,
        export_id: ExportId,
        now: Timestamp,
    ) -> Result<TransactWriteItem, StoreError> {
        let item = IdempotencyItem {
            key: idempotency.record_key(),
            export_id,
            fingerprint: idempotency.fingerprint.clone(),
            created_at: now.as_millisecond(),
            // TTL only cleans up, up to days late; `created_at` decides.
            expires_at: (now + IDEMPOTENCY_WINDOW * 2).as_second(),
        };
        let over = (now - IDEMPOTENCY_WINDOW).as_millisecond();
        let put = Put::builder()
            .table_name(&self.limits)
            .set_item(Some(to_item(&self.limits, &item)?))
            .condition_expression("attribute_not_exists(#key) OR created_at <= :over")
            .expression_attribute_names("#key", "key")
            .expression_attribute_values(":over", AttributeValue::N(over.to_string()));
        write(put.build())
    }
}

/// The times that are within the window at `now`.
fn recent(instants: &[i64], now: Timestamp) -> Vec<i64> {
    let start = (now - RATE_WINDOW).as_millisecond();
    instants
        .iter()
        .copied()
        .filter(|instant| *instant > start)
        .collect()
}

/// Seconds until another request is allowed; `None` if one is allowed now.
fn wait(recent: &[i64], now: Timestamp) -> Option<u64> {
    if recent.len() < RATE_LIMIT {
        return None;
    }
    let first = recent.iter().copied().min()?;
    let window = RATE_WINDOW.as_millis() as i64;
    // A stored time may be in the future of this machine's clock.
    let left = (first + window - now.as_millisecond()).clamp(1, window);
    Some(left.unsigned_abs().div_ceil(1000))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn instants(seconds: &[i64]) -> Vec<i64> {
        seconds.iter().map(|s| at(*s).as_millisecond()).collect()
    }

    #[test]
    fn the_fourth_request_within_a_minute_waits_until_the_first_is_a_minute_old() {
        let now = at(59);
        let three = recent(&instants(&[0, 10, 58]), now);
        assert_eq!(wait(&three, now), Some(1));
        let now = at(20);
        assert_eq!(wait(&recent(&instants(&[0, 10, 15]), now), now), Some(40));
        let now = at(60);
        assert_eq!(wait(&recent(&instants(&[0, 10, 58]), now), now), None);
        assert_eq!(wait(&instants(&[58, 59]), now), None);
        // Three simultaneous requests, with times from a clock ahead of this one.
        assert_eq!(wait(&instants(&[62, 62, 63]), now), Some(60));
    }

    #[test]
    fn keys_of_different_people_and_paths_are_different() {
        let record = |person: &str, path: &str, key: &str| {
            Idempotency {
                key: key.into(),
                person: person.into(),
                path: path.into(),
                fingerprint: String::new(),
            }
            .record_key()
        };
        assert_ne!(record("a", "b", "c"), record("ab", "", "c"));
        assert_ne!(record("a", "b", "c"), record("a", "bc", ""));
        assert_eq!(record("a", "b", "c"), record("a", "b", "c"));
    }
}
