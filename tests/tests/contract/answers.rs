//! The export as it is shown, its history, and its cancellation.

use jiff::Timestamp;
use reqwest::Method;
use serde_json::{Value, json};
use waybill_tests::{FINISHED_WITHIN, MAIL_WITHIN, Owner, Stack, id, wait_until};

use super::{MANY, cancel_path, csv, export_path, problem};

const FIELDS: [&str; 27] = [
    "id",
    "type",
    "format",
    "status",
    "organization_id",
    "project_id",
    "source_id",
    "user",
    "filters",
    "search",
    "columns",
    "profile",
    "time_zone",
    "file_name",
    "rows",
    "size",
    "progress",
    "receipt",
    "warnings",
    "failure",
    "mail",
    "created_at",
    "started_at",
    "completed_at",
    "ended_at",
    "expires_at",
    "url",
];

#[track_caller]
fn has_every_field(export: &Value) {
    let mut named: Vec<&str> = export
        .as_object()
        .expect("an export")
        .keys()
        .map(String::as_str)
        .collect();
    let mut fields = FIELDS.to_vec();
    named.sort_unstable();
    fields.sort_unstable();
    assert_eq!(named, fields);
}

#[track_caller]
fn instant(export: &Value, field: &str) -> Timestamp {
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

#[tokio::test]
async fn a_new_export_says_what_was_asked_for_and_where_it_is() {
    let stack = Stack::get();
    let owner = Owner::new(&stack, "Ana").await;
    let answer = owner
        .api
        .post(&owner.path(), csv())
        .await
        .expect_status(201);
    let export = answer.json();
    has_every_field(&export);
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(
        answer.header("location"),
        format!("{}{}", stack.public_url(), export_path(&export))
    );

    assert!(id(&export) < 1 << 53, "JavaScript's numbers hold it");
    assert_eq!(export["project_id"], owner.project, "an integer");
    assert_eq!(
        export["user"],
        json!({"id": owner.sub, "name": owner.name, "email": owner.email})
    );
    for (field, value) in [
        ("type", json!("orders")),
        ("format", json!("csv")),
        ("status", json!("waiting")),
        ("organization_id", json!(null)),
        ("source_id", json!(null)),
        ("filters", json!(null)),
        ("search", json!(null)),
        ("columns", json!(waybill_tests::COLUMNS)),
        ("profile", json!("spreadsheet")),
        ("time_zone", json!("UTC")),
        ("rows", json!(null)),
        ("size", json!(null)),
        ("progress", json!({"rows": 0})),
        ("receipt", json!(null)),
        ("warnings", json!([])),
        ("failure", json!(null)),
        ("mail", json!(null)),
        ("started_at", json!(null)),
        ("completed_at", json!(null)),
        ("ended_at", json!(null)),
        ("expires_at", json!(null)),
        ("url", json!(null)),
    ] {
        assert_eq!(export[field], value, "{field}");
    }
    let created = instant(&export, "created_at");
    let stamp = created.strftime("%Y%m%dT%H%M%SZ");
    assert_eq!(
        export["file_name"],
        format!("orders-{}-{stamp}.csv", owner.project)
    );
}

#[tokio::test]
async fn ids_grow_with_time() {
    let stack = Stack::get();
    let owner = Owner::new(&stack, "Ana").await;
    let (first, second) = (owner.request("csv").await, owner.request("xlsx").await);
    assert!(id(&first) < id(&second));
    assert!(
        second["file_name"]
            .as_str()
            .is_some_and(|name| name.ends_with(".xlsx")),
        "{second:#}"
    );
}

#[tokio::test]
async fn a_succeeded_export_says_what_is_in_the_file_and_until_when() {
    let stack = Stack::get();
    let owner = Owner::new(&stack, "Ana").await;
    let export = owner.succeeded(csv()).await;
    has_every_field(&export);
    let times = ["created_at", "started_at", "completed_at", "expires_at"]
        .map(|field| instant(&export, field));
    assert!(times.is_sorted(), "{export:#}");
    assert_eq!(export["ended_at"], export["completed_at"]);
    let kept = times[3].duration_since(times[2]);
    assert_eq!(
        kept.as_secs(),
        i64::try_from(stack.seconds("RetentionSeconds")).expect("seconds"),
        "{export:#}"
    );
    assert_eq!(
        (&export["rows"], &export["progress"]),
        (&json!(0), &json!({"rows": 0}))
    );
    assert!(
        export["size"].as_u64().is_some_and(|size| size > 0),
        "a header"
    );
    assert!(export["failure"].is_null());
    let link = owner.link(&export);
    assert!(link.starts_with("/v1/downloads/"), "{link}");
    assert!(
        !link.contains(&id(&export).to_string()),
        "the link is not the id"
    );
    let receipt = &export["receipt"];
    for field in ["read", "matched", "written"] {
        assert_eq!(receipt[field], 0, "{receipt:#}");
    }
    assert_eq!(
        receipt["sha256"].as_str().map(str::len),
        Some(64),
        "{receipt:#}"
    );
}

#[tokio::test]
async fn its_history_tells_who_did_what_in_order() {
    let stack = Stack::get();
    let owner = Owner::new(&stack, "Ana").await;
    let export = owner.succeeded(csv()).await;
    owner.download(&export).await;
    let path = format!("{}/events", export_path(&export));
    let answer = wait_until("the mail in the history", MAIL_WITHIN, async || {
        let answer = owner.api.get(&path).await.expect_status(200).json();
        let mailed = answer["events"]
            .as_array()
            .expect("events")
            .iter()
            .any(|event| event["event"] == "mailed");
        if mailed {
            Ok(answer)
        } else {
            Err(answer.to_string())
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
        let by_person =
            ["requested", "downloaded"].contains(&event["event"].as_str().unwrap_or_default());
        assert_eq!(
            event["user"]["id"] == owner.sub.as_str(),
            by_person,
            "{event:#}"
        );
        assert!(
            event["address"].is_null(),
            "addresses are not for owners: {event:#}"
        );
    }

    let first = owner
        .api
        .get(&format!("{path}?limit=2"))
        .await
        .expect_status(200)
        .json();
    let next = first["meta"]["next"].as_str().expect("a next page");
    let second = owner
        .api
        .get(&format!("{path}?limit=100&cursor={next}"))
        .await
        .expect_status(200)
        .json();
    let joined: Vec<Value> = [&first, &second]
        .iter()
        .flat_map(|page| page["events"].as_array().expect("events").clone())
        .collect();
    assert_eq!(&joined, events);
}

#[tokio::test]
async fn a_cancel_ends_the_export_for_good() {
    let stack = Stack::get();
    let owner = super::owner_of_many(&stack).await;
    let export = owner.request("csv").await;
    let answer = owner
        .api
        .call(Method::POST, &cancel_path(&export), None)
        .await;
    let canceled = answer.expect_status(200).json();
    has_every_field(&canceled);
    assert_eq!(canceled["status"], "canceled");
    assert!(
        canceled["ended_at"].is_string() && canceled["completed_at"].is_null(),
        "{canceled:#}"
    );
    for field in ["url", "expires_at", "rows", "size", "progress", "failure"] {
        assert!(canceled[field].is_null(), "{field} in {canceled:#}");
    }
    // Once more changes nothing, and is no error.
    let again = owner
        .api
        .call(Method::POST, &cancel_path(&export), None)
        .await
        .expect_status(200)
        .json();
    assert_eq!(again["ended_at"], canceled["ended_at"]);
    let events = owner.events(id(&export)).await;
    assert_eq!(
        events.iter().filter(|event| *event == "canceled").count(),
        1,
        "{events:?}"
    );
}

#[tokio::test]
async fn progress_is_shown_while_the_file_is_made() {
    let stack = Stack::get();
    let owner = super::owner_of_many_alone(&stack).await;
    let export = owner.request("csv").await;
    let (mut path, mut before) = (Vec::new(), 0);
    let done = wait_until("the export to succeed", FINISHED_WITHIN, async || {
        let now = owner.export(id(&export)).await;
        has_every_field(&now);
        let status = now["status"].as_str().unwrap_or_default().to_owned();
        if path.last() != Some(&status) {
            path.push(status.clone());
        }
        let rows = now["progress"]["rows"].as_u64().expect("progress");
        // A worker that takes over begins at a checkpoint, but what was shown once stays.
        assert!(
            (before..=MANY as u64).contains(&rows),
            "{before} rows before: {now:#}"
        );
        before = rows;
        if status == "succeeded" {
            return Ok(now);
        }
        assert!(
            now["url"].is_null() && now["rows"].is_null() && now["expires_at"].is_null(),
            "{now:#}"
        );
        let list = owner.api.get(&owner.path()).await.expect_status(200).json();
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
    // Each status is seen at most once, in the order of a life.
    let life = ["waiting", "processing", "succeeded"];
    assert!(
        path.iter()
            .map(|status| life.iter().position(|s| s == status))
            .is_sorted(),
        "{path:?}"
    );
    assert!(
        path.iter().all(|status| life.contains(&status.as_str())),
        "{path:?}"
    );
}

#[tokio::test]
async fn what_has_succeeded_cannot_be_canceled() {
    let stack = Stack::get();
    let owner = Owner::new(&stack, "Ana").await;
    let export = owner.succeeded(csv()).await;
    let problem = problem(
        &owner
            .api
            .call(Method::POST, &cancel_path(&export), None)
            .await,
        409,
    );
    assert!(
        problem["detail"]
            .as_str()
            .is_some_and(|text| text.contains("succeeded")),
        "{problem:#}"
    );
    assert_eq!(owner.export(id(&export)).await["status"], "succeeded");
}

#[tokio::test]
async fn every_answer_under_v1_is_private_and_taken_as_what_it_says() {
    let stack = Stack::get();
    let (owner, export) = super::finished(&stack).await;
    for path in [
        owner.path(),
        export_path(&export),
        format!("{}/events", export_path(&export)),
        "/v1/x".to_owned(),
    ] {
        let answer = owner.api.get(&path).await;
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        let cache = answer.header("cache-control");
        assert!(
            cache.contains("no-store") || cache.contains("private"),
            "{path}: {cache:?}"
        );
    }
}
