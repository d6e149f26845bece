//! Relations of which no index proves that keys are unique: views, foreign tables, and tables that others inherit from.

use super::*;

/// A table without any index, and the view `orders` of it. Texts are compared without case and accents.
const VIEW: &str = "CREATE COLLATION loose (provider = icu, locale = 'und-u-ks-level1', deterministic = false); \
    CREATE TABLE stored (shop text NOT NULL, id text COLLATE loose, n int, status text, created_at timestamptz); \
    CREATE VIEW orders AS SELECT * FROM stored;";
const BY_ID: &str = "parent = \"shop\", key = [\"n\", \"id\"]";

fn rows(values: &str) -> String {
    format!(
        "{VIEW} INSERT INTO stored SELECT 'acme', v.id, v.n, 'paid', '2026-11-01 00:00Z' FROM (VALUES {values}) v (n, id);"
    )
}

/// How many rows a read gives in windows of this many rows; what it fails with.
async fn count(source: &Source, window: u32, filters: &Json) -> Result<usize, String> {
    let projection = source.projection(filters);
    let opened = source.open("acme", &projection, None).await;
    let mut records = opened.map_err(|error| error.to_string())?;
    records.examine_at_most(window);
    let mut count = 0;
    while let Some(page) = records.next().await.map_err(|error| error.to_string())? {
        count += page.len();
    }
    Ok(count)
}

#[tokio::test]
async fn a_view_whose_keys_differ_is_read() {
    let _server = PostgresServer::shared();
    let values: Vec<String> = (0..50).map(|n| format!("({}, 'id{n}')", n / 3)).collect();
    let source = Source::new("view", &rows(&values.join(", ")), BY_ID, &COLUMNS).await;
    for window in [1, 2, 3, 49, 50, 51, 1000] {
        assert_eq!(count(&source, window, &json!({})).await, Ok(50), "{window}");
    }
    let rows = source.read("acme", &json!({"status": ["paid"]}), 7).await;
    assert_eq!((rows.0.len(), rows.1), (50, 50));
    let none = source.read("acme", &json!({"status": ["never"]}), 7).await;
    assert_eq!((none.0.len(), none.1), (0, 50));
}

/// Also where the second of them would begin the next window, and where a filter leaves both out.
#[tokio::test]
async fn two_rows_with_the_same_key_as_the_server_compares_fail_the_export() {
    let _server = PostgresServer::shared();
    for (name, twins) in [
        ("same", "(2, 'b'), (2, 'b')"),
        ("same_but_for_case", "(2, 'b'), (2, 'B')"),
        ("same_but_for_accents", "(2, 'e'), (2, 'é')"),
        ("no_number", "(2, 'b'), (NULL, 'c')"),
        ("no_id", "(2, 'b'), (2, NULL)"),
        ("no_last_id", "(2, 'b'), (9, NULL)"),
    ] {
        let values = format!("(1, 'a'), {twins}, (3, 'a'), (4, 'a'), (9, 'a')");
        let source = Source::new(name, &rows(&values), BY_ID, &COLUMNS).await;
        for filters in [json!({}), json!({"status": ["never"]})] {
            for window in 1..8 {
                assert_eq!(
                    count(&source, window, &filters).await.unwrap_err(),
                    "the table public.orders has two rows of a parent with the same n, id, or one without it",
                    "{name}, {window} rows, {filters}"
                );
            }
        }
    }
}

#[tokio::test]
async fn a_table_that_others_inherit_from_is_read_like_a_view() {
    let _server = PostgresServer::shared();
    let table = "CREATE TABLE orders (id int PRIMARY KEY, shop text NOT NULL, status text, created_at timestamptz NOT NULL); \
        CREATE TABLE more () INHERITS (orders); INSERT INTO orders VALUES (1, 'acme', 'a', '2026-11-01 00:00Z');";
    let by_id = "parent = \"shop\", key = [\"id\"]";
    for (name, id, expected) in [("inherited", 2, Some(2)), ("inherited_twice", 1, None)] {
        let more = format!("INSERT INTO more VALUES ({id}, 'acme', 'b', '2026-11-01 00:00Z')");
        let source = Source::new(name, &format!("{table} {more}"), by_id, &COLUMNS).await;
        assert_eq!(
            count(&source, 10, &json!({})).await.ok(),
            expected,
            "{name}"
        );
    }
}

/// The failure of an export says what is wrong, and that nobody needs to try again.
#[tokio::test]
async fn equal_keys_are_a_mismatch_of_the_catalog() {
    let _server = PostgresServer::shared();
    let source = Source::new("mismatch", &rows("(1, 'a'), (1, 'a')"), BY_ID, &COLUMNS).await;
    let projection = source.projection(&json!({}));
    let mut records = source.open("acme", &projection, None).await.unwrap();
    let failure = records.next().await.unwrap_err().failure().unwrap();
    assert_eq!(
        (failure.code.as_str(), failure.retryable),
        ("catalog_mismatch", false)
    );
    insta::assert_snapshot!(failure.message);
}

#[tokio::test]
async fn a_check_says_what_a_view_lacks() {
    let _server = PostgresServer::shared();
    let source = Source::new("checked_view", &rows("(1, 'a')"), BY_ID, &COLUMNS).await;
    let findings = source.opener.check(&source.of).await.unwrap();
    let findings = findings.iter().map(ToString::to_string);
    // Other tests limit the role's connections.
    let findings: Vec<String> = findings
        .filter(|text| !text.contains("connections"))
        .collect();
    insta::assert_snapshot!(findings.join("\n"));
}
