//! Three exports a minute per person, and not one more.

use serde_json::json;
use waybill_tests::{Owner, Stack};

use super::{csv, problem};

#[tokio::test]
async fn of_fifty_requests_at_once_three_are_taken() {
    let stack = Stack::get();
    let owner = Owner::new(&stack, "Ana").await;
    let mut requests = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let (api, path) = (owner.api.clone(), owner.path());
        requests.spawn(async move { api.post(&path, csv()).await });
    }
    let answers = requests.join_all().await;
    let (taken, refused): (Vec<_>, Vec<_>) =
        answers.into_iter().partition(|answer| answer.status == 201);
    assert_eq!(taken.len(), 3, "refused: {refused:?}");
    for answer in &refused {
        let problem = problem(answer, 429);
        let seconds = answer.header("retry-after");
        assert!(
            seconds
                .parse::<u32>()
                .is_ok_and(|seconds| (1..=60).contains(&seconds)),
            "{answer:?}"
        );
        assert!(
            problem["detail"]
                .as_str()
                .is_some_and(|text| text.contains(seconds)),
            "{problem:#}"
        );
    }
    let list = owner.api.get(&owner.path()).await.expect_status(200).json();
    assert_eq!(list["exports"].as_array().map(Vec::len), Some(3));
}

#[tokio::test]
async fn the_limit_is_a_persons_own_over_all_projects() {
    let stack = Stack::get();
    let ana = Owner::new(&stack, "Ana").await;
    let elsewhere = waybill_tests::unique();
    let grants = format!("project:{} project:{elsewhere}", ana.project);
    let both = stack.caller(&stack.token_with(&ana.sub, &grants).await);
    let path = format!("/v1/projects/{elsewhere}/exports");
    for path in [ana.path(), path.clone(), ana.path()] {
        both.post(&path, csv()).await.expect_status(201);
    }
    problem(&both.post(&path, csv()).await, 429);
    ana.colleague("Berta").await.request("csv").await;
}

/// Only a 201 counts.
#[tokio::test]
async fn what_was_refused_costs_nothing() {
    let stack = Stack::get();
    let owner = Owner::new(&stack, "Ana").await;
    for _ in 0..4 {
        problem(
            &owner
                .api
                .post(&owner.path(), json!({"type": "orders"}))
                .await,
            422,
        );
    }
    for _ in 0..3 {
        owner.request("csv").await;
    }
    // Reading is not limited, and a wrong request is told so even now.
    owner.api.get(&owner.path()).await.expect_status(200);
    problem(
        &owner
            .api
            .post(&owner.path(), json!({"type": "orders"}))
            .await,
        422,
    );
    problem(&owner.api.post(&owner.path(), csv()).await, 429);
}
