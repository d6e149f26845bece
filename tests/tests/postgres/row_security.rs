//! Row-level security: a file has all rows of a parent, or there is no file.

use super::*;

const ROWS: usize = 500;

/// A source that reads as a role from which policies hide rows.
async fn as_reader(name: &str, statements: &str, records: &str) -> Source {
    let statements = format!(
        "{READER} CREATE TABLE stored (id int PRIMARY KEY, shop text NOT NULL, status text, created_at timestamptz NOT NULL); \
         INSERT INTO stored SELECT n, 'acme', NULL, '2026-11-01 00:00Z' FROM generate_series(1, {ROWS}) n; {statements}"
    );
    let source = Source::new(name, &statements, records, &COLUMNS).await;
    let url = source.server.url(name).replace("waybill@", "reader@");
    source.opened_by(opener(&url))
}

const BY_ID: &str = "parent = \"shop\", key = [\"id\"]";
const HIDDEN: &str = "row-level security hides rows from this role";

#[tokio::test]
async fn a_policy_that_begins_while_a_file_is_built_ends_it_with_an_error() {
    let _server = PostgresServer::shared();
    for (name, policy) in [
        ("rls_all", ""),
        ("rls_some", "CREATE POLICY part ON orders USING (id < 300);"),
    ] {
        let table = "ALTER TABLE stored RENAME TO orders; GRANT SELECT ON orders TO reader;";
        let source = as_reader(name, table, BY_ID).await;
        let projection = source.projection(&json!({}));
        let mut records = source.open("acme", &projection, None).await.unwrap();
        records.examine_at_most(100);
        let page = records.next().await.unwrap().unwrap();
        assert_eq!(page.len(), 100);
        let admin = source.server.connect(name).await;
        let begun = format!("ALTER TABLE orders ENABLE ROW LEVEL SECURITY; {policy}");
        admin.batch_execute(&begun).await.unwrap();
        let error = records.next().await.map(|_| ()).unwrap_err();
        assert!(error.to_string().ends_with(HIDDEN), "{error}");
        assert_eq!(error.failure().unwrap().code, "records_refused");
    }
}

#[tokio::test]
async fn a_view_of_a_table_with_a_policy_is_refused_unless_the_entry_allows_it() {
    let _server = PostgresServer::shared();
    let view = "ALTER TABLE stored ENABLE ROW LEVEL SECURITY; CREATE POLICY part ON stored USING (id < 300); \
        GRANT SELECT ON stored TO reader; CREATE VIEW orders WITH (security_invoker = true) AS SELECT * FROM stored; \
        GRANT SELECT ON orders TO reader;";
    let source = as_reader("rls_view", view, BY_ID).await;
    let projection = source.projection(&json!({}));
    let mut records = source.open("acme", &projection, None).await.unwrap();
    let error = records.next().await.map(|_| ()).unwrap_err();
    assert!(error.to_string().ends_with(HIDDEN), "{error}");
    let allowed = format!("{BY_ID}, row_security = true");
    let source = as_reader("rls_allowed", view, &allowed).await;
    assert_eq!(source.read("acme", &json!({}), 1_000).await.0.len(), 299);
}
