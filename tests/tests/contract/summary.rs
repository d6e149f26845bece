//! The summary: how much is exported, by whom and when.

use jiff::tz::TimeZone;
use serde_json::{Value, json};
use waybill_tests::{Caller, Owner, Stack, generated_orders, load_orders, orders_csv, unique};

use super::{caller, csv, problem, refuses_fields};

/// The sums of the days, which people's sums must be too.
#[track_caller]
fn sums(summary: &Value) -> [u64; 4] {
    let of = |list: &str| {
        ["exports", "downloads", "rows", "bytes"].map(|figure| {
            let entries = summary[list].as_array().expect("a list");
            entries
                .iter()
                .filter_map(|entry| entry[figure].as_u64())
                .sum()
        })
    };
    assert_eq!(of("days"), of("people"), "{summary:#}");
    of("days")
}

async fn summary(api: &Caller, path: &str) -> Value {
    api.get(&format!("{path}/summary"))
        .await
        .expect_status(200)
        .json()
}

#[tokio::test]
async fn what_is_extracted_is_counted_once_by_day_and_person() {
    let stack = Stack::get();
    let ana = Owner::new(&stack, "Ana").await;
    assert_eq!(sums(&summary(&ana.api, &ana.path()).await), [0; 4]);
    load_orders(&stack, ana.project, orders_csv(&generated_orders(40))).await;
    let berta = ana.colleague("Berta").await;
    let first = ana.succeeded(csv()).await;
    let second = berta
        .succeeded(json!({"type": "orders", "format": "xlsx"}))
        .await;
    ana.download(&first).await;
    berta.download(&first).await;
    berta.download(&first).await;
    problem(
        &caller(&stack, "bruno", "")
            .await
            .get(&ana.link(&first))
            .await,
        404,
    );

    let found = summary(&ana.api, &ana.path()).await;
    let size = |export: &Value| export["size"].as_u64().expect("a size");
    assert_eq!(
        sums(&found),
        [2, 3, 80, size(&first) + size(&second)],
        "{found:#}"
    );
    let person = |owner: &Owner| {
        let people = found["people"].as_array().expect("people");
        let person = people
            .iter()
            .find(|person| person["user"]["id"] == owner.sub.as_str());
        person
            .unwrap_or_else(|| panic!("no {} in {found:#}", owner.sub))
            .clone()
    };
    assert_eq!(
        person(&ana),
        json!({"user": {"id": ana.sub, "name": ana.name}, "exports": 1, "downloads": 1, "rows": 40, "bytes": size(&first)})
    );
    assert_eq!(
        person(&berta),
        json!({"user": {"id": berta.sub, "name": berta.name}, "exports": 1, "downloads": 2, "rows": 40, "bytes": size(&second)})
    );

    // The days are those of the exports' instants, in UTC.
    let created: jiff::Timestamp = first["created_at"]
        .as_str()
        .expect("an instant")
        .parse()
        .expect("RFC 3339");
    let day = TimeZone::UTC.to_datetime(created).date();
    let (before, after) = (
        day.yesterday().expect("a day"),
        day.tomorrow().expect("a day"),
    );
    let days = ana
        .api
        .get(&format!("{}/summary?from={day}&to={}", ana.path(), after))
        .await
        .expect_status(200)
        .json();
    assert_eq!(days["days"][0]["date"], day.to_string());
    let earlier = ana
        .api
        .get(&format!("{}/summary?from={before}&to={day}", ana.path()))
        .await
        .expect_status(200)
        .json();
    assert_eq!(sums(&earlier), [0; 4], "{earlier:#}");
}

#[tokio::test]
async fn an_organizations_summary_is_of_its_projects() {
    let stack = Stack::get();
    let organization = format!("org-{}", unique());
    let staff = caller(&stack, "yuki", "staff").await;
    let (film, book) = (
        Owner::new(&stack, "Ana").await,
        Owner::new(&stack, "Bruno").await,
    );
    film.request("csv").await;
    for owner in [&film, &book] {
        let body = json!({"name": "A project", "organization_id": organization});
        staff
            .put(&format!("/v1/projects/{}", owner.project), body)
            .await
            .expect_status(200);
        owner.request("csv").await;
    }
    let path = format!("/v1/organizations/{organization}/exports");
    let admin = caller(&stack, "chidi", &format!("organization:{organization}")).await;
    for who in [&admin, &staff] {
        assert_eq!(sums(&summary(who, &path).await)[0], 2);
    }
    // What was asked for before the project belonged to the organization is none of its business.
    assert_eq!(sums(&summary(&admin, &film.path()).await)[0], 1);
    assert_eq!(sums(&summary(&film.api, &film.path()).await)[0], 2);
    problem(&film.api.get(&format!("{path}/summary")).await, 404);
    problem(
        &book.api.get(&format!("{}/summary", film.path())).await,
        404,
    );
    assert_eq!(
        stack
            .stranger()
            .get(&format!("{path}/summary"))
            .await
            .status,
        401
    );
}

#[tokio::test]
async fn a_range_that_is_none_is_refused() {
    let stack = Stack::get();
    let owner = Owner::new(&stack, "Ana").await;
    for (query, field) in [
        ("from=soon", "from"),
        ("to=2026-13-01", "to"),
        ("from=2026-01-02&to=2026-01-01", "to"),
        ("from=2026-01-01&to=2026-01-01", "to"),
        ("from=2026-01-01&to=2026-12-31", "to"),
        ("day=2026-01-01", "day"),
    ] {
        refuses_fields(
            &owner
                .api
                .get(&format!("{}/summary?{query}", owner.path()))
                .await,
            &[field],
        );
    }
}
