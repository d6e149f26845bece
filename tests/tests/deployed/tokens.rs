//! Who gets in at all: the gateway's checks of the token, on every route.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use reqwest::Method;
use serde_json::json;
use waybill_tests::requests::*;
use waybill_tests::{Caller, Stack, unique};

/// The gateway answers 401 with its own form on every route.
async fn is_kept_out(stack: &Stack, who: &str, caller: &Caller) {
    let mut operations = operations(stack).await;
    operations.push((Method::GET, "/v1/nothing".to_owned()));
    for (method, path) in operations {
        let path = filled(&path);
        let body = (method != Method::GET).then(csv);
        let answer = caller.call(method.clone(), &path, body).await;
        assert_eq!(answer.status, 401, "{who}: {method} {path}: {answer:?}");
        assert!(
            answer.json()["message"].is_string(),
            "{who}: {method} {path}: {answer:?}"
        );
    }
}

#[tokio::test]
async fn without_a_token_every_route_is_closed() {
    let stack = Stack::get();
    is_kept_out(&stack, "nobody", &stack.stranger()).await;
    is_kept_out(&stack, "no token at all", &stack.caller("")).await;
    is_kept_out(&stack, "not a token", &stack.caller("e30.e30.e30")).await;
}

#[tokio::test]
async fn a_token_of_the_past_or_for_others_opens_nothing() {
    let stack = Stack::get();
    let grants = "project:42 organization:acme staff";
    for (who, fields) in [
        ("expired", json!({"expires_in": -120})),
        (
            "of another audience",
            json!({"audience": "another-product"}),
        ),
        (
            "of another issuer",
            json!({"claims": {"iss": "https://issuer.example"}}),
        ),
        (
            "not valid yet",
            json!({"claims": {"nbf": 4_102_444_800_u64}}),
        ),
    ] {
        let mut all = json!({"sub": "u-17", "grants": grants});
        all.as_object_mut()
            .expect("fields")
            .extend(fields.as_object().expect("fields").clone());
        is_kept_out(&stack, who, &stack.caller(&stack.token(all).await)).await;
    }
}

#[tokio::test]
async fn a_token_that_somebody_changed_opens_nothing() {
    let stack = Stack::get();
    let token = stack
        .token(json!({"sub": format!("forger-{}", unique()), "grants": "project:42"}))
        .await;
    let parts: Vec<&str> = token.split('.').collect();
    let [header, claims, signature] = parts[..] else {
        panic!("a token has three parts")
    };

    let decoded = BASE64_URL_SAFE_NO_PAD.decode(claims).expect("claims");
    let mut changed: serde_json::Value = serde_json::from_slice(&decoded).expect("claims are JSON");
    changed["scope"] = json!("staff");
    let changed = BASE64_URL_SAFE_NO_PAD.encode(changed.to_string());
    is_kept_out(
        &stack,
        "other claims",
        &stack.caller(&format!("{header}.{changed}.{signature}")),
    )
    .await;

    let mut bytes = BASE64_URL_SAFE_NO_PAD
        .decode(signature)
        .expect("a signature");
    bytes[100] ^= 1;
    let wrong = BASE64_URL_SAFE_NO_PAD.encode(bytes);
    is_kept_out(
        &stack,
        "wrong signature",
        &stack.caller(&format!("{header}.{claims}.{wrong}")),
    )
    .await;

    let none = BASE64_URL_SAFE_NO_PAD.encode(json!({"alg": "none", "typ": "JWT"}).to_string());
    is_kept_out(
        &stack,
        "no signature",
        &stack.caller(&format!("{none}.{claims}.")),
    )
    .await;
}

#[tokio::test]
async fn the_gateway_asks_a_token_of_every_call_that_the_contract_says_needs_one() {
    let stack = Stack::get();
    let document = stack.stranger().get("/openapi.json").await;
    let document = document.expect_status(200).json();
    let paths = document["paths"].as_object().expect("paths");
    for (path, item) in paths {
        for (method, operation) in item.as_object().expect("methods") {
            let address = path
                .replace("{id}", "7")
                .replace("{type}", "orders")
                .replace("{uuid}", "x");
            let method: Method = method.to_uppercase().parse().expect("a method");
            let answer = stack.stranger().call(method.clone(), &address, None).await;
            let is_open = operation["security"] == json!([]);
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

/// The page and its files are open, since it is they that sign a person in; everything else is not there.
#[tokio::test]
async fn outside_of_v1_there_is_the_page_and_nothing_else() {
    let stack = Stack::get();
    let stranger = stack.stranger();
    for path in ["/", "/exports/7301234567890123"] {
        let page = stranger.get(path).await.expect_status(200);
        assert!(
            page.header("content-type").starts_with("text/html"),
            "{page:?}"
        );
        assert!(
            !page
                .header("content-security-policy")
                .contains("unsafe-inline"),
            "{page:?}"
        );
    }
    for path in ["/nothing", "/v2/exports/1", "/exports", "/.env"] {
        problem(&stranger.get(path).await, 404);
    }
}
