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

use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Once};

use jiff::Timestamp;
use serde_json::{Value as Json, json};
use waybill::records::{Order, Range, ReadRequest, RecordsError, RecordsOpener};
use waybill_testing::postgres::PostgresServer;
use waybill_tests::skipped;
use waybill_tests::sql_source::{SqlSource, as_of, opener};

/// A type whose records are in a database.
struct Source {
    reads: SqlSource,
    server: Arc<PostgresServer>,
}

static NO_POOLER: Once = Once::new();

/// Creates the role `reader`, which owns nothing, unless another test has.
const READER: &str = "DO $$ BEGIN CREATE ROLE reader LOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$;";

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
        Self {
            reads: SqlSource::new(
                "postgres",
                &url,
                &format!("settles = 0\n{zone}"),
                records,
                columns,
            ),
            server,
        }
    }
}

impl Source {
    /// The same records, opened by another opener.
    fn opened_by(mut self, opener: RecordsOpener) -> Self {
        self.reads.opener = opener;
        self
    }
}

impl Deref for Source {
    type Target = SqlSource;

    fn deref(&self) -> &SqlSource {
        &self.reads
    }
}

impl DerefMut for Source {
    fn deref_mut(&mut self) -> &mut SqlSource {
        &mut self.reads
    }
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
