use std::sync::{Arc, Mutex};

use aws_sdk_lambda::operation::invoke::{InvokeError, InvokeOutput};
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_sesv2::operation::send_email::{SendEmailError, SendEmailOutput};
use aws_sdk_sesv2::types::error::MessageRejected;
use aws_smithy_mocks::{MockResponse, Rule, mock};
use serde_json::json;
use waybill::export::Mail;

use super::*;
use crate::testing::{deadline, notifier};
use waybill_testing::fake::{Call, Carried, Wire, http_client};
use waybill_testing::{FakeTables, at, client, processing, succeeded, timing};

type Sent = Arc<Mutex<Vec<(String, usize)>>>;

/// A notifier over mocked services, and the mails that it sent: their texts and numbers of attachments.
struct World {
    tables: FakeTables,
    sent: Sent,
    mails: Rule,
    notifier: Notifier,
}

/// SES's error for a mail with this number of attachments, if any.
type Answer = fn(usize) -> Option<SendEmailError>;

fn rejected() -> SendEmailError {
    SendEmailError::MessageRejected(MessageRejected::builder().message("no").build())
}

impl World {
    fn new(state: &State, answer: Answer) -> Self {
        Self::with_file(state, answer, b"id\r\n1\r\n2\r\n\r\n")
    }

    fn with_file(state: &State, answer: Answer, file: &'static [u8]) -> Self {
        let tables = FakeTables::holding([state]);
        let sent = Sent::default();
        let accepted = sent.clone();
        let mails = mock!(aws_sdk_sesv2::Client::send_email).then_compute_response(move |r| {
            let message = r.content().unwrap().simple().unwrap();
            let attached = message.attachments().len();
            if let Some(error) = answer(attached) {
                return MockResponse::Error(error);
            }
            let text = message.body().unwrap().text().unwrap().data().to_owned();
            accepted.lock().unwrap().push((text, attached));
            MockResponse::Output(SendEmailOutput::builder().build())
        });
        let get = mock!(aws_sdk_s3::Client::get_object)
            .match_requests(|r| r.key() == Some("exports/7/kept"))
            .then_output(move || {
                GetObjectOutput::builder()
                    .body(ByteStream::from_static(file))
                    .build()
            });
        let s3 = client!(aws_sdk_s3, [&get]);
        let notifier = notifier(tables.exports(), s3, client!(aws_sdk_sesv2, [&mails]));
        Self {
            tables,
            sent,
            mails,
            notifier,
        }
    }

    async fn call(&self) -> Result<Failures, NotifyError> {
        self.handle(json!({"export_id": 7})).await
    }

    async fn handle(&self, event: Value) -> Result<Failures, NotifyError> {
        self.notifier.handle(event, deadline()).await
    }

    fn sent(&self) -> Vec<(String, usize)> {
        self.sent.lock().unwrap().clone()
    }

    fn mail(&self) -> Option<Mail> {
        self.tables.export(7).unwrap().mail
    }
}

fn canceled() -> State {
    let actor = waybill::event::Actor::default();
    processing(0).cancel(actor, at(10), timing()).after
}

fn stream(sequence_number: Value) -> Value {
    json!({"Records": [{
        "eventID": "1", "eventName": "MODIFY", "awsRegion": "eu-west-1",
        "dynamodb": {
            "OldImage": {"id": {"N": "7"}, "status": {"S": "processing"}},
            "NewImage": {"id": {"N": "7"}, "status": {"S": "succeeded"}, "mail": {"S": "pending"}},
            "SequenceNumber": sequence_number, "SizeBytes": 9
        }
    }]})
}

#[tokio::test]
async fn a_succeeded_export_is_mailed_once_with_its_file() {
    let world = World::new(&succeeded(10), |_| None);
    let (one, two) = tokio::join!(world.call(), world.handle(stream(json!("1"))));
    assert!(one.is_ok() && two.is_ok());
    world.call().await.unwrap();
    let sent = world.sent();
    assert_eq!((sent.len(), sent[0].1), (1, 1));
    assert!(
        sent[0]
            .0
            .contains("https://exports.example.com/exports/7\n")
    );
    assert_eq!(world.mail(), Some(Mail::Sent));
    assert_eq!(world.tables.events(), ["mailed"]);
    assert_eq!(world.tables.work(7).unwrap().mail, None);
}

#[tokio::test]
async fn a_file_of_another_size_is_not_attached() {
    let world = World::with_file(&succeeded(10), |_| None, b"cut");
    world.call().await.unwrap();
    let sent = world.sent();
    assert_eq!(sent[0].1, 0);
    assert!(sent[0].0.contains("could not be attached"));
    assert_eq!(world.mail(), Some(Mail::Sent));
}

#[tokio::test]
async fn a_mail_whose_file_is_refused_is_sent_without_the_file() {
    let world = World::new(&succeeded(10), |attached| (attached > 0).then(rejected));
    world.call().await.unwrap();
    assert_eq!((world.sent().len(), world.mail()), (1, Some(Mail::Sent)));
    assert_eq!(world.mails.num_calls(), 2);
}

#[tokio::test]
async fn a_permanent_refusal_fails_the_mail() {
    let world = World::new(&succeeded(10), |_| Some(rejected()));
    world.call().await.unwrap();
    assert_eq!(world.mail(), Some(Mail::Failed));
    assert_eq!(world.tables.events(), ["mail_failed"]);
    world.call().await.unwrap();
    assert_eq!(world.mails.num_calls(), 2);
}

#[tokio::test]
async fn a_mail_without_a_valid_address_fails_and_is_not_sent_to_ses() {
    for email in [
        None,
        Some("ana"),
        Some("a@example.com\r\nBcc: b@example.com"),
    ] {
        let mut state = succeeded(10);
        state.export.user.email = email.map(str::to_owned);
        let world = World::new(&state, |_| None);
        world.call().await.unwrap();
        assert_eq!(
            (world.mail(), world.mails.num_calls()),
            (Some(Mail::Failed), 0),
            "{email:?}"
        );
    }
}

#[tokio::test]
async fn a_temporary_error_is_reported_and_releases_the_claim() {
    let denied = |_| {
        let meta = aws_sdk_sesv2::error::ErrorMetadata::builder().code("AccessDeniedException");
        Some(SendEmailError::generic(meta.build()))
    };
    let world = World::new(&succeeded(10), denied);
    let error = world.call().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "SES did not accept the mail: SendEmail failed: AccessDeniedException"
    );
    let response = world.handle(stream(json!("123"))).await.unwrap();
    assert_eq!(
        serde_json::to_value(response).unwrap(),
        json!({"batchItemFailures": [{"itemIdentifier": "123"}]})
    );
    assert_eq!(
        (world.mails.num_calls(), world.mail()),
        (2, Some(Mail::Pending))
    );
    assert_eq!(
        world.tables.work(7).unwrap().mail.unwrap().claimed_until,
        None
    );
    let without_id = world.handle(stream(json!(null))).await;
    assert!(matches!(without_id, Err(NotifyError::WithoutId)));
}

#[tokio::test]
async fn a_mail_claimed_by_another_invocation_is_sent_only_after_the_claim_has_ended() {
    for (claimed_until, mails) in [(at(21), 0), (at(20), 1)] {
        let claimed = succeeded(10).claim_mail(at(11), claimed_until).unwrap();
        let world = World::new(&claimed.after, |_| None);
        world.call().await.unwrap();
        assert_eq!(world.mails.num_calls(), mails);
    }
}

#[tokio::test]
async fn a_sent_mail_is_marked_despite_a_conflicting_write() {
    let world = World::new(&succeeded(10), |_| None);
    let exports = &world.notifier.exports;
    let id = ExportId::try_from(7).unwrap();
    let state = exports.state(id).await.unwrap().unwrap();
    let claim = state.claim_mail(at(20), at(140)).unwrap();
    exports.commit(claim).await.unwrap();
    world.tables.overtake(7);
    world.notifier.mark(id, None).await.unwrap();
    assert_eq!(world.mail(), Some(Mail::Sent));
}

#[tokio::test]
async fn an_unfinished_or_unknown_export_gets_no_mail() {
    let world = World::new(&processing(0), |_| None);
    world.call().await.unwrap();
    world.handle(json!({"export_id": 8})).await.unwrap();
    assert_eq!(world.mails.num_calls(), 0);
    assert_eq!(world.tables.work(7).unwrap().sequence, 1);
}

#[tokio::test]
async fn no_mail_is_claimed_without_enough_time_to_send_it() {
    let world = World::new(&succeeded(10), |_| None);
    let late = Instant::now() + TIME_FOR_A_MAIL;
    let event = json!({"export_id": 7});
    assert!(matches!(
        world.notifier.handle(event, late).await,
        Err(NotifyError::Time)
    ));
    assert_eq!(
        (world.mails.num_calls(), world.mail()),
        (0, Some(Mail::Pending))
    );
}

#[tokio::test]
async fn failed_and_canceled_exports_are_mailed_without_a_file() {
    let failure = waybill::export::Failure {
        code: "gave_up".into(),
        message: "Please start it again.".into(),
        retryable: true,
    };
    let failed = processing(0).fail(failure, at(10), timing()).after;
    for (state, words) in [(failed, "failed"), (canceled(), "canceled")] {
        let world = World::new(&state, |_| None);
        world.call().await.unwrap();
        let sent = world.sent();
        assert_eq!(sent[0].1, 0);
        assert!(sent[0].0.contains(words));
    }
}

/// The world with a grants function that gives this answer, and the questions that the function got.
fn with_grants_function(
    mut world: World,
    answer: fn() -> MockResponse<InvokeOutput, InvokeError>,
) -> (World, Arc<Mutex<Vec<Value>>>) {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let questions = asked.clone();
    let invoke = mock!(aws_sdk_lambda::Client::invoke)
        .match_requests(|r| r.function_name() == Some("host"))
        .then_compute_response(move |r| {
            let question = r.payload().unwrap().as_ref();
            questions
                .lock()
                .unwrap()
                .push(serde_json::from_slice(question).unwrap());
            answer()
        });
    let lambda = client!(aws_sdk_lambda, [&invoke]);
    world.notifier.grants_function =
        Some(GrantsFunction::new(lambda, "host".into(), ANSWER_TIMEOUT));
    (world, asked)
}

fn answering(answer: &str) -> MockResponse<InvokeOutput, InvokeError> {
    MockResponse::Output(InvokeOutput::builder().payload(Blob::new(answer)).build())
}

#[tokio::test]
async fn a_file_is_attached_only_if_the_grants_function_lets_the_recipient_download_it_now() {
    type Answer = fn() -> MockResponse<InvokeOutput, InvokeError>;
    let table: [(&str, Answer, usize); 5] = [
        ("yes", || answering("true"), 1),
        ("no", || answering("false"), 0),
        ("neither", || answering("null"), 0),
        (
            "failed",
            || {
                let failed = InvokeOutput::builder().function_error("Unhandled");
                MockResponse::Output(failed.payload(Blob::new("true")).build())
            },
            0,
        ),
        (
            "could not be invoked",
            || {
                let meta =
                    aws_sdk_lambda::error::ErrorMetadata::builder().code("AccessDeniedException");
                MockResponse::Error(InvokeError::generic(meta.build()))
            },
            0,
        ),
    ];
    for (case, answer, attached) in table {
        let mut state = succeeded(10);
        state.export.root_id = Some("acme".into());
        // The question is about the recipient, not about the requester.
        state.export.requested_by = "backend".into();
        let (world, asked) = with_grants_function(World::new(&state, |_| None), answer);
        world.call().await.unwrap();
        let sent = world.sent();
        assert_eq!((sent.len(), sent[0].1), (1, attached), "{case}");
        assert_eq!(
            sent[0]
                .0
                .contains("The file is not attached to this email."),
            attached == 0,
            "{case}"
        );
        assert_eq!(world.mail(), Some(Mail::Sent), "{case}");
        let parent = json!({"kind": "project", "id": 42, "organization_id": "acme"});
        let question = json!({"sub": "u-17", "claims": {}, "action": "download", "parent": parent});
        assert_eq!(*asked.lock().unwrap(), [question], "{case}");
    }
}

#[tokio::test]
async fn the_grants_function_is_not_asked_about_a_mail_without_a_file() {
    let mut unverified = succeeded(10);
    unverified.export.user.email_verified = false;
    for (state, words) in [(unverified, "is not attached"), (canceled(), "canceled")] {
        let world = World::new(&state, |_| None);
        let (world, asked) = with_grants_function(world, || answering("true"));
        world.call().await.unwrap();
        let sent = world.sent();
        assert_eq!((sent.len(), sent[0].1), (1, 0));
        assert!(sent[0].0.contains(words), "{}", sent[0].0);
        assert!(asked.lock().unwrap().is_empty());
    }
}

/// A claim that is not released expires, so a table that does not answer is not waited for.
#[tokio::test(start_paused = true)]
async fn releasing_a_claim_is_a_best_effort_call() {
    struct Silent;
    impl Wire for Silent {
        fn carry(&self, _: Call) -> Carried {
            Box::pin(std::future::pending())
        }
    }
    let state = succeeded(10);
    let mut world = World::new(&state, |_| None);
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(aws_sdk_dynamodb::config::BehaviorVersion::latest())
        .region(aws_sdk_dynamodb::config::Region::new("eu-west-1"))
        .credentials_provider(aws_sdk_dynamodb::config::Credentials::new(
            "a", "b", None, None, "test",
        ))
        .timeout_config(waybill::aws::timeouts())
        .http_client(http_client(Arc::new(Silent)));
    let tables = world.tables.exports().tables().clone();
    world.notifier.exports =
        Exports::new(aws_sdk_dynamodb::Client::from_conf(config.build()), tables);
    let began = Instant::now();
    world.notifier.release(state).await;
    assert_eq!(began.elapsed(), waybill::aws::BEST_EFFORT);
}
