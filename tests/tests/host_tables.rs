//! A host's own tables with catalog entries: indexes, several partitions, fixed attributes, every format of sort key.
//! The types are defined only in a catalog, without any Rust code.

#![allow(clippy::unwrap_used, reason = "a failed test panics")]

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::process::Command;
use std::time::Duration;

use aws_config::{BehaviorVersion, Region};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::Credentials;
use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::types::AttributeValue;
use futures::FutureExt;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use waybill::catalog::{Catalog, ExportType};
use waybill::deployment_file::DeploymentFile;
use waybill::records::{Order, Range, ReadRequest, RecordsClients, RecordsOpener, RecordsSource};
use waybill::selection::{Criteria, Projection};
use waybill_tests::{
    HostItem, HostTable, Stack, Watch, file_of, n, put_items, python, python_csv, s, unique,
    wait_until,
};

/// The timeout of a first build of the functions.
const BUILT_WITHIN: Duration = Duration::from_secs(900);

/// Types for three tables with different keys.
const CATALOG: &str = r##"
[[type]]
name     = "tickets"
label    = "Support tickets"
parent   = "project"
delivery = "link"
records  = { engine = "dynamodb", table = "TICKETS_TABLE", partitions = ["{parent}#a", "{parent}#b", "{parent}#c"], partition_key = "shard", sort_key = "opened", sort_format = "epoch_ms", fixed = { entity = "ticket", version = 2 } }
created  = "opened"
search   = ["subject"]
filters  = ["status", "created_at", "priority"]
columns  = [
  { key = "id", kind = "text" },
  { key = "subject", kind = "text", path = "what.subject" },
  { key = "opened", kind = "timestamp", from = "epoch_ms" },
  { key = "cost", kind = "decimal", from = "cents", label = "What it cost" },
  { key = "priority", kind = "integer", values = ["1", "2", "3"], default = false },
  { key = "status", kind = "text", hidden = true },
]

[[type]]
name     = "visits"
parent   = "organization"
delivery = "link"
records  = { engine = "dynamodb", table = "VISITS_TABLE", index = "by_index", partition = "org#{parent}", partition_key = "owner", sort_key = "day", sort_format = "rfc3339_s" }
created  = "day"
filters  = ["created_at"]
columns  = [ { key = "id", kind = "text" }, { key = "day", kind = "timestamp" } ]

[[type]]
name     = "notes"
parent   = "source"
delivery = "link"
records  = { engine = "dynamodb", table = "NOTES_TABLE", partition = "{parent}", partition_key = "pk", sort_key = "sk", sort_format = "rfc3339#id" }
created  = "at"
columns  = [ { key = "id", kind = "text" }, { key = "at", kind = "timestamp" } ]
"##;

/// Tickets of a project in three partitions, among other records; each partition is larger than a page.
fn tickets(project: &str, until: Timestamp) -> Vec<HostItem> {
    let opened = |ago: i64| n((until - SignedDuration::from_secs(ago)).as_millisecond());
    let mut items = Vec::new();
    for number in 0..3000 {
        let what = AttributeValue::M(
            [(
                "subject".to_owned(),
                s(format!("{}{number}", "No heat ".repeat(120))),
            )]
            .into(),
        );
        items.push(vec![
            (
                "shard",
                s(format!("{project}#{}", ["a", "b", "c"][number % 7 % 3])),
            ),
            ("opened", opened(4000 - number as i64)),
            ("id", s(format!("{number:04}"))),
            ("what", what),
            ("cost", n(number)),
            ("priority", n(1 + number % 3)),
            (
                "status",
                if number % 11 == 0 {
                    n(5)
                } else {
                    s(["open", "done"][number % 2])
                },
            ),
            (
                "entity",
                s(if number % 10 == 9 {
                    "comment"
                } else {
                    "ticket"
                }),
            ),
            ("version", n(2)),
        ]);
    }
    items
}

fn ticket_ids(is_asked: impl Fn(usize) -> bool) -> Vec<String> {
    let numbers = (0..3000).filter(|number| number % 10 != 9 && is_asked(*number));
    numbers.map(|number| format!("{number:04}")).collect()
}

/// Reads the records of a type directly from the host's table.
struct Source<'a> {
    db: &'a Client,
    table: &'a str,
    of: &'a ExportType,
    parent_id: &'a str,
    as_of: Timestamp,
}

impl Source<'_> {
    /// Returns the ids of all records that match the filters, and the number of records read. Reading stops after each
    /// `every` rows, and resumes from the position.
    async fn read(&self, filters: Value, every: usize) -> (Vec<String>, u64) {
        let criteria = Criteria::from_json(self.of, Some(&filters), None).unwrap();
        let selection = criteria.pin(self.as_of, &jiff::tz::TimeZone::UTC).unwrap();
        let columns = self.of.select_columns(&["id"]).unwrap();
        let projection = Projection::new(self.of, &columns, &selection);
        let (mut ids, mut read, mut position) = (Vec::new(), 0, None::<String>);
        'again: loop {
            let reading = ReadRequest {
                spec: &self.of.records,
                parent_id: self.parent_id,
                root_id: None,
                projection: &projection,
                range: Range {
                    from: selection.created_at().from,
                    until: self.as_of,
                    as_of: self.as_of,
                },
                order: Order::Ascending,
                reads_outside: true,
                strong_until: None,
                is_file: true,
            };
            let mut records = RecordsSource::in_dynamodb(
                self.db.clone(),
                self.table,
                reading,
                position.as_deref(),
            )
            .unwrap();
            let mut rows = 0;
            while let Some(page) = records.next().await.unwrap() {
                let mut values = Vec::new();
                for index in 0..page.len() {
                    page.values(index, &projection, &mut values);
                    let decision = projection.decide(&values, page.key_time(index), self.as_of);
                    if decision.is_in() {
                        ids.push(values[0].as_text().unwrap().to_owned());
                    }
                    rows += 1;
                    if rows == every {
                        read += page.read_through(index);
                        position = Some(page.position(index));
                        continue 'again;
                    }
                }
                read += page.read();
            }
            return (ids, read);
        }
    }
}

#[tokio::test]
async fn several_partitions_are_merged_and_fixed_attributes_are_filtered() {
    let stack = Stack::get();
    let db = stack.aws().await.records;
    let table = HostTable {
        key: &[("shard", "S"), ("opened", "N")],
        index: &[],
    };
    let table = table.create(&db, &[]).await;
    let project = unique().to_string();
    // The keys have milliseconds.
    let as_of = Timestamp::from_millisecond(Timestamp::now().as_millisecond()).unwrap();
    put_items(&db, &table, &tickets(&project, as_of)).await;
    let late = vec![vec![
        ("shard", s(format!("{project}#a"))),
        ("opened", n(as_of.as_millisecond() + 1000)),
        ("id", s("late")),
        ("entity", s("ticket")),
        ("version", n(2)),
    ]];
    put_items(&db, &table, &late).await;
    let catalog = Catalog::parse(CATALOG).unwrap();
    let of = catalog.get("tickets").unwrap();
    let source = Source {
        db: &db,
        table: &table,
        of,
        parent_id: &project,
        as_of,
    };
    // With a filter, the local server counts the record at the end of a page of 1 MB twice; DynamoDB does not.
    let all = 3000..=3001;
    for every in [usize::MAX, 700, 101] {
        let (ids, read) = source.read(json!(null), every).await;
        assert_eq!(
            ids,
            ticket_ids(|_| true),
            "interrupted after every {every} rows"
        );
        assert!(
            all.contains(&read),
            "{read}, interrupted after every {every} rows"
        );
        let filters = json!({"status": "open", "priority": [1, 2]});
        let (ids, read) = source.read(filters, every).await;
        let wanted = ticket_ids(|n| n % 11 != 0 && n % 2 == 0 && n % 3 < 2);
        assert_eq!(ids, wanted, "interrupted after every {every} rows");
        assert!(
            all.contains(&read),
            "{read}, interrupted after every {every} rows"
        );
    }
    // A filter also matches a number by its digits.
    let (ids, _) = source.read(json!({"status": "5"}), usize::MAX).await;
    assert_eq!(ids, ticket_ids(|n| n % 11 == 0));
    let from = (as_of - SignedDuration::from_secs(2000)).to_string();
    let (ids, read) = source
        .read(json!({"created_at": {"from": from}}), 300)
        .await;
    assert_eq!(ids, ticket_ids(|n| n >= 2000));
    assert_eq!(read, 1000, "records before the range are not read");
}

#[tokio::test]
async fn an_index_is_read_to_its_end_from_any_position() {
    let stack = Stack::get();
    let db = stack.aws().await.records;
    let table = HostTable {
        key: &[("id", "S"), ("part", "S")],
        index: &[("owner", "S"), ("day", "S")],
    };
    let table = table.create(&db, &[]).await;
    let as_of = Timestamp::now();
    let day = |number: usize| as_of - SignedDuration::from_hours(24 * (1 + number as i64 / 100));
    // A hundred visits have the same day, and so the same key in the index.
    let visits: Vec<HostItem> = (0..2500)
        .map(|number| {
            vec![
                ("id", s(format!("{number:04}"))),
                ("part", s("x".repeat(1000))),
                ("owner", s("org#acme")),
                (
                    "day",
                    s(day(number).strftime("%Y-%m-%dT%H:%M:%SZ").to_string()),
                ),
            ]
        })
        .collect();
    put_items(&db, &table, &visits).await;
    let catalog = Catalog::parse(CATALOG).unwrap();
    let of = catalog.get("visits").unwrap();
    let source = Source {
        db: &db,
        table: &table,
        of,
        parent_id: "acme",
        as_of,
    };
    let (whole, read) = source.read(json!(null), usize::MAX).await;
    assert_eq!(read, 2500);
    let days: Vec<usize> = whole
        .iter()
        .map(|id| id.parse::<usize>().unwrap() / 100)
        .collect();
    assert!(days.is_sorted_by(|a, b| a >= b), "the oldest day first");
    let mut ids = whole.clone();
    ids.sort_unstable();
    assert_eq!(
        ids,
        (0..2500)
            .map(|number| format!("{number:04}"))
            .collect::<Vec<_>>()
    );
    for every in [1037, 250, 33] {
        let (ids, read) = source.read(json!(null), every).await;
        assert_eq!(ids, whole, "interrupted after every {every} rows");
        assert_eq!(read, 2500, "interrupted after every {every} rows");
    }
}

#[tokio::test]
async fn a_mixed_precision_is_bounded_by_instants() {
    let stack = Stack::get();
    let db = stack.aws().await.records;
    let table = HostTable {
        key: &[("pk", "S"), ("sk", "S")],
        index: &[],
    };
    let table = table.create(&db, &[]).await;
    let notes = [
        ("2026-11-21T11:59:59.017Z", true),
        ("2026-11-21T11:59:59Z", true),
        ("2026-11-21T12:00:00.5Z", false),
        ("2026-11-21T12:00:00Z", false),
        ("2026-11-21T12:30:00+01:00", true),
    ];
    let items = notes.map(|(at, _)| {
        vec![
            ("pk", s("web")),
            ("sk", s(format!("{at}#1"))),
            ("id", s(at)),
            ("at", s(at)),
        ]
    });
    put_items(&db, &table, &items).await;
    let catalog = Catalog::parse(CATALOG).unwrap();
    let of = catalog.get("notes").unwrap();
    let as_of = "2026-11-21T12:00:00Z".parse().unwrap();
    let source = Source {
        db: &db,
        table: &table,
        of,
        parent_id: "web",
        as_of,
    };
    let (ids, _) = source.read(json!(null), 1).await;
    let wanted: Vec<_> = notes
        .iter()
        .filter(|(_, is_before)| *is_before)
        .map(|(at, _)| *at)
        .collect();
    assert_eq!(ids, wanted);
}

/// Queries of a table in another account are signed for its region, with the credentials of its role.
#[tokio::test]
async fn another_accounts_table_is_read_by_its_role_in_its_region() {
    let stack = Stack::get();
    let own = r#"sort_format = "rfc3339#id""#;
    let role = reader_role(&stack);
    let elsewhere =
        format!(r#"sort_format = "rfc3339#id", region = "eu-central-1", role = "{role}""#);
    assert!(CATALOG.contains(own));
    let catalog = Catalog::parse(&CATALOG.replace(own, &elsewhere)).unwrap();
    let config = aws_config::defaults(BehaviorVersion::latest())
        .endpoint_url(stack.output("endpoint_url"))
        .region(Region::new("eu-west-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .load()
        .await;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let asked = std::thread::spawn(move || {
        listener
            .incoming()
            .take(2)
            .map(|connection| refuse(connection.unwrap()))
            .collect::<Vec<_>>()
    });
    let clients = RecordsClients::new(&config, Some(address));
    for name in ["tickets", "notes"] {
        let records = &catalog.get(name).unwrap().records;
        let table = &records.dynamodb().unwrap().table;
        let deployment = DeploymentFile::of_table(table, "t");
        let opener = RecordsOpener::new(clients.clone(), deployment.into());
        let place = opener.table(records.dynamodb().unwrap()).unwrap();
        let client = opener.client(&place).await;
        let refused = client.query().table_name("t").send().await.unwrap_err();
        assert_eq!(
            refused.code(),
            Some("ResourceNotFoundException"),
            "{refused:?}"
        );
    }
    let asked = asked.join().unwrap();
    assert!(
        asked[0].contains("Credential=test/") && asked[0].contains("/eu-west-1/dynamodb/"),
        "{}",
        asked[0]
    );
    assert!(
        !asked[1].contains("Credential=test/") && asked[1].contains("/eu-central-1/dynamodb/"),
        "{}",
        asked[1]
    );
    assert!(
        asked[1].to_lowercase().contains("x-amz-security-token"),
        "{}",
        asked[1]
    );
}

/// Creates a role that trusts Waybill's account; the emulator evaluates trust policies.
fn reader_role(stack: &Stack) -> String {
    let script = r#"
import json, sys
import boto3
trust = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
iam = boto3.client("iam", endpoint_url=sys.argv[1], region_name="eu-west-1",
                   aws_access_key_id="test", aws_secret_access_key="test")
policy = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
print(iam.create_role(RoleName=sys.argv[2], AssumeRolePolicyDocument=policy)["Role"]["Arn"], end="")
"#;
    let output = Command::new(python())
        .args(["-c", script, stack.output("endpoint_url")])
        .arg(format!("reader-{}", unique()))
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

/// Returns the head of a request, and answers it with `ResourceNotFoundException`.
fn refuse(mut connection: TcpStream) -> String {
    let mut head = String::new();
    let mut lines = BufReader::new(connection.try_clone().unwrap());
    while !head.ends_with("\r\n\r\n") {
        assert!(lines.read_line(&mut head).unwrap() > 0, "{head}");
    }
    let body =
        r#"{"__type":"com.amazonaws.dynamodb.v20120810#ResourceNotFoundException","message":"no"}"#;
    write!(
        connection,
        "HTTP/1.1 400 Bad Request\r\nContent-Type: application/x-amz-json-1.0\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    head
}

/// The functions load the catalog at `CATALOG_PATH`, without a new build.
#[tokio::test]
async fn a_type_is_added_by_a_catalog_file() {
    let stack = Stack::get();
    let aws = stack.aws().await;
    let table = HostTable {
        key: &[("shard", "S"), ("opened", "N")],
        index: &[],
    };
    let tickets_table = table.create(&aws.records, &[]).await;
    let project = unique();
    put_items(
        &aws.records,
        &tickets_table,
        &tickets(
            &project.to_string(),
            Timestamp::now() - SignedDuration::from_secs(1),
        ),
    )
    .await;
    let mut catalog = tempfile::NamedTempFile::new().unwrap();
    catalog.write_all(CATALOG.as_bytes()).unwrap();

    let (path, table) = (catalog.path().to_str().unwrap(), tickets_table.as_str());
    let sampled = sample(&stack, path, table, project);
    assert!(sampled.contains("tickets of project#"), "{sampled}");
    assert!(sampled.contains("all records match the entry"), "{sampled}");

    let watch = Watch::start(
        &stack,
        &[
            ("CATALOG_PATH", path),
            ("TICKETS_TABLE", table),
            ("VISITS_TABLE", "none"),
            ("NOTES_TABLE", "none"),
        ],
    );
    // The deployed worker does not have the type.
    let generate = stack.output("generate_function");
    aws.feed(generate, false).await;
    let result = AssertUnwindSafe(export_tickets(&stack, &watch, project))
        .catch_unwind()
        .await;
    aws.feed(generate, true).await;
    if let Err(panic) = result {
        resume_unwind(panic);
    }
}

async fn export_tickets(stack: &Stack, watch: &Watch, project: u64) {
    let mut event = Watch::event("api");
    let path = format!("/v1/projects/{project}/exports");
    event["rawPath"] = json!(path);
    event["requestContext"]["http"]["path"] = json!(path);
    event["requestContext"]["authorizer"]["jwt"]["claims"]["scope"] =
        json!(format!("project:{project}"));
    event["requestContext"]["authorizer"]["jwt"]["claims"]["sub"] = json!(format!("ana-{project}"));
    let body = json!({"type": "tickets", "format": "csv", "profile": "data", "filters": {"priority": 3}, "search": "no HEAT 29",
        "columns": ["id", "opened", "cost"]});
    event["body"] = json!(body.to_string());
    let first = async || {
        let answer = watch.invoke("api", &event)?;
        if answer["statusCode"] == 201 {
            Ok(answer)
        } else {
            Err(answer.to_string())
        }
    };
    let created = wait_until("cargo lambda watch to have built api", BUILT_WITHIN, first).await;
    let export: Value = serde_json::from_str(created["body"].as_str().unwrap()).unwrap();
    let id = waybill_tests::id(&export);
    let mut message = Watch::event("generate");
    message["Records"][0]["body"] = json!({"export_id": id}).to_string().into();
    let made = async || watch.invoke("generate", &message);
    let made = wait_until(
        "cargo lambda watch to have built generate",
        BUILT_WITHIN,
        made,
    )
    .await;
    assert_eq!(made, json!({"batchItemFailures": []}));

    let owner = stack.caller(
        &stack
            .token(json!({"grants": format!("project:{project}")}))
            .await,
    );
    let export = owner
        .get(&format!("/v1/exports/{id}"))
        .await
        .expect_status(200)
        .json();
    assert_eq!(export["status"], "succeeded", "{export:#}");
    let rows = python_csv(&file_of(stack, &owner, &export).await);
    let ids: Vec<_> = rows[1..].iter().map(|row| row[0].clone()).collect();
    assert_eq!(
        ids,
        ticket_ids(|n| n % 3 == 2 && n.to_string().starts_with("29"))
    );
    assert_eq!(rows[0], ["id", "opened", "cost"]);
    let cost: usize = ids[0].parse().unwrap();
    assert_eq!(rows[1][2], format!("{}.{:02}", cost / 100, cost % 100));
    assert!(rows[1][1].ends_with('Z'), "{:?}", rows[1]);
    assert!(
        export["receipt"]["read"].as_u64().unwrap() >= 3000,
        "{export:#}"
    );
}

/// The output of the command `waybill catalog sample`.
fn sample(stack: &Stack, catalog: &str, table: &str, project: u64) -> String {
    let output = Command::new(env!("CARGO"))
        .args([
            "run",
            "--quiet",
            "--bin",
            "waybill",
            "--",
            "catalog",
            "sample",
            "tickets",
            &project.to_string(),
        ])
        .args([
            "--catalog",
            catalog,
            "--table",
            table,
            "--endpoint-url",
            stack.output("records_url"),
        ])
        .current_dir(Stack::root())
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .env("AWS_REGION", stack.output("region"))
        .output()
        .unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}
