//! Standbys: a file is read from one only when it has everything from before the request.

use std::time::Duration;

use waybill_tests::wait_until;

use super::*;

const SHOWN_WITHIN: Duration = Duration::from_secs(60);

/// An opener whose database is at these ports, of which the first that answers is used.
fn at(ports: &[u16]) -> RecordsOpener {
    let hosts: Vec<String> = ports
        .iter()
        .map(|port| format!("127.0.0.1:{port}"))
        .collect();
    opener(&format!("postgres://waybill@{}/standby", hosts.join(",")))
}

async fn now(server: &PostgresServer) -> Timestamp {
    let client = server.connect("standby").await;
    let statement = "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint + 1";
    Timestamp::from_millisecond(client.query_one(statement, &[]).await.unwrap().get(0)).unwrap()
}

#[tokio::test]
async fn a_standby_is_waited_for_also_after_a_failover_in_the_middle_of_a_file() {
    let primary = Arc::new(PostgresServer::start());
    let table = ORDERS.replace(
        "PRIMARY KEY (shop, created_at, id)",
        "PRIMARY KEY (shop, id)",
    );
    let by_id = "parent = \"shop\", key = [\"id\"]";
    let source = Source::on(primary.clone(), "standby", &table, by_id, &COLUMNS).await;
    let standby = primary.standby();
    let of_standby = standby.connect("standby").await;
    // The standby receives what is written from now on, and does not show it.
    let pause = "SELECT pg_wal_replay_pause()";
    of_standby.batch_execute(pause).await.unwrap();
    let client = primary.connect("standby").await;
    let late = "INSERT INTO orders SELECT n, 'acme', 'late', '2026-11-01 00:00Z' FROM generate_series(2000, 2999) n";
    client.batch_execute(late).await.unwrap();
    let as_of = now(&primary).await;
    let projection = source.projection(&json!({}));
    let opened = async |opener: &RecordsOpener, position: Option<&str>| {
        let request = ReadRequest {
            spec: &source.of.records,
            parent_id: "acme",
            root_id: None,
            projection: &projection,
            range: Range::whole(as_of),
            order: Order::Ascending,
            reads_outside: true,
            strong_until: None,
            is_file: true,
        };
        opener.open(request, position).await
    };
    let only_standby = at(&[standby.port()]);
    wait_until(
        "the standby to have received the rows",
        SHOWN_WITHIN,
        async || match opened(&only_standby, None).await {
            Err(RecordsError::NotYet { reason, .. }) if reason.contains("standby") => Ok(()),
            other => Err(format!("{:?}", other.map(|_| ()))),
        },
    )
    .await;

    // The first pages are the primary's; then it is gone.
    let both = at(&[primary.port(), standby.port()]);
    let mut records = opened(&both, None).await.unwrap();
    records.examine_at_most(50);
    let first = records.next().await.unwrap().unwrap();
    let (mut count, position) = (first.len(), first.end());
    primary.stop();
    let resume = "SELECT pg_wal_replay_resume()";
    of_standby.batch_execute(resume).await.unwrap();
    let mut records =
        wait_until(
            "the standby to show everything",
            SHOWN_WITHIN,
            async || match opened(&both, Some(&position)).await {
                Err(error) if error.failure().is_none() => Err(error.to_string()),
                other => Ok(other.unwrap()),
            },
        )
        .await;
    while let Some(page) = records.next().await.unwrap() {
        count += page.len();
    }
    // One of the first rows is from after the instant that the other tests read at.
    assert_eq!(count, 69 + 1_000);
}
