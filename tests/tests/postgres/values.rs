//! Values without loss.

use super::*;

#[tokio::test]
async fn values_keep_every_digit() {
    let _server = PostgresServer::shared();
    let table = "CREATE TYPE mood AS ENUM ('fine', 'bad'); CREATE DOMAIN positive AS numeric(30, 10) CHECK (VALUE > 0); \
        CREATE TYPE point2 AS (x int, y text); \
        CREATE TABLE orders (id uuid PRIMARY KEY, shop text NOT NULL, created_at timestamptz, \
          big numeric, money money, huge bigint, small real, padded char(5), mood mood, price positive, net inet, \
          wait interval, day date, local timestamp, info jsonb, plain json, tags text[], span int4range, place point2, flag bool, none text, empty text); \
        INSERT INTO orders VALUES ('0b6f0000-0000-4000-8000-0000000000ff', 'acme', '2026-11-01T10:00:00.5Z', \
          12345678901234567890.1234567890, 1234.50, 9223372036854775807, 0.1, 'ab', 'fine', 0.0000000001, '10.0.0.0/8', \
          '1 day 02:03:04', '0044-03-15 BC', '2026-11-01T10:00:00', '{\"a\": {\"b\": [1, 2.50]}}', ' [1 , \"x y\"] ', \
          ARRAY['x', NULL], '[1,5)', ROW(1, 'y'), true, NULL, '')";
    let columns = [
        ("id", "text"),
        ("big", "decimal"),
        ("money", "decimal"),
        ("huge", "integer"),
        ("small", "decimal"),
        ("padded", "text"),
        ("mood", "text"),
        ("price", "decimal"),
        ("net", "text"),
        ("wait", "text"),
        ("day", "date"),
        ("local", "timestamp"),
        ("info", "text"),
        ("plain", "text"),
        ("tags", "text"),
        ("span", "text"),
        ("place", "text"),
        ("flag", "boolean"),
        ("none", "text"),
        ("empty", "text"),
        ("created_at", "timestamp"),
        ("status", "text"),
    ];
    let table = table.replace(", empty text)", ", empty text, status text)");
    let source = Source::new(
        "digits",
        &table,
        "parent = \"shop\", key = [\"id\"]",
        &columns,
    )
    .await;
    let (rows, _) = source.read("acme", &json!({}), 9).await;
    let expected = json!([
        "0b6f0000-0000-4000-8000-0000000000ff", {"n": "12345678901234567890.1234567890"}, {"n": "1234.50"},
        {"n": "9223372036854775807"}, {"n": "0.1"}, "ab", "fine", {"n": "0.0000000001"}, "10.0.0.0/8", "1 day 02:03:04",
        "0044-03-15 BC", "2026-11-01T10:00:00Z", {"json": "{\"a\":{\"b\":[1,2.50]}}"}, {"json": "[1,\"x y\"]"},
        {"json": "[\"x\",null]"}, "[1,5)", {"json": "{\"x\":1,\"y\":\"y\"}"}, true, null, "", "2026-11-01T10:00:00.5Z", null,
    ]);
    assert_eq!(json!(rows), json!([expected]));
}

/// Each kind has more of a column's entry.
#[tokio::test]
async fn values_may_be_stored_in_other_forms_than_their_kind() {
    let _server = PostgresServer::shared();
    let table = "CREATE TABLE orders (id int PRIMARY KEY, shop text NOT NULL, status char(3), created_at text, paid char(1), vip int, \
          raw bytea, code bytea, items jsonb, card text); \
        INSERT INTO orders VALUES (1, 'acme', 'P', '2026-11-01 00:30', 'Y', 0, '\\x0001ff', \
          '\\x000102030405060708090a0b0c0d0e0f', '[{\"sku\": \"a\"}, {\"sku\": \"b\"}]', '4111111111111234'), \
          (2, 'acme', 'D', '2026-11-01', 'N', 1, NULL, '\\x00', '[]', '1234'), \
          (3, 'acme', NULL, '2026-11-21T08:00:00', 'X', 2, '\\x', NULL, NULL, NULL)";
    let columns = [
        ("id", "integer"),
        ("status", "text"),
        ("created_at", "timestamp\", time_zone = \"America/New_York"),
        ("paid", "boolean\", true = \"Y"),
        ("vip", "boolean\", true = 1, label = \"VIP"),
        ("raw", "text\", as = \"base64"),
        ("code", "text\", as = \"uuid"),
        ("sku", "text\", path = \"items.1.sku"),
        ("card", "text\", mask = \"last4"),
        ("currency", "text\", constant = \"EUR"),
    ];
    let records = "parent = \"shop\", key = [\"id\"]";
    let mut source = Source::new("forms", table, records, &columns).await;
    let (rows, _) = source.read("acme", &json!({}), 2).await;
    assert_eq!(
        json!(rows),
        json!([
            [{"n": "1"}, "P", "2026-11-01T04:30:00Z", true, false, "AAH/", "00010203-0405-0607-0809-0a0b0c0d0e0f", "b", "****1234", "EUR"],
            [{"n": "2"}, "D", "2026-11-01T04:00:00Z", false, true, null, "AA==", null, "****", "EUR"],
            // 08:00 in New York is after the request at 12:00 UTC.
        ])
    );
    source
        .of
        .filters
        .extend(["paid", "card", "currency"].map(str::to_owned));
    for (filters, count) in [
        (json!({"paid": [true]}), 1),
        (json!({"paid": [false]}), 1),
        // Nobody can find a masked value by guessing it.
        (json!({"card": ["4111111111111234"]}), 0),
        (json!({"card": ["****1234"]}), 1),
        (json!({"currency": ["EUR"]}), 2),
        (json!({"currency": ["USD"]}), 0),
        (json!({"created_at": {"from": "2026-11-01T04:30:00Z"}}), 1),
    ] {
        let (rows, _) = source.read("acme", &filters, 9).await;
        assert_eq!(rows.len(), count, "{filters}");
    }
    let zoned = table.replace("created_at text", "created_at timestamp");
    let zoned = Source::new("own_zone", &zoned, records, &columns).await;
    let projection = zoned.projection(&json!({}));
    let refused = zoned
        .open("acme", &projection, None)
        .await
        .map(|_| ())
        .unwrap_err()
        .to_string();
    assert!(
        refused.contains("say its `time_zone` in the entry of the database"),
        "{refused}"
    );
}

/// The server's own text of the same value is in the column beside it.
#[tokio::test]
async fn dates_and_numbers_are_those_of_the_servers_text() {
    let _server = PostgresServer::shared();
    let table = "CREATE TABLE orders (id int PRIMARY KEY, shop text NOT NULL, status text, created_at timestamptz, \
          day date, day_text text, exact numeric, exact_text text, float float8, float_text text, small real, small_text text); \
        INSERT INTO orders SELECT n, 'acme', NULL, '2026-11-01 00:00Z', day, day, exact, exact, float, float, float::real, float::real \
          FROM (SELECT n, '4714-11-24 BC'::date + (n::bigint * 7919 % 5000000)::int AS day, \
                  round(((n::numeric * 982451653) % 1000003) / (n % 97 + 1) * 10.0 ^ (n % 41 - 20), n % 23) * (n % 3 - 1) AS exact, \
                  (n * 0.37 - 500) * 10.0::float8 ^ (n % 60 - 30) AS float FROM generate_series(1, 3000) n) v";
    let texts = ["day", "exact", "float", "small"];
    let columns: Vec<(String, &str)> = texts
        .iter()
        .flat_map(|name| {
            [
                ((*name).to_owned(), "text"),
                (format!("{name}_text"), "text"),
            ]
        })
        .collect();
    let mut columns: Vec<(&str, &str)> = columns
        .iter()
        .map(|(name, kind)| (name.as_str(), *kind))
        .collect();
    columns.extend([("status", "text"), ("created_at", "timestamp")]);
    let source = Source::new(
        "texts",
        table,
        "parent = \"shop\", key = [\"id\"]",
        &columns,
    )
    .await;
    let (rows, _) = source.read("acme", &json!({}), 1_000_000).await;
    assert_eq!(rows.len(), 3000);
    for row in rows {
        assert_eq!(row[0], row[1]);
        assert_eq!(row[2]["n"], row[3]);
        // Of several shortest texts of a float, and forms of its exponent, the server may write another.
        let text = |value: &Json| value.as_str().unwrap().to_owned();
        let double = |digits: &Json| text(digits).parse::<f64>().unwrap();
        assert_eq!(double(&row[4]["n"]), double(&row[5]));
        let float = |digits: &Json| text(digits).parse::<f32>().unwrap();
        assert_eq!(float(&row[6]["n"]), float(&row[7]));
    }
}

#[tokio::test]
async fn times_without_a_zone_are_in_utc_whatever_zone_the_server_has() {
    let _server = PostgresServer::shared();
    for (name, null, key) in [
        ("zones", "", "[\"id\"]"),
        ("zones_by_time", "NOT NULL", "[\"created_at\", \"id\"]"),
    ] {
        let table = format!(
            "ALTER DATABASE {name} SET timezone = 'America/New_York'; \
             CREATE TABLE orders (id int PRIMARY KEY, shop text NOT NULL, status text, created_at timestamp {null}); \
             INSERT INTO orders VALUES (1, 'acme', 'a', '2026-11-21 11:59'), (2, 'acme', 'b', '2026-11-21 12:00'), \
               (4, 'acme', 'd', '2026-11-01 00:00')"
        );
        let records = format!("parent = \"shop\", key = {key}");
        let source = Source::new(name, &table, &records, &COLUMNS).await;
        let ids = async |filters: Json| {
            let (rows, _) = source.read("acme", &filters, 9).await;
            let ids = rows
                .iter()
                .map(|row| row[0]["n"].as_str().unwrap().to_owned());
            ids.collect::<std::collections::BTreeSet<_>>()
        };
        assert_eq!(
            ids(json!({})).await,
            ["1", "4"].map(str::to_owned).into(),
            "{name}"
        );
        let from = json!({"created_at": {"from": "2026-11-21T11:30:00Z"}});
        assert_eq!(ids(from).await, ["1"].map(str::to_owned).into(), "{name}");
    }
}

/// New York's clocks were put back on 2026-11-01 at 06:00 UTC: 01:30 there was 05:30 and 06:30 UTC.
#[tokio::test]
async fn times_without_a_zone_are_in_the_catalogs_zone() {
    let _server = PostgresServer::shared();
    for (name, null, key) in [
        ("zoned_by_id", "", "[\"id\"]"),
        ("zoned_by_time", "NOT NULL", "[\"created_at\", \"id\"]"),
    ] {
        let table = format!(
            "CREATE TABLE orders (id int PRIMARY KEY, shop text NOT NULL, status text, created_at timestamp {null}); \
             INSERT INTO orders VALUES (1, 'acme', 'a', '2026-11-01 01:30'), (2, 'acme', 'b', '2026-11-01 02:30'), \
               (3, 'acme', 'c', '2026-07-01 00:00'), (4, 'acme', 'd', '2026-11-21 06:59:59'), (5, 'acme', 'e', '2026-11-21 07:00')"
        );
        let records = format!("parent = \"shop\", key = {key}");
        let source = Source::new(name, &table, &records, &COLUMNS).await;
        let read = async |filters: Json| {
            let (rows, _) = source.read("acme", &filters, 9).await;
            let cells = rows.iter().map(|row| {
                format!(
                    "{} {}",
                    row[0]["n"].as_str().unwrap(),
                    row[2].as_str().unwrap()
                )
            });
            let mut cells: Vec<String> = cells.collect();
            cells.sort_unstable();
            cells
        };
        let all = [
            "1 2026-11-01T05:30:00Z",
            "2 2026-11-01T07:30:00Z",
            "3 2026-07-01T04:00:00Z",
            "4 2026-11-21T11:59:59Z",
        ];
        assert_eq!(read(json!({})).await, all, "{name}");
        let filter =
            json!({"created_at": {"from": "2026-11-01T05:00:00Z", "to": "2026-11-01T07:00:00Z"}});
        assert_eq!(read(filter).await, all[..1], "{name}");
    }
}

/// A database without an encoding keeps any bytes. Those that are no UTF-8 are replaced, and counted in the file.
#[tokio::test]
async fn bytes_that_are_no_text_are_replaced_and_told_apart() {
    let server = PostgresServer::shared();
    let admin = server.connect("postgres").await;
    let create = "CREATE DATABASE any_bytes ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0";
    admin.batch_execute(create).await.unwrap();
    let table = "CREATE TABLE orders (id int PRIMARY KEY, shop text NOT NULL, status text, created_at timestamptz NOT NULL); \
        INSERT INTO orders VALUES (1, 'acme', E'caf\\xe9 \\xff', '2026-11-01 00:00Z'), (2, 'acme', 'café', '2026-11-01 00:00Z')";
    server
        .connect("any_bytes")
        .await
        .batch_execute(table)
        .await
        .unwrap();
    let source = Source::of(
        "any_bytes",
        server,
        "parent = \"shop\", key = [\"id\"]",
        &COLUMNS,
    );
    let (rows, _) = source.read("acme", &json!({}), 9).await;
    let statuses: Vec<&Json> = rows.iter().map(|row| &row[1]).collect();
    assert_eq!(
        statuses,
        [&json!({ "lossy": "caf\u{fffd} \u{fffd}" }), &json!("café")]
    );
}
