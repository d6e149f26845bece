//! `GET /v1/catalog`.

use serde_json::{Value, json};

use crate::testing::{Said, Service};

async fn describe(service: &Service, path: &str, body: Value) {
    let answer = service.put(path, body).grants("staff").send().await;
    assert_eq!(answer.status, 200, "{}", answer.text);
}

fn parents(catalog: &Value) -> Vec<String> {
    let parents = catalog["parents"].as_array().unwrap();
    parents
        .iter()
        .map(|parent| {
            format!(
                "{} {} {}",
                parent["kind"].as_str().unwrap(),
                parent["id"],
                parent["name"]
            )
        })
        .collect()
}

fn types(catalog: &Value) -> Vec<&str> {
    let types = catalog["types"].as_array().unwrap();
    types.iter().map(|t| t["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_type_says_what_can_be_asked_of_it() {
    let catalog = Service::default().get("/v1/catalog").send().await.json();
    let orders = &catalog["types"][0];
    let mut keys: Vec<&str> = orders
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    keys.sort_unstable();
    assert_eq!(
        keys,
        [
            "columns", "delivery", "filters", "formats", "label", "name", "parent", "search"
        ]
    );
    assert_eq!(
        (
            &orders["name"],
            &orders["label"],
            &orders["parent"],
            &orders["delivery"]
        ),
        (
            &json!("orders"),
            &json!("Orders"),
            &json!("project"),
            &json!("attachment")
        )
    );
    assert_eq!(orders["formats"], json!(["csv", "xlsx"]));
    assert_eq!(
        orders["columns"][0],
        json!({"key": "id", "label": "ID", "kind": "text", "values": [], "default": true})
    );
    let status = &orders["columns"][2];
    assert_eq!(
        (&status["key"], &status["values"][0]),
        (&json!("status"), &json!("created"))
    );
    assert_eq!(orders["filters"][0], "status");
    assert_eq!(orders["search"][0], "id");
}

#[tokio::test]
async fn a_token_sees_the_types_and_parents_that_it_may_use() {
    let service = Service::default();
    describe(
        &service,
        "/v1/projects/42",
        json!({"name": "Film", "organization_id": "acme"}),
    )
    .await;
    describe(
        &service,
        "/v1/projects/43",
        json!({"name": "Book", "organization_id": "acme"}),
    )
    .await;
    describe(
        &service,
        "/v1/projects/44",
        json!({"name": "Song", "organization_id": "other"}),
    )
    .await;
    describe(
        &service,
        "/v1/sources/web-leads",
        json!({"name": "Web", "organization_id": "acme"}),
    )
    .await;
    describe(
        &service,
        "/v1/organizations/acme",
        json!({"name": "Acme Inc."}),
    )
    .await;
    for (grants, has_orders, expected) in [
        ("project:42", true, &[r#"project 42 "Film""#][..]),
        ("project:7", true, &[r#"project 7 "7""#]),
        ("source:web-leads", false, &[r#"source "web-leads" "Web""#]),
        (
            "project:43 organization:acme project:7",
            true,
            &[
                r#"organization "acme" "Acme Inc.""#,
                r#"project 43 "Book""#,
                r#"project 7 "7""#,
                r#"project 42 "Film""#,
                r#"source "web-leads" "Web""#,
            ],
        ),
        (
            "organization:none",
            true,
            &[r#"organization "none" "none""#],
        ),
        ("staff", true, &[]),
        ("service", false, &[]),
        ("", false, &[]),
    ] {
        let catalog = service
            .get("/v1/catalog")
            .grants(grants)
            .send()
            .await
            .json();
        assert_eq!(parents(&catalog), expected, "{grants}");
        assert_eq!(types(&catalog).contains(&"orders"), has_orders, "{grants}");
        assert_eq!(catalog["next"], json!(null));
    }
}

#[tokio::test]
async fn parents_come_in_pages_that_neither_repeat_nor_skip() {
    let service = Service::default();
    for n in 100..230 {
        let organization = if n % 2 == 0 { "acme" } else { "beta" };
        let body = json!({"name": format!("P{n}"), "organization_id": organization});
        describe(&service, &format!("/v1/projects/{n}"), body).await;
    }
    let grants =
        "organization:acme organization:beta project:7 project:100 project:229 organization:empty";
    let whole = service
        .get("/v1/catalog?limit=100")
        .grants(grants)
        .send()
        .await
        .json();
    assert!(!whole["next"].is_null());
    for limit in [1, 2, 5, 50, 99, 100] {
        let (mut found, mut cursor) = (Vec::new(), String::new());
        loop {
            let path = format!("/v1/catalog?limit={limit}{cursor}");
            let page = service.get(&path).grants(grants).send().await.json();
            let parents = parents(&page);
            assert!((1..=limit).contains(&parents.len()), "{limit}: {parents:?}");
            found.extend(parents);
            match page["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        assert_eq!(found.len(), 3 + 130 + 1, "limit {limit}");
        let mut distinct = found.clone();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(distinct.len(), found.len(), "limit {limit}");
    }
}

#[tokio::test]
async fn a_cursor_lets_nobody_in_and_wrong_parameters_are_refused() {
    let service = Service::default();
    let grants = "project:1 project:2 project:3";
    let page = service
        .get("/v1/catalog?limit=1")
        .grants(grants)
        .send()
        .await
        .json();
    let cursor = page["next"].as_str().unwrap();
    let path = format!("/v1/catalog?cursor={cursor}");
    let other = service
        .get(&path)
        .grants("project:2 project:9")
        .send()
        .await
        .json();
    assert_eq!(parents(&other), [r#"project 2 "2""#, r#"project 9 "9""#]);
    assert!(
        service
            .get("/v1/catalog?cursor=x")
            .send()
            .await
            .problem()
            .starts_with("422 `cursor`")
    );
    insta::assert_snapshot!(service.get("/v1/catalog?limit=0&type=orders").send().await.problem(), @"
    422 2 fields are invalid; see `errors`.
    limit: must be a whole number from 1 to 100
    type: is unknown; the parameters are limit and cursor
    ");
}

#[tokio::test]
async fn a_hosts_function_hides_what_it_does_not_let_them_list() {
    let service = Service::default();
    service.host(|question| {
        let is_film =
            question["parent"]["id"] == 42 && question["parent"]["organization_id"] == "acme";
        match is_film && question["action"] == "list" {
            true => Said::Json("true"),
            false => Said::Json("false"),
        }
    });
    for project in [42, 43] {
        let body = json!({"name": "Film", "organization_id": "acme"});
        describe(&service, &format!("/v1/projects/{project}"), body).await;
    }
    let call = service
        .get("/v1/catalog")
        .grants("organization:acme project:43");
    let catalog = call.send().await.json();
    assert_eq!(parents(&catalog), [r#"project 42 "Film""#]);
    // Which types people may use, only the function knows.
    let catalog = service.get("/v1/catalog").grants("").send().await.json();
    assert!(types(&catalog).contains(&"orders"));
}

#[tokio::test]
async fn a_source_shows_its_own_columns_where_its_files_have_them() {
    let service = Service::default();
    let definitions = json!({"name": "Web", "organization_id": "acme",
        "custom_fields": [{"key": "age", "label": "Age", "kind": "integer"}], "attributes": ["vip"]});
    describe(&service, "/v1/sources/web-leads", definitions).await;
    let path = "/v1/sources/web-leads/catalog";
    for grants in ["source:web-leads", "organization:acme", "staff"] {
        let answer = service.get(path).grants(grants).send().await;
        let catalog = answer.json();
        assert_eq!(
            (types(&catalog), parents(&catalog), &catalog["next"]),
            (
                vec!["leads"],
                vec![r#"source "web-leads" "Web""#.to_owned()],
                &Value::Null
            ),
            "{grants}"
        );
        let columns = catalog["types"][0]["columns"].as_array().unwrap();
        let age =
            json!({"key": "age", "label": "Age", "kind": "integer", "values": [], "default": true});
        let at = columns.iter().position(|column| *column == age).unwrap();
        let after = columns[at..]
            .iter()
            .map(|column| column["key"].as_str().unwrap());
        assert_eq!(
            after.collect::<Vec<_>>(),
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
        let answer = service.get(path).grants(grants).send().await;
        assert_eq!(answer.status, 404, "{grants}");
    }
}

#[tokio::test]
async fn a_parent_shows_the_types_of_its_kind_and_which_columns_are_usual() {
    let service = Service::default();
    let answer = service
        .get("/v1/organizations/acme/catalog")
        .grants("organization:acme")
        .send()
        .await;
    let catalog = answer.json();
    assert_eq!(types(&catalog), ["purchases", "audience_members"]);
    let columns = catalog["types"][1]["columns"].as_array().unwrap();
    let usual = |key: &str| {
        let column = columns.iter().find(|column| column["key"] == key);
        column.unwrap()["default"].clone()
    };
    assert_eq!(
        (usual("email"), usual("occupation")),
        (json!(true), json!(false))
    );
}

#[tokio::test]
async fn a_parent_that_cannot_be_read_hides_no_other() {
    let service = Service::default();
    for project in ["41", "42", "43"] {
        let body = json!({"name": "Film", "organization_id": "acme"});
        let put = service.put(&format!("/v1/projects/{project}"), body);
        assert_eq!(put.grants("staff").send().await.status, 200);
    }
    service.spoil("parents", "definitions", |item| {
        item["parent"] == "project#41"
    });
    service.spoil("parents", "name", |_| false);
    let catalog = service.get("/v1/catalog").grants("project:41 project:42");
    let catalog = catalog.send().await;
    assert_eq!(catalog.status, 200, "{}", catalog.text);
    let catalog = catalog.json();
    assert_eq!(
        (parents(&catalog).len(), &catalog["unreadable"]),
        (1, &json!(1))
    );
}
