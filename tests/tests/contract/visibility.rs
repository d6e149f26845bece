//! Who sees what: what is not theirs is not there, and what they may not do is refused.

use reqwest::Method;
use serde_json::{Value, json};
use waybill_tests::{Caller, Owner, Stack, id, unique};

use super::{caller, cancel_path, csv, export_path, finished, problem};

/// Every call about the export and its project, as methods and paths.
fn calls(owner: &Owner, export: &Value) -> Vec<(Method, String)> {
    vec![
        (Method::POST, owner.path()),
        (Method::GET, owner.path()),
        (Method::GET, export_path(export)),
        (Method::POST, cancel_path(export)),
        (Method::GET, format!("{}/events", export_path(export))),
        (Method::PUT, format!("/v1/projects/{}", owner.project)),
    ]
}

/// What the caller gets for every call is what somebody gets who asks for what does not exist.
async fn sees_nothing(who: &str, caller: &Caller, owner: &Owner, export: &Value) {
    for (method, path) in calls(owner, export) {
        let body = (method != Method::GET).then(csv);
        let answer = caller.call(method.clone(), &path, body).await;
        assert_eq!(answer.status, 404, "{who}: {method} {path}: {answer:?}");
        let told = problem(&answer, 404);
        let nothing = problem(&caller.get("/v1/exports/1").await, 404);
        for member in ["type", "title", "detail"] {
            assert_eq!(
                told[member], nothing[member],
                "{who}: {method} {path} tells that it is there"
            );
        }
    }
}

#[tokio::test]
async fn another_projects_owner_and_a_person_without_grants_see_nothing() {
    let stack = Stack::get();
    let (owner, export) = finished(&stack).await;
    let other = Owner::new(&stack, "Bruno").await;
    sees_nothing("another owner", &other.api, &owner, &export).await;
    let nobody = caller(&stack, "dana", "").await;
    sees_nothing("without grants", &nobody, &owner, &export).await;
    let words = "project:0 projects:1 PROJECT:1 project: openid profile";
    sees_nothing(
        "grants of other kinds",
        &caller(&stack, "eli", words).await,
        &owner,
        &export,
    )
    .await;
    let service = caller(&stack, "backend", "service").await;
    sees_nothing("a service without the parent", &service, &owner, &export).await;
    let organization = caller(&stack, "chidi", "organization:acme").await;
    sees_nothing(
        "an organization that it is not of",
        &organization,
        &owner,
        &export,
    )
    .await;
}

/// The grants are in the token that comes along, not remembered of the person.
#[tokio::test]
async fn the_same_person_without_the_grant_sees_nothing_any_more() {
    let stack = Stack::get();
    let (owner, export) = finished(&stack).await;
    let before = stack.caller(&stack.token_with(&owner.sub, "").await);
    sees_nothing("the requester, without the grant", &before, &owner, &export).await;
}

#[tokio::test]
async fn a_source_is_no_project_of_the_same_id() {
    let stack = Stack::get();
    let (owner, export) = finished(&stack).await;
    let number = owner.project;
    for grant in [format!("source:{number}"), format!("organization:{number}")] {
        sees_nothing(
            &grant,
            &caller(&stack, "sam", &grant).await,
            &owner,
            &export,
        )
        .await;
    }
}

#[tokio::test]
async fn staff_see_and_cancel_everywhere_but_start_and_take_nothing() {
    let stack = Stack::get();
    let owner = Owner::new(&stack, "Ana").await;
    let export = owner.succeeded(csv()).await;
    let staff = caller(&stack, "yuki", "staff").await;

    let seen = staff
        .get(&export_path(&export))
        .await
        .expect_status(200)
        .json();
    assert_eq!(seen["id"], export["id"]);
    let list = staff.get(&owner.path()).await.expect_status(200).json();
    assert_eq!(list["exports"][0]["id"], export["id"]);
    staff
        .get(&format!("{}/events", export_path(&export)))
        .await
        .expect_status(200);

    problem(&staff.post(&owner.path(), csv()).await, 403);
    problem(&staff.get(&owner.link(&export)).await, 403);
    problem(
        &staff.call(Method::POST, &cancel_path(&export), None).await,
        409,
    );
    let refused = owner.events(id(&export)).await;
    assert_eq!(
        refused.iter().filter(|event| *event == "refused").count(),
        1,
        "{refused:?}"
    );
    assert!(!refused.contains(&"downloaded".to_owned()), "{refused:?}");
}

#[tokio::test]
async fn only_the_person_who_asked_admins_and_staff_cancel() {
    let stack = Stack::get();
    let organization = format!("org-{}", unique());
    let owner = super::owner_of_many_alone(&stack).await;
    let staff = caller(&stack, "yuki", "staff").await;
    let described = json!({"name": "Film", "organization_id": organization});
    staff
        .put(&format!("/v1/projects/{}", owner.project), described)
        .await
        .expect_status(200);
    let colleague = owner.colleague("Berta").await;
    let admin = caller(&stack, "chidi", &format!("organization:{organization}")).await;
    let export = owner.request("csv").await;
    assert_eq!(export["organization_id"], organization.as_str());

    colleague
        .api
        .get(&export_path(&export))
        .await
        .expect_status(200);
    problem(
        &colleague
            .api
            .call(Method::POST, &cancel_path(&export), None)
            .await,
        403,
    );

    for who in [&admin, &staff] {
        let answer = who.call(Method::POST, &cancel_path(&export), None).await;
        let canceled = answer.expect_status(200).json();
        assert_eq!(canceled["status"], "canceled", "{canceled:#}");
    }
}

#[tokio::test]
async fn a_link_is_no_key_and_a_refusal_is_remembered() {
    let stack = Stack::get();
    let owner = Owner::new(&stack, "Ana").await;
    let export = owner.succeeded(csv()).await;
    let link = owner.link(&export);
    let stranger = Owner::new(&stack, "Bruno").await;
    problem(&stranger.api.get(&link).await, 404);
    assert_eq!(stack.stranger().get(&link).await.status, 401);
    let events = owner.events(id(&export)).await;
    assert_eq!(
        events.iter().filter(|event| *event == "refused").count(),
        1,
        "{events:?}"
    );

    // Somebody who only guesses finds nothing, and leaves no mark on another's export.
    let (path, uuid) = link.rsplit_once('/').expect("a path");
    let first = if uuid.starts_with('0') { "1" } else { "0" };
    for guess in [
        format!("{first}{}", &uuid[1..]),
        uuid.to_uppercase(),
        uuid.replace('-', ""),
        format!("{{{uuid}}}"),
    ] {
        problem(&owner.api.get(&format!("{path}/{guess}")).await, 404);
    }
    // The mail may have gone out meanwhile.
    let mut marks = owner.events(id(&export)).await;
    marks.retain(|event| event != "mailed" || events.contains(event));
    assert_eq!(marks, events);
}

#[tokio::test]
async fn addresses_are_for_admins_and_staff() {
    let stack = Stack::get();
    let organization = format!("org-{}", unique());
    let owner = Owner::new(&stack, "Ana").await;
    let staff = caller(&stack, "yuki", "staff").await;
    let described = json!({"name": "Film", "organization_id": organization});
    staff
        .put(&format!("/v1/projects/{}", owner.project), described)
        .await
        .expect_status(200);
    let export = owner.request("csv").await;

    let admin = caller(&stack, "chidi", &format!("organization:{organization}")).await;
    for (who, caller, shown) in [
        ("owner", &owner.api, false),
        ("admin", &admin, true),
        ("staff", &staff, true),
    ] {
        let answer = caller
            .get(&format!("{}/events", export_path(&export)))
            .await
            .expect_status(200)
            .json();
        let requested = &answer["events"][0];
        assert_eq!(requested["event"], "requested", "{who}: {answer:#}");
        assert_eq!(requested["user"]["id"], owner.sub.as_str(), "{who}");
        assert_eq!(
            requested["address"].is_string(),
            shown,
            "{who}: {requested:#}"
        );
    }
}
