//! Drafts for designs of tables that are public, beside those of `tests/tests/table_designs.rs`.

use std::collections::HashMap;

use waybill::catalog::Catalog;

use super::*;

fn s(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

fn number(number: usize) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

fn item(attributes: &[(&str, AttributeValue)]) -> Item {
    let named = attributes
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.clone()));
    named.collect::<HashMap<_, _>>()
}

fn key(index: Option<&str>, partition: &str, sort: Option<&str>) -> Key {
    Key {
        index: index.map(str::to_owned),
        partition: partition.to_owned(),
        sort: sort.map(str::to_owned),
        is_number: false,
        has_all: true,
    }
}

fn table(keys: Vec<Key>, items: Vec<Item>) -> Table {
    Table {
        name: "prod-Things".to_owned(),
        keys,
        items,
    }
}

fn asked(parent: &str) -> Asked {
    Asked {
        table: "prod-Things".to_owned(),
        parent: parent.to_owned(),
        kind: Some("account".to_owned()),
        name: None,
    }
}

/// The draft, which must be a valid catalog; its line of `records`; and the parents.
fn drafted(table: &Table, parent: &str, fixed: &[Fixed]) -> (Draft, String, Vec<String>) {
    let (draft, parents) = of_table(table, &asked(parent), fixed).unwrap();
    let catalog = draft.catalog();
    let checked =
        Catalog::parse_valid(&catalog).unwrap_or_else(|error| panic!("{error}\n{catalog}"));
    assert!(
        checked.out_of_service().is_empty(),
        "{:?}\n{catalog}",
        checked.out_of_service()
    );
    let records = catalog
        .lines()
        .find_map(|line| line.strip_prefix("records  = "))
        .unwrap();
    (draft, records.to_owned(), parents)
}

fn at(n: usize) -> String {
    format!("2026-{:02}-{:02}T10:20:30.400Z", 9 + n % 3, 1 + n % 28)
}

/// A customer's profile, orders and their lines in one partition.
fn item_collection() -> Table {
    let mut items = Vec::new();
    for customer in ["7", "8", "9"] {
        let pk = || ("PK", s(format!("CUSTOMER#{customer}")));
        items.push(item(&[pk(), ("SK", s("METADATA")), ("name", s("Ana"))]));
        for order in 0..20 {
            let sk = format!("ORDER#{customer}{order}");
            items.push(item(&[
                pk(),
                ("SK", s(&sk)),
                ("id", s(format!("o-{order}"))),
                ("orderedAt", s(at(order))),
                ("total_cents", number(order * 100)),
                ("createdMs", number(1_790_000_000_000 + order)),
                ("status", s(["open", "paid"][order % 2])),
                (
                    "address",
                    AttributeValue::M(HashMap::from([("city".to_owned(), s("Porto"))])),
                ),
            ]));
            if order % 2 == 0 {
                items.push(item(&[
                    pk(),
                    ("SK", s(format!("{sk}#ITEM#1"))),
                    ("sku", s("x")),
                ]));
            }
        }
        items.push(item(&[
            ("PK", s(format!("PRODUCT#{customer}"))),
            ("SK", s("INFO")),
        ]));
    }
    table(vec![key(None, "PK", Some("SK"))], items)
}

#[test]
fn a_draft_of_an_item_collection_is_a_valid_catalog() {
    let (draft, records, parents) = drafted(&item_collection(), "PK", &[]);
    assert_eq!(
        records,
        "{ engine = \"dynamodb\", table = \"PROD_THINGS_TABLE\", partition = \"CUSTOMER#{parent}\", partition_key = \"PK\", \
         sort_key = \"SK\", sort_format = \"ORDER#{id}\" }"
    );
    assert_eq!(parents.len(), 60);
    insta::assert_snapshot!(draft.catalog());
    insta::assert_snapshot!(draft.deployment());
}

#[test]
fn an_index_with_times_is_preferred_to_a_table_without_them() {
    let items = (0..40).map(|n| {
        let tenant = ["acme", "globex"][n % 2];
        item(&[
            ("PK", s(format!("INC#{n}"))),
            ("SK", s("INC")),
            ("GSI1PK", s(format!("TENANT#{tenant}"))),
            ("GSI1SK", s(format!("INC#{}", at(n)))),
            ("tenantId", s(tenant)),
            ("detectedAt", s(at(n))),
        ])
    });
    let keys = vec![
        key(None, "PK", Some("SK")),
        key(Some("by-tenant"), "GSI1PK", Some("GSI1SK")),
    ];
    let table = table(keys, items.collect());
    for parent in ["tenantId", "GSI1PK"] {
        let (_, records, parents) = drafted(&table, parent, &[]);
        assert!(
            records.contains(
                "index = \"by-tenant\", partition = \"TENANT#{parent}\", partition_key = \"GSI1PK\""
            ) && records.contains("sort_format = \"INC#{rfc3339_ms}\""),
            "{records}"
        );
        assert_eq!(parents[0], "acme");
    }
}

#[test]
fn the_names_before_ids_in_keys_of_electrodb_are_not_of_the_ids() {
    let mut items = Vec::new();
    for n in 0..30 {
        let team = ["red", "blue"][n % 2];
        let of = |sort: String, entity: &str| {
            item(&[
                ("pk", s(format!("$taskapp#team_{team}"))),
                ("sk", s(sort)),
                ("team", s(team)),
                ("__edb_e__", s(entity)),
                ("__edb_v__", s("1")),
                ("createdAt", number(1_790_000_000_000 + n)),
            ])
        };
        items.push(of(
            format!("$tasks_1#employee_{:02}#task_a{n}", n / 3),
            "tasks",
        ));
        items.push(of(
            format!("$tasks_1#employee_{:02}#task_b{n}", n / 3),
            "tasks",
        ));
        items.push(of(format!("$employees_1#employee_{n:02}"), "employees"));
    }
    let table = table(vec![key(None, "pk", Some("sk"))], items);
    for parent in ["team", "pk"] {
        let (draft, records, parents) = drafted(&table, parent, &[]);
        assert!(
            records.contains("partition = \"$taskapp#team_{parent}\"")
                && records.contains("sort_format = \"$tasks_1#employee_{id}#task_{id}\", fixed = { __edb_e__ = \"tasks\" }"),
            "{records}"
        );
        assert_eq!(draft.name, "tasks");
        assert_eq!(parents[0], "red");
        let catalog = draft.catalog();
        assert!(
            catalog.contains("kind = \"timestamp\", path = \"createdAt\", from = \"epoch_ms\""),
            "{catalog}"
        );
        let said = draft.questions().join("\n");
        assert!(said.contains("--fixed __edb_e__=employees"), "{said}");
        assert!(said.contains("no columns, since they only make up keys or name the type: __edb_e__, __edb_v__, pk, sk"), "{said}");
    }
    let employees = [Fixed::parse("__edb_e__=employees").unwrap()];
    let (draft, records, _) = drafted(&table, "team", &employees);
    assert!(
        records.contains(
            "sort_format = \"$employees_1#employee_{id}\", fixed = { __edb_e__ = \"employees\" }"
        ),
        "{records}"
    );
    assert_eq!(draft.name, "employees");
}

/// An e-commerce table after a book's: an order's lines have partitions of their own, and an index with the order.
#[test]
fn the_index_with_the_most_items_of_a_parent_is_chosen() {
    let items = (0..60).map(|n| {
        let (order, line) = (n / 3, n % 3);
        item(&[
            ("PK", s(format!("ORDER#{order}#ITEM#{line}"))),
            ("SK", s(format!("ORDER#{order}#ITEM#{line}"))),
            ("GSI1PK", s(format!("ORDER#{order}"))),
            ("GSI1SK", s(format!("ITEM#{line}"))),
            ("OrderId", s(order.to_string())),
            ("Price", s(format!("{n}.50"))),
        ])
    });
    let keys = vec![
        key(None, "PK", Some("SK")),
        key(Some("GSI1"), "GSI1PK", Some("GSI1SK")),
    ];
    let table = table(keys, items.collect());
    let (draft, records, _) = drafted(&table, "OrderId", &[]);
    assert!(
        records.contains("index = \"GSI1\", partition = \"ORDER#{parent}\"")
            && records.contains("sort_format = \"ITEM#{id}\""),
        "{records}"
    );
    assert!(
        draft
            .catalog()
            .contains("kind = \"decimal\", path = \"Price\"")
    );

    let unnamed = Asked {
        kind: None,
        ..asked("GSI1PK")
    };
    let (draft, _) = of_table(&table, &unnamed, &[]).unwrap();
    assert_eq!(draft.kind, "order");
}

#[test]
fn a_partition_of_each_month_says_since_when() {
    let items = (0..30).map(|n| {
        let workspace = ["acme", "globex", "zeta"][n % 3];
        item(&[
            ("PK", s(format!("WS#{workspace}#{}", &at(n / 3)[..7]))),
            ("SK", s(format!("01M{n:02}{:021}", n))),
            ("at", s(at(n / 3))),
        ])
    });
    let (draft, records, _) = drafted(
        &table(vec![key(None, "PK", Some("SK"))], items.collect()),
        "PK",
        &[],
    );
    assert!(
        records.contains(
            "partition = \"WS#{parent}#{month}\", since = \"2026-09-01\", partition_key = \"PK\""
        ),
        "{records}"
    );
    let said = draft.questions().join("\n");
    assert!(said.contains("2026-09-01 is the earliest"), "{said}");
}

#[test]
fn without_a_key_of_the_parent_the_table_is_scanned() {
    let items = (0..30).map(|n| {
        item(&[
            ("id", s(format!("w-{n}"))),
            ("workspaceId", s(["acme", "globex"][n % 2])),
            ("created", s(at(n))),
        ])
    });
    let table = table(vec![key(None, "id", None)], items.collect());
    let (draft, records, parents) = drafted(&table, "workspaceId", &[]);
    assert_eq!(
        records,
        "{ engine = \"dynamodb\", table = \"PROD_THINGS_TABLE\", scan = { parent = \"workspaceId\" }, partition_key = \"id\" }"
    );
    assert_eq!(parents.len(), 30);
    assert!(draft.deployment().contains("ScannedTableArns"));
    let said = draft.questions().join("\n");
    assert!(said.contains("each export reads the whole table"), "{said}");

    let refused = of_table(&table, &asked("tenant"), &[]).unwrap_err();
    assert_eq!(
        refused,
        "no item that was looked at has the attribute tenant; the attributes are created, id, workspaceId"
    );
}

#[test]
fn an_index_of_the_parent_alone_has_no_sort_key() {
    let items = (0..30).map(|n| {
        item(&[
            ("id", s(format!("c-{n}"))),
            ("postID", number(1 + n % 4)),
            ("createdAt", s(at(n))),
            ("__typename", s("Comment")),
        ])
    });
    let mut by_post = key(Some("byPost"), "postID", None);
    by_post.is_number = true;
    let (draft, records, _) = drafted(
        &table(vec![key(None, "id", None), by_post], items.collect()),
        "postID",
        &[],
    );
    assert_eq!(
        records,
        "{ engine = \"dynamodb\", table = \"PROD_THINGS_TABLE\", index = \"byPost\", partition = \"{parent}\", partition_key = \"postID\", \
         partition_type = \"number\", fixed = { __typename = \"Comment\" } }"
    );
    assert_eq!((draft.name.as_str(), draft.id), ("comments", "integer"));
}

#[test]
fn a_key_with_two_parts_that_vary_is_refused() {
    let items = (0..30).map(|n| item(&[("PK", s(format!("T#{}#S#{n}", n % 3))), ("SK", s(at(n)))]));
    let refused = of_table(
        &table(vec![key(None, "PK", Some("SK"))], items.collect()),
        &asked("PK"),
        &[],
    )
    .unwrap_err();
    assert!(
        refused.starts_with("the key PK has more than one part that varies"),
        "{refused}"
    );
    assert!(!refused.contains("--fixed"), "{refused}");
}

#[test]
fn the_types_of_a_table_are_named_where_a_key_does_not_say_which_part_is_the_parent() {
    let items = (0..30).map(|n| match n % 3 {
        0 => item(&[
            ("PK", s(format!("C#{}#SHOP#{n}", n % 7))),
            ("SK", s(format!("ORDER#{n}"))),
            ("Type", s("Order")),
        ]),
        _ => item(&[
            ("PK", s(format!("S#{}#LINE#{n}", n % 5))),
            ("SK", s(format!("LINE#{n}"))),
            ("Type", s("Line")),
        ]),
    });
    let table = table(vec![key(None, "PK", Some("SK"))], items.collect());
    let refused = of_table(&table, &asked("PK"), &[]).unwrap_err();
    let types = ", or choose a type of items with --fixed: Type=Line (20), Type=Order (10)";
    assert!(refused.ends_with(types), "{refused}");
}

#[test]
fn formats_of_sort_keys_are_found() {
    let many = |make: fn(usize) -> String| (0..30).map(make).collect::<Vec<_>>();
    let cases: [(Vec<String>, &str); 10] = [
        (many(at), "{rfc3339_ms}"),
        (many(|n| format!("{}#o-{n}", at(n))), "{rfc3339_ms}#{id}"),
        (
            many(|n| format!("ORDER#{}Z#o-{n}", &at(n)[..19])),
            "ORDER#{rfc3339_s}#{id}",
        ),
        (many(|n| format!("EVENT:{}", at(n))), "EVENT:{rfc3339_ms}"),
        (
            many(|n| format!("INV#{}", 1_790_000_000 + n)),
            "INV#{epoch_s}",
        ),
        (many(|n| format!("task_{n}")), "task_{id}"),
        (
            many(|n| format!("{:08x}-0000-4000-8000-000000000000", n * 7_919)),
            "{id}",
        ),
        (
            many(|n| format!("019a{:04x}-0000-7000-8000-000000000000", n)),
            "{uuid7}",
        ),
        (vec!["INFO".to_owned(); 9], "INFO{*}"),
        (
            many(|n| format!("2026-11-{:02}#{n}", 1 + n % 28)),
            "{date}#{id}",
        ),
    ];
    for (keys, wanted) in cases {
        let forms = sort_key::forms(&keys);
        assert_eq!(forms[0].format, wanted, "{}", keys[1]);
        assert_eq!(forms[0].count, keys.len(), "{}", keys[1]);
    }
    assert_eq!(
        sort_key::of_numbers(&many(|n| (1_790_000_000 + n).to_string())),
        "{epoch_s}"
    );
    assert_eq!(
        sort_key::of_numbers(&many(|n| (1_790_000_000_000_usize + n).to_string())),
        "{epoch_ms}"
    );
    assert_eq!(sort_key::of_numbers(&many(|n| n.to_string())), "{*}");
}
