//! Bodies of requests: every invalid field is refused, with its name and an explanation.

use jiff::{SignedDuration, Timestamp};
use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use serde_json::{Value, json};
use waybill_tests::requests::*;
use waybill_tests::{Answer, Deployment, Owner};

/// A minimal request of an export, with this field.
fn with(field: &str, value: Value) -> Value {
    let mut body = csv();
    body[field] = value;
    body
}

async fn send_text(owner: &Owner, content_type: Option<&str>, body: impl Into<String>) -> Answer {
    let mut request = owner.api.request(Method::POST, &owner.path());
    if let Some(content_type) = content_type {
        request = request.header(CONTENT_TYPE, content_type);
    }
    owner.api.send(request.body(body.into())).await
}

/// Checks that the refused requests created no export and do not count for the person's limit.
async fn nothing_came_of_it(owner: &Owner) {
    let list = owner.api.read(&owner.path()).await;
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
async fn a_body_must_be_a_json_object_with_the_content_type_json() {
    let owner = Owner::new(&Deployment::get(), "Ana").await;
    let json = Some("application/json");
    let another = "it is another JSON value";
    for (text, why) in [
        ("", "EOF while parsing a value at line 1 column 0"),
        ("{", "EOF while parsing an object at line 1 column 1"),
        ("{\"type\":", "EOF while parsing a value at line 1 column 8"),
        ("not json", "expected ident at line 1 column 2"),
        (
            "{\"type\": \"orders\",}",
            "trailing comma at line 1 column 19",
        ),
        ("\u{feff}{}", "expected value at line 1 column 1"),
        ("[]", another),
        ("\"orders\"", another),
        ("7", another),
        ("null", another),
    ] {
        let said = send_text(&owner, json, text).await.problem();
        assert_eq!(
            said,
            format!("400 The body must be a JSON object: {why}."),
            "{text:?}"
        );
    }
    let deep = "[".repeat(10_000);
    problem(&send_text(&owner, json, deep).await, 400);
    for content_type in [
        None,
        Some("text/plain"),
        Some("application/x-www-form-urlencoded"),
        Some("application/jsonp"),
    ] {
        let said = send_text(&owner, content_type, csv().to_string())
            .await
            .problem();
        assert_eq!(
            said,
            "415 Send the body as `Content-Type: application/json`."
        );
    }
    nothing_came_of_it(&owner).await;
}

#[tokio::test]
async fn a_body_may_have_64_kilobytes() {
    let owner = Owner::new(&Deployment::get(), "Ana").await;
    let json = Some("application/json");
    let spaces = |size: usize| {
        let body = csv().to_string();
        format!("{body}{}", " ".repeat(size - body.len()))
    };
    for size in [64 * 1024 + 1, 1024 * 1024] {
        let said = send_text(&owner, json, spaces(size)).await.problem();
        assert_eq!(said, "413 The body may have at most 65536 bytes.");
    }
    for content_type in [
        "application/json; charset=utf-8",
        "Application/JSON; charset=utf-8",
    ] {
        let largest = send_text(&owner, Some(content_type), spaces(64 * 1024)).await;
        largest.expect_status(201);
    }
}

/// Checks that every value of the list is refused in this field, with the field's name.
async fn refuses(owner: &Owner, field: &str, values: Value) {
    for value in values.as_array().expect("values") {
        let answer = owner
            .api
            .post(&owner.path(), with(field, value.clone()))
            .await;
        refuses_fields(&answer, &[field]);
    }
}

#[tokio::test]
async fn missing_and_unknown_types_and_formats_are_refused() {
    let owner = Owner::new(&Deployment::get(), "Ana").await;
    for body in [json!({}), json!({"type": null, "format": null})] {
        let answer = owner.api.post(&owner.path(), body).await;
        refuses_fields(&answer, &["format", "type"]);
    }
    let types = json!(["invoices", "", "Orders", 7, ["orders"], {"orders": true}]);
    refuses(&owner, "type", types).await;
    refuses(
        &owner,
        "format",
        json!(["pdf", "CSV", "", true, ["csv", "xlsx"]]),
    )
    .await;
    nothing_came_of_it(&owner).await;
}

#[tokio::test]
async fn invalid_fields_are_named_with_the_accepted_values() {
    let owner = Owner::new(&Deployment::get(), "Ana").await;
    let post = async |body: Value| owner.api.post(&owner.path(), body).await.problem();
    insta::assert_snapshot!(post(json!({"type": "invoices", "format": "pdf", "limit": 5})).await, @"
    422 3 fields are invalid; see `errors`.
    limit: is unknown; the fields are type, format, filters, search, columns, profile, headers, order, time_zone, locale, user
    type: must be one of orders
    format: must be csv or xlsx
    ");
    let backward = json!({"created_at": {"from": "-1d", "to": "-2d"}});
    insta::assert_snapshot!(post(with("filters", backward)).await, @"
    422 `filters.created_at.to` must be after `from`; it is the first instant not in the range.
    filters.created_at.to: must be after `from`; it is the first instant not in the range
    ");
    nothing_came_of_it(&owner).await;
}

#[tokio::test]
async fn a_type_belongs_to_one_kind_of_parent() {
    let admin = caller(
        &Deployment::get(),
        "chidi",
        "organization:acme source:web-leads",
    )
    .await;
    for path in [
        "/v1/organizations/acme/exports",
        "/v1/sources/web-leads/exports",
    ] {
        assert_eq!(
            admin.post(path, csv()).await.problem(),
            "422 `type` belongs to a project; export it there.\ntype: belongs to a project; export it there"
        );
    }
}

#[tokio::test]
async fn an_unknown_field_is_refused_with_its_name() {
    let owner = Owner::new(&Deployment::get(), "Ana").await;
    let fields = "formats filter id status organization_id Type __proto__ é";
    for field in fields.split(' ') {
        refuses(&owner, field, json!(["x"])).await;
    }
    nothing_came_of_it(&owner).await;
}

/// The fields with errors in an answer.
fn wrong(answer: &Answer) -> Vec<String> {
    let errors = problem(answer, 422)["errors"].clone();
    let errors = errors.as_array().expect("errors").iter();
    let field = |error: &Value| error["field"].as_str().expect("a field").to_owned();
    errors.map(field).collect()
}

#[tokio::test]
async fn unknown_and_repeated_columns_are_refused() {
    let owner = Owner::new(&Deployment::get(), "Ana").await;
    let values = json!([[], "id", ["id", "id"], ["id", "secret"], [1], {}]);
    for value in values.as_array().expect("values") {
        let answer = owner
            .api
            .post(&owner.path(), with("columns", value.clone()))
            .await;
        assert!(wrong(&answer)[0].starts_with("columns"), "{value}");
    }
    // In the order of the request.
    let asked = json!(["amount", "id"]);
    let export = owner.request_with(with("columns", asked.clone())).await;
    assert_eq!(export["columns"], asked);
}

#[tokio::test]
async fn invalid_profiles_time_zones_searches_and_users_are_refused() {
    let owner = Owner::new(&Deployment::get(), "Ana").await;
    refuses(&owner, "profile", json!(["excel", "", 1])).await;
    let zones = json!(["Mars/Olympus", "+01:00", "", 1, "../etc/passwd"]);
    refuses(&owner, "time_zone", zones).await;
    refuses(&owner, "search", json!(["x".repeat(201), 1, ["ana"]])).await;
    refuses(&owner, "filters", json!([[], "status", 1])).await;
    // People cannot name another person.
    let named = with("user", json!({"id": "u-1"}));
    assert_eq!(
        owner.api.post(&owner.path(), named).await.problem(),
        "403 Only a token with the grant `service` may name the user that an export is for."
    );

    let mut body = with("time_zone", json!("Europe/Lisbon"));
    body["profile"] = json!("data");
    body["search"] = json!("  José ");
    let export = owner.request_with(body).await;
    for (field, value) in [
        ("time_zone", "Europe/Lisbon"),
        ("profile", "data"),
        ("search", "José"),
    ] {
        assert_eq!(export[field], value);
    }
}

#[tokio::test]
async fn unknown_filters_and_values_of_another_kind_are_refused() {
    let owner = Owner::new(&Deployment::get(), "Ana").await;
    for filters in [
        json!({"color": "red"}),
        json!({"color": null}),
        json!({"color": {}}),
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
        json!({"attributes": null}),
    ] {
        let answer = owner
            .api
            .post(&owner.path(), with("filters", filters.clone()))
            .await;
        let name = filters.as_object().and_then(|all| all.keys().next());
        let name = name.expect("a filter").as_str();
        assert!(
            wrong(&answer).iter().all(|field| field.contains(name)),
            "{filters}: {answer:?}"
        );
    }
    nothing_came_of_it(&owner).await;
}

#[tokio::test]
async fn filters_are_shown_as_they_were_interpreted() {
    let owner = Owner::new(&Deployment::get(), "Ana").await;
    for nothing in [json!(null), json!({}), json!({"status": null})] {
        let export = owner.request_with(with("filters", nothing.clone())).await;
        assert!(
            export["filters"].is_null(),
            "{nothing} is no filter: {export:#}"
        );
    }
    let owner = owner.colleague("Berta").await;
    // The end of the years stands for no end.
    for end in ["9999-12-31", "9999-12-31T23:59:59Z"] {
        let filters = json!({"created_at": {"to": end}});
        let export = owner.request_with(with("filters", filters)).await;
        let to = &export["filters"]["created_at"]["to"];
        assert_eq!(to, "9999-12-30T22:00:00.999999999Z", "{end}");
    }
    let mut body = with(
        "filters",
        json!({"status": "delivered", "created_at": {"from": "2017-10-01", "to": "-1d"}}),
    );
    body["time_zone"] = json!("America/Sao_Paulo");
    let export = owner.request_with(body).await;
    assert_eq!(export["filters"]["status"], json!(["delivered"]));
    let created = &export["filters"]["created_at"];
    // A date means midnight in the export's time zone.
    assert_eq!(created["from"], "2017-10-01T03:00:00Z");
    let instant = |value: &Value| -> Timestamp { value.as_str().unwrap().parse().unwrap() };
    let day = instant(&export["created_at"]).duration_since(instant(&created["to"]));
    assert_eq!(day, SignedDuration::from_hours(24), "{export:#}");
}
