//! The whole of Waybill, tested from outside: its HTTP API, its mails, its tables and processes.
//!
//! The tests lie in `tests/`; here is what they share. They find a deployed stack by the variable `WAYBILL_STACK`, which
//! `make test` sets. Several tests run at once on one stack, so each has a person, an address and a project of its own.
//! What the HTTP contract says is asked of the functions in this process, too ([`Deployment`]).

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod aws;
mod browser;
mod calc;
mod command;
mod deployment;
mod exporting;
pub mod functions;
mod host_page;
mod host_table;
mod http;
mod in_process;
mod lambda;
mod local;
mod mailbox;
mod olist;
mod orders;
mod owner;
mod process;
pub mod requests;
pub mod sql_disturbed;
pub mod sql_source;
mod stack;
mod table;
mod tables;
mod wait;

pub use aws::Aws;
pub use browser::{Browser, axe};
pub use calc::{Calc, Import, Opened};
pub use command::waybill_command;
pub use deployment::Deployment;
pub use exporting::{exported, file_of, succeeded, succeeded_within};
pub use host_page::serve_page;
pub use host_table::{HostItem, HostKey, HostTable, n, put_items, s};
pub use http::{Answer, Caller};
pub use in_process::{HostAnswer, InProcess, Services};
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

/// Says that something cannot be tested here since a program is missing.
///
/// # Panics
/// Where `CI` is `true`: there, nothing that a test needs may be missing.
pub fn skipped(what: &str, why: &str) {
    note_skipped(what, why);
    let is_ci = std::env::var("CI").is_ok_and(|ci| ci == "true");
    assert!(!is_ci, "{what}: {why}");
}

/// Says that something cannot be tested here since the real tables, which are no part of the project, are missing.
pub fn skipped_without_tables(what: &str, why: &str) {
    note_skipped(what, why);
}

/// `cargo test` keeps what a passing test prints to itself, so the sentence goes past that, and into the file that
/// `make test` ends with.
fn note_skipped(what: &str, why: &str) {
    use std::io::Write;

    writeln!(std::io::stderr(), "skipped {what}: {why}").expect("the tests have a standard error");
    if let Some(path) = std::env::var_os("WAYBILL_SKIPPED") {
        let file = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(path);
        let mut file = file.expect("the file of skipped tests can be written");
        // One write a line: tests of several processes append to the file.
        let line = format!("{what} ({why})\n");
        file.write_all(line.as_bytes())
            .expect("the file of skipped tests can be written");
    }
}
