//! What a token says, and where.

use serde_json::json;

use crate::testing::Service;

const PATH: &str = "/v1/projects/42/exports";

/// As Cognito has them: a list in a claim with a colon in its name.
#[tokio::test]
async fn claims_have_the_names_that_the_parameters_give_them() {
    let mut service = Service::default();
    service.claim_names = Some([
        "cognito:groups",
        "cognito:username",
        "https://acme.example/mail",
    ]);
    let call = || service.post(PATH, json!({"type": "orders", "format": "csv"}));
    assert_eq!(call().send().await.status, 404, "`scope` says nothing here");

    let call = call()
        .by("u-17", "")
        .claim("cognito:groups", "[editors project:42 staffing]")
        .claim("cognito:username", "ana")
        .claim("https://acme.example/mail", "ana@acme.example");
    let answer = call.send().await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    let user = json!({"id": "u-17", "name": "ana", "email": "ana@acme.example"});
    assert_eq!(answer.json()["user"], user);
}

/// A claim that is empty, or only of words of others, is no error but nobody's grant.
#[tokio::test]
async fn claims_that_grant_nothing_let_nobody_in() {
    let service = Service::default();
    for grants in [
        "",
        " ",
        "[]",
        "openid email",
        "project:43",
        "[project:42,staff]",
    ] {
        let answer = service.get(PATH).grants(grants).send().await;
        assert_eq!(answer.status, 404, "{grants:?}");
    }
    for grants in [
        "project:42",
        "[project:42]",
        "openid  project:42 ",
        "[a staff]",
    ] {
        let answer = service.get(PATH).grants(grants).send().await;
        assert_eq!(answer.status, 200, "{grants:?}");
    }
}
