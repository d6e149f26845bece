//! The view of an export, its history, and its cancellation.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use waybill_tests::requests::*;
use waybill_tests::{Deployment, FINISHED_WITHIN, MAIL_WITHIN, Owner, id};

/// Checks that an export has the fields of a new one, and no others.
#[track_caller]
pub(crate) fn has_every_field(export: &Value) {
    let fields = |export: &Value| -> BTreeSet<String> {
        export
            .as_object()
            .expect("an export")
            .keys()
            .cloned()
            .collect()
    };
    assert_eq!(fields(export), fields(&new(&json!({}), json!({}))));
}

#[track_caller]
pub(crate) fn instant(export: &Value, field: &str) -> Timestamp {
    let text = export[field]
        .as_str()
        .unwrap_or_else(|| panic!("no {field} in {export:#}"));
    assert!(
        text.ends_with('Z'),
        "{field} is {text}, which is not in UTC"
    );
    text.parse()
        .unwrap_or_else(|error| panic!("{field} is {text}: {error}"))
}

/// The view of a new export of this person, without the fields that depend on the time of the request.
fn new(user: &Value, asked: Value) -> Value {
    let mut export = json!({
        "id": null, "type": "orders", "format": "csv", "status": "waiting", "organization_id": null,
        "project_id": null, "source_id": null, "user": user, "filters": null, "search": null,
        "columns": waybill_tests::COLUMNS, "profile": "spreadsheet", "time_zone": "UTC", "file_name": null,
        "rows": null, "size": null, "progress": {"rows": 0}, "receipt": null, "warnings": [], "failure": null,
        "mail": null, "created_at": null, "started_at": null, "completed_at": null, "ended_at": null,
        "expires_at": null, "deleted_by": null, "url": null,
        "may": {"download": true, "cancel": true, "delete": true},
    });
    for (field, value) in asked.as_object().expect("fields") {
        export[field] = value.clone();
    }
    export
}

#[tokio::test]
async fn a_new_export_shows_its_request_and_its_path() {
    let deployment = Deployment::get();
    let owner = Owner::new(&deployment, "Ana").await;
    let narrowed = json!({"type": "orders", "format": "xlsx", "search": " ana ", "columns": ["id", "status"],
        "filters": {"status": "delivered", "created_at": {"from": "-1d", "to": "2100-01-01"}},
        "profile": "data", "time_zone": "america/sao_paulo"});
    for (body, asked) in [
        (csv(), json!({})),
        (
            narrowed,
            json!({"format": "xlsx", "search": "ana", "columns": ["id", "status"], "profile": "data",
                "time_zone": "America/Sao_Paulo",
                "filters": {"created_at": {"from": "-1d", "to": "2100-01-01T03:00:00Z"}, "status": ["delivered"]}}),
        ),
    ] {
        let before = in_milliseconds(deployment.now());
        let answer = owner.api.post(&owner.path(), body).await.expect_status(201);
        let export = answer.json();
        has_every_field(&export);
        assert_eq!(answer.header("content-type"), "application/json");
        assert_eq!(answer.header("cache-control"), "no-store");
        let place = format!("{}{}", deployment.public_url(), export_path(&export));
        assert_eq!(answer.header("location"), place);
        assert!(id(&export) < 1 << 53, "JavaScript's numbers hold it");

        let created = instant(&export, "created_at");
        assert!((before..=deployment.now()).contains(&created), "{export:#}");
        let day_before = (created - SignedDuration::from_hours(24)).to_string();
        let user = json!({"id": owner.sub, "name": owner.name, "email": owner.email});
        let mut expected = new(&user, asked);
        expected["project_id"] = json!(owner.project);
        let format = expected["format"].as_str().expect("a format").to_owned();
        let stamp = created.strftime("%Y%m%dT%H%M%SZ");
        expected["file_name"] = json!(format!("orders-{}-{stamp}.{format}", owner.project));
        if let Some(range) = expected["filters"].get_mut("created_at") {
            range["from"] = json!(day_before);
        }
        for field in ["id", "created_at"] {
            expected[field] = export[field].clone();
        }
        assert_eq!(export, expected);
    }
}

/// The precision of the API's instants.
pub(crate) fn in_milliseconds(instant: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(instant.as_millisecond()).expect("an instant")
}

#[tokio::test]
async fn ids_grow_with_time() {
    let owner = Owner::new(&Deployment::get(), "Ana").await;
    let (first, second) = (owner.request("csv").await, owner.request("xlsx").await);
    assert!(id(&first) < id(&second));
    let name = second["file_name"].as_str().expect("a file name");
    assert!(name.ends_with(".xlsx"), "{name}");
}

#[tokio::test]
async fn a_succeeded_export_shows_its_file_and_when_the_file_expires() {
    let deployment = Deployment::get();
    let owner = Owner::new(&deployment, "Ana").await;
    let export = owner.succeeded(csv()).await;
    has_every_field(&export);
    let times = ["created_at", "started_at", "completed_at", "expires_at"]
        .map(|field| instant(&export, field));
    assert!(times.is_sorted(), "{export:#}");
    assert_eq!(export["ended_at"], export["completed_at"]);
    let kept = times[3].duration_since(times[2]);
    let retention = deployment.seconds("RetentionSeconds");
    assert_eq!(
        kept.unsigned_abs(),
        Duration::from_secs(retention),
        "{export:#}"
    );
    assert_eq!(
        (&export["rows"], &export["progress"]["rows"]),
        (&json!(0), &json!(0))
    );
    // The file has at least its header.
    assert!(export["size"].as_u64().is_some_and(|size| size > 0));
    assert!(export["failure"].is_null());
    let link = owner.link(&export);
    let uuid = deployment.stored(id(&export)).await["download"].clone();
    let uuid = uuid.as_str().expect("a UUID");
    assert_eq!(link, format!("/v1/downloads/{uuid}"));
    assert!(
        !uuid.contains(&id(&export).to_string()),
        "the link is not the id"
    );
    let receipt = &export["receipt"];
    for field in ["read", "matched", "written"] {
        assert_eq!(receipt[field], 0, "{receipt:#}");
    }
    let digest = receipt["sha256"].as_str().expect("a digest");
    assert_eq!(digest.len(), 64);
}

#[tokio::test]
async fn an_exports_history_has_every_event_in_order() {
    let deployment = Deployment::get();
    let owner = Owner::new(&deployment, "Ana").await;
    let export = owner.succeeded(csv()).await;
    owner.download(&export).await;
    let path = format!("{}/events", export_path(&export));
    let answer = deployment
        .until("the mail in the history", MAIL_WITHIN, async || {
            let answer = owner.api.read(&path).await;
            let mut events = answer["events"].as_array().expect("events").iter();
            match events.any(|event| event["event"] == "mailed") {
                true => Ok(answer),
                false => Err(answer.to_string()),
            }
        })
        .await;
    let events = answer["events"].as_array().expect("events");
    let words: Vec<&str> = events
        .iter()
        .filter_map(|event| event["event"].as_str())
        .collect();
    assert_eq!(words[..3], ["requested", "started", "succeeded"]);
    let mut rest = words[3..].to_vec();
    rest.sort_unstable();
    assert_eq!(rest, ["downloaded", "mailed"]);
    let times: Vec<Timestamp> = events.iter().map(|event| instant(event, "at")).collect();
    assert!(times.is_sorted(), "{answer:#}");
    for event in events {
        let by_person = event["event"] == "requested" || event["event"] == "downloaded";
        let is_theirs = event["user"]["id"] == owner.sub.as_str();
        assert_eq!(is_theirs, by_person, "{event:#}");
        assert!(event["address"].is_null(), "addresses are not for owners");
    }

    let requested = json!({"event": "requested", "at": export["created_at"], "address": null, "detail": null,
        "user": {"id": owner.sub, "name": owner.name, "on_behalf_of": null}});
    assert_eq!(events[0], requested);

    let first = owner.api.read(&format!("{path}?limit=2")).await;
    let next = first["meta"]["next"].as_str().expect("a next page");
    let another = owner.request("csv").await;
    let elsewhere = format!("{}?cursor={next}", events_path(&another));
    refuses_fields(&owner.api.get(&elsewhere).await, &["cursor"]);
    let second = owner
        .api
        .read(&format!("{path}?limit=100&cursor={next}"))
        .await;
    assert_eq!(second["meta"], json!({"limit": 100, "next": null}));
    let joined: Vec<Value> = [&first, &second]
        .iter()
        .flat_map(|page| page["events"].as_array().expect("events").clone())
        .collect();
    assert_eq!(&joined, events);
}

#[tokio::test]
async fn a_canceled_export_stays_canceled() {
    let deployment = Deployment::get();
    let owner = owner_in_no_hurry(&deployment).await;
    let export = owner.request("csv").await;
    let before = in_milliseconds(deployment.now());
    let cancel = async || owner.api.cancel(&export).await;
    let canceled = cancel().await.expect_status(200).json();
    has_every_field(&canceled);
    // Nobody is mailed what they have done themselves.
    assert_eq!(
        (&canceled["status"], &canceled["mail"]),
        (&json!("canceled"), &Value::Null)
    );
    let ended = instant(&canceled, "ended_at");
    assert!((before..=deployment.now()).contains(&ended), "{canceled:#}");
    let none = "url expires_at rows size progress failure completed_at";
    for field in none.split(' ') {
        assert!(canceled[field].is_null(), "{field} in {canceled:#}");
    }
    // A second cancel changes nothing and is not an error.
    let again = cancel().await.expect_status(200).json();
    assert_eq!(again, canceled);
    let events = owner.events(id(&export)).await;
    let canceled = events.iter().filter(|event| *event == "canceled");
    assert_eq!(canceled.count(), 1, "{events:?}");
}

#[tokio::test]
async fn progress_is_shown_while_the_file_is_written() {
    let deployment = Deployment::get();
    let owner = owner_of_many_alone(&deployment).await;
    let export = owner.request("csv").await;
    let (mut path, mut before, mut share) = (Vec::new(), 0, 0.0);
    let done = deployment
        .until("the export to succeed", FINISHED_WITHIN, async || {
            let now = owner.export(id(&export)).await;
            has_every_field(&now);
            let status = now["status"].as_str().unwrap_or_default().to_owned();
            if path.last() != Some(&status) {
                path.push(status.clone());
            }
            let rows = now["progress"]["rows"].as_u64().expect("progress");
            // The next worker continues from an earlier checkpoint, but the shown progress does not decrease.
            assert!(
                (before..=MANY as u64).contains(&rows),
                "{before} rows before: {now:#}"
            );
            before = rows;
            let fraction = now["progress"]["fraction"].as_f64().unwrap_or(share);
            assert!(
                (share..=0.99).contains(&fraction),
                "{share} before: {now:#}"
            );
            share = fraction;
            if status == "succeeded" {
                return Ok(now);
            }
            assert!(
                now["url"].is_null() && now["rows"].is_null() && now["expires_at"].is_null(),
                "{now:#}"
            );
            let list = owner.api.read(&owner.path()).await;
            let shown = &list["exports"][0];
            assert_eq!(shown["id"], export["id"]);
            let unfinished = shown["status"] != "succeeded";
            assert_eq!(list["meta"]["unfinished"], unfinished, "{list:#}");
            Err(now.to_string())
        })
        .await;
    assert_eq!(
        (&done["rows"], &done["progress"]["rows"]),
        (&json!(MANY), &json!(MANY))
    );
    // Each status is seen at most once, in the order of the lifecycle.
    let life = ["waiting", "processing", "succeeded"];
    let place = |status: &String| life.iter().position(|s| s == status);
    let places: Vec<Option<usize>> = path.iter().map(place).collect();
    assert!(places.is_sorted() && !places.contains(&None), "{path:?}");
}

#[tokio::test]
async fn a_succeeded_export_cannot_be_canceled() {
    let owner = Owner::new(&Deployment::get(), "Ana").await;
    let export = owner.succeeded(csv()).await;
    let refused = owner.api.cancel(&export).await;
    assert_eq!(
        refused.problem(),
        "409 The export has succeeded already; only one that is waiting or processing can be canceled."
    );
    assert_eq!(owner.export(id(&export)).await["status"], "succeeded");
}

#[tokio::test]
async fn every_answer_under_v1_is_private_and_has_the_right_content_type() {
    let (owner, export) = finished(&Deployment::get()).await;
    for (path, kept) in [
        (owner.path(), "private, no-cache"),
        (export_path(&export), "no-store"),
        (events_path(&export), "no-store"),
        ("/v1/exports/none".to_owned(), "no-store"),
        ("/v1/x".to_owned(), "no-store"),
    ] {
        let answer = owner.api.get(&path).await;
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("cache-control"), kept, "{path}");
    }
}
