//! The exported records, and the expected files, computed without Waybill.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use waybill::catalog::Catalog;
use waybill::file::RowOrder;
use waybill_testing::fake::{DynamoDb, Item};

use crate::database::{Database, Server};

/// The name of the table of records.
pub(crate) const RECORDS: &str = "records";
/// The name of another table, with other records under the same keys.
pub(crate) const OTHERS: &str = "other-records";

const COLUMNS: &str = r#"
created  = "created_at"
search   = ["customer"]
filters  = ["status", "created_at"]
columns  = [
  { key = "id", kind = "text" }, { key = "status", kind = "text" }, { key = "created_at", kind = "timestamp" },
  { key = "customer", kind = "text" }, { key = "amount", kind = "decimal" }, { key = "paid", kind = "boolean" },
]
"#;

/// The location of the records of each type: one partition, three merged ones, an index.
const PLACES: [(&str, &str); 3] = [
    (
        "plain",
        r#"partition = "plain#{parent}", partition_key = "pk", sort_key = "sk", sort_format = "rfc3339_s#id""#,
    ),
    (
        "merged",
        r#"partitions = ["a#{parent}", "b#{parent}", "c#{parent}"], partition_key = "pk", sort_key = "sk", sort_format = "rfc3339_s#id""#,
    ),
    (
        "indexed",
        r#"index = "by_time", partition = "indexed#{parent}", partition_key = "ipk", sort_key = "isk", sort_format = "rfc3339_ms#id""#,
    ),
];

/// The same in a database: in the order of time, and in the order of another key.
const IN_DATABASES: [(&str, &str); 4] = [
    (
        "postgres_by_time",
        r#"database = "of_postgres", table = "public.records", parent = "project", key = ["created_at", "id"]"#,
    ),
    (
        "postgres_by_id",
        r#"database = "of_postgres", table = "public.records", parent = "project", key = ["id"]"#,
    ),
    (
        "mysql_by_time",
        r#"database = "of_mysql", table = "records", parent = "project", key = ["created_at", "id"]"#,
    ),
    (
        "mysql_by_id",
        r#"database = "of_mysql", table = "records", parent = "project", key = ["id"]"#,
    ),
];
const DATABASES: &str = r#"
[database.of_postgres]
engine = "postgres"
settles = 2

[database.of_mysql]
engine = "mysql"
settles = 2
"#;

/// The keys of the columns of every type.
pub(crate) const KEYS: [&str; 6] = ["id", "status", "created_at", "customer", "amount", "paid"];

/// A case: records and a selection to export.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) type_name: &'static str,
    /// The number of records, without those created after the request.
    records: usize,
    pub(crate) filters: Value,
    pub(crate) search: Option<&'static str>,
    pub(crate) order: RowOrder,
    /// The number of random letters after each customer's name.
    letters: usize,
    /// The database with the records; `None` where they are in DynamoDB.
    pub(crate) database: Option<Database>,
}

/// A record.
struct Record {
    id: String,
    created_at: Timestamp,
    status: &'static str,
    customer: String,
    cents: i64,
}

impl Record {
    /// `None` if a text that is no boolean is stored.
    fn paid(&self) -> Option<bool> {
        match (self.cents % 2, self.cents % 3) {
            (0, _) => Some(true),
            (_, 0) => None,
            _ => Some(false),
        }
    }
}

pub(crate) fn catalog() -> Catalog {
    let of_type = |name: &str, records: String| {
        format!(
            "[[type]]\nname = \"{name}\"\nlabel = \"{name}\"\nparent = \"project\"\ndelivery = \"link\"\n\
             records = {{ {records} }}\n{COLUMNS}"
        )
    };
    let in_dynamodb = PLACES.map(|(name, place)| {
        let records = format!("engine = \"dynamodb\", table = \"RECORDS_TABLE\", {place}");
        of_type(name, records)
    });
    let in_databases = IN_DATABASES.map(|(name, place)| of_type(name, place.to_owned()));
    let catalog = [DATABASES, &in_dynamodb.concat(), &in_databases.concat()].concat();
    Catalog::parse(&catalog).unwrap()
}

/// The instant of every request.
pub(crate) fn requested_at() -> Timestamp {
    "2026-11-21T12:00:00.4Z".parse().unwrap()
}

/// The cases; seeds take them in turn.
pub(crate) fn cases() -> Vec<Case> {
    let case = Case::new;
    vec![
        case("all of one partition", "plain", 320),
        Case {
            filters: json!({"status": ["sold", "won"]}),
            ..case("what DynamoDB filters", "plain", 320)
        },
        Case {
            search: Some("ana"),
            ..case("what Waybill searches", "plain", 320)
        },
        case("three partitions", "merged", 300),
        Case {
            filters: json!({"status": ["won"], "created_at": {"from": "2026-11-20T06:00:30Z", "to": null}}),
            ..case("a filter and a range of three partitions", "merged", 300)
        },
        case("an index", "indexed", 240),
        Case {
            order: RowOrder::Newest,
            ..case("the newest of one partition first", "plain", 320)
        },
        Case {
            order: RowOrder::Newest,
            filters: json!({"status": ["won"], "created_at": {"from": "2026-11-20T06:00:30Z", "to": null}}),
            ..case(
                "the newest of a range of three partitions first",
                "merged",
                300,
            )
        },
        case("less than a part", "plain", 6),
        Case {
            search: Some("nobody of this name"),
            ..case("nothing", "plain", 100)
        },
    ]
}

/// The cases of records in databases of this server; seeds take them in turn.
pub(crate) fn cases_in_database(server: &Server) -> Vec<Case> {
    let case = Case::new;
    let [by_time, by_id] = match server {
        Server::Postgres(_) => ["postgres_by_time", "postgres_by_id"],
        Server::Mariadb(_) => ["mysql_by_time", "mysql_by_id"],
    };
    let cases = vec![
        case("all rows", by_time, 320),
        Case {
            filters: json!({"status": ["sold", "won"]}),
            ..case("what the database filters", by_time, 320)
        },
        Case {
            search: Some("ana"),
            ..case("what Waybill searches", by_time, 320)
        },
        Case {
            order: RowOrder::Newest,
            ..case("the newest rows first", by_time, 320)
        },
        case("all rows by another key", by_id, 300),
        Case {
            filters: json!({"status": ["won"], "created_at": {"from": "2026-11-20T06:00:30Z", "to": null}}),
            ..case("a filter and a range by another key", by_id, 300)
        },
        case("less than a part", by_time, 6),
        Case {
            search: Some("nobody of this name"),
            ..case("nothing", by_time, 100)
        },
    ];
    cases
        .into_iter()
        .map(|case| case.in_database(server))
        .collect()
}

impl Case {
    fn new(name: &'static str, type_name: &'static str, records: usize) -> Self {
        Self {
            name,
            type_name,
            records,
            filters: Value::Null,
            search: None,
            order: RowOrder::default(),
            letters: 0,
            database: None,
        }
    }

    /// Whether exports of this case under way are kept with each release: all records of each kind of place.
    pub(crate) fn is_kept(&self) -> bool {
        ["all of one partition", "three partitions", "an index"].contains(&self.name)
    }

    /// All records of one partition, with this number of records.
    pub(crate) fn with_records(records: usize) -> Self {
        Self::new("all of one partition", "plain", records)
    }

    /// Records so long that a spreadsheet has many fragments and parts.
    pub(crate) fn long() -> Self {
        Self {
            letters: 12_000,
            ..Self::with_records(200)
        }
    }

    /// A selection of one record in 100,000, by a search in Waybill or a filter in DynamoDB.
    pub(crate) fn needle(filters: Value, search: Option<&'static str>) -> Self {
        Self {
            filters,
            search,
            ..Self::new("a needle", "plain", 100_000)
        }
    }

    /// The same records in a database of this server.
    fn in_database(self, server: &Server) -> Self {
        let database = Database::new(server, &self.statements(server));
        Self {
            database: Some(database),
            ..self
        }
    }

    fn all(&self) -> Vec<Record> {
        let mut random = fastrand::Rng::with_seed(42);
        let request: Timestamp = "2026-11-21T12:00:00Z".parse().unwrap();
        let old = self.records - 3;
        let seconds = (0..old).map(|n| (n as i64 - old as i64) * 397 - 71);
        // Records of the last minute, which is read strongly consistently, and from after the request.
        let seconds = seconds.chain([-50, -50, -1, 5, 40, 600]);
        seconds
            .enumerate()
            .map(|(n, second)| Record {
                id: format!("r-{n}"),
                created_at: request + SignedDuration::from_secs(second),
                status: if n == self.records / 2 {
                    "only"
                } else {
                    random
                        .choice(["new", "sold", "won", "lost", "open"])
                        .unwrap()
                },
                customer: (0..self.letters)
                    .map(|_| random.alphanumeric())
                    .collect::<String>()
                    + &match random.u8(0..8) {
                        _ if n == self.records / 2 => "Zacharias".to_owned(),
                        0 => format!("Ana \"{n}\" Sousa,\r\nLisboa"),
                        1 => "=1+1".to_owned(),
                        2 => format!("Māra {}", "ž".repeat(random.usize(0..120))),
                        _ => format!("Customer {}", random.u32(..)),
                    },
                cents: random.i64(-5_000..5_000_000),
            })
            .collect()
    }

    fn in_range(&self) -> impl Iterator<Item = Record> {
        let from = self.filters["created_at"]["from"]
            .as_str()
            .map(|from| from.parse().unwrap());
        let from: Timestamp = from.unwrap_or(Timestamp::UNIX_EPOCH);
        let range = from..requested_at();
        self.all()
            .into_iter()
            .filter(move |record| range.contains(&record.created_at))
    }

    /// The number of records that must be read.
    pub(crate) fn read(&self) -> u64 {
        match self.is_by_id() {
            // The key does not bound the time.
            true => self.all().len() as u64,
            false => self.in_range().count() as u64,
        }
    }

    /// Whether the records are read in the order of another key than their time.
    fn is_by_id(&self) -> bool {
        self.type_name.ends_with("_by_id")
    }

    /// The number of records created after the request, which are read to find keys of another format.
    pub(crate) fn later(&self) -> u64 {
        let records = self.all().into_iter();
        let later = records.filter(|record| record.created_at >= requested_at());
        later.count() as u64
    }

    /// The expected ids in the file, in order.
    pub(crate) fn ids(&self) -> Vec<String> {
        let mut ids: Vec<String> = self
            .selected()
            .into_iter()
            .map(|record| record.id)
            .collect();
        if self.order == RowOrder::Newest {
            ids.reverse();
        }
        ids
    }

    /// The expected number of cells that are not of their column's kind; only some of `paid`.
    pub(crate) fn cells_of_another_kind(&self) -> u64 {
        let selected = self.selected().into_iter();
        selected.filter(|record| record.paid().is_none()).count() as u64
    }

    fn selected(&self) -> Vec<Record> {
        let statuses = self.filters["status"].as_array();
        let mut found: Vec<Record> = self
            .in_range()
            .filter(|r| statuses.is_none_or(|asked| asked.iter().any(|s| s == r.status)))
            .filter(|r| {
                self.search
                    .is_none_or(|s| r.customer.to_lowercase().contains(s))
            })
            .collect();
        match self.is_by_id() {
            true => found.sort_by(|a, b| a.id.cmp(&b.id)),
            false => found.sort_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id))),
        }
        found
    }

    /// Puts the records into their table, and other records into the other table.
    pub(crate) fn load(&self, dynamodb: &mut DynamoDb) {
        for (n, record) in self.all().into_iter().enumerate() {
            let item = self.item(n, record);
            let mut other = item.clone();
            other.insert("customer".into(), json!({"S": "Somebody else"}));
            dynamodb.tables.get_mut(RECORDS).unwrap().put(item);
            dynamodb.tables.get_mut(OTHERS).unwrap().put(other);
        }
    }

    /// Creates the table of a database and fills it.
    fn statements(&self, server: &Server) -> String {
        let [id, time, utc, document] = match server {
            Server::Postgres(_) => ["text", "timestamptz", "Z", "jsonb"],
            Server::Mariadb(_) => ["varchar(20)", "datetime(6)", "", "json"],
        };
        let rows = self.all().into_iter().map(|record| {
            let paid = record
                .paid()
                .map_or("\"maybe\"".to_owned(), |paid| paid.to_string());
            let Record {
                id,
                created_at,
                status,
                customer,
                cents,
            } = record;
            let created_at = created_at.strftime("%Y-%m-%d %H:%M:%S");
            let customer = customer.replace('\'', "''");
            format!(
                "(42, '{id}', '{status}', '{created_at}{utc}', '{customer}', {cents} / 100.0, '{paid}')"
            )
        });
        let rows: Vec<String> = rows.collect();
        format!(
            "CREATE TABLE records (project int NOT NULL, id {id} UNIQUE NOT NULL, status {id}, created_at {time} NOT NULL, \
               customer text, amount numeric(12, 2), paid {document}, PRIMARY KEY (project, created_at, id)); \
             INSERT INTO records VALUES {};",
            rows.join(", ")
        )
    }

    fn item(&self, n: usize, record: Record) -> Item {
        let (seconds, ms) = (
            format!(
                "{}#{}",
                record.created_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
                record.id
            ),
            format!(
                "{}#{}",
                record.created_at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ"),
                record.id
            ),
        );
        let keys = match self.type_name {
            "plain" => json!({"pk": {"S": "plain#42"}, "sk": {"S": seconds}}),
            "merged" => {
                json!({"pk": {"S": format!("{}#42", ["a", "b", "c"][n % 3])}, "sk": {"S": seconds}})
            }
            _ => {
                json!({"pk": {"S": record.id}, "sk": {"S": "-"}, "ipk": {"S": "indexed#42"}, "isk": {"S": ms}})
            }
        };
        let amount = format!("{}.{:02}", record.cents / 100, record.cents.abs() % 100);
        let rest = json!({
            "id": {"S": record.id},
            "status": {"S": record.status},
            "created_at": {"S": record.created_at.to_string()},
            "customer": {"S": record.customer},
            "amount": {"N": amount},
            "paid": match record.paid() {
                Some(paid) => json!({"BOOL": paid}),
                None => json!({"S": "maybe"}),
            },
            "not_exported": {"S": "x".repeat(40)},
        });
        let (Value::Object(mut item), Value::Object(rest)) = (keys, rest) else {
            unreachable!("both are objects");
        };
        item.extend(rest);
        item
    }
}
