//! Records read from a real PostgreSQL server.

#![allow(clippy::unwrap_used, reason = "a failed test panics")]

mod collations;
mod failures;
mod narrowing;
mod overview;
mod reading;
mod row_security;
mod sign_in;
mod standby;
mod values;
mod views;
mod writer;

use std::sync::{Arc, Once};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value as Json, json};
use waybill::catalog::{Catalog, Column, ExportType};
use waybill::deployment_file::DeploymentFile;
use waybill::records::{Order, Range, ReadRequest, RecordsError, RecordsOpener, RecordsSource};
use waybill::selection::{Criteria, Projection, Selection};
use waybill::value::Value;
use waybill_testing::client;
use waybill_testing::postgres::PostgresServer;
use waybill_tests::skipped;

/// A type whose records are in a database.
struct Source {
    of: ExportType,
    opener: RecordsOpener,
    server: Arc<PostgresServer>,
}

static NO_POOLER: Once = Once::new();

/// Creates the role `reader`, which owns nothing, unless another test has.
const READER: &str = "DO $$ BEGIN CREATE ROLE reader LOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$;";

/// An opener of the records in a database.
fn opener(url: &str) -> RecordsOpener {
    let deployment = format!("[deployment]\ndatabases.shop = {{ url = \"{url}\" }}\n");
    let deployment = DeploymentFile::parse(&deployment).unwrap();
    RecordsOpener::new(client!(aws_sdk_dynamodb, []).into(), deployment.into())
}

impl Source {
    /// A source of the table `orders` in a new database, with columns of these kinds.
    async fn new(
        database: &str,
        statements: &str,
        records: &str,
        columns: &[(&str, &str)],
    ) -> Self {
        Self::on(
            PostgresServer::shared(),
            database,
            statements,
            records,
            columns,
        )
        .await
    }

    /// The same on this server.
    async fn on(
        server: Arc<PostgresServer>,
        database: &str,
        statements: &str,
        records: &str,
        columns: &[(&str, &str)],
    ) -> Self {
        server.database(database, statements).await;
        Self::of(database, server, records, columns)
    }

    /// The same for a database that exists.
    fn of(
        database: &str,
        server: Arc<PostgresServer>,
        records: &str,
        columns: &[(&str, &str)],
    ) -> Self {
        let zone = database.strip_prefix("zoned_").map_or(String::new(), |_| {
            "time_zone = \"America/New_York\"\n".to_owned()
        });
        let url = server.pooled_url(database).unwrap_or_else(|| {
            NO_POOLER
                .call_once(|| skipped("PostgreSQL through a pooler", "PgBouncer is not installed"));
            server.url(database)
        });
        let columns: Vec<String> = columns
            .iter()
            .map(|(key, kind)| format!("{{ key = \"{key}\", kind = \"{kind}\" }}"))
            .collect();
        let catalog = format!(
            "[database.shop]\nengine = \"postgres\"\nsettles = 0\n{zone}\n[[type]]\nname = \"orders\"\nparent = \"organization\"\n\
             delivery = \"link\"\nrecords = {{ database = \"shop\", table = \"public.orders\", {records} }}\n\
             created = \"created_at\"\nfilters = [\"created_at\", \"status\"]\nsearch = []\ncolumns = [{}]\n",
            columns.join(", ")
        );
        let catalog = Catalog::parse(&catalog).unwrap();
        Self {
            of: catalog.types()[0].clone(),
            opener: opener(&url),
            server,
        }
    }

    fn selection(&self, filters: &Json) -> Selection {
        let criteria = Criteria::from_json(&self.of, Some(filters), None).unwrap();
        criteria.pin(as_of(), &TimeZone::UTC).unwrap()
    }

    fn projection(&self, filters: &Json) -> Projection {
        let selection = self.selection(filters);
        let columns: Vec<&Column> = self
            .of
            .columns
            .iter()
            .filter(|column| !column.hidden)
            .collect();
        Projection::new(&self.of, &columns, &selection)
    }

    async fn open(
        &self,
        parent: &str,
        projection: &Projection,
        position: Option<&str>,
    ) -> Result<RecordsSource, RecordsError> {
        let range = Range::whole(as_of());
        self.open_within(parent, projection, position, range).await
    }

    /// The same within another range of time.
    async fn open_within(
        &self,
        parent: &str,
        projection: &Projection,
        position: Option<&str>,
        range: Range,
    ) -> Result<RecordsSource, RecordsError> {
        let request = ReadRequest {
            spec: &self.of.records,
            parent_id: parent,
            root_id: None,
            projection,
            range,
            order: Order::Ascending,
            reads_outside: true,
            strong_until: None,
            is_file: true,
        };
        self.opener.open(request, position).await
    }

    /// The values of all records in the selection, stopping and going on after every `every` records.
    async fn read(&self, parent: &str, filters: &Json, every: usize) -> (Vec<Vec<Json>>, u64) {
        let projection = self.projection(filters);
        let (mut rows, mut read, mut position) = (Vec::new(), 0, None);
        'again: loop {
            let range = Range::new(&self.selection(filters), as_of());
            let opened = self.open_within(parent, &projection, position.as_deref(), range);
            let mut source = opened.await.unwrap();
            source.examine_at_most(7);
            while let Some(page) = source.next().await.unwrap() {
                let mut values = Vec::new();
                for n in 0..page.len() {
                    page.values(n, &projection, &mut values);
                    if !projection
                        .decide(&values, page.key_time(n), as_of())
                        .is_in()
                    {
                        continue;
                    }
                    rows.push(projection.columns(&values).iter().map(shown).collect());
                    if rows.len() % every == 0 {
                        read += page.read_through(n);
                        position = Some(page.position(n));
                        continue 'again;
                    }
                }
                read += page.read();
            }
            return (rows, read);
        }
    }
}

/// A value with its type: a number as `{"n": digits}`, JSON as `{"json": text}`.
fn shown(value: &Value<'_>) -> Json {
    match value {
        Value::Missing | Value::Null => Json::Null,
        Value::Bool(flag) => json!(flag),
        Value::Number(digits) => json!({ "n": digits }),
        Value::Text(text) => json!(text),
        Value::Json(text) => json!({ "json": text }),
        Value::LossyText(text) => json!({ "lossy": text }),
    }
}

fn as_of() -> Timestamp {
    "2026-11-21T12:00:00Z".parse().unwrap()
}

const ORDERS: &str = "CREATE TABLE orders (id bigint NOT NULL, shop text NOT NULL, status text, \
    created_at timestamptz NOT NULL, PRIMARY KEY (shop, created_at, id)); \
    INSERT INTO orders SELECT n, CASE WHEN n % 3 = 0 THEN 'other' ELSE 'acme' END, \
      CASE WHEN n % 5 = 0 THEN 'paid' END, '2026-11-01 00:00Z'::timestamptz + n % 20 * interval '1 hour' \
      FROM generate_series(1, 100) n; \
    INSERT INTO orders VALUES (1000, 'acme', 'paid', '2026-11-21T12:00:00Z'), (1001, 'acme', 'paid', '2026-11-21T11:59:59.999999Z');";
const BY_TIME: &str = "parent = \"shop\", key = [\"created_at\", \"id\"]";
const COLUMNS: [(&str, &str); 3] = [
    ("id", "integer"),
    ("status", "text"),
    ("created_at", "timestamp"),
];
