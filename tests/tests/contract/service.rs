//! A host's backend (the grant `service`), which requests exports for people.

use reqwest::Method;
use serde_json::{Value, json};
use waybill_tests::requests::*;
use waybill_tests::{Answer, Caller, Deployment, Owner, id, unique};

/// A backend with a grant for a project, and the project's path.
async fn backend(deployment: &Deployment, project: u64) -> (Caller, String) {
    let grants = format!("service project:{project}");
    let path = format!("/v1/projects/{project}/exports");
    (caller(deployment, "backend", &grants).await, path)
}

/// An export for this person.
fn csv_for(owner: &Owner) -> Value {
    let mut body = csv();
    body["user"] = json!({"id": owner.sub, "name": owner.name, "email": owner.email});
    body
}

#[tokio::test]
async fn a_service_with_the_parent_names_the_person_that_the_export_is_for() {
    let deployment = Deployment::get();
    let project = unique();
    let (backend, path) = backend(&deployment, project).await;
    let user = json!({"id": format!("u-{project}"), "name": null, "email": format!("ana-{project}@example.com")});
    let mut body = csv();
    body["user"] = user.clone();
    let export = backend.post(&path, body.clone()).await;
    let export = export.expect_status(201).json();
    assert_eq!(export["user"], user);
    // The address counts as verified, because the backend names it, whatever the backend's token says about its own.
    let stored = deployment.stored(id(&export)).await;
    assert_eq!(stored["user"]["email_verified"], true);
    let events = backend.read(&events_path(&export)).await;
    let who = &events["events"][0]["user"];
    assert_eq!(who["id"], stored["requested_by"], "{events:#}");
    assert!(who["id"].as_str().unwrap().starts_with("backend-"));
    assert_eq!(who["on_behalf_of"], user["id"], "{events:#}");

    // The limit counts exports of the person, not of the backend.
    for status in [201, 201, 429] {
        assert_eq!(backend.post(&path, body.clone()).await.status, status);
    }
    let grants = format!("service project:{project}");
    let another = caller(&deployment, "another", &grants).await;
    problem(&another.post(&path, body.clone()).await, 429);
    backend.post(&path, csv()).await.expect_status(201);
    body["user"]["id"] = json!(format!("v-{project}"));
    backend.post(&path, body.clone()).await.expect_status(201);

    let owner = Owner::of_project(&deployment, "Ana", project).await;
    problem(&owner.api.post(&path, body).await, 403);
}

/// The named person gets the mail, and needs their own grants to see the export.
#[tokio::test]
async fn the_named_person_is_mailed_and_the_export_is_theirs() {
    let deployment = Deployment::get();
    let owner = Owner::new(&deployment, "Ana").await;
    let (backend, path) = backend(&deployment, owner.project).await;
    // The address counts as verified, because the backend names it.
    let unverified = json!({"sub": "backend", "grants": format!("service project:{}", owner.project),
        "claims": {"email_verified": null}});
    let vouching = deployment.caller(&deployment.token(unverified).await);
    let vouched = vouching.post(&path, csv_for(&owner)).await;
    let vouched = owner
        .mail_about(id(&vouched.expect_status(201).json()))
        .await;
    assert_eq!(vouched["attachments"].as_array().unwrap().len(), 1);

    let export = backend.post(&path, csv_for(&owner)).await;
    let export = export.expect_status(201).json();
    assert_eq!(export["user"], csv_for(&owner)["user"]);
    assert_eq!(
        owner.export(id(&export)).await["user"]["id"],
        owner.sub.as_str()
    );
    owner.mail_about(id(&export)).await;
    owner.mail_is(id(&export), "sent").await;

    // The person and the backend may cancel the export, and no other person of the project.
    let cancel = async |api: &Caller| api.cancel(&export).await;
    problem(&cancel(&owner.api).await, 409);
    problem(&cancel(&backend).await, 409);
    problem(&cancel(&owner.colleague("Berta").await.api).await, 403);
    let without = deployment.caller(&deployment.token_with(&owner.sub, "").await);
    problem(&without.get(&export_path(&export)).await, 404);
    problem(&cancel(&without).await, 404);
}

/// A key belongs to its caller. A backend's key for one person is not a key of that person or of another one.
#[tokio::test]
async fn an_idempotency_key_belongs_to_the_backend_whoever_is_named() {
    let deployment = Deployment::get();
    let owner = Owner::new(&deployment, "Ana").await;
    let colleague = owner.colleague("Berta").await;
    let (backend, path) = backend(&deployment, owner.project).await;
    let post = async |api: &Caller, body: Value| -> Answer {
        let request = api.request(Method::POST, &path).json(&body);
        api.send(request.header("Idempotency-Key", "nightly")).await
    };
    let first = post(&backend, csv_for(&owner)).await.expect_status(201);
    let again = post(&backend, csv_for(&owner)).await.expect_status(201);
    assert_eq!(again.json()["id"], first.json()["id"]);
    assert_eq!(again.header("idempotency-replayed"), "true");
    problem(&post(&backend, csv_for(&colleague)).await, 422);
    let own = post(&owner.api, csv()).await.expect_status(201);
    assert_ne!(own.json()["id"], first.json()["id"]);

    // Both exports count for the person, so only a third is left in this minute.
    for status in [201, 429] {
        assert_eq!(owner.api.post(&path, csv()).await.status, status);
    }
    problem(&backend.post(&path, csv_for(&owner)).await, 429);
    backend.post(&path, csv()).await.expect_status(201);
}
