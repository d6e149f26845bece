//! What the function is called with, the stream's records, SES's events, or one export's id from the sweeper; and what it
//! answers.

use aws_lambda_events::dynamodb::{Event, EventRecord};
use aws_lambda_events::sqs::{SqsEvent, SqsMessage};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use waybill::export::{ExportId, Mail, Status};
use waybill::queue::Message;

/// What the function is asked to do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Input {
    /// Records of the table's stream, those that call for no mail left out.
    Stream(Vec<Wanted>),
    /// What SES tells of mails, by the queue of its events.
    Told(Vec<Told>),
    /// One export.
    One(ExportId),
}

/// A record that calls for a mail.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// The export.
    pub(crate) export_id: ExportId,
    /// What the stream calls the record, to say that it failed.
    pub(crate) sequence_number: Option<String>,
}

/// One event of SES's.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Told {
    /// Its text, as SES published it.
    pub(crate) body: String,
    /// What the queue calls the message, to say that it failed.
    pub(crate) message_id: Option<String>,
}

/// What a stream's mapping and a queue's alike are answered: what of the batch must come again
/// (`ReportBatchItemFailures`).
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
    /// Adds the record or the message of this name.
    pub(crate) fn add(&mut self, item_identifier: String) {
        self.batch_item_failures.push(Failure { item_identifier });
    }
}

/// An event that is none of these.
#[derive(Debug, thiserror::Error)]
#[error("the event is neither of a DynamoDB stream, nor of a queue, nor {{\"export_id\": N}}")]
pub struct InvalidInput(#[from] serde_json::Error);

/// What of an export's image matters here.
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
            return Ok(Self::Told(event.records.into_iter().map(told).collect()));
        }
        let event: Event = serde_json::from_value(event)?;
        Ok(Self::Stream(
            event.records.into_iter().filter_map(wanted).collect(),
        ))
    }
}

fn told(message: SqsMessage) -> Told {
    Told {
        body: message.body.unwrap_or_default(),
        message_id: message.message_id,
    }
}

/// A final state whose mail has just become pending. A record that cannot be read would fail each time, and hold up
/// those after it; its mail is found by the sweeper.
fn wanted(record: EventRecord) -> Option<Wanted> {
    let change = record.change;
    if change.new_image.is_empty() {
        return None;
    }
    let new: Image = match serde_dynamo::from_item(change.new_image) {
        Ok(image) => image,
        Err(error) => {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "stream record not read"
            );
            return None;
        }
    };
    let was_pending = serde_dynamo::from_item::<_, Image>(change.old_image)
        .is_ok_and(|old| old.mail == Some(Mail::Pending));
    let over = matches!(
        new.status,
        Status::Succeeded | Status::Failed | Status::Canceled
    );
    (over && new.mail == Some(Mail::Pending) && !was_pending).then_some(Wanted {
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

    fn parse(records: Vec<Value>) -> Vec<Wanted> {
        match Input::parse(json!({"Records": records})).unwrap() {
            Input::Stream(wanted) => wanted,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn only_a_mail_that_has_just_become_pending_is_wanted() {
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
    fn an_unreadable_record_holds_up_no_other() {
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
            [Wanted {
                export_id,
                sequence_number: Some("2".into())
            }]
        );
    }

    #[test]
    fn a_queues_messages_are_events_of_the_mail_service() {
        let event = json!({"Records": [
            {"messageId": "m-1", "receiptHandle": "r", "body": "{}", "eventSource": "aws:sqs",
             "attributes": {"ApproximateReceiveCount": "1"}, "messageAttributes": {}, "awsRegion": "eu-west-1"},
        ]});
        let told = Told {
            body: "{}".into(),
            message_id: Some("m-1".into()),
        };
        assert_eq!(Input::parse(event).unwrap(), Input::Told(vec![told]));
    }

    #[test]
    fn a_direct_call_names_one_export() {
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
                r#"the event is neither of a DynamoDB stream, nor of a queue, nor {"export_id": N}"#
            );
        }
    }
}
