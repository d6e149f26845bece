//! Sending by Amazon SES, and what its refusals mean.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_sesv2::Client;
use aws_sdk_sesv2::error::{BuildError, SdkError};
use aws_sdk_sesv2::operation::send_email::SendEmailError;
use aws_sdk_sesv2::primitives::Blob;
use aws_sdk_sesv2::types::{
    Attachment, AttachmentContentDisposition, AttachmentContentTransferEncoding, Body, Content,
    Destination, EmailContent, Message, MessageHeader, MessageTag,
};
use waybill::aws::CallError;
use waybill::export::Export;

use crate::address::Address;
use crate::mail::Mail;
use crate::mail_event::EXPORT_TAG;

/// How long sending may take with all its attempts. A mail of 10 MB takes seconds; an attempt that is given up too
/// early may have been taken all the same, and would be sent twice.
pub(crate) const SEND_WITHIN: Duration = Duration::from_secs(40);
const ATTEMPT_WITHIN: Duration = Duration::from_secs(20);

/// SES's client, with time for attachments.
pub fn ses(config: &SdkConfig) -> Client {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(5))
        .operation_attempt_timeout(ATTEMPT_WITHIN)
        .operation_timeout(SEND_WITHIN)
        .build();
    let config = aws_sdk_sesv2::config::Builder::from(config)
        .timeout_config(timeouts)
        .build();
    Client::from_conf(config)
}

/// Whom mails are from, and the service that sends them.
#[derive(Debug, Clone)]
pub struct Mailer {
    /// SES.
    pub ses: Client,
    /// The header `From`.
    pub from: String,
    /// Where answers go, if not to the sender.
    pub reply_to: Option<Address>,
    /// SES's configuration set that mails name: it tells what becomes of them.
    pub configuration_set: String,
}

/// A mail that was not sent.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// It never will be: the person's address, or what the mail holds, is refused. Says why, without the address.
    #[error("the mail service refused the mail: {reason}")]
    Refused {
        /// Why, in words.
        reason: &'static str,
    },
    /// It may be sent later: the service is out of reach, throttles, or does not let this account or sender send,
    /// which its operator can put right.
    #[error("the mail service did not take the mail: {0}")]
    NotNow(CallError),
    /// The request could not be built.
    #[error("the mail could not be built")]
    Malformed(#[from] BuildError),
}

impl Mailer {
    /// Sends `mail` about `export`, with the file's bytes if they are to go with it.
    pub(crate) async fn send(
        &self,
        to: &Address,
        mail: &Mail,
        export: &Export,
        file: Option<Vec<u8>>,
    ) -> Result<(), SendError> {
        let utf8 = |text: &str| Content::builder().data(text).charset("UTF-8").build();
        let body = Body::builder()
            .text(utf8(&mail.text)?)
            .html(utf8(&mail.html)?)
            .build();
        let header = MessageHeader::builder()
            .name("X-Waybill-Export")
            .value(export.id.to_string());
        let message = Message::builder()
            .subject(utf8(&mail.subject)?)
            .body(body)
            .headers(header.build()?)
            .set_attachments(
                file.map(|file| attachment(export, file))
                    .transpose()?
                    .map(|a| vec![a]),
            );
        let tag = MessageTag::builder()
            .name(EXPORT_TAG)
            .value(export.id.to_string());
        let sent = self
            .ses
            .send_email()
            .configuration_set_name(&self.configuration_set)
            .email_tags(tag.build()?)
            .from_email_address(&self.from)
            .set_reply_to_addresses(self.reply_to.as_ref().map(|a| vec![a.as_str().to_owned()]))
            .destination(Destination::builder().to_addresses(to.as_str()).build())
            .content(EmailContent::builder().simple(message.build()).build())
            .send()
            .await;
        match sent {
            Ok(_) => Ok(()),
            Err(error) => Err(match refusal(&error) {
                Some(reason) => SendError::Refused { reason },
                None => SendError::NotNow(CallError::new("SendEmail", error)),
            }),
        }
    }
}

fn attachment(export: &Export, file: Vec<u8>) -> Result<Attachment, BuildError> {
    // Without parameters: SES writes the charset, if any, itself.
    let media_type = export
        .format
        .media_type()
        .split(';')
        .next()
        .unwrap_or_default();
    Attachment::builder()
        .file_name(&export.file_name)
        .content_type(media_type)
        .content_disposition(AttachmentContentDisposition::Attachment)
        .content_transfer_encoding(AttachmentContentTransferEncoding::Base64)
        .raw_content(Blob::new(file))
        .build()
}

/// Why the mail will never be taken; `None` where it may be.
///
/// The sender's own address has been checked at the start, so a bad request is the recipient's. An identity that is
/// not verified is the operator's to put right, within the week in which mails are tried.
fn refusal(error: &SdkError<SendEmailError>) -> Option<&'static str> {
    match error.as_service_error()? {
        SendEmailError::MessageRejected(rejected) => {
            let unverified = rejected
                .message()
                .is_some_and(|text| text.contains("not verified"));
            (!unverified).then_some("it was rejected")
        }
        SendEmailError::BadRequestException(_) => Some("the address is not accepted"),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
