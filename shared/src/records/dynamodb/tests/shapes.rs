//! Tables of other shapes than Waybill's own: several types in a partition, no sort key, numbers as partition keys.

use super::*;

/// A customer's partition with a profile, orders and their items, and payments.
fn of_a_customer() -> Vec<Item> {
    let mut items = vec![item("web", s("PROFILE"), "profile")];
    for n in 0..12 {
        let order = format!("ORDER#2026-11-{:02}T10:00:00Z#{n}", 10 + n);
        items.push(item("web", s(&order), &format!("order {n:02}")));
        items.push(item(
            "web",
            s(&format!("{order}#ITEM#1")),
            "an order's item",
        ));
        items.push(item("web", s(&format!("PAYMENT#{n}")), "payment"));
    }
    items.push(item("web", s("ORDERS"), "something else"));
    items.push(item("web", s("ORDER#lost"), "order with another key"));
    items
}

#[tokio::test]
async fn of_a_partition_with_several_types_only_the_types_own_records_are_read() {
    let table = Table::new(of_a_customer());
    let records = r##"partition = "{parent}", partition_key = "pk", sort_key = "sk", sort_format = "ORDER#{rfc3339_s}#{id}""##;
    let mut source = Source::new(table.clone(), records, json!(null));
    source.reads_outside = true;
    let mut wanted: Vec<_> = (0..12).map(|n| format!("order {n:02}")).collect();
    wanted.push("order with another key".to_owned());
    for order in [Order::Ascending, Order::Descending] {
        for stop in [Never, Pages, Rows(1), Rows(2), Rows(5)] {
            let (ids, _) = source.read(order, stop).await;
            assert_eq!(ids, wanted, "{order:?}, {stop:?}");
        }
        wanted.reverse();
    }
    for query in table.queries.lock().unwrap().iter() {
        let values = query.expression_attribute_values().unwrap();
        let bound = |name: &str| values.get(name).unwrap().as_s().unwrap().as_str();
        assert!(
            bound(":from") >= "ORDER#" && bound(":until") <= "ORDER$",
            "{values:?}"
        );
    }
}

#[tokio::test]
async fn a_beginning_alone_is_a_format() {
    let records = r##"partition = "{parent}", partition_key = "pk", sort_key = "sk", sort_format = "PAYMENT#{id}""##;
    let source = Source::new(Table::new(of_a_customer()), records, json!(null));
    for stop in [Never, Pages, Rows(1), Rows(5)] {
        let (ids, read) = source.read(Order::Ascending, stop).await;
        assert_eq!(
            (ids, read),
            (vec!["payment".to_owned(); 12], 12),
            "{stop:?}"
        );
    }
}

/// An index may have a partition key only. Its records are in an order that only DynamoDB knows.
#[tokio::test]
async fn an_index_without_a_sort_key_is_read_wherever_a_read_continues() {
    let of = |n: usize| {
        let mut item = item(&format!("own {n:02}"), s("x"), &format!("{n:02}"));
        item.insert("gpk".to_owned(), s("web"));
        item
    };
    let mut table = Table::new((0..30).map(of).collect());
    (table.partition, table.sort, table.key) = ("gpk", "none", &["gpk", "pk", "sk"]);
    let wanted: Vec<_> = (0..30).map(|n| format!("{n:02}")).collect();
    let records = r#"index = "by_customer", partition = "{parent}", partition_key = "gpk""#;
    let source = Source::new(table, records, json!(null));
    for stop in [Never, Pages, Rows(1), Rows(2), Rows(5)] {
        let (ids, read) = source.read(Order::Ascending, stop).await;
        assert_eq!((ids, read), (wanted.clone(), 30), "{stop:?}");
    }
}

/// A query of the first partition tells the key.
#[tokio::test]
async fn several_partitions_of_an_index_continue_with_the_tables_own_key() {
    let of = |n: usize| {
        let mut item = item(&format!("own {n:02}"), s("x"), &format!("{n:02}"));
        item.insert("gpk".to_owned(), s(&format!("web#{}", n % 2)));
        item.insert("gsk".to_owned(), s(&format!("2026-11-21T10:{n:02}:00Z")));
        item
    };
    let mut table = Table::new((0..20).map(of).collect());
    (table.partition, table.sort, table.key) = ("gpk", "gsk", &["gpk", "gsk", "pk", "sk"]);
    let wanted: Vec<_> = (0..20).map(|n| format!("{n:02}")).collect();
    let records = r##"index = "by_time", partitions = ["{parent}#0", "{parent}#1"], partition_key = "gpk", sort_key = "gsk", sort_format = "{rfc3339_s}""##;
    let source = Source::new(table, records, json!(null));
    for stop in [Never, Pages, Rows(1), Rows(3)] {
        let (ids, _) = source.read(Order::Ascending, stop).await;
        assert_eq!(ids, wanted, "{stop:?}");
    }
}

/// DynamoDB takes `042` for the number 42.
#[tokio::test]
async fn a_partition_key_that_is_a_number_is_only_that_of_the_same_id() {
    let n = |digits: &str| AttributeValue::N(digits.into());
    let mut items = Vec::new();
    for customer in ["42", "43"] {
        let mut item = item("", s("a"), customer);
        item.insert("pk".to_owned(), n(customer));
        items.push(item);
    }
    let records = r#"partition = "{parent}", partition_type = "number", partition_key = "pk", sort_key = "sk", sort_format = "{id}""#;
    let mut source = Source::new(Table::new(items), records, json!(null));
    for (parent_id, ids) in [
        ("42", vec!["42".to_owned()]),
        ("042", vec![]),
        ("42abc", vec![]),
        ("4.2e1", vec![]),
        ("", vec![]),
    ] {
        source.parent_id = parent_id;
        assert_eq!(
            source.read(Order::Ascending, Never).await.0,
            ids,
            "{parent_id}"
        );
    }
}

/// A record's key may have a coarser time than the record and the request.
#[tokio::test]
async fn in_the_unit_of_the_request_the_time_of_creation_decides() {
    let items = [
        ("11:59:59", "before"),
        ("12:00:00", "in the same second"),
        ("12:00:01", "after"),
    ];
    let items = items.map(|(time, id)| item("web", s(&format!("2026-11-21T{time}Z#x")), id));
    let source = Source::new(Table::new(items.into()), ONE, json!(null));
    let reading = ReadRequest {
        spec: &source.of.records,
        parent_id: "web",
        root_id: None,
        projection: &source.projection,
        range: Range::whole("2026-11-21T12:00:00.5Z".parse().unwrap()),
        order: Order::Ascending,
        reads_outside: false,
        strong_until: None,
        is_file: true,
    };
    let spec = source.of.records.dynamodb().unwrap();
    let mut records =
        DynamoRecords::new(source.table.client(), "records", spec, reading, None).unwrap();
    let mut found = Vec::new();
    while let Some(page) = records.next().await.unwrap() {
        found.extend(
            page.rows()
                .enumerate()
                .map(|(n, row)| (id(row), page.key_time(n))),
        );
    }
    assert_eq!(
        found,
        [
            ("before".to_owned(), KeyTime::WithinBounds),
            ("in the same second".to_owned(), KeyTime::None)
        ]
    );
}

/// Each day has partitions of its own, which are read one after another.
#[tokio::test]
async fn the_partitions_of_days_are_read_in_the_order_of_time_wherever_a_read_continues() {
    let mut items = Vec::new();
    for n in 0..30 {
        let (day, shard) = (18 + n / 10, ["a", "b"][n % 2]);
        let time = format!("2026-11-{day}T10:{n:02}:00Z");
        items.push(item(
            &format!("web#2026-11-{day}#{shard}"),
            s(&time),
            &format!("{n:02}"),
        ));
    }
    let mut wanted: Vec<_> = (0..30).map(|n| format!("{n:02}")).collect();
    let records = r#"partitions = ["{parent}#{day}#a", "{parent}#{day}#b"], since = "2026-11-10",
        partition_key = "pk", sort_key = "sk", sort_format = "{rfc3339_s}""#;
    let source = Source::new(
        Table::new(items.clone()),
        &records.replace('\n', " "),
        json!(null),
    );
    for order in [Order::Ascending, Order::Descending] {
        for stop in [Never, Pages, Rows(1), Rows(2), Rows(7)] {
            let (ids, read) = source.read(order, stop).await;
            assert_eq!((ids, read), (wanted.clone(), 30), "{order:?}, {stop:?}");
        }
        wanted.reverse();
    }
    // In an index, the table's own key is known only once a record is found.
    let mut table = Table::new(items);
    (table.partition, table.sort, table.key) = ("pk", "sk", &["pk", "sk", "id"]);
    let indexed = format!("index = \"by_day\", {}", records.replace('\n', " "));
    let source = Source::new(table, &indexed, json!(null));
    for stop in [Never, Pages, Rows(1), Rows(7)] {
        let (ids, _) = source.read(Order::Ascending, stop).await;
        assert_eq!(ids, wanted, "{stop:?}");
    }
    for position in [
        "{\"period\":\"2026-12-01\",\"partitions\":[]}",
        "{}",
        "[]",
        "7",
    ] {
        let opened = source.open(Order::Ascending, Some(position));
        assert!(
            matches!(opened.map(|_| ()), Err(RecordsError::Position)),
            "{position}"
        );
    }
}
