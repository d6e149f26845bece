//! Mails: when a file is attached.

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
