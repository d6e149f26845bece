//! Records over mocked answers.

use std::sync::{Arc, Mutex};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use jiff::{SignedDuration, Timestamp};
use waybill::catalog::{Catalog, Column, ExportType};
use waybill::file::{FileOptions, Profile};
use waybill::records::{Order, Range, ReadRequest, RecordsError, RecordsSource};
use waybill::selection::{Projection, Selection};
use waybill_testing::fake::{Answer, Call, Carried, Wire, http_client};

/// A built-in type, all its columns, and no filter.
pub(crate) struct Source {
    pub(crate) export_type: ExportType,
    pub(crate) columns: Vec<Column>,
    pub(crate) projection: Projection,
    pub(crate) as_of: Timestamp,
}

impl Source {
    /// Orders, whose keys begin with their time.
    pub(crate) fn orders() -> Self {
        Self::new("orders")
    }

    pub(crate) fn new(name: &str) -> Self {
        let catalog = Catalog::built_in().unwrap();
        let export_type = catalog.get(name).unwrap().clone();
        let columns: Vec<Column> = export_type.visible_columns().cloned().collect();
        let chosen: Vec<&Column> = columns.iter().collect();
        let projection = Projection::new(&export_type, &chosen, &Selection::default());
        Self {
            projection,
            columns,
            export_type,
            as_of: "2026-01-01T00:00:00Z".parse().unwrap(),
        }
    }

    pub(crate) fn options(&self, profile: Profile) -> FileOptions {
        FileOptions {
            profile,
            time_zone: jiff::tz::TimeZone::UTC,
            columns: self.columns.clone(),
            created_at: self.as_of,
            headers: waybill::file::Headers::Keys,
            label: "Orders".into(),
        }
    }

    /// The records from a position on; every query is answered with `body`.
    pub(crate) fn records(
        &self,
        order: Order,
        body: &[u8],
        position: Option<&str>,
    ) -> Result<RecordsSource, RecordsError> {
        let reading = ReadRequest {
            spec: &self.export_type.records,
            parent_id: "42",
            root_id: None,
            projection: &self.projection,
            range: Range {
                from: Some(self.as_of - SignedDuration::from_hours(24 * 365)),
                until: self.as_of,
                as_of: self.as_of,
            },
            order,
            reads_outside: true,
            strong_until: None,
            is_file: order == Order::Ascending,
        };
        RecordsSource::in_dynamodb(client(body), "records", reading, position)
    }

    /// Checks that reading resumes from a position, or that the position is refused.
    pub(crate) fn is_accepted_or_refused(&self, position: &str) {
        for order in [Order::Ascending, Order::Descending] {
            let records = self.records(order, b"{}", Some(position));
            assert!(matches!(records, Ok(_) | Err(RecordsError::Position)));
        }
    }
}

fn client(body: &[u8]) -> Client {
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-west-1"))
        .credentials_provider(Credentials::new("a", "b", None, None, "test"))
        .retry_config(RetryConfig::disabled())
        .http_client(http_client(Arc::new(Same(Mutex::new(body.to_vec())))));
    Client::from_conf(config.build())
}

/// A wire that answers every call with the same bytes.
struct Same(Mutex<Vec<u8>>);

impl Wire for Same {
    fn carry(&self, _: Call) -> Carried {
        let body = self.0.lock().unwrap().clone();
        Box::pin(std::future::ready(Ok(Answer {
            body,
            ..Answer::empty(200)
        })))
    }
}
