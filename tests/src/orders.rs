//! Orders made for a test, the same at every run.

use std::fmt::Write;

use jiff::{SignedDuration, Timestamp};

/// The columns of the catalog's type `orders`.
pub const COLUMNS: [&str; 14] = [
    "id",
    "reference",
    "status",
    "created_at",
    "updated_at",
    "delivered_at",
    "customer",
    "city",
    "state",
    "items",
    "amount",
    "freight",
    "currency",
    "payment",
];

/// Cells that break careless exports: formulas, quotes, line breaks, what looks like a number or a date, scripts.
const HOSTILE: [&str; 22] = [
    "=HYPERLINK(\"http://example.com\";\"click\")",
    "=1+1",
    "+1+1",
    "-2+3",
    "@SUM(A1:A9)",
    "\t=1+1",
    "\r=1+1",
    "'quoted",
    "O'Brien, \"Pat\"",
    "\"",
    "Two\nlines",
    "Two\r\nlines",
    "semi;colon",
    "007",
    "1e5",
    "2017-10-02",
    " spaces at both ends ",
    "山田 太郎",
    "محمد الأمين",
    "👩‍👩‍👧 family",
    "\u{feff}mark",
    "NULL",
];
const STATUSES: [&str; 4] = ["delivered", "shipped", "processing", "canceled"];
const PAYMENTS: [&str; 3] = ["credit_card", "boleto", "voucher"];

/// `count` orders as rows of [`COLUMNS`], oldest first, one a minute from the beginning of 2026. Every eighth customer
/// is hostile.
pub fn generated_orders(count: usize) -> Vec<Vec<String>> {
    let first: Timestamp = "2026-01-01T00:00:00Z".parse().expect("an instant");
    (0..count)
        .map(|n| {
            let created = first + SignedDuration::from_mins(n as i64);
            let updated = created + SignedDuration::from_secs(n as i64 % 977);
            let status = STATUSES[n % STATUSES.len()];
            let customer = if n % 8 == 0 {
                HOSTILE[n / 8 % HOSTILE.len()].to_owned()
            } else {
                format!("Customer {n}")
            };
            vec![
                format!("o-{n:07}"),
                format!("R{:08X}", n.wrapping_mul(2_654_435_761) as u32),
                status.to_owned(),
                created.to_string(),
                updated.to_string(),
                if status == "delivered" {
                    (updated + SignedDuration::from_hours(72)).to_string()
                } else {
                    String::new()
                },
                customer,
                if n % 5 == 0 {
                    "São Paulo".to_owned()
                } else {
                    format!("City, {}", n % 50)
                },
                if n % 7 == 0 {
                    String::new()
                } else {
                    "SP".to_owned()
                },
                (1 + n % 9).to_string(),
                format!("{}.{:02}", n * 37 % 100_000, n % 100),
                format!("{}.{:02}", n % 40, n * 7 % 100),
                "BRL".to_owned(),
                PAYMENTS[n % PAYMENTS.len()].to_owned(),
            ]
        })
        .collect()
}

/// Orders as a CSV file with a header, every cell quoted: what the loader reads.
pub fn orders_csv(orders: &[Vec<String>]) -> String {
    let mut text = COLUMNS.join(",");
    text.push('\n');
    for order in orders {
        for (n, cell) in order.iter().enumerate() {
            let comma = if n == 0 { "" } else { "," };
            write!(text, "{comma}\"{}\"", cell.replace('"', "\"\""))
                .expect("a text takes every text");
        }
        text.push('\n');
    }
    text
}
