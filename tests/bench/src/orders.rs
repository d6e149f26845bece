//! The orders in every page: real ones if available, and some that break careless exports.

use waybill_tests::{COLUMNS, generated_orders, olist_orders, real_tables};

/// A record of an order: an attribute for each column that has a value.
pub(crate) type Order = Vec<(&'static str, Stored)>;

/// A value with its DynamoDB type.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Stored {
    /// `S`.
    Text(String),
    /// `N`.
    Number(String),
}

/// The number of different orders; records repeat them with different keys.
const COUNT: usize = 10_000;
/// One order in this number is generated, and one in eight of those is hostile.
const MADE_UP: usize = 10;
const NUMBERS: [&str; 3] = ["items", "amount", "freight"];

/// The orders, the same at every run, and a description of them.
pub(crate) fn orders() -> (Vec<Order>, &'static str) {
    let mut made_up = generated_orders(COUNT);
    // The usual programs guard a text only by its first character. In these texts Waybill would insert a second `'`,
    // and the files would differ.
    let is_guarded_twice =
        |row: &Vec<String>| row.iter().any(|cell| cell.starts_with(['\t', '\r']));
    made_up.retain(|row| !is_guarded_twice(row));
    let (rows, what) = match real_tables() {
        Ok(folder) => {
            let mut rows = olist_orders(&folder);
            for (n, row) in rows.iter_mut().enumerate().step_by(MADE_UP) {
                row.clone_from(&made_up[n / MADE_UP % made_up.len()]);
            }
            (rows, "real orders of Olist, one in ten made up")
        }
        Err(_) => (made_up, "made-up orders"),
    };
    (rows.into_iter().map(order).collect(), what)
}

fn order(row: Vec<String>) -> Order {
    let cells = COLUMNS.into_iter().zip(row);
    cells
        .filter(|(_, cell)| !cell.is_empty())
        .map(|(column, cell)| {
            let is_number = NUMBERS.contains(&column);
            let stored = if is_number {
                Stored::Number(short(cell))
            } else {
                Stored::Text(cell)
            };
            (column, stored)
        })
        .collect()
}

/// A number as DynamoDB returns it: without trailing zeros.
fn short(number: String) -> String {
    match number.contains('.') {
        true => number
            .trim_end_matches('0')
            .trim_end_matches('.')
            .to_owned(),
        false => number,
    }
}
