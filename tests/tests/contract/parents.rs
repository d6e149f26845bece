//! `PUT` of organizations, projects and sources: staff say what they are called and whom they belong to.

use serde_json::json;
use waybill_tests::{Owner, Stack, unique};

use super::{caller, problem, refuses_fields};

#[tokio::test]
async fn staff_describe_a_project_and_files_are_called_after_it() {
    let stack = Stack::get();
    let staff = caller(&stack, "yuki", "staff").await;
    let owner = Owner::new(&stack, "Ana").await;
    let organization = format!("org-{}", unique());
    let path = format!("/v1/projects/{}", owner.project);

    let body = json!({"name": "Film: 4/2 \"São\"", "organization_id": organization});
    let shown = staff.put(&path, body).await.expect_status(200).json();
    assert_eq!(shown["id"], owner.project, "an integer");
    assert_eq!(
        (&shown["name"], &shown["organization_id"]),
        (&json!("Film: 4/2 \"São\""), &json!(organization))
    );
    let export = owner.request("csv").await;
    assert_eq!(export["organization_id"], organization.as_str());
    let name = export["file_name"].as_str().expect("a file name");
    assert!(name.starts_with("orders-Film- 4-2 -São--"), "{name}");

    // A PUT replaces the whole.
    let shown = staff
        .put(&path, json!({"name": "Film"}))
        .await
        .expect_status(200)
        .json();
    assert!(shown["organization_id"].is_null(), "{shown:#}");
    let export = owner.request("csv").await;
    assert!(export["organization_id"].is_null(), "{export:#}");
}

#[tokio::test]
async fn nobody_else_describes_anything() {
    let stack = Stack::get();
    let owner = Owner::new(&stack, "Ana").await;
    let body = json!({"name": "Mine", "organization_id": "acme"});
    problem(
        &owner
            .api
            .put(&format!("/v1/projects/{}", owner.project), body.clone())
            .await,
        403,
    );
    problem(
        &owner
            .api
            .put(&format!("/v1/projects/{}", unique()), body.clone())
            .await,
        404,
    );
    let admin = caller(&stack, "chidi", "organization:acme service").await;
    problem(
        &admin
            .put("/v1/organizations/acme", json!({"name": "Acme"}))
            .await,
        403,
    );
    problem(
        &admin
            .put("/v1/organizations/other", json!({"name": "Acme"}))
            .await,
        404,
    );
    let export = owner.request("csv").await;
    assert!(
        export["organization_id"].is_null(),
        "a refused PUT changed the project"
    );
}

#[tokio::test]
async fn a_description_is_a_name_and_an_organization() {
    let stack = Stack::get();
    let staff = caller(&stack, "yuki", "staff").await;
    let project = format!("/v1/projects/{}", unique());
    for (body, fields) in [
        (json!({}), vec!["name"]),
        (json!({"name": ""}), vec!["name"]),
        (json!({"name": "  "}), vec!["name"]),
        (json!({"name": 7}), vec!["name"]),
        (json!({"name": "two\nlines"}), vec!["name"]),
        (json!({"name": "n".repeat(201)}), vec!["name"]),
        (
            json!({"name": "Film", "organization_id": "a b"}),
            vec!["organization_id"],
        ),
        (
            json!({"name": "Film", "organization_id": ""}),
            vec!["organization_id"],
        ),
        (
            json!({"name": "Film", "organization_id": 7}),
            vec!["organization_id"],
        ),
        (json!({"name": "Film", "owner": "ana"}), vec!["owner"]),
        (json!({"name": "", "owner": "ana"}), vec!["name", "owner"]),
    ] {
        refuses_fields(&staff.put(&project, body).await, &fields);
    }
    problem(
        &staff
            .put("/v1/projects/film", json!({"name": "Film"}))
            .await,
        404,
    );
    problem(&staff.put(&project, json!(["Film"])).await, 400);

    let organization = format!("/v1/organizations/org-{}", unique());
    let in_organization = json!({"name": "Acme", "organization_id": "acme"});
    refuses_fields(
        &staff.put(&organization, in_organization).await,
        &["organization_id"],
    );
    let shown = staff
        .put(&organization, json!({"name": "Acme"}))
        .await
        .expect_status(200)
        .json();
    assert_eq!(shown["name"], "Acme");
    let source = format!("/v1/sources/s-{}", unique());
    staff
        .put(
            &source,
            json!({"name": "Web leads", "organization_id": "acme"}),
        )
        .await
        .expect_status(200);
}
