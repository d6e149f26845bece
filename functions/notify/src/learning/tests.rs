use aws_sdk_dynamodb::error::ErrorMetadata;
use aws_sdk_dynamodb::operation::get_item::GetItemError;
use aws_smithy_mocks::mock;
use serde_json::{Value, json};
use tokio::time::{Duration, Instant};
use waybill::bucket::Bucket;
use waybill::catalog::Catalog;
use waybill::clock::Clock;
use waybill::event::Actor;
use waybill::export::{Mail, Status};
use waybill::lifecycle::{Change, State};
use waybill::store::Exports;

use super::*;
use crate::mail::Letterhead;
use crate::mailer::Mailer;
use waybill_testing::{FakeTables, at, client, pace, processing, succeeded};

/// A notifier on these tables; it sends nothing and reads no file.
fn notifier(tables: &FakeTables) -> Notifier {
    Notifier {
        exports: tables.exports(),
        bucket: Bucket::new(client!(aws_sdk_s3, []), "files"),
        mailer: Mailer {
            ses: client!(aws_sdk_sesv2, []),
            from: "mail@example.com".into(),
            reply_to: None,
            configuration_set: "waybill".into(),
        },
        catalog: Catalog::load().unwrap(),
        grants_function: None,
        letterhead: Letterhead {
            product: "Waybill".into(),
            public_url: "https://exports.example.com".into(),
            support: None,
            logo: None,
        },
        clock: Clock::showing(|| at(30)),
    }
}

/// A message of the queue: a mail about this export bounced.
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

/// The names of the messages that are to come again.
async fn failures(notifier: &Notifier, messages: &[Value]) -> Vec<Value> {
    let deadline = Instant::now() + Duration::from_secs(60);
    let event = json!({"Records": messages});
    let failures = notifier.handle(event, deadline).await.unwrap();
    let failures = serde_json::to_value(failures).unwrap();
    failures["batchItemFailures"].as_array().unwrap().clone()
}

async fn learn(tables: &FakeTables, messages: &[Value]) -> Option<Mail> {
    assert!(failures(&notifier(tables), messages).await.is_empty());
    tables.export(7).unwrap().mail
}

fn sent() -> State {
    let claimed = succeeded(10).claim_mail(at(11), at(131)).unwrap().after;
    claimed.settle_mail(None, at(12)).after
}

fn sorted(tables: &FakeTables) -> Vec<String> {
    let mut events = tables.events();
    events.sort();
    events
}

#[tokio::test]
async fn a_mail_that_bounces_is_refused_once_however_often_it_is_told() {
    let tables = FakeTables::holding([&sent()]);
    let twice = [bounced("7", "Permanent"), bounced("7", "Permanent")];
    assert_eq!(learn(&tables, &twice).await, Some(Mail::Refused));
    assert_eq!(learn(&tables, &twice).await, Some(Mail::Refused));
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
    let claimed = succeeded(10).claim_mail(at(11), at(131)).unwrap().after;
    let tables = FakeTables::holding([&claimed]);
    let notifier = notifier(&tables);
    assert_eq!(
        learn(&tables, &[bounced("7", "Permanent")]).await,
        Some(Mail::Refused)
    );
    assert_eq!(sorted(&tables), ["mail_failed", "mailed"]);

    // Whoever sent it comes to mark it, on what they read before: it stays refused.
    notifier.mark(claimed, None).await.unwrap();
    assert_eq!(tables.export(7).unwrap().mail, Some(Mail::Refused));
    assert_eq!(sorted(&tables), ["mail_failed", "mailed"]);
    assert_eq!(tables.work(7).unwrap().mail, None);
}

#[tokio::test]
async fn a_bounce_is_learned_of_when_nothing_else_is_left_to_do() {
    let tables = cleaned_up().await;
    assert!(tables.work(7).is_none());
    let twice = [bounced("7", "Permanent"), bounced("7", "Permanent")];
    assert_eq!(learn(&tables, &twice).await, Some(Mail::Refused));
    assert_eq!(tables.export(7).unwrap().status, Status::Canceled);
    assert_eq!(sorted(&tables), ["mail_failed", "mailed"]);
}

/// A canceled export whose mail was sent and whose clean-up is done.
async fn cleaned_up() -> FakeTables {
    let canceled = processing(0).cancel(Actor::default(), at(10), pace()).after;
    let tables = FakeTables::holding([&canceled]);
    let steps: [fn(&State) -> Change; 3] = [
        |state| state.claim_mail(at(11), at(131)).unwrap(),
        |state| state.settle_mail(None, at(12)),
        |state| state.cleaned(at(200)),
    ];
    for step in steps {
        let change = step(&tables.state(7));
        tables.exports().commit(change).await.unwrap();
    }
    tables
}

#[tokio::test]
async fn the_same_bounce_told_to_two_at_once_is_written_once() {
    for tables in [FakeTables::holding([&sent()]), cleaned_up().await] {
        let before = tables.events().len();
        let told = [bounced("7", "Permanent")];
        let (one, two) = tokio::join!(learn(&tables, &told), learn(&tables, &told));
        assert_eq!((one, two), (Some(Mail::Refused), Some(Mail::Refused)));
        assert_eq!(tables.events().len(), before + 1);
    }
}

#[tokio::test]
async fn what_is_written_meanwhile_is_kept() {
    let tables = FakeTables::holding([&sent()]);
    let expired = sent().expire(at(40), at(30)).after;
    tables.write(&expired);
    assert_eq!(
        learn(&tables, &[bounced("7", "Permanent")]).await,
        Some(Mail::Refused)
    );
    assert_eq!(tables.export(7).unwrap().status, Status::Expired);
    // The next who writes on what they had read before is turned away, and does not undo it.
    let stale = expired.cleaned(at(50));
    assert!(matches!(
        tables.exports().commit(stale).await,
        Err(CommitError::Overtaken)
    ));
}

#[tokio::test]
async fn what_changes_nothing_is_taken_in_all_the_same() {
    let tables = FakeTables::holding([&sent()]);
    let others = [
        bounced("7", "Transient"),
        bounced("8", "Permanent"),
        message("Successfully validated SNS topic for Amazon SES event publishing."),
        message("{}"),
    ];
    assert_eq!(learn(&tables, &others).await, Some(Mail::Sent));
    assert!(tables.events().is_empty());

    let failed = succeeded(10).settle_mail(Some("there is no address".into()), at(12));
    let tables = FakeTables::holding([&failed.after]);
    assert_eq!(
        learn(&tables, &[bounced("7", "Permanent")]).await,
        Some(Mail::Failed)
    );
    let tables = FakeTables::holding([&processing(0)]);
    assert_eq!(learn(&tables, &[bounced("7", "Permanent")]).await, None);
}

#[tokio::test]
async fn what_cannot_be_read_comes_again_and_holds_up_nothing_else() {
    let tables = FakeTables::holding([&sent()]);
    let mut unreadable = bounced("x", "Permanent");
    unreadable["messageId"] = json!("m-x");
    let told = [unreadable, bounced("7", "Permanent")];
    assert_eq!(
        failures(&notifier(&tables), &told).await,
        [json!({"itemIdentifier": "m-x"})]
    );
    assert_eq!(tables.export(7).unwrap().mail, Some(Mail::Refused));
}

#[tokio::test]
async fn what_cannot_be_written_comes_again() {
    let denied = mock!(aws_sdk_dynamodb::Client::get_item).then_error(|| {
        let meta = ErrorMetadata::builder().code("AccessDeniedException");
        GetItemError::generic(meta.build())
    });
    let tables = FakeTables::holding([&sent()]);
    let mut notifier = notifier(&tables);
    let names = notifier.exports.tables().clone();
    notifier.exports = Exports::new(client!(aws_sdk_dynamodb, [&denied]), names);
    let mut told = bounced("7", "Permanent");
    told["messageId"] = json!("m-1");
    assert_eq!(
        failures(&notifier, &[told.clone()]).await,
        [json!({"itemIdentifier": "m-1"})]
    );

    // Without a name, only the whole batch can be told to have failed.
    told["messageId"].take();
    let deadline = Instant::now() + Duration::from_secs(60);
    let event = json!({"Records": [told]});
    let unnamed = notifier.handle(event, deadline).await;
    assert!(matches!(unnamed, Err(NotifyError::Unnamed)));
}
