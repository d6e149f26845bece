//! `PUT` of organizations, projects and sources: staff set their names and their organization.

use jiff::Timestamp;
use serde_json::json;
use waybill_tests::requests::*;
use waybill_tests::{Deployment, Owner, unique};

#[tokio::test]
async fn staff_set_a_projects_name_and_file_names_have_it() {
    let deployment = Deployment::get();
    let staff = caller(&deployment, "yuki", "staff").await;
    let owner = Owner::new(&deployment, "Ana").await;
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
    let created: Timestamp = export["created_at"].as_str().unwrap().parse().unwrap();
    let stamp = created.strftime("%Y%m%dT%H%M%SZ");
    assert_eq!(
        export["file_name"],
        format!("orders-Film- 4-2 -São--{stamp}.csv")
    );

    // A PUT replaces the whole profile.
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
async fn staff_set_profiles_of_every_kind_of_parent() {
    let (n, staff) = (unique(), caller(&Deployment::get(), "yuki", "staff").await);
    let (source, organization) = (format!("web-{n}"), format!("org-{n}"));
    for (path, body, shown) in [
        (
            format!("/v1/projects/{n}"),
            json!({"name": " Film 42 ", "organization_id": "acme"}),
            json!({"id": n, "kind": "project", "name": "Film 42", "organization_id": "acme"}),
        ),
        (
            format!("/v1/sources/{source}"),
            json!({"name": "Web leads", "organization_id": null}),
            json!({"id": source, "kind": "source", "name": "Web leads", "organization_id": null,
                "custom_fields": [], "attributes": []}),
        ),
        (
            format!("/v1/sources/{source}"),
            json!({"name": "Web leads", "custom_fields": ["age", {"key": "emp.var.rate", "kind": "decimal"}],
                "attributes": [{"key": "vip", "label": "Very important", "kind": "boolean"}]}),
            json!({"id": source, "kind": "source", "name": "Web leads", "organization_id": null,
                "custom_fields": [{"key": "age", "label": "age", "kind": "text"},
                    {"key": "emp.var.rate", "label": "emp.var.rate", "kind": "decimal"}],
                "attributes": [{"key": "vip", "label": "Very important", "kind": "boolean"}]}),
        ),
        (
            format!("/v1/organizations/{organization}"),
            json!({"name": "Acme"}),
            json!({"id": organization, "kind": "organization", "name": "Acme", "organization_id": organization}),
        ),
    ] {
        let answer = staff.put(&path, body).await.expect_status(200);
        assert_eq!(answer.json(), shown);
    }
}

#[tokio::test]
async fn only_staff_set_profiles() {
    let deployment = Deployment::get();
    let owner = Owner::new(&deployment, "Ana").await;
    let mine = json!({"name": "Mine now", "organization_id": "acme"});
    let admin = caller(&deployment, "chidi", "organization:acme service").await;
    let organization = |id: &str| (format!("/v1/organizations/{id}"), json!({"name": "Acme"}));
    let (own, another) = (organization("acme"), organization("other"));
    let project = format!("/v1/projects/{}", owner.project);
    for (api, path, body) in [(&owner.api, &project, &mine), (&admin, &own.0, &own.1)] {
        let said = api.put(path, body.clone()).await.problem();
        assert_eq!(
            said,
            "403 Only staff may describe organizations, projects and sources."
        );
    }
    let elsewhere = format!("/v1/projects/{}", unique());
    problem(&owner.api.put(&elsewhere, mine.clone()).await, 404);
    problem(&admin.put(&another.0, another.1).await, 404);
    for grants in ["", "project:43", "organization:evil", "service"] {
        let api = caller(&deployment, "bruno", grants).await;
        problem(&api.put(&project, mine.clone()).await, 404);
    }
    let export = owner.request("csv").await;
    assert!(
        export["organization_id"].is_null(),
        "a refused PUT changed the project"
    );
    let name = export["file_name"].as_str().expect("a file name");
    assert!(
        name.starts_with(&format!("orders-{}-", owner.project)),
        "{name}"
    );
}

#[tokio::test]
async fn a_profile_has_a_name_and_an_organization() {
    let deployment = Deployment::get();
    let staff = caller(&deployment, "yuki", "staff").await;
    let n = unique();
    let (project, organization) = (
        format!("/v1/projects/{n}"),
        format!("/v1/organizations/org-{n}"),
    );
    let mut said = Vec::new();
    for (path, body) in [
        (&project, json!({})),
        (&project, json!({"name": ""})),
        (&project, json!({"name": "  "})),
        (&project, json!({"name": "a\nb"})),
        (&project, json!({"name": "x".repeat(201)})),
        (&project, json!({"name": 7, "organization_id": 7})),
        (
            &project,
            json!({"name": "x", "organization_id": "a b", "fields": []}),
        ),
        (&project, json!({"name": "x", "organization_id": ""})),
        (&project, json!({"name": "", "owner": "ana"})),
        (
            &organization,
            json!({"name": "x", "organization_id": "other"}),
        ),
        (
            &project,
            json!({"name": "Film", "custom_fields": [], "attributes": []}),
        ),
        (
            &organization,
            json!({"name": "Film", "custom_fields": [], "attributes": []}),
        ),
    ] {
        let problem = staff.put(path, body).await.problem();
        said.extend(problem.lines().skip(1).map(str::to_owned));
    }
    insta::assert_snapshot!(said.join("\n"), @"
    name: is required
    name: must have 1 to 200 characters, in one line
    name: must have 1 to 200 characters, in one line
    name: must have 1 to 200 characters, in one line
    name: must have 1 to 200 characters, in one line
    name: must be a text
    organization_id: must be a text
    fields: is unknown; the fields are name, organization_id
    organization_id: must have 1 to 128 of the characters A-Z a-z 0-9 _ . -
    organization_id: must have 1 to 128 of the characters A-Z a-z 0-9 _ . -
    owner: is unknown; the fields are name, organization_id
    name: must have 1 to 200 characters, in one line
    organization_id: is unknown; the fields are name
    custom_fields: is unknown; the fields are name, organization_id
    attributes: is unknown; the fields are name, organization_id
    custom_fields: is unknown; the fields are name
    attributes: is unknown; the fields are name
    ");
    for path in ["/v1/projects/film", "/v1/projects/0"] {
        problem(&staff.put(path, json!({"name": "Film"})).await, 404);
    }
    problem(&staff.put(&project, json!(["Film"])).await, 400);
    // Nothing of these is stored: the project's name is its id.
    let owner = caller(&deployment, "ana", &format!("project:{n}")).await;
    let found = owner.read(&format!("{project}/catalog")).await;
    assert_eq!(found["parents"][0]["name"], n.to_string());
}

#[tokio::test]
async fn keys_of_a_sources_columns_must_be_unique() {
    let staff = caller(&Deployment::get(), "yuki", "staff").await;
    let path = format!("/v1/sources/web-{}", unique());
    let mut said = Vec::new();
    for mut body in [
        json!({"custom_fields": {}, "attributes": "vip"}),
        json!({"custom_fields": "job"}),
        json!({"custom_fields": [7, "", " age", "a\nb", "x".repeat(101)], "attributes": [{}, {"key": " a"}]}),
        json!({"custom_fields": ["email", {"key": "other"}, {"key": "city"}], "attributes": ["job", "source_id"]}),
        json!({"custom_fields": ["age", {"key": "age"}], "attributes": ["age", "vip"]}),
        json!({"custom_fields": [{"label": "Age"}, {"key": 7}, {"key": "age", "kind": "number", "size": 3},
            {"key": "b", "label": ""}, {"key": "c", "label": 5}],
            "attributes": [{"key": "d", "kind": "money", "size": 3}]}),
        json!({"attributes": vec!["a"; 201]}),
    ] {
        body["name"] = json!("Web leads");
        let problem = staff.put(&path, body).await.problem();
        said.extend(problem.lines().skip(1).map(str::to_owned));
    }
    insta::assert_snapshot!(said.join("\n"), @r#"
    custom_fields: must be a list, such as [{"key": "job", "label": "Job", "kind": "text"}, "age"]
    attributes: must be a list, such as [{"key": "job", "label": "Job", "kind": "text"}, "age"]
    custom_fields: must be a list, such as [{"key": "job", "label": "Job", "kind": "text"}, "age"]
    custom_fields[0]: must be a key, or an object with `key`, and perhaps `label` and `kind`
    custom_fields[1]: must have 1 to 100 characters, in one line, and no space at its ends
    custom_fields[2]: must have 1 to 100 characters, in one line, and no space at its ends
    custom_fields[3]: must have 1 to 100 characters, in one line, and no space at its ends
    custom_fields[4]: must have 1 to 100 characters, in one line, and no space at its ends
    attributes[0].key: is required
    attributes[1].key: must have 1 to 100 characters, in one line, and no space at its ends
    custom_fields[0]: is the key of another column, which every file has
    custom_fields[1].key: is the key of another column, which every file has
    custom_fields[2].key: is the key of another column, which every file has
    attributes[1]: is the key of another column, which every file has
    custom_fields[1].key: is defined twice; custom fields and attributes share one set of keys
    attributes[0]: is defined twice; custom fields and attributes share one set of keys
    custom_fields[0].key: is required
    custom_fields[1].key: must be a text
    custom_fields[2].size: is unknown; the fields are key, label, kind
    custom_fields[2].kind: must be one of text, integer, decimal, boolean, date, timestamp, email, phone
    custom_fields[3].label: must have 1 to 100 characters, in one line
    custom_fields[4].label: must be a text
    attributes[0].size: is unknown; the fields are key, label, kind
    attributes[0].kind: must be one of text, integer, decimal, boolean, date, timestamp, email, phone
    attributes: must have at most 200 entries
    "#);
}
