//! What `waybill catalog check` and `waybill init` learn from the server.

use waybill::deployment_file::DatabaseAddress;

use super::*;

async fn findings(source: &Source) -> String {
    let findings = source.opener.check(&source.of).await.unwrap();
    let lines: Vec<String> = findings.iter().map(ToString::to_string).collect();
    lines.join("\n")
}

#[tokio::test]
async fn everything_that_is_wrong_is_said_at_once() {
    let Some(server) = server() else { return };
    let source = Source::new(&server, "checked", ORDERS, BY_TIME, &COLUMNS);
    let found = findings(&source).await;
    assert!(!found.contains("error"), "{found}");
    assert!(
        found.contains("MAX_USER_CONNECTIONS 20 keeps the rest"),
        "{found}"
    );

    let table = "CREATE TABLE orders (id double NOT NULL, shop date NOT NULL, status blob, created_at int NOT NULL, updated_at datetime, \
        mood enum('fine'), paid date)";
    let columns = [
        ("id", "integer"),
        ("status", "text"),
        ("created_at", "timestamp"),
        ("paid", "boolean"),
    ];
    let records = "parent = \"shop\", key = [\"updated_at\", \"id\"], fixed = { mood = 7, gone = { absent = true } }";
    let source = Source::new(&server, "wrong", table, records, &columns);
    // MariaDB has a width for display in its types.
    let found = findings(&source).await.replace("int(11)", "int");
    for expected in [
        "error: the column shop has the type date, which cannot hold a parent's id",
        "error: the column updated_at of the key may be null",
        "error: the column id has the type double, which cannot be in a key",
        "error: the column mood has the type enum('fine'), so that it never has the number 7 of `fixed`",
        "error: the column gone does not exist",
        "error: the column created_at has the type int, which is no time of creation",
        "error: the column status has the type blob, which has no text",
        "error: no unique index proves",
        "warning: the column updated_at of the key seems to change with its row",
        "warning: the column paid has the type date, whose values are no boolean",
        "warning: no index has a parent's rows in the order of the key",
    ] {
        assert!(found.contains(expected), "{expected}\n\nin\n\n{found}");
    }
}

/// An index of InnoDB ends with the primary key, so that one of the parent alone has the order of the keys.
#[tokio::test]
async fn an_index_of_the_parent_is_enough_where_the_key_is_the_primary_key() {
    let Some(server) = server() else { return };
    for (database, engine, is_enough) in [
        ("clustered", "InnoDB", true),
        ("heap_file", "MyISAM", false),
    ] {
        let table = format!(
            "CREATE TABLE orders (id int PRIMARY KEY, shop varchar(9) NOT NULL, status text, created_at datetime NOT NULL, KEY (shop)) ENGINE {engine}; \
             INSERT INTO orders SELECT seq, 'acme', NULL, '2026-11-01' FROM seq_1_to_50"
        );
        let source = Source::new(&server, database, &table, BY_ID, &COLUMNS);
        let found = findings(&source).await;
        assert_eq!(
            found.contains("no index has a parent's rows"),
            !is_enough,
            "{found}"
        );
        assert_eq!(source.read("acme", &json!({}), 7).await.0.len(), 50);
    }
}

#[tokio::test]
async fn an_overview_has_what_a_draft_needs() {
    let Some(server) = server() else { return };
    let url = server.database(
        "overview",
        "CREATE TABLE customers (id int PRIMARY KEY); \
         CREATE TABLE orders (id int PRIMARY KEY COMMENT 'the number', customer_id int NOT NULL REFERENCES customers (id), \
           status varchar(9), photo blob, info json, FOREIGN KEY (customer_id) REFERENCES customers (id), KEY (customer_id, id), KEY (status)); \
         INSERT INTO customers VALUES (1); INSERT INTO orders VALUES (7, 1, 'paid', 'x', '{}')",
    );
    let address = DatabaseAddress::of_operator(&url, None).unwrap();
    let opener = waybill_tests::sql_source::opener(&url);
    let found = opener
        .overview(address.clone(), "orders")
        .await
        .unwrap()
        .unwrap();
    let names: Vec<&str> = found.columns.iter().map(|column| &*column.name).collect();
    assert_eq!(names, ["id", "customer_id", "status", "photo", "info"]);
    assert_eq!(found.columns[0].comment.as_deref(), Some("the number"));
    assert_eq!(found.columns[2].samples, [Some("paid".to_owned())]);
    assert!(found.columns[3].samples.is_empty());
    assert_eq!(found.unique, [["id"]]);
    assert!(
        found
            .indexes
            .contains(&vec!["status".to_owned(), "id".to_owned()])
    );
    assert!(
        found
            .indexes
            .contains(&vec!["customer_id".to_owned(), "id".to_owned()])
    );
    assert_eq!(found.references["customer_id"], "customers");
    assert_eq!(found.sampled, 1);
    assert_eq!(opener.overview(address, "Orders").await.unwrap(), None);
}
