//! Records read from a real server that speaks MySQL's protocol: MariaDB.

#![allow(clippy::unwrap_used, reason = "a failed test panics")]

mod checking;
mod failures;
mod narrowing;
mod reading;
mod sign_in;
mod values;
mod writer;

use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use serde_json::{Value as Json, json};
use waybill_testing::mariadb::MariadbServer;
use waybill_tests::skipped;
use waybill_tests::sql_source::SqlSource;

/// A type whose records are in a database of the server.
struct Source {
    reads: SqlSource,
    server: Arc<MariadbServer>,
}

/// The server that the tests share; `None` where it is not installed.
fn server() -> Option<Arc<MariadbServer>> {
    or_skipped(MariadbServer::shared())
}

/// A server that this test alone uses, with these settings.
fn own_server(settings: &[&str]) -> Option<Arc<MariadbServer>> {
    or_skipped(MariadbServer::start(settings).map(Arc::new))
}

fn or_skipped(server: Option<Arc<MariadbServer>>) -> Option<Arc<MariadbServer>> {
    if server.is_none() {
        skipped(
            "records in MariaDB",
            "mariadb-server-core and mariadb-client-core are not installed",
        );
    }
    server
}

impl Source {
    /// A source of the table `orders` in a new database, with columns of these kinds.
    fn new(
        server: &Arc<MariadbServer>,
        database: &str,
        statements: &str,
        records: &str,
        columns: &[(&str, &str)],
    ) -> Self {
        let url = server.database(database, statements);
        let zone = database.strip_prefix("zoned_");
        let zone = zone.map_or("", |_| "time_zone = \"America/New_York\"\n");
        Self {
            reads: SqlSource::new(
                "mysql",
                &url,
                &format!("settles = 0\n{zone}"),
                records,
                columns,
            ),
            server: server.clone(),
        }
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

const ORDERS: &str = "CREATE TABLE orders (id bigint NOT NULL, shop varchar(40) NOT NULL, status varchar(20), \
    created_at datetime(6) NOT NULL, PRIMARY KEY (shop, created_at, id)); \
    INSERT INTO orders SELECT seq, IF(seq % 3 = 0, 'other', 'acme'), IF(seq % 5 = 0, 'paid', NULL), \
      '2026-11-01 00:00:00' + INTERVAL seq % 20 HOUR FROM seq_1_to_100; \
    INSERT INTO orders VALUES (1000, 'acme', 'paid', '2026-11-21 12:00:00'), (1001, 'acme', 'paid', '2026-11-21 11:59:59.999999');";
const BY_TIME: &str = "parent = \"shop\", key = [\"created_at\", \"id\"]";
const BY_ID: &str = "parent = \"shop\", key = [\"id\"]";
const COLUMNS: [(&str, &str); 3] = [
    ("id", "integer"),
    ("status", "text"),
    ("created_at", "timestamp"),
];
