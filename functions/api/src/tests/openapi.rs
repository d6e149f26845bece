//! `GET /openapi.json`, the router and the template's routes, held to one another.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::Path;

use http::Method;
use serde_json::Value;

use crate::routes::documented as documented_of_routes;
use crate::testing::Service;

async fn contract() -> Value {
    let answer = Service::default()
        .get("/openapi.json")
        .unauthorized()
        .send()
        .await;
    assert_eq!(answer.status, 200);
    answer.json()
}

/// The methods of each documented path.
fn documented(contract: &Value) -> BTreeMap<String, BTreeSet<String>> {
    let paths = contract["paths"].as_object().unwrap();
    let methods = |item: &Value| {
        item.as_object()
            .unwrap()
            .keys()
            .map(|m| m.to_uppercase())
            .collect()
    };
    paths
        .iter()
        .map(|(path, item)| (path.clone(), methods(item)))
        .collect()
}

#[tokio::test]
async fn the_contract_has_every_address_and_method_of_the_router_and_no_other() {
    let documented = documented(&contract().await);
    let paths = documented_of_routes().into_iter().map(|(path, _)| path);
    assert_eq!(
        documented.keys().cloned().collect::<BTreeSet<_>>(),
        paths.collect()
    );
    let service = Service::default();
    for (path, methods) in documented {
        let path = path
            .replace("{id}", "42")
            .replace("{type}", "orders")
            .replace("{uuid}", "x");
        let refused = service.call(Method::DELETE, &path).send().await;
        assert_eq!(refused.status, 405, "{path}");
        let allowed = refused.header("allow").split(',').map(str::trim);
        // Every GET takes HEAD too.
        let allowed: BTreeSet<String> = allowed
            .filter(|m| *m != "HEAD")
            .map(str::to_owned)
            .collect();
        assert_eq!(allowed, methods, "{path}");
    }
}

/// The gateway lets nobody without a token come to what the contract says needs one, and everybody to the rest.
#[tokio::test]
async fn the_contract_and_the_templates_routes_agree_on_who_needs_a_token() {
    let template = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../template.yaml");
    let template = std::fs::read_to_string(template).unwrap();
    let routes: Vec<(&str, &str)> = template
        .split("RouteKey: ")
        .skip(1)
        .map(|route| {
            let kind = route.split("AuthorizationType: ").nth(1).unwrap();
            (route.lines().next().unwrap(), kind.lines().next().unwrap())
        })
        .collect();
    // A preflight is answered by the gateway, and carries no token.
    assert_eq!(
        routes,
        [
            ("ANY /v1/{proxy+}", "JWT"),
            ("OPTIONS /v1/{proxy+}", "NONE"),
            ("$default", "NONE")
        ]
    );
    let contract = contract().await;
    for (path, item) in contract["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let needs_one = operation["security"][0]["token"].is_array();
            assert_eq!(needs_one, path.starts_with("/v1/"), "{method} {path}");
            assert_eq!(
                operation["responses"]["401"].is_object(),
                needs_one,
                "{method} {path}"
            );
        }
    }
}

#[tokio::test]
async fn every_reference_leads_somewhere_and_every_call_has_a_name_of_its_own() {
    let contract = contract().await;
    assert_eq!(contract["openapi"], "3.1.0");
    assert_eq!(contract["servers"][0]["url"], "https://exports.example");
    let text = contract.to_string();
    for reference in text.split("\"$ref\":\"#").skip(1) {
        let pointer = reference.split('"').next().unwrap();
        assert!(contract.pointer(pointer).is_some(), "{pointer}");
    }
    for kind in ["schemas", "responses"] {
        for name in contract["components"][kind].as_object().unwrap().keys() {
            let used = text.contains(&format!("#/components/{kind}/{name}\""));
            // 405 is said of all addresses at once.
            assert!(
                used || name == "Problem405",
                "{kind}/{name} is used nowhere"
            );
        }
    }
    let paths = contract["paths"].as_object().unwrap().values();
    let operations: Vec<&Value> = paths
        .flat_map(|item| item.as_object().unwrap().values())
        .collect();
    let names: BTreeSet<&str> = operations
        .iter()
        .map(|o| o["operationId"].as_str().unwrap())
        .collect();
    assert_eq!(names.len(), operations.len());
    for name in [
        "createProjectExport",
        "listOrganizationExports",
        "describeSource",
        "listSourceRecords",
    ] {
        assert!(names.contains(name), "{name}");
    }
}

/// What a client checks most strictly has no fields but those that the contract names.
#[tokio::test]
async fn a_receipt_a_failure_and_their_like_are_closed() {
    let contract = contract().await;
    for name in ["Failure", "FieldError", "Receipt", "User", "Warning"] {
        let schema = &contract["components"]["schemas"][name];
        assert_eq!(schema["additionalProperties"], false, "{name}");
        assert!(
            schema["required"]
                .as_array()
                .is_some_and(|all| !all.is_empty())
        );
    }
}

#[tokio::test]
async fn it_is_sent_compressed_and_not_sent_again() {
    let service = Service::default();
    let get = || service.get("/openapi.json").unauthorized();
    let plain = get().send().await;
    assert_eq!(plain.header("cache-control"), "public, max-age=300");
    assert_eq!(
        (plain.header("vary"), plain.header("content-encoding")),
        ("Accept-Encoding", "")
    );
    let refused = get().header("accept-encoding", "br, gzip;q=0").send().await;
    assert_eq!(refused.header("content-encoding"), "");
    let zipped = get()
        .header("accept-encoding", "br, gzip;q=0.8")
        .send()
        .await;
    assert_eq!(zipped.header("content-encoding"), "gzip");
    let mut unzipped = String::new();
    flate2::read::GzDecoder::new(zipped.bytes.as_slice())
        .read_to_string(&mut unzipped)
        .unwrap();
    assert_eq!(unzipped, plain.text);
    assert!(zipped.bytes.len() * 4 < plain.text.len());
    assert_ne!(zipped.header("etag"), plain.header("etag"));
    let again = get()
        .header("if-none-match", plain.header("etag"))
        .send()
        .await;
    assert_eq!((again.status.as_u16(), again.text.as_str()), (304, ""));
}
