//! AWS in memory, as far as Waybill uses it, behind the SDK's own clients: what they sign, retry and read is on a wire
//! that a test holds in its hand.
//!
//! The services are plain data that answers one request at a time ([`Cloud::answer`]); whether, when and how often a
//! request gets there and its answer comes back is for a [`Wire`] to say.

mod dynamodb;
mod expression;
mod s3;
mod wire;

pub use dynamodb::{DynamoDb, Item, Key, KeyPart, Table, Write, conflict, plain};
pub use s3::{Object, S3, Upload};
pub use wire::{Answer, Broken, Call, Carried, Forgetful, Silent, Wire, http_client};

use serde_json::{Value, json};

/// Every service.
pub struct Cloud {
    /// Tables.
    pub dynamodb: DynamoDb,
    /// One bucket.
    pub s3: S3,
    /// Messages that were sent and that nobody has taken yet.
    pub sent: Vec<Sent>,
    /// What Lambda was asked to run: each invocation's payload.
    pub invoked: Vec<Value>,
    /// What SES was asked to send, oldest first.
    pub mails: Vec<Value>,
}

/// A message on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// Its body.
    pub body: String,
    /// For how many seconds it is held back.
    pub delay: u64,
}

impl Cloud {
    /// Services that hold nothing but these tables' forms. `seed` decides where the pages of a query end.
    pub fn new(tables: impl IntoIterator<Item = (&'static str, Table)>, seed: u64) -> Self {
        Self {
            dynamodb: DynamoDb::new(tables, seed),
            s3: S3::default(),
            sent: Vec::new(),
            invoked: Vec::new(),
            mails: Vec::new(),
        }
    }

    /// Carries a call out.
    ///
    /// # Panics
    /// When the call is one that these services do not know.
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
            _ => panic!("a call that no service here knows: {}", call.operation),
        }
    }
}
