//! `GET /v1/exports/{id}`, its cancel and its history.

use http::Method;
use serde_json::{Value, json};
use waybill::event::{Event, EventKind};
use waybill::export::{Failure, Status};

use crate::testing::{Service, now};

#[tokio::test]
async fn an_export_is_seen_by_those_who_reach_it_and_staff() {
    let service = Service::default();
    let id = service.create().await;
    service.change(id, |export| export.organization_id = Some("acme".into()));
    let path = format!("/v1/exports/{id}");
    for (grants, status) in [
        ("project:42", 200),
        ("organization:acme", 200),
        ("staff", 200),
        ("service", 404),
        ("project:43", 404),
        ("organization:other", 404),
        ("", 404),
    ] {
        for path in [path.clone(), format!("{path}/events")] {
            assert_eq!(
                service.get(&path).grants(grants).send().await.status,
                status,
                "{grants} {path}"
            );
        }
    }
    for id in ["1", "0", "-1", "01", "x", "9007199254740992", "%31"] {
        for path in [
            format!("/v1/exports/{id}"),
            format!("/v1/exports/{id}/events"),
        ] {
            assert_eq!(
                service.get(&path).grants("staff").send().await.status,
                404,
                "{path}"
            );
        }
        let cancel = service.call(Method::POST, &format!("/v1/exports/{id}/cancel"));
        assert_eq!(cancel.grants("staff").send().await.status, 404);
    }
}

#[tokio::test]
async fn progress_and_link_follow_the_status() {
    let service = Service::default();
    let id = service.create().await;
    let path = format!("/v1/exports/{id}");
    let read = async || service.get(&path).send().await.json();

    let export = read().await;
    assert_eq!(
        (&export["status"], &export["progress"]),
        (&json!("waiting"), &json!({"rows": 0}))
    );

    service.change(id, |export| export.status = Status::Processing);
    service.change_work(id, |work| work.progress = 2);
    let export = read().await;
    assert_eq!(
        (&export["progress"], &export["rows"]),
        (&json!({"rows": 2}), &Value::Null)
    );
    assert_eq!(
        (&export["url"], &export["expires_at"]),
        (&Value::Null, &Value::Null)
    );

    let stored = service.succeed(id);
    let export = read().await;
    assert_eq!(
        (&export["progress"], &export["rows"]),
        (&json!({"rows": 3}), &json!(3))
    );
    assert_eq!(
        export["url"],
        format!("https://exports.example/v1/downloads/{}", stored.download)
    );
    assert_eq!(export["expires_at"], "2026-11-28T12:01:02.123Z");

    service.change(id, |export| export.expires_at = Some(now()));
    // The clock of the API has whole milliseconds, and this time is not over yet.
    assert_eq!(read().await["status"], "succeeded");
    service.change(id, |export| {
        export.expires_at = Some(now() - jiff::SignedDuration::from_millis(1))
    });
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
    assert_eq!(
        export["failure"],
        json!({"code": "gave_up", "message": "It was too much.", "retryable": true})
    );
    assert_eq!(
        (&export["url"], &export["progress"]),
        (&Value::Null, &Value::Null)
    );
}

#[tokio::test]
async fn an_export_is_canceled_by_requester_admin_and_staff_and_stays_so() {
    for (sub, grants) in [
        ("u-17", "project:42"),
        ("u-99", "organization:acme"),
        ("u-99", "staff"),
    ] {
        let service = Service::default();
        let id = service.create().await;
        service.change(id, |export| export.organization_id = Some("acme".into()));
        let cancel = || service.call(Method::POST, &format!("/v1/exports/{id}/cancel"));
        let answer = cancel().by(sub, grants).send().await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let export = answer.json();
        assert_eq!(
            (&export["status"], &export["mail"]),
            (&json!("canceled"), &json!("pending"))
        );
        assert_eq!(export["ended_at"], "2026-11-21T12:01:02.123Z");
        let again = cancel().by(sub, grants).send().await;
        assert_eq!((again.status.as_u16(), again.json()), (200, export));
        let mut history = service.history(id);
        history.sort_by_key(|event| event["what"].to_string());
        assert_eq!(history.len(), 2);
        assert_eq!(
            (&history[0]["what"], &history[0]["who"]["id"]),
            (&json!("canceled"), &json!(sub))
        );
    }
}

#[tokio::test]
async fn a_cancel_is_refused_to_others_and_after_the_end() {
    let service = Service::default();
    let id = service.create().await;
    let cancel = || service.call(Method::POST, &format!("/v1/exports/{id}/cancel"));
    let colleague = cancel().by("u-18", "project:42").send().await;
    assert_eq!(
        colleague.problem(),
        "403 Only the person who requested the export, the organization's admins and staff may cancel it."
    );
    assert_eq!(cancel().grants("project:43").send().await.status, 404);

    service.succeed(id);
    let late = "409 The export has succeeded already; only one that is waiting or processing can be canceled.";
    assert_eq!(cancel().send().await.problem(), late);
    service.remove_work(id);
    assert_eq!(cancel().send().await.problem(), late);
    service.change(id, |export| export.status = Status::Failed);
    assert!(
        cancel()
            .send()
            .await
            .problem()
            .starts_with("409 The export has failed already")
    );
    service.change(id, |export| export.status = Status::Canceled);
    assert_eq!(cancel().send().await.status, 200);
    service.change(id, |export| export.status = Status::Waiting);
    assert_eq!(cancel().send().await.status, 500);
}

#[tokio::test]
async fn a_history_is_paged_and_shows_addresses_to_admins_and_staff_only() {
    let service = Service::default();
    let id = service.create().await;
    let export = service.change(id, |export| export.organization_id = Some("acme".into()));
    for (seconds, what) in [(1, EventKind::Started), (2, EventKind::Succeeded)] {
        let at = now() + jiff::SignedDuration::from_secs(seconds);
        service.add_event(&Event::new(&export, what, at).with_detail("said"));
    }
    let path = format!("/v1/exports/{id}/events");
    let page = service.get(&format!("{path}?limit=2")).send().await.json();
    assert_eq!(
        page["events"],
        json!([
            {"event": "requested", "at": "2026-11-21T12:01:02.123Z", "address": null, "detail": null,
             "user": {"id": "u-17", "name": "Ana Sousa", "on_behalf_of": null}},
            {"event": "started", "at": "2026-11-21T12:01:03.123Z", "address": null, "detail": "said", "user": null},
        ])
    );
    let cursor = page["meta"]["next"].as_str().unwrap();
    let next = service
        .get(&format!("{path}?limit=2&cursor={cursor}"))
        .send()
        .await
        .json();
    assert_eq!(next["events"].as_array().unwrap().len(), 1);
    assert_eq!(next["events"][0]["event"], "succeeded");
    assert_eq!(next["meta"], json!({"limit": 2, "next": null}));

    for grants in ["organization:acme", "staff"] {
        let page = service.get(&path).grants(grants).send().await.json();
        assert_eq!(page["events"][0]["address"], "192.0.2.7", "{grants}");
    }
    for query in ["limit=0", "status=failed", "cursor=x"] {
        assert_eq!(
            service.get(&format!("{path}?{query}")).send().await.status,
            422,
            "{query}"
        );
    }
    let other = service.create().await;
    let foreign = service
        .get(&format!("/v1/exports/{other}/events?cursor={cursor}"))
        .send()
        .await;
    assert_eq!(foreign.status, 422);
}

#[tokio::test]
async fn an_event_that_cannot_be_read_hides_no_other() {
    let service = Service::default();
    let id = service.create().await;
    let cancel = service.post(&format!("/v1/exports/{id}/cancel"), json!({}));
    assert_eq!(cancel.send().await.status, 200);
    service.spoil("events", "at", |item| item["what"] == "requested");
    let events = service
        .get(&format!("/v1/exports/{id}/events"))
        .send()
        .await;
    assert_eq!(events.status, 200, "{}", events.text);
    let events = events.json();
    assert_eq!(events["events"].as_array().unwrap().len(), 1);
    assert_eq!(events["events"][0]["event"], "canceled");
    assert_eq!(events["meta"]["unreadable"], 1);
}

/// Those that wait behind a canceled export have its place, and need not wait for the sweeper.
#[tokio::test]
async fn a_cancel_wakes_whoever_has_the_slot_that_was_reserved() {
    let service = Service::default();
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(service.create().await);
    }
    let now = crate::testing::now();
    let exports = service.exports();
    let pace = waybill_testing::pace();
    for id in &ids {
        let export = service.export(*id);
        let owner = id.to_string();
        let asked = exports.take_slot(&export, &owner, 1, now, pace);
        asked.await.unwrap();
    }
    let first = service.export(ids[0]);
    let woken = exports.end_slot(&first, &ids[0].to_string(), now).await;
    assert_eq!(woken.unwrap(), [ids[1]]);
    let before = service.messages().len();
    let cancel = service.post(&format!("/v1/exports/{}/cancel", ids[1]), json!({}));
    assert_eq!(cancel.send().await.status, 200);
    let woken = format!("{{\"v\":1,\"export_id\":{}}}", ids[2]);
    assert_eq!(service.messages()[before..], [woken]);
}
