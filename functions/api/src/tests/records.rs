//! `GET …/records/{type}`.

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};

use crate::testing::Service;

const PATH: &str = "/v1/projects/42/records/orders";

fn s(text: &str) -> AttributeValue {
    AttributeValue::S(text.into())
}

/// Orders of project 42, one a day from 2026-11-01 on: every third one is canceled.
fn with_orders(count: usize) -> Service {
    let service = Service::default();
    for n in 0..count {
        let status = if n % 3 == 0 { "canceled" } else { "delivered" };
        let day = format!("2026-{:02}-{:02}T00:00:00Z", 1 + n / 28, 1 + n % 28);
        service
            .records
            .add(&day, &format!("o-{n:03}"), &[("status", s(status))]);
    }
    service
}

fn ids(list: &Value) -> Vec<&str> {
    let records = list["records"].as_array().unwrap();
    records
        .iter()
        .map(|record| record["id"].as_str().unwrap())
        .collect()
}

/// The ids of every page, and the last page.
async fn all(service: &Service, query: &str) -> (Vec<String>, Value) {
    let (mut found, mut cursor) = (Vec::new(), String::new());
    for _ in 0..100 {
        let answer = service.get(&format!("{PATH}?{query}{cursor}")).send().await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let list = answer.json();
        found.extend(ids(&list).into_iter().map(str::to_owned));
        let count = &list["meta"]["count"];
        assert_eq!(count["value"], found.len(), "{list:#}");
        assert_eq!(count["exact"], list["meta"]["next"].is_null());
        match list["meta"]["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return (found, list),
        }
    }
    panic!("the list does not end");
}

#[tokio::test]
async fn a_record_has_its_columns_as_json() {
    let service = Service::default();
    let amount = AttributeValue::N("12.50".into());
    let more = [
        ("amount", amount),
        ("items", AttributeValue::N("3".into())),
        ("freight", AttributeValue::N("0.1234567890123456789".into())),
        ("customer", s("=1+1")),
        ("secret", s("of no column")),
    ];
    service.records.add("2026-11-01T12:00:00Z", "o-1", &more);
    let list = service.get(PATH).send().await.json();
    insta::assert_json_snapshot!(list, @r#"
    {
      "records": [
        {
          "id": "o-1",
          "reference": null,
          "status": null,
          "created_at": "2026-11-01T12:00:00Z",
          "updated_at": null,
          "delivered_at": null,
          "customer": "=1+1",
          "city": null,
          "state": null,
          "items": 3,
          "amount": 12.5,
          "freight": "0.1234567890123456789",
          "currency": null,
          "payment": null
        }
      ],
      "meta": {
        "limit": 25,
        "next": null,
        "count": {
          "value": 1,
          "exact": true
        }
      }
    }
    "#);
    let path = format!("{PATH}?columns=created_at&columns=id&time_zone=america/sao_paulo");
    let list = service.get(&path).send().await.json();
    assert_eq!(
        list["records"],
        json!([{"created_at": "2026-11-01T09:00:00-03:00", "id": "o-1"}])
    );
}

#[tokio::test]
async fn pages_follow_each_other_newest_first_and_count_what_they_found() {
    let service = with_orders(60);
    let newest_first: Vec<String> = (0..60).rev().map(|n| format!("o-{n:03}")).collect();
    for limit in [1, 7, 20, 59, 60, 61, 100] {
        let (found, _) = all(&service, &format!("limit={limit}")).await;
        assert_eq!(found, newest_first, "limit {limit}");
    }
    let canceled: Vec<String> = (0..60)
        .rev()
        .filter(|n| n % 3 == 0)
        .map(|n| format!("o-{n:03}"))
        .collect();
    for limit in [1, 6, 20, 100] {
        let (found, _) = all(&service, &format!("status=canceled&limit={limit}")).await;
        assert_eq!(found, canceled, "limit {limit}");
    }
    let (found, last) = all(
        &service,
        "search=O-01&created_at.from=2026-01-13&created_at.to=2026-01-17",
    )
    .await;
    assert_eq!(found, ["o-015", "o-014", "o-013", "o-012"]);
    assert_eq!(last["meta"]["count"], json!({"value": 4, "exact": true}));
}

#[tokio::test]
async fn what_comes_later_shifts_no_page() {
    let service = with_orders(6);
    let first = service.get(&format!("{PATH}?limit=2")).send().await.json();
    assert_eq!(ids(&first), ["o-005", "o-004"]);
    // After the present of the first page, in the minute that is read strongly consistently.
    service.records.add("2026-11-21T12:01:03Z", "o-new", &[]);
    // And one that came before it, but below what is still to be shown.
    service.records.add("2026-01-01T00:00:01Z", "o-old", &[]);
    let next = first["meta"]["next"].as_str().unwrap();
    let rest = service
        .get(&format!("{PATH}?cursor={next}"))
        .send()
        .await
        .json();
    assert_eq!(ids(&rest), ["o-003", "o-002", "o-001", "o-old", "o-000"]);
    assert_eq!(rest["meta"]["count"], json!({"value": 7, "exact": true}));
}

/// A page of one more than is asked for is enough where everything matches; a rare match makes the next ones longer.
#[tokio::test]
async fn no_more_is_read_than_is_needed() {
    let service = with_orders(60);
    service.get(&format!("{PATH}?limit=5")).send().await;
    // There are none after the present, and none in the last minute.
    assert_eq!(*service.records.queries.lock().unwrap(), [0, 0, 6]);
    service.records.queries.lock().unwrap().clear();
    service
        .get(&format!("{PATH}?limit=1&search=o-000"))
        .send()
        .await;
    assert_eq!(
        *service.records.queries.lock().unwrap(),
        [0, 0, 2, 8, 32, 18]
    );
}

#[tokio::test]
async fn a_call_ends_when_enough_was_examined_and_the_next_goes_on() {
    let service = with_orders(60);
    *service.records.size.lock().unwrap() = 200_000;
    let list = service
        .get(&format!("{PATH}?search=o-000&limit=9"))
        .send()
        .await
        .json();
    assert_eq!(ids(&list), [""; 0]);
    assert_eq!(list["meta"]["count"], json!({"value": 0, "exact": false}));
    let (found, _) = all(&service, "search=o-000&limit=9").await;
    assert_eq!(found, ["o-000"]);
}

#[tokio::test]
async fn a_list_is_no_longer_than_lambda_answers() {
    let service = Service::default();
    for n in 0..30 {
        let long = s(&"x".repeat(350_000));
        service.records.add(
            &format!("2026-11-01T00:00:{n:02}Z"),
            &format!("o-{n:02}"),
            &[("customer", long)],
        );
    }
    let answer = service.get(&format!("{PATH}?limit=100")).send().await;
    assert!(answer.text.len() < 5_000_000, "{}", answer.text.len());
    let (found, _) = all(&service, "limit=100").await;
    assert_eq!(found.len(), 30);
}

#[tokio::test]
async fn a_cursor_is_of_its_type_filters_columns_and_zone() {
    let service = with_orders(6);
    let path = format!("{PATH}?limit=1&created_at.from=-365d&status=delivered");
    let list = service.get(&path).send().await.json();
    let cursor = list["meta"]["next"].as_str().unwrap();
    let again =
        format!("{PATH}?status=delivered&created_at.from=-365d&limit=3&search=%20&cursor={cursor}");
    assert_eq!(
        ids(&service.get(&again).send().await.json()),
        ["o-004", "o-002", "o-001"]
    );
    for query in [
        "status=delivered",
        "status=delivered&created_at.from=-364d",
        "status=delivered&created_at.from=-365d&search=o",
        "status=delivered&created_at.from=-365d&time_zone=Europe/Lisbon",
        "status=delivered&created_at.from=-365d&columns=id",
    ] {
        let answer = service
            .get(&format!("{PATH}?{query}&cursor={cursor}"))
            .send()
            .await;
        assert!(
            answer
                .problem()
                .starts_with("422 `cursor` must be the `next`"),
            "{query}"
        );
    }
    let elsewhere = format!(
        "/v1/projects/43/records/orders?created_at.from=-365d&status=delivered&cursor={cursor}"
    );
    let answer = service.get(&elsewhere).grants("project:43").send().await;
    assert!(answer.problem().starts_with("422 `cursor`"));
}

#[tokio::test]
async fn only_those_who_may_export_read_records() {
    let service = with_orders(1);
    for grants in ["project:42", "project:42 staff"] {
        assert_eq!(
            service.get(PATH).grants(grants).send().await.status,
            200,
            "{grants}"
        );
    }
    let staff = service.get(PATH).grants("staff").send().await;
    assert_eq!(
        staff.problem(),
        "403 You may see exports here, but not read records."
    );
    for grants in ["", "project:43", "organization:acme", "service"] {
        let answer = service.get(PATH).grants(grants).send().await;
        assert_eq!(answer.status, 404, "{grants}");
    }
    let described = json!({"name": "Film", "organization_id": "acme"});
    service
        .put("/v1/projects/42", described)
        .grants("staff")
        .send()
        .await;
    assert_eq!(
        service
            .get(PATH)
            .grants("organization:acme")
            .send()
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn what_no_export_could_be_asked_for_is_refused() {
    let service = with_orders(1);
    let unknown = service.get("/v1/projects/42/records/invoices").send().await;
    assert_eq!(unknown.status, 404);
    let elsewhere = service
        .get("/v1/sources/42/records/orders")
        .grants("source:42")
        .send()
        .await;
    insta::assert_snapshot!(elsewhere.problem(), @"
    422 `type` belongs to a project; read it there.
    type: belongs to a project; read it there
    ");
    let query = "limit=0&columns=nothing&time_zone=Mars&status=lost&colour=red&created_at.from=soon&search=a&search=b";
    insta::assert_snapshot!(service.get(&format!("{PATH}?{query}")).send().await.problem(), @"
    422 7 fields are invalid; see `errors`.
    limit: must be a whole number from 1 to 100
    columns: no such column; orders has id, reference, status, created_at, updated_at, delivered_at, customer, city, state, items, amount, freight, currency, payment
    time_zone: must be the IANA name of a time zone, such as Europe/Lisbon
    search: must not be repeated
    status: must be one of created, approved, invoiced, processing, shipped, delivered, unavailable, canceled
    colour: is no filter of orders; its filters are status, created_at, state, payment
    created_at.from: must be an instant (2017-10-01T00:00:00Z), a date (2017-10-01), or how long ago in days or hours (-30d, -12h)
    ");
}

#[tokio::test]
async fn records_that_cannot_be_read_are_503_or_500_and_tell_nothing() {
    for (code, status) in [
        ("ResourceNotFoundException", 500),
        ("AccessDeniedException", 500),
        ("ValidationException", 500),
        ("SomethingNew", 503),
    ] {
        let service = with_orders(1);
        *service.records.error.lock().unwrap() = Some(code);
        let answer = service.get(PATH).send().await;
        assert_eq!(answer.status, status, "{code}");
        assert!(!answer.text.contains("secret") && !answer.text.contains("host-records"));
    }
}
