use aws_sdk_sesv2::error::ErrorMetadata;
use aws_sdk_sesv2::operation::send_email::{SendEmailInput, SendEmailOutput};
use aws_sdk_sesv2::types::error::{
    AccountSuspendedException, BadRequestException, LimitExceededException,
    MailFromDomainNotVerifiedException, MessageRejected, NotFoundException, SendingPausedException,
    TooManyRequestsException,
};
use aws_smithy_mocks::{Rule, mock};

use super::*;
use waybill_testing::{client, succeeded};

fn mailer(rule: &Rule) -> Mailer {
    Mailer {
        ses: client!(aws_sdk_sesv2, [rule]),
        from: "\"Waybill\" <mail@example.com>".into(),
        reply_to: Address::parse("help@example.com").ok(),
        configuration_set: "waybill".into(),
    }
}

fn mail() -> Mail {
    Mail {
        subject: "Ready".into(),
        text: "text".into(),
        html: "<p>html</p>".into(),
    }
}

async fn send(rule: &Rule, file: Option<Vec<u8>>) -> Result<(), SendError> {
    let to = Address::parse("ana@example.com").unwrap();
    mailer(rule)
        .send(&to, &mail(), &succeeded(10).export, file)
        .await
}

/// Whether the request is the expected mail with this file.
fn is_expected(input: &SendEmailInput, file: Option<&[u8]>) -> bool {
    let message = input
        .content()
        .and_then(|content| content.simple())
        .unwrap();
    let body = message.body().unwrap();
    let data = |content: Option<&Content>| content.map(|c| c.data().to_owned());
    let attached = message.attachments();
    let same_file = match (file, attached) {
        (None, []) => true,
        (Some(bytes), [attachment]) => {
            attachment.raw_content().as_ref() == bytes
                && attachment.file_name() == "orders-film-42-20270115T080000Z.csv"
                && attachment.content_type() == Some("text/csv")
                && attachment.content_disposition()
                    == Some(&AttachmentContentDisposition::Attachment)
        }
        _ => false,
    };
    same_file
        && input.from_email_address() == Some("\"Waybill\" <mail@example.com>")
        && input.reply_to_addresses() == ["help@example.com"]
        && input.destination().unwrap().to_addresses() == ["ana@example.com"]
        && data(message.subject()).as_deref() == Some("Ready")
        && data(body.text()).as_deref() == Some("text")
        && data(body.html()).as_deref() == Some("<p>html</p>")
        && message
            .headers()
            .iter()
            .any(|h| (h.name(), h.value()) == ("X-Waybill-Export", "7"))
        && input.configuration_set_name() == Some("waybill")
        && input
            .email_tags()
            .iter()
            .any(|tag| (tag.name(), tag.value()) == ("waybill-export", "7"))
}

#[tokio::test]
async fn a_request_has_all_parts_of_the_mail_and_the_file() {
    let rule = mock!(Client::send_email)
        .match_requests(|input| is_expected(input, Some(b"id\r\n1\r\n2\r\n\r\n")))
        .then_output(|| SendEmailOutput::builder().build());
    send(&rule, Some(b"id\r\n1\r\n2\r\n\r\n".to_vec()))
        .await
        .unwrap();
    let rule = mock!(Client::send_email)
        .match_requests(|input| is_expected(input, None))
        .then_output(|| SendEmailOutput::builder().build());
    send(&rule, None).await.unwrap();
}

#[tokio::test]
async fn a_throttled_mail_is_sent_again() {
    let rule = mock!(Client::send_email)
        .sequence()
        .http_status(429, Some(r#"{"__type":"TooManyRequestsException"}"#.into()))
        .http_status(503, None)
        .output(|| SendEmailOutput::builder().build())
        .build();
    send(&rule, None).await.unwrap();
    assert_eq!(rule.num_calls(), 3);
}

#[tokio::test]
async fn only_a_refusal_of_this_mail_is_permanent() {
    let meta = |code: &str| ErrorMetadata::builder().code(code).build();
    let errors: [(SendEmailError, Option<&str>); 10] = [
        (
            SendEmailError::MessageRejected(
                MessageRejected::builder()
                    .message("Address is on the suppression list.")
                    .build(),
            ),
            Some("it was rejected"),
        ),
        (
            SendEmailError::MessageRejected(
                MessageRejected::builder()
                    .message("Email address is not verified. The following identities failed")
                    .build(),
            ),
            None,
        ),
        (
            SendEmailError::BadRequestException(BadRequestException::builder().build()),
            Some("the address is not accepted"),
        ),
        (
            SendEmailError::AccountSuspendedException(AccountSuspendedException::builder().build()),
            None,
        ),
        (
            SendEmailError::SendingPausedException(SendingPausedException::builder().build()),
            None,
        ),
        (
            SendEmailError::MailFromDomainNotVerifiedException(
                MailFromDomainNotVerifiedException::builder().build(),
            ),
            None,
        ),
        (
            SendEmailError::LimitExceededException(LimitExceededException::builder().build()),
            None,
        ),
        (
            SendEmailError::NotFoundException(NotFoundException::builder().build()),
            None,
        ),
        (
            SendEmailError::TooManyRequestsException(TooManyRequestsException::builder().build()),
            None,
        ),
        (SendEmailError::generic(meta("AccessDeniedException")), None),
    ];
    for (error, expected) in errors {
        let shown = format!("{error:?}");
        let error = std::sync::Mutex::new(Some(error));
        let rule =
            mock!(Client::send_email).then_error(move || error.lock().unwrap().take().unwrap());
        match (send(&rule, None).await.unwrap_err(), expected) {
            (SendError::Refused { reason }, Some(expected)) => assert_eq!(reason, expected),
            (SendError::NotNow(_), None) => {}
            (other, _) => panic!("{shown}: {other:?}"),
        }
    }
}
