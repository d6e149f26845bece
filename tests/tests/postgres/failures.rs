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
        "{ORDERS} ALTER TABLE orders ENABLE ROW LEVEL SECURITY; ALTER TABLE orders FORCE ROW LEVEL SECURITY; \
        CREATE ROLE reader LOGIN; GRANT SELECT ON orders TO reader"
    );
    let source = Source::new("hidden", &statements, BY_TIME, &COLUMNS).await;
    let url = source.server.url("hidden").replace("waybill@", "reader@");
    let source = Source {
        opener: opener(&url),
        ..source
    };
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
    error: the column id has the type float8, which cannot be in a key
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
        @"error: there is no table public.orders, or the role may not use its schema: GRANT USAGE ON SCHEMA … TO …");
    let found = findings("checked_right", ORDERS, BY_TIME, &COLUMNS).await;
    assert!(
        !found.contains("error") && !found.contains("index"),
        "{found}"
    );
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
