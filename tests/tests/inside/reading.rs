//! How much is read of the host's records.
//! The clock stands still, since a call ends once it has read for 2 s, however little it has found.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use serde_json::json;
use waybill::catalog::Catalog;
use waybill_tests::InProcess;

use super::Service;

/// A count reads for up to two seconds.
#[tokio::test(start_paused = true)]
async fn records_of_a_parent_are_counted_only_so_often_within_a_minute() {
    let service = Service::default();
    let second = service.0.now().as_second() % 60;
    let path = "/v1/projects/42/records/orders/count";
    let none = json!({"value": 0, "exact": true});
    for _ in 0..60 {
        assert_eq!(service.ana().read(path).await, none);
    }
    let refused = service.by("u-2", "project:42").get(path).await;
    let left = (60 - second).to_string();
    assert_eq!(refused.header("retry-after"), left);
    let problem = refused.expect_status(429).json();
    assert_eq!(
        problem["detail"],
        format!(
            "These records have been counted 60 times within a minute. Count them again in {left} s."
        )
    );
    let other = service.by("u-17", "project:43");
    assert_eq!(other.read(&path.replace("42", "43")).await, none);
    service.0.pass(SignedDuration::from_secs(60 - second));
    assert_eq!(service.ana().read(path).await, none);
}

/// A page of one more than is asked for is enough where everything matches; a rare match makes the next ones longer.
#[tokio::test(start_paused = true)]
async fn no_more_is_read_than_is_needed() {
    let service = Service::default();
    service.table("host-records", |table| {
        for n in 0..60 {
            let day = format!("2026-{:02}-{:02}T00:00:00Z", 1 + n / 28, 1 + n % 28);
            let item = json!({"pk": {"S": "orders#42"}, "sk": {"S": format!("{day}#o-{n:03}")},
                "id": {"S": format!("o-{n:03}")}, "created_at": {"S": day}});
            table.put(item.as_object().unwrap().clone());
        }
    });
    // There are none after the present, and none in the last minute.
    for (query, examined) in [
        ("limit=5", &[0, 0, 6][..]),
        ("limit=1&search=o-000", &[0, 0, 2, 8, 32, 18]),
    ] {
        let path = format!("/v1/projects/42/records/orders?{query}");
        service.ana().get(&path).await.expect_status(200);
        assert_eq!(service.0.services().examined(), examined, "{query}");
    }
}

/// API Gateway takes 10,240 bytes of request line and headers.
#[tokio::test(start_paused = true)]
async fn a_cursor_stays_short_with_many_partitions_and_long_keys() {
    const PARTITIONS: usize = 12;
    let keys: Vec<String> = (0..PARTITIONS)
        .map(|n| format!("orders#{{parent}}#{n}"))
        .collect();
    let catalog = include_str!("../../../infra/catalog.toml").replace(
        r#"partition = "orders#{parent}""#,
        &format!("partitions = {keys:?}"),
    );
    let service = Service(InProcess::with_catalog(Catalog::parse(&catalog).unwrap()));
    service.table("host-records", |table| {
        for n in 0..2 * PARTITIONS {
            let (day, id) = (
                format!("2026-10-{:02}T00:00:00Z", n + 1),
                format!("{n:0900}"),
            );
            let item = json!({"pk": {"S": format!("orders#42#{}", n % PARTITIONS)},
                "sk": {"S": format!("{day}#{id}")}, "id": {"S": id}, "created_at": {"S": day}});
            table.put(item.as_object().unwrap().clone());
        }
    });

    let first = "/v1/projects/42/records/orders?limit=5".to_owned();
    let (mut path, mut found, mut pages) = (first.clone(), BTreeSet::new(), 0);
    loop {
        let page = service.ana().read(&path).await;
        for record in page["records"].as_array().unwrap() {
            assert!(found.insert(record["id"].as_str().unwrap().to_owned()));
        }
        pages += 1;
        let Some(next) = page["meta"]["next"].as_str() else {
            break;
        };
        assert!(next.len() < 2_000, "{} bytes", next.len());
        path = format!("{first}&cursor={next}");
    }
    assert_eq!((found.len(), pages), (2 * PARTITIONS, 5));

    // A position is kept for a day.
    service.table("limits", |table| {
        table
            .items
            .retain(|(key, _), _| !format!("{key:?}").contains("position#"))
    });
    let answer = service.ana().get(&path).await;
    assert!(
        answer.problem().starts_with("422 `cursor` must be"),
        "{answer:?}"
    );
}
