//! What the function is called with: the stream's records, or one export's id from the sweeper.

use aws_lambda_events::dynamodb::{Event, EventRecord};
use serde::Deserialize;
use serde_json::Value;
use waybill::export::{ExportId, Mail, Status};
use waybill::queue::Message;

/// What the function is asked to do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Input {
    /// Records of the table's stream, those that call for no mail left out.
    Stream(Vec<Wanted>),
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

/// An event that is neither.
#[derive(Debug, thiserror::Error)]
#[error("the event is neither of a DynamoDB stream nor {{\"export_id\": N}}")]
pub(crate) struct InvalidInput(#[from] serde_json::Error);

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
        let event: Event = serde_json::from_value(event)?;
        Ok(Self::Stream(
            event.records.into_iter().filter_map(wanted).collect(),
        ))
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
                r#"the event is neither of a DynamoDB stream nor {"export_id": N}"#
            );
        }
    }
}
