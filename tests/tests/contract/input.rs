//! What a body may say: every wrong word is refused, named, and explained.

use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, HeaderValue};
use serde_json::{Value, json};
use waybill_tests::{Answer, Owner, Stack};

use super::{caller, csv, problem, refuses_fields};

/// The least that asks for an export, with one field as given.
fn with(field: &str, value: Value) -> Value {
    let mut body = csv();
    body[field] = value;
    body
}

async fn send_text(owner: &Owner, content_type: Option<&str>, body: impl Into<String>) -> Answer {
    let mut request = owner
        .api
        .request(Method::POST, &owner.path())
        .body(body.into());
    if let Some(content_type) = content_type {
        request = request.header(
            CONTENT_TYPE,
            HeaderValue::from_str(content_type).expect("a media type"),
        );
    }
    owner.api.send(request).await
}

/// Nothing that was refused has left an export, or used up the person's limit.
async fn nothing_came_of_it(owner: &Owner) {
    let list = owner.api.get(&owner.path()).await.expect_status(200).json();
    assert_eq!(
        list["exports"],
        json!([]),
        "a refused request left an export"
    );
    for _ in 0..3 {
        owner.request("csv").await;
    }
}

#[tokio::test]
async fn a_body_is_a_json_object_sent_as_such() {
    let stack = Stack::get();
    let owner = Owner::new(&stack, "Ana").await;
    let json = "application/json";
    for text in [
        "",
        "{",
        "not json",
        "[]",
        "\"orders\"",
        "7",
        "null",
        "{\"type\": \"orders\",}",
        "\u{feff}{}",
    ] {
        let problem = problem(&send_text(&owner, Some(json), text).await, 400);
        assert!(
            problem["detail"]
                .as_str()
                .is_some_and(|detail| detail.contains("JSON")),
            "{text:?}: {problem:#}"
        );
    }
    let whole = csv().to_string();
    for content_type in [
        None,
        Some("text/plain"),
        Some("application/x-www-form-urlencoded"),
        Some("application/jsonp"),
    ] {
        problem(&send_text(&owner, content_type, whole.clone()).await, 415);
    }
    nothing_came_of_it(&owner).await;
}

#[tokio::test]
async fn a_body_may_have_64_kilobytes() {
    let stack = Stack::get();
    let owner = Owner::new(&stack, "Ana").await;
    let spaces = |size: usize| {
        let body = csv().to_string();
        format!("{body}{}", " ".repeat(size - body.len()))
    };
    problem(
        &send_text(&owner, Some("application/json"), spaces(64 * 1024 + 1)).await,
        413,
    );
    problem(
        &send_text(&owner, Some("application/json"), spaces(1024 * 1024)).await,
        413,
    );
    let largest = send_text(
        &owner,
        Some("application/json; charset=utf-8"),
        spaces(64 * 1024),
    )
    .await;
    largest.expect_status(201);
}

#[tokio::test]
async fn type_and_format_are_required_and_known() {
    let stack = Stack::get();
    let owner = Owner::new(&stack, "Ana").await;
    let post = async |body: Value| owner.api.post(&owner.path(), body).await;
    refuses_fields(&post(json!({})).await, &["format", "type"]);
    refuses_fields(
        &post(json!({"type": null, "format": null})).await,
        &["format", "type"],
    );
    for value in [
        json!("invoices"),
        json!(""),
        json!("Orders"),
        json!(7),
        json!(["orders"]),
        json!({"orders": true}),
    ] {
        refuses_fields(&post(with("type", value)).await, &["type"]);
    }
    for value in [
        json!("pdf"),
        json!("CSV"),
        json!(""),
        json!(true),
        json!(["csv", "xlsx"]),
    ] {
        refuses_fields(&post(with("format", value)).await, &["format"]);
    }
    nothing_came_of_it(&owner).await;
}

#[tokio::test]
async fn a_type_belongs_to_one_kind_of_parent() {
    let stack = Stack::get();
    let admin = caller(&stack, "chidi", "organization:acme source:web-leads").await;
    for path in [
        "/v1/organizations/acme/exports",
        "/v1/sources/web-leads/exports",
    ] {
        refuses_fields(&admin.post(path, csv()).await, &["type"]);
    }
}

#[tokio::test]
async fn a_field_that_nobody_knows_is_refused_by_its_name() {
    let stack = Stack::get();
    let owner = Owner::new(&stack, "Ana").await;
    for field in [
        "formats",
        "filter",
        "id",
        "status",
        "organization_id",
        "Type",
        "__proto__",
        "é",
    ] {
        refuses_fields(
            &owner.api.post(&owner.path(), with(field, json!("x"))).await,
            &[field],
        );
    }
    nothing_came_of_it(&owner).await;
}

#[tokio::test]
async fn columns_are_known_and_named_once() {
    let stack = Stack::get();
    let owner = Owner::new(&stack, "Ana").await;
    for value in [
        json!([]),
        json!("id"),
        json!(["id", "id"]),
        json!(["id", "secret"]),
        json!([1]),
        json!({}),
    ] {
        let answer = owner.api.post(&owner.path(), with("columns", value)).await;
        let problem = problem(&answer, 422);
        let field = problem["errors"][0]["field"].as_str().unwrap_or_default();
        assert!(field.starts_with("columns"), "{problem:#}");
    }
    let export = owner
        .request_with(with("columns", json!(["amount", "id"])))
        .await;
    assert_eq!(
        export["columns"],
        json!(["amount", "id"]),
        "in the order that they were asked for"
    );
}

#[tokio::test]
async fn profile_time_zone_search_and_user_are_what_they_say() {
    let stack = Stack::get();
    let owner = Owner::new(&stack, "Ana").await;
    for (field, values) in [
        ("profile", vec![json!("excel"), json!(""), json!(1)]),
        (
            "time_zone",
            vec![
                json!("Mars/Olympus"),
                json!("+01:00"),
                json!(""),
                json!(1),
                json!("../etc/passwd"),
            ],
        ),
        (
            "search",
            vec![json!("x".repeat(201)), json!(1), json!(["ana"])],
        ),
        ("filters", vec![json!([]), json!("status"), json!(1)]),
    ] {
        for value in values {
            refuses_fields(
                &owner.api.post(&owner.path(), with(field, value)).await,
                &[field],
            );
        }
    }
    // Naming another person is not for people at all.
    problem(
        &owner
            .api
            .post(&owner.path(), with("user", json!({"id": "u-1"})))
            .await,
        403,
    );

    let mut body = with("time_zone", json!("Europe/Lisbon"));
    body["profile"] = json!("data");
    body["search"] = json!("  José ");
    let export = owner.request_with(body).await;
    assert_eq!(
        (&export["time_zone"], &export["profile"]),
        (&json!("Europe/Lisbon"), &json!("data"))
    );
    assert_eq!(export["search"], "José");
}

#[tokio::test]
async fn filters_are_known_and_hold_values_of_their_kind() {
    let stack = Stack::get();
    let owner = Owner::new(&stack, "Ana").await;
    for filters in [
        json!({"color": "red"}),
        json!({"customer": "Ana"}),
        json!({"status": []}),
        json!({"status": "lost"}),
        json!({"status": ["delivered", "lost"]}),
        json!({"status": {"is": "delivered"}}),
        json!({"status": 7}),
        json!({"created_at": "2017-10-01"}),
        json!({"created_at": {"from": "yesterday"}}),
        json!({"created_at": {"from": "2017-02-30"}}),
        json!({"created_at": {"from": 1_506_816_000}}),
        json!({"created_at": {"after": "2017-10-01"}}),
        json!({"created_at": {"from": "2017-11-01", "to": "2017-10-01"}}),
        json!({"created_at": {"to": "-30"}}),
        json!({"attributes": {"vip": true}}),
    ] {
        let answer = owner
            .api
            .post(&owner.path(), with("filters", filters.clone()))
            .await;
        let problem = problem(&answer, 422);
        let name = filters
            .as_object()
            .and_then(|all| all.keys().next())
            .expect("a filter");
        let fields: Vec<&str> = problem["errors"]
            .as_array()
            .expect("errors")
            .iter()
            .filter_map(|e| e["field"].as_str())
            .collect();
        assert!(
            fields.iter().all(|field| field.contains(name.as_str())),
            "{filters}: {problem:#}"
        );
    }
    nothing_came_of_it(&owner).await;
}

#[tokio::test]
async fn filters_are_shown_as_they_were_understood() {
    let stack = Stack::get();
    let owner = Owner::new(&stack, "Ana").await;
    for nothing in [json!(null), json!({}), json!({"status": null})] {
        let export = owner.request_with(with("filters", nothing.clone())).await;
        assert!(
            export["filters"].is_null(),
            "{nothing} is no filter: {export:#}"
        );
    }
    let owner = owner.colleague("Berta").await;
    let mut body = with(
        "filters",
        json!({"status": "delivered", "created_at": {"from": "2017-10-01", "to": "-1d"}}),
    );
    body["time_zone"] = json!("America/Sao_Paulo");
    let export = owner.request_with(body).await;
    assert_eq!(export["filters"]["status"], json!(["delivered"]));
    let created = &export["filters"]["created_at"];
    assert_eq!(
        created["from"], "2017-10-01T03:00:00Z",
        "a date begins at midnight in the export's time zone"
    );
    let instant = |value: &Value| {
        value
            .as_str()
            .and_then(|text| text.parse::<jiff::Timestamp>().ok())
    };
    let (to, asked) = (instant(&created["to"]), instant(&export["created_at"]));
    let span = asked
        .expect("created_at")
        .duration_since(to.expect("an instant"));
    assert!(
        (span - jiff::SignedDuration::from_hours(24)).abs() <= jiff::SignedDuration::from_hours(1),
        "{export:#}"
    );
}
