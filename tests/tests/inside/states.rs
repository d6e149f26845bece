//! States that last a moment or that nothing comes to, and what is stored and sent at a request.

use jiff::SignedDuration;
use reqwest::Method;
use serde_json::{Value, json};
use waybill::event::{Event, EventKind};
use waybill::export::{ExportId, Failure, Status};
use waybill_testing::{on_the_wire, timing};
use waybill_tests::id;
use waybill_tests::requests::*;

use super::{PATH, Service, link, work_key};

#[tokio::test]
async fn a_request_leaves_one_message_and_one_event_and_a_refused_one_nothing() {
    let service = Service::default();
    let wrong = json!({"type": "invoices", "format": "pdf"});
    problem(&service.ana().post(PATH, wrong).await, 422);
    assert_eq!((service.count("exports"), service.count("limits")), (0, 0));
    let film = json!({"name": "Film"});
    problem(&service.ana().put("/v1/projects/42", film).await, 403);
    assert_eq!(service.count("parents"), 0);

    let post = || service.ana().request(Method::POST, PATH).json(&csv());
    let keyed = async || {
        service
            .ana()
            .send(post().header("idempotency-key", "k-1"))
            .await
    };
    let export = keyed().await.expect_status(201).json();
    let id: ExportId = id(&export).try_into().unwrap();
    // Once more changes nothing, and sends nothing.
    assert_eq!(keyed().await.expect_status(201).json(), export);
    assert_eq!(
        service.messages(),
        [format!("{{\"v\":1,\"export_id\":{id}}}")]
    );
    assert_eq!(service.history(id), ["requested"]);
    // Beside the work is the entry of its type.
    assert_eq!((service.count("exports"), service.count("work")), (1, 2));
}

#[tokio::test]
async fn progress_and_link_follow_the_status() {
    let service = Service::default();
    let id = service.create().await;
    let path = format!("/v1/exports/{id}");
    let read = async || service.ana().read(&path).await;

    service.change(id, |export| export.status = Status::Processing);
    service.change_work(id, |work| work.progress = 7);
    let export = read().await;
    assert_eq!(
        (&export["progress"], &export["rows"]),
        (&json!({"rows": 7}), &Value::Null)
    );
    assert_eq!(
        (&export["url"], &export["expires_at"]),
        (&Value::Null, &Value::Null)
    );
    let list = service
        .ana()
        .get(&format!("{PATH}?status=processing"))
        .await;
    let list = list.expect_status(200);
    assert_eq!(list.json()["exports"], json!([export]));
    // The rows so far are a change of the list.
    service.change_work(id, |work| work.progress = 8);
    let request = service
        .ana()
        .request(Method::GET, &format!("{PATH}?status=processing"));
    let changed = request.header("if-none-match", list.header("etag"));
    service.ana().send(changed).await.expect_status(200);

    let begun = service.0.now();
    service.change(id, |export| export.started_at = Some(begun));
    service.change_work(id, |work| {
        (work.permille, work.permille_at) =
            (Some(250), Some(begun + SignedDuration::from_secs(30)));
    });
    let halfway = json!({"rows": 8, "fraction": 0.25, "seconds_left": 90});
    assert_eq!(read().await["progress"], halfway);

    let stored = service.succeed(id);
    let export = read().await;
    assert_eq!(
        (&export["progress"], &export["rows"]),
        (&json!({"rows": 3}), &json!(3))
    );
    assert_eq!(
        export["url"],
        format!("https://exports.example{}", link(&stored))
    );

    // The clock of the API has whole milliseconds, and this time is not over yet; a call takes one.
    let end = |now| service.change(id, |export| export.expires_at = Some(now));
    end(service.0.now() + SignedDuration::from_millis(1));
    assert_eq!(read().await["status"], "succeeded");
    end(service.0.now());
    let export = read().await;
    assert_eq!(
        (&export["status"], &export["url"]),
        (&json!("expired"), &Value::Null)
    );
    assert_eq!(export["rows"], 3);

    service.change(id, |export| {
        export.status = Status::Failed;
        export.file = None;
        export.failure = Some(Failure {
            code: "gave_up".into(),
            message: "It was too much.".into(),
            retryable: true,
        });
    });
    let export = read().await;
    let failure = json!({"code": "gave_up", "message": "It was too much.", "retryable": true});
    assert_eq!(export["failure"], failure);
    assert_eq!(
        (&export["url"], &export["progress"]),
        (&Value::Null, &Value::Null)
    );
}

#[tokio::test]
async fn a_cancel_without_work_is_as_the_export_says() {
    let service = Service::default();
    let id = service.create().await;
    let path = format!("/v1/exports/{id}/cancel");
    let cancel = async || service.ana().call(Method::POST, &path, None).await;
    service.succeed(id);
    service.table("work", |table| table.items.remove(&work_key(id)));
    assert_eq!(
        cancel().await.problem(),
        "409 The export has succeeded already; only one that is waiting or processing can be canceled."
    );
    service.change(id, |export| export.status = Status::Failed);
    assert!(
        cancel()
            .await
            .problem()
            .starts_with("409 The export has failed already")
    );
    service.change(id, |export| export.status = Status::Canceled);
    cancel().await.expect_status(200);
    service.change(id, |export| export.status = Status::Waiting);
    problem(&cancel().await, 500);
}

#[tokio::test]
async fn a_history_shows_what_events_say() {
    let service = Service::default();
    let id = service.create().await;
    let at = service.0.now() + SignedDuration::from_secs(1);
    let event = Event::new(&service.export(id), EventKind::Started, at).with_detail("said");
    let item = service.0.exports().event_item(&event).unwrap();
    service.table("events", |table| table.put(on_the_wire(&item)));
    let events = service.ana().get(&format!("/v1/exports/{id}/events")).await;
    let milliseconds = jiff::Timestamp::from_millisecond(at.as_millisecond()).unwrap();
    assert_eq!(
        events.expect_status(200).json()["events"][1],
        json!({"event": "started", "at": milliseconds, "address": null, "detail": "said", "user": null})
    );
}

/// Those that wait behind a canceled export have its place, and need not wait for the sweeper.
#[tokio::test]
async fn a_cancel_wakes_whoever_has_the_slot_that_was_reserved() {
    let service = Service::default();
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(service.create().await);
    }
    let (now, exports) = (service.0.now(), service.0.exports());
    for id in &ids {
        let (export, owner) = (service.export(*id), id.to_string());
        exports
            .take_slot(&export, &owner, 1, now, timing())
            .await
            .unwrap();
    }
    let first = service.export(ids[0]);
    let woken = exports.end_slot(&first, &ids[0].to_string(), now).await;
    assert_eq!(woken.unwrap(), [ids[1]]);
    let before = service.messages().len();
    let cancel = format!("/v1/exports/{}/cancel", ids[1]);
    service
        .ana()
        .post(&cancel, json!({}))
        .await
        .expect_status(200);
    let woken = format!("{{\"v\":1,\"export_id\":{}}}", ids[2]);
    assert_eq!(service.messages()[before..], [woken]);
}
