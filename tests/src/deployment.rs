//! The two backends of the tests of the HTTP contract: a deployed stack, and the functions in the test's process.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use reqwest::Method;
use serde_json::{Value, json};
use waybill::aws::Item;
use waybill_testing::fake::plain;
use waybill_testing::on_the_wire;

use crate::aws::Aws;
use crate::http::{Answer, Caller};
use crate::in_process::{InProcess, RECORDS};
use crate::local;
use crate::stack::{self, Stack};
use crate::wait;

/// Waybill as its clients see it. A test is written once and runs against both.
#[derive(Debug, Clone)]
pub enum Deployment {
    /// The functions in this process, over services in memory.
    InProcess(InProcess),
    /// A deployed stack, behind API Gateway.
    Stack(Stack),
}

impl From<&Stack> for Deployment {
    fn from(stack: &Stack) -> Self {
        Self::Stack(stack.clone())
    }
}

impl From<&Deployment> for Deployment {
    fn from(deployment: &Deployment) -> Self {
        deployment.clone()
    }
}

impl From<&InProcess> for Deployment {
    fn from(process: &InProcess) -> Self {
        Self::InProcess(process.clone())
    }
}

impl Deployment {
    /// The stack that `WAYBILL_STACK` names; without that variable, new functions in this process.
    pub fn get() -> Self {
        match std::env::var_os(stack::VARIABLE) {
            Some(_) => Self::Stack(Stack::get()),
            None => Self::InProcess(InProcess::default()),
        }
    }

    /// A caller of the API with this bearer token.
    pub fn caller(&self, token: &str) -> Caller {
        match self {
            Self::InProcess(process) => Caller::in_process(process, Some(token.to_owned())),
            Self::Stack(stack) => stack.caller(token),
        }
    }

    /// A caller of the API without a token.
    pub fn stranger(&self) -> Caller {
        match self {
            Self::InProcess(process) => Caller::in_process(process, None),
            Self::Stack(stack) => stack.stranger(),
        }
    }

    /// An access token. `fields` are those of the development issuer's `POST /dev/token`: `sub`, `name`, `email`,
    /// `grants`, `claims`.
    pub async fn token(&self, fields: Value) -> String {
        match self {
            Self::InProcess(process) => process.token(&fields),
            Self::Stack(stack) => stack.token(fields).await,
        }
    }

    /// An access token of the person `sub` with these grants.
    pub async fn token_with(&self, sub: &str, grants: &str) -> String {
        self.token(json!({"sub": sub, "name": sub, "email": format!("{sub}@example.com"), "grants": grants})).await
    }

    /// The file behind a presigned URL.
    pub async fn file(&self, url: &str) -> Answer {
        match self {
            Self::InProcess(process) => process.file(url),
            Self::Stack(stack) => stack.ask(Method::GET, url, None).await,
        }
    }

    /// The beginning of links in mails and answers.
    pub fn public_url(&self) -> &str {
        match self {
            Self::InProcess(process) => process.public_url(),
            Self::Stack(stack) => stack.public_url(),
        }
    }

    /// The current time, by the clock of the backend.
    pub fn now(&self) -> Timestamp {
        match self {
            Self::InProcess(process) => process.now(),
            Self::Stack(_) => Timestamp::now(),
        }
    }

    /// A template parameter that is a number of seconds.
    pub fn seconds(&self, parameter: &str) -> u64 {
        match self {
            Self::InProcess(process) => process.seconds(parameter),
            Self::Stack(stack) => stack.seconds(parameter),
        }
    }

    /// Calls `look` until it returns `Ok`, and returns that value. Its `Err` describes what it saw instead.
    ///
    /// # Panics
    /// After `within`, with `what` and the last `Err`.
    pub async fn until<T>(
        &self,
        what: &str,
        within: Duration,
        look: impl AsyncFnMut() -> Result<T, String>,
    ) -> T {
        let process = match self {
            Self::InProcess(process) => Some(process),
            Self::Stack(_) => None,
        };
        wait::until(process, what, within, look).await
    }

    /// Loads a CSV file into a type's records of a parent.
    pub async fn load(&self, type_name: &str, parent: &str, csv: String) {
        match self {
            Self::InProcess(process) => {
                let items = local::items(type_name, parent, csv).await;
                let mut cloud = process.services().cloud();
                let records = cloud.dynamodb.tables.get_mut(RECORDS).expect("the records");
                for item in items {
                    records.put(item);
                }
            }
            Self::Stack(stack) => local::load(stack, type_name, parent, csv).await,
        }
    }

    /// Writes a record as it is, without the loader's checks.
    ///
    /// # Panics
    /// Where the records' DynamoDB does not take it.
    pub async fn put_record(&self, item: Item) {
        match self {
            Self::InProcess(process) => {
                let mut cloud = process.services().cloud();
                let records = cloud.dynamodb.tables.get_mut(RECORDS).expect("the records");
                records.put(on_the_wire(&item));
            }
            Self::Stack(stack) => {
                let records = stack.aws().await.records;
                let put = records.put_item().table_name(stack.output("records_table"));
                let put = put.set_item(Some(item)).send().await;
                put.expect("the record is put");
            }
        }
    }

    /// The mails to this address, newest first.
    pub async fn mails(&self, address: &str) -> Vec<Value> {
        match self {
            Self::InProcess(process) => process.mails(address),
            Self::Stack(stack) => stack.mails(address).await,
        }
    }

    /// An export as it is stored: the API shows less, and its link only once there is a file.
    ///
    /// # Panics
    /// Where there is none.
    pub async fn stored(&self, id: u64) -> Value {
        match self {
            Self::InProcess(process) => process.stored(id),
            Self::Stack(stack) => {
                let key = AttributeValue::N(id.to_string());
                let table = stack.output("exports_table");
                let get = stack.aws().await.dynamodb.get_item().table_name(table);
                let got = get.key("id", key).send().await.expect("the export's item");
                plain(&on_the_wire(&got.item.expect("the export is there")))
            }
        }
    }

    /// What is left of an export in the bucket, and of what is to be done for it, after a sweep.
    pub async fn left_over(&self, id: u64) -> Vec<String> {
        match self {
            Self::InProcess(process) => {
                Box::pin(process.sweep()).await;
                process.services().left_over(id)
            }
            Self::Stack(stack) => {
                let aws = stack.aws().await;
                aws.sweep().await;
                left_over(&aws, id).await
            }
        }
    }
}

async fn left_over(aws: &Aws, id: u64) -> Vec<String> {
    let mut left = aws.objects(id).await;
    left.extend(aws.uploads(id).await);
    left.extend(aws.has_work(id).await.then(|| "work".to_owned()));
    left
}
