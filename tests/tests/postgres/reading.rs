//! Which records are read, and where a read goes on.

use std::time::Duration;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpStream, UnixListener};
use waybill_tests::wait_until;

use super::*;

#[tokio::test]
async fn each_row_before_the_request_comes_once_wherever_a_read_stops() {
    let _server = PostgresServer::shared();
    let source = Source::new("once", ORDERS, BY_TIME, &COLUMNS).await;
    let mut expected: Vec<(i64, i64)> = (1..=100)
        .filter(|n| n % 3 != 0)
        .map(|n| (n % 20, n))
        .collect();
    expected.sort_unstable();
    let mut ids: Vec<i64> = expected.into_iter().map(|(_, n)| n).collect();
    ids.push(1001);
    let expected: Vec<Json> = ids.iter().map(|n| json!({ "n": n.to_string() })).collect();
    for every in [1, 2, 3, 7, 1000] {
        let (rows, read) = source.read("acme", &json!({}), every).await;
        let found: Vec<Json> = rows.iter().map(|row| row[0].clone()).collect();
        assert_eq!(found, expected, "stopping after {every}");
        assert_eq!(read, expected.len() as u64, "stopping after {every}");
    }
}

#[tokio::test]
async fn a_rare_match_is_found_in_windows_and_every_row_counts_as_read() {
    let _server = PostgresServer::shared();
    let source = Source::new("rare", ORDERS, BY_TIME, &COLUMNS).await;
    for every in [1, 1000] {
        let (rows, read) = source
            .read("acme", &json!({"status": ["paid"]}), every)
            .await;
        assert_eq!(rows.len(), 14 + 1);
        assert!(rows.iter().all(|row| row[1] == "paid"), "{rows:?}");
        assert_eq!(read, 68, "stopping after {every}");
    }
    let (rows, read) = source.read("acme", &json!({"status": ["never"]}), 1).await;
    assert_eq!((rows.len(), read), (0, 68));
}

/// Without statistics the server expects so few rows that it would sort all of a parent's for each window.
#[tokio::test]
async fn a_window_reads_no_more_of_the_index_than_its_rows_in_a_table_without_statistics() {
    const ROWS: i64 = 20_000;
    let _server = PostgresServer::shared();
    let table = format!(
        "CREATE TABLE orders (id bigint NOT NULL, shop text NOT NULL, status text, created_at timestamptz NOT NULL, \
           PRIMARY KEY (shop, created_at, id)) WITH (autovacuum_enabled = off); \
         INSERT INTO orders SELECT n, 'acme', NULL, '2026-11-01 00:00Z' FROM generate_series(1, {ROWS}) n;"
    );
    let source = Source::new("no_statistics", &table, BY_TIME, &COLUMNS).await;
    let projection = source.projection(&json!({"status": ["never"]}));
    let mut records = source.open("acme", &projection, None).await.unwrap();
    records.examine_at_most(200);
    let mut read = 0;
    while let Some(page) = records.next().await.unwrap() {
        read += page.read();
    }
    records.close().await;
    assert_eq!(read, ROWS as u64);
    let client = source.server.connect("no_statistics").await;
    // A connection reports its statistics at its end.
    let others =
        "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
    let end = format!("SELECT count(*), count(pg_terminate_backend(pid)) {others}");
    wait_until(
        "the end of the connections",
        Duration::from_secs(60),
        async || {
            let row = client.query_one(&end, &[]).await.unwrap();
            match row.get::<_, i64>(0) {
                0 => Ok(()),
                open => Err(format!("{open} connections")),
            }
        },
    )
    .await;
    let entries =
        "SELECT sum(idx_tup_read)::bigint FROM pg_stat_user_indexes WHERE relname = 'orders'";
    let entries: i64 = client.query_one(entries, &[]).await.unwrap().get(0);
    assert!(
        (ROWS..ROWS * 2).contains(&entries),
        "{entries} entries of the index for {ROWS} rows"
    );
}

#[tokio::test]
async fn only_the_parents_own_rows_are_read() {
    let _server = PostgresServer::shared();
    let source = Source::new("parents", ORDERS, BY_TIME, &COLUMNS).await;
    for parent in ["Acme", "acme ", "", "' OR true --", "nobody"] {
        assert_eq!(
            source.read(parent, &json!({}), 9).await,
            (Vec::new(), 0),
            "{parent}"
        );
    }
    // Blanks at the end of a `char(n)` mean nothing to `=`, so that it finds the rows of `acme` for `acme ` too.
    let table = "CREATE TABLE orders (id int PRIMARY KEY, shop char(8) NOT NULL, status text, created_at timestamptz NOT NULL); \
        INSERT INTO orders VALUES (1, 'acme', 'a', '2026-11-01 00:00Z'), (2, 'acme', 'b', '2026-11-01 00:00Z')";
    let source = Source::new(
        "padded",
        table,
        "parent = \"shop\", key = [\"id\"]",
        &COLUMNS,
    )
    .await;
    assert_eq!(source.read("acme", &json!({}), 9).await.0.len(), 2);
    assert_eq!(source.read("acme ", &json!({}), 9).await, (Vec::new(), 2));
    let table = "CREATE TABLE orders (id int PRIMARY KEY, shop int NOT NULL, status text, created_at timestamptz NOT NULL); \
        INSERT INTO orders VALUES (1, 0, 'a', '2026-11-01 00:00Z'), (2, 42, 'b', '2026-11-01 00:00Z')";
    let source = Source::new(
        "numbered",
        table,
        "parent = \"shop\", key = [\"id\"]",
        &COLUMNS,
    )
    .await;
    for (parent, count) in [
        ("42", 1),
        ("042", 0),
        ("42abc", 0),
        ("+42", 0),
        ("0", 1),
        ("auth0|5f7c", 0),
        ("99999999999", 0),
    ] {
        assert_eq!(
            source.read(parent, &json!({}), 9).await.0.len(),
            count,
            "{parent}"
        );
    }
}

#[tokio::test]
async fn what_is_inserted_beyond_the_last_key_of_the_first_page_is_not_read() {
    let _server = PostgresServer::shared();
    let source = Source::new(
        "pinned",
        &format!("{ORDERS} ALTER TABLE orders ADD UNIQUE (id)"),
        "parent = \"shop\", key = [\"id\"]",
        &COLUMNS,
    )
    .await;
    let projection = source.projection(&json!({}));
    let mut records = source.open("acme", &projection, None).await.unwrap();
    records.examine_at_most(5);
    let first = records.next().await.unwrap().unwrap();
    let other = source.server.connect("pinned").await;
    other.batch_execute("INSERT INTO orders SELECT n, 'acme', 'late', '2026-11-01 00:00Z' FROM generate_series(2000, 3000) n").await.unwrap();
    let mut resumed = source
        .open("acme", &projection, Some(&first.end()))
        .await
        .unwrap();
    let mut count = first.len();
    while let Some(page) = resumed.next().await.unwrap() {
        count += page.len();
    }
    assert_eq!(count, 68);
}

/// There, rows come one by one.
#[tokio::test]
async fn a_socket_in_the_file_system_gives_the_same_records() {
    let source = Source::new("socket", ORDERS, BY_TIME, &COLUMNS).await;
    let over_tcp = source.read("acme", &json!({}), 9).await;
    let url = source.server.url("socket");
    let address = url.split(['@', '/']).nth(3).unwrap().to_owned();
    let (_, port) = address.split_once(':').unwrap();
    let folder = tempfile::tempdir().unwrap();
    let socket = UnixListener::bind(folder.path().join(format!(".s.PGSQL.{port}"))).unwrap();
    let folder = folder.path().to_str().unwrap().replace('/', "%2F");
    let source = source.opened_by(opener(&url.replace("127.0.0.1", &folder)));
    let relay = tokio::spawn(async move {
        while let Ok((mut here, _)) = socket.accept().await {
            let mut there = TcpStream::connect(&address).await.unwrap();
            tokio::spawn(async move { copy_bidirectional(&mut here, &mut there).await });
        }
    });
    assert_eq!(source.read("acme", &json!({}), 9).await, over_tcp);
    relay.abort();
}

/// Such as one of tracks of an album, or of members of a team.
#[tokio::test]
async fn a_table_without_a_time_of_creation_is_read_whole() {
    let table = "CREATE TABLE orders (id int PRIMARY KEY, shop text NOT NULL, status text); \
        INSERT INTO orders SELECT n, CASE n % 3 WHEN 0 THEN 'b' ELSE 'a' END, CASE n % 2 WHEN 0 THEN 'paid' END \
          FROM generate_series(1, 150) n";
    let columns = [("id", "integer"), ("status", "text")];
    let key = "parent = \"shop\", key = [\"id\"]";
    let mut source = Source::new("timeless", table, key, &columns).await;
    source.of.created = None;
    source.of.filters = vec!["status".to_owned()];
    for every in [1, 4, 1_000] {
        let (rows, read) = source.read("a", &json!({}), every).await;
        assert_eq!((rows.len(), read), (100, 100));
        let (paid, _) = source.read("a", &json!({"status": ["paid"]}), every).await;
        assert_eq!(paid.len(), 50);
    }
    let findings = source.opener.check(&source.of).await.unwrap();
    let errors = findings
        .iter()
        .filter(|finding| matches!(finding, waybill::records::Finding::Error(_)));
    assert_eq!(errors.count(), 0, "{findings:?}");
}
