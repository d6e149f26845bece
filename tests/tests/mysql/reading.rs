//! Which records are read, and where a read goes on.

use super::*;

#[tokio::test]
async fn each_row_before_the_request_comes_once_wherever_a_read_stops() {
    let Some(server) = server() else { return };
    let source = Source::new(&server, "once", ORDERS, BY_TIME, &COLUMNS);
    let mut expected: Vec<(i64, i64)> = (1..=100)
        .filter(|n| n % 3 != 0)
        .map(|n| (n % 20, n))
        .collect();
    expected.sort_unstable();
    let mut ids: Vec<i64> = expected.into_iter().map(|(_, n)| n).collect();
    ids.push(1001);
    let expected: Vec<Json> = ids.iter().map(|n| json!({ "n": n.to_string() })).collect();
    for every in [1, 2, 3, 7, 1000] {
        let (rows, read) = source.read("acme", &json!({}), every).await;
        let found: Vec<Json> = rows.iter().map(|row| row[0].clone()).collect();
        assert_eq!(found, expected, "stopping after {every}");
        assert_eq!(read, expected.len() as u64, "stopping after {every}");
    }
}

#[tokio::test]
async fn a_rare_match_is_found_in_windows_and_every_row_counts_as_read() {
    let Some(server) = server() else { return };
    let source = Source::new(&server, "rare", ORDERS, BY_TIME, &COLUMNS);
    for every in [1, 1000] {
        let (rows, read) = source
            .read("acme", &json!({"status": ["paid"]}), every)
            .await;
        assert_eq!(rows.len(), 14 + 1);
        assert!(rows.iter().all(|row| row[1] == "paid"), "{rows:?}");
        assert_eq!(read, 68, "stopping after {every}");
    }
    let (rows, read) = source.read("acme", &json!({"status": ["never"]}), 1).await;
    assert_eq!((rows.len(), read), (0, 68));
}

/// The optimizer would otherwise read all of the parent's rows for each window.
#[tokio::test]
async fn a_window_reads_no_more_of_the_index_than_its_rows() {
    const ROWS: u64 = 20_000;
    let Some(server) = server() else { return };
    let table = format!(
        "CREATE TABLE orders (id bigint NOT NULL, shop varchar(40) NOT NULL, status varchar(20), \
           created_at datetime(6) NOT NULL, PRIMARY KEY (shop, created_at, id), KEY by_status (shop, status)); \
         INSERT INTO orders SELECT seq, 'acme', NULL, '2026-11-01 00:00:00' FROM seq_1_to_{ROWS}"
    );
    let source = Source::new(&server, "windows", &table, BY_TIME, &COLUMNS);
    let examined = || {
        let status = "SHOW GLOBAL STATUS WHERE Variable_name IN ('Handler_read_next', 'Handler_read_rnd_next', 'Handler_read_key')";
        let values = source.server.execute("windows", status);
        values
            .lines()
            .map(|line| line.rsplit_once('\t').unwrap().1.parse::<u64>().unwrap())
            .sum::<u64>()
    };
    let before = examined();
    let projection = source.projection(&json!({}));
    let mut records = source.open("acme", &projection, None).await.unwrap();
    records.examine_at_most(200);
    let mut read = 0;
    while let Some(page) = records.next().await.unwrap() {
        read += page.read();
    }
    records.close().await;
    assert_eq!(read, ROWS);
    let examined = examined() - before;
    assert!(
        (ROWS..ROWS * 3).contains(&examined),
        "{examined} rows were examined for {ROWS}"
    );
}

#[tokio::test]
async fn only_the_parents_own_rows_are_read() {
    let Some(server) = server() else { return };
    let source = Source::new(&server, "parents", ORDERS, BY_TIME, &COLUMNS);
    for parent in ["", "' OR true --", "nobody", "\\"] {
        assert_eq!(
            source.read(parent, &json!({}), 9).await,
            (Vec::new(), 0),
            "{parent}"
        );
    }
    // The server finds them equal; they are read, left out, and counted as read. The collations of MySQL that begin with
    // utf8mb4_0900 heed spaces at the end.
    let padded = if server.is_mysql() { 0 } else { 68 };
    for (parent, read) in [("Acme", 68), ("acme ", padded), ("ácme", 68)] {
        assert_eq!(
            source.read(parent, &json!({}), 9).await,
            (Vec::new(), read),
            "{parent}"
        );
    }
    for (database, column) in [
        ("numbered", "int NOT NULL"),
        ("unsigned_", "bigint unsigned NOT NULL"),
        ("filled", "int(8) zerofill NOT NULL"),
    ] {
        let table = format!(
            "CREATE TABLE orders (id int PRIMARY KEY, shop {column}, status varchar(9), created_at datetime NOT NULL); \
             INSERT INTO orders VALUES (1, 0, 'a', '2026-11-01'), (2, 42, 'b', '2026-11-01')"
        );
        let source = Source::new(&server, database, &table, BY_ID, &COLUMNS);
        for (parent, count) in [
            ("42", 1),
            ("042", 0),
            ("42abc", 0),
            ("+42", 0),
            ("0", 1),
            ("auth0|5f7c", 0),
            ("99999999999999999999999", 0),
        ] {
            assert_eq!(
                source.read(parent, &json!({}), 9).await.0.len(),
                count,
                "{column} {parent}"
            );
        }
    }
}

#[tokio::test]
async fn a_parent_may_be_a_uuid_in_sixteen_bytes() {
    let Some(server) = server() else { return };
    let id = "8c1d9d40-6a5c-4a53-8e0e-0d5c7a1b2c3d";
    for (database, column, value) in [
        (
            "uuid_bytes",
            "binary(16)",
            format!("UNHEX(REPLACE('{id}', '-', ''))"),
        ),
        ("uuid_type", "uuid", format!("'{id}'")),
        (
            "uuid_text",
            "char(36) CHARACTER SET ascii",
            format!("'{id}'"),
        ),
    ] {
        if column == "uuid" && server.is_mysql() {
            continue;
        }
        let table = format!(
            "CREATE TABLE orders (id {column} PRIMARY KEY, shop {column} NOT NULL, status varchar(9), created_at datetime NOT NULL); \
             INSERT INTO orders VALUES ({value}, {value}, 'a', '2026-11-01')"
        );
        let columns = [
            ("id", "text\", as = \"uuid"),
            ("status", "text"),
            ("created_at", "timestamp"),
        ];
        let columns = if column == "binary(16)" {
            columns
        } else {
            [("id", "text"), columns[1], columns[2]]
        };
        let source = Source::new(&server, database, &table, BY_ID, &columns);
        for every in [1, 9] {
            let (rows, _) = source.read(id, &json!({}), every).await;
            assert_eq!(
                json!(rows),
                json!([[id, "a", "2026-11-01T00:00:00Z"]]),
                "{column}"
            );
        }
        assert_eq!(source.read("acme", &json!({}), 9).await.0.len(), 0);
    }
}

#[tokio::test]
async fn what_is_inserted_beyond_the_last_key_of_the_first_page_is_not_read() {
    let Some(server) = server() else { return };
    let table = format!("{ORDERS} ALTER TABLE orders ADD UNIQUE (id)");
    let source = Source::new(&server, "pinned", &table, BY_ID, &COLUMNS);
    let projection = source.projection(&json!({}));
    let mut records = source.open("acme", &projection, None).await.unwrap();
    records.examine_at_most(10);
    let mut read = records.next().await.unwrap().unwrap().read();
    source.server.execute(
        "pinned",
        "INSERT INTO orders VALUES (2000, 'acme', NULL, '2026-11-01'), (0, 'acme', NULL, '2026-11-01')",
    );
    while let Some(page) = records.next().await.unwrap() {
        read += page.read();
    }
    assert_eq!(read, 69, "66 rows of acme, 1000 and 1001");
}

/// Each of these has its own order and its own equality, and every row has its place in it.
#[tokio::test]
async fn keys_of_every_collation_and_type_are_read_in_the_servers_order() {
    let Some(server) = server() else { return };
    // Each product has collations of its own, of newer versions of the Unicode collation algorithm.
    let [ai_ci, as_cs] = match server.is_mysql() {
        true => ["utf8mb4_0900_ai_ci", "utf8mb4_0900_as_cs"],
        false => ["utf8mb4_unicode_520_nopad_ci", "utf8mb4_uca1400_as_cs"],
    }
    .map(|collation| format!("varchar(9) COLLATE {collation}"));
    for (n, (column, values)) in [
        (
            "varchar(9) COLLATE utf8mb4_bin",
            &["'a'", "'B'", "'é'", "'z '", "'😀'"][..],
        ),
        (
            "varchar(9) COLLATE utf8mb4_general_ci",
            &["'a'", "'B'", "'e'", "'z'", "'😀'"],
        ),
        (&as_cs, &["'a'", "'A'", "'é'", "'e'", "'ß'"]),
        (&ai_ci, &["'a'", "'B'", "'e'", "'ß'", "'z '", "'z'", "'😀'"]),
        (
            "varchar(9) CHARACTER SET latin1",
            &["'a'", "'B'", "'ÿ'", "'z'"],
        ),
        (
            "varchar(9) CHARACTER SET utf8mb3",
            &["'a'", "'B'", "'ÿ'", "'日'"],
        ),
        ("varbinary(9)", &["'a'"]),
        (
            "decimal(30,10)",
            &["-1", "0.0000000001", "12345678901234567890", "2"],
        ),
        ("bigint unsigned", &["18446744073709551615", "0", "9"]),
        ("date", &["'2026-01-01'", "'1000-01-01'", "'9999-12-31'"]),
        (
            "timestamp(3) DEFAULT '2000-01-01'",
            &["'2026-01-01 00:00:00.5'", "'1990-01-01'"],
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let database = format!("keys_{n}");
        let rows = values.iter().enumerate();
        let rows: Vec<String> = rows
            .map(|(n, value)| format!("({value}, {n}, 'acme', '2026-11-01')"))
            .collect();
        let table = format!(
            "SET time_zone = '+00:00'; SET sql_mode = ''; \
             CREATE TABLE orders (id {column} PRIMARY KEY, n int, shop varchar(9) NOT NULL, created_at datetime NOT NULL, status int); \
             INSERT INTO orders (id, n, shop, created_at) VALUES {}",
            rows.join(", ")
        );
        let source = Source::new(
            &server,
            &database,
            &table,
            BY_ID,
            &[("n", "integer"), ("status", "text")],
        );
        let projection = source.projection(&json!({}));
        if column == "varbinary(9)" {
            let refused = source
                .open("acme", &projection, None)
                .await
                .map(|_| ())
                .unwrap_err();
            assert!(
                refused.to_string().contains("cannot be in a key"),
                "{refused}"
            );
            continue;
        }
        let ordered = source
            .server
            .execute(&database, "SELECT n FROM orders ORDER BY id");
        let expected: Vec<&str> = ordered.lines().collect();
        for every in [1, 2, 100] {
            let (rows, _) = source.read("acme", &json!({}), every).await;
            let found: Vec<&str> = rows
                .iter()
                .map(|row| row[0]["n"].as_str().unwrap())
                .collect();
            assert_eq!(found, expected, "{column}");
        }
    }
}

#[tokio::test]
async fn a_view_is_read_if_its_keys_differ() {
    let Some(server) = server() else { return };
    let view = format!(
        "{} CREATE VIEW orders AS SELECT * FROM kept",
        ORDERS.replace("orders", "kept")
    );
    let source = Source::new(&server, "viewed", &view, BY_TIME, &COLUMNS);
    for every in [1, 7, 1000] {
        let (rows, read) = source
            .read("acme", &json!({"status": ["paid"]}), every)
            .await;
        assert_eq!((rows.len(), read), (15, 68));
    }
    let twice = format!("{view} UNION ALL SELECT * FROM kept");
    let source = Source::new(&server, "viewed_twice", &twice, BY_TIME, &COLUMNS);
    let projection = source.projection(&json!({}));
    for window in [1, 3, 1000] {
        let mut records = source.open("acme", &projection, None).await.unwrap();
        records.examine_at_most(window);
        let error = loop {
            match records.next().await {
                Ok(page) => assert!(page.is_some(), "read although its keys are equal"),
                Err(error) => break error,
            }
        };
        assert_eq!(error.failure().unwrap().code, "catalog_mismatch");
    }
}
