//! Records in MariaDB.

use serde_json::json;
use waybill_testing::mariadb::execute;
use waybill_tests::requests::*;
use waybill_tests::{Stack, exported, file_of, python_csv, skipped, unique};

/// The members of an audience: more than one window of keys.
const ROWS: u64 = 6_000;

#[tokio::test]
async fn a_table_of_mariadb_is_listed_counted_and_exported() {
    let stack = Stack::get();
    let Some(url) = stack.optional_output("mariadb_url") else {
        return skipped("records in MariaDB on a stack", "it is not installed");
    };
    let port = url.split([':', '/']).nth(4);
    let port = port.unwrap().parse().unwrap();
    let organization = format!("org-{}", unique());
    let generated = format!(
        "INSERT INTO audience SELECT o.id, CONCAT('m-', seq), ELT(1 + seq % 3, 'pending', 'subscribed', 'bounced'), \
           CONCAT('=1+', seq, ', \"茶碗\"'), CONCAT('m', seq, '@example.com'), NULL, 'Zürich', '', \
           '2026-01-01' + INTERVAL seq % 500 MINUTE, NULL, seq % 5 = 0, 'news,events', seq / 100 \
         FROM seq_1_to_{ROWS} JOIN (SELECT '{organization}' AS id UNION SELECT '{organization}-other') o"
    );
    execute(port, "crm", &generated);
    let expected = execute(
        port,
        "crm",
        &format!(
            "SELECT id, status, name, email, '', city, '', DATE_FORMAT(subscribed_at, '%Y-%m-%dT%H:%i:%sZ'), '', \
               IF(is_customer, 'true', 'false'), tags, annual_income FROM audience WHERE organization_id = '{organization}' \
             ORDER BY subscribed_at, id"
        ),
    );
    let expected: Vec<Vec<&str>> = expected
        .lines()
        .map(|line| line.split('\t').collect())
        .collect();
    assert_eq!(expected.len(), ROWS as usize);

    let admin = admin(&stack, &organization).await;
    let parent = format!("organizations/{organization}");
    let body = json!({"type": "crm_audience", "format": "csv", "profile": "data"});
    let export = exported(&admin, &parent, body).await;
    let rows = python_csv(&file_of(&stack, &admin, &export).await);
    assert_eq!(rows[1..], expected);
    assert_eq!(export["receipt"]["read"], json!(ROWS), "{export:#}");

    let narrowed = json!({"type": "crm_audience", "format": "csv", "profile": "data", "columns": ["id"],
        "filters": {"status": "subscribed", "is_customer": true, "annual_income": {"min": 30}}});
    let export = exported(&admin, &parent, narrowed).await;
    let rows = python_csv(&file_of(&stack, &admin, &export).await);
    let wanted: Vec<[&str; 1]> = expected
        .iter()
        .filter(|row| row[1] == "subscribed" && row[9] == "true")
        .filter(|row| row[11].parse::<f64>().unwrap() >= 30.0)
        .map(|row| [row[0]])
        .collect();
    assert!(!wanted.is_empty());
    assert_eq!(rows[1..], wanted);

    let list = format!("/v1/{parent}/records/crm_audience?limit=3&status=bounced");
    let list = admin.get(&list).await.expect_status(200).json();
    let records = list["records"].as_array().unwrap();
    let ids: Vec<&str> = records
        .iter()
        .map(|of| of["id"].as_str().unwrap())
        .collect();
    let newest = expected
        .iter()
        .rev()
        .filter(|row| row[1] == "bounced")
        .take(3);
    assert_eq!(ids, newest.map(|row| row[0]).collect::<Vec<_>>());
    let count = format!("/v1/{parent}/records/crm_audience/count");
    let count = admin.get(&count).await.expect_status(200).json();
    assert_eq!(count, json!({"value": ROWS, "exact": true}));
}
