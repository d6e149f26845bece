//! Waybill's own tables in memory, behind the SDK's client.

use std::sync::{Arc, Mutex};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{BehaviorVersion, Config, Credentials, Region};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use waybill::export::Export;
use waybill::lifecycle::State;
use waybill::store::{Exports, Tables, to_item};
use waybill::work::Work;

use crate::fake::{Call, Carried, Cloud, Key, KeyPart, Table, Wire, http_client, plain};
use crate::{on_the_wire, orders_entry};

const EXPORTS: &str = "exports";
const WORK: &str = "work";
const EVENTS: &str = "events";

/// Waybill's tables, empty, with the indexes of the template.
pub fn own_tables() -> [(&'static str, Table); 6] {
    [
        (
            EXPORTS,
            Table::new("id", None)
                .index("by_organization", "organization_id", "id")
                .index("by_parent", "parent", "id"),
        ),
        (WORK, Table::new("id", None).index("due", "shard", "due")),
        (
            EVENTS,
            Table::new("pk", Some("sk")).index("by_parent", "parent", "sk"),
        ),
        ("limits", Table::new("key", None)),
        ("api-keys", Table::new("id", None)),
        (
            "parents",
            Table::new("parent", None).index("by_organization", "organization_id", "parent"),
        ),
    ]
}

/// The exports, their work and their events in memory. Clones share the data.
#[derive(Clone)]
pub struct FakeTables(Arc<Mutex<Cloud>>);

impl Default for FakeTables {
    fn default() -> Self {
        let mut cloud = Cloud::new(own_tables(), 1);
        cloud.dynamodb.page = usize::MAX..=usize::MAX;
        Self(Arc::new(Mutex::new(cloud)))
    }
}

impl Wire for FakeTables {
    fn carry(&self, call: Call) -> Carried {
        let answer = self.0.lock().unwrap().answer(&call);
        Box::pin(async { Ok(answer) })
    }
}

impl FakeTables {
    /// Tables with these exports.
    pub fn holding<'a>(states: impl IntoIterator<Item = &'a State>) -> Self {
        let tables = Self::default();
        for state in states {
            tables.put_state(state);
        }
        tables
    }

    /// The store for these tables.
    pub fn exports(&self) -> Exports {
        self.exports_over(Arc::new(self.clone()))
    }

    /// The store with another wire, which may lead to these tables.
    pub fn exports_over(&self, wire: Arc<dyn Wire>) -> Exports {
        let tables = Tables {
            exports: EXPORTS.into(),
            work: WORK.into(),
            events: EVENTS.into(),
        };
        let config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-west-1"))
            .credentials_provider(Credentials::new("a", "b", None, None, "test"))
            .http_client(http_client(wire));
        Exports::new(Client::from_conf(config.build()), tables)
    }

    /// An export and its work.
    ///
    /// # Panics
    /// If either is missing.
    pub fn state(&self, id: u64) -> State {
        State {
            export: self.export(id).unwrap(),
            work: self.work(id).unwrap(),
        }
    }

    /// An export.
    pub fn export(&self, id: u64) -> Option<Export> {
        self.get(EXPORTS, &export_key(id))
    }

    /// The work of an export.
    pub fn work(&self, id: u64) -> Option<Work> {
        self.get(WORK, &(KeyPart::Text(id.to_string()), KeyPart::None))
    }

    /// The kinds of all events, in no particular order.
    pub fn events(&self) -> Vec<String> {
        self.table(EVENTS, |table| {
            // The table also has daily totals.
            let what = table.items.values().filter_map(|item| item.get("what"));
            what.map(|what| what["S"].as_str().unwrap().to_owned())
                .collect()
        })
    }

    /// Deletes an export, which Waybill itself never does.
    pub fn lose_export(&self, id: u64) {
        self.table(EXPORTS, |table| table.items.remove(&export_key(id)));
    }

    /// Makes an export unreadable, like one of a later version.
    pub fn spoil_export(&self, id: u64) {
        self.table(EXPORTS, |table| spoil(table, &export_key(id), "status"));
    }

    /// Makes an export's work unreadable, like one of a later version.
    pub fn spoil_work(&self, id: u64) {
        let key = (KeyPart::Text(id.to_string()), KeyPart::None);
        self.table(WORK, |table| spoil(table, &key, "attempts"));
    }

    /// Makes the slots of a parent unreadable, like those of a later version.
    pub fn spoil_slots(&self, parent: &str) {
        let key = (KeyPart::Text(format!("slots#{parent}")), KeyPart::None);
        self.table(WORK, |table| spoil(table, &key, "slots"));
    }

    /// The number of items with ETags of an export's parts.
    pub fn parts_items(&self, id: u64) -> usize {
        let prefix = format!("{id}#parts#");
        self.table(WORK, |table| {
            let keys = table.items.keys();
            keys.filter(|(key, _)| matches!(key, KeyPart::Text(key) if key.starts_with(&prefix)))
                .count()
        })
    }

    /// Simulates a concurrent write of the export and its work.
    pub fn write(&self, state: &State) {
        let mut state = state.clone();
        state.work.sequence += 1;
        self.put_state(&state);
    }

    /// Simulates a concurrent write of the work.
    pub fn overtake(&self, id: u64) {
        let mut work = self.work(id).unwrap();
        work.sequence += 1;
        self.put(WORK, &work);
    }

    /// Stores an export and its work, whatever was there.
    pub fn put_state(&self, state: &State) {
        self.put(EXPORTS, &state.export);
        self.put(WORK, &state.work);
        let entry = orders_entry();
        let key = format!("entry#{}", entry.digest);
        self.put(WORK, &json!({"id": key, "entry": entry.json}));
    }

    fn get<T: DeserializeOwned>(&self, name: &'static str, key: &Key) -> Option<T> {
        let item = self.table(name, |table| table.items.get(key).map(plain));
        item.map(|item| serde_json::from_value(item).unwrap())
    }

    fn put<T: Serialize>(&self, name: &'static str, value: &T) {
        let item = to_item(name, value).unwrap();
        self.table(name, |table| table.put(on_the_wire(&item)));
    }

    fn table<T>(&self, name: &'static str, with: impl FnOnce(&mut Table) -> T) -> T {
        let tables = &mut self.0.lock().unwrap().dynamodb.tables;
        with(tables.get_mut(name).unwrap())
    }
}

fn export_key(id: u64) -> Key {
    (KeyPart::Number(id as i64), KeyPart::None)
}

fn spoil(table: &mut Table, key: &Key, attribute: &str) {
    let item = table.items.get_mut(key).unwrap();
    item.insert(attribute.to_owned(), json!({"S": "of another version"}));
}
