//! Mails: when a file is attached, and in which language they are.

use reqwest::Method;
use serde_json::json;
use waybill_tests::requests::*;
use waybill_tests::{Deployment, Owner, id};

/// Whoever reads the mails of the address can read an attached file. API Gateway passes a boolean claim as text. With any
/// other value, the address is not verified.
#[tokio::test]
async fn a_file_is_not_attached_if_the_address_is_not_verified_in_the_token() {
    let deployment = Deployment::get();
    for (claim, attached) in [
        (json!(true), 1),
        (json!("true"), 1),
        (json!(false), 0),
        (json!("false"), 0),
        (json!("yes"), 0),
        (json!("1"), 0),
        (json!("True"), 0),
        (json!("[true]"), 0),
        (json!(""), 0),
        (json!(null), 0),
    ] {
        let owner = Owner::new(&deployment, "Ana").await;
        let token = json!({"sub": owner.sub, "email": owner.email, "claims": {"email_verified": claim},
            "grants": format!("project:{}", owner.project)});
        let owner = owner.calling_as(deployment.caller(&deployment.token(token).await));
        let export = owner.succeeded(csv()).await;
        // The claim is only used for the mail.
        assert!(!export.to_string().contains("verified"), "{export:#}");
        let stored = deployment.stored(id(&export)).await;
        let is_verified = stored["user"]["email_verified"] == true;
        assert_eq!(is_verified, attached == 1, "{claim}");
        let mail = owner.mail_about(id(&export)).await;
        let files = mail["attachments"].as_array().unwrap();
        assert_eq!(files.len(), attached, "{claim}");
        let says = mail["text"]
            .as_str()
            .unwrap()
            .contains("is not attached to this email");
        assert_eq!(says, attached == 0, "{mail:#}");
        owner.download(&export).await;
    }
}

/// The request's own locale comes before the token's claim, and that before the browser's language. None of the latter two
/// says anything about a person that a backend names.
#[tokio::test]
async fn the_language_is_that_of_the_request_or_the_token_or_the_browser() {
    let deployment = Deployment::get();
    for (asked, claim, accepted, locale) in [
        (Some("de-AT"), Some("pt-PT"), Some("ar"), Some("de-AT")),
        (None, Some("pt_PT"), Some("ar"), Some("pt-PT")),
        (None, Some("not a tag"), Some("ar"), Some("ar")),
        (None, None, Some("ar-EG,en;q=0.8"), Some("ar-EG")),
        (None, None, Some("*"), None),
        (None, None, None, None),
    ] {
        let owner = Owner::new(&deployment, "Ana").await;
        let grants = format!("project:{} service", owner.project);
        let mut token = json!({"sub": owner.sub, "email": owner.email, "grants": grants});
        if let Some(claim) = claim {
            token["claims"] = json!({"locale": claim});
        }
        let caller = deployment.caller(&deployment.token(token).await);
        let request = async |body: serde_json::Value| {
            let path = format!("/v1/projects/{}/exports", owner.project);
            let mut request = caller.request(Method::POST, &path).json(&body);
            if let Some(accepted) = accepted {
                request = request.header("Accept-Language", accepted);
            }
            let export = caller.send(request).await.expect_status(201).json();
            deployment.stored(id(&export)).await["locale"].clone()
        };
        let mut body = csv();
        if let Some(asked) = asked {
            body["locale"] = json!(asked);
        }
        let case = format!("{asked:?}, {claim:?}, {accepted:?}");
        assert_eq!(request(body.clone()).await, json!(locale), "{case}");
        body["user"] = json!({"id": format!("{}-other", owner.sub), "email": "other@example.com"});
        assert_eq!(
            request(body).await,
            json!(asked),
            "for a named user: {case}"
        );
    }
}
