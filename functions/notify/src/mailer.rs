//! Sends mails by Amazon SES, and tells permanent from temporary refusals.

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

/// The timeout of sending a mail, with all attempts. A mail of 10 MB takes seconds. After a timeout that is too short, SES
/// may have accepted the mail, which would then be sent twice.
pub(crate) const SEND_TIMEOUT: Duration = Duration::from_secs(40);
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(20);

/// A client of SES with timeouts that suffice for attachments.
pub fn ses(config: &SdkConfig) -> Client {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(5))
        .operation_attempt_timeout(ATTEMPT_TIMEOUT)
        .operation_timeout(SEND_TIMEOUT)
        .build();
    let config = aws_sdk_sesv2::config::Builder::from(config)
        .timeout_config(timeouts)
        .build();
    Client::from_conf(config)
}

/// Sends mails by SES.
#[derive(Debug, Clone)]
pub struct Mailer {
    /// The client of SES.
    pub ses: Client,
    /// The header `From`.
    pub from: String,
    /// The address for replies, if not the sender's.
    pub reply_to: Option<Address>,
    /// The name of SES's configuration set, which publishes events about the mails.
    pub configuration_set: String,
}

/// A mail that was not sent.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// SES permanently refuses the person's address or the mail's contents.
    #[error("SES refused the mail: {reason}")]
    Refused {
        /// Why, without the address.
        reason: &'static str,
    },
    /// The mail may be sent later: SES does not answer, throttles, or does not let this account or sender send, which the
    /// operator can fix.
    #[error("SES did not accept the mail: {0}")]
    NotNow(CallError),
    /// The request could not be built.
    #[error("the mail could not be built")]
    Malformed(#[from] BuildError),
}

impl Mailer {
    /// Sends `mail` about `export`, with the bytes of `file` attached.
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
    // Without parameters: SES adds the charset itself.
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

/// The reason of a permanent refusal; `None` for an error that may pass.
///
/// The sender's address was parsed at the start, so a bad request is about the recipient's. An identity that is not
/// verified can be fixed by the operator, within the seven days in which mails are tried.
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
