//! The same records in DynamoDB, PostgreSQL and MariaDB: whatever is selected, and wherever a read stops, all give the same,
//! and what a model of the selection gives.

#![allow(clippy::unwrap_used, reason = "a failed test panics")]

use std::collections::HashMap;
use std::path::Path;

use aws_config::{BehaviorVersion, Region};
use aws_sdk_dynamodb::config::Credentials;
use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use fastrand::Rng;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value as Json, json};
use tokio_postgres::NoTls;
use waybill::catalog::{Catalog, Column, ExportType};
use waybill::deployment_file::DeploymentFile;
use waybill::records::{Order, Range, ReadRequest, RecordsClients, RecordsOpener};
use waybill::selection::{Criteria, Projection};
use waybill::value::Value;
use waybill_testing::mariadb::execute;
use waybill_tests::{Stack, Table, note, real_tables, skipped, skipped_without_tables, unique};

/// The random selections, unless `WAYBILL_SELECTIONS` says another number.
const SELECTIONS: u64 = 600;
const ROWS: usize = 300;
/// The rows of the real table.
const REAL_ROWS: usize = 1_000;
const STATUSES: [&str; 5] = ["paid", "Paid", "open", "päid", "it's \\'--"];
const WORDS: [&str; 8] = [
    "Straße",
    "STRASSE",
    "=1+1",
    "a%b_c",
    "line\nbreak",
    "茶碗",
    "\"quoted\"",
    "\\x00",
];

/// A record of all tables.
#[derive(Debug, Clone)]
struct Row {
    id: String,
    created_at: Option<Timestamp>,
    status: Option<String>,
    note: Option<String>,
    amount: Option<String>,
    flag: Option<bool>,
}

/// How all tables are keyed.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Keys {
    /// By time and id: a time range is a range of keys.
    ByTime,
    /// By id: the time may be missing.
    ById,
}

fn rows(keys: Keys, random: &mut Rng, now: Timestamp) -> Vec<Row> {
    let row = |n: usize| {
        let ago = SignedDuration::from_secs(random.i64(-30..600));
        let has_time = keys == Keys::ByTime || random.u8(0..10) > 0;
        let word = |random: &mut Rng| random.choice(WORDS).unwrap();
        let note = format!("{} {}", word(random), word(random));
        let mut maybe = |share: u8| random.u8(0..10) < share;
        Row {
            id: format!("{}-{n:04}", if maybe(5) { "A" } else { "a" }),
            created_at: has_time.then(|| (now - ago).round(jiff::Unit::Second).unwrap()),
            status: maybe(8).then(|| STATUSES[n % STATUSES.len()].to_owned()),
            note: maybe(8).then_some(note),
            amount: maybe(8).then(|| format!("{}.{}", n * 7 % 1_000, 1 + n % 9)),
            flag: maybe(8).then_some(n.is_multiple_of(3)),
        }
    };
    (0..ROWS).map(row).collect()
}

/// The first rows of the real purchases.
fn purchases(folder: &Path) -> Vec<Row> {
    let table = Table::prepare("purchases", folder, REAL_ROWS);
    let mut reader = csv::Reader::from_path(table.path()).unwrap();
    let header = reader.headers().unwrap().clone();
    let rows = reader.records().map(|record| {
        let record = record.unwrap();
        let cell = |name: &str| {
            let place = header.iter().position(|column| column == name).unwrap();
            Some(record[place].to_owned()).filter(|text| !text.is_empty())
        };
        let quantity: i64 = cell("quantity").unwrap().parse().unwrap();
        Row {
            id: cell("id").unwrap(),
            created_at: Some(cell("purchased_at").unwrap().parse().unwrap()),
            status: cell("country"),
            note: cell("description"),
            amount: cell("unit_price").map(|price| without_zeros(&price)),
            flag: Some(quantity > 5),
        }
    });
    rows.collect()
}

/// A number as DynamoDB keeps it: without zeros at its end.
fn without_zeros(number: &str) -> String {
    match number.contains('.') {
        true => number
            .trim_end_matches('0')
            .trim_end_matches('.')
            .to_owned(),
        false => number.to_owned(),
    }
}

/// One type of records in every engine.
struct Engines {
    /// In DynamoDB, in PostgreSQL, and in MariaDB where that is installed.
    types: Vec<ExportType>,
    opener: RecordsOpener,
    parent: String,
}

const COLUMNS: &str = r#"created = "created_at"
search = ["id", "note"]
filters = ["status", "created_at", "amount", "flag", "note"]
columns = [
  { key = "id", kind = "text" }, { key = "created_at", kind = "timestamp" }, { key = "status", kind = "text" },
  { key = "note", kind = "text" }, { key = "amount", kind = "decimal" }, { key = "flag", kind = "boolean" },
]
"#;

impl Engines {
    async fn new(stack: &Stack, keys: Keys, rows: &[Row]) -> Self {
        let (name, parent) = (
            format!("conformance_{}", unique()),
            format!("p-{}", unique()),
        );
        put(stack, keys, &name, &parent, rows).await;
        insert(stack, keys, &name, &parent, rows).await;
        let mariadb = stack.optional_output("mariadb_url");
        match mariadb {
            Some(url) => insert_into_mariadb(url, keys, &name, &parent, rows),
            None => skipped("MariaDB beside the other engines", "it is not installed"),
        }
        let (format, key) = match keys {
            Keys::ByTime => ("rfc3339_s#id", r#"["created_at", "id"]"#),
            Keys::ById => ("id", r#"["id"]"#),
        };
        let mut records = vec![
            format!(
                r#"{{ engine = "dynamodb", table = "RECORDS_TABLE", partition = "{name}#{{parent}}", partition_key = "pk", sort_key = "sk", sort_format = "{format}" }}"#
            ),
            format!(
                r#"{{ database = "shop", table = "public.{name}", parent = "parent", key = {key} }}"#
            ),
        ];
        records.extend(mariadb.map(|_| {
            format!(r#"{{ database = "crm", table = "{name}", parent = "parent", key = {key} }}"#)
        }));
        let types = records.iter().map(|records| {
            let catalog = format!(
                "[database.shop]\nengine = \"postgres\"\nsettles = 0\n[database.crm]\nengine = \"mysql\"\nsettles = 0\n[[type]]\nname = \"things\"\nparent = \"organization\"\n\
                 delivery = \"link\"\nrecords = {records}\n{COLUMNS}"
            );
            Catalog::parse(&catalog).unwrap().types()[0].clone()
        });
        let types = types.collect();
        let deployment = format!(
            "[deployment]\ntables.RECORDS_TABLE = \"{}\"\ndatabases.shop = {{ url = \"{}\" }}\ndatabases.crm = {{ url = \"{}\" }}\n",
            stack.output("records_table"),
            stack.output("database_url"),
            mariadb.unwrap_or("mysql://nobody@localhost/none")
        );
        let config = aws_config::defaults(BehaviorVersion::latest())
            .region(Region::new("eu-west-1"))
            .credentials_provider(Credentials::new("test", "test", None, None, "test"))
            .load()
            .await;
        let clients = RecordsClients::new(&config, Some(stack.output("records_url").to_owned()));
        let opener =
            RecordsOpener::new(clients, DeploymentFile::parse(&deployment).unwrap().into());
        Self {
            types,
            opener,
            parent,
        }
    }

    /// The cells of the selected records of an engine, with stops after random records.
    async fn read(
        &self,
        engine: usize,
        asked: &Asked,
        as_of: Timestamp,
        random: &mut Rng,
    ) -> Vec<Vec<String>> {
        let of = &self.types[engine];
        let criteria =
            Criteria::from_json(of, Some(&asked.filters), asked.search.as_ref()).unwrap();
        let selection = criteria.pin(as_of, &TimeZone::UTC).unwrap();
        let columns: Vec<&Column> = of.columns.iter().collect();
        let projection = Projection::new(of, &columns, &selection);
        let (mut rows, mut position) = (Vec::new(), None::<String>);
        'open: loop {
            let request = ReadRequest {
                spec: &of.records,
                parent_id: &self.parent,
                root_id: None,
                projection: &projection,
                range: Range::new(&selection, as_of),
                order: Order::Ascending,
                reads_outside: true,
                strong_until: None,
                is_file: true,
            };
            let mut source = self
                .opener
                .open(request, position.as_deref())
                .await
                .unwrap();
            source.examine_at_most(random.u32(1..200));
            while let Some(page) = source.next().await.unwrap() {
                let stop = (random.u8(0..4) == 0).then(|| random.usize(0..page.len().max(1)));
                let mut values = Vec::new();
                for n in 0..page.len() {
                    page.values(n, &projection, &mut values);
                    if projection.decide(&values, page.key_time(n), as_of).is_in() {
                        rows.push(projection.columns(&values).iter().map(shown).collect());
                    }
                    if stop == Some(n) {
                        position = Some(page.position(n));
                        source.close().await;
                        continue 'open;
                    }
                }
            }
            source.close().await;
            return rows;
        }
    }
}

/// A value with its type. A null is an empty cell, as a missing value is; a column of a database has all of its digits.
fn shown(value: &Value<'_>) -> String {
    match value {
        Value::Missing => format!("{:?}", Value::Null),
        Value::Number(digits) => format!("{:?}", Value::Number(without_zeros(digits).into())),
        value => format!("{value:?}"),
    }
}

async fn put(stack: &Stack, keys: Keys, name: &str, parent: &str, rows: &[Row]) {
    let client = stack.aws().await.records;
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let requests: Vec<WriteRequest> = rows
        .iter()
        .map(|row| {
            let sort = match keys {
                Keys::ByTime => format!("{}#{}", row.created_at.unwrap(), row.id),
                Keys::ById => row.id.clone(),
            };
            let mut item = HashMap::from([
                ("pk".to_owned(), text(&format!("{name}#{parent}"))),
                ("sk".to_owned(), text(&sort)),
                ("id".to_owned(), text(&row.id)),
            ]);
            let mut add = |name: &str, value: Option<AttributeValue>| {
                item.extend(value.map(|value| (name.to_owned(), value)));
            };
            add("created_at", row.created_at.map(|at| text(&at.to_string())));
            add("status", row.status.as_deref().map(text));
            add("note", row.note.as_deref().map(text));
            add("amount", row.amount.clone().map(AttributeValue::N));
            add("flag", row.flag.map(AttributeValue::Bool));
            let request = PutRequest::builder().set_item(Some(item)).build().unwrap();
            WriteRequest::builder().put_request(request).build()
        })
        .collect();
    for batch in requests.chunks(25) {
        let request = client.batch_write_item();
        let request = request.request_items(stack.output("records_table"), batch.to_vec());
        request.send().await.unwrap();
    }
}

async fn insert(stack: &Stack, keys: Keys, name: &str, parent: &str, rows: &[Row]) {
    let (client, connection) = tokio_postgres::connect(stack.output("database_url"), NoTls)
        .await
        .unwrap();
    tokio::spawn(connection);
    let key = match keys {
        Keys::ByTime => "created_at timestamptz NOT NULL, PRIMARY KEY (parent, created_at, id)",
        Keys::ById => "created_at timestamptz, PRIMARY KEY (parent, id)",
    };
    let table = format!(
        "CREATE TABLE {name} (parent text NOT NULL, id text COLLATE \"C\" NOT NULL, status text, note text, amount numeric, flag boolean, {key})"
    );
    client.batch_execute(&table).await.unwrap();
    let statement = format!(
        "INSERT INTO {name} (parent, id, created_at, status, note, amount, flag) \
         VALUES ($1, $2, $3::text::timestamptz, $4, $5, $6::text::numeric, $7)"
    );
    let statement = client.prepare(&statement).await.unwrap();
    for row in rows {
        let at = row.created_at.map(|at| at.to_string());
        client
            .execute(
                &statement,
                &[
                    &parent,
                    &row.id,
                    &at,
                    &row.status,
                    &row.note,
                    &row.amount,
                    &row.flag,
                ],
            )
            .await
            .unwrap();
    }
}

fn insert_into_mariadb(url: &str, keys: Keys, name: &str, parent: &str, rows: &[Row]) {
    let key = match keys {
        Keys::ByTime => "created_at datetime NOT NULL, PRIMARY KEY (parent, created_at, id)",
        Keys::ById => "created_at datetime, PRIMARY KEY (parent, id)",
    };
    let text = |text: &str| {
        let digits: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
        format!("_utf8mb4 X'{digits}'")
    };
    let or_null = |value: Option<String>| value.unwrap_or_else(|| "NULL".to_owned());
    let time = |at: Timestamp| at.strftime("'%Y-%m-%d %H:%M:%S'").to_string();
    let values = rows.iter().map(|row| {
        format!(
            "({}, {}, {}, {}, {}, {}, {})",
            text(parent),
            text(&row.id),
            or_null(row.created_at.map(time)),
            or_null(row.status.as_deref().map(text)),
            or_null(row.note.as_deref().map(text)),
            or_null(row.amount.clone()),
            or_null(row.flag.map(|flag| u8::from(flag).to_string())),
        )
    });
    let values: Vec<String> = values.collect();
    let statements = format!(
        "CREATE TABLE {name} (parent varchar(64) NOT NULL, id varchar(64) COLLATE utf8mb4_bin NOT NULL, status varchar(64), note text, \
           amount decimal(20, 6), flag boolean, {key}); \
         INSERT INTO {name} (parent, id, created_at, status, note, amount, flag) VALUES {}",
        values.join(", ")
    );
    let port = url.split([':', '/']).nth(4).unwrap();
    execute(port.parse().unwrap(), "crm", &statements);
}

/// A random selection.
#[derive(Debug)]
struct Asked {
    filters: Json,
    search: Option<Json>,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    statuses: Vec<String>,
    amounts: Vec<String>,
    flag: Option<bool>,
    conditions: Vec<Condition>,
}

/// A condition on the value of a column.
#[derive(Debug)]
enum Condition {
    StatusNot(Vec<String>),
    StatusEmpty(bool),
    NoteContains(String),
    NoteStartsWith(String),
    AmountMin(String),
    AmountMax(String),
    FlagNot(bool),
}

impl Condition {
    fn random(random: &mut Rng, vocabulary: &Vocabulary) -> Self {
        let word = |random: &mut Rng, words: &[String]| random.choice(words).unwrap().clone();
        match random.u8(0..7) {
            0 => Self::StatusNot(vec![
                word(random, &vocabulary.statuses),
                word(random, &vocabulary.statuses),
            ]),
            1 => Self::StatusEmpty(random.bool()),
            2 => Self::NoteContains(word(random, &vocabulary.searched)),
            3 => Self::NoteStartsWith(word(random, &vocabulary.searched)),
            4 => Self::AmountMin(word(random, &vocabulary.amounts)),
            5 => Self::AmountMax(word(random, &vocabulary.amounts)),
            _ => Self::FlagNot(random.bool()),
        }
    }

    /// Adds the condition to the filters of a request, unless the filter asks for values.
    fn add_to(&self, filters: &mut Json) -> bool {
        let (column, name, value) = match self {
            Self::StatusNot(statuses) => ("status", "not", json!(statuses)),
            Self::StatusEmpty(empty) => ("status", "empty", json!(empty)),
            Self::NoteContains(text) => ("note", "contains", json!(text)),
            Self::NoteStartsWith(text) => ("note", "starts_with", json!(text)),
            Self::AmountMin(number) => ("amount", "min", json!(number)),
            Self::AmountMax(number) => ("amount", "max", json!(number)),
            Self::FlagNot(flag) => ("flag", "not", json!(flag)),
        };
        let filter = &mut filters[column];
        // A least number above the greatest is refused, so that a filter has only one of them.
        let others = match name {
            "min" | "max" => &["min", "max"][..],
            _ => std::slice::from_ref(&name),
        };
        let is_new = others.iter().all(|other| filter[*other].is_null());
        let is_free = filter.is_null() || (filter.is_object() && is_new);
        if is_free {
            filter[name] = value;
        }
        is_free
    }

    /// Whether a row meets the condition, by this test's own reading of it.
    fn is_met(&self, row: &Row) -> bool {
        let number = |text: &str| text.parse::<f64>().unwrap();
        let note = row.note.as_deref().map(fold);
        match self {
            Self::StatusNot(statuses) => row
                .status
                .as_ref()
                .is_none_or(|status| !statuses.contains(status)),
            Self::StatusEmpty(empty) => row.status.is_none() == *empty,
            Self::NoteContains(text) => note.is_some_and(|note| note.contains(&fold(text))),
            Self::NoteStartsWith(text) => note.is_some_and(|note| note.starts_with(&fold(text))),
            Self::AmountMin(min) => row
                .amount
                .as_deref()
                .is_some_and(|amount| number(amount) >= number(min)),
            Self::AmountMax(max) => row
                .amount
                .as_deref()
                .is_some_and(|amount| number(amount) <= number(max)),
            Self::FlagNot(flag) => row.flag != Some(*flag),
        }
    }
}

/// A text without differences of case.
fn fold(text: &str) -> String {
    text.replace('ß', "ss").to_lowercase()
}

/// What random selections are made of: what occurs in the rows, and what does not.
struct Vocabulary {
    /// The earliest and the latest instant of a bound.
    times: (Timestamp, Timestamp),
    statuses: Vec<String>,
    searched: Vec<String>,
    amounts: Vec<String>,
}

impl Vocabulary {
    /// For made-up rows.
    fn made_up(now: Timestamp) -> Self {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        let searched = ["strasse", "A-01", "茶", "%", "\\", "nothing at all", "a-0"];
        Self {
            times: (
                now - SignedDuration::from_secs(660),
                now + SignedDuration::from_secs(60),
            ),
            statuses: owned(&STATUSES),
            searched: owned(&searched),
            amounts: owned(&["7.2", "14.30", "0.1", "1e1"]),
        }
    }

    /// For these rows.
    fn of(rows: &[Row], random: &mut Rng) -> Self {
        let times: Vec<Timestamp> = rows.iter().filter_map(|row| row.created_at).collect();
        let words = rows.iter().filter_map(|row| row.note.as_deref());
        let words: Vec<&str> = words.flat_map(str::split_whitespace).collect();
        let part = |random: &mut Rng| {
            let word: Vec<char> = random.choice(&words).unwrap().chars().collect();
            let start = random.usize(0..word.len());
            let part: String = word[start..].iter().collect();
            if random.bool() {
                part.to_lowercase()
            } else {
                part
            }
        };
        let (ids, statuses) = (
            rows.iter().map(|row| &row.id),
            rows.iter().filter_map(|row| row.status.clone()),
        );
        let searched = (0..60)
            .map(|_| part(random))
            .filter(|word| word.trim().len() > 1);
        let searched = searched.chain(ids.step_by(97).cloned()).collect();
        let amounts = rows.iter().filter_map(|row| row.amount.clone()).step_by(13);
        Self {
            times: (*times.iter().min().unwrap(), *times.iter().max().unwrap()),
            statuses: statuses.step_by(7).chain(["Nowhere".to_owned()]).collect(),
            searched,
            amounts: amounts.collect(),
        }
    }
}

impl Asked {
    fn random(random: &mut Rng, vocabulary: &Vocabulary) -> Self {
        let mut filters = json!({});
        let (first, last) = vocabulary.times;
        let instant = |random: &mut Rng| {
            let second = random.i64(first.as_second()..=last.as_second());
            Timestamp::from_second(second).unwrap()
        };
        let from = random.bool().then(|| instant(random));
        let to = random
            .bool()
            .then(|| instant(random))
            .filter(|to| from.is_none_or(|from| from < *to));
        if from.is_some() || to.is_some() {
            filters["created_at"] = json!({});
        }
        if let Some(from) = from {
            filters["created_at"]["from"] = json!(from);
        }
        if let Some(to) = to {
            filters["created_at"]["to"] = json!(to);
        }
        let mut some_of = |texts: &[String]| -> Vec<String> {
            let count = random.u8(0..3);
            (0..count)
                .map(|_| random.choice(texts).unwrap().clone())
                .collect()
        };
        let statuses = some_of(&vocabulary.statuses);
        let amounts = some_of(&vocabulary.amounts);
        // Not too many conditions at once, or hardly anything is selected.
        let amounts = if random.u8(0..4) == 0 {
            amounts
        } else {
            Vec::new()
        };
        if !amounts.is_empty() {
            filters["amount"] = json!(amounts);
        }
        if !statuses.is_empty() {
            filters["status"] = json!(statuses);
        }
        let flag = (random.u8(0..5) == 0).then(|| random.bool());
        if let Some(flag) = flag {
            filters["flag"] = json!(flag);
        }
        let mut conditions: Vec<Condition> = (0..random.u8(0..3))
            .map(|_| Condition::random(random, vocabulary))
            .collect();
        conditions.retain(|condition| condition.add_to(&mut filters));
        let searched = &vocabulary.searched;
        let search = (random.u8(0..3) == 0).then(|| json!(random.choice(searched).unwrap()));
        Self {
            filters,
            search,
            from,
            to,
            statuses,
            amounts,
            flag,
            conditions,
        }
    }

    /// The ids of the selected rows, by this test's own reading of what is asked.
    fn ids(&self, rows: &[Row], as_of: Timestamp) -> Vec<String> {
        let is_filtered = self.from.is_some() || self.to.is_some();
        let in_time = |row: &Row| match row.created_at {
            None => !is_filtered,
            Some(at) => {
                at < as_of
                    && self.from.is_none_or(|from| at >= from)
                    && self.to.is_none_or(|to| at < to)
            }
        };
        let found = |row: &Row| {
            self.search
                .as_ref()
                .and_then(Json::as_str)
                .is_none_or(|search| {
                    let texts = [Some(&row.id), row.note.as_ref()];
                    texts
                        .into_iter()
                        .flatten()
                        .any(|text| fold(text).contains(&fold(search)))
                })
        };
        let is_in = |row: &&Row| {
            in_time(row)
                && (self.statuses.is_empty()
                    || row
                        .status
                        .as_ref()
                        .is_some_and(|status| self.statuses.contains(status)))
                && (self.amounts.is_empty()
                    || row.amount.as_ref().is_some_and(|amount| {
                        let number = |text: &String| text.parse::<f64>().ok();
                        self.amounts
                            .iter()
                            .any(|asked| number(asked) == number(amount))
                    }))
                && self.flag.is_none_or(|flag| row.flag == Some(flag))
                && found(row)
                && self
                    .conditions
                    .iter()
                    .all(|condition| condition.is_met(row))
        };
        let mut ids: Vec<String> = rows
            .iter()
            .filter(is_in)
            .map(|row| row.id.clone())
            .collect();
        ids.sort_unstable();
        ids
    }
}

/// Compares many random selections of made-up rows.
async fn compare_made_up(keys: Keys, seed: u64) {
    let mut random = Rng::with_seed(seed);
    let now = Timestamp::now().round(jiff::Unit::Second).unwrap();
    let rows = rows(keys, &mut random, now);
    let vocabulary = Vocabulary::made_up(now);
    compare(keys, rows, vocabulary, random, now).await;
}

async fn compare(
    keys: Keys,
    rows: Vec<Row>,
    vocabulary: Vocabulary,
    mut random: Rng,
    now: Timestamp,
) {
    let stack = Stack::get();
    let engines = Engines::new(&stack, keys, &rows).await;
    let selections =
        std::env::var("WAYBILL_SELECTIONS").map_or(SELECTIONS, |text| text.parse().unwrap());
    let mut selected = 0;
    for n in 0..selections / 3 {
        let asked = Asked::random(&mut random, &vocabulary);
        let first = engines.read(0, &asked, now, &mut random).await;
        for other in 1..engines.types.len() {
            let other = engines.read(other, &asked, now, &mut random).await;
            assert_eq!(first, other, "{keys:?}, selection {n}: {asked:?}");
        }
        let mut ids: Vec<String> = first.iter().map(|row| row[0].clone()).collect();
        ids.sort_unstable();
        let expected = asked.ids(&rows, now);
        let expected: Vec<String> = expected
            .iter()
            .map(|id| format!("{:?}", Value::Text(id.as_str().into())))
            .collect();
        assert_eq!(ids, expected, "{keys:?}, selection {n}: {asked:?}");
        selected += ids.len();
    }
    note(&format!(
        "{} selections of {} rows: {selected} rows selected",
        selections / 3,
        rows.len()
    ));
    assert!(selected > 0);
}

#[tokio::test]
async fn all_engines_and_a_model_select_the_same_by_time() {
    compare_made_up(Keys::ByTime, 1).await;
}

#[tokio::test]
async fn all_engines_and_a_model_select_the_same_by_id() {
    compare_made_up(Keys::ById, 2).await;
}

#[tokio::test]
async fn all_engines_and_a_model_select_the_same_of_a_real_table() {
    let folder = match real_tables() {
        Ok(folder) => folder,
        Err(why) => return skipped_without_tables("random selections of real purchases", &why),
    };
    let rows = purchases(&folder);
    let mut random = Rng::with_seed(3);
    let vocabulary = Vocabulary::of(&rows, &mut random);
    compare(Keys::ByTime, rows, vocabulary, random, Timestamp::now()).await;
}
