//! Exports the real tables and compares the files with the tables, cell by cell. `make tables` uses all rows; `make
//! test` uses the first thousands.

#![allow(clippy::unwrap_used, reason = "a failed test panics")]

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::time::Duration;

use futures::SinkExt;
use serde_json::{Value, json};
use tokio_postgres::NoTls;
use waybill_testing::mariadb;
use waybill_tests::{
    Calc, Caller, Import, Opened, Stack, Table, assert_valid, file_of, note, real_tables, sha256,
    skipped, skipped_without_tables, succeeded_within, unique, whole_tables, workers,
};

/// The timeout of an export of half a million rows on a slow, busy machine.
const WITHIN: Duration = Duration::from_secs(900);

/// One export: the request, and the same selection for the independent readers.
struct Case {
    what: &'static str,
    body: Value,
    asked: Value,
}

/// A succeeded export and its file.
async fn exported(stack: &Stack, api: &Caller, parent: &str, body: Value) -> (Value, Vec<u8>) {
    let path = format!("/v1/{parent}/exports");
    let export = api.post(&path, body).await.expect_status(201).json();
    let export = succeeded_within(api, &export, WITHIN).await;
    let file = file_of(stack, api, &export).await;
    (export, file)
}

/// The folder of the real tables; `None`, with a note that the test is skipped, without them.
fn folder(what: &str) -> Option<PathBuf> {
    real_tables()
        .map_err(|why| skipped_without_tables(what, &why))
        .ok()
}

fn rows(slice: usize) -> usize {
    if whole_tables() { 0 } else { slice }
}

/// Loads the table for a new parent of this kind, and compares each export with it.
async fn check(table: Table, parent: &str, definitions: Option<Value>, mut cases: Vec<Case>) {
    let stack = Stack::get();
    let id = unique().to_string();
    if let Some(definitions) = definitions {
        let staff = stack.caller(&stack.token_with(&format!("staff-{id}"), "staff").await);
        let described = staff.put(&format!("/v1/{parent}s/{id}"), definitions).await;
        described.expect_status(200);
    }
    for case in &mut cases {
        case.asked["constant"] = json!({"source_id": id});
    }
    let table = tokio::task::spawn_blocking({
        let (stack, id) = (stack.clone(), id.clone());
        move || {
            table.load(&stack, &id);
            table
        }
    })
    .await
    .unwrap();
    for (number, case) in cases.into_iter().enumerate() {
        // A person of its own for each export, because of the rate limit.
        let sub = format!("reader-{id}-{number}");
        let grant = format!("{parent}:{id}");
        let api = stack.caller(&stack.token_with(&sub, &grant).await);
        let (export, file) = exported(&stack, &api, &format!("{parent}s/{id}"), case.body).await;
        let mut asked = case.asked;
        asked["format"] = export["format"].clone();
        asked["profile"] = export["profile"].clone();
        if asked["columns"].is_null() {
            asked["columns"] = json!(table.columns());
        }
        if asked["range"].is_null() {
            // The table of audience members has times in the future, which are not in the file.
            asked["range"] = json!([asked["order"][0], "", export["created_at"]]);
        }
        // The schema check loads a whole sheet, which takes gigabytes for half a million rows.
        if export["format"] == "xlsx" && !whole_tables() {
            assert_valid(&file);
        }
        let answer = table.compare(&file, asked);
        assert_eq!(export["rows"], answer["rows"], "{}", case.what);
        assert_eq!(
            export["receipt"]["written"], answer["rows"],
            "{}",
            case.what
        );
        assert_eq!(warnings_of(&export), counted(&answer), "{}", case.what);
        assert_ne!(answer["rows"], 0, "{}: nothing was compared", case.what);
        if whole_tables() {
            figures(&stack, case.what, &export);
        }
    }
}

/// The columns of leads, with those of the source and `other` before the last three.
fn with_own(mut columns: Vec<Value>, own: Vec<Value>) -> Vec<Value> {
    let last = columns.split_off(columns.len() - 3);
    columns.extend(own);
    columns.push(json!(["other", "text"]));
    columns.extend(last);
    columns
}

/// The export's warnings about cells: code, column, count.
fn warnings_of(export: &Value) -> BTreeSet<(String, String, u64)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let warnings = export["warnings"].as_array().unwrap().iter();
    warnings
        .map(|w| {
            (
                text(&w["code"]),
                text(&w["column"]),
                w["count"].as_u64().unwrap(),
            )
        })
        .collect()
}

/// The same warnings as counted by the readers.
fn counted(answer: &Value) -> BTreeSet<(String, String, u64)> {
    let mut found = BTreeSet::new();
    for (code, columns) in answer["warnings"].as_object().unwrap() {
        for (column, count) in columns.as_object().unwrap() {
            found.insert((code.clone(), column.clone(), count.as_u64().unwrap()));
        }
    }
    found
}

/// Prints the duration of the export, the checksum of its file, and the peak memory of its workers.
fn figures(stack: &Stack, what: &str, export: &Value) {
    let peak = workers(stack, stack.output("generate_function"))
        .into_iter()
        .filter_map(|pid| {
            let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
            let line = status.lines().find(|line| line.starts_with("VmHWM"))?;
            line.split_whitespace().nth(1)?.parse::<u64>().ok()
        })
        .max()
        .unwrap_or_default();
    let receipt = &export["receipt"];
    note(&format!(
        "{what}: {} of {} records, {} bytes, SHA-256 {}, {} s in {} invocations, peak memory of a worker {} MB",
        receipt["written"],
        receipt["read"],
        export["size"],
        receipt["sha256"],
        receipt["seconds"],
        receipt["invocations"],
        peak / 1024
    ));
}

#[tokio::test]
async fn purchases_whole_and_narrowed() {
    let Some(folder) = folder("the real purchases") else {
        return;
    };
    let table = Table::prepare("purchases", &folder, rows(6_000));
    let order = json!(["purchased_at", "id"]);
    let (from, to) = ("2010-12-01T10:00:00Z", "2010-12-03T00:00:00Z");
    let cases = vec![
        Case {
            what: "all purchases, CSV",
            body: json!({"type": "purchases", "format": "csv"}),
            asked: json!({"order": order}),
        },
        Case {
            what: "all purchases, XLSX",
            body: json!({"type": "purchases", "format": "xlsx", "headers": "keys"}),
            asked: json!({"order": order}),
        },
        Case {
            what: "purchases of two countries in a range of days, CSV",
            body: json!({"type": "purchases", "format": "csv", "profile": "data", "filters": {
                "country": ["France", "Germany"], "created_at": {"from": from, "to": to}}}),
            asked: json!({"order": order, "is_in": {"country": ["France", "Germany"]},
                "range": ["purchased_at", from, to]}),
        },
        Case {
            what: "canceled purchases, CSV",
            body: json!({"type": "purchases", "format": "csv", "filters": {"status": ["canceled"]}}),
            asked: json!({"order": order, "is_in": {"status": ["canceled"]}}),
        },
        Case {
            what: "purchases with `heart`, CSV",
            body: json!({"type": "purchases", "format": "csv", "search": "heart"}),
            asked: json!({"order": order, "search": {"term": "heart", "phones": [],
                "columns": ["id", "invoice", "stock_code", "description", "customer_id"]}}),
        },
    ];
    check(table, "organization", None, cases).await;
}

/// Copies purchases into the local stack's PostgreSQL, with numbers as DynamoDB keeps them: without zeros at their end.
async fn insert_into_postgres(stack: &Stack, table: &Table, organization: &str) {
    let (mut client, connection) = tokio_postgres::connect(stack.output("database_url"), NoTls)
        .await
        .unwrap();
    tokio::spawn(connection);
    let transaction = client.transaction().await.unwrap();
    let columns = header(table).into_iter().map(|name| name + " text");
    let columns: Vec<String> = columns.collect();
    let file = std::fs::read(table.path()).unwrap();
    let loaded = format!(
        "CREATE TEMPORARY TABLE loaded ({}) ON COMMIT DROP",
        columns.join(", ")
    );
    transaction.batch_execute(&loaded).await.unwrap();
    let copy = "COPY loaded FROM STDIN (FORMAT csv, HEADER)";
    let mut sink = std::pin::pin!(transaction.copy_in(copy).await.unwrap());
    sink.send(bytes::Bytes::from(file)).await.unwrap();
    sink.finish().await.unwrap();
    let insert = "INSERT INTO purchases SELECT $1, id, invoice, status, purchased_at::timestamptz, stock_code, description, \
        quantity::integer, trim_scale(unit_price::numeric), currency, customer_id, country FROM loaded";
    transaction.execute(insert, &[&organization]).await.unwrap();
    transaction.commit().await.unwrap();
}

/// Copies purchases into the local stack's MariaDB.
fn insert_into_mariadb(url: &str, table: &Table, organization: &str) {
    let variables = header(table).into_iter().map(|name| format!("@{name}"));
    let variables: Vec<String> = variables.collect();
    let values = IN_DATABASES.map(|name| match name {
        "purchased_at" => format!("{name} = STR_TO_DATE(@{name}, '%Y-%m-%dT%H:%i:%sZ')"),
        _ => format!("{name} = NULLIF(@{name}, '')"),
    });
    let statement = format!(
        "LOAD DATA LOCAL INFILE '{}' INTO TABLE purchases CHARACTER SET utf8mb4 \
           FIELDS TERMINATED BY ',' OPTIONALLY ENCLOSED BY '\"' ESCAPED BY '' LINES TERMINATED BY '\\r\\n' \
           IGNORE 1 LINES ({}) SET organization_id = '{organization}', {}",
        table.path().display(),
        variables.join(", "),
        values.join(", "),
    );
    let port = url.split([':', '/']).nth(4).unwrap();
    mariadb::execute(port.parse().unwrap(), "crm", &statement);
}

/// The names in the first line of a table.
fn header(table: &Table) -> Vec<String> {
    let mut file = BufReader::new(File::open(table.path()).unwrap());
    let mut header = String::new();
    file.read_line(&mut header).unwrap();
    header.trim().split(',').map(str::to_owned).collect()
}

/// The columns of purchases that the local stack's databases have, too.
const IN_DATABASES: [&str; 11] = [
    "id",
    "invoice",
    "status",
    "purchased_at",
    "stock_code",
    "description",
    "quantity",
    "unit_price",
    "currency",
    "customer_id",
    "country",
];

/// The purchases in DynamoDB, PostgreSQL and MariaDB, exported as the same bytes, and as what is in the table.
#[tokio::test]
async fn purchases_from_each_engine_are_the_same_file() {
    let Some(folder) = folder("the real purchases from databases") else {
        return;
    };
    let stack = Stack::get();
    let table = Table::prepare("purchases", &folder, rows(6_000));
    let id = unique().to_string();
    table.load(&stack, &id);
    insert_into_postgres(&stack, &table, &id).await;
    let mut types = vec!["purchases", "shop_purchases"];
    match stack.optional_output("mariadb_url") {
        Some(url) => {
            insert_into_mariadb(url, &table, &id);
            types.push("crm_purchases");
        }
        None => skipped("the real purchases from MariaDB", "it is not installed"),
    }
    let kinds: Vec<Value> = table
        .columns()
        .into_iter()
        .filter(|column| IN_DATABASES.iter().any(|key| column[0] == *key))
        .collect();
    let selections = [
        ("all purchases", json!({}), Value::Null),
        (
            "purchases of two countries",
            json!({"country": ["France", "Germany"]}),
            Value::Null,
        ),
        ("purchases with `heart`", json!({}), json!("heart")),
    ];
    for (what, filters, search) in selections {
        let mut files = Vec::new();
        for type_name in &types {
            let body = json!({"type": type_name, "columns": IN_DATABASES, "format": "csv", "filters": filters, "search": search});
            let sub = format!("reader-{}", unique());
            let api = stack.caller(&stack.token_with(&sub, &format!("organization:{id}")).await);
            let (export, file) = exported(&stack, &api, &format!("organizations/{id}"), body).await;
            if whole_tables() {
                figures(&stack, &format!("{what}, {type_name}"), &export);
            }
            assert_eq!(export["receipt"]["sha256"], json!(sha256(&file)), "{what}");
            files.push((export["rows"].clone(), export["receipt"]["sha256"].clone()));
            if what == "all purchases" {
                let asked = json!({"format": "csv", "profile": export["profile"], "columns": kinds,
                    "order": ["purchased_at", "id"], "range": ["purchased_at", "", export["created_at"]]});
                assert_eq!(
                    table.compare(&file, asked)["rows"],
                    export["rows"],
                    "{type_name}"
                );
            }
        }
        assert!(
            files.iter().all(|file| *file == files[0]),
            "{what}: {files:?}"
        );
        assert_ne!(files[0].0, json!(0), "{what}");
    }
}

#[tokio::test]
async fn audience_members_searched_in_their_own_scripts() {
    let Some(folder) = folder("the real audience members") else {
        return;
    };
    let table = Table::prepare("audience_members", &folder, rows(10_000));
    let order = json!(["subscribed_at", "id"]);
    let mut cases = vec![
        Case {
            what: "all audience members, CSV for spreadsheets",
            body: json!({"type": "audience_members", "format": "csv"}),
            asked: json!({"order": order}),
        },
        Case {
            what: "all audience members, CSV as data",
            body: json!({"type": "audience_members", "format": "csv", "profile": "data"}),
            asked: json!({"order": order}),
        },
    ];
    let searches = [
        ("a search in Japanese", "佐藤"),
        ("a search in Arabic", "محمد"),
        ("a search in German, in other letters than stored", "WEISS"),
        ("a search in German", "müller"),
        ("a search for a phone by its digits", "+977 (186)"),
    ];
    for (what, term) in searches {
        cases.push(Case {
            what,
            body: json!({"type": "audience_members", "format": "csv", "search": term}),
            asked: json!({"order": order, "search": {"term": term, "phones": ["phone"],
                "columns": ["name", "email", "phone", "city"]}}),
        });
    }
    check(table, "organization", None, cases).await;
}

#[tokio::test]
async fn leads_with_custom_fields_and_attributes() {
    let Some(folder) = folder("the real leads") else {
        return;
    };
    let table = Table::prepare("leads", &folder, rows(3_000));
    let custom = [
        ("age", "integer"),
        ("job", "text"),
        ("marital", "text"),
        ("education", "text"),
        ("default", "text"),
        ("housing", "text"),
        ("loan", "text"),
        ("contact", "text"),
        ("month", "text"),
        ("day_of_week", "text"),
        ("duration", "integer"),
        ("pdays", "integer"),
        // A number in a column of texts: -1.8 is guarded in a file for spreadsheets.
        ("emp.var.rate", "text"),
        ("cons.price.idx", "decimal"),
        ("cons.conf.idx", "decimal"),
        ("euribor3m", "decimal"),
        ("nr.employed", "decimal"),
    ];
    let attributes = ["campaign", "previous", "poutcome", "y"];
    let defined = custom.map(|(key, kind)| json!({"key": key, "kind": kind}));
    let definitions = json!({"name": "Bank", "custom_fields": defined, "attributes": attributes});

    let mut own = custom.map(|(key, kind)| json!([key, kind])).to_vec();
    own.extend(attributes.map(|key| json!([key, "text", format!("attributes.{key}")])));
    let columns = with_own(table.columns(), own);
    let asked = || json!({"order": ["created_at", "id"], "columns": columns});
    let (mut sold, mut campaign) = (asked(), asked());
    sold["is_in"] = json!({"status": ["sold"]});
    campaign["is_in"] = json!({"attributes.campaign": ["2", "3"]});
    let cases = vec![
        Case {
            what: "all leads, CSV for spreadsheets",
            body: json!({"type": "leads", "format": "csv"}),
            asked: asked(),
        },
        Case {
            what: "all leads, CSV as data",
            body: json!({"type": "leads", "format": "csv", "profile": "data"}),
            asked: asked(),
        },
        Case {
            what: "sold leads, XLSX",
            body: json!({"type": "leads", "format": "xlsx", "headers": "keys", "filters": {"status": "sold"}}),
            asked: sold,
        },
        Case {
            what: "leads of two campaigns, CSV",
            body: json!({"type": "leads", "format": "csv", "filters": {"attributes": {"campaign": ["2", "3"]}}}),
            asked: campaign,
        },
    ];
    check(table, "source", Some(definitions), cases).await;
}

#[tokio::test]
async fn nasty_strings_in_every_text_are_unchanged_and_never_run() {
    let Some(folder) = folder("the nasty strings") else {
        return;
    };
    let types = [
        ("orders", "project", "created_at"),
        ("purchases", "organization", "purchased_at"),
        ("audience_members", "organization", "subscribed_at"),
        ("leads", "source", "created_at"),
    ];
    for (type_name, parent, created) in types {
        let table = Table::prepare(&format!("nasty/{type_name}"), &folder, 0);
        let order = json!([created, "id"]);
        let columns = match type_name {
            "leads" => with_own(table.columns(), Vec::new()),
            _ => table.columns(),
        };
        let case = |what, format: &str, profile: &str| Case {
            what,
            body: json!({"type": type_name, "format": format, "profile": profile, "headers": "keys"}),
            asked: json!({"order": order, "columns": columns}),
        };
        let cases = vec![
            case("nasty strings for a spreadsheet", "csv", "spreadsheet"),
            case("nasty strings as data", "csv", "data"),
            case("nasty strings in a workbook", "xlsx", "spreadsheet"),
        ];
        check(table, parent, None, cases).await;
    }
}

/// Opens the files in LibreOffice with formulas enabled: no cell runs in the file for spreadsheets, and the same cells
/// do in the file for programs.
#[tokio::test]
async fn a_spreadsheet_program_runs_no_cell() {
    let what = "nasty strings in LibreOffice";
    let Some(folder) = folder(what) else {
        return;
    };
    let Some(calc) = Calc::find(what) else {
        return;
    };
    let stack = Stack::get();
    let id = unique().to_string();
    let table = Table::prepare("nasty/orders", &folder, 0);
    table.load(&stack, &id);
    let grant = format!("project:{id}");
    let api = stack.caller(&stack.token_with(&format!("calc-{id}"), &grant).await);
    for (profile, runs) in [("spreadsheet", false), ("data", true)] {
        let body = json!({"type": "orders", "format": "csv", "profile": profile});
        let (export, file) = exported(&stack, &api, &format!("projects/{id}"), body).await;
        let Opened { rows, formulas } = calc.open(&file, Import::AS_WRITTEN);
        assert_eq!(
            export["rows"].as_u64().unwrap() + 1,
            rows as u64,
            "{profile}"
        );
        assert_eq!(!formulas.is_empty(), runs, "{profile}: {formulas:?}");
    }
}
