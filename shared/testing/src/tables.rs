//! The tables in memory, behind the SDK's client: with the conditions that Waybill writes under.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::ErrorMetadata;
use aws_sdk_dynamodb::operation::delete_item::{DeleteItemError, DeleteItemOutput};
use aws_sdk_dynamodb::operation::get_item::GetItemOutput;
use aws_sdk_dynamodb::operation::put_item::{PutItemError, PutItemOutput};
use aws_sdk_dynamodb::operation::query::QueryOutput;
use aws_sdk_dynamodb::operation::transact_write_items::{
    TransactWriteItemsError, TransactWriteItemsOutput,
};
use aws_sdk_dynamodb::types::error::TransactionCanceledException;
use aws_sdk_dynamodb::types::{AttributeValue, CancellationReason};
use aws_smithy_mocks::{MockResponse, Rule, mock};
use waybill::export::Export;
use waybill::lifecycle::State;
use waybill::store::{Exports, Item, Tables, from_item, to_item};
use waybill::work::Work;

use crate::client;

const EXPORTS: &str = "exports";
const WORK: &str = "work";
const EVENTS: &str = "events";

/// The tables `exports`, `work` and `events`, shared by its clones.
#[derive(Clone, Default)]
pub struct FakeTables(Arc<Mutex<HashMap<(String, String), Item>>>);

impl FakeTables {
    /// Tables that hold these exports.
    pub fn holding<'a>(states: impl IntoIterator<Item = &'a State>) -> Self {
        let tables = Self::default();
        for state in states {
            tables.put_state(state);
        }
        tables
    }

    /// The store on these tables.
    pub fn exports(&self) -> Exports {
        let tables = Tables {
            exports: EXPORTS.into(),
            work: WORK.into(),
            events: EVENTS.into(),
        };
        let rules = self.rules();
        Exports::new(client!(aws_sdk_dynamodb, &rules), tables)
    }

    /// An export and its work.
    ///
    /// # Panics
    /// Where either is missing.
    pub fn state(&self, id: u64) -> State {
        State {
            export: self.export(id).unwrap(),
            work: self.work(id).unwrap(),
        }
    }

    /// An export.
    pub fn export(&self, id: u64) -> Option<Export> {
        self.get(EXPORTS, &id.to_string())
            .map(|item| from_item(EXPORTS, item).unwrap())
    }

    /// The work of an export.
    pub fn work(&self, id: u64) -> Option<Work> {
        self.get(WORK, &id.to_string())
            .map(|item| from_item(WORK, item).unwrap())
    }

    /// What the events say happened, in no order.
    pub fn events(&self) -> Vec<String> {
        let items = self.0.lock().unwrap();
        let events = items.iter().filter(|((table, _), _)| table == EVENTS);
        events
            .map(|(_, item)| item["what"].as_s().unwrap().clone())
            .collect()
    }

    /// Removes an export, as nothing of Waybill does.
    pub fn lose_export(&self, id: u64) {
        self.0
            .lock()
            .unwrap()
            .remove(&(EXPORTS.to_owned(), id.to_string()));
    }

    /// Somebody else writes the export and its work.
    pub fn write(&self, state: &State) {
        let mut state = state.clone();
        state.work.sequence += 1;
        self.put_state(&state);
    }

    /// Somebody else writes the work.
    pub fn overtake(&self, id: u64) {
        let mut work = self.work(id).unwrap();
        work.sequence += 1;
        self.put(WORK, to_item(WORK, &work).unwrap());
    }

    fn put_state(&self, state: &State) {
        self.put(EXPORTS, to_item(EXPORTS, &state.export).unwrap());
        self.put(WORK, to_item(WORK, &state.work).unwrap());
    }

    fn get(&self, table: &str, key: &str) -> Option<Item> {
        self.0
            .lock()
            .unwrap()
            .get(&(table.to_owned(), key.to_owned()))
            .cloned()
    }

    fn put(&self, table: &str, item: Item) {
        self.0
            .lock()
            .unwrap()
            .insert((table.to_owned(), key_of(&item)), item);
    }

    /// Whether a condition of the form `#name = :value` holds for the item that is there.
    fn holds(
        &self,
        table: &str,
        key: &str,
        condition: Option<&str>,
        values: Option<&Item>,
    ) -> bool {
        let Some(condition) = condition else {
            return true;
        };
        if condition == "attribute_not_exists(id)" {
            return self.get(table, key).is_none();
        }
        let name = condition
            .strip_prefix('#')
            .and_then(|c| c.split(' ').next())
            .unwrap();
        assert_eq!(
            condition,
            format!("#{name} = :{name}"),
            "a condition that this fake does not know"
        );
        let wanted = values.and_then(|values| values.get(&format!(":{name}")));
        self.get(table, key)
            .as_ref()
            .and_then(|item| item.get(name))
            == wanted
    }

    fn rules(&self) -> [Rule; 5] {
        let tables = self.clone();
        let get = mock!(Client::get_item).then_compute_output(move |r| {
            let key = key_of(r.key().unwrap());
            GetItemOutput::builder()
                .set_item(tables.get(r.table_name().unwrap(), &key))
                .build()
        });
        let tables = self.clone();
        let query = mock!(Client::query).then_compute_output(move |r| {
            let values = r.expression_attribute_values().unwrap();
            let number = |value: &AttributeValue| value.as_n().unwrap().parse::<i64>().unwrap();
            let (shard, now) = (number(&values[":shard"]), number(&values[":now"]));
            let items = tables.0.lock().unwrap();
            let due = items.values().filter(|item| {
                item.get("shard").is_some_and(|s| number(s) == shard)
                    && item.get("due").is_some_and(|due| number(due) <= now)
            });
            QueryOutput::builder()
                .set_items(Some(due.cloned().collect()))
                .build()
        });
        let tables = self.clone();
        let put = mock!(Client::put_item).then_compute_response(move |r| {
            let (table, item) = (r.table_name().unwrap(), r.item().unwrap());
            let values = r.expression_attribute_values();
            if !tables.holds(table, &key_of(item), r.condition_expression(), values) {
                return MockResponse::Error(PutItemError::generic(condition_failed()));
            }
            tables.put(table, item.clone());
            MockResponse::Output(PutItemOutput::builder().build())
        });
        let tables = self.clone();
        let delete = mock!(Client::delete_item).then_compute_response(move |r| {
            let (table, key) = (r.table_name().unwrap(), key_of(r.key().unwrap()));
            let values = r.expression_attribute_values();
            if !tables.holds(table, &key, r.condition_expression(), values) {
                return MockResponse::Error(DeleteItemError::generic(condition_failed()));
            }
            let old = tables.0.lock().unwrap().remove(&(table.to_owned(), key));
            MockResponse::Output(DeleteItemOutput::builder().set_attributes(old).build())
        });
        let tables = self.clone();
        let transact = mock!(Client::transact_write_items).then_compute_response(move |r| {
            let writes = r.transact_items();
            let all_hold = writes
                .iter()
                .all(|write| match (write.put(), write.delete()) {
                    (Some(put), None) => {
                        let values = put.expression_attribute_values();
                        let key = key_of(put.item());
                        tables.holds(put.table_name(), &key, put.condition_expression(), values)
                    }
                    (None, Some(delete)) => {
                        let values = delete.expression_attribute_values();
                        let key = key_of(delete.key());
                        tables.holds(
                            delete.table_name(),
                            &key,
                            delete.condition_expression(),
                            values,
                        )
                    }
                    // A day's totals are added to whatever is there; no function but api reads them.
                    (None, None) => {
                        let update = write.update().expect("a write that this fake knows");
                        assert_eq!(update.condition_expression(), None);
                        true
                    }
                    _ => panic!("a write that is two"),
                });
            if !all_hold {
                let reason = CancellationReason::builder()
                    .code("ConditionalCheckFailed")
                    .build();
                let canceled = TransactionCanceledException::builder().cancellation_reasons(reason);
                return MockResponse::Error(TransactWriteItemsError::TransactionCanceledException(
                    canceled.build(),
                ));
            }
            for write in writes {
                if let Some(put) = write.put() {
                    tables.put(put.table_name(), put.item().clone());
                }
                if let Some(delete) = write.delete() {
                    let key = (delete.table_name().to_owned(), key_of(delete.key()));
                    tables.0.lock().unwrap().remove(&key);
                }
            }
            MockResponse::Output(TransactWriteItemsOutput::builder().build())
        });
        [get, query, put, delete, transact]
    }
}

fn condition_failed() -> ErrorMetadata {
    ErrorMetadata::builder()
        .code("ConditionalCheckFailedException")
        .build()
}

/// The key of an item of any of the tables: `id`, or of an event `pk` and `sk`.
fn key_of(item: &Item) -> String {
    let text = |name: &str| match item.get(name) {
        Some(AttributeValue::S(text) | AttributeValue::N(text)) => text.clone(),
        _ => String::new(),
    };
    format!("{}{}{}", text("id"), text("pk"), text("sk"))
}
