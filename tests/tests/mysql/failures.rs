//! What fails, and what is said of it.

use std::io::Read;
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use waybill::records::RecordsError;
use waybill_tests::wait_until;

use super::*;

async fn failed(source: &Source) -> RecordsError {
    let projection = source.projection(&json!({}));
    match source.open("acme", &projection, None).await {
        Err(error) => error,
        Ok(mut records) => records.next().await.map(|_| ()).unwrap_err(),
    }
}

#[tokio::test]
async fn a_table_that_cannot_be_read_is_said_so() {
    let Some(server) = server() else { return };
    for (database, change, message) in [
        (
            "dropped",
            "DROP TABLE orders",
            "the table orders does not exist",
        ),
        (
            "unproven",
            "ALTER TABLE orders DROP PRIMARY KEY",
            "no unique index proves that no two rows of a parent have the same key: CREATE UNIQUE INDEX waybill_key ON orders (shop, created_at, id)",
        ),
        (
            "in_part",
            "ALTER TABLE orders DROP PRIMARY KEY, ADD UNIQUE (shop(3), created_at, id)",
            "no unique index proves",
        ),
        (
            "nullable",
            "ALTER TABLE orders DROP PRIMARY KEY, MODIFY id bigint NULL, ADD UNIQUE (shop, created_at, id)",
            "the column id of the key may be null",
        ),
        (
            "without_column",
            "ALTER TABLE orders DROP COLUMN status",
            "the column status does not exist",
        ),
        (
            "floating",
            "ALTER TABLE orders MODIFY id double NOT NULL",
            "the column id has the type double, which cannot be in a key: integers, decimal",
        ),
        (
            "bytes",
            "ALTER TABLE orders MODIFY status blob",
            "the column status has the type blob, which has no text; say `as = \"base64\"`",
        ),
    ] {
        let source = Source::new(
            &server,
            database,
            &format!("{ORDERS} {change}"),
            BY_TIME,
            &COLUMNS,
        );
        let error = failed(&source).await;
        assert!(error.to_string().contains(message), "{database}: {error}");
        assert!(error.is_for_operator(), "{database}: {error}");
    }
}

#[tokio::test]
async fn a_read_goes_on_after_its_connection_and_its_server_have_ended() {
    let Some(server) = own_server(&[]) else {
        return;
    };
    let source = Source::new(&server, "ended", ORDERS, BY_TIME, &COLUMNS);
    let projection = source.projection(&json!({}));
    let mut records = source.open("acme", &projection, None).await.unwrap();
    records.examine_at_most(10);
    let mut read = 0;
    for n in 0.. {
        match n {
            2 => {
                server.execute(
                    "",
                    "SELECT CONCAT('KILL ', id, ';') INTO @kill FROM information_schema.PROCESSLIST WHERE USER = 'waybill' LIMIT 1; \
                     PREPARE kill_one FROM @kill; EXECUTE kill_one;",
                );
            }
            4 => server.crash(),
            _ => {}
        }
        match records.next().await.unwrap() {
            Some(page) => read += page.read(),
            None => break,
        }
    }
    assert_eq!(read, 68);
}

/// Such a server answers in place of its greeting.
#[tokio::test]
async fn a_server_full_of_others_is_waited_for() {
    let Some(server) = own_server(&["--max-connections=10"]) else {
        return;
    };
    let source = Source::new(&server, "full", ORDERS, BY_TIME, &COLUMNS);
    // Those who have not signed in have a place, too, and there is one more for the server's owner.
    let mut others = Vec::new();
    for _ in 0..11 {
        let mut other = TcpStream::connect((Ipv4Addr::LOCALHOST, server.port())).unwrap();
        other.read_exact(&mut [0]).unwrap();
        others.push(other);
    }
    let error = failed(&source).await;
    assert!(matches!(error, RecordsError::NotYet { .. }), "{error}");
    assert!(
        error.to_string().contains("has no connection left"),
        "{error}"
    );
    drop(others);
    let projection = source.projection(&json!({}));
    let freed = Duration::from_secs(10);
    wait_until("the places of the others", freed, async || {
        let again = source.open("acme", &projection, None).await;
        again.map(|_| ()).map_err(|error| error.to_string())
    })
    .await;
}

#[tokio::test]
async fn a_user_without_a_connection_left_is_waited_for() {
    let Some(server) = server() else { return };
    let mut source = Source::new(&server, "crowded", ORDERS, BY_TIME, &COLUMNS);
    server.execute(
        "crowded",
        "CREATE USER single@'%' WITH MAX_USER_CONNECTIONS 1; GRANT SELECT ON crowded.* TO single@'%'",
    );
    let url = format!("mysql://single@127.0.0.1:{}/crowded", server.port());
    source.opener = waybill_tests::sql_source::opener(&url);
    let projection = source.projection(&json!({}));
    let first = source.open("acme", &projection, None).await.unwrap();
    let error = source
        .open("acme", &projection, None)
        .await
        .map(|_| ())
        .unwrap_err();
    assert!(matches!(error, RecordsError::NotYet { .. }), "{error}");
    assert!(
        error.to_string().contains("has no connection left"),
        "{error}"
    );
    first.close().await;
    let freed = Duration::from_secs(10);
    wait_until("the closed connection's place", freed, async || {
        let again = source.open("acme", &projection, None).await;
        again.map(|_| ()).map_err(|error| error.to_string())
    })
    .await;
}

/// A window that takes longer than a statement may is read with fewer rows.
#[tokio::test]
async fn a_slow_window_is_halved() {
    let Some(server) = server() else { return };
    let view = format!(
        "{} CREATE FUNCTION waits(n bigint) RETURNS bigint NOT DETERMINISTIC RETURN n + SLEEP(0.15); \
         CREATE VIEW orders AS SELECT waits(id) AS id, shop, status, created_at FROM kept",
        ORDERS
            .replace("orders", "kept")
            .replace("seq_1_to_100", "seq_1_to_300")
    );
    let records = "parent = \"shop\", key = [\"created_at\"]";
    let source = Source::new(
        &server,
        "slow",
        &view.replace("seq % 20 HOUR", "seq MINUTE"),
        records,
        &COLUMNS,
    );
    let (rows, _) = source.read("acme", &json!({}), 10_000).await;
    assert_eq!(rows.len(), 201);
}

#[tokio::test]
async fn an_address_of_another_engine_is_refused() {
    let Some(server) = server() else { return };
    let mut source = Source::new(&server, "other_engine", ORDERS, BY_TIME, &COLUMNS);
    source.opener = waybill_tests::sql_source::opener("postgres://a@localhost/a");
    let error = failed(&source).await.to_string();
    assert!(
        error.contains("another engine than the catalog says"),
        "{error}"
    );
}
