use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_dynamodb::operation::query::{QueryInput, QueryOutput};
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{AttributeValue, ConsumedCapacity};
use aws_smithy_mocks::{MockResponse, MockResponseInterceptor, RuleMode, mock};
use insta::assert_snapshot;
use jiff::Timestamp;
use serde_json::json;

use self::answer::query_answer;
use super::*;
use crate::aws::Item;
use crate::catalog::{Catalog, Column, ExportType, Path};
use crate::selection::Criteria;
use crate::selection::Projection;
use crate::value::number;
use tokio::time::Instant;

#[path = "../../../testing/src/answer.rs"]
#[expect(
    unreachable_pub,
    reason = "in the crate for tests, the functions' tests use the item"
)]
mod answer;
mod shapes;

/// DynamoDB's order of keys.
fn compare(a: Option<&AttributeValue>, b: Option<&AttributeValue>) -> Ordering {
    let text = |value: Option<&AttributeValue>| value.and_then(|value| value.as_s().ok().cloned());
    match (a, b) {
        (Some(AttributeValue::N(a)), Some(AttributeValue::N(b))) => number::compare(a, b),
        (a, b) => text(a).cmp(&text(b)),
    }
}

/// A table or an index that answers queries like DynamoDB: a few records at a time, and a filter applies to the examined
/// records.
#[derive(Clone)]
struct Table {
    items: Arc<Mutex<Vec<Item>>>,
    partition: &'static str,
    sort: &'static str,
    /// The attributes of a start key.
    key: &'static [&'static str],
    /// The maximum number of records that a query examines.
    page: usize,
    /// Which records pass the filter expression.
    passes: fn(&Item) -> bool,
    queries: Arc<Mutex<Vec<QueryInput>>>,
}

impl Table {
    fn new(items: Vec<Item>) -> Self {
        Self {
            items: Arc::new(Mutex::new(items)),
            partition: "pk",
            sort: "sk",
            key: &["pk", "sk"],
            page: 3,
            passes: |_| true,
            queries: Arc::default(),
        }
    }

    fn client(&self) -> Client {
        let table = self.clone();
        let rule = mock!(Client::query).then_compute_response(move |input| {
            let answer = table.answer(input);
            // A query with the limit 1 gets the names of the table's key attributes.
            match input.limit() {
                Some(1) => MockResponse::Output(answer),
                _ => MockResponse::Http(query_answer(&answer)),
            }
        });
        let answers = MockResponseInterceptor::new()
            .rule_mode(RuleMode::MatchAny)
            .with_rule(&rule);
        let config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-west-1"))
            .credentials_provider(Credentials::new("a", "b", None, None, "test"))
            .http_client(aws_smithy_mocks::create_mock_http_client())
            .interceptor(answers);
        Client::from_conf(config.build())
    }

    fn order(&self, a: &Item, b: &Item) -> Ordering {
        let order = compare(a.get(self.sort), b.get(self.sort));
        let rest = self
            .key
            .iter()
            .map(|name| compare(a.get(*name), b.get(*name)));
        rest.fold(order, Ordering::then)
    }

    fn answer(&self, input: &QueryInput) -> QueryOutput {
        self.queries.lock().unwrap().push(input.clone());
        let names = input.expression_attribute_names().unwrap();
        let values = input.expression_attribute_values().unwrap();
        assert_eq!(names["#partition"], self.partition);
        let bound = |name: &str| values.get(name);
        let is_asked = |item: &Item| {
            let sort = item.get(self.sort);
            let condition = input.key_condition_expression().unwrap();
            item.get(self.partition) == bound(":partition")
                && bound(":from").is_none_or(|from| compare(sort, Some(from)).is_ge())
                && bound(":until").is_none_or(|until| match condition.contains("BETWEEN") {
                    true => compare(sort, Some(until)).is_le(),
                    false => compare(sort, Some(until)).is_lt(),
                })
        };
        let mut items: Vec<Item> = self.items.lock().unwrap().clone();
        items.retain(is_asked);
        items.sort_by(|a, b| self.order(a, b));
        let forward = input.scan_index_forward() != Some(false);
        if !forward {
            items.reverse();
        }
        if let Some(start) = input.exclusive_start_key() {
            let given: BTreeSet<_> = start.keys().map(String::as_str).collect();
            assert_eq!(given, self.key.iter().copied().collect(), "the whole key");
            items.retain(|item| match forward {
                true => self.order(item, start).is_gt(),
                false => self.order(item, start).is_lt(),
            });
        }
        let limit = input
            .limit()
            .map_or(self.page, |limit| self.page.min(limit as usize));
        items.truncate(limit);
        let last = items.last().filter(|_| items.len() == limit).map(|item| {
            let attribute = |name: &&str| ((*name).to_owned(), item[*name].clone());
            self.key.iter().map(attribute).collect()
        });
        let scanned = items.len();
        if input.filter_expression().is_some() {
            items.retain(self.passes);
        }
        QueryOutput::builder()
            .set_items(Some(items))
            .scanned_count(scanned as i32)
            .set_last_evaluated_key(last)
            .consumed_capacity(ConsumedCapacity::builder().capacity_units(0.5).build())
            .build()
    }
}

fn s(text: &str) -> AttributeValue {
    AttributeValue::S(text.into())
}

fn item(partition: &str, sort: AttributeValue, id: &str) -> Item {
    let entries = [("pk", s(partition)), ("sk", sort), ("id", s(id))];
    entries.map(|(name, value)| (name.to_owned(), value)).into()
}

fn things(records: &str) -> ExportType {
    let text = format!(
        "[[type]]\nname = \"things\"\nparent = \"source\"\ndelivery = \"link\"\n\
         records = {{ engine = \"dynamodb\", table = \"RECORDS_TABLE\", {records} }}\n\
         created = \"created_at\"\nfilters = [\"status\", \"score\", \"attributes\"]\n\
         columns = [ {{ key = \"id\", kind = \"text\" }}, {{ key = \"status\", kind = \"text\" }}, \
         {{ key = \"score\", kind = \"integer\", path = \"rated.score\" }} ]\n"
    );
    Catalog::parse(&text).unwrap().types()[0].clone()
}

/// When a reader stops and another one continues.
#[derive(Debug, Clone, Copy)]
enum Stop {
    Never,
    /// After each this many rows.
    Rows(usize),
    /// After each page.
    Pages,
}

use Stop::{Never, Pages, Rows};

/// A table and the settings of a read, which a reading borrows.
struct Source {
    table: Table,
    of: ExportType,
    projection: Projection,
    parent_id: &'static str,
    reads_outside: bool,
}

impl Source {
    fn new(table: Table, records: &str, filters: serde_json::Value) -> Self {
        let of = things(records);
        let criteria = Criteria::from_json(&of, Some(&filters), None).unwrap();
        let selection = criteria.pin(as_of(), &jiff::tz::TimeZone::UTC).unwrap();
        let columns = of.select_columns(&["id"]).unwrap();
        let projection = Projection::new(&of, &columns, &selection);
        Self {
            table,
            of,
            projection,
            parent_id: "web",
            reads_outside: false,
        }
    }

    fn open(&self, order: Order, position: Option<&str>) -> Result<DynamoRecords, RecordsError> {
        let reading = ReadRequest {
            spec: &self.of.records,
            parent_id: self.parent_id,
            root_id: None,
            projection: &self.projection,
            range: Range {
                from: None,
                until: as_of(),
                as_of: as_of(),
            },
            order,
            reads_outside: self.reads_outside,
            strong_until: None,
            is_file: true,
        };
        DynamoRecords::new(
            self.table.client(),
            "records",
            self.of.records.dynamodb().unwrap(),
            reading,
            position,
        )
    }

    /// The ids of all records, and the number of records read.
    async fn read(&self, order: Order, stop: Stop) -> (Vec<String>, u64) {
        let (mut ids, mut read, mut position) = (Vec::new(), 0, None);
        'again: loop {
            let mut records = self.open(order, position.as_deref()).unwrap();
            while let Some(page) = records.next().await.unwrap() {
                for (n, row) in page.rows().enumerate() {
                    ids.push(id(row));
                    if matches!(stop, Rows(every) if ids.len() % every == 0) {
                        read += page.read_through(n);
                        position = Some(page.position(n));
                        continue 'again;
                    }
                }
                read += page.read();
                if matches!(stop, Pages) {
                    position = Some(page.end());
                    continue 'again;
                }
            }
            return (ids, read);
        }
    }
}

/// The value of the only column.
fn id(row: Row<'_>) -> String {
    let mut values = Vec::new();
    row.values(&mut values);
    values[0].as_text().unwrap().to_owned()
}

fn as_of() -> Timestamp {
    "2026-11-21T12:00:00Z".parse().unwrap()
}

const ONE: &str = r##"partition = "{parent}", partition_key = "pk", sort_key = "sk", sort_format = "rfc3339_s#id""##;
const THREE: &str = r##"partitions = ["{parent}#0", "{parent}#1", "{parent}#2"], partition_key = "pk",
    sort_key = "sk", sort_format = "rfc3339_s#id""##;

/// 40 records in three partitions. Some are of the last minute, some are later than the request, and some have equal keys.
fn spread() -> Vec<Item> {
    let mut items = Vec::new();
    for n in 0..40 {
        let minute = format!("2026-11-21T11:{:02}:{:02}Z", 20 + n, n);
        let partition = format!("web#{}", [0, 0, 0, 0, 0, 2, 1, 2][n % 8]);
        items.push(item(
            &partition,
            s(&format!("{minute}#x")),
            &format!("{n:02}"),
        ));
    }
    for partition in 0..3 {
        let at = |time: &str| s(&format!("2026-11-21T{time}Z#same"));
        items.push(item(
            &format!("web#{partition}"),
            at("11:30:00"),
            &format!("same {partition}"),
        ));
        items.push(item(&format!("web#{partition}"), at("12:00:00"), "late"));
    }
    items.push(item(
        "other#0",
        s("2026-11-21T11:30:00Z#x"),
        "of another source",
    ));
    items
}

fn ids_of(items: &[Item]) -> Vec<String> {
    let mut of: Vec<&Item> = items.iter().collect();
    of.retain(|item| item["pk"].as_s().unwrap().starts_with("web"));
    of.retain(|item| item["id"] != s("late"));
    of.sort_by_key(|item| {
        (
            item["sk"].as_s().unwrap().clone(),
            item["pk"].as_s().unwrap().clone(),
        )
    });
    of.iter()
        .map(|item| item["id"].as_s().unwrap().clone())
        .collect()
}

#[tokio::test]
async fn partitions_are_merged_in_the_order_of_their_keys_wherever_a_read_continues() {
    let items = spread();
    let mut wanted = ids_of(&items);
    let source = Source::new(Table::new(items), THREE, json!(null));
    for order in [Order::Ascending, Order::Descending] {
        if order == Order::Descending {
            wanted.reverse();
        }
        for stop in [Never, Pages, Rows(1), Rows(2), Rows(3), Rows(5), Rows(7)] {
            let (ids, read) = source.read(order, stop).await;
            assert_eq!(ids, wanted, "{order:?}, {stop:?}");
            assert_eq!(read, wanted.len() as u64, "{order:?}, {stop:?}");
        }
    }
}

/// Records that the query's filter excludes count as read once, wherever the read continues.
#[tokio::test]
async fn excluded_records_count_once() {
    let items = spread();
    let mut table = Table::new(items.clone());
    table.passes = |item| item["id"].as_s().unwrap().ends_with(['1', '5', '6']);
    let mut wanted = ids_of(&items);
    let all = wanted.len() as u64;
    wanted.retain(|id| id.ends_with(['1', '5', '6']));
    let source = Source::new(table, THREE, json!({"status": "new"}));
    for stop in [Never, Pages, Rows(1), Rows(2), Rows(3), Rows(5)] {
        let (ids, read) = source.read(Order::Ascending, stop).await;
        assert_eq!((ids, read), (wanted.clone(), all), "{stop:?}");
    }
}

/// A repeated query may have other pages.
#[tokio::test]
async fn excluded_records_count_once_if_later_pages_have_other_sizes() {
    let items = spread();
    let mut table = Table::new(items.clone());
    table.passes = |item| item["id"].as_s().unwrap().ends_with(['1', '5', '6']);
    let mut wanted = ids_of(&items);
    let all = wanted.len() as u64;
    wanted.retain(|id| id.ends_with(['1', '5', '6']));
    let mut source = Source::new(table, THREE, json!({"status": "new"}));
    for pages in [[9, 2], [2, 9], [7, 1], [20, 3]] {
        for order in [Order::Ascending, Order::Descending] {
            let (mut ids, mut read, mut position) = (Vec::new(), 0, None);
            'again: loop {
                source.table.page = pages[ids.len() % 2];
                let mut records = source.open(order, position.as_deref()).unwrap();
                while let Some(page) = records.next().await.unwrap() {
                    for (n, row) in page.rows().enumerate() {
                        ids.push(id(row));
                        if ids.len() % 2 == 1 {
                            read += page.read_through(n);
                            position = Some(page.position(n));
                            continue 'again;
                        }
                    }
                    read += page.read();
                }
                break;
            }
            if order == Order::Descending {
                ids.reverse();
            }
            assert_eq!((ids, read), (wanted.clone(), all), "{pages:?} {order:?}");
        }
    }
}

#[tokio::test]
async fn a_read_of_an_index_continues_with_the_tables_own_key() {
    // In an index, several records can have the same key.
    let at = |n: usize| s(&format!("2026-11-21T11:{:02}:00Z#x", 10 + n / 7));
    let items: Vec<_> = (0..30)
        .map(|n| {
            let mut item = item(&format!("own {n:02}"), s("x"), &format!("{n:02}"));
            item.insert("gpk".to_owned(), s("web"));
            item.insert("gsk".to_owned(), at(n));
            item
        })
        .collect();
    let wanted: Vec<_> = (0..30).map(|n| format!("{n:02}")).collect();
    let mut table = Table::new(items);
    (table.partition, table.sort, table.key) = ("gpk", "gsk", &["gpk", "gsk", "pk", "sk"]);
    let records = r##"index = "by_time", partition = "{parent}", partition_key = "gpk", sort_key = "gsk",
        sort_format = "rfc3339_s#id""##;
    let source = Source::new(table.clone(), records, json!(null));
    for stop in [Never, Pages, Rows(1), Rows(2), Rows(5)] {
        let (ids, read) = source.read(Order::Ascending, stop).await;
        assert_eq!((ids, read), (wanted.clone(), 30), "{stop:?}");
    }
    let queries = table.queries.lock().unwrap();
    assert!(
        queries
            .iter()
            .all(|query| query.index_name() == Some("by_time"))
    );
    assert!(
        queries
            .iter()
            .all(|query| query.consistent_read() != Some(true))
    );
}

#[tokio::test]
async fn bounds_apply_to_the_instant_if_keys_are_not_in_the_order_of_time() {
    let items = [
        "2026-11-21T11:59:59.017Z",
        "2026-11-21T11:59:59Z",
        "2026-11-21T12:00:00.5Z",
        "2026-11-21T12:00:00Z",
        "2026-11-21T12:30:00+01:00",
    ];
    let items = items
        .map(|time| item("web", s(&format!("{time}#a")), time))
        .to_vec();
    let records = ONE.replace("rfc3339_s", "rfc3339");
    let table = Table::new(items);
    let source = Source::new(table.clone(), &records, json!(null));
    for stop in [Never, Pages, Rows(1), Rows(2)] {
        let (ids, read) = source.read(Order::Ascending, stop).await;
        let within = [
            "2026-11-21T11:59:59.017Z",
            "2026-11-21T11:59:59Z",
            "2026-11-21T12:30:00+01:00",
        ];
        assert_eq!(
            (ids, read),
            (within.map(str::to_owned).to_vec(), 5),
            "{stop:?}"
        );
    }
    let queries = table.queries.lock().unwrap();
    assert!(
        queries
            .iter()
            .all(|query| query.consistent_read() == Some(true))
    );
}

#[tokio::test]
async fn numbers_are_merged_by_value() {
    let n = |digits: &str| AttributeValue::N(digits.into());
    let items = vec![
        item("web#0", n("9"), "a"),
        item("web#1", n("10"), "b"),
        item("web#0", n("11"), "c"),
        item("web#2", n("1795262400000"), "later"),
    ];
    let records = THREE.replace("rfc3339_s#id", "epoch_ms");
    let source = Source::new(Table::new(items), &records, json!(null));
    let (ids, _) = source.read(Order::Ascending, Rows(1)).await;
    assert_eq!(ids, ["a", "b", "c"]);
}

#[tokio::test]
async fn a_read_continues_after_a_deleted_record() {
    let items: Vec<_> = (0..9)
        .map(|n| {
            item(
                "web",
                s(&format!("2026-11-21T10:0{n}:00Z#x")),
                &n.to_string(),
            )
        })
        .collect();
    let mut table = Table::new(items);
    table.page = 9;
    table.passes = |item| item["id"] != s("0");
    let source = Source::new(table.clone(), ONE, json!({"status": "new"}));
    let mut records = source.open(Order::Ascending, None).unwrap();
    let page = records.next().await.unwrap().unwrap();
    let position = page.position(3);
    table
        .items
        .lock()
        .unwrap()
        .retain(|item| item["id"] != s("4"));
    let mut rest = source.open(Order::Ascending, Some(&position)).unwrap();
    let page = rest.next().await.unwrap().unwrap();
    let ids: Vec<_> = page.rows().map(id).collect();
    assert_eq!(ids, ["5", "6", "7", "8"]);
}

#[tokio::test]
async fn a_query_requests_only_the_needed_attributes() {
    let mut spec = ONE.to_owned();
    spec.push_str(r#", fixed = { entity = "lead", deleted = false, version = 2 }"#);
    let table = Table::new(spread());
    let filters = json!({"status": ["new", "sold"], "score": 7, "attributes": {"vip": true}});
    let source = Source::new(table.clone(), &spec, filters);
    source.read(Order::Ascending, Never).await;
    let query = table.queries.lock().unwrap()[0].clone();
    let named = |expression: &str| {
        let mut text = expression.to_owned();
        let names = query.expression_attribute_names().unwrap();
        let values = query.expression_attribute_values().unwrap();
        let mut names: Vec<_> = names.iter().map(|(k, v)| (k.clone(), v.clone())).collect();
        names.extend(values.iter().map(|(k, v)| (k.clone(), format!("{v:?}"))));
        names.sort_by_key(|(placeholder, _)| std::cmp::Reverse(placeholder.len()));
        for (placeholder, name) in names {
            text = text.replace(&placeholder, &name);
        }
        text
    };
    assert_snapshot!(named(query.projection_expression().unwrap()), @"attributes, created_at, deleted, entity, id, pk, rated, sk, status, version");
    assert_snapshot!(named(query.filter_expression().unwrap()), @r#"(deleted = Bool(false) OR (attribute_exists(deleted) AND NOT attribute_type(deleted, S("BOOL")))) AND (entity = S("lead") OR (attribute_exists(entity) AND NOT attribute_type(entity, S("S")))) AND (version = N("2") OR (attribute_exists(version) AND NOT attribute_type(version, S("N")))) AND attribute_exists(rated.score) AND (status IN (S("new"), S("sold")) OR (attribute_exists(status) AND NOT attribute_type(status, S("S")))) AND attribute_exists(attributes.vip)"#);
    assert_snapshot!(named(query.key_condition_expression().unwrap()), @r#"pk = S("web") AND sk < S("2026-11-21T11:59:00Z")"#);
}

#[tokio::test]
async fn a_query_requests_whole_records_for_fields_without_a_definition() {
    let catalog = Catalog::built_in().unwrap();
    let of = catalog
        .get("leads")
        .unwrap()
        .with_definitions(&Default::default(), "web");
    let projection = Projection::new(&of, &of.default_columns(), &Default::default());
    let table = Table::new(Vec::new());
    let source = Source {
        table: table.clone(),
        of,
        projection,
        parent_id: "web",
        reads_outside: false,
    };
    source.read(Order::Ascending, Never).await;
    let queries = table.queries.lock().unwrap();
    assert!(
        queries
            .iter()
            .all(|query| query.projection_expression().is_none())
    );
}

/// An expression has at most 4 KB.
#[tokio::test]
async fn whole_records_are_asked_for_where_a_file_has_a_thousand_columns() {
    let mut of = things(ONE);
    let column = of.columns[0].clone();
    of.columns.extend((0..1_000).map(|n| Column {
        key: format!("c{n}"),
        origin: Path::new(format!("c{n}"), []).into(),
        ..column.clone()
    }));
    for (count, is_projected) in [(10, true), (1_000, false)] {
        let keys: Vec<String> = (0..count).map(|n| format!("c{n}")).collect();
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        let columns = of.select_columns(&keys).unwrap();
        let table = Table::new(Vec::new());
        let source = Source {
            table: table.clone(),
            parent_id: "web",
            projection: Projection::new(&of, &columns, &Default::default()),
            of: of.clone(),
            reads_outside: false,
        };
        source.read(Order::Ascending, Never).await;
        let query = table.queries.lock().unwrap()[0].clone();
        let names = query.expression_attribute_names().unwrap().len();
        assert_eq!(query.projection_expression().is_some(), is_projected);
        assert_eq!(names > 3, is_projected, "{names} placeholders");
    }
}

#[tokio::test]
async fn a_binary_key_and_the_position_of_another_table_are_refused() {
    let bytes = AttributeValue::B(Blob::new("x"));
    let source = Source::new(
        Table::new(vec![item("web", bytes, "a")]),
        &ONE.replace("rfc3339_s#id", "id"),
        json!(null),
    );
    let mut records = source.open(Order::Ascending, None).unwrap();
    let error = records.next().await.unwrap_err();
    assert_snapshot!(error, @"the table records refuses the query: the sort key sk: the attribute is neither a text nor a number");

    let two = json!([{"segment": 0, "start": null, "after": null}, {"segment": 0, "start": null, "after": null}]);
    for position in [
        "",
        "{}",
        "[]",
        "[null]",
        r#"[{"segment": 0}]"#,
        r#"[{"segment": -1, "start": null, "after": null}]"#,
        r#"[{"segment": 0, "start": {"pk": "a"}, "after": null}]"#,
        &two.to_string(),
    ] {
        let opened = source.open(Order::Ascending, Some(position));
        assert!(matches!(opened, Err(RecordsError::Position)), "{position}");
    }
}

/// Records whose keys do not have the format: before, between and after the keys with times.
fn with_other_keys() -> Vec<Item> {
    let mut items = spread();
    for (n, key) in ["#1", "2026-11-21T11:30:00.5Z#x", "lead-1", "lead-2"]
        .into_iter()
        .enumerate()
    {
        let partition = format!("web#{}", n % 3);
        items.push(item(&partition, s(key), key));
    }
    items
}

#[tokio::test]
async fn keys_without_the_format_are_read_and_distinguished() {
    let items = with_other_keys();
    let mut wanted = ids_of(&items);
    let mut source = Source::new(Table::new(items), THREE, json!(null));
    source.reads_outside = true;
    for order in [Order::Ascending, Order::Descending] {
        if order == Order::Descending {
            wanted.reverse();
        }
        for stop in [Never, Pages, Rows(1), Rows(2), Rows(3), Rows(7)] {
            let (ids, read) = source.read(order, stop).await;
            assert_eq!(ids, wanted, "{order:?}, {stop:?}");
            assert_eq!(read, wanted.len() as u64, "{order:?}, {stop:?}");
        }
    }
    let mut records = source.open(Order::Ascending, None).unwrap();
    let mut with_other_format = Vec::new();
    while let Some(page) = records.next().await.unwrap() {
        for (n, row) in page.rows().enumerate() {
            if page.key_time(n) == KeyTime::Unreadable {
                assert_eq!(page.sort_key(n), Some(id(row).as_str()));
                with_other_format.push(id(row));
            }
        }
    }
    assert_eq!(
        with_other_format,
        ["#1", "2026-11-21T11:30:00.5Z#x", "lead-1", "lead-2"]
    );
}

/// Records of other times are not read: the range is queried as before.
#[tokio::test]
async fn keys_outside_of_times_are_queried_by_their_first_character() {
    let table = Table::new(with_other_keys());
    let mut source = Source::new(table.clone(), ONE, json!(null));
    source.reads_outside = true;
    let reading = |range: Range| ReadRequest {
        spec: &source.of.records,
        parent_id: "web#0",
        root_id: None,
        projection: &source.projection,
        range,
        order: Order::Ascending,
        reads_outside: true,
        strong_until: None,
        is_file: true,
    };
    let at = |text: &str| text.parse::<Timestamp>().unwrap();
    let range = Range {
        from: Some(at("2026-11-21T11:25:00Z")),
        until: at("2026-11-21T11:26:00Z"),
        as_of: as_of(),
    };
    let mut records = DynamoRecords::new(
        table.client(),
        "records",
        source.of.records.dynamodb().unwrap(),
        reading(range),
        None,
    )
    .unwrap();
    let mut ids = Vec::new();
    while let Some(page) = records.next().await.unwrap() {
        ids.extend(page.rows().map(id));
    }
    assert_eq!(ids, ["#1", "lead-2"]);
}

#[tokio::test(start_paused = true)]
async fn a_table_is_read_strongly_consistently_until_earlier_writes_have_settled() {
    let table = Table::new(spread());
    let source = Source::new(table.clone(), THREE, json!(null));
    let consistent = async |strong_until: Option<Instant>| {
        let reading = ReadRequest {
            spec: &source.of.records,
            parent_id: "web",
            root_id: None,
            projection: &source.projection,
            range: Range {
                from: None,
                until: "2026-11-21T11:50:00Z".parse().unwrap(),
                as_of: as_of(),
            },
            order: Order::Ascending,
            reads_outside: false,
            strong_until,
            is_file: true,
        };
        let mut records = DynamoRecords::new(
            table.client(),
            "records",
            source.of.records.dynamodb().unwrap(),
            reading,
            None,
        )
        .unwrap();
        table.queries.lock().unwrap().clear();
        records.next().await.unwrap();
        let queries = table.queries.lock().unwrap();
        queries
            .iter()
            .all(|query| query.consistent_read() == Some(true))
    };
    let now = Instant::now();
    assert!(!consistent(None).await);
    assert!(!consistent(Some(now)).await);
    assert!(consistent(Some(now + std::time::Duration::from_secs(5))).await);
}
