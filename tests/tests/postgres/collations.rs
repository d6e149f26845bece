//! Keys and parents under collations that take different texts for equal, or order them in ways of their own.

use super::*;

/// Texts with mixed case, accents and trailing blanks, which no collation here takes for equal.
const IDS: [&str; 14] = [
    "", " ", "a", "á", "ab", "a b", "B", "ba", "ç", "d ", "é", "Z", "zz", "東京",
];

/// A table whose parent and key have this collation, with rows of `acme` and of others.
fn table(collation: &str, create: &str, ids: &[&str]) -> String {
    let row = |(n, id): (usize, &&str)| {
        format!(
            "('acme', '{id}', '{n}', '2026-11-01 00:00Z'), ('other', '{id}', 'foreign', '2026-11-01 00:00Z')"
        )
    };
    let rows: Vec<String> = ids.iter().enumerate().map(row).collect();
    format!(
        "{create} CREATE TABLE orders (shop text COLLATE {collation} NOT NULL, id text COLLATE {collation} NOT NULL, \
         status text COLLATE {collation}, created_at timestamptz NOT NULL, PRIMARY KEY (shop, id)); \
         INSERT INTO orders VALUES {};",
        rows.join(", ")
    )
}

/// The ids of a shop, in the order of the server, by one statement.
async fn ordered(source: &Source, database: &str, shop: &str) -> Vec<String> {
    let client = source.server.connect(database).await;
    let statement = "SELECT id FROM orders WHERE shop COLLATE \"C\" = $1 ORDER BY id";
    let rows = client.query(statement, &[&shop]).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

async fn read(source: &Source, shop: &str, every: usize) -> Vec<String> {
    let (rows, _) = source.read(shop, &json!({}), every).await;
    rows.iter()
        .map(|row| row[0].as_str().unwrap_or_default().to_owned())
        .collect()
}

const COLUMNS: [(&str, &str); 3] = [
    ("id", "text"),
    ("status", "text"),
    ("created_at", "timestamp"),
];
const BY_ID: &str = "parent = \"shop\", key = [\"id\"]";

fn has_icu(what: &str) -> bool {
    let has_icu = PostgresServer::shared().authority().is_some();
    if !has_icu {
        waybill_tests::skipped(
            what,
            "the package's PostgreSQL has no ICU; Debian's has (apt install postgresql)",
        );
    }
    has_icu
}

#[tokio::test]
async fn every_key_comes_once_in_the_servers_order_whatever_the_collation() {
    let _server = PostgresServer::shared();
    if !has_icu("collations of ICU") {
        return;
    }
    let nondeterministic = "CREATE COLLATION loose (provider = icu, locale = 'und-u-ks-level2', deterministic = false);";
    for (database, collation, create) in [
        ("collated_c", "\"C\"", ""),
        ("collated_icu", "\"en-x-icu\"", ""),
        ("collated_loose", "loose", nondeterministic),
    ] {
        let source = Source::new(database, &table(collation, create, &IDS), BY_ID, &COLUMNS).await;
        let expected = ordered(&source, database, "acme").await;
        assert_eq!(expected.len(), IDS.len());
        for every in [1, 2, 5, 1_000] {
            assert_eq!(
                read(&source, "acme", every).await,
                expected,
                "{database}, stopping after {every}"
            );
        }
    }
}

/// Under such a collation, PostgreSQL finds the rows of `ACME` for `acme`.
#[tokio::test]
async fn parents_that_differ_in_case_only_never_see_each_others_rows() {
    let _server = PostgresServer::shared();
    if !has_icu("parents under a collation without case") {
        return;
    }
    let create = "CREATE COLLATION loose (provider = icu, locale = 'und-u-ks-level2', deterministic = false);";
    let rows = "INSERT INTO orders SELECT 'ACME', 'k' || n, 'foreign', '2026-11-01 00:00Z' FROM generate_series(1, 50) n;";
    let table = format!("{}{rows}", table("loose", create, &IDS));
    let source = Source::new("cases", &table, BY_ID, &COLUMNS).await;
    for every in [1, 3, 1_000] {
        let acme = read(&source, "acme", every).await;
        assert_eq!(acme, ordered(&source, "cases", "acme").await);
        assert_eq!(acme.len(), IDS.len());
        assert_eq!(read(&source, "ACME", every).await.len(), 50);
        assert_eq!(read(&source, "Acme", every).await, [""; 0]);
    }
}
