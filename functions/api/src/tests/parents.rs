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
            json!({"id": "web-leads", "kind": "source", "name": "Web leads", "organization_id": null}),
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
    fields: is no field of this; there are name, organization_id
    organization_id: must have 1 to 128 of the characters A-Z a-z 0-9 _ . -
    organization_id: is no field of this; there are name
    ");
    assert_eq!(service.count("parents"), 0);
}
