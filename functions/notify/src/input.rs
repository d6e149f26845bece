//! The function's input (records of the stream, SES's events, or one export's id from the sweeper) and its answer.

use aws_lambda_events::dynamodb::{Event, EventRecord};
use aws_lambda_events::sqs::{SqsEvent, SqsMessage};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use waybill::export::{ExportId, Mail, Status};
use waybill::queue::Message;

/// A parsed event of the function.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Input {
    /// The records of the table's stream that call for a mail.
    Stream(Vec<PendingMail>),
    /// Messages of the queue of SES's events.
    MailEvents(Vec<MailEventMessage>),
    /// One export.
    One(ExportId),
}

/// A record of the stream that calls for a mail.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct PendingMail {
    pub(crate) export_id: ExportId,
    /// The record's id in the answer.
    pub(crate) sequence_number: Option<String>,
}

/// A message with one event of SES.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct MailEventMessage {
    /// The event as SES published it.
    pub(crate) body: String,
    /// The message's id in the answer.
    pub(crate) message_id: Option<String>,
}

/// The answer to a stream or a queue: the items of the batch that are to be delivered again (`ReportBatchItemFailures`).
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Failures {
    batch_item_failures: Vec<Failure>,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Failure {
    item_identifier: String,
}

impl Failures {
    /// Adds the record or message with this id.
    pub(crate) fn add(&mut self, item_identifier: String) {
        self.batch_item_failures.push(Failure { item_identifier });
    }
}

/// An event of another form.
#[derive(Debug, thiserror::Error)]
#[error("the event is not from a DynamoDB stream or an SQS queue, and not {{\"export_id\": N}}")]
pub struct InvalidInput(#[from] serde_json::Error);

/// The attributes of an export's image that are needed here.
#[derive(Deserialize)]
struct Image {
    id: ExportId,
    status: Status,
    mail: Option<Mail>,
}

impl Input {
    pub(crate) fn parse(event: Value) -> Result<Self, InvalidInput> {
        if event.get("Records").is_none() {
            let message: Message = serde_json::from_value(event)?;
            return Ok(Self::One(message.export_id));
        }
        if event.pointer("/Records/0/eventSource") == Some(&"aws:sqs".into()) {
            let event: SqsEvent = serde_json::from_value(event)?;
            let message = |message: SqsMessage| MailEventMessage {
                body: message.body.unwrap_or_default(),
                message_id: message.message_id,
            };
            let messages = event.records.into_iter().map(message);
            return Ok(Self::MailEvents(messages.collect()));
        }
        let event: Event = serde_json::from_value(event)?;
        let mails = event.records.into_iter().filter_map(pending_mail);
        Ok(Self::Stream(mails.collect()))
    }
}

/// The mail of a final state that has just become pending. A record that cannot be read would fail every time and block
/// the records after it, so it is skipped; the sweeper finds its mail.
fn pending_mail(record: EventRecord) -> Option<PendingMail> {
    let change = record.change;
    if change.new_image.is_empty() {
        return None;
    }
    let new: Image = match serde_dynamo::from_item(change.new_image) {
        Ok(image) => image,
        Err(error) => {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "stream record cannot be read"
            );
            return None;
        }
    };
    let was_pending = serde_dynamo::from_item::<_, Image>(change.old_image)
        .is_ok_and(|old| old.mail == Some(Mail::Pending));
    let is_final = matches!(
        new.status,
        Status::Succeeded | Status::Failed | Status::Canceled
    );
    (is_final && new.mail == Some(Mail::Pending) && !was_pending).then_some(PendingMail {
        export_id: new.id,
        sequence_number: change.sequence_number,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn record(number: &str, old: Value, new: Value) -> Value {
        json!({
            "eventID": "1", "eventName": "MODIFY", "eventVersion": "1.1", "eventSource": "aws:dynamodb",
            "awsRegion": "eu-west-1", "eventSourceARN": "arn:aws:dynamodb:eu-west-1:1:table/exports/stream/1",
            "dynamodb": {
                "ApproximateCreationDateTime": 1_800_000_000, "Keys": {"id": {"N": "7"}},
                "OldImage": old, "NewImage": new, "SequenceNumber": number, "SizeBytes": 9,
                "StreamViewType": "NEW_AND_OLD_IMAGES"
            }
        })
    }

    fn image(status: &str, mail: Option<&str>) -> Value {
        let mail = mail.map_or(json!({"NULL": true}), |mail| json!({"S": mail}));
        json!({"id": {"N": "7"}, "status": {"S": status}, "mail": mail, "search": {"NULL": true}})
    }

    fn parse(records: Vec<Value>) -> Vec<PendingMail> {
        match Input::parse(json!({"Records": records})).unwrap() {
            Input::Stream(mails) => mails,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn only_a_mail_that_has_just_become_pending_is_sent() {
        let pending = Some("pending");
        let table = [
            (image("processing", None), image("succeeded", pending), true),
            (image("waiting", None), image("failed", pending), true),
            (image("processing", None), image("canceled", pending), true),
            (
                image("succeeded", pending),
                image("succeeded", pending),
                false,
            ),
            (
                image("succeeded", pending),
                image("succeeded", Some("sent")),
                false,
            ),
            (
                image("succeeded", pending),
                image("expired", pending),
                false,
            ),
            (image("waiting", None), image("processing", None), false),
            (image("succeeded", pending), json!(null), false),
        ];
        for (old, new, expected) in table {
            let found = parse(vec![record("1", old.clone(), new.clone())]);
            assert_eq!(!found.is_empty(), expected, "{old} {new}");
        }
    }

    #[test]
    fn an_unreadable_record_blocks_no_other_record() {
        let found = parse(vec![
            record(
                "1",
                json!({}),
                json!({"id": {"S": "x"}, "status": {"S": "gone"}}),
            ),
            record(
                "2",
                image("processing", None),
                image("succeeded", Some("pending")),
            ),
        ]);
        let export_id = ExportId::try_from(7).unwrap();
        assert_eq!(
            found,
            [PendingMail {
                export_id,
                sequence_number: Some("2".into())
            }]
        );
    }

    #[test]
    fn messages_of_a_queue_are_events_of_ses() {
        let event = json!({"Records": [
            {"messageId": "m-1", "receiptHandle": "r", "body": "{}", "eventSource": "aws:sqs",
             "attributes": {"ApproximateReceiveCount": "1"}, "messageAttributes": {}, "awsRegion": "eu-west-1"},
        ]});
        let message = MailEventMessage {
            body: "{}".into(),
            message_id: Some("m-1".into()),
        };
        assert_eq!(
            Input::parse(event).unwrap(),
            Input::MailEvents(vec![message])
        );
    }

    #[test]
    fn a_direct_invocation_names_one_export() {
        let id = ExportId::try_from(7).unwrap();
        assert_eq!(
            Input::parse(json!({"export_id": 7})).unwrap(),
            Input::One(id)
        );
        for bad in [
            json!({}),
            json!({"export_id": 0}),
            json!({"export_id": "7"}),
            json!([]),
        ] {
            let error = Input::parse(bad).unwrap_err();
            assert_eq!(
                error.to_string(),
                r#"the event is not from a DynamoDB stream or an SQS queue, and not {"export_id": N}"#
            );
        }
    }
}
