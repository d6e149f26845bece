//! An in-memory fake of AWS, as far as Waybill uses it, behind the SDK's own clients. Their requests go over a [`Wire`]
//! that the test controls.
//!
//! The services are plain data that answer one request at a time ([`Cloud::answer`]). The [`Wire`] decides whether,
//! when and how often a request and its answer are delivered.

mod dynamodb;
mod expression;
mod kept;
mod s3;
mod wire;

pub use dynamodb::{DynamoDb, Item, Key, KeyPart, Table, Write, conflict, plain};
pub use s3::{Object, S3, Upload};
pub use wire::{Answer, Broken, Call, Carried, Forgetful, Silent, Wire, http_client};

use serde_json::{Value, json};

/// All services.
pub struct Cloud {
    /// DynamoDB with its tables.
    pub dynamodb: DynamoDb,
    /// S3 with one bucket.
    pub s3: S3,
    /// Messages that were sent and not yet received.
    pub sent: Vec<Sent>,
    /// The payloads of Lambda invocations.
    pub invoked: Vec<Value>,
    /// What SES was asked to send, oldest first.
    pub mails: Vec<Value>,
}

/// A message that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// The body.
    pub body: String,
    /// The delay in seconds.
    pub delay: u64,
}

impl Cloud {
    /// Services with these empty tables. `seed` determines where the pages of a query end.
    pub fn new(tables: impl IntoIterator<Item = (&'static str, Table)>, seed: u64) -> Self {
        Self {
            dynamodb: DynamoDb::new(tables, seed),
            s3: S3::default(),
            sent: Vec::new(),
            invoked: Vec::new(),
            mails: Vec::new(),
        }
    }

    /// Executes a call.
    ///
    /// # Panics
    /// For an unsupported call.
    pub fn answer(&mut self, call: &Call) -> Answer {
        match call.operation.split_once('.') {
            Some(("DynamoDB", operation)) => self.dynamodb.answer(operation, call),
            Some(("S3", operation)) => self.s3.answer(operation, call),
            Some(("SQS", "SendMessage")) => {
                let message = call.json();
                self.sent.push(Sent {
                    body: message["MessageBody"].as_str().unwrap().to_owned(),
                    delay: message["DelaySeconds"].as_u64().unwrap_or(0),
                });
                Answer::json(200, &json!({"MessageId": "m", "MD5OfMessageBody": "0"}))
            }
            Some(("Lambda", "Invoke")) => {
                self.invoked.push(call.json());
                Answer::empty(202)
            }
            Some(("SES", "SendEmail")) => {
                self.mails.push(call.json());
                Answer::json(200, &json!({"MessageId": "m"}))
            }
            _ => panic!("unsupported call: {}", call.operation),
        }
    }
}
