//! Leads: a source's own columns, in the file and in the `PUT`.

use calamine::Data;
use serde_json::{Value, json};
use waybill_tests::requests::*;
use waybill_tests::{Caller, Deployment, exported, file_of, python_csv, succeeded, unique, xlsx};

const SYSTEM: &str = "id status name first_name last_name email phone company address_line1 address_line2 city state \
                      postal_code country ip_address landing_url";

/// Leads for the loader. Columns that are not in the catalog are custom fields or attributes. `mystery` and `tier` have no
/// definition.
const LEADS: &str = "\
id,created_at,updated_at,status,name,email,phone,city,country,job,emp.var.rate,mystery,attributes.vip,attributes.campaign,attributes.tier
1,2026-01-01T10:00:00Z,2026-01-02T10:00:00.250Z,Active,Ana Sousa,ana@example.com,+1-519-748-2199,Porto,PT,cook,-1.8,,true,spring,
2,2026-01-01T11:00:00.5Z,,Sold,\"Lima, José\",jose@example.com,,,,=1+1,1.1,\"a \"\"b\"\"\",,,gold
3,2026-01-01T12:00:00Z,,Active,山田 太郎,,+81 3 1234 5678,東京,JP,,,,,autumn,
";

/// The leads' file.
const FILE: &str = r#"1,Active,Ana Sousa,,,ana@example.com,+1-519-748-2199,,,,Porto,,,PT,,,cook,-1.8,true,spring,,2026-01-01T10:00:00Z,2026-01-02T10:00:00.250Z,SOURCE
2,Sold,"Lima, José",,,jose@example.com,,,,,,,,,,,=1+1,1.1,,,"{""mystery"":""a \""b\"""",""tier"":""gold""}",2026-01-01T11:00:00.5Z,,SOURCE
3,Active,山田 太郎,,,,+81 3 1234 5678,,,,東京,,,JP,,,,,,autumn,,2026-01-01T12:00:00Z,,SOURCE
"#;

/// A source that no other test uses, a caller of the staff, and a person who may export the source's leads.
async fn source(deployment: &Deployment) -> (String, Caller, Caller) {
    let source = format!("web-{}", unique());
    let staff = caller(deployment, "yuki", "staff").await;
    let owner = caller(deployment, "ana", &format!("source:{source}")).await;
    (source, staff, owner)
}

fn definitions() -> Value {
    json!({
        "name": "Web leads",
        "custom_fields": ["job", {"key": "emp.var.rate", "label": "Employment", "kind": "decimal"}],
        "attributes": [{"key": "vip", "kind": "boolean"}, "campaign"],
    })
}

#[tokio::test]
async fn a_file_has_the_system_fields_the_sources_own_columns_and_fields_without_a_definition() {
    let deployment = Deployment::get();
    let (source, staff, owner) = source(&deployment).await;
    let path = format!("/v1/sources/{source}");
    deployment.load("leads", &source, LEADS.to_owned()).await;
    let shown = staff
        .put(&path, definitions())
        .await
        .expect_status(200)
        .json();
    assert_eq!(
        shown["custom_fields"][1],
        json!({"key": "emp.var.rate", "label": "Employment", "kind": "decimal"})
    );
    assert_eq!(
        shown["attributes"][1],
        json!({"key": "campaign", "label": "campaign", "kind": "text"})
    );

    let body = json!({"type": "leads", "format": "csv", "profile": "data"});
    let parent = format!("sources/{source}");
    let export = exported(&owner, &parent, body.clone()).await;
    let header =
        format!("{SYSTEM} job emp.var.rate vip campaign other created_at updated_at source_id");
    let header: Vec<&str> = header.split(' ').collect();
    assert_eq!(export["columns"], json!(header));
    let catalog = owner.read(&format!("{path}/catalog")).await;
    let columns = catalog["types"][0]["columns"].as_array().unwrap();
    let keys: Vec<&Value> = columns.iter().map(|column| &column["key"]).collect();
    assert_eq!(json!(keys), export["columns"]);
    assert!(
        columns.iter().all(|column| column["default"] == true),
        "{columns:?}"
    );
    assert!(
        export["file_name"]
            .as_str()
            .unwrap()
            .starts_with("Web leads-"),
        "{export:#}"
    );
    let rows = python_csv(&file_of(&deployment, &owner, &export).await);
    assert_eq!(rows[0], header);
    let expected = FILE.replace("SOURCE", &source);
    assert_eq!(rows[1..], python_csv(expected.as_bytes()));

    let mut body = json!({"type": "leads", "format": "xlsx", "columns": ["name", "emp.var.rate", "vip", "other"]});
    body["filters"] = json!({"status": ["Active", "Sold"], "attributes": {"vip": true}});
    let export = exported(&owner, &parent, body).await;
    let rows = xlsx(&file_of(&deployment, &owner, &export).await);
    let text = |text: &str| Data::String(text.to_owned());
    let header = ["Name", "Employment", "Vip", "Other"].map(text).to_vec();
    let ana = vec![
        text("Ana Sousa"),
        Data::Float(-1.8),
        Data::Bool(true),
        Data::Empty,
    ];
    assert_eq!(rows, [header, ana]);
}

/// Keys for a program that reads workbooks, and labels for people who read CSV files.
#[tokio::test]
async fn a_request_chooses_what_the_header_calls_the_columns() {
    let deployment = Deployment::get();
    let (source, staff, owner) = source(&deployment).await;
    let path = format!("/v1/sources/{source}");
    staff.put(&path, definitions()).await.expect_status(200);
    deployment.load("leads", &source, LEADS.to_owned()).await;
    let parent = format!("sources/{source}");
    let mut body = json!({"type": "leads", "format": "xlsx", "headers": "keys", "columns": ["name", "emp.var.rate", "vip"]});
    let export = exported(&owner, &parent, body.clone()).await;
    assert_eq!(export["headers"], "keys");
    let rows = xlsx(&file_of(&deployment, &owner, &export).await);
    let text = |text: &str| Data::String(text.to_owned());
    assert_eq!(rows[0], ["name", "emp.var.rate", "vip"].map(text));
    (body["format"], body["headers"]) = (json!("csv"), json!("labels"));
    let export = exported(&owner, &parent, body).await;
    assert_eq!(export["headers"], "labels");
    let rows = python_csv(&file_of(&deployment, &owner, &export).await);
    assert_eq!(rows[0], ["Name", "Employment", "Vip"]);
}

#[tokio::test]
async fn leads_are_filtered_and_searched_like_their_list() {
    let deployment = Deployment::get();
    let (source, _, owner) = source(&deployment).await;
    deployment.load("leads", &source, LEADS.to_owned()).await;
    let parent = format!("sources/{source}");
    for (filters, search, ids) in [
        (
            json!({"attributes": {"campaign": ["autumn", "winter"]}}),
            "",
            vec!["3"],
        ),
        (
            json!({"created_at": {"from": "2026-01-01T10:30:00Z"}, "status": "Sold"}),
            "5197",
            vec![],
        ),
    ] {
        let body = json!({"type": "leads", "format": "csv", "columns": ["id"], "filters": filters, "search": search});
        let export = exported(&owner, &parent, body).await;
        let rows = python_csv(&file_of(&deployment, &owner, &export).await);
        let found: Vec<_> = rows[1..].iter().map(|row| row[0].as_str()).collect();
        assert_eq!(found, ids, "{filters} {search}");
        assert_eq!(export["receipt"]["matched"], ids.len());
    }
    let body =
        json!({"type": "leads", "format": "csv", "columns": ["id"], "search": "519 7482199"});
    let export = exported(&owner, &parent, body).await;
    let rows = python_csv(&file_of(&deployment, &owner, &export).await);
    assert_eq!(rows, [["id"], ["1"]]);
    assert_eq!(export["receipt"]["read"], 3);
}

/// Definitions that are changed after a request apply to the next file.
#[tokio::test]
async fn a_file_has_the_columns_that_were_defined_at_its_request() {
    let deployment = Deployment::get();
    let (source, staff, owner) = source(&deployment).await;
    let path = format!("/v1/sources/{source}");
    deployment.load("leads", &source, LEADS.to_owned()).await;
    staff.put(&path, definitions()).await.expect_status(200);
    let parent = format!("sources/{source}");
    let body = json!({"type": "leads", "format": "csv", "profile": "data", "columns": ["id", "job", "other"]});
    let exports = format!("/v1/{parent}/exports");
    let created = owner.post(&exports, body.clone()).await;
    let created = created.expect_status(201).json();
    let renamed = json!({"name": "Renamed", "custom_fields": ["mystery"]});
    staff.put(&path, renamed).await.expect_status(200);
    let export = succeeded(&owner, &created).await;
    let rows = python_csv(&file_of(&deployment, &owner, &export).await);
    assert_eq!(rows[1], ["1", "cook", ""], "not what is defined now");
    assert_eq!(rows[2][2], r#"{"mystery":"a \"b\"","tier":"gold"}"#);
    assert!(
        export["file_name"]
            .as_str()
            .unwrap()
            .starts_with("Web leads-")
    );

    refuses_fields(
        &owner.post(&format!("/v1/{parent}/exports"), body).await,
        &["columns[1]"],
    );
    let body =
        json!({"type": "leads", "format": "csv", "profile": "data", "columns": ["id", "mystery"]});
    let export = exported(&owner, &parent, body).await;
    let rows = python_csv(&file_of(&deployment, &owner, &export).await);
    assert_eq!(rows[2], ["2", "a \"b\""]);
}
