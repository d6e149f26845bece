//! What a release leaves in the hands of people and programs: keys, sessions, cursors, links, repeated requests, messages.
//! It is kept as a file when the version changes (`WAYBILL_KEEP=yes` writes it), and read by the code of today.

use std::fs;
use std::path::{Path, PathBuf};

use reqwest::Method;
use serde_json::{Value, json};
use waybill::export::ExportId;
use waybill::queue::Message;
use waybill_tests::requests::*;
use waybill_tests::{
    Answer, Caller, Deployment, FINISHED_WITHIN, InProcess, Stack, generated_orders, id,
    load_orders, orders_csv, sha256,
};

const LIST: &str = "/v1/projects/42/exports?limit=1";
const RECORDS: &str = "/v1/projects/42/records/orders?limit=5";
const SUMMARY: &str = "/v1/projects/42/exports/summary";

/// A deployment in which a product without tokens has exports of project 42.
struct Deployed(InProcess);

impl Deployed {
    fn of(process: &InProcess) -> Self {
        Self(process.verifying_tokens())
    }

    /// A deployment of today with what was stored then, at the same instant.
    fn with(kept: &Value) -> Self {
        let deployed = Self::of(&InProcess::default());
        deployed.0.services().cloud().put_back(&kept["stored"]);
        let then: jiff::Timestamp = kept["now"].as_str().unwrap().parse().unwrap();
        deployed.0.pass(then.duration_since(deployed.0.now()));
        deployed
    }

    fn bearer(&self, token: &Value) -> Caller {
        self.0.bearer(token.as_str().unwrap())
    }
}

/// What a release leaves.
async fn left() -> Value {
    // Staff have tokens of the issuer, which the gateway verifies.
    let gateway = InProcess::default();
    let deployed = Deployed::of(&gateway);
    describe(
        &gateway,
        "projects/42",
        json!({"name": "Harbour", "organization_id": "acme"}),
    )
    .await;
    load_orders(&gateway, 42, orders_csv(&generated_orders(30))).await;
    let (_, key) = deployed.0.api_key("backend", "project:* service").await;
    let backend = deployed.0.bearer(&key);
    let session = open(&backend).await;
    let ana = deployed.bearer(&session["token"]);
    let first = finished_export(&ana, "first").await;
    let second = finished_export(&ana, "second").await;
    let file = downloaded(&gateway, &ana, &second).await;
    let list = ana.read(LIST).await;
    let records = ana.read(RECORDS).await;
    let unused = open(&backend).await;
    let url = unused["url"].as_str().unwrap();
    let (_, code) = url.split_once("#code=").unwrap();
    json!({
        "now": deployed.0.now().to_string(),
        "stored": deployed.0.services().cloud().kept(),
        "api_key": key,
        "session": session["token"],
        "code": code,
        "exports": [first, second],
        "events": ana.read(&events_path(&second)).await["events"],
        "sha256": sha256(&file),
        "next_of_list": list["meta"]["next"],
        "list": [ids(&list["exports"]), ids(&next(&ana, LIST, &list["meta"]["next"]).await["exports"])],
        "next_of_records": records["meta"]["next"],
        "records": next(&ana, RECORDS, &records["meta"]["next"]).await["records"],
        "summary": ana.read(SUMMARY).await,
        "message": Message::new(ExportId::try_from(id(&second)).unwrap()).body(),
    })
}

async fn open(backend: &Caller) -> Value {
    let ana = json!({"id": "u-17", "name": "Ana Sousa", "email": "ana@example.com"});
    let request = json!({"user": ana, "grants": ["project:42"], "minutes": 15});
    backend.create("/v1/sessions", request).await
}

/// An export that was requested with this idempotency key, and has its file.
async fn finished_export(ana: &Caller, key: &str) -> Value {
    let export = repeatable(ana, key).await.expect_status(201).json();
    let path = export_path(&export);
    ana.until("the file", FINISHED_WITHIN, async || {
        let export = ana.read(&path).await;
        // Its mail is sent too, so that nothing changes any more.
        match (export["status"].as_str(), export["mail"].as_str()) {
            (Some("succeeded"), Some("sent")) => Ok(export),
            _ => Err(export.to_string()),
        }
    })
    .await
}

async fn repeatable(ana: &Caller, key: &str) -> Answer {
    let request = ana.request(Method::POST, "/v1/projects/42/exports");
    let request = request.json(&csv()).header("idempotency-key", key);
    ana.send(request).await
}

async fn downloaded(on: &InProcess, ana: &Caller, export: &Value) -> Vec<u8> {
    let deployment = Deployment::from(on);
    let url = export["url"].as_str().unwrap();
    let path = url.strip_prefix(deployment.public_url()).unwrap();
    let link = ana.get(path).await.expect_status(302);
    let file = deployment.file(link.header("location")).await;
    file.expect_status(200).body
}

fn events_path(export: &Value) -> String {
    format!("{}/events", export_path(export))
}

/// The page of a list after a cursor.
async fn next(ana: &Caller, path: &str, cursor: &Value) -> Value {
    ana.read(&format!("{path}&cursor={}", cursor.as_str().unwrap()))
        .await
}

fn ids(exports: &Value) -> Vec<u64> {
    exports.as_array().unwrap().iter().map(id).collect()
}

/// Whether everything that was shown then is shown today. There may be more today.
#[track_caller]
fn shows(today: &Value, then: &Value, what: &str) {
    match (today, then) {
        (Value::Object(today), Value::Object(then)) => {
            for (name, value) in then {
                shows(&today[name], value, &format!("{what}.{name}"));
            }
        }
        (Value::Array(today), Value::Array(then)) => {
            assert_eq!(today.len(), then.len(), "{what}");
            for (n, (today, then)) in today.iter().zip(then).enumerate() {
                shows(today, then, &format!("{what}[{n}]"));
            }
        }
        _ => assert_eq!(today, then, "{what}"),
    }
}

/// Uses everything that a release left.
async fn is_usable(kept: &Value) {
    let deployed = Deployed::with(kept);
    let ana = deployed.bearer(&kept["session"]);
    for export in kept["exports"].as_array().unwrap() {
        shows(&ana.read(&export_path(export)).await, export, "export");
    }
    let second = &kept["exports"][1];
    let events = ana.read(&events_path(second)).await;
    shows(&events["events"], &kept["events"], "events");
    shows(&ana.read(SUMMARY).await, &kept["summary"], "summary");
    assert_eq!(
        json!(ids(&ana.read(LIST).await["exports"])),
        kept["list"][0]
    );
    let page = next(&ana, LIST, &kept["next_of_list"]).await;
    assert_eq!(json!(ids(&page["exports"])), kept["list"][1]);
    let page = next(&ana, RECORDS, &kept["next_of_records"]).await;
    shows(&page["records"], &kept["records"], "records");
    let again = repeatable(&ana, "first").await.expect_status(201);
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_eq!(again.json()["id"], kept["exports"][0]["id"]);
    let file = downloaded(&deployed.0, &ana, second).await;
    assert_eq!(kept["sha256"], sha256(&file));

    let stranger = Deployment::from(&deployed.0).stranger();
    let redeemed = stranger
        .post("/session", json!({"code": kept["code"]}))
        .await;
    let redeemed = redeemed.expect_status(200).json();
    shows(
        &deployed
            .bearer(&redeemed["token"])
            .read(&export_path(second))
            .await,
        second,
        "export",
    );
    open(&deployed.bearer(&kept["api_key"])).await;
    let message = Message::parse(kept["message"].as_str().unwrap()).unwrap();
    assert_eq!(message.export_id.get(), id(second));
    let deleted = ana.delete_file(second).await.expect_status(200).json();
    assert_eq!(deleted["status"], "expired");
}

#[tokio::test]
async fn what_a_release_left_in_the_hands_of_people_is_good_for_the_next() {
    let left = left().await;
    is_usable(&left).await;
    let folder = Stack::root().join("tests/data/releases");
    let today = folder.join(env!("CARGO_PKG_VERSION")).join("at-rest.json");
    if std::env::var_os("WAYBILL_KEEP").is_some() {
        fs::write(&today, format!("{left}\n")).unwrap();
    }
    assert!(
        today.exists(),
        "WAYBILL_KEEP=yes writes what this version leaves"
    );
    for file in files(&folder) {
        let kept = fs::read_to_string(&file).unwrap();
        is_usable(&serde_json::from_str(&kept).unwrap()).await;
    }
}

/// The files of every version.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap();
    let files = entries.map(|entry| entry.unwrap().path().join("at-rest.json"));
    files.filter(|file| file.exists()).collect()
}
