//! Values without loss.

use super::*;

#[tokio::test]
async fn values_keep_every_digit() {
    let Some(server) = server() else { return };
    let table = "SET sql_mode = ''; CREATE TABLE orders (id int PRIMARY KEY, shop varchar(9) NOT NULL, created_at datetime(6), \
          big decimal(65,30), huge bigint unsigned, least bigint, small float, whole double, fixed double(10,2), filled int(8) zerofill, \
          flag boolean, bits bit(12), bit1 bit(1), day date, no_day date, local datetime(3), moment timestamp(6) NULL, lasts time(3), \
          grown year, mood enum('fine','bad'), tags set('a','b','c'), padded char(5), old varchar(9) CHARACTER SET latin1, \
          info json, note text, none text, blank text, place point, status text, address inet6, ident uuid); \
        SET time_zone = '+00:00'; \
        INSERT INTO orders VALUES (1, 'acme', '2026-11-01 10:00:00.5', 12345678901234567890123456789012345.123456789012345678901234567890, \
          18446744073709551615, -9223372036854775808, 0.1, 1.7976931348623157e308, 1234.5, 42, TRUE, b'101010101010', b'1', \
          '1000-01-01', '0000-00-00', '2026-11-01 10:00:00.250', '2026-11-01 10:00:00', '-838:59:59', 2026, 'fine', 'a,c', 'ab', 'ÿé', \
          '{\"a\": {\"b\": [1, 2.50, \"x y\"]}}', 'it''s \\\\ \"so\"\\n😀', NULL, '', POINT(1.5, 2), NULL, '::1', \
          '0b6f0000-0000-4000-8000-0000000000ff')";
    let columns = [
        ("id", "integer"),
        ("big", "decimal"),
        ("huge", "integer"),
        ("least", "integer"),
        ("small", "decimal"),
        ("whole", "decimal"),
        ("fixed", "decimal"),
        ("filled", "integer"),
        ("flag", "boolean"),
        ("bits", "integer"),
        ("bit1", "boolean"),
        ("day", "date"),
        ("no_day", "date"),
        ("local", "timestamp"),
        ("moment", "timestamp"),
        ("lasts", "text"),
        ("grown", "integer"),
        ("mood", "text"),
        ("tags", "text"),
        ("padded", "text"),
        ("old", "text"),
        ("info", "text"),
        ("note", "text"),
        ("none", "text"),
        ("blank", "text"),
        ("place", "text"),
        ("address", "text"),
        ("ident", "text"),
        ("created_at", "timestamp"),
        ("status", "text"),
    ];
    // Types that MySQL does not have.
    let table = match server.is_mysql() {
        true => table
            .replace("inet6", "varchar(39)")
            .replace("ident uuid", "ident char(36)"),
        false => table.to_owned(),
    };
    let source = Source::new(&server, "digits", &table, BY_ID, &columns);
    let (rows, _) = source.read("acme", &json!({}), 9).await;
    let expected = json!([
        {"n": "1"}, {"n": "12345678901234567890123456789012345.123456789012345678901234567890"},
        {"n": "18446744073709551615"}, {"n": "-9223372036854775808"}, {"n": "0.1"}, {"n": "1.7976931348623157e+308"},
        {"n": "1234.5"}, {"n": "42"}, true, {"n": "2730"}, true, "1000-01-01", "0000-00-00", "2026-11-01T10:00:00.25Z",
        "2026-11-01T10:00:00Z", "-838:59:59.000", {"n": "2026"}, "fine", "a,c", "ab", "ÿé",
        {"json": "{\"a\":{\"b\":[1,2.50,\"x y\"]}}"}, "it's \\ \"so\"\n😀", null, "", "POINT(1.5 2)", "::1",
        "0b6f0000-0000-4000-8000-0000000000ff", "2026-11-01T10:00:00.5Z", null,
    ]);
    // MySQL keeps JSON parsed, and a number in it without zeros at its end; MariaDB keeps the text.
    let expected = match server.is_mysql() {
        true => serde_json::from_str(&expected.to_string().replace("2.50", "2.5")).unwrap(),
        false => expected,
    };
    let (found, expected) = (&rows[0], expected.as_array().unwrap());
    for ((found, expected), (key, _)) in found.iter().zip(expected).zip(columns) {
        assert_eq!(found, expected, "{key}");
    }
}

#[tokio::test]
async fn values_may_be_stored_in_other_forms_than_their_kind() {
    let Some(server) = server() else { return };
    let table = "CREATE TABLE orders (id int PRIMARY KEY, shop varchar(9) NOT NULL, status char(3), created_at varchar(30), paid char(1), \
          vip tinyint(1), raw blob, code binary(16), items json, card text); \
        INSERT INTO orders VALUES (1, 'acme', 'P', '2026-11-01 00:30', 'Y', 0, X'0001ff', \
          X'000102030405060708090a0b0c0d0e0f', '[{\"sku\": \"a\"}, {\"sku\": \"b\", \"1\": true}]', '4111111111111234'), \
          (2, 'acme', 'D', '2026-11-01', 'N', 1, NULL, X'000102030405060708090a0b0c0d0e0f', '{\"1\": {\"sku\": \"c\"}}', '1234'), \
          (3, 'acme', NULL, '2026-11-21T08:00:00', 'X', 2, '', NULL, NULL, NULL)";
    let columns = [
        ("id", "integer"),
        ("status", "text"),
        ("created_at", "timestamp\", time_zone = \"America/New_York"),
        ("paid", "boolean\", true = \"Y"),
        ("vip", "boolean\", label = \"VIP"),
        ("raw", "text\", as = \"base64"),
        ("code", "text\", as = \"uuid"),
        ("sku", "text\", path = \"items.1.sku"),
        ("card", "text\", mask = \"last4"),
        ("currency", "text\", constant = \"EUR"),
    ];
    let mut source = Source::new(&server, "forms", table, BY_ID, &columns);
    let (rows, _) = source.read("acme", &json!({}), 2).await;
    let uuid = "00010203-0405-0607-0809-0a0b0c0d0e0f";
    assert_eq!(
        json!(rows),
        json!([
            [{"n": "1"}, "P", "2026-11-01T04:30:00Z", true, false, "AAH/", uuid, "b", "****1234", "EUR"],
            [{"n": "2"}, "D", "2026-11-01T04:00:00Z", false, true, null, uuid, "c", "****", "EUR"],
            // 08:00 in New York is after the request at 12:00 UTC.
        ])
    );
    source
        .of
        .filters
        .extend(["paid", "vip", "card", "currency"].map(str::to_owned));
    for (filters, count) in [
        (json!({"paid": [true]}), 1),
        (json!({"vip": [true]}), 1),
        (json!({"vip": [false]}), 1),
        // Nobody can find a masked value by guessing it.
        (json!({"card": ["4111111111111234"]}), 0),
        (json!({"card": ["****1234"]}), 1),
        (json!({"currency": ["EUR"]}), 2),
        (json!({"created_at": {"from": "2026-11-01T04:30:00Z"}}), 1),
    ] {
        let (rows, _) = source.read("acme", &filters, 9).await;
        assert_eq!(rows.len(), count, "{filters}");
    }
}

#[tokio::test]
async fn a_datetime_is_in_the_databases_zone_and_a_timestamp_is_an_instant() {
    let Some(server) = server() else { return };
    for key in ["created_at\", \"id", "id"] {
        let database = format!("zoned_{}", key.len());
        let table = "SET time_zone = '+00:00'; CREATE TABLE orders (id int, shop varchar(9) NOT NULL, created_at datetime NOT NULL, status text, \
              moment timestamp NOT NULL, PRIMARY KEY (shop, created_at, id), UNIQUE (id)); \
            INSERT INTO orders VALUES (1, 'acme', '2026-11-01 00:30:00', NULL, '2026-11-01 04:30:00'), \
              (2, 'acme', '2026-11-21 06:59:59', NULL, '2026-11-21 11:59:59'), (3, 'acme', '2026-11-21 07:00:00', NULL, '2026-11-21 12:00:00')";
        let columns = [
            ("id", "integer"),
            ("created_at", "timestamp"),
            ("moment", "timestamp"),
            ("status", "text"),
        ];
        let records = format!("parent = \"shop\", key = [\"{key}\"]");
        let source = Source::new(&server, &database, table, &records, &columns);
        let (rows, _) = source.read("acme", &json!({}), 1).await;
        assert_eq!(
            json!(rows),
            json!([
                [{"n": "1"}, "2026-11-01T04:30:00Z", "2026-11-01T04:30:00Z", null],
                [{"n": "2"}, "2026-11-21T11:59:59Z", "2026-11-21T11:59:59Z", null],
            ])
        );
    }
}

/// A page ends at a size in bytes, whatever its rows are.
#[tokio::test]
async fn rows_and_values_of_any_size_pass() {
    let Some(server) = server() else { return };
    let table = "CREATE TABLE orders (id int PRIMARY KEY, shop varchar(9) NOT NULL, created_at datetime, \
          status longtext); \
        INSERT INTO orders SELECT seq, 'acme', '2026-11-01', REPEAT('é', seq * 100000) FROM seq_1_to_20; \
        INSERT INTO orders VALUES (30, 'acme', '2026-11-01', CONCAT('x', CHAR(0 USING utf8mb4), 'y'))";
    let source = Source::new(&server, "sizes", table, BY_ID, &COLUMNS);
    let projection = source.projection(&json!({}));
    let mut records = source.open("acme", &projection, None).await.unwrap();
    records.examine_at_most(20_000);
    let (mut sizes, mut pages) = (Vec::new(), 0);
    while let Some(page) = records.next().await.unwrap() {
        pages += 1;
        let mut values = Vec::new();
        for n in 0..page.len() {
            page.values(n, &projection, &mut values);
            sizes.push(values[1].as_text().unwrap().chars().count());
        }
    }
    let mut expected: Vec<usize> = (1..=20).map(|n| n * 100_000).collect();
    expected.push(3);
    assert_eq!(sizes, expected);
    assert!(pages > 2, "{pages} pages of 42 MB");
}
