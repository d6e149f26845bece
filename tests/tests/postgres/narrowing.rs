//! What the server leaves out by itself: never a row that the selection has.

use super::*;

const TABLE: &str = "CREATE TABLE orders (id int PRIMARY KEY, shop text NOT NULL, count int, amount numeric, paid boolean, code uuid, \
      note text, status text, day date DEFAULT '2026-11-01', created_at timestamptz NOT NULL); \
    INSERT INTO orders (id, shop, count, amount, paid, code, note, status, created_at) SELECT n, 'acme', n % 5, (n % 7) / 2.0, n % 2 = 0, ('00000000-0000-4000-8000-00000000000' || n % 3)::uuid, \
      (n % 5)::text || '.0', 'new', '2026-11-01 00:00Z' FROM generate_series(1, 70) n; \
    INSERT INTO orders (id, shop, count, amount, paid, code, note, status, day, created_at) VALUES (71, 'acme', NULL, 'NaN', NULL, NULL, NULL, 'new', NULL, '2026-11-01 00:00Z');";
const KINDS: [(&str, &str); 8] = [
    ("id", "integer"),
    ("count", "integer"),
    ("amount", "decimal"),
    ("paid", "boolean"),
    ("code", "text"),
    ("note", "decimal"),
    ("status", "text"),
    ("created_at", "timestamp"),
];

#[tokio::test]
async fn numbers_booleans_and_uuids_are_narrowed_by_the_server() {
    let _server = PostgresServer::shared();
    let mut source = Source::new(
        "narrowed",
        TABLE,
        "parent = \"shop\", key = [\"id\"]",
        &KINDS,
    )
    .await;
    source.of.filters = KINDS.iter().map(|(key, _)| (*key).to_owned()).collect();
    let far = format!("1{}", "0".repeat(60));
    for (filters, rows, sent) in [
        (json!({"count": [3]}), 14, 14),
        (json!({"count": ["3.00", "+4"]}), 28, 71),
        (json!({"count": ["3.00", 4]}), 28, 28),
        (json!({"count": ["3.5"]}), 0, 0),
        (
            json!({"count": ["-9223372036854775808", "9223372036854775807"]}),
            0,
            0,
        ),
        (json!({"count": ["99999999999999999999", 1]}), 14, 14),
        (json!({"count": ["3e0"]}), 14, 71),
        (json!({"amount": ["1.50", 3]}), 20, 20),
        (json!({"amount": [far]}), 0, 0),
        (json!({"paid": [true]}), 35, 35),
        (json!({"paid": ["true", "false"]}), 70, 70),
        (
            json!({"code": ["00000000-0000-4000-8000-000000000001", "' OR true --"]}),
            24,
            24,
        ),
        (json!({"code": ["x"]}), 0, 0),
        (json!({"note": [2]}), 14, 70),
        (json!({"count": [3], "paid": [true]}), 7, 7),
    ] {
        let projection = source.projection(&filters);
        let mut records = source.open("acme", &projection, None).await.unwrap();
        let (mut selected, mut received) = (0, 0);
        while let Some(page) = records.next().await.unwrap() {
            let mut values = Vec::new();
            received += page.len();
            for n in 0..page.len() {
                page.values(n, &projection, &mut values);
                let decision = projection.decide(&values, page.key_time(n), as_of());
                selected += usize::from(decision.is_in());
            }
        }
        assert_eq!(selected, rows, "{filters}");
        // The last row of a window always comes, since a read goes on from it.
        assert!(
            (sent..=sent + 1).contains(&received),
            "{filters}: {received} of {sent}"
        );
    }
}

#[tokio::test]
async fn fixed_values_are_of_their_columns_types() {
    let _server = PostgresServer::shared();
    for (n, (fixed, count)) in [
        ("count = 3", 14),
        ("paid = true", 35),
        ("paid = false", 35),
        ("amount = 3", 10),
        ("code = \"00000000-0000-4000-8000-000000000001\"", 24),
        ("note = \"3.0\"", 14),
        ("day = \"2026-11-01\"", 70),
        ("count = 3, paid = false", 7),
        ("paid = { absent = true }", 1),
        ("paid = { absent = false }", 70),
        ("count = { not = [3, 4] }", 43),
        ("count = [3, 4]", 28),
        ("status = { not = \"old\" }, paid = { not = true }", 36),
        ("note = [\"3.0\", \"it's\"]", 14),
    ]
    .into_iter()
    .enumerate()
    {
        let records = format!("parent = \"shop\", key = [\"id\"], fixed = {{ {fixed} }}");
        let source = Source::new(&format!("fixed_{n}"), TABLE, &records, &KINDS).await;
        let (rows, _) = source.read("acme", &json!({}), 1000).await;
        assert_eq!(rows.len(), count, "{fixed}");
    }
    for (n, fixed) in [
        "count = \"3\"",
        "paid = 1",
        "amount = true",
        "paid = \"true\"",
        "paid = [true, 1]",
        "count = { not = \"3\" }",
    ]
    .into_iter()
    .enumerate()
    {
        let records = format!("parent = \"shop\", key = [\"id\"], fixed = {{ {fixed} }}");
        let source = Source::new(&format!("unfixed_{n}"), TABLE, &records, &KINDS).await;
        let projection = source.projection(&json!({}));
        let error = source
            .open("acme", &projection, None)
            .await
            .map(|_| ())
            .unwrap_err();
        assert!(
            error.to_string().contains("so that it never has the"),
            "{error}"
        );
    }
}
