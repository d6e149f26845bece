//! Real orders: those of the Brazilian marketplace Olist, joined into the catalog's columns.

use std::collections::HashMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use crate::stack::Stack;

const VARIABLE: &str = "WAYBILL_DATA";

type Rows = Vec<HashMap<String, String>>;

/// The folder of the real tables: `WAYBILL_DATA`, or `../shared/data` beside the checkout. Where there is none, the
/// reason why a test is left out.
///
/// # Errors
/// A sentence to print.
pub fn real_tables() -> Result<PathBuf, String> {
    let beside = || Stack::root().join("../shared/data");
    let folder = std::env::var_os(VARIABLE).map_or_else(beside, PathBuf::from);
    if folder.is_dir() {
        return Ok(folder);
    }
    Err(format!(
        "there is no folder {} (set {VARIABLE} to name another)",
        folder.display()
    ))
}

/// The 10,000 orders of `folder` as rows of [`crate::COLUMNS`].
///
/// # Panics
/// Where a table is missing or not what it was.
pub fn olist_orders(folder: &Path) -> Vec<Vec<String>> {
    let orders = read(folder, "olist_subset10k_orders");
    let customers = by(read(folder, "olist_subset10k_customers"), "customer_id");
    let items = by(read(folder, "olist_subset10k_order_items"), "order_id");
    let payments = by(read(folder, "olist_order_payments_dataset"), "order_id");

    let joined = orders.iter().map(|order| {
        let id = &order["order_id"];
        let customer = &customers[&order["customer_id"]][0];
        let items = items.get(id).map_or(&[][..], Vec::as_slice);
        let largest = payments
            .get(id)
            .and_then(|payments| payments.iter().max_by_key(|p| cents(&p["payment_value"])));
        let changes = [
            "order_purchase_timestamp",
            "order_approved_at",
            "order_delivered_carrier_date",
        ];
        let changed = changes
            .iter()
            .chain(["order_delivered_customer_date"].iter())
            .map(|name| &order[*name])
            .max();
        vec![
            id.clone(),
            id[..8].to_uppercase(),
            order["order_status"].clone(),
            instant(&order["order_purchase_timestamp"]),
            instant(changed.expect("every order has a purchase")),
            instant(&order["order_delivered_customer_date"]),
            customer["customer_unique_id"].clone(),
            customer["customer_city"].clone(),
            customer["customer_state"].clone(),
            items.len().to_string(),
            money(items.iter().map(|item| cents(&item["price"])).sum()),
            money(items.iter().map(|item| cents(&item["freight_value"])).sum()),
            "BRL".to_owned(),
            largest
                .map(|payment| payment["payment_type"].clone())
                .unwrap_or_default(),
        ]
    });
    joined.collect()
}

fn read(folder: &Path, table: &str) -> Rows {
    let path = folder.join(format!("{table}.csv.zst"));
    let file = File::open(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let text = zstd::Decoder::new(file).expect("a file compressed with zstd");
    csv::Reader::from_reader(text)
        .deserialize()
        .map(|row| row.expect("a row of text"))
        .collect()
}

fn by(rows: Rows, column: &str) -> HashMap<String, Rows> {
    let mut found: HashMap<String, Rows> = HashMap::new();
    for row in rows {
        found.entry(row[column].clone()).or_default().push(row);
    }
    found
}

/// `2017-10-02 10:56:33` in RFC 3339; nothing stays nothing.
fn instant(text: &str) -> String {
    if text.is_empty() {
        String::new()
    } else {
        format!("{}Z", text.replace(' ', "T"))
    }
}

/// `199.9` as 19990, without the errors of floating-point numbers.
fn cents(text: &str) -> u64 {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    assert!(fraction.len() <= 2, "{text:?} has more than cents");
    format!("{whole}{fraction:0<2}")
        .parse()
        .unwrap_or_else(|error| panic!("{text:?}: {error}"))
}

fn money(cents: u64) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}
