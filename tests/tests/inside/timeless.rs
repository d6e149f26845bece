//! Types whose records have no time of creation.

use serde_json::json;
use waybill::catalog::Catalog;
use waybill_tests::requests::*;
use waybill_tests::{Deployment, InProcess, exported, file_of, generated_orders, orders_csv};

const BUILT_IN: &str = include_str!("../../../infra/catalog.toml");

/// The built-in catalog, whose orders have no time of creation.
fn without_time() -> Catalog {
    let (others, orders) = BUILT_IN.split_once("name     = \"orders\"").unwrap();
    let orders = orders
        .replacen("created  = \"created_at\"\n", "", 1)
        .replacen("\"status\", \"created_at\", ", "\"status\", ", 1);
    Catalog::parse(&format!("{others}name     = \"orders\"{orders}")).unwrap()
}

#[tokio::test]
async fn they_are_exported_whole_and_without_a_doubt() {
    let mut files = Vec::new();
    for process in [
        InProcess::default(),
        InProcess::with_catalog(without_time()),
    ] {
        let deployment = Deployment::from(&process);
        let orders = orders_csv(&generated_orders(300));
        deployment.load("orders", "42", orders).await;
        let ana = caller(&deployment, "ana", "project:42").await;
        for body in [
            csv(),
            json!({"type": "orders", "format": "csv", "filters": {"status": ["delivered"]}, "order": "newest"}),
        ] {
            let export = exported(&ana, "projects/42", body).await;
            assert_eq!(export["warnings"], json!([]), "{export:#}");
            files.push(file_of(&deployment, &ana, &export).await);
        }
    }
    assert!(files[0].len() > 10_000 && files[1].len() > 1_000);
    assert!(files[..2] == files[2..], "the files differ");
}

#[tokio::test]
async fn they_have_no_filter_on_it() {
    let process = InProcess::with_catalog(without_time());
    let deployment = Deployment::from(&process);
    let ana = caller(&deployment, "ana", "project:42").await;
    let mut body = csv();
    body["filters"] = json!({"created_at": {"from": "-30d"}});
    let refused = ana.post("/v1/projects/42/exports", body).await;
    let error = refused.expect_status(422).json()["errors"][0].clone();
    assert_eq!(error["field"], "filters.created_at", "{error}");
    let path = "/v1/projects/42/records/orders?created_at.from=-30d";
    ana.get(path).await.expect_status(422);
    let records = ana.read("/v1/projects/42/records/orders?limit=1").await;
    assert_eq!(records["records"], json!([]));
    let catalog = ana.read("/v1/projects/42/catalog").await;
    let orders = catalog["types"].as_array().unwrap().iter();
    let orders = orders.filter(|of| of["name"] == "orders");
    let filters: Vec<_> = orders.map(|of| of["filters"].clone()).collect();
    assert_eq!(filters, [json!(["status", "state", "payment"])]);
}

#[test]
fn a_filter_on_the_time_needs_one() {
    let (others, orders) = BUILT_IN.split_once("name     = \"orders\"").unwrap();
    let orders = orders.replacen("created  = \"created_at\"\n", "", 1);
    let refused = Catalog::parse(&format!("{others}name     = \"orders\"{orders}")).unwrap_err();
    assert!(
        refused.to_string().ends_with(
            "`created_at` filters by the time of creation: say what that is in `created`"
        ),
        "{refused}"
    );
    let (others, leads) = BUILT_IN.split_once("name     = \"leads\"").unwrap();
    let leads = leads
        .replacen("created  = \"created_at\"\n", "", 1)
        .replacen("\"created_at\", ", "", 1);
    let refused = Catalog::parse(&format!("{others}name     = \"leads\"{leads}")).unwrap_err();
    let message = "a type with custom fields needs `created`, which its files end with";
    assert!(refused.to_string().contains(message), "{refused}");
}
