//! Reads exports, lists of exports, and histories.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes};
use jiff::{SignedDuration, Timestamp};
use serde::de::DeserializeOwned;

use super::{Exports, StoreError, event_key, from_item};
use crate::aws::CallError;
use crate::aws::Item;
use crate::event::Event;
use crate::export::{Export, ExportId};
use crate::lifecycle::State;
use crate::parent::Parent;
use crate::selection::Range;
use crate::work::{Reached, Work};

/// Which exports to list.
#[derive(Debug, Clone)]
pub struct ListQuery {
    /// The parent.
    pub parent: Parent,
    /// Whether the parent is a root, whose list includes the exports of all parents that belong to it.
    pub of_root: bool,
    /// Only exports older than this one; `None` to start with the newest.
    pub before: Option<ExportId>,
    /// The times of the requests. Bounds what is read; [`Exports::list`]'s `wanted` must decide at the bounds.
    pub created_at: Range<Timestamp>,
    /// The maximum number of exports.
    pub limit: usize,
}

impl ListQuery {
    /// The first and the last id that the list may have before `before`. The last one is less than the first if there is none.
    fn ids(&self, before: Option<ExportId>) -> (u64, u64) {
        let first = self
            .created_at
            .from
            .map_or(1, |from| ExportId::first_at(from).get());
        // Ids are in the order of milliseconds: exports of the end's millisecond may still be before the end.
        let after = |end: Timestamp| end.checked_add(SignedDuration::from_millis(1));
        let end = self.created_at.to.map(|end| after(end).unwrap_or(end));
        let end = end.map(ExportId::first_at);
        let last = [before, end].into_iter().flatten().min();
        (first, last.map_or(ExportId::END, ExportId::get) - 1)
    }
}

/// A page of a list of exports.
#[derive(Debug, Clone, Default)]
pub struct ExportPage {
    /// The exports, newest first.
    pub exports: Vec<Export>,
    /// `before` for the next page; `None` at the end.
    pub next: Option<ExportId>,
    /// The number of unreadable exports among the examined ones; they are left out.
    pub unreadable: usize,
}

/// How far the files of unfinished exports are.
#[derive(Debug, Clone, Default)]
pub struct Progress {
    /// By export.
    pub reached: HashMap<ExportId, Reached>,
    /// The number of exports whose work cannot be read.
    pub unreadable: usize,
}

/// A page of a shard of the index `due`.
#[derive(Debug, Clone, Default)]
pub struct Due {
    /// The exports and their due times, the longest overdue first.
    pub exports: Vec<(ExportId, Timestamp)>,
    /// The due times of items without a valid export id.
    pub unreadable: Vec<Timestamp>,
    /// The key after which the next page begins; `None` at the end.
    pub next: Option<Item>,
}

/// A page of a history.
#[derive(Debug, Clone, Default)]
pub struct EventPage {
    /// The events, oldest first.
    pub events: Vec<Event>,
    /// The sort key of the last event, if there are more.
    pub next: Option<String>,
    /// The number of unreadable events, which are left out.
    pub unreadable: usize,
}

/// Ids per query of the index, and items per `BatchGetItem` (its limit).
const BATCH: usize = 100;
/// The maximum number of exports examined for one page, so that a filter on a rare status does not read years of
/// exports.
const MAX_EXAMINED: usize = 2_000;

/// Tries of a `BatchGetItem`, including those for unprocessed keys.
const BATCH_TRIES: u32 = 8;
/// The longest wait before the second try, in milliseconds; it doubles, to 3.2 s before the last try.
const BATCH_WAIT: u64 = 50;

impl Exports {
    /// Reads an export strongly consistently.
    pub async fn export(&self, id: ExportId) -> Result<Option<Export>, StoreError> {
        let item = self
            .get(&self.tables.exports, AttributeValue::N(id.to_string()))
            .await?;
        item.map(|item| from_item(&self.tables.exports, item))
            .transpose()
    }

    /// Reads an export and its work; `None` if the export does not exist or has no work left.
    ///
    /// The work is read first: if the export changes in between, a commit fails on the work's sequence.
    pub async fn state(&self, id: ExportId) -> Result<Option<State>, StoreError> {
        let Some(work) = self.work(id).await? else {
            return Ok(None);
        };
        let export = self.export(id).await?;
        Ok(export.map(|export| State { export, work }))
    }

    /// A page of the exports that satisfy `wanted`, newest first. A page with a `next` may be short or empty.
    pub async fn list(
        &self,
        query: &ListQuery,
        wanted: impl Fn(&Export) -> bool,
    ) -> Result<ExportPage, StoreError> {
        let mut page = ExportPage::default();
        let mut before = query.before;
        let mut examined = 0;
        // Unreadable exports after the page's last export: if the page ends there, they belong to the next page.
        let mut unreadable = 0;
        loop {
            let ids = self.ids(query, before, BATCH.min(query.limit + 1)).await?;
            let more = ids.len() == BATCH.min(query.limit + 1);
            for export in self.exports(&ids).await? {
                let Some(export) = export else {
                    unreadable += 1;
                    continue;
                };
                if !wanted(&export) {
                    continue;
                }
                if page.exports.len() == query.limit {
                    page.next = page.exports.last().map(|last| last.id);
                    return Ok(page);
                }
                page.unreadable += std::mem::take(&mut unreadable);
                page.exports.push(export);
            }
            examined += ids.len();
            before = ids.last().copied();
            if !more || examined >= MAX_EXAMINED {
                page.unreadable += unreadable;
                page.next = before.filter(|_| more);
                return Ok(page);
            }
        }
    }

    async fn ids(
        &self,
        query: &ListQuery,
        before: Option<ExportId>,
        limit: usize,
    ) -> Result<Vec<ExportId>, StoreError> {
        let (first, last) = query.ids(before);
        // DynamoDB refuses a BETWEEN whose bounds are in the wrong order.
        if last < first {
            return Ok(Vec::new());
        }
        let parent = &query.parent;
        let (index, attribute, value) = match query.of_root {
            true => ("by_organization", "organization_id", parent.id().to_owned()),
            false => ("by_parent", "parent", parent.to_string()),
        };
        let query = self
            .db
            .query()
            .table_name(&self.tables.exports)
            .index_name(index)
            .expression_attribute_names("#key", attribute)
            .expression_attribute_values(":key", AttributeValue::S(value))
            .key_condition_expression("#key = :key AND id BETWEEN :first AND :last")
            .expression_attribute_values(":first", AttributeValue::N(first.to_string()))
            .expression_attribute_values(":last", AttributeValue::N(last.to_string()))
            .scan_index_forward(false)
            .limit(limit as i32);
        let answer = query
            .send()
            .await
            .map_err(|e| StoreError::sdk("Query", &self.tables.exports, e))?;
        let items = answer.items.unwrap_or_default();
        items
            .into_iter()
            .map(|item| self.key_of(&self.tables.exports, item))
            .collect()
    }

    fn key_of(&self, table: &str, mut item: Item) -> Result<ExportId, StoreError> {
        let text = match item.remove("id") {
            Some(AttributeValue::N(text) | AttributeValue::S(text)) => text,
            _ => String::new(),
        };
        text.parse().map_err(|e| StoreError::malformed(table, e))
    }

    /// Reads these exports strongly consistently, in the order of `ids`. `None` stands for an unreadable export;
    /// exports that do not exist are left out.
    async fn exports(&self, ids: &[ExportId]) -> Result<Vec<Option<Export>>, StoreError> {
        let table = &self.tables.exports;
        let keys: Vec<Item> = ids
            .iter()
            .map(|id| HashMap::from([("id".to_owned(), AttributeValue::N(id.to_string()))]))
            .collect();
        let mut found: HashMap<ExportId, Option<Export>> = HashMap::with_capacity(keys.len());
        for item in batch_get(&self.db, table, keys).await? {
            // The rest of an item may be unreadable.
            let key = HashMap::from_iter(
                item.get_key_value("id")
                    .map(|(k, v)| (k.clone(), v.clone())),
            );
            let id = self.key_of(table, key)?;
            found.insert(id, from_item(table, item).ok());
        }
        Ok(ids.iter().filter_map(|id| found.remove(id)).collect())
    }

    /// The number of rows written so far, of the unfinished ones of these exports.
    ///
    /// # Errors
    /// When the table cannot be read. A single unreadable item is only counted.
    pub async fn progress(&self, ids: &[ExportId]) -> Result<Progress, StoreError> {
        let keys = ids
            .iter()
            .map(|id| HashMap::from([("id".to_owned(), AttributeValue::S(id.to_string()))]));
        let items = batch_get(&self.db, &self.tables.work, keys.collect()).await?;
        let (works, unreadable) = readable::<Work>(&self.tables.work, items);
        let reached = works.into_iter().map(|work| (work.id, work.reached()));
        Ok(Progress {
            reached: reached.collect(),
            unreadable,
        })
    }

    /// Events of an export after the sort key `after`, oldest first.
    pub async fn events(
        &self,
        id: ExportId,
        after: Option<&str>,
        limit: usize,
    ) -> Result<EventPage, StoreError> {
        let table = &self.tables.events;
        let query = self
            .db
            .query()
            .table_name(table)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", AttributeValue::S(event_key(id)))
            .consistent_read(true)
            .limit(limit as i32);
        let query = match after {
            None => query,
            Some(after) => query
                .exclusive_start_key("pk", AttributeValue::S(event_key(id)))
                .exclusive_start_key("sk", AttributeValue::S(after.to_owned())),
        };
        let answer = query
            .send()
            .await
            .map_err(|e| StoreError::sdk("Query", table, e))?;
        let next = answer
            .last_evaluated_key
            .and_then(|mut key| match key.remove("sk") {
                Some(AttributeValue::S(sk)) => Some(sk),
                _ => None,
            });
        let (events, unreadable) = readable(table, answer.items.unwrap_or_default());
        Ok(EventPage {
            events,
            next,
            unreadable,
        })
    }

    /// The exports of one shard that are due at `now`, the longest overdue first, after the key `start`.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn due(
        &self,
        shard: u8,
        now: Timestamp,
        start: Option<Item>,
        limit: usize,
    ) -> Result<Due, StoreError> {
        let table = &self.tables.work;
        let answer = self
            .db
            .query()
            .table_name(table)
            .index_name("due")
            .key_condition_expression("#shard = :shard AND #due <= :now")
            .expression_attribute_names("#shard", "shard")
            .expression_attribute_names("#due", "due")
            .expression_attribute_values(":shard", AttributeValue::N(shard.to_string()))
            .expression_attribute_values(":now", AttributeValue::N(now.as_second().to_string()))
            .set_exclusive_start_key(start)
            .limit(limit as i32)
            .send()
            .await
            .map_err(|e| StoreError::sdk("Query", table, e))?;
        let mut due = Due {
            next: answer.last_evaluated_key,
            ..Due::default()
        };
        for item in answer.items.unwrap_or_default() {
            let since = item.get("due").and_then(|due| due.as_n().ok());
            let since = since.and_then(|seconds| seconds.parse().ok());
            let since = since.and_then(|seconds| Timestamp::from_second(seconds).ok());
            let since = since.unwrap_or(now);
            match self.key_of(table, item) {
                Ok(id) => due.exports.push((id, since)),
                Err(_) => due.unreadable.push(since),
            }
        }
        Ok(due)
    }
}

/// The values of the readable items, and the number of unreadable ones. An item written by a later version, or by hand,
/// thus does not hide others.
pub(super) fn readable<T: DeserializeOwned>(table: &str, items: Vec<Item>) -> (Vec<T>, usize) {
    let all = items.len();
    let values: Vec<T> = items
        .into_iter()
        .filter_map(|item| from_item(table, item).ok())
        .collect();
    let unreadable = all - values.len();
    (values, unreadable)
}

/// Reads the items with these keys strongly consistently. The order is arbitrary; absent items are left out.
///
/// # Errors
/// When a call fails, or keys are still unprocessed after [`BATCH_TRIES`] tries.
pub(super) async fn batch_get(
    db: &Client,
    table: &str,
    keys: Vec<Item>,
) -> Result<Vec<Item>, StoreError> {
    let mut items = Vec::with_capacity(keys.len());
    for chunk in keys.chunks(BATCH) {
        let mut keys = chunk.to_vec();
        let mut tries = 0;
        while !keys.is_empty() {
            tries += 1;
            if tries > BATCH_TRIES {
                let left = format!("{} keys are left after {BATCH_TRIES} tries", keys.len());
                let error = CallError::with_code("BatchGetItem", "unprocessed keys", left);
                return Err(error.with_table(table).into());
            }
            if tries > 1 {
                tokio::time::sleep(batch_wait(tries)).await;
            }
            let wanted = KeysAndAttributes::builder()
                .set_keys(Some(keys))
                .consistent_read(true)
                .build()
                .map_err(|e| StoreError::malformed(table, e))?;
            let answer = db
                .batch_get_item()
                .request_items(table, wanted)
                .send()
                .await;
            let answer = answer.map_err(|e| StoreError::sdk("BatchGetItem", table, e))?;
            items.extend(
                answer
                    .responses
                    .unwrap_or_default()
                    .remove(table)
                    .unwrap_or_default(),
            );
            // DynamoDB leaves keys unprocessed when the answer reaches 16 MB or the table throttles; they are requested
            // again.
            let left = answer.unprocessed_keys.unwrap_or_default().remove(table);
            keys = left.map(|left| left.keys).unwrap_or_default();
        }
    }
    Ok(items)
}

/// The wait before a retry of a batch: random, up to a length that doubles, so that callers that were throttled
/// together do not retry together.
fn batch_wait(tries: u32) -> Duration {
    let longest = BATCH_WAIT << (tries - 2).min(BATCH_TRIES);
    Duration::from_millis(fastrand::u64(longest / 2..=longest))
}
