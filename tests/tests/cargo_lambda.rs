//! `cargo lambda watch` and `cargo lambda invoke` run each function on the developer's machine, against the stack.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::io::Write;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use futures::FutureExt;
use serde_json::{Value, json};
use waybill_tests::{MAIL_WITHIN, Running, Stack, free_port, wait_until};

/// What a first build of the functions may take.
const BUILT_WITHIN: Duration = Duration::from_secs(900);

#[tokio::test]
async fn every_function_answers_under_cargo_lambda() {
    let stack = Stack::get();
    let aws = stack.aws().await;
    // The deployed worker would be faster than ours.
    let generate = stack.output("generate_function");
    aws.feed(generate, false).await;
    let result = AssertUnwindSafe(whole_job(&stack)).catch_unwind().await;
    aws.feed(generate, true).await;
    if let Err(panic) = result {
        resume_unwind(panic);
    }
}

/// An export through each function in turn.
async fn whole_job(stack: &Stack) {
    let port = free_port();
    let mut watch = cargo_lambda("watch", port);
    watch.args([
        "--ignore-changes",
        "--wait",
        "--env-file",
        stack.output("env_file"),
    ]);
    let _watch = Running::start(watch.stdout(Stdio::null()).stderr(Stdio::null()));

    let first = async || invoke("api", port, event("api"));
    let created = wait_until("cargo lambda watch to have built api", BUILT_WITHIN, first).await;
    assert_eq!(created["statusCode"], 201, "{created}");
    let export: Value = serde_json::from_str(created["body"].as_str().unwrap()).unwrap();
    assert_eq!(
        (&export["status"], &export["project_id"]),
        (&json!("waiting"), &json!(42))
    );
    let id = export["id"].as_u64().unwrap();

    let mut message = event("generate");
    message["Records"][0]["body"] = json!({"export_id": id}).to_string().into();
    assert_eq!(
        invoke("generate", port, message),
        Ok(json!({"batchItemFailures": []}))
    );
    let ana = stack.caller(&stack.token(json!({"grants": "project:42"})).await);
    let path = format!("/v1/exports/{id}");
    assert_eq!(
        ana.get(&path).await.expect_status(200).json()["status"],
        "succeeded"
    );

    invoke("notify", port, json!({"export_id": id})).unwrap();
    wait_until("the mail to be sent", MAIL_WITHIN, async || {
        let mail = ana.get(&path).await.expect_status(200).json()["mail"].clone();
        if mail == "sent" {
            Ok(())
        } else {
            Err(mail.to_string())
        }
    })
    .await;
    invoke("sweep", port, event("sweep")).unwrap();
    // The files as they are name an export that nobody knows, which is no work.
    assert_eq!(
        invoke("generate", port, event("generate")),
        Ok(json!({"batchItemFailures": []}))
    );
    invoke("notify", port, event("notify")).unwrap();
}

/// What a function answers to an event, or why it does not.
fn invoke(function: &str, port: u16, event: Value) -> Result<Value, String> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(event.to_string().as_bytes()).unwrap();
    let output = cargo_lambda("invoke", port)
        .arg(function)
        .arg("--data-file")
        .arg(file.path())
        .output()
        .unwrap();
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    serde_json::from_slice(&output.stdout)
        .map_err(|error| format!("{error}: {}", String::from_utf8_lossy(&output.stdout)))
}

fn cargo_lambda(command: &str, port: u16) -> Command {
    let tool = Stack::root().join(".local/sam/bin/cargo-lambda");
    assert!(
        tool.exists(),
        "{} is missing: run `make tools`",
        tool.display()
    );
    let mut lambda = Command::new(tool);
    lambda.args([
        "lambda",
        command,
        "--invoke-address",
        "127.0.0.1",
        "--invoke-port",
        &port.to_string(),
    ]);
    lambda.current_dir(Stack::root());
    lambda
}

fn event(function: &str) -> Value {
    let path: PathBuf = [
        env!("CARGO_MANIFEST_DIR"),
        "events",
        &format!("{function}.json"),
    ]
    .iter()
    .collect();
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}
