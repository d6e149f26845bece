//! `Idempotency-Key`: requests that may be repeated.

use futures::future::join_all;
use reqwest::Method;
use reqwest::header::HeaderValue;
use serde_json::{Value, json};
use waybill_tests::requests::*;
use waybill_tests::{Answer, Caller, Deployment, Owner, id, unique};

async fn post(caller: &Caller, path: &str, key: &str, body: Value) -> Answer {
    let key = HeaderValue::from_bytes(key.as_bytes()).expect("a header's value");
    let request = caller.request(Method::POST, path).json(&body);
    caller.send(request.header("idempotency-key", key)).await
}

/// The same; the request must be accepted.
async fn taken(caller: &Caller, path: &str, key: &str, body: Value) -> Answer {
    post(caller, path, key, body).await.expect_status(201)
}

async fn exports_of(owner: &Owner) -> usize {
    let list = owner.api.read(&owner.path()).await;
    list["exports"].as_array().expect("a list").len()
}

#[tokio::test]
async fn a_repeated_request_returns_the_current_export_and_does_not_count() {
    let owner = Owner::new(&Deployment::get(), "Ana").await;
    let key = unique().to_string();
    let first = taken(&owner.api, &owner.path(), &key, csv()).await;
    assert_eq!(first.header("idempotency-replayed"), "");
    let export = first.json();
    owner
        .reaches(id(&export), "succeeded", waybill_tests::FINISHED_WITHIN)
        .await;

    for _ in 0..5 {
        let again = taken(&owner.api, &owner.path(), &key, csv()).await;
        assert_eq!(again.header("idempotency-replayed"), "true");
        assert_eq!(again.header("location"), first.header("location"));
        let again = again.json();
        assert_eq!(again["status"], "succeeded");
        // The mail may be sent in between.
        let mut now = owner.export(id(&export)).await;
        now["mail"] = again["mail"].clone();
        assert_eq!(again, now);
    }
    assert_eq!(exports_of(&owner).await, 1);
    for _ in 0..2 {
        owner.request("csv").await;
    }
    // The limit is reached, but earlier requests are still answered.
    problem(&owner.api.post(&owner.path(), csv()).await, 429);
    taken(&owner.api, &owner.path(), &key, csv()).await;
}

#[tokio::test]
async fn concurrent_equal_requests_create_one_export() {
    let owner = Owner::new(&Deployment::get(), "Ana").await;
    let key = unique().to_string();
    let path = owner.path();
    let answers = join_all((0..10).map(|_| post(&owner.api, &path, &key, csv()))).await;
    let ids: std::collections::BTreeSet<u64> = answers
        .iter()
        .map(|answer| id(&answer.clone().expect_status(201).json()))
        .collect();
    assert_eq!(ids.len(), 1);
    let replayed = answers
        .iter()
        .filter(|answer| answer.header("idempotency-replayed") == "true")
        .count();
    assert_eq!(replayed, 9);
    assert_eq!(exports_of(&owner).await, 1);
}

#[tokio::test]
async fn another_request_with_the_same_key_is_refused_and_an_equivalent_body_is_not() {
    let owner = Owner::new(&Deployment::get(), "Ana").await;
    let key = unique().to_string();
    let relative =
        json!({"type": "orders", "format": "csv", "filters": {"created_at": {"from": "-30d"}}});
    let export = taken(&owner.api, &owner.path(), &key, relative.clone())
        .await
        .json();

    // Relative dates are compared as written, not as the instants that they mean.
    let words = json!({"format": "csv", "search": "  ", "filters": {"status": null, "created_at": {"from": "-30d"}},
        "columns": null, "time_zone": "UTC", "type": "orders"});
    let again = taken(&owner.api, &owner.path(), &key, words).await.json();
    assert_eq!(again["id"], export["id"]);
    assert_eq!(again["filters"], export["filters"]);

    for other in [
        csv(),
        json!({"type": "orders", "format": "xlsx", "filters": relative["filters"]}),
    ] {
        assert_eq!(
            post(&owner.api, &owner.path(), &key, other).await.problem(),
            "422 This Idempotency-Key was used for another request; use a new key for this one."
        );
    }
    assert_eq!(exports_of(&owner).await, 1);
}

#[tokio::test]
async fn a_key_belongs_to_one_person_and_one_path() {
    let deployment = Deployment::get();
    let ana = Owner::new(&deployment, "Ana").await;
    let berta = ana.colleague("Berta").await;
    let key = unique().to_string();
    let of_ana = taken(&ana.api, &ana.path(), &key, csv()).await.json();
    let of_berta = taken(&berta.api, &ana.path(), &key, csv()).await.json();
    assert_ne!(of_ana["id"], of_berta["id"]);

    let elsewhere = unique();
    let grants = format!("project:{elsewhere}");
    let ana_there = deployment.caller(&deployment.token_with(&ana.sub, &grants).await);
    let path = format!("/v1/projects/{elsewhere}/exports");
    let there = taken(&ana_there, &path, &key, csv()).await.json();
    assert_ne!(there["id"], of_ana["id"]);
}

/// A refused request is not remembered. After a correction, it is accepted with the same key.
#[tokio::test]
async fn only_accepted_requests_are_remembered() {
    let owner = Owner::new(&Deployment::get(), "Ana").await;
    let key = unique().to_string();
    let wrong = json!({"type": "orders", "format": "pdf"});
    problem(&post(&owner.api, &owner.path(), &key, wrong).await, 422);
    let first = taken(&owner.api, &owner.path(), &key, csv()).await;
    assert_eq!(first.header("idempotency-replayed"), "");
}

#[tokio::test]
async fn a_replay_shows_a_cancel_too() {
    let owner = Owner::new(&Deployment::get(), "Ana").await;
    let key = unique().to_string();
    let export = taken(&owner.api, &owner.path(), &key, csv()).await.json();
    owner.api.cancel(&export).await;
    let now = owner.export(id(&export)).await;
    let again = taken(&owner.api, &owner.path(), &key, csv()).await.json();
    assert_eq!(
        (&again["id"], &again["status"]),
        (&now["id"], &now["status"])
    );
}

#[tokio::test]
async fn a_key_is_1_to_255_visible_characters() {
    let owner = Owner::new(&Deployment::get(), "Ana").await;
    let (longest, too_long) = ("k".repeat(255), "k".repeat(256));
    for key in ["", "a b", "a\tb", "\u{e9}", "\t", too_long.as_str()] {
        let said = post(&owner.api, &owner.path(), key, csv()).await.problem();
        let why = "\nIdempotency-Key: must have 1 to 255 visible ASCII characters";
        assert!(
            said.starts_with("422") && said.ends_with(why),
            "{key:?}: {said}"
        );
    }
    for key in [longest.as_str(), "!", "~"] {
        taken(&owner.api, &owner.path(), key, csv()).await;
    }
}
