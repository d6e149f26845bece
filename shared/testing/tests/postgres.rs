//! Records read from a real PostgreSQL server.

#![allow(clippy::unwrap_used, reason = "a failed test panics")]

use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value as Json, json};
use waybill::catalog::{Catalog, Column, ExportType};
use waybill::records::{Order, Range, ReadRequest, RecordsError, RecordsOpener, RecordsSource};
use waybill::selection::{Criteria, Projection};
use waybill::value::Value;
use waybill_testing::client;
use waybill_testing::postgres::PostgresServer;

/// A type whose records are in a database.
struct Source {
    of: ExportType,
    opener: RecordsOpener,
    _server: Arc<PostgresServer>,
}

impl Source {
    /// A source of the table `orders` in a new database, with columns of these kinds.
    async fn new(
        database: &str,
        statements: &str,
        records: &str,
        columns: &[(&str, &str)],
    ) -> Self {
        let server = PostgresServer::shared();
        let url = server.database(database, statements).await;
        let columns: Vec<String> = columns
            .iter()
            .map(|(key, kind)| format!("{{ key = \"{key}\", kind = \"{kind}\" }}"))
            .collect();
        let catalog = format!(
            "[database.shop]\nengine = \"postgres\"\nsettles = 0\n\n[[type]]\nname = \"orders\"\nparent = \"organization\"\n\
             delivery = \"link\"\nrecords = {{ database = \"shop\", table = \"public.orders\", {records} }}\n\
             created = \"created_at\"\nfilters = [\"created_at\", \"status\"]\nsearch = []\ncolumns = [{}]\n",
            columns.join(", ")
        );
        let catalog = Catalog::parse(&catalog).unwrap();
        let mapping = move |word: &str| (word == "DATABASE_SHOP_URL").then(|| url.clone());
        Self {
            of: catalog.types()[0].clone(),
            opener: RecordsOpener::new(client!(aws_sdk_dynamodb, []).into(), Arc::new(mapping)),
            _server: server,
        }
    }

    fn projection(&self, filters: &Json) -> Projection {
        let criteria = Criteria::from_json(&self.of, Some(filters), None).unwrap();
        let selection = criteria.pin(as_of(), &TimeZone::UTC).unwrap();
        let columns: Vec<&Column> = self
            .of
            .columns
            .iter()
            .filter(|column| !column.hidden)
            .collect();
        Projection::new(&self.of, &columns, &selection)
    }

    async fn open(
        &self,
        parent: &str,
        projection: &Projection,
        position: Option<&str>,
    ) -> Result<RecordsSource, RecordsError> {
        let request = ReadRequest {
            spec: &self.of.records,
            parent_id: parent,
            projection,
            range: Range::whole(as_of()),
            order: Order::Ascending,
            reads_outside: true,
            strong_until: None,
        };
        self.opener.open(request, position).await
    }

    /// The values of all records in the selection, stopping and going on after every `every` records.
    async fn read(&self, parent: &str, filters: &Json, every: usize) -> (Vec<Vec<Json>>, u64) {
        let projection = self.projection(filters);
        let (mut rows, mut read, mut position) = (Vec::new(), 0, None);
        'again: loop {
            let mut source = self
                .open(parent, &projection, position.as_deref())
                .await
                .unwrap();
            source.examine_at_most(7);
            while let Some(page) = source.next().await.unwrap() {
                let mut values = Vec::new();
                for n in 0..page.len() {
                    page.values(n, &mut values);
                    if !projection
                        .decide(&values, page.key_time(n), as_of())
                        .is_in()
                    {
                        continue;
                    }
                    rows.push(projection.columns(&values).iter().map(shown).collect());
                    if rows.len() % every == 0 {
                        read += page.read_through(n);
                        position = Some(page.position(n));
                        continue 'again;
                    }
                }
                read += page.read();
            }
            return (rows, read);
        }
    }
}

/// A value with its type: a number as `{"n": digits}`, JSON as `{"json": text}`.
fn shown(value: &Value<'_>) -> Json {
    match value {
        Value::Missing | Value::Null => Json::Null,
        Value::Bool(flag) => json!(flag),
        Value::Number(digits) => json!({ "n": digits }),
        Value::Text(text) => json!(text),
        Value::Json(text) => json!({ "json": text }),
    }
}

fn as_of() -> Timestamp {
    "2026-11-21T12:00:00Z".parse().unwrap()
}

const ORDERS: &str = "CREATE TABLE orders (id bigint NOT NULL, shop text NOT NULL, status text, \
    created_at timestamptz NOT NULL, PRIMARY KEY (shop, created_at, id)); \
    INSERT INTO orders SELECT n, CASE WHEN n % 3 = 0 THEN 'other' ELSE 'acme' END, \
      CASE WHEN n % 5 = 0 THEN 'paid' END, '2026-11-01 00:00Z'::timestamptz + n % 20 * interval '1 hour' \
      FROM generate_series(1, 100) n; \
    INSERT INTO orders VALUES (1000, 'acme', 'paid', '2026-11-21T12:00:00Z'), (1001, 'acme', 'paid', '2026-11-21T11:59:59.999999Z');";
const BY_TIME: &str = "parent = \"shop\", key = [\"created_at\", \"id\"]";
const COLUMNS: [(&str, &str); 3] = [
    ("id", "integer"),
    ("status", "text"),
    ("created_at", "timestamp"),
];

#[tokio::test]
async fn each_row_before_the_request_comes_once_wherever_a_read_stops() {
    let source = Source::new("once", ORDERS, BY_TIME, &COLUMNS).await;
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
    let source = Source::new("rare", ORDERS, BY_TIME, &COLUMNS).await;
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

#[tokio::test]
async fn only_the_parents_own_rows_are_read() {
    let source = Source::new("parents", ORDERS, BY_TIME, &COLUMNS).await;
    for parent in ["Acme", "acme ", "", "' OR true --", "nobody"] {
        assert_eq!(
            source.read(parent, &json!({}), 9).await,
            (Vec::new(), 0),
            "{parent}"
        );
    }
    // Blanks at the end of a `char(n)` mean nothing to `=`, so that it finds the rows of `acme` for `acme ` too.
    let table = "CREATE TABLE orders (id int PRIMARY KEY, shop char(8) NOT NULL, status text, created_at timestamptz NOT NULL); \
        INSERT INTO orders VALUES (1, 'acme', 'a', '2026-11-01 00:00Z'), (2, 'acme', 'b', '2026-11-01 00:00Z')";
    let source = Source::new(
        "padded",
        table,
        "parent = \"shop\", key = [\"id\"]",
        &COLUMNS,
    )
    .await;
    assert_eq!(source.read("acme", &json!({}), 9).await.0.len(), 2);
    assert_eq!(source.read("acme ", &json!({}), 9).await, (Vec::new(), 2));
    let table = "CREATE TABLE orders (id int PRIMARY KEY, shop int NOT NULL, status text, created_at timestamptz NOT NULL); \
        INSERT INTO orders VALUES (1, 0, 'a', '2026-11-01 00:00Z'), (2, 42, 'b', '2026-11-01 00:00Z')";
    let source = Source::new(
        "numbered",
        table,
        "parent = \"shop\", key = [\"id\"]",
        &COLUMNS,
    )
    .await;
    for (parent, count) in [
        ("42", 1),
        ("042", 0),
        ("42abc", 0),
        ("+42", 0),
        ("0", 1),
        ("auth0|5f7c", 0),
        ("99999999999", 0),
    ] {
        assert_eq!(
            source.read(parent, &json!({}), 9).await.0.len(),
            count,
            "{parent}"
        );
    }
}

#[tokio::test]
async fn values_keep_every_digit() {
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

/// The server's own text of the same value is in the column beside it.
#[tokio::test]
async fn dates_and_numbers_are_those_of_the_servers_text() {
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
async fn what_is_inserted_beyond_the_last_key_of_the_first_page_is_not_read() {
    let source = Source::new(
        "pinned",
        ORDERS,
        "parent = \"shop\", key = [\"id\"]",
        &COLUMNS,
    )
    .await;
    let projection = source.projection(&json!({}));
    let mut records = source.open("acme", &projection, None).await.unwrap();
    records.examine_at_most(5);
    let first = records.next().await.unwrap().unwrap();
    let other = source._server.connect("pinned").await;
    other.batch_execute("INSERT INTO orders SELECT n, 'acme', 'late', '2026-11-01 00:00Z' FROM generate_series(2000, 3000) n").await.unwrap();
    let mut resumed = source
        .open("acme", &projection, Some(&first.end()))
        .await
        .unwrap();
    let mut count = first.len();
    while let Some(page) = resumed.next().await.unwrap() {
        count += page.len();
    }
    assert_eq!(count, 68);
}

#[tokio::test]
async fn a_table_that_cannot_be_read_is_an_error_that_says_why() {
    let message = async |name: &str, statements: &str, records: &str| {
        let source = Source::new(name, statements, records, &COLUMNS).await;
        let projection = source.projection(&json!({}));
        source
            .open("acme", &projection, None)
            .await
            .map(|_| ())
            .unwrap_err()
            .to_string()
    };
    let missing = message("missing", "", BY_TIME).await;
    assert_eq!(
        missing,
        "the table public.orders does not exist, or has no such index"
    );
    let column = message("no_column", ORDERS, "parent = \"shop\", key = [\"number\"]").await;
    assert!(
        column.ends_with("refuses the query: the column number does not exist"),
        "{column}"
    );
    let nullable = message("nullable", ORDERS, "parent = \"shop\", key = [\"status\"]").await;
    let dated = message("dated", ORDERS, "parent = \"created_at\", key = [\"id\"]").await;
    assert!(
        dated.contains("has the type timestamptz, which cannot hold a parent's id"),
        "{dated}"
    );
    assert!(
        nullable.ends_with("the column status of the key may be null"),
        "{nullable}"
    );
    let statements = format!(
        "{ORDERS} ALTER TABLE orders ENABLE ROW LEVEL SECURITY; ALTER TABLE orders FORCE ROW LEVEL SECURITY; \
        CREATE ROLE reader LOGIN; GRANT SELECT ON orders TO reader"
    );
    let source = Source::new("hidden", &statements, BY_TIME, &COLUMNS).await;
    let url = source._server.url("hidden").replace("waybill@", "reader@");
    let mapping = move |_: &str| Some(url.clone());
    let source = Source {
        opener: RecordsOpener::new(client!(aws_sdk_dynamodb, []).into(), Arc::new(mapping)),
        ..source
    };
    let hidden = source
        .open("acme", &source.projection(&json!({})), None)
        .await
        .map(|_| ())
        .unwrap_err()
        .to_string();
    assert!(
        hidden.ends_with("row-level security hides rows from this role"),
        "{hidden}"
    );
}

#[tokio::test]
async fn times_without_a_zone_are_in_utc_whatever_zone_the_server_has() {
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

#[tokio::test]
async fn a_position_of_other_records_is_refused() {
    let source = Source::new("positions", ORDERS, BY_TIME, &COLUMNS).await;
    let projection = source.projection(&json!({}));
    for position in [
        "",
        "[]",
        "{\"after\":[\"AA\"]}",
        "{\"after\":[\"!\",\"!\"]}",
    ] {
        let opened = source.open("acme", &projection, Some(position)).await;
        assert!(matches!(opened, Err(RecordsError::Position)), "{position}");
    }
}
