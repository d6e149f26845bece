//! The contract at `/openapi.json`: valid, public, and correct about the API's real answers.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::process::{Command, Stdio};

use flate2::read::GzDecoder;
use reqwest::Method;
use serde_json::{Value, json};
use waybill_tests::requests::*;
use waybill_tests::{Deployment, Owner, generated_orders, load_orders, orders_csv, python};

const SCHEMA: &str = include_str!("../../data/openapi-3.1.schema.json");
const CHECK: &str = include_str!("../../data/check_openapi.py");

/// The errors in the document, its examples and these answers, by the specification's own schema.
fn wrong(document: &Value, answers: &[Value]) -> String {
    let schema: Value = serde_json::from_str(SCHEMA).expect("the schema is JSON");
    let asked = json!({"schema": schema, "document": document, "answers": answers});
    let mut check = Command::new(python())
        .args(["-c", CHECK])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("Python runs");
    let mut input = check.stdin.take().expect("Python's input");
    let writer = std::thread::spawn(move || input.write_all(asked.to_string().as_bytes()));
    let output = check.wait_with_output().expect("Python's answer");
    writer
        .join()
        .expect("the writer ends")
        .expect("Python takes the document");
    assert!(output.status.success(), "the check ended in an error");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

async fn document(deployment: &Deployment) -> Value {
    let answer = deployment
        .stranger()
        .get("/openapi.json")
        .await
        .expect_status(200);
    assert_eq!(answer.header("content-type"), "application/json");
    answer.json()
}

#[tokio::test]
async fn the_contract_describes_the_real_answers() {
    let deployment = Deployment::get();
    let document = document(&deployment).await;
    assert_eq!(document["openapi"], "3.1.0");
    let owner = Owner::new(&deployment, "Ana").await;
    load_orders(
        &deployment,
        owner.project,
        orders_csv(&generated_orders(20)),
    )
    .await;
    let (api, staff) = (&owner.api, &caller(&deployment, "yuki", "staff").await);
    let done = owner.succeeded(csv()).await;
    let (export, link) = (export_path(&done), owner.link(&done));
    let (exports, project) = (owner.path(), format!("/v1/projects/{}", owner.project));
    let user = json!({"type": "orders", "format": "csv", "user": {"id": "x"}});
    let described = json!({"name": "Film", "organization_id": "acme"});
    let nothing = Value::Null;
    let stranger = &deployment.stranger();
    let mut answers = Vec::new();
    // Each path of the contract, its address, and the caller.
    for (method, documented, api, path, body) in [
        (
            "post",
            "/v1/projects/{id}/exports",
            api,
            exports.as_str(),
            &csv(),
        ),
        (
            "post",
            "/v1/projects/{id}/exports",
            api,
            &exports,
            &json!({"format": "pdf"}),
        ),
        (
            "post",
            "/v1/projects/{id}/exports",
            api,
            &exports,
            &json!([]),
        ),
        ("post", "/v1/projects/{id}/exports", api, &exports, &user),
        ("get", "/v1/exports/{id}", api, &export, &nothing),
        ("get", "/v1/exports/{id}", api, "/v1/exports/1", &nothing),
        (
            "get",
            "/v1/exports/{id}/events",
            staff,
            &format!("{export}/events"),
            &nothing,
        ),
        (
            "post",
            "/v1/exports/{id}/cancel",
            api,
            &format!("{export}/cancel"),
            &nothing,
        ),
        (
            "delete",
            "/v1/exports/{id}/file",
            staff,
            &format!("{export}/file"),
            &nothing,
        ),
        ("get", "/v1/projects/{id}/exports", api, &exports, &nothing),
        (
            "get",
            "/v1/projects/{id}/exports",
            api,
            &format!("{exports}?limit=0"),
            &nothing,
        ),
        ("get", "/v1/downloads/{uuid}", api, &link, &nothing),
        ("get", "/v1/downloads/{uuid}", staff, &link, &nothing),
        (
            "get",
            "/v1/projects/{id}/exports/summary",
            api,
            &format!("{exports}/summary"),
            &nothing,
        ),
        (
            "get",
            "/v1/projects/{id}/records/{type}",
            api,
            &format!("{project}/records/orders?limit=3"),
            &nothing,
        ),
        (
            "get",
            "/v1/projects/{id}/records/{type}",
            staff,
            &format!("{project}/records/orders"),
            &nothing,
        ),
        ("get", "/v1/catalog", api, "/v1/catalog", &nothing),
        ("get", "/v1/catalog", stranger, "/v1/catalog", &nothing),
        (
            "get",
            "/v1/projects/{id}/catalog",
            api,
            &format!("{project}/catalog"),
            &nothing,
        ),
        ("put", "/v1/projects/{id}", staff, &project, &described),
    ] {
        let request = api.request(method.to_uppercase().parse().expect("a method"), path);
        let request = request.header("accept", "application/json");
        let request = if body.is_null() {
            request
        } else {
            request.json(body)
        };
        let answer = api.send(request).await;
        let (status, body) = (answer.status, answer.json());
        answers.push(json!({"method": method, "path": documented, "status": status, "body": body}));
    }
    let said = |answer: &Value| answer["status"].as_u64().expect("a status");
    let statuses: Vec<u64> = answers.iter().map(said).collect();
    let expected = [
        201, 422, 400, 403, 200, 404, 200, 409, 403, 200, 422, 200, 403, 200, 200, 403, 200, 401,
        200, 200,
    ];
    assert_eq!(statuses, expected);

    let wrong = wrong(&document, &answers);
    assert!(wrong.is_empty(), "{wrong}");
}

#[tokio::test]
async fn the_contract_has_every_method_of_its_paths() {
    let deployment = Deployment::get();
    let document = document(&deployment).await;
    let staff = caller(&deployment, "yuki", "staff").await;
    for (path, item) in document["paths"].as_object().expect("paths") {
        let address = address(path);
        let refused = staff.call(Method::PATCH, &address, None).await;
        problem(&refused, 405);
        let allowed = refused.header("allow").split(',').map(str::trim);
        // Every GET also supports HEAD.
        let allowed: BTreeSet<String> = allowed
            .filter(|m| *m != "HEAD")
            .map(str::to_lowercase)
            .collect();
        let documented: BTreeSet<String> =
            item.as_object().expect("methods").keys().cloned().collect();
        assert_eq!(allowed, documented, "{path}");
    }
}

/// An address of a path in the contract.
fn address(path: &str) -> String {
    path.replace("{id}", "7")
        .replace("{type}", "orders")
        .replace("{uuid}", "x")
}

#[tokio::test]
async fn every_reference_exists_and_every_operation_id_is_unique() {
    let deployment = Deployment::get();
    let document = document(&deployment).await;
    assert_eq!(document["servers"][0]["url"], deployment.public_url());
    let text = document.to_string();
    for reference in text.split("\"$ref\":\"#").skip(1) {
        let pointer = reference.split('"').next().expect("a reference");
        assert!(document.pointer(pointer).is_some(), "{pointer}");
    }
    for kind in ["schemas", "responses"] {
        for name in document["components"][kind]
            .as_object()
            .expect("components")
            .keys()
        {
            let used = text.contains(&format!("#/components/{kind}/{name}\""));
            assert!(used, "{kind}/{name} is used nowhere");
        }
    }
    let paths = document["paths"].as_object().expect("paths").values();
    let operations: Vec<&Value> = paths
        .flat_map(|item| item.as_object().expect("methods").values())
        .collect();
    let names: BTreeSet<&str> = operations
        .iter()
        .filter_map(|o| o["operationId"].as_str())
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

/// Objects that clients check strictly have only the fields in the contract.
#[tokio::test]
async fn receipts_failures_and_similar_objects_have_no_other_fields() {
    let document = document(&Deployment::get()).await;
    for name in ["Failure", "FieldError", "Receipt", "User", "Warning"] {
        let schema = &document["components"]["schemas"][name];
        assert_eq!(schema["additionalProperties"], false, "{name}");
        assert!(
            schema["required"]
                .as_array()
                .is_some_and(|all| !all.is_empty()),
            "{name}"
        );
    }
}

/// API Gateway gets bytes in another form than text.
#[tokio::test]
async fn the_contract_is_compressed_if_the_client_accepts_it() {
    let deployment = Deployment::get();
    let stranger = deployment.stranger();
    let ask = async |name: &str, value: &str| {
        let request = stranger.request(Method::GET, "/openapi.json");
        stranger.send(request.header(name, value)).await
    };
    let plain = stranger.get("/openapi.json").await.expect_status(200);
    assert_eq!(plain.header("cache-control"), "public, max-age=300");
    assert_eq!(
        (plain.header("vary"), plain.header("content-encoding")),
        ("Accept-Encoding", "")
    );
    let refused = ask("accept-encoding", "br, gzip;q=0")
        .await
        .expect_status(200);
    assert_eq!(refused.header("content-encoding"), "");
    for accepted in ["gzip", "br, gzip;q=0.8"] {
        let zipped = ask("accept-encoding", accepted).await.expect_status(200);
        assert_eq!(zipped.header("content-encoding"), "gzip");
        assert!(zipped.body.len() < plain.body.len() / 4);
        assert_ne!(zipped.header("etag"), plain.header("etag"));
        let mut unzipped = Vec::new();
        GzDecoder::new(zipped.body.as_slice())
            .read_to_end(&mut unzipped)
            .expect("gzip");
        assert_eq!(unzipped, plain.body);
    }
    let again = ask("if-none-match", plain.header("etag")).await;
    assert_eq!((again.status, again.body.len()), (304, 0));
}
