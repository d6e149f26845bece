//! Reads pages with the engine, without a network.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use jiff::Timestamp;
use serde_json::Value as Json;
use waybill::catalog::ExportType;
use waybill::records::{Order, Range, ReadRequest, RecordsError, RecordsSource};
use waybill::selection::{Projection, Selection};
use waybill::value::Value;
use waybill_testing::fake::{Answer, Call, Carried, Wire, http_client};

use crate::orders::orders;
use crate::pages::Pages;

const PARENT: &str = "42";
/// The instant of the request, long after the last record.
const AS_OF: Timestamp = Timestamp::constant(1_800_000_000, 0);

/// The records of a partition, read as by an export without filters.
#[derive(Debug)]
pub struct Reading {
    export_type: ExportType,
    client: Client,
}

impl Reading {
    /// A partition with `rows` orders.
    pub fn new(export_type: ExportType, rows: u64) -> Self {
        let wire = AtHand {
            pages: Pages::new(orders().0),
            rows,
            answers: Mutex::default(),
        };
        let config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static("eu-west-1"))
            .credentials_provider(Credentials::new("bench", "bench", None, None, "bench"))
            .http_client(http_client(Arc::new(wire)))
            .build();
        Self {
            export_type,
            client: Client::from_conf(config),
        }
    }

    /// Reads every record, passes the values of its columns to `row`, and returns the number of records.
    ///
    /// # Errors
    /// Those of reading records.
    pub async fn read(&self, mut row: impl FnMut(&[Value<'_>])) -> Result<u64, RecordsError> {
        let columns = self.export_type.default_columns();
        let projection = Projection::new(&self.export_type, &columns, &Selection::default());
        let asked = ReadRequest {
            spec: &self.export_type.records,
            parent_id: PARENT,
            root_id: None,
            projection: &projection,
            range: Range {
                from: None,
                until: AS_OF,
                as_of: AS_OF,
            },
            order: Order::Ascending,
            reads_outside: true,
            strong_until: None,
            is_file: true,
        };
        let mut records = RecordsSource::in_dynamodb(self.client.clone(), "records", asked, None)?;
        let mut count = 0;
        while let Some(page) = records.next().await? {
            let mut values = Vec::new();
            for n in 0..page.len() {
                page.values(n, &projection, &mut values);
                row(projection.columns(&values));
                count += 1;
            }
        }
        Ok(count)
    }
}

/// A wire that answers equal requests from a cache.
struct AtHand {
    pages: Pages,
    rows: u64,
    answers: Mutex<HashMap<Vec<u8>, Answer>>,
}

impl Wire for AtHand {
    fn carry(&self, call: Call) -> Carried {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = answers.entry(call.body).or_insert_with_key(|body| {
            let question: Json = serde_json::from_slice(body).unwrap_or_default();
            let body = self.pages.answer(&question, self.rows);
            Answer {
                status: 200,
                headers: vec![("x-amz-crc32", crc32fast::hash(&body).to_string())],
                body,
            }
        });
        let answer = answer.clone();
        Box::pin(async move { Ok(answer) })
    }
}
