//! What the server leaves out is never a row that the selection has.

use super::*;

#[tokio::test]
async fn the_server_narrows_and_the_engine_decides() {
    let Some(server) = server() else { return };
    let table = "CREATE TABLE orders (id int PRIMARY KEY, shop varchar(9) NOT NULL, created_at datetime NOT NULL, status varchar(9), \
          amount decimal(10,2), qty int, mood enum('fine','bad')); \
        INSERT INTO orders VALUES (1, 'acme', '2026-11-01', 'paid', 1.50, 1, 'fine'), (2, 'acme', '2026-11-01', 'Paid', 1.5, 2, 'bad'), \
          (3, 'acme', '2026-11-01', 'paid ', 2, 3, NULL), (4, 'acme', '2026-11-01', NULL, NULL, NULL, 'fine'), \
          (5, 'acme', '2026-11-01', 'it''s', -1, -1, 'fine')";
    let columns = [
        ("id", "integer"),
        ("status", "text"),
        ("amount", "decimal"),
        ("qty", "integer"),
        ("mood", "text"),
        ("created_at", "timestamp"),
    ];
    let mut source = Source::new(&server, "narrowed", table, BY_ID, &columns);
    source
        .of
        .filters
        .extend(["amount", "qty", "mood"].map(str::to_owned));
    for (filters, expected) in [
        (json!({"status": ["paid"]}), &[1][..]),
        (json!({"status": ["paid", "it's"]}), &[1, 5]),
        (json!({"status": ["\\' OR 1=1 --"]}), &[]),
        (json!({"status": {"not": ["paid"]}}), &[2, 3, 4, 5]),
        (json!({"status": {"empty": true}}), &[4]),
        (json!({"amount": ["1.5"]}), &[1, 2]),
        (json!({"amount": [2, -1]}), &[3, 5]),
        (json!({"amount": {"min": 1.5}}), &[1, 2, 3]),
        (json!({"qty": [1]}), &[1]),
        (json!({"mood": ["fine"]}), &[1, 4, 5]),
        (
            json!({"created_at": {"from": "2026-11-01T00:00:00Z"}}),
            &[1, 2, 3, 4, 5],
        ),
        (json!({"created_at": {"to": "2026-11-01T00:00:00Z"}}), &[]),
    ] {
        let (rows, read) = source.read("acme", &filters, 1).await;
        let expected: Vec<Json> = expected
            .iter()
            .map(|n| json!({"n": n.to_string()}))
            .collect();
        let found: Vec<Json> = rows.iter().map(|row| row[0].clone()).collect();
        assert_eq!((found, read), (expected, 5), "{filters}");
    }
}

/// The type's own conditions tell texts apart exactly, whatever the collation.
#[tokio::test]
async fn fixed_conditions_are_exact() {
    let Some(server) = server() else { return };
    let table = "CREATE TABLE orders (id int PRIMARY KEY, shop varchar(9) NOT NULL, created_at datetime NOT NULL, status varchar(9), \
          deleted_at datetime, live boolean NOT NULL); \
        INSERT INTO orders VALUES (1, 'acme', '2026-11-01', 'order', NULL, 1), (2, 'acme', '2026-11-01', 'Order', NULL, 1), \
          (3, 'acme', '2026-11-01', NULL, NULL, 1), (4, 'acme', '2026-11-01', 'draft', '2026-11-02', 1), (5, 'acme', '2026-11-01', 'order', NULL, 0)";
    for (n, (fixed, expected)) in [
        ("status = \"order\"", &[1, 5][..]),
        ("status = { not = [\"order\"] }", &[2, 3, 4]),
        ("status = [\"order\", \"draft\"]", &[1, 4, 5]),
        ("status = \"order\", live = true", &[1]),
        ("live = { not = [true] }", &[5]),
        ("deleted_at = { absent = true }", &[1, 2, 3, 5]),
        ("deleted_at = { absent = false }", &[4]),
    ]
    .into_iter()
    .enumerate()
    {
        let records = format!("{BY_ID}, fixed = {{ {fixed} }}");
        let source = Source::new(&server, &format!("fixed_{n}"), table, &records, &COLUMNS);
        let (rows, _) = source.read("acme", &json!({}), 2).await;
        let found: Vec<&str> = rows
            .iter()
            .map(|row| row[0]["n"].as_str().unwrap())
            .collect();
        let expected: Vec<String> = expected.iter().map(ToString::to_string).collect();
        assert_eq!(found, expected, "{fixed}");
    }
}
