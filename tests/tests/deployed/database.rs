//! Records in PostgreSQL, and a catalog in S3 that changes while the functions run.

use std::time::Duration;

use futures::TryFutureExt;
use serde_json::{Value, json};
use tokio_postgres::NoTls;
use waybill_tests::requests::*;
use waybill_tests::{Caller, Stack, exported, file_of, python_csv, unique, wait_until};

/// The purchases of an organization: more than one window of keys.
const ROWS: i64 = 6_000;
/// How long a changed catalog may take to be used; the local stack looks at every request.
const CHANGED_WITHIN: Duration = Duration::from_secs(30);

/// The database of the local stack, as its owner.
async fn database(stack: &Stack) -> tokio_postgres::Client {
    let url = stack.output("database_url");
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection.unwrap_or_else(|error| panic!("{error}")));
    client
}

/// Purchases of an organization, in the order of their keys, as the database writes them.
async fn purchases(database: &tokio_postgres::Client, organization: &str) -> Vec<Vec<String>> {
    let rows = database
        .query(
            "SELECT id, invoice, coalesce(status, ''), to_char(purchased_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'), \
             stock_code, description, quantity::text, unit_price::text, currency, customer_id, country \
             FROM purchases WHERE organization_id = $1 ORDER BY purchased_at, id",
            &[&organization],
        )
        .await
        .unwrap();
    let cells = |row: &tokio_postgres::Row| (0..row.len()).map(|n| row.get(n)).collect();
    rows.iter().map(cells).collect()
}

#[tokio::test]
async fn a_table_of_postgresql_is_listed_and_exported() {
    let stack = Stack::get();
    let database = database(&stack).await;
    let organization = format!("org-{}", unique());
    let other = format!("{organization}-other");
    let generated = format!(
        "INSERT INTO purchases SELECT o, 'p-' || n, 'i' || n % 7, CASE n % 3 WHEN 0 THEN 'canceled' ELSE 'completed' END, \
           '2026-01-01 00:00Z'::timestamptz + n % 500 * interval '1 minute', 's' || n, '=1+' || n || ', \"茶碗\"', n % 50, n / 100.0, '£', 'c' || n % 9, 'EIRE' \
         FROM generate_series(1, {ROWS}) n, unnest(ARRAY['{organization}', '{other}']) o"
    );
    database.batch_execute(&generated).await.unwrap();
    let admin = admin(&stack, &organization).await;
    let parent = format!("organizations/{organization}");
    let body = json!({"type": "shop_purchases", "format": "csv", "profile": "data"});
    let export = exported(&admin, &parent, body).await;
    let rows = python_csv(&file_of(&stack, &admin, &export).await);
    let expected = purchases(&database, &organization).await;
    assert_eq!(expected.len(), ROWS.unsigned_abs() as usize);
    assert_eq!(rows[1..], expected);
    assert_eq!(export["receipt"]["read"], json!(ROWS), "{export:#}");

    let narrowed = json!({"type": "shop_purchases", "format": "csv", "profile": "data", "columns": ["id"], "search": "=1+599",
        "filters": {"status": "completed", "created_at": {"from": "2026-01-01T01:00:00Z", "to": "2026-01-01T08:00:00Z"}}});
    let export = exported(&admin, &parent, narrowed).await;
    let rows = python_csv(&file_of(&stack, &admin, &export).await);
    let wanted: Vec<Vec<String>> = expected
        .iter()
        .filter(|row| row[2] == "completed" && row[5].starts_with("=1+599"))
        .filter(|row| ("2026-01-01T01:00:00Z".."2026-01-01T08:00:00Z").contains(&row[3].as_str()))
        .map(|row| vec![row[0].clone()])
        .collect();
    assert!(!wanted.is_empty());
    assert_eq!(rows[1..], wanted);

    let list = format!("/v1/{parent}/records/shop_purchases?limit=3&status=canceled");
    let list = admin.get(&list).await.expect_status(200).json();
    let ids: Vec<&str> = list["records"]
        .as_array()
        .unwrap()
        .iter()
        .map(|record| record["id"].as_str().unwrap())
        .collect();
    let newest = expected
        .iter()
        .rev()
        .filter(|row| row[2] == "canceled")
        .take(3);
    assert_eq!(ids, newest.map(|row| row[0].as_str()).collect::<Vec<_>>());
}

/// The label of the database's type, as this caller sees it.
async fn label(staff: &Caller) -> Result<String, String> {
    let catalog = staff.get("/v1/catalog").await;
    let catalog: Value = catalog.expect_status(200).json();
    let types = catalog["types"].as_array().unwrap();
    let found = types.iter().find(|of| of["name"] == "shop_purchases");
    found
        .map(|of| of["label"].as_str().unwrap().to_owned())
        .ok_or_else(|| catalog.to_string())
}

#[tokio::test]
async fn a_changed_catalog_is_used_without_a_deployment_and_an_invalid_one_is_not() {
    let stack = Stack::get();
    let s3 = stack.aws().await.s3;
    let folder = stack.output("catalog_url");
    let (bucket, prefix) = folder
        .strip_prefix("s3://")
        .unwrap()
        .split_once('/')
        .unwrap();
    let key = format!("{prefix}/catalog.toml");
    let object = s3
        .get_object()
        .bucket(bucket)
        .key(&key)
        .send()
        .await
        .unwrap();
    let before = object.body.collect().await.unwrap().into_bytes();
    let before = String::from_utf8(before.into()).unwrap();
    let put = async |text: &str| {
        let request = s3.put_object().bucket(bucket).key(&key);
        request
            .body(text.to_owned().into_bytes().into())
            .send()
            .await
            .unwrap();
    };
    let staff = caller(&stack, "sara", "staff").await;
    let becomes = async |wanted: &str| {
        wait_until(
            "the catalog to change",
            CHANGED_WITHIN,
            async || match label(&staff).await {
                Ok(label) if label == wanted => Ok(()),
                other => Err(format!("{other:?}")),
            },
        )
        .await;
    };
    put(&before.replace("Shop purchases", "Sales")).await;
    becomes("Sales").await;
    put("[[type]]\nname = \"broken\"\n").await;
    assert_eq!(label(&staff).await.unwrap(), "Sales");
    put(&before).await;
    becomes("Shop purchases").await;
}
