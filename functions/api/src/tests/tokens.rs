//! What a token says, and where.

use serde_json::json;
use waybill::export::Export;

use crate::testing::{Answer, Service};

const PATH: &str = "/v1/projects/42/exports";

/// As Cognito has them: a list in a claim with a colon in its name.
#[tokio::test]
async fn claims_have_the_names_that_the_parameters_give_them() {
    let mut service = Service::default();
    service.claim_names = Some([
        "cognito:groups",
        "cognito:username",
        "https://acme.example/mail",
        "https://acme.example/mail_verified",
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
    assert!(!stored(&service, &answer).user.email_verified);

    let call = service
        .post(PATH, json!({"type": "orders", "format": "csv"}))
        .by("u-17", "")
        .claim("cognito:groups", "[project:42]")
        .claim("https://acme.example/mail", "ana@acme.example")
        .claim("https://acme.example/mail_verified", "true");
    let answer = call.send().await;
    assert!(stored(&service, &answer).user.email_verified);
}

/// The export that was made, as it is stored.
fn stored(service: &Service, answer: &Answer) -> Export {
    let id = serde_json::from_value(answer.json()["id"].clone()).unwrap();
    service.export(id)
}

/// API Gateway hands a boolean on as text. Whatever else it is, the address is not known to be the person's.
#[tokio::test]
async fn an_address_is_verified_where_the_token_says_so_and_nowhere_else() {
    let service = Service::default();
    for (claim, verified) in [
        (Some("true"), true),
        (Some("false"), false),
        (Some("yes"), false),
        (Some("1"), false),
        (Some("True"), false),
        (Some("[true]"), false),
        (Some(""), false),
        (None, false),
    ] {
        let person = format!("u-{claim:?}");
        let mut call = service
            .post(PATH, json!({"type": "orders", "format": "csv"}))
            .by(&person, "project:42");
        if let Some(claim) = claim {
            call = call.claim("email_verified", claim);
        }
        let answer = call.send().await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        let export = stored(&service, &answer);
        assert_eq!(export.user.email_verified, verified, "{claim:?}");
        // It is for the mail alone.
        assert!(!answer.text.contains("verified"), "{}", answer.text);
    }
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
