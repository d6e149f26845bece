use aws_sdk_dynamodb::error::ErrorMetadata;
use aws_sdk_dynamodb::operation::get_item::GetItemError;
use aws_smithy_mocks::mock;
use serde_json::{Value, json};
use waybill::event::Actor;
use waybill::export::{Mail, Status};
use waybill::lifecycle::{Change, State};
use waybill::store::Exports;

use super::*;
use crate::testing::deadline;
use waybill_testing::{FakeTables, at, client, processing, succeeded, timing};

/// A notifier on these tables that sends no mail and reads no file.
fn notifier(tables: &FakeTables) -> Notifier {
    let exports = tables.exports();
    crate::testing::notifier(exports, client!(aws_sdk_s3, []), client!(aws_sdk_sesv2, []))
}

/// A message of the queue: the mail of this export bounced.
fn bounced(export: &str, kind: &str) -> Value {
    let event = json!({
        "eventType": "Bounce",
        "bounce": {"bounceType": kind, "bouncedRecipients": [{"emailAddress": "ana@example.com"}]},
        "mail": {"tags": {"waybill-export": [export]}, "destination": ["ana@example.com"]}
    });
    message(&event.to_string())
}

fn message(body: &str) -> Value {
    json!({"messageId": format!("m-{}", body.len()), "body": body, "eventSource": "aws:sqs"})
}

/// The ids of the messages that are to be delivered again.
async fn failures(notifier: &Notifier, messages: &[Value]) -> Vec<Value> {
    let event = json!({"Records": messages});
    let failures = notifier.handle(event, deadline()).await.unwrap();
    let failures = serde_json::to_value(failures).unwrap();
    failures["batchItemFailures"].as_array().unwrap().clone()
}

/// Processes the messages, and returns what export 7 then shows about its mail.
async fn process(tables: &FakeTables, messages: &[Value]) -> Option<Mail> {
    assert!(failures(&notifier(tables), messages).await.is_empty());
    tables.export(7).unwrap().mail
}

fn claimed() -> State {
    succeeded(10).claim_mail(at(11), at(131)).unwrap().after
}

fn sent() -> State {
    claimed().record_mail_outcome(None, at(12)).after
}

fn sorted(tables: &FakeTables) -> Vec<String> {
    let mut events = tables.events();
    events.sort();
    events
}

#[tokio::test]
async fn a_repeated_bounce_refuses_the_mail_once() {
    let tables = FakeTables::holding([&sent()]);
    let twice = [bounced("7", "Permanent"), bounced("7", "Permanent")];
    assert_eq!(process(&tables, &twice).await, Some(Mail::Refused));
    assert_eq!(process(&tables, &twice).await, Some(Mail::Refused));
    assert_eq!(tables.events(), ["mail_failed"]);
    let work = tables.work(7).unwrap();
    assert_eq!(
        work.due_at(),
        sent().work.due_at(),
        "the file still expires"
    );
}

#[tokio::test]
async fn a_bounce_that_comes_before_the_mail_is_marked_ends_the_mail() {
    let tables = FakeTables::holding([&claimed()]);
    let notifier = notifier(&tables);
    assert_eq!(
        process(&tables, &[bounced("7", "Permanent")]).await,
        Some(Mail::Refused)
    );
    assert_eq!(sorted(&tables), ["mail_failed", "mailed"]);

    // The invocation that sent the mail then marks it as sent. The mail stays refused.
    notifier.mark(claimed().export.id, None).await.unwrap();
    assert_eq!(tables.export(7).unwrap().mail, Some(Mail::Refused));
    assert_eq!(sorted(&tables), ["mail_failed", "mailed"]);
    assert_eq!(tables.work(7).unwrap().mail, None);
}

#[tokio::test]
async fn a_bounce_is_stored_for_an_export_without_work() {
    let tables = cleaned_up().await;
    assert!(tables.work(7).is_none());
    let twice = [bounced("7", "Permanent"), bounced("7", "Permanent")];
    assert_eq!(process(&tables, &twice).await, Some(Mail::Refused));
    assert_eq!(tables.export(7).unwrap().status, Status::Canceled);
    assert_eq!(sorted(&tables), ["mail_failed", "mailed"]);
}

/// A canceled export whose mail was sent and whose clean-up is done.
async fn cleaned_up() -> FakeTables {
    let canceled = processing(0)
        .cancel(Actor::default(), at(10), timing())
        .after;
    let tables = FakeTables::holding([&canceled]);
    let steps: [fn(&State) -> Change; 3] = [
        |state| state.claim_mail(at(11), at(131)).unwrap(),
        |state| state.record_mail_outcome(None, at(12)),
        |state| state.cleaned(at(200)),
    ];
    for step in steps {
        let change = step(&tables.state(7));
        tables.exports().commit(change).await.unwrap();
    }
    tables
}

#[tokio::test]
async fn concurrent_invocations_write_the_same_bounce_once() {
    for tables in [FakeTables::holding([&sent()]), cleaned_up().await] {
        let before = tables.events().len();
        let bounce = [bounced("7", "Permanent")];
        let (one, two) = tokio::join!(process(&tables, &bounce), process(&tables, &bounce));
        assert_eq!((one, two), (Some(Mail::Refused), Some(Mail::Refused)));
        assert_eq!(tables.events().len(), before + 1);
    }
}

#[tokio::test]
async fn a_bounce_keeps_the_changes_of_other_writes() {
    let tables = FakeTables::holding([&sent()]);
    let expired = sent().expire(at(40), at(30)).after;
    tables.write(&expired);
    assert_eq!(
        process(&tables, &[bounced("7", "Permanent")]).await,
        Some(Mail::Refused)
    );
    assert_eq!(tables.export(7).unwrap().status, Status::Expired);
    // A later write with the sequence from before the bounce conflicts.
    let stale = expired.cleaned(at(50));
    assert!(matches!(
        tables.exports().commit(stale).await,
        Err(CommitError::Conflict)
    ));
}

#[tokio::test]
async fn events_without_effect_are_not_delivered_again() {
    let tables = FakeTables::holding([&sent()]);
    let others = [
        bounced("7", "Transient"),
        bounced("8", "Permanent"),
        message("Successfully validated SNS topic for Amazon SES event publishing."),
        message("{}"),
    ];
    assert_eq!(process(&tables, &others).await, Some(Mail::Sent));
    assert!(tables.events().is_empty());

    let failed = succeeded(10).record_mail_outcome(Some("there is no address".into()), at(12));
    let tables = FakeTables::holding([&failed.after]);
    assert_eq!(
        process(&tables, &[bounced("7", "Permanent")]).await,
        Some(Mail::Failed)
    );
    let tables = FakeTables::holding([&processing(0)]);
    assert_eq!(process(&tables, &[bounced("7", "Permanent")]).await, None);
}

#[tokio::test]
async fn an_unreadable_event_is_delivered_again_and_blocks_no_other() {
    let tables = FakeTables::holding([&sent()]);
    let mut unreadable = bounced("x", "Permanent");
    unreadable["messageId"] = json!("m-x");
    let messages = [unreadable, bounced("7", "Permanent")];
    assert_eq!(
        failures(&notifier(&tables), &messages).await,
        [json!({"itemIdentifier": "m-x"})]
    );
    assert_eq!(tables.export(7).unwrap().mail, Some(Mail::Refused));
}

#[tokio::test]
async fn an_event_that_cannot_be_written_is_delivered_again() {
    let denied = mock!(aws_sdk_dynamodb::Client::get_item).then_error(|| {
        let meta = ErrorMetadata::builder().code("AccessDeniedException");
        GetItemError::generic(meta.build())
    });
    let tables = FakeTables::holding([&sent()]);
    let mut notifier = notifier(&tables);
    let names = notifier.exports.tables().clone();
    notifier.exports = Exports::new(client!(aws_sdk_dynamodb, [&denied]), names);
    let mut bounce = bounced("7", "Permanent");
    bounce["messageId"] = json!("m-1");
    assert_eq!(
        failures(&notifier, &[bounce.clone()]).await,
        [json!({"itemIdentifier": "m-1"})]
    );

    // Without an id, only the whole batch can fail.
    bounce["messageId"].take();
    let event = json!({"Records": [bounce]});
    let without_id = notifier.handle(event, deadline()).await;
    assert!(matches!(without_id, Err(NotifyError::WithoutId)));
}
