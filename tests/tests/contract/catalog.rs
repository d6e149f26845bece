//! The catalog: the types and parents that a token may use.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};
use waybill_tests::requests::*;
use waybill_tests::{Caller, Deployment, unique};

/// How far an index may be behind its table.
const INDEX_WITHIN: Duration = Duration::from_secs(10);

async fn catalog(api: &Caller) -> Value {
    api.read("/v1/catalog").await
}

/// The names of a catalog's types.
fn types(catalog: &Value) -> Vec<&str> {
    let types = catalog["types"].as_array().expect("a list of types");
    types.iter().filter_map(|t| t["name"].as_str()).collect()
}

/// A catalog's parents, each as `kind id name`.
fn parents(catalog: &Value) -> Vec<String> {
    let parents = catalog["parents"].as_array().expect("a list of parents");
    let parent = |parent: &Value| {
        let text = |field: &str| parent[field].to_string().replace('"', "");
        format!("{} {} {}", text("kind"), text("id"), text("name"))
    };
    parents.iter().map(parent).collect()
}

#[tokio::test]
async fn a_type_shows_everything_that_a_request_can_have() {
    let project = unique();
    let owner = caller(&Deployment::get(), "ana", &format!("project:{project}")).await;
    let catalog = catalog(&owner).await;
    let own = json!([{"kind": "project", "id": project, "name": project.to_string()}]);
    assert_eq!(
        (&catalog["parents"], &catalog["next"]),
        (&own, &Value::Null)
    );
    let types = catalog["types"].as_array().expect("a list of types");
    assert!(types.iter().all(|t| t["parent"] == "project"), "{types:?}");
    let orders = types
        .iter()
        .find(|t| t["name"] == "orders")
        .expect("orders");
    let fields: BTreeSet<&str> = orders
        .as_object()
        .expect("a type")
        .keys()
        .map(String::as_str)
        .collect();
    let known = [
        "columns", "delivery", "filters", "formats", "label", "name", "parent", "search",
    ];
    assert_eq!(fields, known.into());
    assert_eq!(orders["label"], "Orders");
    assert_eq!(orders["formats"], json!(["csv", "xlsx"]));
    assert_eq!(orders["delivery"], "attachment");
    assert_eq!(orders["filters"][0], "status");
    assert_eq!(orders["search"][0], "id");
    let columns = orders["columns"].as_array().expect("a list of columns");
    let keys: Vec<&str> = columns
        .iter()
        .filter_map(|column| column["key"].as_str())
        .collect();
    assert_eq!(keys, waybill_tests::COLUMNS);
    let id = json!({"key": "id", "label": "ID", "kind": "text", "values": [], "default": true});
    assert_eq!(columns[0], id);
    let status = &columns[2];
    assert_eq!(
        (&status["kind"], &status["values"][0]),
        (&json!("text"), &json!("created"))
    );
    let values = status["values"].as_array().expect("values");
    assert!(values.contains(&json!("delivered")));

    // A request with everything that the catalog lists is accepted.
    let filters = orders["filters"].as_array().expect("filters");
    assert!(filters.contains(&json!("created_at")), "{filters:?}");
    let body = json!({"type": "orders", "format": "csv", "columns": keys, "filters": {"status": status["values"]}});
    let exports = format!("/v1/projects/{project}/exports");
    owner.create(&exports, body).await;
}

#[tokio::test]
async fn a_token_sees_the_types_and_parents_that_it_may_use() {
    let deployment = Deployment::get();
    let n = unique();
    let (film, book, song, bare) = (n, n + 1, n + 2, n + 3);
    let [acme, other, web] = ["acme", "other", "web"].map(|word| format!("{word}-{n}"));
    for (parent, name, organization) in [
        (format!("projects/{film}"), "Film", &acme),
        (format!("projects/{book}"), "Book", &acme),
        (format!("projects/{song}"), "Song", &other),
        (format!("sources/{web}"), "Web", &acme),
    ] {
        let described = json!({"name": name, "organization_id": organization});
        describe(&deployment, &parent, described).await;
    }
    let (organization, named) = (
        format!("organizations/{acme}"),
        json!({"name": "Acme Inc."}),
    );
    describe(&deployment, &organization, named).await;
    let film_is = format!("project {film} Film");
    let book_is = format!("project {book} Book");
    let bare_is = format!("project {bare} {bare}");
    let web_is = format!("source {web} Web");
    let acme_is = format!("organization {acme} Acme Inc.");
    let whole = vec![&acme_is, &book_is, &bare_is, &film_is, &web_is];
    let none = "organization none none".to_owned();
    let all = format!("project:{book} organization:{acme} project:{bare}");
    for (grants, has_orders, expected) in [
        (format!("project:{film}"), true, vec![&film_is]),
        (format!("project:{bare}"), true, vec![&bare_is]),
        (format!("source:{web}"), false, vec![&web_is]),
        (all, true, whole),
        ("organization:none".to_owned(), true, vec![&none]),
        ("staff".to_owned(), true, vec![]),
        ("service".to_owned(), false, vec![]),
    ] {
        let api = caller(&deployment, "somebody", &grants).await;
        let found = deployment.until("the index to follow", INDEX_WITHIN, async || {
            let found = catalog(&api).await;
            match parents(&found).iter().eq(expected.iter().copied()) {
                true => Ok(found),
                false => Err(found.to_string()),
            }
        });
        let found = found.await;
        assert_eq!(types(&found).contains(&"orders"), has_orders, "{grants}");
        assert_eq!(found["next"], Value::Null);
    }

    // A parent that moves to another organization is no longer in this one's list.
    let moved = json!({"name": "Film", "organization_id": other});
    describe(&deployment, &format!("projects/{film}"), moved).await;
    let admin = admin(&deployment, &acme).await;
    deployment
        .until("the project to be gone", INDEX_WITHIN, async || {
            let found = parents(&catalog(&admin).await);
            match found == [acme_is.as_str(), &book_is, &web_is] {
                true => Ok(()),
                false => Err(found.join(", ")),
            }
        })
        .await;
}

/// All parents, in pages of this length.
async fn in_pages(api: &Caller, limit: usize) -> Vec<String> {
    let (mut found, mut cursor) = (Vec::new(), String::new());
    loop {
        let path = format!("/v1/catalog?limit={limit}{cursor}");
        let page = api.read(&path).await;
        let parents = parents(&page);
        assert!((1..=limit).contains(&parents.len()), "{limit}: {parents:?}");
        found.extend(parents);
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return found,
        }
    }
}

#[tokio::test]
async fn parents_come_in_pages_that_neither_repeat_nor_skip() {
    let deployment = Deployment::get();
    let (n, staff) = (unique(), caller(&deployment, "yuki", "staff").await);
    let organization = |n: u64| format!("org-{n}");
    for project in n..n + 130 {
        let body = json!({"name": format!("P{project}"), "organization_id": organization(n + project % 2)});
        let path = format!("/v1/projects/{project}");
        staff.put(&path, body).await.expect_status(200);
    }
    let (first, last, elsewhere) = (n, n + 129, n + 1000);
    let grants = format!(
        "organization:{} organization:{} project:{elsewhere} project:{first} project:{last} organization:empty",
        organization(n),
        organization(n + 1),
    );
    let api = caller(&deployment, "chidi", &grants).await;
    deployment
        .until(
            "the index to follow",
            INDEX_WITHIN,
            async || match in_pages(&api, 100).await.len() {
                134 => Ok(()),
                other => Err(other.to_string()),
            },
        )
        .await;
    for limit in [1, 2, 5, 50, 99, 100] {
        let found = in_pages(&api, limit).await;
        let distinct: BTreeSet<&String> = found.iter().collect();
        assert_eq!(
            (found.len(), distinct.len()),
            (3 + 130 + 1, 134),
            "limit {limit}"
        );
    }
}

#[tokio::test]
async fn a_cursor_gives_no_access_and_invalid_parameters_are_refused() {
    let deployment = Deployment::get();
    let api = caller(&deployment, "ana", "project:1 project:2 project:3").await;
    let page = api.read("/v1/catalog?limit=1").await;
    let path = format!(
        "/v1/catalog?cursor={}",
        page["next"].as_str().expect("a next page")
    );
    let other = caller(&deployment, "bruno", "project:2 project:9").await;
    let page = other.read(&path).await;
    let ids: Vec<&Value> = page["parents"]
        .as_array()
        .expect("parents")
        .iter()
        .map(|p| &p["id"])
        .collect();
    assert_eq!(ids, [2, 9]);
    refuses_fields(&api.get("/v1/catalog?cursor=x").await, &["cursor"]);
    refuses_fields(
        &api.get("/v1/catalog?limit=0&parent=1").await,
        &["limit", "parent"],
    );
    insta::assert_snapshot!(api.get("/v1/catalog?limit=0&type=orders").await.problem(), @"
    422 2 fields are invalid; see `errors`.
    limit: must be a whole number from 1 to 100
    type: is unknown; the parameters are limit and cursor
    ");
}

#[tokio::test]
async fn a_token_without_grants_may_use_nothing() {
    let deployment = Deployment::get();
    let nobody = caller(&deployment, "bruno", "").await;
    let nothing = json!({"types": [], "parents": [], "next": null});
    assert_eq!(catalog(&nobody).await, nothing);
    assert_eq!(deployment.stranger().get("/v1/catalog").await.status, 401);
}

#[tokio::test]
async fn a_source_shows_its_own_columns_in_the_order_of_its_files() {
    let deployment = Deployment::get();
    let n = unique();
    let (web, acme) = (format!("web-{n}"), format!("acme-{n}"));
    let definitions = json!({"name": "Web", "organization_id": acme,
        "custom_fields": [{"key": "age", "label": "Age", "kind": "integer"}], "attributes": ["vip"]});
    describe(&deployment, &format!("sources/{web}"), definitions).await;
    let path = format!("/v1/sources/{web}/catalog");
    for grants in [
        &format!("source:{web}"),
        &format!("organization:{acme}"),
        "staff",
    ] {
        let api = caller(&deployment, "ana", grants).await;
        let found = api.read(&path).await;
        assert_eq!(types(&found), ["leads"], "{grants}");
        assert_eq!(parents(&found), [format!("source {web} Web")], "{grants}");
        assert_eq!(found["next"], Value::Null);
        let columns = found["types"][0]["columns"].as_array().expect("columns");
        let age =
            json!({"key": "age", "label": "Age", "kind": "integer", "values": [], "default": true});
        let at = columns
            .iter()
            .position(|column| *column == age)
            .expect("a column of its own");
        let rest: Vec<&str> = columns[at..]
            .iter()
            .filter_map(|column| column["key"].as_str())
            .collect();
        assert_eq!(
            rest,
            [
                "age",
                "vip",
                "other",
                "created_at",
                "updated_at",
                "source_id"
            ]
        );
    }
    for grants in ["", "source:other", "organization:other", "service"] {
        let api = caller(&deployment, "bruno", grants).await;
        problem(&api.get(&path).await, 404);
    }
}

#[tokio::test]
async fn a_parent_shows_the_types_of_its_kind_and_their_default_columns() {
    let admin = caller(&Deployment::get(), "chidi", "organization:acme").await;
    let found = admin.read("/v1/organizations/acme/catalog").await;
    // A stack with a database has a type of its own, too.
    assert_eq!(types(&found)[..2], ["purchases", "audience_members"]);
    let columns = found["types"][1]["columns"].as_array().expect("columns");
    let usual = |key: &str| {
        let column = columns.iter().find(|column| column["key"] == key);
        column.expect("a column")["default"].clone()
    };
    assert_eq!(
        (usual("email"), usual("occupation")),
        (json!(true), json!(false))
    );
}
