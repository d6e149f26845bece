//! The deletion of a file before it expires, and what a token may do with an export.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use waybill_tests::requests::*;
use waybill_tests::{Caller, Deployment, Owner, id, unique};

use crate::answers::{has_every_field, in_milliseconds, instant};

/// What a person may do with an export: download, cancel, delete.
async fn may(person: &Caller, export: &Value) -> [bool; 3] {
    let found = person.read(&export_path(export)).await;
    ["download", "cancel", "delete"].map(|action| found["may"][action].as_bool().expect(action))
}

#[tokio::test]
async fn a_file_is_deleted_by_whose_export_it_is_and_its_link_ends_at_once() {
    let deployment = Deployment::get();
    let owner = Owner::new(&deployment, "Ana").await;
    let export = owner.succeeded(csv()).await;
    let link = owner.link(&export);
    let member = Owner::of_project(&deployment, "Bruno", owner.project).await;
    let staff = caller(&deployment, "staff", "staff").await;
    assert_eq!(may(&owner.api, &export).await, [true; 3]);
    assert_eq!(may(&member.api, &export).await, [true, false, false]);
    assert_eq!(may(&staff, &export).await, [false, true, false]);
    let list = member.api.read(&member.path()).await;
    let advice = json!({"download": true, "cancel": false, "delete": false});
    assert_eq!(list["exports"][0]["may"], advice);

    for (person, status) in [(&member.api, 403), (&staff, 403)] {
        let refused = person.delete_file(&export).await;
        let said = problem(&refused, status)["detail"].to_string();
        assert!(said.contains("Only the person who requested"), "{said}");
    }
    let stranger = Owner::new(&deployment, "Zoe").await;
    problem(&stranger.api.delete_file(&export).await, 404);
    owner.download(&export).await;

    let before = in_milliseconds(deployment.now());
    let deleted = owner.api.delete_file(&export).await.expect_status(200);
    let deleted = deleted.json();
    has_every_field(&deleted);
    assert_eq!(
        (&deleted["status"], &deleted["url"]),
        (&json!("expired"), &Value::Null)
    );
    let who = json!({"id": owner.sub, "name": owner.name});
    assert_eq!(deleted["deleted_by"], who);
    assert_eq!(deleted["rows"], export["rows"]);
    let end = instant(&deleted, "expires_at");
    assert!((before..=deployment.now()).contains(&end), "{deleted:#}");
    let gone = format!(
        "410 The file was deleted by {} on {}. Start the export again for a new one.",
        owner.name,
        end.strftime("%Y-%m-%dT%H:%M:%SZ")
    );
    assert_eq!(owner.api.get(&link).await.problem(), gone);
    assert_eq!(member.api.get(&link).await.problem(), gone);

    // A second deletion changes nothing and is not an error.
    let again = member.api.delete_file(&export).await;
    problem(&again, 403);
    let mut again = owner
        .api
        .delete_file(&export)
        .await
        .expect_status(200)
        .json();
    again["mail"] = deleted["mail"].clone();
    assert_eq!(again, deleted);

    let within = Duration::from_secs(120);
    deployment
        .until("the object to be gone", within, async || {
            let left = deployment.left_over(id(&export)).await;
            left.is_empty().then_some(()).ok_or(left.join(", "))
        })
        .await;
    let events = owner.api.read(&events_path(&export)).await;
    let by_owner = events["events"].as_array().expect("events").iter();
    let by_owner = by_owner.filter(|event| event["user"]["id"] == owner.sub.as_str());
    let by_owner: Vec<&str> = by_owner
        .filter_map(|event| event["event"].as_str())
        .collect();
    assert_eq!(by_owner, ["requested", "downloaded", "expired", "deleted"]);
}

#[tokio::test]
async fn an_admin_of_the_organization_deletes_files_of_its_projects() {
    let deployment = Deployment::get();
    let owner = Owner::new(&deployment, "Ana").await;
    let organization = format!("o-{}", unique());
    owner.belongs_to(&organization).await;
    let export = owner.succeeded(csv()).await;
    let grants = format!("organization:{organization}");
    let admin = caller(&deployment, "admin", &grants).await;
    assert_eq!(may(&admin, &export).await, [true; 3]);
    admin.delete_file(&export).await.expect_status(200);
    assert_eq!(owner.export(id(&export)).await["status"], "expired");
}

#[tokio::test]
async fn there_is_no_file_to_delete_before_an_export_has_succeeded_or_after_it_was_canceled() {
    let deployment = Deployment::get();
    let owner = owner_in_no_hurry(&deployment).await;
    let export = owner.request("csv").await;
    let early = owner.api.delete_file(&export).await.problem();
    assert!(
        early.starts_with("409 There is no file to delete: the export is "),
        "{early}"
    );
    owner.api.cancel(&export).await.expect_status(200);
    let late = owner.api.delete_file(&export).await.problem();
    assert_eq!(
        late,
        "409 There is no file to delete: the export is canceled."
    );
    problem(
        &owner
            .api
            .call(Method::DELETE, "/v1/exports/1/file", None)
            .await,
        404,
    );
}
