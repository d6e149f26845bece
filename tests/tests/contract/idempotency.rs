//! `Idempotency-Key`: a request that may be sent again.

use reqwest::Method;
use reqwest::header::HeaderValue;
use serde_json::{Value, json};
use waybill_tests::{Answer, Caller, Owner, Stack, id, unique};

use super::{cancel_path, csv, problem};

async fn post(caller: &Caller, path: &str, key: Option<&str>, body: Value) -> Answer {
    let mut request = caller.request(Method::POST, path).json(&body);
    if let Some(key) = key {
        request = request.header(
            "idempotency-key",
            HeaderValue::from_bytes(key.as_bytes()).expect("a header's value"),
        );
    }
    caller.send(request).await
}

async fn exports_of(owner: &Owner) -> usize {
    let list = owner.api.get(&owner.path()).await.expect_status(200).json();
    list["exports"].as_array().expect("a list").len()
}

#[tokio::test]
async fn the_same_again_is_the_same_export_as_it_is_now_and_costs_nothing() {
    let stack = Stack::get();
    let owner = Owner::new(&stack, "Ana").await;
    let key = unique().to_string();
    let first = post(&owner.api, &owner.path(), Some(&key), csv())
        .await
        .expect_status(201);
    assert_eq!(first.header("idempotency-replayed"), "");
    let export = first.json();
    owner
        .reaches(id(&export), "succeeded", waybill_tests::FINISHED_WITHIN)
        .await;

    for _ in 0..5 {
        let again = post(&owner.api, &owner.path(), Some(&key), csv())
            .await
            .expect_status(201);
        assert_eq!(again.header("idempotency-replayed"), "true");
        assert_eq!(again.header("location"), first.header("location"));
        let again = again.json();
        assert_eq!(
            (&again["id"], &again["status"]),
            (&export["id"], &json!("succeeded"))
        );
    }
    assert_eq!(exports_of(&owner).await, 1);
    for _ in 0..2 {
        owner.request("csv").await;
    }
    // The limit is reached; what was taken before is still answered.
    problem(&owner.api.post(&owner.path(), csv()).await, 429);
    post(&owner.api, &owner.path(), Some(&key), csv())
        .await
        .expect_status(201);
}

#[tokio::test]
async fn twice_at_once_makes_one_export() {
    let stack = Stack::get();
    let owner = Owner::new(&stack, "Ana").await;
    let key = unique().to_string();
    let mut requests = tokio::task::JoinSet::new();
    for _ in 0..10 {
        let (api, path, key) = (owner.api.clone(), owner.path(), key.clone());
        requests.spawn(async move { post(&api, &path, Some(&key), csv()).await });
    }
    let answers = requests.join_all().await;
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
async fn another_request_under_the_key_is_refused_and_the_same_in_other_words_is_not() {
    let stack = Stack::get();
    let owner = Owner::new(&stack, "Ana").await;
    let key = unique().to_string();
    let relative =
        json!({"type": "orders", "format": "csv", "filters": {"created_at": {"from": "-30d"}}});
    let export = post(&owner.api, &owner.path(), Some(&key), relative.clone())
        .await
        .expect_status(201)
        .json();

    // Relative dates are compared as they were said, not as the instants that they were pinned to.
    let words = json!({"format": "csv", "search": "  ", "filters": {"status": null, "created_at": {"from": "-30d"}},
        "columns": null, "time_zone": "UTC", "type": "orders"});
    let again = post(&owner.api, &owner.path(), Some(&key), words)
        .await
        .expect_status(201)
        .json();
    assert_eq!(again["id"], export["id"]);
    assert_eq!(again["filters"], export["filters"]);

    for other in [
        csv(),
        json!({"type": "orders", "format": "xlsx", "filters": relative["filters"]}),
    ] {
        problem(
            &post(&owner.api, &owner.path(), Some(&key), other).await,
            422,
        );
    }
    assert_eq!(exports_of(&owner).await, 1);
}

#[tokio::test]
async fn a_key_is_of_one_person_and_one_path() {
    let stack = Stack::get();
    let ana = Owner::new(&stack, "Ana").await;
    let berta = ana.colleague("Berta").await;
    let key = unique().to_string();
    let of_ana = post(&ana.api, &ana.path(), Some(&key), csv())
        .await
        .expect_status(201)
        .json();
    let of_berta = post(&berta.api, &ana.path(), Some(&key), csv())
        .await
        .expect_status(201)
        .json();
    assert_ne!(of_ana["id"], of_berta["id"]);

    let elsewhere = unique();
    let grants = format!("project:{elsewhere}");
    let ana_there = stack.caller(&stack.token_with(&ana.sub, &grants).await);
    let path = format!("/v1/projects/{elsewhere}/exports");
    let there = post(&ana_there, &path, Some(&key), csv())
        .await
        .expect_status(201)
        .json();
    assert_ne!(there["id"], of_ana["id"]);
}

/// What was refused is not remembered: put right, it goes through under the same key.
#[tokio::test]
async fn only_what_was_taken_is_remembered() {
    let stack = Stack::get();
    let owner = Owner::new(&stack, "Ana").await;
    let key = unique().to_string();
    let wrong = json!({"type": "orders", "format": "pdf"});
    problem(
        &post(&owner.api, &owner.path(), Some(&key), wrong).await,
        422,
    );
    let first = post(&owner.api, &owner.path(), Some(&key), csv())
        .await
        .expect_status(201);
    assert_eq!(first.header("idempotency-replayed"), "");
}

#[tokio::test]
async fn a_replay_shows_a_cancel_too() {
    let stack = Stack::get();
    let owner = Owner::new(&stack, "Ana").await;
    let key = unique().to_string();
    let export = post(&owner.api, &owner.path(), Some(&key), csv())
        .await
        .expect_status(201)
        .json();
    owner
        .api
        .call(Method::POST, &cancel_path(&export), None)
        .await;
    let now = owner.export(id(&export)).await;
    let again = post(&owner.api, &owner.path(), Some(&key), csv())
        .await
        .expect_status(201)
        .json();
    assert_eq!(
        (&again["id"], &again["status"]),
        (&now["id"], &now["status"])
    );
}

#[tokio::test]
async fn a_key_is_1_to_255_visible_characters() {
    let stack = Stack::get();
    let owner = Owner::new(&stack, "Ana").await;
    let (longest, too_long) = ("k".repeat(255), "k".repeat(256));
    for key in ["", "a b", "\u{e9}", "\t", too_long.as_str()] {
        let answer = post(&owner.api, &owner.path(), Some(key), csv()).await;
        let problem = problem(&answer, 422);
        let field = problem["errors"][0]["field"].as_str().unwrap_or_default();
        assert!(
            field.eq_ignore_ascii_case("Idempotency-Key"),
            "{key:?}: {problem:#}"
        );
    }
    for key in [longest.as_str(), "!", "~"] {
        post(&owner.api, &owner.path(), Some(key), csv())
            .await
            .expect_status(201);
    }
}
