//! What cannot be read, and what the errors say.

use super::*;

#[tokio::test]
async fn a_table_that_cannot_be_read_is_an_error_that_says_why() {
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
    let statements = format!(
        "{ORDERS} ALTER TABLE orders ENABLE ROW LEVEL SECURITY; ALTER TABLE orders FORCE ROW LEVEL SECURITY; \
        CREATE ROLE reader LOGIN; GRANT SELECT ON orders TO reader"
    );
    let source = Source::new("hidden", &statements, BY_TIME, &COLUMNS).await;
    let url = source._server.url("hidden").replace("waybill@", "reader@");
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
