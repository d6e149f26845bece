//! Runs each function with `cargo lambda watch` and `cargo lambda invoke` against the stack.

#![allow(clippy::unwrap_used, reason = "a failed test panics")]

use std::panic::{AssertUnwindSafe, resume_unwind};
use std::time::Duration;

use futures::FutureExt;
use serde_json::{Value, json};
use waybill_tests::{MAIL_WITHIN, Stack, Watch, wait_until};

/// The timeout of a first build of the functions.
const BUILT_WITHIN: Duration = Duration::from_secs(900);

#[tokio::test]
async fn every_function_answers_under_cargo_lambda() {
    let stack = Stack::get();
    let aws = stack.aws().await;
    // Otherwise the deployed worker would process the export first.
    let generate = stack.output("generate_function");
    aws.feed(generate, false).await;
    let result = AssertUnwindSafe(whole_job(&stack)).catch_unwind().await;
    aws.feed(generate, true).await;
    if let Err(panic) = result {
        resume_unwind(panic);
    }
}

/// One missing variable takes no more than the types that need it out of service.
#[tokio::test]
async fn an_api_without_the_records_table_serves_all_that_needs_none() {
    let stack = Stack::get();
    let watch = Watch::start(&stack, &[("RECORDS_TABLE", "")]);
    let mut event = Watch::event("api");
    event["body"] = Value::Null;
    event["requestContext"]["http"]["method"] = "GET".into();
    let mut read = async |path: &str| {
        event["rawPath"] = path.into();
        event["requestContext"]["http"]["path"] = path.into();
        let first = async || watch.invoke("api", &event);
        let answer = wait_until("cargo lambda watch to have built api", BUILT_WITHIN, first).await;
        assert_eq!(answer["statusCode"], 200, "{answer}");
        serde_json::from_str::<Value>(answer["body"].as_str().unwrap()).unwrap()
    };
    let catalog = read("/v1/projects/42/catalog").await;
    let all = json!(["purchases", "audience_members", "leads", "orders"]);
    assert_eq!(
        (&catalog["out_of_service"], &catalog["types"]),
        (&all, &json!([]))
    );
    let list = read("/v1/projects/42/exports").await;
    assert!(list["exports"].is_array(), "{list}");
}

/// Without a gateway's authorizer, the function verifies the token itself, by its issuer's own keys.
#[tokio::test]
async fn the_function_verifies_tokens_itself() {
    let stack = Stack::get();
    let watch = Watch::start(&stack, &[("TOKEN_VERIFIER", "function")]);
    let mut event = Watch::event("api");
    let path = "/v1/projects/42/exports";
    event["body"] = Value::Null;
    event["requestContext"]["http"]["method"] = "GET".into();
    event["rawPath"] = path.into();
    event["requestContext"]["http"]["path"] = path.into();
    let mut answer = async |token: Option<&str>| {
        event["headers"] = json!({});
        if let Some(token) = token {
            event["headers"]["authorization"] = format!("Bearer {token}").into();
        }
        let first = async || watch.invoke("api", &event);
        let answer = wait_until("cargo lambda watch to have built api", BUILT_WITHIN, first).await;
        let body = answer["body"].as_str().unwrap();
        let body: Value = serde_json::from_str(body).unwrap();
        let challenge = answer["headers"]["www-authenticate"].clone();
        (
            answer["statusCode"].clone(),
            body["code"].clone(),
            challenge,
        )
    };
    // The event has an authorizer's claims, which count for nothing.
    let missing = answer(None).await;
    assert_eq!(
        missing,
        (json!(401), json!("token_missing"), json!("Bearer"))
    );
    let token = stack.token(json!({"grants": "project:42"})).await;
    assert_eq!(answer(Some(&token)).await.0, 200);
    let foreign = stack.token(json!({"grants": "project:43"})).await;
    assert_eq!(answer(Some(&foreign)).await.0, 404);
    let expired = stack
        .token(json!({"grants": "project:42", "expires_in": -61}))
        .await;
    let (status, code, challenge) = answer(Some(&expired)).await;
    assert_eq!((status, code), (json!(401), json!("token_expired")));
    assert_eq!(
        challenge,
        "Bearer error=\"invalid_token\", error_description=\"token_expired\""
    );
    let (signed, _) = token.rsplit_once('.').unwrap();
    let forged = answer(Some(&format!("{signed}.AAAA"))).await;
    assert_eq!((forged.0, forged.1), (json!(401), json!("token_refused")));
}

/// An export through each function in turn.
async fn whole_job(stack: &Stack) {
    let watch = Watch::start(stack, &[]);
    let event = Watch::event;
    let first = async || watch.invoke("api", &event("api"));
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
        watch.invoke("generate", &message),
        Ok(json!({"batchItemFailures": []}))
    );
    let ana = stack.caller(&stack.token(json!({"grants": "project:42"})).await);
    let path = format!("/v1/exports/{id}");
    assert_eq!(
        ana.get(&path).await.expect_status(200).json()["status"],
        "succeeded"
    );

    watch.invoke("notify", &json!({"export_id": id})).unwrap();
    wait_until("the mail to be sent", MAIL_WITHIN, async || {
        let mail = ana.get(&path).await.expect_status(200).json()["mail"].clone();
        if mail == "sent" {
            Ok(())
        } else {
            Err(mail.to_string())
        }
    })
    .await;
    watch.invoke("sweep", &event("sweep")).unwrap();
    // The event files contain an unknown export, for which there is nothing to do.
    assert_eq!(
        watch.invoke("generate", &event("generate")),
        Ok(json!({"batchItemFailures": []}))
    );
    watch.invoke("notify", &event("notify")).unwrap();
}
