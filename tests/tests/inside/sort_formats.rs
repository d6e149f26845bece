//! The two forms of a sort key's format: the names of older catalogs, and templates.

use serde_json::{Value, json};
use waybill::catalog::Catalog;
use waybill_tests::requests::caller;
use waybill_tests::{Deployment, InProcess, exported, file_of, generated_orders, orders_csv};

const BUILT_IN: &str = include_str!("../../../infra/catalog.toml");
const LEADS: &str = "id,created_at,status,name,email\n1,2026-01-01T10:00:00Z,Active,Ana,ana@example.com\n\
                     2,2026-02-01T11:00:00.5Z,Sold,José,\n";
const PURCHASES: &str = "id,invoice,status,purchased_at,quantity\n1,536365,completed,2010-12-01T08:26:00Z,6\n\
                         2,C536379,canceled,2010-12-01T09:41:00Z,-1\n";
const MEMBERS: &str = "id,name,subscribed_at,status\n1,鈴木 翼,2025-07-13T12:06:30Z,subscribed\n2,Bergjón,2020-06-19T01:58:32Z,bounced\n";

/// The built-in catalog with templates in place of the names.
fn with_templates() -> String {
    let changed = BUILT_IN
        .replace("\"rfc3339_s#id\"", "\"{rfc3339_s}#{*}\"")
        .replace("\"rfc3339_ms#id\"", "\"{rfc3339_ms}#{*}\"");
    assert_eq!(changed.matches("}#{*}").count(), 4);
    changed
}

/// The files of all built-in types, each also with a range of time.
async fn files(catalog: &str) -> Vec<(String, Vec<u8>)> {
    let deployment = Deployment::from(&InProcess::with_catalog(Catalog::parse(catalog).unwrap()));
    let orders = orders_csv(&generated_orders(300));
    let mut files = Vec::new();
    for (name, parent, id, csv, from) in [
        (
            "orders",
            "project",
            "42",
            orders.as_str(),
            "2026-01-01T02:00:30Z",
        ),
        ("leads", "source", "web", LEADS, "2026-01-15"),
        (
            "purchases",
            "organization",
            "acme",
            PURCHASES,
            "2010-12-01T09:00:00Z",
        ),
        (
            "audience_members",
            "organization",
            "acme",
            MEMBERS,
            "2021-01-01",
        ),
    ] {
        deployment.load(name, id, csv.to_owned()).await;
        for filters in [Value::Null, json!({"created_at": {"from": from}})] {
            let ana = caller(&deployment, "ana", &format!("{parent}:{id}")).await;
            let asked = json!({"type": name, "format": "csv", "filters": filters});
            let export = exported(&ana, &format!("{parent}s/{id}"), asked).await;
            let file = file_of(&deployment, &ana, &export).await;
            assert_ne!(export["rows"], 0, "{export:#}");
            files.push((format!("{name} {filters}"), file));
        }
    }
    files
}

#[tokio::test]
async fn the_built_in_types_have_the_same_files_in_both_forms() {
    assert_eq!(files(BUILT_IN).await, files(&with_templates()).await);
}
