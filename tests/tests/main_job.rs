//! The main use case: a project's orders, requested over HTTP, are exported to a file, cell by cell.

#![allow(clippy::unwrap_used, reason = "a failed test panics")]

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use calamine::Data;
use serde_json::{Value, json};
use waybill_tests::{
    COLUMNS, FINISHED_WITHIN, Owner, Stack, assert_valid, generated_orders, id, load_orders,
    olist_orders, orders_csv, python_csv, real_tables, sha256, skipped_without_tables, wait_until,
    xlsx,
};

/// The indexes of the columns with instants.
const INSTANTS: [usize; 3] = [3, 4, 5];
/// The indexes of the columns with numbers.
const NUMBERS: [usize; 3] = [9, 10, 11];
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

#[tokio::test]
async fn generated_orders_arrive_cell_by_cell() {
    let stack = Stack::get();
    arrive(&stack, generated_orders(300)).await;
}

#[tokio::test]
async fn the_ten_thousand_real_orders_arrive_cell_by_cell() {
    let stack = Stack::get();
    match real_tables() {
        Ok(folder) => {
            let orders = olist_orders(&folder);
            assert_eq!(orders.len(), 10_000);
            arrive(&stack, orders).await;
        }
        Err(why) => skipped_without_tables("the real orders", &why),
    }
}

/// Loads the orders into a project of their own, exports them as CSV and as XLSX, and compares every cell.
async fn arrive(stack: &Stack, mut orders: Vec<Vec<String>>) {
    let ana = Owner::new(stack, "Ana").await;
    load_orders(stack, ana.project, orders_csv(&orders)).await;
    // In the order of the records' keys: time, then id.
    orders.sort_by(|a, b| (&a[3], &a[0]).cmp(&(&b[3], &b[0])));

    let csv = ana.request("csv").await;
    assert_eq!(csv["status"], "waiting");
    let csv = ana.reaches(id(&csv), "succeeded", FINISHED_WITHIN).await;
    let file = taken(stack, &ana, &csv, "text/csv; charset=utf-8").await;
    whole(&csv, &file, orders.len());
    let rows = file
        .strip_prefix(BYTE_ORDER_MARK)
        .expect("a byte-order mark, so that Excel reads every script");
    let cells = python_csv(rows);
    assert_eq!(cells[0], COLUMNS);
    assert_eq!(cells.len(), orders.len() + 1);
    for (found, order) in cells[1..].iter().zip(&orders) {
        assert_eq!(found, &as_csv(order), "order {}", order[0]);
    }

    let media_type = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
    let sheet = ana
        .succeeded(json!({"type": "orders", "format": "xlsx"}))
        .await;
    let file = taken(stack, &ana, &sheet, media_type).await;
    whole(&sheet, &file, orders.len());
    assert_valid(&file);
    let cells = xlsx(&file);
    assert_eq!(cells[0], headings());
    assert_eq!(cells.len(), orders.len() + 1);
    for (found, order) in cells[1..].iter().zip(&orders) {
        for (n, (cell, stored)) in found.iter().zip(order).enumerate() {
            assert!(
                is_in_sheet(n, cell, stored),
                "order {}, {}: {stored:?} became {cell:?}",
                order[0],
                COLUMNS[n]
            );
        }
    }
}

/// Downloads the file in both ways of the API, and checks that both give the only object, under the export's file name.
async fn taken(stack: &Stack, ana: &Owner, export: &Value, media_type: &str) -> Vec<u8> {
    let answer = ana.download(export).await;
    assert_eq!(answer.header("content-type"), media_type);
    let disposition = answer.header("content-disposition");
    let name = export["file_name"].as_str().unwrap();
    assert!(disposition.starts_with("attachment;"), "{disposition}");
    assert!(
        disposition.contains(&format!("filename=\"{name}\"")),
        "{disposition}"
    );
    assert!(disposition.contains("filename*=UTF-8''"), "{disposition}");

    let request = ana
        .api
        .request(reqwest::Method::GET, &ana.link(export))
        .header("accept", "application/json");
    let link = ana.api.send(request).await.expect_status(200);
    assert_eq!(link.header("cache-control"), "no-store");
    let url = link.json()["url"].as_str().unwrap().to_owned();
    let again = stack
        .ask(reqwest::Method::GET, &url, None)
        .await
        .expect_status(200);
    assert!(
        again.body == answer.body,
        "the two ways give different bytes"
    );

    let aws = stack.aws().await;
    let objects = wait_until(
        "one object and nothing beside it",
        FINISHED_WITHIN,
        async || {
            let (objects, uploads) = (aws.objects(id(export)).await, aws.uploads(id(export)).await);
            if objects.len() == 1 && uploads.is_empty() {
                Ok(objects)
            } else {
                Err(format!("{objects:?} {uploads:?}"))
            }
        },
    )
    .await;
    assert!(
        aws.object(&objects[0]).await == answer.body,
        "the object is not the download"
    );
    answer.body
}

/// Compares the export's fields with the file.
fn whole(export: &Value, file: &[u8], orders: usize) {
    assert_eq!(export["rows"], orders);
    assert_eq!(export["progress"]["rows"], orders);
    assert_eq!(export["size"], file.len());
    let receipt = &export["receipt"];
    for count in ["read", "matched", "written"] {
        assert_eq!(receipt[count], orders, "{count}: {receipt:#}");
    }
    assert_eq!(receipt["sha256"], sha256(file));
    assert_eq!(export["failure"], Value::Null);
    assert_eq!(export["warnings"], json!([]));
    let (type_name, project) = (&export["type"], &export["project_id"]);
    let name = export["file_name"].as_str().unwrap();
    let begins = format!("{}-{project}-", type_name.as_str().unwrap());
    assert!(
        name.starts_with(&begins) && name.ends_with(export["format"].as_str().unwrap()),
        "{name}"
    );
}

/// An order's cells in a CSV file with the profile `spreadsheet`.
fn as_csv(order: &[String]) -> Vec<String> {
    let cells = order.iter().enumerate().map(|(n, stored)| {
        if NUMBERS.contains(&n) {
            return number(stored);
        }
        let runs = !INSTANTS.contains(&n) && stored.starts_with(['=', '+', '-', '@', '\t', '\r']);
        // After a tab or a line end, another program may begin a cell.
        let stored = stored.replace("\t=", "\t'=").replace("\r=", "\r'=");
        if runs { format!("'{stored}") } else { stored }
    });
    cells.collect()
}

/// A decimal as DynamoDB stores it: without trailing zeros.
fn number(text: &str) -> String {
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text.to_owned()
    }
}

/// Whether a spreadsheet's cell has the stored value with the type of its column.
fn is_in_sheet(column: usize, cell: &Data, stored: &str) -> bool {
    if stored.is_empty() {
        return *cell == Data::Empty;
    }
    if NUMBERS.contains(&column) {
        let wanted: f64 = stored.parse().unwrap();
        return match cell {
            Data::Float(found) => *found == wanted,
            Data::Int(found) => *found as f64 == wanted,
            _ => false,
        };
    }
    match cell {
        Data::DateTime(found) if INSTANTS.contains(&column) => {
            let (year, month, day, hour, minute, second, _) = found.to_ymd_hms_milli();
            format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z") == stored
        }
        Data::String(found) => !INSTANTS.contains(&column) && found == stored,
        _ => false,
    }
}

#[tokio::test]
async fn an_export_without_records_is_a_file_with_a_header() {
    let stack = Stack::get();
    let ana = Owner::new(&stack, "Ana").await;
    let csv = ana
        .succeeded(json!({"type": "orders", "format": "csv"}))
        .await;
    assert_eq!(
        (&csv["rows"], &csv["receipt"]["read"]),
        (&json!(0), &json!(0))
    );
    let file = ana.download(&csv).await.body;
    assert_eq!(
        file.strip_prefix(BYTE_ORDER_MARK),
        Some(format!("{}\r\n", COLUMNS.join(",")).as_bytes())
    );

    let sheet = ana
        .succeeded(json!({"type": "orders", "format": "xlsx"}))
        .await;
    assert_eq!(sheet["rows"], 0);
    assert_eq!(xlsx(&ana.download(&sheet).await.body), [headings()]);
}

/// The header of a workbook, for people.
fn headings() -> Vec<Data> {
    let names = "ID,Reference,Status,Created at,Updated at,Delivered at,Customer,City,State,Items,Amount,Freight,Currency,Payment";
    names
        .split(',')
        .map(|name| Data::String(name.to_owned()))
        .collect()
}

#[tokio::test]
async fn filters_search_and_columns_narrow_the_file() {
    let stack = Stack::get();
    let ana = Owner::new(&stack, "Ana").await;
    let orders = generated_orders(200);
    load_orders(&stack, ana.project, orders_csv(&orders)).await;

    // The orders are a minute apart: `from` is inclusive, `to` exclusive.
    let (from, to) = ("2026-01-01T00:04:00Z", "2026-01-01T01:04:00Z");
    let filters =
        json!({"status": ["canceled", "delivered"], "created_at": {"from": from, "to": to}});
    let body = json!({"type": "orders", "format": "csv", "filters": filters, "columns": ["customer", "id"],
        "profile": "data"});
    let export = ana.succeeded(body).await;
    let wanted: Vec<Vec<String>> = orders
        .iter()
        .filter(|order| ["delivered", "canceled"].contains(&order[2].as_str()))
        .filter(|order| (from..to).contains(&order[3].as_str()))
        .map(|order| vec![order[6].clone(), order[0].clone()])
        .collect();
    assert_eq!(wanted.len(), 30);
    let file = ana.download(&export).await.body;
    // The profile `data`: no byte-order mark, and no guards.
    assert!(!file.starts_with(BYTE_ORDER_MARK));
    let cells = python_csv(&file);
    assert_eq!(cells[0], ["customer", "id"]);
    assert_eq!(cells[1..], wanted);
    assert!(
        wanted.iter().any(|cells| cells[0].starts_with('=')),
        "no hostile cell among them"
    );
    assert_eq!(export["receipt"]["matched"], 30);
    assert_eq!(export["filters"], filters);

    // Full case folding, inside a cell.
    let body = json!({"type": "orders", "format": "csv", "search": "SÃO PAUL"});
    let export = ana.succeeded(body).await;
    assert_eq!(
        export["rows"],
        orders
            .iter()
            .filter(|order| order[7] == "São Paulo")
            .count()
    );
    assert_eq!(export["receipt"]["read"], 200);
}

#[tokio::test]
async fn the_mail_holds_the_file_and_the_link_and_comes_once() {
    let stack = Stack::get();
    let ana = Owner::new(&stack, "Ana").await;
    load_orders(&stack, ana.project, orders_csv(&generated_orders(50))).await;
    let export = ana
        .succeeded(json!({"type": "orders", "format": "xlsx"}))
        .await;
    let mail = ana.mail_about(id(&export)).await;
    ana.mail_is(id(&export), "sent").await;

    let file = ana.download(&export).await.body;
    let attachments = mail["attachments"].as_array().unwrap();
    assert_eq!(attachments.len(), 1);
    assert_eq!(attachments[0]["name"], export["file_name"]);
    let attached = BASE64_STANDARD
        .decode(attachments[0]["content"].as_str().unwrap())
        .unwrap();
    assert!(attached == file, "the attachment is not the file");

    let link = format!("{}/exports/{}", stack.public_url(), id(&export));
    for form in ["text", "html"] {
        assert!(
            mail[form].as_str().unwrap().contains(&link),
            "no {link} in the {form}"
        );
    }
    assert_eq!(mail["to"], json!([ana.email]));

    // Invoking `notify` again sends no second mail.
    stack
        .aws()
        .await
        .invoke(
            stack.output("notify_function"),
            json!({"export_id": id(&export)}),
        )
        .await;
    assert_eq!(ana.mails_about(id(&export)).await.len(), 1);
    assert_eq!(
        ana.events(id(&export)).await,
        ["requested", "started", "succeeded", "mailed", "downloaded"]
    );
}

#[tokio::test]
async fn a_mail_refused_for_good_is_shown_on_the_export() {
    let stack = Stack::get();
    let sub = format!("refuse-{}", waybill_tests::unique());
    let email = format!("refuse+{sub}@example.com");
    let bob = Owner::with_email(&stack, "Bob", &sub, &email, waybill_tests::unique()).await;
    let export = bob
        .succeeded(json!({"type": "orders", "format": "csv"}))
        .await;
    bob.mail_is(id(&export), "failed").await;
    assert_eq!(
        bob.events(id(&export)).await,
        ["requested", "started", "succeeded", "mail_failed"]
    );
    assert!(stack.mails(&email).await.is_empty());
}

#[tokio::test]
async fn a_mail_turned_away_for_now_comes_later_and_once() {
    let stack = Stack::get();
    let sub = format!("throttle-{}", waybill_tests::unique());
    let email = format!("throttle+{sub}@example.com");
    let eve = Owner::with_email(&stack, "Eve", &sub, &email, waybill_tests::unique()).await;
    let export = eve
        .succeeded(json!({"type": "orders", "format": "csv"}))
        .await;
    eve.mail_about(id(&export)).await;
    eve.mail_is(id(&export), "sent").await;
    assert_eq!(eve.mails_about(id(&export)).await.len(), 1);
}
