//! `POST …/exports`.

use serde_json::{Value, json};

use crate::testing::{QUEUE, Service};

const PATH: &str = "/v1/projects/42/exports";

fn orders() -> Value {
    json!({"type": "orders", "format": "csv"})
}

#[tokio::test]
async fn an_export_is_made_with_every_field_and_sent_to_the_queue() {
    let service = Service::default();
    let body = json!({"type": "orders", "format": "xlsx", "search": " ana ", "columns": ["id", "status"],
        "filters": {"status": "delivered", "created_at": {"from": "-1d", "to": "2026-11-21"}},
        "profile": "data", "time_zone": "america/sao_paulo"});
    let answer = service.post(PATH, body).send().await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    let mut export = answer.json();
    let id = export["id"].take();
    assert_eq!(
        answer.header("location"),
        format!("https://exports.example/v1/exports/{id}")
    );
    assert_eq!(answer.header("content-type"), "application/json");
    insta::assert_json_snapshot!(export, @r#"
    {
      "id": null,
      "type": "orders",
      "format": "xlsx",
      "status": "waiting",
      "organization_id": null,
      "project_id": 42,
      "source_id": null,
      "user": {
        "id": "u-17",
        "name": "Ana Sousa",
        "email": "ana@example.com"
      },
      "filters": {
        "created_at": {
          "from": "2026-11-20T12:01:02.123Z",
          "to": "2026-11-21T03:00:00Z"
        },
        "status": [
          "delivered"
        ]
      },
      "search": "ana",
      "columns": [
        "id",
        "status"
      ],
      "profile": "data",
      "time_zone": "America/Sao_Paulo",
      "file_name": "orders-42-20261121T120102Z.xlsx",
      "rows": null,
      "size": null,
      "progress": {
        "rows": 0
      },
      "receipt": null,
      "warnings": [],
      "failure": null,
      "mail": null,
      "created_at": "2026-11-21T12:01:02.123Z",
      "started_at": null,
      "completed_at": null,
      "ended_at": null,
      "expires_at": null,
      "url": null
    }
    "#);
    assert_eq!(
        service.messages(),
        [format!("{{\"v\":1,\"export_id\":{id}}}")]
    );
    // Beside it is the entry of its type.
    assert_eq!(service.count("work"), 2);
    let id = serde_json::from_value(id).unwrap();
    let history = service.history(id);
    assert_eq!(history.len(), 1);
    assert_eq!(history[0]["what"], "requested");
    assert_eq!(
        history[0]["who"],
        json!({"id": "u-17", "name": "Ana Sousa", "address": "192.0.2.7"})
    );
}

#[tokio::test]
async fn a_queue_that_is_down_does_not_lose_the_export() {
    let service = Service::default();
    service.take_down(QUEUE);
    service.create().await;
    assert_eq!((service.count("exports"), service.count("work")), (1, 2));
}

/// API Gateway would answer 503 in place of the export that there is, and the client ask for another one.
#[tokio::test]
async fn a_queue_that_is_silent_is_not_waited_for() {
    let service = Service::default();
    service.silence_queue();
    let most = std::time::Duration::from_secs(10);
    let created = tokio::time::timeout(most, service.create()).await;
    let export = service.export(created.expect("an answer"));
    assert_eq!(export.status, waybill::export::Status::Waiting);
}

#[tokio::test]
async fn only_those_who_reach_the_parent_may_start_exports() {
    let service = Service::default();
    let staff = service.put(
        "/v1/projects/42",
        json!({"name": "Film", "organization_id": "acme"}),
    );
    assert_eq!(staff.grants("staff").send().await.status, 200);
    for (path, grants, status) in [
        (PATH, "project:42", 201),
        (PATH, "organization:acme", 201),
        (PATH, "[openid project:42]", 201),
        (PATH, "", 404),
        (PATH, "project:43", 404),
        (PATH, "organization:other", 404),
        (PATH, "service", 404),
        (PATH, "source:42", 404),
        ("/v1/projects/042/exports", "project:42", 404),
        ("/v1/projects/x/exports", "project:42 staff", 404),
    ] {
        let person = format!("{path} {grants}");
        let answer = service
            .post(path, orders())
            .by(&person, grants)
            .send()
            .await;
        assert_eq!(answer.status, status, "{grants:?} {}", answer.text);
    }
    let answer = service.post(PATH, orders()).grants("staff").send().await;
    assert_eq!(
        answer.problem(),
        "403 You may see exports here, but not start them."
    );
}

#[tokio::test]
async fn an_export_has_the_organization_and_the_name_of_its_parent() {
    let service = Service::default();
    let staff = service.put(
        "/v1/projects/42",
        json!({"name": "Film: 42", "organization_id": "acme"}),
    );
    assert_eq!(staff.grants("staff").send().await.status, 200);
    let export = service.post(PATH, orders()).send().await.json();
    assert_eq!(export["organization_id"], "acme");
    assert_eq!(export["file_name"], "orders-Film- 42-20261121T120102Z.csv");
}

#[tokio::test]
async fn wrong_fields_are_named() {
    let service = Service::default();
    let body = json!({"type": "invoices", "format": "pdf", "limit": 5});
    insta::assert_snapshot!(service.post(PATH, body).send().await.problem(), @"
    422 3 fields are invalid; see `errors`.
    limit: is unknown; the fields are type, format, filters, search, columns, profile, time_zone, user
    type: must be one of orders
    format: must be csv or xlsx
    ");
    let body = json!({"type": "orders", "format": "csv", "filters": {"created_at": {"from": "-1d", "to": "-2d"}}});
    insta::assert_snapshot!(service.post(PATH, body).send().await.problem(), @"
    422 `filters.created_at.to` must be after `from`; it is the first instant not in the range.
    filters.created_at.to: must be after `from`; it is the first instant not in the range
    ");
    let in_organization = service
        .post("/v1/organizations/acme/exports", orders())
        .grants("organization:acme");
    insta::assert_snapshot!(in_organization.send().await.problem(), @"
    422 `type` belongs to a project; export it there.
    type: belongs to a project; export it there
    ");
    assert_eq!((service.count("exports"), service.count("limits")), (0, 0));
}

#[tokio::test]
async fn the_fourth_export_within_a_minute_waits() {
    let service = Service::default();
    for _ in 0..3 {
        service.create().await;
    }
    let answer = service.post(PATH, orders()).send().await;
    assert_eq!(
        answer.problem(),
        "429 You have started 3 exports within a minute. Start the next one in 60 s."
    );
    assert_eq!(answer.header("retry-after"), "60");
    assert_eq!(
        service
            .post(PATH, orders())
            .by("u-18", "project:42")
            .send()
            .await
            .status,
        201
    );
}

#[tokio::test]
async fn a_key_makes_a_request_repeatable() {
    let service = Service::default();
    let keyed = |body: Value| service.post(PATH, body).header("idempotency-key", "k-1");
    let first = keyed(orders()).send().await;
    assert_eq!(
        (first.status.as_u16(), first.header("idempotency-replayed")),
        (201, "")
    );
    for _ in 0..5 {
        let again = keyed(json!({"format": "csv", "type": "orders", "search": ""}))
            .send()
            .await;
        assert_eq!(
            (again.status.as_u16(), again.header("idempotency-replayed")),
            (201, "true")
        );
        assert_eq!(again.json(), first.json());
        assert_eq!(again.header("location"), first.header("location"));
    }
    assert_eq!((service.count("exports"), service.messages().len()), (1, 1));

    let other = keyed(json!({"type": "orders", "format": "xlsx"}))
        .send()
        .await;
    assert_eq!(
        other.problem(),
        "422 This Idempotency-Key was used for another request; use a new key for this one."
    );
    let other_person = keyed(orders()).by("u-18", "project:42").send().await;
    assert_eq!(other_person.header("idempotency-replayed"), "");
    let other_path = service
        .post("/v1/projects/43/exports", orders())
        .by("u-17", "project:43");
    let other_path = other_path.header("idempotency-key", "k-1").send().await;
    assert_eq!(other_path.header("idempotency-replayed"), "");
}

#[tokio::test]
async fn keys_that_are_none_are_refused() {
    let service = Service::default();
    let long = "x".repeat(256);
    for key in ["", "a b", "a\tb", &long] {
        let answer = service
            .post(PATH, orders())
            .header("idempotency-key", key)
            .send()
            .await;
        let problem = answer.problem();
        assert!(
            problem.ends_with("\nIdempotency-Key: must have 1 to 255 visible ASCII characters"),
            "{problem}"
        );
    }
    let twice = service
        .post(PATH, orders())
        .header("idempotency-key", "a")
        .header("idempotency-key", "a");
    let problem = twice.send().await.problem();
    assert!(
        problem.ends_with("\nIdempotency-Key: must not be repeated"),
        "{problem}"
    );
    let longest = service
        .post(PATH, orders())
        .header("idempotency-key", &long[1..]);
    assert_eq!(longest.send().await.status, 201);
}

#[tokio::test]
async fn only_a_service_may_name_the_user() {
    let service = Service::default();
    let body = json!({"type": "orders", "format": "csv", "user": {"id": "u-5", "email": "eva@example.com"}});
    let answer = service.post(PATH, body.clone()).send().await;
    assert_eq!(
        answer.problem(),
        "403 Only a token with the grant `service` may name the user that an export is for."
    );

    let answer = service
        .post(PATH, body.clone())
        .by("backend", "service project:42")
        .send()
        .await;
    assert_eq!(
        answer.json()["user"],
        json!({"id": "u-5", "name": null, "email": "eva@example.com"})
    );
    let id = serde_json::from_value(answer.json()["id"].clone()).unwrap();
    let export = service.export(id);
    assert_eq!(
        (export.user.id.as_str(), export.requested_by.as_str()),
        ("u-5", "backend")
    );
    // The backend vouches for the address, whatever its own token says of its own.
    assert!(export.user.email_verified);
    let who = &service.history(id)[0]["who"];
    assert_eq!(
        (&who["id"], &who["on_behalf_of"]),
        (&json!("backend"), &json!("u-5"))
    );

    // The limit is the user's, whoever asks for them.
    for _ in 0..2 {
        let answer = service
            .post(PATH, body.clone())
            .by("backend", "service project:42")
            .send()
            .await;
        assert_eq!(answer.status, 201);
    }
    assert_eq!(
        service
            .post(PATH, body)
            .by("other", "service project:42")
            .send()
            .await
            .status,
        429
    );
    assert_eq!(
        service
            .post(PATH, orders())
            .by("backend", "service project:42")
            .send()
            .await
            .status,
        201
    );
}
