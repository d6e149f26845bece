//! Tables of DynamoDB as products have them, after designs that are public, each with an entry of the catalog.

#![allow(clippy::unwrap_used, reason = "a failed test panics")]

use aws_sdk_dynamodb::Client;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use waybill::catalog::Catalog;
use waybill::records::{Order, Range, ReadRequest, RecordsSource};
use waybill::selection::{Criteria, Projection, UndecidedCounts};
use waybill_tests::{HostItem, HostTable, Stack, n, s};

/// A table, and what a type's entry says of it.
struct Design {
    table: HostTable,
    /// The keys of `records`, after the engine and the table.
    records: &'static str,
    created: &'static str,
    /// More columns, after the id.
    columns: &'static str,
    items: Vec<HostItem>,
}

impl Design {
    /// The ids of a parent's records in a selection, read by pages of a few records and continued after every `every` of
    /// them.
    async fn read(
        &self,
        db: &Client,
        table: &str,
        parent: &str,
        filters: Value,
        every: usize,
    ) -> Vec<String> {
        let catalog = format!(
            "[[type]]\nname = \"things\"\nparent = \"organization\"\ndelivery = \"link\"\n\
             records = {{ engine = \"dynamodb\", table = \"T\", {} }}\ncreated = \"{}\"\nfilters = [\"created_at\"]\n\
             columns = [ {{ key = \"id\", kind = \"text\" }}{} ]\n",
            self.records, self.created, self.columns
        );
        let catalog = Catalog::parse(&catalog).unwrap();
        let of = &catalog.types()[0];
        let as_of: Timestamp = "2026-11-21T12:00:00Z".parse().unwrap();
        let criteria = Criteria::from_json(of, Some(&filters), None).unwrap();
        let selection = criteria.pin(as_of, &TimeZone::UTC).unwrap();
        let projection = Projection::new(of, &of.default_columns(), &selection);
        let mut undecided = UndecidedCounts::default();
        let (mut ids, mut position) = (Vec::new(), None::<String>);
        'again: loop {
            let request = ReadRequest {
                spec: &of.records,
                parent_id: parent,
                root_id: Some("root"),
                projection: &projection,
                range: Range::new(&selection, as_of),
                order: Order::Ascending,
                reads_outside: true,
                strong_until: None,
                is_file: true,
            };
            let mut records =
                RecordsSource::in_dynamodb(db.clone(), table, request, position.as_deref())
                    .unwrap();
            records.examine_at_most(7);
            while let Some(page) = records.next().await.unwrap() {
                let mut values = Vec::new();
                for n in 0..page.len() {
                    page.values(n, &projection, &mut values);
                    let decision = projection.decide(&values, page.key_time(n), as_of);
                    undecided.add(decision, of, &projection, &values, || None);
                    if !decision.is_in() {
                        continue;
                    }
                    ids.push(values[0].as_text().unwrap().to_owned());
                    if ids.len() % every == 0 {
                        position = Some(page.position(n));
                        continue 'again;
                    }
                }
            }
            assert_eq!(undecided.warnings(), [], "{}", self.records);
            return ids;
        }
    }

    /// Checks what is read of a parent, as a whole, from a day on, and by parts.
    async fn has(&self, parent: &str, ids: &[String], since: (&str, usize), is_ordered: bool) {
        let db = Stack::get().aws().await.records;
        let table = self.table.create(&db, &self.items).await;
        for every in [usize::MAX, 1, 5] {
            let mut found = self.read(&db, &table, parent, json!(null), every).await;
            if !is_ordered {
                found.sort();
            }
            assert_eq!(found, ids, "{}, {every}", self.records);
        }
        let (day, count) = since;
        let filters = json!({"created_at": {"from": day}});
        let found = self.read(&db, &table, parent, filters, 3).await;
        assert_eq!(found.len(), count, "{}", self.records);
        let of_others = self.read(&db, &table, "nobody", json!(null), 9).await;
        assert_eq!(of_others, [""; 0]);
    }
}

const PLAIN: HostTable = HostTable {
    key: &[("PK", "S"), ("SK", "S")],
    index: &[],
};
const WITH_INDEX: HostTable = HostTable {
    key: &[("PK", "S"), ("SK", "S")],
    index: &[("GSI1PK", "S"), ("GSI1SK", "S")],
};

fn ids(prefix: &str, count: usize) -> Vec<String> {
    (0..count).map(|n| format!("{prefix}-{n:02}")).collect()
}

/// The time of the record with this number: one a day, the last one on 2026-11-20.
fn at(n: usize, count: usize) -> String {
    format!("2026-11-{:02}T10:20:30.400Z", 21 - count + n)
}

/// A customer's profile, orders and their lines in one partition: `CUSTOMER#7`, `ORDER#…`, `ORDER#…#ITEM#1`.
#[tokio::test]
async fn an_item_collection_of_a_customer() {
    let mut items = vec![vec![
        ("PK", s("CUSTOMER#7")),
        ("SK", s("METADATA")),
        ("id", s("7")),
    ]];
    for (n, id) in ids("o", 12).into_iter().enumerate() {
        let order = |sort: String, id: &str| {
            vec![
                ("PK", s("CUSTOMER#7")),
                ("SK", s(sort)),
                ("id", s(id)),
                ("orderedAt", s(at(n, 12))),
            ]
        };
        items.push(order(format!("ORDER#{id}"), &id));
        items.push(order(format!("ORDER#{id}#ITEM#1"), "a line"));
    }
    let design = Design {
        table: PLAIN,
        records: r##"partition = "CUSTOMER#{parent}", partition_key = "PK", sort_key = "SK", sort_format = "ORDER#{id}""##,
        created: "orderedAt",
        columns: "",
        items,
    };
    design
        .has("7", &ids("o", 12), ("2026-11-18", 3), true)
        .await;
}

/// Incidents that an index lists by tenant and time: `TENANT#acme`, `INC#2026-…`.
#[tokio::test]
async fn an_index_for_listing_by_tenant() {
    let mut items = Vec::new();
    for (n, id) in ids("i", 12).into_iter().enumerate() {
        let time = at(n, 12);
        items.push(vec![
            ("PK", s(format!("TENANT#acme#SVC#{}", n % 3))),
            ("SK", s(format!("INC#{time}#{id}"))),
            ("GSI1PK", s("TENANT#acme")),
            ("GSI1SK", s(format!("INC#{time}"))),
            ("id", s(id)),
            ("detectedAt", s(time.clone())),
        ]);
        items.push(vec![
            ("PK", s("TENANT#acme")),
            ("SK", s(format!("DEPLOY#{time}"))),
            ("GSI1PK", s("TENANT#acme")),
            ("GSI1SK", s(format!("DEPLOY#{time}"))),
            ("id", s("a deployment")),
        ]);
    }
    let design = Design {
        table: WITH_INDEX,
        records: r##"index = "by_index", partition = "TENANT#{parent}", partition_key = "GSI1PK", sort_key = "GSI1SK", sort_format = "INC#{rfc3339_ms}""##,
        created: "detectedAt",
        columns: "",
        items,
    };
    design
        .has("acme", &ids("i", 12), ("2026-11-19", 2), true)
        .await;
}

/// ElectroDB's keys: `$taskapp#team_1`, `$tasks_1#employee_…#task_…`, with the entity in `__edb_e__`.
#[tokio::test]
async fn the_keys_of_electrodb() {
    let mut items = Vec::new();
    for (n, id) in ids("t", 12).into_iter().enumerate() {
        let item = |sort: String, entity: &str, id: &str| {
            vec![
                ("PK", s("$taskapp#team_red")),
                ("SK", s(sort)),
                ("__edb_e__", s(entity)),
                ("__edb_v__", s("1")),
                ("id", s(id)),
                // Milliseconds since 1970, as Date.now() gives them.
                ("createdAt", n_ms(&at(n, 12))),
            ]
        };
        items.push(item(
            format!("$tasks_1#employee_{:02}#task_a_{id}", n / 3),
            "tasks",
            &id,
        ));
        items.push(item(
            format!("$employees_1#employee_{n:02}"),
            "employees",
            "an employee",
        ));
    }
    let design = Design {
        table: PLAIN,
        records: r##"partition = "$taskapp#team_{parent}", partition_key = "PK", sort_key = "SK",
            sort_format = "$tasks_1#employee_{id}#task_{id}", fixed = { __edb_e__ = "tasks" }"##,
        created: "createdAt",
        columns: r#", { key = "createdAt", kind = "timestamp", from = "epoch_ms" }"#,
        items,
    };
    design
        .has("red", &ids("t", 12), ("2026-11-20", 1), true)
        .await;
}

fn n_ms(time: &str) -> aws_sdk_dynamodb::types::AttributeValue {
    n(time.parse::<Timestamp>().unwrap().as_millisecond())
}

/// Keys of the kind of TypeDORM: `ORG#acme`, `USER#…`, with the entity in `__en`, and deleted records kept.
#[tokio::test]
async fn entities_with_their_name_in_an_attribute() {
    let mut items = Vec::new();
    for (n, id) in ids("u", 20).into_iter().enumerate() {
        let mut item = vec![
            ("PK", s("ORG#acme")),
            ("SK", s(format!("USER#{id}"))),
            ("__en", s(if n % 10 == 9 { "invite" } else { "user" })),
            ("id", s(id)),
            ("createdAt", s(at(n, 20))),
        ];
        match n % 10 {
            0 => {}
            7 => item.push(("role", s("bot"))),
            _ => item.push(("role", s("member"))),
        }
        if n % 10 == 8 {
            item.push(("deletedAt", s("2026-11-20T00:00:00Z")));
        }
        items.push(item);
    }
    let design = Design {
        table: PLAIN,
        records: r##"partition = "ORG#{parent}", partition_key = "PK", sort_key = "SK", sort_format = "USER#{id}",
            fixed = { __en = "user", deletedAt = { absent = true }, role = { not = ["bot", "test"] } }"##,
        created: "createdAt",
        columns: "",
        items,
    };
    let mut wanted = ids("u", 20);
    wanted.retain(|id| !id.ends_with(['7', '8', '9']));
    design.has("acme", &wanted, ("2026-11-11", 7), true).await;
}

/// Events with ULIDs in a partition for each month: `WS#acme#2026-11`.
#[tokio::test]
async fn a_partition_for_each_month_with_ulids() {
    let mut items = Vec::new();
    for (n, id) in ids("e", 24).into_iter().enumerate() {
        let (month, day) = [("2026-09", 10), ("2026-10", 20), ("2026-11", 1)][n / 8];
        let time = format!("{month}-{:02}T10:00:00Z", day + n % 8);
        let milliseconds = time.parse::<Timestamp>().unwrap().as_millisecond();
        items.push(vec![
            ("PK", s(format!("WS#acme#{month}"))),
            ("SK", s(ulid(milliseconds as u64, n))),
            ("id", s(id)),
            ("at", s(time)),
        ]);
    }
    let design = Design {
        table: PLAIN,
        records: r##"partition = "WS#{parent}#{month}", since = "2026-08-01", partition_key = "PK", sort_key = "SK", sort_format = "{ulid}""##,
        created: "at",
        columns: "",
        items,
    };
    design
        .has("acme", &ids("e", 24), ("2026-10-27", 9), true)
        .await;
}

/// A ULID of this time, with a number as what is random.
fn ulid(milliseconds: u64, number: usize) -> String {
    const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let time = (0..10).map(|place| ALPHABET[(milliseconds >> (5 * (9 - place))) as usize & 31]);
    let time: String = time.map(char::from).collect();
    format!("{time}{number:016}")
}

/// Amplify's tables have one key, `id`, and an index of the parent's without a sort key.
#[tokio::test]
async fn a_table_without_a_sort_key_and_an_index_without_one() {
    let mut items = Vec::new();
    for (n, id) in ids("c", 25).into_iter().enumerate() {
        items.push(vec![
            ("id", s(id)),
            ("postID", s("p1")),
            (
                "createdAt",
                s(format!("2026-10-{:02}T10:20:30.400Z", n + 1)),
            ),
            ("__typename", s("Comment")),
        ]);
    }
    let design = Design {
        table: HostTable {
            key: &[("id", "S")],
            index: &[("postID", "S")],
        },
        records: r##"index = "by_index", partition = "{parent}", partition_key = "postID""##,
        created: "createdAt",
        columns: "",
        items,
    };
    design
        .has("p1", &ids("c", 25), ("2026-10-24", 2), false)
        .await;
}

/// The parent is an attribute that no index has, and the table has numbers as keys.
#[tokio::test]
async fn a_parent_in_an_attribute() {
    let mut items = Vec::new();
    for (number, id) in ids("w", 40).into_iter().enumerate() {
        items.push(vec![
            ("number", n(number)),
            ("workspaceId", s(["acme", "other"][number % 4 / 3])),
            ("id", s(id)),
            (
                "created",
                s(format!("2026-11-{:02}T00:00:00Z", 1 + number % 20)),
            ),
        ]);
    }
    let design = Design {
        table: HostTable {
            key: &[("number", "N")],
            index: &[],
        },
        records: r##"scan = { parent = "workspaceId" }, partition_key = "number""##,
        created: "created",
        columns: "",
        items,
    };
    let mut wanted = ids("w", 40);
    wanted.retain(|id| id[2..].parse::<usize>().unwrap() % 4 != 3);
    design.has("acme", &wanted, ("2026-11-19", 2), false).await;
}
