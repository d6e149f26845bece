//! What takes a hand on the inside: tables that do not answer, items that cannot be read, states that nobody can wait for,
//! and a host's function that answers anything. The API runs in this process, over services in memory.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod gateway;
mod kept;
mod masks;
mod openapi;
mod outages;
mod own_kinds;
mod people;
mod permissions;
mod random_filters;
mod reading;
mod sessions;
mod sort_formats;
mod states;
mod timeless;
mod unreadable;

use jiff::SignedDuration;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use waybill::export::{Export, ExportId, ExportedFile, Status};
use waybill::store::to_item;
use waybill::work::Work;
use waybill_testing::fake::{Key, KeyPart, Table, plain};
use waybill_testing::{on_the_wire, receipt};
use waybill_tests::requests::csv;
use waybill_tests::{Caller, InProcess, id};

/// The exports of Ana's project.
const PATH: &str = "/v1/projects/42/exports";

/// Waybill in this process, whose tables a test changes behind its back.
#[derive(Default)]
struct Service(InProcess);

impl Service {
    /// Ana (`u-17`), who owns project 42.
    fn ana(&self) -> Caller {
        self.by("u-17", "project:42")
    }

    /// Somebody with these grants.
    fn by(&self, sub: &str, grants: &str) -> Caller {
        self.with(sub, grants, json!({}))
    }

    /// Somebody with these grants, and these claims besides.
    fn with(&self, sub: &str, grants: &str, claims: Value) -> Caller {
        let fields = json!({"sub": sub, "grants": grants, "claims": claims});
        self.0.caller(&fields)
    }

    /// A new export of project 42, by Ana.
    async fn create(&self) -> ExportId {
        let created = self.ana().post(PATH, csv()).await.expect_status(201);
        id(&created.json()).try_into().unwrap()
    }

    fn table<T>(&self, name: &'static str, with: impl FnOnce(&mut Table) -> T) -> T {
        let tables = &mut self.0.services().cloud().dynamodb.tables;
        with(tables.get_mut(name).unwrap())
    }

    fn read<T: DeserializeOwned>(&self, table: &'static str, key: &Key) -> T {
        let item = self.table(table, |table| plain(&table.items[key]));
        serde_json::from_value(item).unwrap()
    }

    fn write<T: Serialize>(&self, table: &'static str, value: &T) {
        let item = to_item(table, value).unwrap();
        self.table(table, |table| table.put(on_the_wire(&item)));
    }

    fn export(&self, id: ExportId) -> Export {
        let number = id.to_string().parse().unwrap();
        self.read("exports", &(KeyPart::Number(number), KeyPart::None))
    }

    /// Changes an export.
    fn change(&self, id: ExportId, change: impl FnOnce(&mut Export)) -> Export {
        let mut export = self.export(id);
        change(&mut export);
        self.write("exports", &export);
        export
    }

    fn change_work(&self, id: ExportId, change: impl FnOnce(&mut Work)) {
        let mut work: Work = self.read("work", &work_key(id));
        change(&mut work);
        self.write("work", &work);
    }

    /// Lets an export be as after a run of the worker.
    fn succeed(&self, id: ExportId) -> Export {
        let now = self.0.now();
        self.change(id, |export| {
            export.status = Status::Succeeded;
            export.file = Some(ExportedFile {
                object: format!("exports/{id}/kept"),
                rows: 3,
                size: 120,
                receipt: receipt(),
            });
            export.completed_at = Some(now);
            export.ended_at = Some(now);
            export.expires_at = Some(now + SignedDuration::from_hours(7 * 24));
        })
    }

    /// The words of what the history says happened, sorted.
    fn history(&self, id: ExportId) -> Vec<String> {
        let pk = KeyPart::Text(format!("export#{id}"));
        let mut what: Vec<String> = self.table("events", |table| {
            let events = table.items.iter().filter(|((of, _), _)| *of == pk);
            events
                .map(|(_, item)| plain(item)["what"].as_str().unwrap().to_owned())
                .collect()
        });
        what.sort();
        what
    }

    fn count(&self, table: &str) -> usize {
        self.0.services().count(table)
    }

    /// What was sent to the queue.
    fn messages(&self) -> Vec<String> {
        let cloud = self.0.services().cloud();
        cloud
            .sent
            .iter()
            .map(|message| message.body.clone())
            .collect()
    }
}

fn work_key(id: ExportId) -> Key {
    (KeyPart::Text(id.to_string()), KeyPart::None)
}

/// The link to an export's file.
fn link(export: &Export) -> String {
    format!("/v1/downloads/{}", export.download)
}
