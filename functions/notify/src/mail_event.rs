//! Parses SES's events about accepted mails, as the stack's configuration set publishes them to SNS.
//!
//! SES documents the form in "Contents of event data that Amazon SES publishes to Amazon SNS". The topic delivers raw
//! messages. An event contains the person's address, so none of its texts is logged.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::Value;
use waybill::export::ExportId;
use waybill::lifecycle::DeliveryFailure;

/// The tag of a mail with the export's id. SES repeats the tag in its events about the mail. A tag's name and value may
/// have letters, digits, `-` and `_`.
pub(crate) const EXPORT_TAG: &str = "waybill-export";

/// An event about a mail of this deployment.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct MailEvent {
    pub(crate) export_id: ExportId,
    pub(crate) effect: Effect,
}

/// What an event means for its mail.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// The mail is refused.
    Refused(DeliveryFailure),
    /// The person may still get the mail, for this reason.
    Ignored(&'static str),
}

/// An event that has the export's tag, but not the form that SES documents. The text of the error contains no text of the
/// event.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("an event of SES cannot be read: {0}")]
pub struct Unreadable(&'static str);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Published {
    event_type: String,
    mail: PublishedMail,
    bounce: Option<Bounce>,
    complaint: Option<Complaint>,
}

#[derive(Deserialize)]
struct PublishedMail {
    #[serde(default)]
    tags: HashMap<String, Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Bounce {
    bounce_type: BounceType,
}

#[derive(Deserialize)]
enum BounceType {
    Permanent,
    /// Often an automatic reply, and then the mail was delivered.
    Transient,
    #[serde(other)]
    Undetermined,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Complaint {
    /// The kind of complaint, if the person's provider reports it.
    complaint_feedback_type: Option<String>,
}

impl MailEvent {
    /// Parses a message of the queue. `None` if the message has no tag of an export: for example, SES publishes a plain
    /// sentence when the topic is configured.
    ///
    /// # Errors
    /// If the message has the tag and cannot be read.
    pub(crate) fn parse(body: &str) -> Result<Option<Self>, Unreadable> {
        let Ok(event) = serde_json::from_str::<Value>(body) else {
            return Ok(None);
        };
        let tags = event.pointer("/mail/tags");
        if tags.and_then(|tags| tags.get(EXPORT_TAG)).is_none() {
            return Ok(None);
        }
        let published: Published = serde_json::from_value(event)
            .map_err(|_| Unreadable("a field that SES documents is missing or has another type"))?;
        let export_id = match published.mail.tags[EXPORT_TAG].as_slice() {
            [id] => id
                .parse()
                .map_err(|_| Unreadable("the tag's value is not an export's id"))?,
            _ => return Err(Unreadable("the tag does not have exactly one value")),
        };
        let effect = published.effect()?;
        Ok(Some(Self { export_id, effect }))
    }
}

impl Published {
    fn effect(&self) -> Result<Effect, Unreadable> {
        let missing = Unreadable("the object of the event's type is missing");
        Ok(match self.event_type.as_str() {
            "Bounce" => match self.bounce.as_ref().ok_or(missing)?.bounce_type {
                BounceType::Permanent => Effect::Refused(DeliveryFailure::Bounced),
                BounceType::Transient => Effect::Ignored("transient bounce"),
                BounceType::Undetermined => Effect::Ignored("undetermined bounce"),
            },
            "Complaint" => {
                let complaint = self.complaint.as_ref().ok_or(missing)?;
                match complaint.complaint_feedback_type.as_deref() {
                    // The person moved the mail out of the spam folder.
                    Some("not-spam") => Effect::Ignored("not spam"),
                    _ => Effect::Refused(DeliveryFailure::Complained),
                }
            }
            "Reject" => Effect::Refused(DeliveryFailure::Rejected),
            _ => Effect::Ignored("another type of event"),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// An event about export 7 as in SES's documentation, with an object `part` of this name.
    fn event(event_type: &str, name: &str, part: Value) -> Value {
        json!({
            "eventType": event_type,
            name: part,
            "mail": {
                "timestamp": "2026-11-21T12:01:10.012Z",
                "source": "Waybill <exports@example.com>",
                "sourceArn": "arn:aws:ses:eu-west-1:123456789012:identity/exports@example.com",
                "sendingAccountId": "123456789012",
                "messageId": "EXAMPLE7c191be45",
                "destination": ["ana@example.com"],
                "headersTruncated": false,
                "headers": [{"name": "To", "value": "ana@example.com"}],
                "commonHeaders": {"to": ["ana@example.com"], "subject": "Ready"},
                "tags": {
                    "ses:configuration-set": ["waybill"],
                    "ses:caller-identity": ["notify"],
                    "waybill-export": ["7"]
                }
            }
        })
    }

    fn parse(event: &Value) -> Result<Option<MailEvent>, Unreadable> {
        MailEvent::parse(&event.to_string())
    }

    fn bounce(kind: &str) -> Value {
        let bounced =
            json!([{"emailAddress": "ana@example.com", "action": "failed", "status": "5.1.1"}]);
        event(
            "Bounce",
            "bounce",
            json!({"bounceType": kind, "bounceSubType": "General", "bouncedRecipients": bounced,
                "timestamp": "2026-11-21T12:01:12.669Z", "feedbackId": "01000157c44f053b"}),
        )
    }

    fn complaint(feedback: Value) -> Value {
        event(
            "Complaint",
            "complaint",
            json!({"complainedRecipients": [{"emailAddress": "ana@example.com"}],
                "complaintFeedbackType": feedback, "timestamp": "2026-11-21T12:01:12.669Z"}),
        )
    }

    #[test]
    fn only_an_event_of_a_permanent_failure_refuses_the_mail() {
        let refused = Effect::Refused;
        let table = [
            (bounce("Permanent"), refused(DeliveryFailure::Bounced)),
            (bounce("Transient"), Effect::Ignored("transient bounce")),
            (
                bounce("Undetermined"),
                Effect::Ignored("undetermined bounce"),
            ),
            (
                complaint(json!("abuse")),
                refused(DeliveryFailure::Complained),
            ),
            (complaint(json!(null)), refused(DeliveryFailure::Complained)),
            (complaint(json!("not-spam")), Effect::Ignored("not spam")),
            (
                event("Reject", "reject", json!({"reason": "Bad content"})),
                refused(DeliveryFailure::Rejected),
            ),
            (
                event("Delivery", "delivery", json!({"processingTimeMillis": 9})),
                Effect::Ignored("another type of event"),
            ),
        ];
        for (event, effect) in table {
            let found = parse(&event).unwrap().unwrap();
            assert_eq!(found.export_id.get(), 7);
            assert_eq!(found.effect, effect, "{event}");
        }
    }

    #[test]
    fn a_message_without_the_exports_tag_is_not_an_event() {
        let mut other = bounce("Permanent");
        other["mail"]["tags"] = json!({"ses:configuration-set": ["waybill"]});
        let mut untagged = bounce("Permanent");
        untagged["mail"]["tags"].take();
        for body in [
            "Successfully validated SNS topic for Amazon SES event publishing.",
            "",
            "[]",
            "7",
            "{}",
            &other.to_string(),
            &untagged.to_string(),
        ] {
            assert_eq!(MailEvent::parse(body), Ok(None), "{body}");
        }
    }

    #[test]
    fn an_unreadable_event_with_the_exports_tag_is_an_error_without_the_address() {
        let with = |pointer: &str, value: Value| {
            let mut event = bounce("Permanent");
            *event.pointer_mut(pointer).unwrap() = value;
            event
        };
        for event in [
            with("/mail/tags/waybill-export", json!(["x"])),
            with("/mail/tags/waybill-export", json!(["7", "8"])),
            with("/mail/tags/waybill-export", json!([])),
            with("/mail/tags/waybill-export", json!("7")),
            with("/eventType", json!(null)),
            with("/bounce", json!(null)),
            with("/bounce/bounceType", json!(null)),
        ] {
            let error = parse(&event).unwrap_err().to_string();
            assert!(!error.contains("ana"), "{error}");
        }
    }
}
