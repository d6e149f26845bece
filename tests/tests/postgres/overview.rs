//! What `waybill init` learns of a table.

use waybill::deployment_file::DatabaseAddress;
use waybill::records::SqlValues;

use super::*;

const TABLE: &str = "\
    CREATE TABLE shops (id int PRIMARY KEY);
    CREATE TYPE mood AS ENUM ('good', 'bad');
    CREATE TABLE \"Orders\" (
      id bigint PRIMARY KEY, shop_id int NOT NULL REFERENCES shops, mood mood, at timestamptz NOT NULL, note varchar(40), scan bytea,
      info jsonb, UNIQUE (shop_id, at, id));
    CREATE INDEX ON \"Orders\" (note);
    CREATE INDEX ON \"Orders\" (mood) WHERE mood = 'bad';
    COMMENT ON COLUMN \"Orders\".note IS 'Said by the customer';
    INSERT INTO shops VALUES (1);
    INSERT INTO \"Orders\" SELECT n, 1, 'good', now(), CASE n WHEN 1 THEN repeat('é', 40) END, 'x', '{}'
      FROM generate_series(1, 1500) n;";

#[tokio::test]
async fn a_table_is_described_with_keys_references_comments_and_values() {
    let source = Source::new("overview", &format!("{ORDERS} {TABLE}"), BY_TIME, &COLUMNS).await;
    let url = source.server.url("overview");
    let address = || DatabaseAddress::of_operator(&url, None).unwrap();
    let overview = source.opener.overview(address(), "public.Orders").await;
    let table = overview.unwrap().expect("the table");
    let columns: Vec<(&str, SqlValues, bool)> = table
        .columns
        .iter()
        .map(|column| (column.name.as_str(), column.values, column.is_nullable))
        .collect();
    assert_eq!(
        columns,
        [
            ("id", SqlValues::Integers, false),
            ("shop_id", SqlValues::Integers, false),
            ("mood", SqlValues::Texts, true),
            ("at", SqlValues::Times, false),
            ("note", SqlValues::Texts, true),
            ("scan", SqlValues::Bytes, true),
            ("info", SqlValues::Others, true),
        ]
    );
    // The primary key first; a partial index is of some rows only.
    assert_eq!(table.unique, [vec!["id"], vec!["shop_id", "at", "id"]]);
    assert_eq!(table.indexes.len(), 3);
    assert_eq!(table.references["shop_id"], "shops");
    assert_eq!((table.sampled, table.is_unprovable), (1_000, false));
    let note = &table.columns[4];
    assert_eq!(note.comment.as_deref(), Some("Said by the customer"));
    assert_eq!(note.type_name, "character varying(40)");
    assert_eq!(note.samples.len(), 1_000);
    assert!(table.columns[5].samples.is_empty());

    let missing = source
        .opener
        .overview(address(), "public.orders_of_nobody")
        .await;
    assert_eq!(missing.unwrap(), None);
}

#[tokio::test]
async fn an_address_with_a_password_or_without_a_user_is_refused() {
    let refused = |url: &str| DatabaseAddress::of_operator(url, None).unwrap_err();
    let with_password = refused("postgres://app:hunter2@db.example/shop");
    assert!(
        with_password.starts_with("the address has a password, which the list of processes shows")
    );
    assert!(!with_password.contains("hunter2"));
    assert!(refused("postgres://db.example/shop").starts_with("the address has no user"));
    assert!(refused("oracle://app@db.example/shop").starts_with("`url` must be like postgres://"));
    let with_password = refused("mysql://app:hunter2@db.example/shop");
    assert!(with_password.starts_with("the address has a password"));
    assert!(!with_password.contains("hunter2"));
    assert!(refused("mysql://db.example/shop").starts_with("the address has no user"));
    let given =
        DatabaseAddress::of_operator("postgres://app@db.example/shop", Some("hunter2".to_owned()));
    let given = given.unwrap();
    assert!(given.is_encrypted());
    assert!(!format!("{given:?} {:?}", given.password).contains("hunter2"));
}
