//! The catalog: what a token may use.

use std::time::Duration;

use serde_json::{Value, json};
use waybill_tests::{Caller, Stack, unique, wait_until};

use super::{caller, refuses_fields};

/// How long an index may follow its table.
const INDEX_WITHIN: Duration = Duration::from_secs(10);

async fn catalog(api: &Caller) -> Value {
    api.get("/v1/catalog").await.expect_status(200).json()
}

#[tokio::test]
async fn a_type_says_all_that_a_request_can_say() {
    let stack = Stack::get();
    let project = unique();
    let owner = caller(&stack, "ana", &format!("project:{project}")).await;
    let catalog = catalog(&owner).await;
    assert_eq!(
        catalog["parents"],
        json!([{"kind": "project", "id": project, "name": project.to_string()}])
    );
    assert_eq!(catalog["next"], Value::Null);
    let types = catalog["types"].as_array().expect("a list of types");
    assert!(types.iter().all(|t| t["parent"] == "project"), "{types:?}");
    let orders = types
        .iter()
        .find(|t| t["name"] == "orders")
        .expect("orders");
    assert_eq!(orders["label"], "Orders");
    assert_eq!(orders["formats"], json!(["csv", "xlsx"]));
    assert_eq!(orders["delivery"], "attachment");
    let columns = orders["columns"].as_array().expect("a list of columns");
    let keys: Vec<&str> = columns
        .iter()
        .filter_map(|column| column["key"].as_str())
        .collect();
    assert_eq!(keys, waybill_tests::COLUMNS);
    let status = &columns[2];
    assert_eq!(status["kind"], "text");
    assert!(
        status["values"]
            .as_array()
            .expect("values")
            .contains(&json!("delivered"))
    );

    // What it says can be asked for.
    let filters = orders["filters"].as_array().expect("filters");
    assert!(filters.contains(&json!("created_at")), "{filters:?}");
    let body = json!({"type": "orders", "format": "csv", "columns": keys, "filters": {"status": status["values"]}});
    owner
        .post(&format!("/v1/projects/{project}/exports"), body)
        .await
        .expect_status(201);
}

#[tokio::test]
async fn an_organizations_projects_and_sources_are_in_it() {
    let stack = Stack::get();
    let staff = caller(&stack, "yuki", "staff").await;
    let (organization, project) = (format!("org-{}", unique()), unique());
    let source = format!("src-{}", unique());
    for (path, name) in [
        (format!("/v1/projects/{project}"), "Film"),
        (format!("/v1/sources/{source}"), "Web leads"),
    ] {
        let body = json!({"name": name, "organization_id": organization});
        staff.put(&path, body).await.expect_status(200);
    }
    staff
        .put(
            &format!("/v1/organizations/{organization}"),
            json!({"name": "Acme Inc."}),
        )
        .await
        .expect_status(200);
    let admin = caller(&stack, "chidi", &format!("organization:{organization}")).await;
    let expected = json!([
        {"kind": "organization", "id": organization, "name": "Acme Inc."},
        {"kind": "project", "id": project, "name": "Film"},
        {"kind": "source", "id": source, "name": "Web leads"},
    ]);
    wait_until("the index to follow", INDEX_WITHIN, async || {
        let found = catalog(&admin).await["parents"].clone();
        if found == expected {
            Ok(())
        } else {
            Err(found.to_string())
        }
    })
    .await;

    let first = admin
        .get("/v1/catalog?limit=2")
        .await
        .expect_status(200)
        .json();
    let next = first["next"].as_str().expect("a next page");
    let rest = admin
        .get(&format!("/v1/catalog?limit=2&cursor={next}"))
        .await
        .expect_status(200)
        .json();
    assert_eq!(first["parents"].as_array().map(Vec::len), Some(2));
    assert_eq!(rest["parents"], json!([expected[2]]));
    assert_eq!(rest["next"], Value::Null);

    // A parent that goes to another organization is no longer this one's.
    let moved = json!({"name": "Film", "organization_id": format!("org-{}", unique())});
    staff
        .put(&format!("/v1/projects/{project}"), moved)
        .await
        .expect_status(200);
    wait_until("the project to be gone", INDEX_WITHIN, async || {
        let found = catalog(&admin).await["parents"].clone();
        if found == json!([expected[0], expected[2]]) {
            Ok(())
        } else {
            Err(found.to_string())
        }
    })
    .await;
}

#[tokio::test]
async fn a_token_without_grants_may_use_nothing() {
    let stack = Stack::get();
    let nobody = caller(&stack, "bruno", "").await;
    assert_eq!(
        catalog(&nobody).await,
        json!({"types": [], "parents": [], "next": null})
    );
    assert_eq!(stack.stranger().get("/v1/catalog").await.status, 401);
    refuses_fields(
        &nobody.get("/v1/catalog?limit=0&parent=1").await,
        &["limit", "parent"],
    );
    refuses_fields(&nobody.get("/v1/catalog?cursor=x").await, &["cursor"]);
}
