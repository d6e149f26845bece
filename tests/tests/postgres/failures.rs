//! What cannot be read, and what the errors say.

use super::*;

#[tokio::test]
async fn a_table_that_cannot_be_read_is_an_error_that_says_why() {
    let _server = PostgresServer::shared();
    let message = async |name: &str, statements: &str, records: &str| {
        let source = Source::new(name, statements, records, &COLUMNS).await;
        let projection = source.projection(&json!({}));
        source
            .open("acme", &projection, None)
            .await
            .map(|_| ())
            .unwrap_err()
            .to_string()
    };
    let missing = message("missing", "", BY_TIME).await;
    assert_eq!(
        missing,
        "the table public.orders does not exist, or has no such index"
    );
    let column = message("no_column", ORDERS, "parent = \"shop\", key = [\"number\"]").await;
    assert!(
        column.ends_with("refuses the query: the column number does not exist"),
        "{column}"
    );
    let nullable = message("nullable", ORDERS, "parent = \"shop\", key = [\"status\"]").await;
    let dated = message("dated", ORDERS, "parent = \"created_at\", key = [\"id\"]").await;
    assert!(
        dated.contains("has the type timestamptz, which cannot hold a parent's id"),
        "{dated}"
    );
    assert!(
        nullable.ends_with("the column status of the key may be null"),
        "{nullable}"
    );
    let not_unique = "CREATE TABLE orders (id int NOT NULL, shop text NOT NULL, status text, created_at timestamptz NOT NULL); \
        CREATE INDEX ON orders (shop, id); CREATE UNIQUE INDEX ON orders (shop, id, status); \
        CREATE UNIQUE INDEX ON orders (id) WHERE status IS NULL;";
    let by_id = "parent = \"shop\", key = [\"id\"]";
    for (database, more) in [
        ("not_unique", ""),
        ("deferred", "ALTER TABLE orders ADD UNIQUE (id) DEFERRABLE"),
    ] {
        let unproven = message(database, &format!("{not_unique} {more}"), by_id).await;
        let remedy = "CREATE UNIQUE INDEX CONCURRENTLY ON public.orders (shop, id)";
        assert!(unproven.ends_with(remedy), "{database}: {unproven}");
    }
    let statements = format!(
        "{READER} {ORDERS} ALTER TABLE orders ENABLE ROW LEVEL SECURITY; ALTER TABLE orders FORCE ROW LEVEL SECURITY; \
        GRANT SELECT ON orders TO reader"
    );
    let source = Source::new("hidden", &statements, BY_TIME, &COLUMNS).await;
    let url = source.server.url("hidden").replace("waybill@", "reader@");
    let source = source.opened_by(opener(&url));
    let hidden = source
        .open("acme", &source.projection(&json!({})), None)
        .await
        .map(|_| ())
        .unwrap_err()
        .to_string();
    assert!(
        hidden.ends_with("row-level security hides rows from this role"),
        "{hidden}"
    );
}

/// Each says what to mend, and names no host and no user.
#[tokio::test]
async fn a_database_that_cannot_be_used_is_an_error_that_says_why() {
    let _server = PostgresServer::shared();
    let closed = "CREATE ROLE locked NOLOGIN; REVOKE CONNECT ON DATABASE unusable FROM PUBLIC;";
    let source = Source::new(
        "unusable",
        &format!("{READER} {ORDERS} {closed}"),
        BY_TIME,
        &COLUMNS,
    )
    .await;
    let right = source.server.url("unusable");
    let unused = waybill_tests::free_port();
    let port = right
        .rsplit_once(':')
        .unwrap()
        .1
        .split_once('/')
        .unwrap()
        .0
        .to_owned();
    for (url, problem, waits) in [
        (
            right.replace("waybill@", "nobody@"),
            "the database shop does not let the role sign in",
            false,
        ),
        (
            right.replace("waybill@", "locked@"),
            "the database shop does not let the role sign in",
            false,
        ),
        (
            right.replace("waybill@", "reader@"),
            "GRANT CONNECT ON DATABASE",
            false,
        ),
        (
            right.replace("/unusable", "/other"),
            "the database shop does not exist on its server",
            false,
        ),
        (
            right.replace(&port, &unused.to_string()),
            "the database shop cannot be reached: Connection refused",
            true,
        ),
    ] {
        let source = SqlSource {
            of: source.of.clone(),
            opener: opener(&url),
        };
        let opened = source
            .open("acme", &source.projection(&json!({})), None)
            .await;
        let error = opened.map(|_| ()).unwrap_err();
        let said = error.to_string();
        assert!(said.contains(problem), "{said}");
        assert!(
            !said.contains("127.0.0.1") && !said.contains("reader"),
            "{said}"
        );
        assert_eq!(
            matches!(error, RecordsError::NotYet { .. }),
            waits,
            "{said}"
        );
        assert_eq!(error.is_for_operator(), !waits, "{said}");
    }
}

/// A page is kept small whatever its rows are: the first ones say nothing of the next.
#[tokio::test]
async fn rows_of_any_size_come_in_pages_of_a_few_megabytes() {
    let _server = PostgresServer::shared();
    let table = "CREATE TABLE orders (id int PRIMARY KEY, shop text NOT NULL, status text, created_at timestamptz NOT NULL); \
        INSERT INTO orders SELECT n, 'acme', CASE WHEN n > 300 THEN repeat('x', 3000000) END, '2026-11-01 00:00Z' \
          FROM generate_series(1, 360) n;";
    let source = Source::new(
        "large_rows",
        table,
        "parent = \"shop\", key = [\"id\"]",
        &COLUMNS,
    )
    .await;
    for filters in [json!({}), json!({"created_at": {"from": "2026-10-01"}})] {
        let projection = source.projection(&filters);
        let mut records = source.open("acme", &projection, None).await.unwrap();
        let mut ids = Vec::new();
        while let Some(page) = records.next().await.unwrap() {
            assert!(page.examined() < 20_000_000, "{} bytes", page.examined());
            let mut values = Vec::new();
            for n in 0..page.len() {
                page.values(n, &projection, &mut values);
                ids.push(values[0].as_text().unwrap().parse::<i32>().unwrap());
            }
        }
        assert_eq!(ids, (1..=360).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn a_position_of_other_records_is_refused() {
    let _server = PostgresServer::shared();
    let source = Source::new("positions", ORDERS, BY_TIME, &COLUMNS).await;
    let projection = source.projection(&json!({}));
    for position in [
        "",
        "[]",
        "{\"types\":[1184],\"after\":[\"AA\"]}",
        "{\"types\":[1184,20],\"after\":[\"!\",\"!\"]}",
        "{\"types\":[1184,23],\"after\":[\"AA\",\"AA\"]}",
    ] {
        let opened = source.open("acme", &projection, Some(position)).await;
        assert!(matches!(opened, Err(RecordsError::Position)), "{position}");
    }
}

/// What the command `catalog check` says about the table, at once.
async fn findings(name: &str, statements: &str, records: &str, columns: &[(&str, &str)]) -> String {
    let source = Source::new(name, statements, records, columns).await;
    let findings = source.opener.check(&source.of).await.unwrap();
    let findings: Vec<String> = findings.iter().map(ToString::to_string).collect();
    findings.join("\n")
}

#[tokio::test]
async fn a_check_says_everything_at_once() {
    let _server = PostgresServer::shared();
    let columns = [
        ("id", "text"),
        ("status", "text"),
        ("photo", "text"),
        ("created_at", "timestamp"),
        ("gone", "text"),
    ];
    let table = "CREATE TABLE orders (id float NOT NULL, shop date, status text, photo bytea, updated_at timestamptz, created_at timestamptz); \
        ALTER ROLE waybill CONNECTION LIMIT 20;";
    let records = "parent = \"shop\", key = [\"updated_at\", \"id\"], \
        fixed = { kind = \"sale\", status = 5, updated_at = true }";
    insta::assert_snapshot!(findings("checked", table, records, &columns).await, @r#"
    note: the role may have 20 connections
    error: the column shop has the type date, which cannot hold a parent's id: integer, uuid and text can
    error: the column updated_at of the key may be null
    error: the column id has the type float8, which cannot be in a key: integers, numeric, text, uuid, enums, dates and timestamps can
    error: the column kind does not exist
    error: the column status has the type text, so that it never has the number 5 of `fixed`
    error: the column updated_at has the type timestamptz, so that it never has the boolean true of `fixed`
    error: the column photo has the type bytea, which has no text; say `as = "base64"` or `as = "uuid"`
    error: the column gone does not exist
    warning: the column updated_at of the key seems to change with its row, which a file could then have twice or not at all
    error: no unique index proves that no two rows of a parent have the same key: CREATE UNIQUE INDEX CONCURRENTLY ON public.orders (shop, updated_at, id)
    warning: no index has a parent's rows in the order of the key, so that each page may read all rows of the parent, or of the table: CREATE INDEX CONCURRENTLY ON public.orders (shop, updated_at, id)
    "#);
    insta::assert_snapshot!(findings("checked_missing", "SELECT 1", BY_TIME, &COLUMNS).await,
        @"error: there is no table public.orders (capitals count), or the role may not use its schema: GRANT USAGE ON SCHEMA … TO …");
    let found = findings("checked_right", ORDERS, BY_TIME, &COLUMNS).await;
    assert!(
        !found.contains("error") && !found.contains("index"),
        "{found}"
    );
    let mistaken = "CREATE TABLE \"Orders\" (id int NOT NULL, \"Shop\" text NOT NULL, status uuid, created_at bigint); \
        CREATE TABLE orders (id int);";
    let kinds = [
        ("id", "boolean"),
        ("status", "integer"),
        ("created_at", "timestamp"),
    ];
    let records = "parent = \"Shop\", key = [\"id\", \"Shop\"]";
    let source = Source::new("checked_kinds", mistaken, records, &kinds).await;
    let mut of = source.of.clone();
    let waybill::catalog::RecordsSpec::Postgres(spec) = &mut of.records else {
        panic!("records in PostgreSQL");
    };
    spec.table = "public.Orders".to_owned();
    let found = source.opener.check(&of).await.unwrap();
    let found: Vec<String> = found.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(found.join("\n"), @r#"
    note: the role may have 20 connections
    warning: the column id has the type int4, whose values are no boolean: each is written as it is, and counted
    warning: the column status has the type uuid, whose values are no integer: each is written as it is, and counted
    warning: the column created_at has the type int8, whose values are no timestamp: each is written as it is, and counted
    error: the column created_at has the type int8, which is no time of creation; give its column an entry with `from`, or name another in `created`
    error: no unique index proves that no two rows of a parent have the same key: CREATE UNIQUE INDEX CONCURRENTLY ON public."Orders" ("Shop", id)
    warning: no index has a parent's rows in the order of the key, so that each page may read all rows of the parent, or of the table: CREATE INDEX CONCURRENTLY ON public."Orders" ("Shop", id)
    "#);
    let by_mood =
        format!("CREATE TYPE mood AS ENUM ('fine'); {ORDERS} ALTER TABLE orders ADD mood mood");
    let moods =
        "parent = \"shop\", key = [\"created_at\", \"id\"], fixed = { mood = [\"fine\", \"bad\"] }";
    let found = findings("checked_word", &by_mood, moods, &COLUMNS).await;
    assert!(
        found.contains("error: the server refuses the column mood in `fixed`: invalid input value for enum mood: \"bad\""),
        "{found}"
    );
    let descending = ORDERS.replace(", PRIMARY KEY (shop, created_at, id)", ", UNIQUE (id)")
        + " CREATE INDEX ON orders (shop, created_at DESC, id DESC)";
    let found = findings("checked_descending", &descending, BY_TIME, &COLUMNS).await;
    assert!(!found.contains("index"), "{found}");
    let mixed = descending.replace("id DESC", "id");
    let found = findings("checked_mixed", &mixed, BY_TIME, &COLUMNS).await;
    assert!(found.contains("warning: no index has"), "{found}");
}
