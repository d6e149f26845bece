//! Mails: to whom a file goes with them, and what becomes of them after they were sent.

use serde_json::{Value, json};
use waybill_tests::{Owner, Stack, id, unique};

use super::{csv, export_path};

/// Somebody whose mails become what the mailbox makes of those to this name.
async fn addressed_to(stack: &Stack, mailbox: &str) -> Owner {
    let sub = format!("{mailbox}-{}", unique());
    let email = format!("{mailbox}+{sub}@example.com");
    Owner::with_email(stack, "Ana", &sub, &email, unique()).await
}

/// The reason that the history gives for a mail that was not delivered.
async fn reason(owner: &Owner, export: &Value) -> Value {
    let path = format!("{}/events", export_path(export));
    let history = owner.api.get(&path).await.expect_status(200);
    assert!(!history.text().contains(&owner.email), "{history:?}");
    let events = history.json()["events"].as_array().unwrap().clone();
    let failed = events.iter().find(|event| event["event"] == "mail_failed");
    failed.map_or(Value::Null, |event| event["detail"].clone())
}

#[tokio::test]
async fn a_mail_that_does_not_get_through_is_refused_within_a_minute() {
    let stack = Stack::get();
    for (mailbox, detail) in [
        ("bounce", "bounced"),
        ("complaint", "complained"),
        ("reject", "rejected"),
    ] {
        let owner = addressed_to(&stack, mailbox).await;
        let export = owner.succeeded(csv()).await;
        owner.mail_is(id(&export), "refused").await;
        assert_eq!(
            owner.events(id(&export)).await,
            ["requested", "started", "succeeded", "mailed", "mail_failed"],
            "{mailbox}"
        );
        assert_eq!(reason(&owner, &export).await, detail);
        assert_eq!(owner.mails_about(id(&export)).await.len(), 1, "{mailbox}");
        // The file is there all the same.
        owner.download(&export).await;
    }
}

/// A file that is attached is given to whoever reads the mails of the address.
#[tokio::test]
async fn a_file_goes_to_no_address_that_the_token_does_not_call_verified() {
    let stack = Stack::get();
    for (claim, attached) in [
        (json!(true), 1),
        (json!("true"), 1),
        (json!(false), 0),
        (json!(null), 0),
    ] {
        let owner = Owner::new(&stack, "Ana").await;
        let token = json!({"sub": owner.sub, "email": owner.email, "claims": {"email_verified": claim},
            "grants": format!("project:{}", owner.project)});
        let owner = owner.calling_as(stack.caller(&stack.token(token).await));
        let export = owner.succeeded(csv()).await;
        assert!(export["user"].get("email_verified").is_none());
        let mail = owner.mail_about(id(&export)).await;
        let files = mail["attachments"].as_array().unwrap();
        assert_eq!(files.len(), attached, "{claim}");
        let says = mail["text"]
            .as_str()
            .unwrap()
            .contains("is not attached to this mail");
        assert_eq!(says, attached == 0, "{mail:#}");
        owner.download(&export).await;
    }
}
