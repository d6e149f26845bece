//! Waybill's own DynamoDB tables: exports, their work and their history.
//!
//! Every change of an export goes through [`Exports::commit`], which writes the work, the export and the events in one
//! transaction, on the condition that the work has not been written since it was read.

mod api_keys;
mod commit;
mod count_limit;
mod create;
mod cursors;
mod erase;
mod failed_steps;
mod idempotency;
mod kinds_in_use;
mod mask_secrets;
mod parents;
mod part_etags;
mod queries;
mod rate_limit;
mod secret;
mod sessions;
mod slots;
mod totals;
mod type_entries;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::types::AttributeValue;
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::aws::CallError;
use crate::aws::Item;
use crate::event::Event;

pub use api_keys::{ApiKey, ApiKeys};
pub use commit::{CommitError, Updated};
pub use count_limit::{COUNT_LIMIT, CountLimit};
pub use create::{Creation, ExportCreator};
pub use cursors::CursorStore;
pub use idempotency::{IDEMPOTENCY_WINDOW, Idempotency};
pub use kinds_in_use::KindsInUse;
pub use mask_secrets::MaskSecrets;
pub use parents::Parents;
pub use queries::{Due, EventPage, ExportPage, ListQuery, Progress};
pub use rate_limit::{RATE_LIMIT, RATE_WINDOW};
pub use sessions::{CODE_VALIDITY, Session, Sessions};
pub use slots::{Place, SlotClaim};
pub use totals::{DailyTotals, Totals, TotalsOfDays};
pub use type_entries::TypeEntries;

/// The error of reading or writing a table.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A call failed: throttled, not reachable, or not allowed.
    #[error(transparent)]
    Unavailable(#[from] CallError),
    /// An item is malformed.
    #[error("an item of table {table} cannot be read")]
    Malformed {
        /// The table.
        table: String,
        /// The cause.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl StoreError {
    /// Wraps an SDK error.
    pub fn sdk<E, R>(operation: &'static str, table: &str, error: SdkError<E, R>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
        R: std::fmt::Debug + Send + Sync + 'static,
    {
        CallError::new(operation, error).with_table(table).into()
    }

    /// Whether a retry cannot succeed until the deployment or the item changes.
    pub fn is_lasting(&self) -> bool {
        match self {
            Self::Unavailable(error) => error.is_lasting(),
            Self::Malformed { .. } => true,
        }
    }

    fn malformed(table: &str, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Malformed {
            table: table.to_owned(),
            source: Box::new(source),
        }
    }
}

/// The tables `exports`, `work` and `events`.
#[derive(Debug, Clone)]
pub struct Exports {
    db: Client,
    tables: Tables,
}

/// The names of the tables that every function needs.
#[derive(Debug, Clone)]
pub struct Tables {
    /// The name of the table `exports`.
    pub exports: String,
    /// The name of the table `work`.
    pub work: String,
    /// The name of the table `events`.
    pub events: String,
}

impl Exports {
    /// Access to the exports in these tables.
    pub fn new(db: Client, tables: Tables) -> Self {
        Self { db, tables }
    }

    /// The client, for writes in the same transaction as an export.
    pub fn client(&self) -> &Client {
        &self.db
    }

    /// The names of the tables, for the same purpose.
    pub fn tables(&self) -> &Tables {
        &self.tables
    }

    /// The item of an event. Items of an export are sorted by time.
    pub fn event_item(&self, event: &Event) -> Result<Item, StoreError> {
        let mut item = to_item(&self.tables.events, event)?;
        // Always three digits, so that texts sort by time. Events of the same millisecond, such as `expired` and
        // `deleted` of a late sweep, sort in the order of an export's life; the suffix makes keys unique.
        let at = event.at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ");
        let place = event.kind as u8;
        item.insert("pk".into(), AttributeValue::S(event_key(event.export_id)));
        item.insert(
            "sk".into(),
            AttributeValue::S(format!("{at}#{place:02}{}", Uuid::new_v4().simple())),
        );
        Ok(item)
    }
}

fn event_key(id: crate::export::ExportId) -> String {
    format!("export#{id}")
}

/// The version of the stored form, in the attribute `v`. Items of the first release have no `v`.
const ITEM_VERSION: &str = "1";
const VERSION: &str = "v";

/// The item has an unknown version: a later release wrote it and was rolled back.
#[derive(Debug, thiserror::Error)]
#[error("the item has another version than {ITEM_VERSION}, the one that this release supports")]
struct UnknownVersion;

/// Converts a value to an item with its version.
pub fn to_item<T: Serialize>(table: &str, value: &T) -> Result<Item, StoreError> {
    let item: Result<Item, _> = serde_dynamo::to_item(value);
    let mut item = item.map_err(|e| StoreError::malformed(table, e))?;
    item.insert(VERSION.to_owned(), version());
    Ok(item)
}

/// The value of an item's attribute `v`.
fn version() -> AttributeValue {
    AttributeValue::N(ITEM_VERSION.to_owned())
}

/// Converts an item to a value.
///
/// # Errors
/// When the item is malformed or has an unknown version.
pub fn from_item<T: DeserializeOwned>(table: &str, item: Item) -> Result<T, StoreError> {
    match item.get(VERSION) {
        None => {}
        Some(AttributeValue::N(version)) if version == ITEM_VERSION => {}
        Some(_) => return Err(StoreError::malformed(table, UnknownVersion)),
    }
    serde_dynamo::from_item(item).map_err(|e| StoreError::malformed(table, e))
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::config::{BehaviorVersion, Config};

    use super::*;
    use crate::event::EventKind;

    #[test]
    fn an_item_has_its_version_and_other_versions_are_refused() {
        let actor = crate::event::Actor::default();
        let mut item = to_item("events", &actor).unwrap();
        assert_eq!(item["v"].as_n().unwrap(), "1");
        let read = |item: &Item| from_item::<crate::event::Actor>("events", item.clone());
        assert_eq!(read(&item).unwrap(), actor);
        item.insert("v".into(), AttributeValue::N("2".into()));
        assert!(matches!(read(&item), Err(StoreError::Malformed { .. })));
        item.remove("v");
        assert_eq!(read(&item).unwrap(), actor);
    }

    #[test]
    fn events_of_one_millisecond_are_in_the_order_of_an_exports_life() {
        let config = Config::builder().behavior_version(BehaviorVersion::latest());
        let tables = Tables {
            exports: "exports".into(),
            work: "work".into(),
            events: "events".into(),
        };
        let exports = Exports::new(Client::from_conf(config.build()), tables);
        let key = |kind: EventKind, at: &str| {
            let event = Event {
                export_id: 1.try_into().unwrap(),
                parent: "project#42".parse().unwrap(),
                kind,
                at: at.parse().unwrap(),
                who: None,
                detail: None,
            };
            exports.event_item(&event).unwrap()["sk"]
                .as_s()
                .unwrap()
                .clone()
        };
        // Repeated, since a random order could be right by chance.
        for _ in 0..50 {
            let keys = [
                key(EventKind::Requested, "2026-11-21T12:01:02.017Z"),
                key(EventKind::Started, "2026-11-21T12:01:02.017999Z"),
                key(EventKind::Expired, "2026-11-21T12:01:02.018999Z"),
                key(EventKind::Deleted, "2026-11-21T12:01:02.018Z"),
                key(EventKind::Refused, "2026-11-21T12:01:02.019Z"),
            ];
            assert!(keys.is_sorted(), "{keys:?}");
        }
    }
}
