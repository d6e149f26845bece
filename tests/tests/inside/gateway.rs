//! What the API makes of what the gateway hands on: who asks, by which claims, and what it says if the gateway did not ask.

use reqwest::Method;
use serde_json::{Value, json};
use waybill_tests::requests::*;
use waybill_tests::{Answer, Caller, Deployment, InProcess, id};

use super::{PATH, Service};

#[tokio::test]
async fn every_route_of_the_api_needs_a_token_that_names_somebody() {
    let service = Service::default();
    let open = Deployment::from(&service.0.without_gateway());
    let missing = "401 Send a valid access token in the header `Authorization: Bearer …`.";
    let nobody = "401 The token has no `sub`, so that it names nobody.";
    let callers = [
        (open.stranger(), missing),
        (open.caller("x"), missing),
        (service.by(" ", "staff"), nobody),
    ];
    for (method, path) in operations(&open).await {
        let path = filled(&path);
        for (caller, problem) in &callers {
            let answer = caller.call(method.clone(), &path, None).await;
            assert_eq!(answer.problem(), *problem, "{path}");
            // The gateway's id of the request, by which its log has it.
            assert_eq!(answer.json()["request_id"], "r-1");
        }
    }
}

/// Where the function verifies tokens, it does so for every route of the contract, whatever an authorizer says.
#[tokio::test]
async fn every_route_of_the_api_verifies_the_token_itself() {
    let open = Deployment::from(&Service::default().0.verifying_tokens());
    let by_gateway = open.token(json!({"sub": "u-17", "grants": "staff"})).await;
    let by_gateway = open.caller(&by_gateway);
    let callers = [
        (open.stranger(), "token_missing", "Bearer"),
        (
            open.caller("opaque"),
            "token_refused",
            "Bearer error=\"invalid_token\", error_description=\"token_refused\"",
        ),
        (
            by_gateway,
            "token_refused",
            "Bearer error=\"invalid_token\", error_description=\"token_refused\"",
        ),
    ];
    for (method, path) in operations(&open).await {
        let path = filled(&path);
        for (caller, code, challenge) in &callers {
            let answer = caller.call(method.clone(), &path, None).await;
            assert_eq!(answer.header("www-authenticate"), *challenge, "{path}");
            let problem = answer.expect_status(401).json();
            assert_eq!(problem["code"], *code, "{path}: {problem}");
        }
    }
}

/// As Cognito has them: a list in a claim with a colon in its name.
#[tokio::test]
async fn claims_have_the_names_that_the_parameters_give_them() {
    let service = Service(InProcess::with_claims([
        "cognito:groups",
        "cognito:username",
        "https://acme.example/mail",
        "https://acme.example/mail_verified",
    ]));
    let post = async |caller: Caller| -> Answer { caller.post(PATH, csv()).await };
    problem(&post(service.ana()).await, 404);

    let groups = json!(["editors", "project:42", "staffing"]);
    let mut claims = json!({"cognito:groups": groups, "cognito:username": "ana",
        "https://acme.example/mail": "ana@acme.example"});
    let answer = post(service.with("u-17", "", claims.clone()))
        .await
        .expect_status(201);
    let user = json!({"id": "u-17", "name": "ana", "email": "ana@acme.example"});
    assert_eq!(answer.json()["user"], user);
    let is_verified = |answer: &Answer| {
        let id = id(&answer.json()).try_into().unwrap();
        service.export(id).user.email_verified
    };
    assert!(!is_verified(&answer));

    claims["https://acme.example/mail_verified"] = json!(true);
    let answer = post(service.with("u-17", "", claims))
        .await
        .expect_status(201);
    assert!(is_verified(&answer));
}

#[tokio::test]
async fn a_preflight_succeeds_and_lets_nobody_in_by_itself() {
    let service = Service::default();
    let stranger = Deployment::from(&service.0.without_gateway()).stranger();
    let asked = stranger.request(Method::OPTIONS, PATH);
    let asked = asked.header("access-control-request-method", "POST");
    let answer = stranger.send(asked).await.expect_status(204);
    let mut names = answer.headers.keys();
    assert!(names.all(|name| !name.as_str().starts_with("access-control")));
}

/// The local stack's gateway makes one slash of two, and so the page's address.
#[tokio::test]
async fn two_slashes_are_no_address() {
    let service = Service::default();
    assert_eq!(
        service.ana().get("//").await.problem(),
        "404 There is nothing at this address, or you may not see it."
    );
}

#[tokio::test]
async fn the_page_is_there_for_everybody() {
    let service = Service::default();
    let stranger = Deployment::from(&service.0).stranger();
    let mut html = String::new();
    for path in [
        "/",
        "/exports/7",
        "/signed-in?code=1&state=2",
        "/organizations/acme/exports",
        "/projects/42/orders",
        "/sources/web-leads",
    ] {
        let answer = stranger.get(path).await.expect_status(200);
        assert_eq!(answer.header("content-type"), "text/html; charset=utf-8");
        let policy = answer.header("content-security-policy");
        assert!(policy.contains("connect-src 'self' https://issuer.example;"));
        assert!(policy.contains("frame-ancestors 'none';"));
        assert_eq!(answer.header("referrer-policy"), "no-referrer");
        assert_eq!(answer.header("cache-control"), "no-cache");
        html = answer.text();
    }
    let script = html.split('"').find(|text| text.ends_with("/app.js"));
    let (script, style) = (
        "text/javascript; charset=utf-8",
        ("text/css; charset=utf-8", script),
    );
    for (path, media_type, kept) in [
        (
            style.1.expect("the page's script"),
            script,
            "public, max-age=31536000, immutable",
        ),
        ("/assets/older/page.css", style.0, "no-cache"),
        ("/element/v1.js", script, "public, max-age=300"),
    ] {
        let answer = stranger.get(path).await.expect_status(200);
        assert_eq!(answer.header("content-type"), media_type);
        assert_eq!(answer.header("cache-control"), kept, "{path}");
    }
    for path in ["/assets/older/nothing.js", "/projects/42/orders/7"] {
        problem(&stranger.get(path).await, 404);
    }
    let config = stranger.read("/config.json").await;
    let said = json!({"issuer": "https://issuer.example/pool", "client_id": "waybill",
        "product_name": "Waybill", "support_address": Value::Null});
    assert_eq!(config, said);
}

/// A person's id is part of the keys of items, which DynamoDB bounds.
#[tokio::test]
async fn a_person_with_an_id_that_cannot_be_a_key_is_refused() {
    let service = Service::default();
    let longest = service.by(&"s".repeat(1_024), "project:42");
    longest.post(PATH, csv()).await.expect_status(201);
    let too_long = service.by(&"s".repeat(1_025), "project:42");
    for answer in [too_long.get(PATH).await, too_long.post(PATH, csv()).await] {
        let said = answer.problem();
        assert!(
            said.starts_with("401 The token's `sub` has more than 1024 bytes"),
            "{said}"
        );
    }
}
