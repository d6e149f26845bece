//! Items that this version cannot read, written by a later one, say, that was rolled back: they hide no other.

use serde_json::{Value, json};
use waybill::export::Status;
use waybill_tests::id;
use waybill_tests::requests::*;

use super::{PATH, Service};

#[tokio::test]
async fn an_export_that_cannot_be_read_hides_no_other() {
    let service = Service::default();
    let mut ids = Vec::new();
    for person in 0..5 {
        let created = service
            .by(&format!("u-{person}"), "project:42")
            .post(PATH, csv())
            .await;
        ids.push(id(&created.expect_status(201).json()));
    }
    for id in &ids {
        service.change((*id).try_into().unwrap(), |export| {
            export.root_id = Some("acme".into());
            export.status = Status::Processing;
        });
    }
    let services = service.0.services();
    services.spoil("exports", "status", |item| item["id"] == json!(ids[1]));
    services.spoil("work", "attempts", |item| {
        item["id"] == ids[2].to_string().as_str()
    });
    for (path, grants) in [
        (PATH, "project:42"),
        ("/v1/organizations/acme/exports", "organization:acme"),
    ] {
        let list = service.by("u-1", grants).read(path).await;
        let listed: Vec<u64> = list["exports"].as_array().unwrap().iter().map(id).collect();
        assert_eq!(listed, [ids[4], ids[3], ids[2], ids[0]], "{path}");
        assert_eq!(list["meta"]["unreadable"], 1, "{path}");
    }
    let export = service.ana().get(&format!("/v1/exports/{}", ids[2])).await;
    assert_eq!(
        export.expect_status(200).json()["progress"],
        json!({"rows": 0})
    );
}

#[tokio::test]
async fn an_event_that_cannot_be_read_hides_no_other() {
    let service = Service::default();
    let path = format!("/v1/exports/{}", service.create().await);
    let cancel = service
        .ana()
        .post(&format!("{path}/cancel"), json!({}))
        .await;
    cancel.expect_status(200);
    service
        .0
        .services()
        .spoil("events", "at", |item| item["what"] == "requested");
    let events = service.ana().read(&format!("{path}/events")).await;
    let words: Vec<&Value> = events["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| &e["event"])
        .collect();
    assert_eq!(words, ["canceled"]);
    assert_eq!(events["meta"]["unreadable"], 1);
}

#[tokio::test]
async fn a_parent_that_cannot_be_read_hides_no_other() {
    let service = Service::default();
    for project in [41, 42, 43] {
        let film = json!({"name": "Film", "organization_id": "acme"});
        let staff = service.by("u-1", "staff");
        staff
            .put(&format!("/v1/projects/{project}"), film)
            .await
            .expect_status(200);
    }
    service
        .0
        .services()
        .spoil("parents", "definitions", |item| {
            item["parent"] == "project#41"
        });
    let catalog = service
        .by("u-17", "project:41 project:42")
        .get("/v1/catalog")
        .await;
    let catalog = catalog.expect_status(200).json();
    assert_eq!(catalog["parents"].as_array().map(Vec::len), Some(1));
    assert_eq!(catalog["unreadable"], 1);
}

#[tokio::test]
async fn totals_that_cannot_be_read_hide_no_others() {
    let service = Service::default();
    for sub in ["u-17", "u-18"] {
        let created = service.by(sub, "project:42").post(PATH, csv()).await;
        created.expect_status(201);
    }
    service
        .0
        .services()
        .spoil("events", "rows", |item| item["user_id"] == "u-17");
    let summary = service.ana().read(&format!("{PATH}/summary")).await;
    assert_eq!(summary["unreadable"], 1);
    let people = summary["people"].as_array().unwrap();
    assert_eq!(
        (people.len(), &people[0]["user"]["id"]),
        (1, &json!("u-18"))
    );
}
