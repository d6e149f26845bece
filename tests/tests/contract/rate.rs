//! The limit of three exports per minute and person.

use futures::future::join_all;
use serde_json::json;
use waybill_tests::requests::*;
use waybill_tests::{Deployment, Owner};

#[tokio::test]
async fn three_of_fifty_concurrent_requests_are_accepted() {
    let deployment = Deployment::get();
    let owner = Owner::new(&deployment, "Ana").await;
    let (path, before) = (owner.path(), deployment.now());
    let answers = join_all((0..50).map(|_| owner.api.post(&path, csv()))).await;
    let passed = deployment
        .now()
        .duration_since(before)
        .as_secs_f64()
        .floor();
    let (taken, refused): (Vec<_>, Vec<_>) =
        answers.into_iter().partition(|answer| answer.status == 201);
    assert_eq!(taken.len(), 3, "refused: {refused:?}");
    for answer in &refused {
        let seconds: u32 = answer.header("retry-after").parse().expect("seconds");
        // At least the rest of the minute; in the test's process exactly that.
        assert!(
            (60.0 - passed..=60.0).contains(&f64::from(seconds)),
            "{answer:?}"
        );
        assert_eq!(
            answer.problem(),
            format!(
                "429 You have started 3 exports within a minute. Start the next one in {seconds} s."
            )
        );
    }
    let list = owner.api.read(&owner.path()).await;
    assert_eq!(list["exports"].as_array().map(Vec::len), Some(3));
}

#[tokio::test]
async fn a_persons_limit_applies_across_all_projects() {
    let deployment = Deployment::get();
    let ana = Owner::new(&deployment, "Ana").await;
    let elsewhere = waybill_tests::unique();
    let grants = format!("project:{} project:{elsewhere}", ana.project);
    let both = deployment.caller(&deployment.token_with(&ana.sub, &grants).await);
    let path = format!("/v1/projects/{elsewhere}/exports");
    for path in [ana.path(), path.clone(), ana.path()] {
        both.post(&path, csv()).await.expect_status(201);
    }
    problem(&both.post(&path, csv()).await, 429);
    ana.colleague("Berta").await.request("csv").await;
}

/// Only an answer 201 counts.
#[tokio::test]
async fn refused_requests_do_not_count() {
    let owner = Owner::new(&Deployment::get(), "Ana").await;
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
    // Reads are not limited, and an invalid request still gets 422.
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
