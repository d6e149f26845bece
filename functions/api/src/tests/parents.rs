//! `PUT /v1/{organizations|projects|sources}/{id}`.

use serde_json::json;

use crate::testing::Service;

#[tokio::test]
async fn staff_describe_parents_of_every_kind() {
    let service = Service::default();
    for (path, body, shown) in [
        (
            "/v1/projects/42",
            json!({"name": " Film 42 ", "organization_id": "acme"}),
            json!({"id": 42, "kind": "project", "name": "Film 42", "organization_id": "acme"}),
        ),
        (
            "/v1/sources/web-leads",
            json!({"name": "Web leads", "organization_id": null}),
            json!({"id": "web-leads", "kind": "source", "name": "Web leads", "organization_id": null,
                "custom_fields": [], "attributes": []}),
        ),
        (
            "/v1/sources/web-leads",
            json!({"name": "Web leads", "custom_fields": ["age", {"key": "emp.var.rate", "kind": "decimal"}],
                "attributes": [{"key": "vip", "label": "Very important", "kind": "boolean"}]}),
            json!({"id": "web-leads", "kind": "source", "name": "Web leads", "organization_id": null,
                "custom_fields": [{"key": "age", "label": "age", "kind": "text"},
                    {"key": "emp.var.rate", "label": "emp.var.rate", "kind": "decimal"}],
                "attributes": [{"key": "vip", "label": "Very important", "kind": "boolean"}]}),
        ),
        (
            "/v1/organizations/acme",
            json!({"name": "Acme"}),
            json!({"id": "acme", "kind": "organization", "name": "Acme", "organization_id": "acme"}),
        ),
    ] {
        let answer = service.put(path, body).grants("staff").send().await;
        assert_eq!((answer.status.as_u16(), answer.json()), (200, shown));
    }
}

#[tokio::test]
async fn nobody_else_may() {
    let service = Service::default();
    let put = || {
        service.put(
            "/v1/projects/42",
            json!({"name": "Mine now", "organization_id": "evil"}),
        )
    };
    assert_eq!(
        put().grants("project:42").send().await.problem(),
        "403 Only staff may describe organizations, projects and sources."
    );
    for grants in ["", "project:43", "organization:evil", "service"] {
        assert_eq!(put().grants(grants).send().await.status, 404, "{grants}");
    }
    assert_eq!(service.count("parents"), 0);
    assert_eq!(
        service
            .put("/v1/projects/0", json!({"name": "x"}))
            .grants("staff")
            .send()
            .await
            .status,
        404
    );
}

#[tokio::test]
async fn columns_of_a_source_have_keys_of_their_own() {
    let service = Service::default();
    let refusals = [
        json!({"custom_fields": {}, "attributes": "vip"}),
        json!({"custom_fields": [7, "", " age", "a\nb", "x".repeat(101)]}),
        json!({"custom_fields": ["email", {"key": "other"}, {"key": "city"}], "attributes": ["source_id"]}),
        json!({"custom_fields": ["age", {"key": "age"}], "attributes": ["age", "vip"]}),
        json!({"custom_fields": [{"label": "Age"}, {"key": 7}, {"key": "age", "kind": "number", "size": 3},
            {"key": "b", "label": ""}, {"key": "c", "label": 5}]}),
        json!({"attributes": vec!["a"; 201]}),
    ];
    let mut said = Vec::new();
    for mut body in refusals {
        body["name"] = json!("Web leads");
        let answer = service
            .put("/v1/sources/web", body)
            .grants("staff")
            .send()
            .await;
        assert_eq!(answer.status, 422);
        let errors = answer.json()["errors"].as_array().unwrap().clone();
        said.extend(errors.iter().map(|e| {
            format!(
                "{}: {}",
                e["field"].as_str().unwrap(),
                e["message"].as_str().unwrap()
            )
        }));
    }
    insta::assert_snapshot!(said.join("\n"), @r#"
    custom_fields: must be a list, such as [{"key": "job", "label": "Job", "kind": "text"}, "age"]
    attributes: must be a list, such as [{"key": "job", "label": "Job", "kind": "text"}, "age"]
    custom_fields[0]: must be a key, or an object with `key`, and perhaps `label` and `kind`
    custom_fields[1]: must have 1 to 100 characters, in one line, and no space at its ends
    custom_fields[2]: must have 1 to 100 characters, in one line, and no space at its ends
    custom_fields[3]: must have 1 to 100 characters, in one line, and no space at its ends
    custom_fields[4]: must have 1 to 100 characters, in one line, and no space at its ends
    custom_fields[0]: is the key of another column, which every file has
    custom_fields[1].key: is the key of another column, which every file has
    custom_fields[2].key: is the key of another column, which every file has
    attributes[0]: is the key of another column, which every file has
    custom_fields[1].key: is defined twice; custom fields and attributes share one set of keys
    attributes[0]: is defined twice; custom fields and attributes share one set of keys
    custom_fields[0].key: is required
    custom_fields[1].key: must be a text
    custom_fields[2].size: is unknown; the fields are key, label, kind
    custom_fields[2].kind: must be one of text, integer, decimal, boolean, date, timestamp, email, phone
    custom_fields[3].label: must have 1 to 100 characters, in one line
    custom_fields[4].label: must be a text
    attributes: must have at most 200 entries
    "#);
    let of_project = json!({"name": "Film", "custom_fields": []});
    let answer = service
        .put("/v1/projects/42", of_project)
        .grants("staff")
        .send()
        .await;
    assert_eq!(answer.status, 422);
    assert_eq!(service.count("parents"), 0);
}

#[tokio::test]
async fn wrong_descriptions_are_refused() {
    let service = Service::default();
    let refusals = [
        ("/v1/projects/42", json!({})),
        ("/v1/projects/42", json!({"name": "  "})),
        ("/v1/projects/42", json!({"name": "a\nb"})),
        ("/v1/projects/42", json!({"name": "x".repeat(201)})),
        ("/v1/projects/42", json!({"name": 7, "organization_id": 7})),
        (
            "/v1/projects/42",
            json!({"name": "x", "organization_id": "a b", "fields": []}),
        ),
        (
            "/v1/organizations/acme",
            json!({"name": "x", "organization_id": "other"}),
        ),
    ];
    let mut said = Vec::new();
    for (path, body) in refusals {
        let answer = service.put(path, body).grants("staff").send().await;
        assert_eq!(answer.status, 422);
        let errors = answer.json()["errors"].as_array().unwrap().clone();
        said.extend(errors.iter().map(|e| {
            format!(
                "{}: {}",
                e["field"].as_str().unwrap(),
                e["message"].as_str().unwrap()
            )
        }));
    }
    insta::assert_snapshot!(said.join("\n"), @"
    name: is required
    name: must have 1 to 200 characters, in one line
    name: must have 1 to 200 characters, in one line
    name: must have 1 to 200 characters, in one line
    name: must be a text
    organization_id: must be a text
    fields: is unknown; the fields are name, organization_id
    organization_id: must have 1 to 128 of the characters A-Z a-z 0-9 _ . -
    organization_id: is unknown; the fields are name
    ");
    assert_eq!(service.count("parents"), 0);
}
