//! What Amazon SES tells of a mail after it has taken it, as the stack's configuration set publishes it to SNS.
//!
//! The form is that of SES's documents, "Contents of event data that Amazon SES publishes to Amazon SNS"; the topic hands
//! it on raw. An event holds the person's address: none of its texts goes into a log.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::Value;
use waybill::export::ExportId;
use waybill::lifecycle::MailRefusal;

/// The tag that a mail carries, and SES's events about it with it: the export's id. A tag's name and value are of letters,
/// digits, `-` and `_`.
pub(crate) const EXPORT_TAG: &str = "waybill-export";

/// An event about a mail of ours.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct MailEvent {
    /// The export that the mail is about.
    pub(crate) export_id: ExportId,
    pub(crate) news: News,
}

/// What it says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum News {
    /// The mail does not get through.
    Refused(MailRefusal),
    /// Nothing that is sure to keep the person from reading it, for this reason.
    Passing(&'static str),
}

/// An event about a mail of ours that is not of the form that SES documents. Says what, without the event's texts.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("an event about a mail cannot be read: {0}")]
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
    /// Often an automatic answer of somebody who is away, and then the mail was delivered.
    Transient,
    #[serde(other)]
    Undetermined,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Complaint {
    /// What the person's provider calls it, where it says so.
    complaint_feedback_type: Option<String>,
}

impl MailEvent {
    /// The event that a message of the queue is; `None` where it is not about a mail of ours. SES itself sends a sentence
    /// that is no JSON when it is first told of the topic.
    ///
    /// # Errors
    /// Where it is about a mail of ours and cannot be read.
    pub(crate) fn parse(body: &str) -> Result<Option<Self>, Unreadable> {
        let Ok(event) = serde_json::from_str::<Value>(body) else {
            return Ok(None);
        };
        let tags = event.pointer("/mail/tags");
        if tags.and_then(|tags| tags.get(EXPORT_TAG)).is_none() {
            return Ok(None);
        }
        let published: Published = serde_json::from_value(event)
            .map_err(|_| Unreadable("it has not the fields that SES documents"))?;
        let export_id = match published.mail.tags[EXPORT_TAG].as_slice() {
            [id] => id
                .parse()
                .map_err(|_| Unreadable("its tag is no export's id"))?,
            _ => return Err(Unreadable("it has not one tag")),
        };
        let news = published.news()?;
        Ok(Some(Self { export_id, news }))
    }
}

impl Published {
    fn news(&self) -> Result<News, Unreadable> {
        let missing = Unreadable("it does not say what its type calls for");
        Ok(match self.event_type.as_str() {
            "Bounce" => match self.bounce.as_ref().ok_or(missing)?.bounce_type {
                BounceType::Permanent => News::Refused(MailRefusal::Bounced),
                BounceType::Transient => News::Passing("transient bounce"),
                BounceType::Undetermined => News::Passing("undetermined bounce"),
            },
            "Complaint" => {
                let complaint = self.complaint.as_ref().ok_or(missing)?;
                // Somebody has taken it out of the spam.
                match complaint.complaint_feedback_type.as_deref() {
                    Some("not-spam") => News::Passing("not spam"),
                    _ => News::Refused(MailRefusal::Complained),
                }
            }
            "Reject" => News::Refused(MailRefusal::Rejected),
            _ => News::Passing("another type of event"),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// An event of SES's documents about export 7, with these parts of its own.
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
    fn only_what_keeps_the_person_from_the_mail_for_good_refuses_it() {
        let refused = News::Refused;
        let table = [
            (bounce("Permanent"), refused(MailRefusal::Bounced)),
            (bounce("Transient"), News::Passing("transient bounce")),
            (bounce("Undetermined"), News::Passing("undetermined bounce")),
            (complaint(json!("abuse")), refused(MailRefusal::Complained)),
            (complaint(json!(null)), refused(MailRefusal::Complained)),
            (complaint(json!("not-spam")), News::Passing("not spam")),
            (
                event("Reject", "reject", json!({"reason": "Bad content"})),
                refused(MailRefusal::Rejected),
            ),
            (
                event("Delivery", "delivery", json!({"processingTimeMillis": 9})),
                News::Passing("another type of event"),
            ),
        ];
        for (event, news) in table {
            let found = parse(&event).unwrap().unwrap();
            assert_eq!(found.export_id.get(), 7);
            assert_eq!(found.news, news, "{event}");
        }
    }

    #[test]
    fn what_carries_no_tag_of_ours_is_none_of_ours() {
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
    fn an_event_of_ours_that_cannot_be_read_is_not_taken_for_another() {
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
