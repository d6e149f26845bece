//! A writer beside every read, with readers that stop, connections that end and a server that crashes: every row that was
//! committed before the request, and that nobody touched since, comes exactly once.

use std::sync::atomic::{AtomicBool, Ordering};

use jiff::Timestamp;
use waybill_tests::sql_disturbed::{ROWS, Troubles, check_ids, read_disturbed, written};

use super::*;

/// The reads, each with a writer of its own.
const READS: u64 = 40;

const TABLE: &str = "CREATE TABLE orders (id bigint NOT NULL, shop varchar(9) NOT NULL, status text, created_at datetime NOT NULL, \
    PRIMARY KEY (shop, created_at, id), KEY (id))";

/// Fills the table anew, with many rows of the same time, and returns the instant of the request.
fn filled(server: &MariadbServer) -> Timestamp {
    server.execute(
        "writer",
        &format!(
            "TRUNCATE orders; INSERT INTO orders SELECT seq, IF(seq % 7 = 0, 'other', 'acme'), NULL, \
             UTC_TIMESTAMP() - INTERVAL seq % 60 + 10 SECOND FROM seq_1_to_{ROWS}"
        ),
    );
    Timestamp::now()
}

/// Writes until it is told to stop, some statements at a time.
fn write(server: &MariadbServer, seed: u64, stop: &AtomicBool) {
    let mut random = fastrand::Rng::with_seed(seed);
    let time = |ago: i64| format!("UTC_TIMESTAMP() - INTERVAL {ago} SECOND");
    let insert = |id: i64, time: &str| {
        format!("INSERT IGNORE INTO orders VALUES ({id}, 'acme', 'new', {time})")
    };
    while !stop.load(Ordering::Relaxed) {
        let statements: Vec<String> = (0..20)
            .map(|_| written(&mut random, time, insert, "DO SLEEP(0.005)"))
            .collect();
        server.try_execute("writer", &statements.join("; "));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_untouched_row_comes_exactly_once() {
    let Some(server) = own_server(&[]) else {
        return;
    };
    let source = Source::new(&server, "writer", TABLE, BY_TIME, &COLUMNS);
    let mut troubles = Troubles::default();
    let end = async || {
        let kill = "SELECT CONCAT('KILL ', id, ';') FROM information_schema.PROCESSLIST WHERE USER = 'waybill'";
        let kills = server.try_execute("", kill).unwrap_or_default();
        !kills.is_empty() && server.try_execute("", &kills).is_some()
    };
    for seed in 0..READS {
        let as_of = filled(&server);
        let stop = Arc::new(AtomicBool::new(false));
        let (writing, stopped) = (server.clone(), stop.clone());
        let writer = std::thread::spawn(move || write(&writing, seed, &stopped));
        let crash = || server.crash();
        let ids = read_disturbed(&source, as_of, seed, &mut troubles, crash, end).await;
        stop.store(true, Ordering::Relaxed);
        writer.join().unwrap();
        check_ids(&ids, seed);
    }
    assert!(troubles.are_enough(READS), "{troubles:?}");
}
