//! The whole of Waybill, tested from outside: a deployed stack, its HTTP API, its mails, its tables and processes.
//!
//! The tests lie in `tests/`; here is what they share. They find the stack by the variable `WAYBILL_STACK`, which
//! `make test` sets. Several tests run at once on one stack, so each has a person, an address and a project of its own.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod aws;
mod browser;
mod calc;
mod exporting;
mod http;
mod lambda;
mod local;
mod mailbox;
mod olist;
mod orders;
mod owner;
mod process;
mod stack;
mod table;
mod tables;
mod wait;

pub use aws::Aws;
pub use browser::{Browser, axe};
pub use calc::{Calc, Import, Opened};
pub use exporting::{exported, file_of, succeeded, succeeded_within};
pub use http::{Answer, Caller};
pub use lambda::Watch;
pub use local::{Standstill, kill, load, load_orders, python, workers};
pub use olist::{olist_orders, real_tables};
pub use orders::{COLUMNS, generated_orders, orders_csv};
pub use owner::{FINISHED_WITHIN, Owner, id, unique};
pub use process::{Running, free_port};
pub use stack::Stack;
pub use table::{content_of_xlsx, python_csv, sha256, xlsx};
pub use tables::{Table, assert_valid, note, whole_tables};
pub use wait::{MAIL_WITHIN, wait_until};

/// Says that something could not be tested here, and why; `cargo test` would keep a printed line of a passing test to
/// itself, so it goes past that.
pub fn skipped(what: &str, why: &str) {
    use std::io::Write;

    writeln!(std::io::stderr(), "skipped {what}: {why}").expect("the tests have a standard error");
}
