//! What becomes of mails after they were sent.

use serde_json::Value;
use waybill_tests::requests::*;
use waybill_tests::{Owner, Stack, id, unique};

/// Somebody whose mails become what the mailbox makes of those to this name.
async fn addressed_to(stack: &Stack, mailbox: &str) -> Owner {
    let sub = format!("{mailbox}-{}", unique());
    let email = format!("{mailbox}+{sub}@example.com");
    Owner::with_email(stack, "Ana", &sub, &email, unique()).await
}

/// The reason that the history gives for a mail that was not delivered.
async fn reason(owner: &Owner, export: &Value) -> Value {
    let path = events_path(export);
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
