//! A writer beside every read, with readers that stop, connections that end and a server that crashes: every row that was
//! committed before the request, and that nobody touched since, comes exactly once.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio_postgres::Client;
use waybill_tests::sql_disturbed::{ROWS, Troubles, check_ids, read_disturbed, written};

use super::*;

/// The reads, each with a writer of its own.
const READS: u64 = 100;

const TABLE: &str = "CREATE TABLE orders (id bigint NOT NULL, shop text NOT NULL, status text, created_at timestamptz NOT NULL, \
    PRIMARY KEY (shop, created_at, id));";

/// Fills the table anew, with many rows of the same time, and returns the instant of the request.
async fn filled(client: &Client) -> Timestamp {
    let rows = format!(
        "TRUNCATE orders; INSERT INTO orders SELECT n, CASE WHEN n % 7 = 0 THEN 'other' ELSE 'acme' END, NULL, \
         date_trunc('second', now()) - (n % 60 + 10) * interval '1 second' FROM generate_series(1, {ROWS}) n"
    );
    client.batch_execute(&rows).await.unwrap();
    let row = client
        .query_one(
            "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint",
            &[],
        )
        .await
        .unwrap();
    Timestamp::from_millisecond(row.get(0)).unwrap()
}

/// Writes until it is told to stop, or its connection ends.
async fn write(client: Client, seed: u64, stop: Arc<AtomicBool>) {
    let mut random = fastrand::Rng::with_seed(seed);
    let time = |ago: i64| format!("now() - {ago} * interval '1 second'");
    let insert = |id: i64, time: &str| {
        format!("INSERT INTO orders VALUES ({id}, 'acme', 'new', {time}) ON CONFLICT DO NOTHING")
    };
    while !stop.load(Ordering::Relaxed) {
        let statement = written(&mut random, time, insert, "SELECT pg_sleep(0.02)");
        if client.batch_execute(&statement).await.is_err() && client.is_closed() {
            return;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_untouched_row_comes_exactly_once() {
    let server = Arc::new(PostgresServer::start());
    let source = Source::on(server, "writer", TABLE, BY_TIME, &COLUMNS).await;
    let mut troubles = Troubles::default();
    let end = async || {
        let admin = source.server.connect("postgres").await;
        let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'writer' AND application_name = 'waybill'";
        !admin.query(end, &[]).await.unwrap().is_empty()
    };
    for seed in 0..READS {
        let client = source.server.connect("writer").await;
        let as_of = filled(&client).await;
        let stop = Arc::new(AtomicBool::new(false));
        let writer = tokio::spawn(write(client, seed, stop.clone()));
        let crash = || source.server.crash();
        let ids = read_disturbed(&source, as_of, seed, &mut troubles, crash, end).await;
        stop.store(true, Ordering::Relaxed);
        writer.await.unwrap();
        check_ids(&ids, seed);
    }
    assert!(troubles.are_enough(READS), "{troubles:?}");
}
