//! Fixtures for the functions' tests: exports in every state, and SDK clients with mocked answers.

#![allow(clippy::unwrap_used, reason = "a failed test panics")]

mod answer;
pub mod fake;
pub mod mariadb;
pub mod postgres;
mod server;
mod tables;

use std::time::Duration;

pub use aws_smithy_mocks as mocks;
use jiff::{SignedDuration, Timestamp};
use waybill::catalog::Catalog;
use waybill::export::{Export, ExportId, Receipt, Status, User};
use waybill::file::{Format, Profile};
use waybill::lifecycle::{Claim, State};
use waybill::type_entry::TypeEntry;
use waybill::work::{Completing, FileProgress, Work, WorkTiming};

pub use answer::{on_the_wire, query_answer};
pub use tables::{FakeTables, own_tables};

/// A client of this SDK crate whose calls are answered by the first matching rule.
#[macro_export]
macro_rules! client {
    ($sdk:ident, $rules:expr) => {{
        let mut rules = $crate::mocks::MockResponseInterceptor::new()
            .rule_mode($crate::mocks::RuleMode::MatchAny);
        for rule in $rules {
            rules = rules.with_rule(rule);
        }
        let config = $sdk::Config::builder()
            .behavior_version($sdk::config::BehaviorVersion::latest())
            .region($sdk::config::Region::new("eu-west-1"))
            .credentials_provider($sdk::config::Credentials::new("a", "b", None, None, "test"))
            .http_client($crate::mocks::create_mock_http_client())
            .interceptor(rules);
        $sdk::Client::from_conf(config.build())
    }};
}

/// The time `second` seconds after the export's request.
pub fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

/// The export id with this number.
pub fn id(id: u64) -> ExportId {
    ExportId::try_from(id).unwrap()
}

/// The default timing: a lease of a minute, waits in minutes.
pub fn timing() -> WorkTiming {
    WorkTiming::new(Duration::from_secs(60), Duration::from_secs(60))
}

/// The entry of the built-in type `orders`, which every export here uses.
pub fn orders_entry() -> TypeEntry {
    let catalog = Catalog::built_in().unwrap();
    TypeEntry::new(catalog.get("orders").unwrap()).unwrap()
}

/// A waiting export, requested at 0 and due at 60.
pub fn waiting() -> State {
    let id = id(7);
    let export = Export {
        id,
        type_name: "orders".into(),
        format: Format::Csv,
        status: Status::Waiting,
        parent: "project#42".parse().unwrap(),
        root_id: None,
        kinds: waybill::parent::StoredKinds::default(),
        user: User {
            id: "u-17".into(),
            issuer: None,
            name: Some("Ana Sousa".into()),
            email: Some("ana@example.com".into()),
            email_verified: true,
        },
        requested_by: "u-17".into(),
        requester_issuer: None,
        filters: serde_json::Value::Null,
        search: None,
        columns: vec!["id".into()],
        entry: orders_entry().digest,
        definitions: Default::default(),
        headers: waybill::file::Headers::default(),
        locale: None,
        order: waybill::file::RowOrder::default(),
        profile: Profile::Data,
        time_zone: "Europe/Lisbon".into(),
        file_name: "orders-film-42-20270115T080000Z.csv".into(),
        download: waybill::download_uuid::new_download(id),
        created_at: at(0),
        started_at: None,
        completed_at: None,
        ended_at: None,
        expires_at: None,
        deleted_by: None,
        file: None,
        warnings: Vec::new(),
        failure: None,
        mail: None,
    };
    State {
        export,
        work: Work::new(id, at(60)),
    }
}

/// An export that a worker claimed at this second, with a lease of a minute.
pub fn processing(second: i64) -> State {
    match waiting().claim("worker", at(second), timing()) {
        Claim::Take(change) => change.after,
        other => panic!("{other:?}"),
    }
}

/// The receipt of a file with two rows from three records.
pub fn receipt() -> Receipt {
    Receipt {
        read: 3,
        matched: 2,
        written: 2,
        as_of: at(0),
        consistency: "strong".into(),
        entry: orders_entry().digest,
        sha256: String::new(),
        attempts: 1,
        invocations: 1,
        seconds: 1.0,
        read_units: 1.0,
        estimated_cost_usd: 0.0,
    }
}

/// An export whose file of 12 bytes was completed at this second and expires after a week.
pub fn succeeded(second: i64) -> State {
    let completing = Completing {
        progress: FileProgress {
            read: 3,
            matched: 2,
            rows: 2,
            read_units: 1.0,
            ..FileProgress::default()
        },
        object: "exports/7/kept".into(),
        size: 12,
        ..Completing::default()
    };
    let week = SignedDuration::from_hours(7 * 24);
    processing(second)
        .succeed(&completing, receipt(), week, at(second), timing())
        .after
}
