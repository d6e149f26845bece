//! A writer beside every read, with readers that stop, connections that end and a server that crashes: every row that was
//! committed before the request, and that nobody touched since, comes exactly once.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio_postgres::Client;

use waybill::value::Value;

use super::*;

/// The reads, each with a writer of its own.
const READS: u64 = 100;
/// The rows that are there at the request. The writer touches those whose number is a multiple of three.
const ROWS: i64 = 900;
/// Every so many reads, the server crashes.
const CRASH_EVERY: u64 = 10;

const TABLE: &str = "CREATE TABLE orders (id bigint NOT NULL, shop text NOT NULL, status text, created_at timestamptz NOT NULL, \
    PRIMARY KEY (shop, created_at, id));";

fn is_touched(id: i64) -> bool {
    id % 3 == 0 || id > ROWS
}

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

/// Inserts, deletes, moves and commits late, until it is told to stop, or its connection ends.
async fn write(client: Client, seed: u64, stop: Arc<AtomicBool>) {
    let mut random = fastrand::Rng::with_seed(seed);
    while !stop.load(Ordering::Relaxed) {
        let (touched, new) = (random.i64(1..=ROWS / 3) * 3, ROWS + random.i64(1..=500));
        let time = format!("now() - {} * interval '1 second'", random.i64(-5..80));
        let insert = format!(
            "INSERT INTO orders VALUES ({new}, 'acme', 'new', {time}) ON CONFLICT DO NOTHING"
        );
        let statement = match random.u8(0..4) {
            0 => insert,
            1 => format!("DELETE FROM orders WHERE id = {touched}"),
            2 => format!("UPDATE orders SET created_at = {time} WHERE id = {touched}"),
            _ => format!("BEGIN; {insert}; SELECT pg_sleep(0.02); COMMIT"),
        };
        if client.batch_execute(&statement).await.is_err() && client.is_closed() {
            return;
        }
        tokio::task::yield_now().await;
    }
}

/// What happened to a read, so that no test passes for lack of trouble.
#[derive(Debug, Default)]
struct Troubles {
    resumed: u32,
    ended: u32,
    failed: u32,
    crashed: u32,
}

/// Reads as a worker does: with windows of a few rows, from position to position, through all troubles.
async fn read(source: &Source, as_of: Timestamp, seed: u64, troubles: &mut Troubles) -> Vec<i64> {
    let mut random = fastrand::Rng::with_seed(seed);
    let projection = source.projection(&json!({}));
    let (mut ids, mut position) = (Vec::new(), None::<String>);
    let mut has_crashed = !seed.is_multiple_of(CRASH_EVERY);
    'open: loop {
        let opened = source
            .open_within(
                "acme",
                &projection,
                position.as_deref(),
                Range::whole(as_of),
            )
            .await;
        let mut records = match opened {
            Ok(records) => records.with_read_ahead(),
            Err(error) => {
                assert!(error.failure().is_none(), "{error}");
                troubles.failed += 1;
                continue;
            }
        };
        records.examine_at_most(random.u32(1..60));
        loop {
            if !has_crashed && ids.len() > 100 {
                has_crashed = true;
                troubles.crashed += 1;
                source.server.crash();
            }
            let page = match records.next().await {
                Ok(Some(page)) => page,
                Ok(None) => return ids,
                Err(error) => {
                    assert!(error.failure().is_none(), "{error}");
                    troubles.failed += 1;
                    continue 'open;
                }
            };
            let stop = random.bool().then(|| random.usize(0..page.len().max(1)));
            let mut values = Vec::new();
            for n in 0..page.len() {
                page.values(n, &projection, &mut values);
                if projection.decide(&values, page.key_time(n), as_of).is_in() {
                    let Value::Number(id) = &projection.columns(&values)[0] else {
                        panic!("an id is a number")
                    };
                    ids.push(id.parse().unwrap());
                }
                if stop == Some(n) && random.u8(0..4) == 0 {
                    position = Some(page.position(n));
                    troubles.resumed += 1;
                    continue 'open;
                }
            }
            position = Some(page.end());
            if random.u8(0..8) == 0 {
                let admin = source.server.connect("postgres").await;
                let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'writer' AND application_name = 'waybill'";
                troubles.ended += u32::from(!admin.query(end, &[]).await.unwrap().is_empty());
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_untouched_row_comes_exactly_once() {
    let server = Arc::new(PostgresServer::start());
    let source = Source::on(server, "writer", TABLE, BY_TIME, &COLUMNS).await;
    let mut troubles = Troubles::default();
    for seed in 0..READS {
        let client = source.server.connect("writer").await;
        let as_of = filled(&client).await;
        let stop = Arc::new(AtomicBool::new(false));
        let writer = tokio::spawn(write(client, seed, stop.clone()));
        let ids = read(&source, as_of, seed, &mut troubles).await;
        stop.store(true, Ordering::Relaxed);
        writer.await.unwrap();

        let mut counts = BTreeMap::new();
        for id in &ids {
            *counts.entry(*id).or_insert(0) += 1;
        }
        for id in (1..=ROWS).filter(|id| !is_touched(*id)) {
            let expected = i32::from(id % 7 != 0);
            let found = counts.get(&id).copied().unwrap_or(0);
            assert_eq!(found, expected, "the row {id} in the read {seed}");
        }
        assert!(
            counts.keys().all(|id| id % 7 != 0 || *id > ROWS),
            "rows of another shop in the read {seed}"
        );
    }
    assert!(
        troubles.resumed > 200 && troubles.ended > 100 && troubles.crashed == 10,
        "{troubles:?}"
    );
}
