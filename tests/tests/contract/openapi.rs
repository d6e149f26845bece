//! The contract at `/openapi.json`: valid, open to all, and true of the answers that the API really gives.

use std::io::Write;
use std::process::{Command, Stdio};

use reqwest::Method;
use serde_json::{Value, json};
use waybill_tests::{
    Answer, Caller, Owner, Stack, generated_orders, load_orders, orders_csv, python,
};

use super::{caller, cancel_path, csv, export_path};

const SCHEMA: &str = include_str!("../../data/openapi-3.1.schema.json");
const CHECK: &str = include_str!("../../data/check_openapi.py");

/// What is wrong with the document, its examples and these answers, by the specification's own schema.
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

fn real(method: &str, path: &str, answer: &Answer) -> Value {
    json!({"method": method, "path": path, "status": answer.status, "body": answer.json()})
}

async fn document(stack: &Stack) -> Value {
    let answer = stack
        .stranger()
        .get("/openapi.json")
        .await
        .expect_status(200);
    assert_eq!(answer.header("content-type"), "application/json");
    answer.json()
}

#[tokio::test]
async fn the_contract_is_true_of_real_answers() {
    let stack = Stack::get();
    let document = document(&stack).await;
    assert_eq!(document["openapi"], "3.1.0");
    let owner = Owner::new(&stack, "Ana").await;
    load_orders(&stack, owner.project, orders_csv(&generated_orders(20))).await;
    let staff = caller(&stack, "yuki", "staff").await;
    let get = async |api: &Caller, path: &str| api.get(path).await;
    let mut answers = Vec::new();
    let mut note =
        |method: &str, path: &str, answer: Answer| answers.push(real(method, path, &answer));

    let created = owner.api.post(&owner.path(), csv()).await;
    let export = created.json();
    note("post", "/v1/projects/{id}/exports", created);
    for body in [
        json!({"format": "pdf"}),
        json!([]),
        json!({"type": "orders", "format": "csv", "user": {"id": "x"}}),
    ] {
        note(
            "post",
            "/v1/projects/{id}/exports",
            owner.api.post(&owner.path(), body).await,
        );
    }
    let done = owner
        .reaches(
            waybill_tests::id(&export),
            "succeeded",
            waybill_tests::FINISHED_WITHIN,
        )
        .await;
    note(
        "get",
        "/v1/exports/{id}",
        get(&owner.api, &export_path(&export)).await,
    );
    note(
        "get",
        "/v1/exports/{id}",
        get(&owner.api, "/v1/exports/1").await,
    );
    note(
        "get",
        "/v1/exports/{id}/events",
        get(&staff, &format!("{}/events", export_path(&export))).await,
    );
    let cancel = cancel_path(&export);
    note(
        "post",
        "/v1/exports/{id}/cancel",
        owner.api.call(Method::POST, &cancel, None).await,
    );
    note(
        "get",
        "/v1/projects/{id}/exports",
        get(&owner.api, &owner.path()).await,
    );
    note(
        "get",
        "/v1/projects/{id}/exports",
        get(&owner.api, &format!("{}?limit=0", owner.path())).await,
    );
    let link = owner.link(&done);
    let request = owner
        .api
        .request(Method::GET, &link)
        .header("accept", "application/json");
    note("get", "/v1/downloads/{uuid}", owner.api.send(request).await);
    note("get", "/v1/downloads/{uuid}", get(&staff, &link).await);
    note(
        "get",
        "/v1/projects/{id}/exports/summary",
        get(&owner.api, &format!("{}/summary", owner.path())).await,
    );
    let project = format!("/v1/projects/{}", owner.project);
    note(
        "get",
        "/v1/projects/{id}/records/{type}",
        get(&owner.api, &format!("{project}/records/orders?limit=3")).await,
    );
    note(
        "get",
        "/v1/projects/{id}/records/{type}",
        get(&staff, &format!("{project}/records/orders")).await,
    );
    note("get", "/v1/catalog", get(&owner.api, "/v1/catalog").await);
    note(
        "get",
        "/v1/catalog",
        get(&stack.stranger(), "/v1/catalog").await,
    );
    note(
        "get",
        "/v1/projects/{id}/catalog",
        get(&owner.api, &format!("{project}/catalog")).await,
    );
    let described = json!({"name": "Film", "organization_id": "acme"});
    note(
        "put",
        "/v1/projects/{id}",
        staff.put(&project, described).await,
    );

    let wrong = wrong(&document, &answers);
    assert!(wrong.is_empty(), "{wrong}");
}

#[tokio::test]
async fn the_gateway_asks_a_token_of_every_call_that_the_contract_says_needs_one() {
    let stack = Stack::get();
    let document = document(&stack).await;
    let paths = document["paths"].as_object().expect("paths");
    for (path, item) in paths {
        for (method, operation) in item.as_object().expect("methods") {
            let address = path
                .replace("{id}", "7")
                .replace("{type}", "orders")
                .replace("{uuid}", "x");
            let method: Method = method.to_uppercase().parse().expect("a method");
            let answer = stack.stranger().call(method.clone(), &address, None).await;
            let is_open = operation["security"].is_null();
            let expected = if is_open { 200 } else { 401 };
            assert_eq!(answer.status, expected, "{method} {path}: {answer:?}");
            if !is_open {
                assert_eq!(
                    answer.json(),
                    json!({"message": "Unauthorized"}),
                    "{method} {path}"
                );
            }
        }
    }
}

/// Through the gateway, which hands on bytes in another form than text.
#[tokio::test]
async fn the_contract_comes_compressed_to_whom_it_suits() {
    let stack = Stack::get();
    let stranger = stack.stranger();
    let ask = async |name: &str, value: &str| {
        let request = stranger.request(Method::GET, "/openapi.json");
        stranger.send(request.header(name, value)).await
    };
    let plain = stranger.get("/openapi.json").await.expect_status(200);
    let zipped = ask("accept-encoding", "gzip").await.expect_status(200);
    assert_eq!(zipped.header("content-encoding"), "gzip");
    assert_eq!(zipped.body[..2], [0x1f, 0x8b]);
    assert!(zipped.body.len() < plain.body.len() / 4);
    let again = ask("if-none-match", plain.header("etag")).await;
    assert_eq!((again.status, again.body.len()), (304, 0));
}
