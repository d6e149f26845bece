//! `waybill smoke` and `waybill doctor` on a deployed stack, which the second test disturbs: this file has a stack that no
//! other test uses meanwhile.

#![allow(clippy::unwrap_used, reason = "a failed test panics")]

mod misconfigured;

use aws_sdk_dynamodb::Client;
use futures::FutureExt;
use misconfigured::{MISCONFIGURED, Operator};
use std::panic::{AssertUnwindSafe, resume_unwind};
use tokio::sync::Mutex;
use waybill_tests::{Stack, waybill_command};

/// The tests take turns, since one disturbs the stack.
static TURN: Mutex<()> = Mutex::const_new(());

/// What the emulator's simulation does not know: the values of condition keys, by which the role may send mails.
const UNKNOWN_TO_THE_EMULATOR: &str = "may not ses:SendEmail, ses:SendRawEmail on";

/// The lines that say what is wrong, or what could not be looked at.
fn wrong(said: &str) -> Vec<&str> {
    let lines = said.lines().filter(|line| {
        let mark = line.trim_start();
        mark.starts_with("wrong") || mark.starts_with("unknown")
    });
    lines
        .filter(|line| !line.contains(UNKNOWN_TO_THE_EMULATOR))
        .collect()
}

/// The items of a table that have one of these texts in any attribute.
async fn items_with(db: &Client, table: &str, texts: &[&str]) -> Vec<String> {
    let scan = db.scan().table_name(table).consistent_read(true);
    let items = scan.into_paginator().items().send();
    let items: Vec<_> = items.collect::<Result<_, _>>().await.unwrap();
    let items = items.iter().map(|item| format!("{item:?}"));
    items
        .filter(|item| texts.iter().any(|text| item.contains(text)))
        .collect()
}

/// The last word of the line that has this.
fn last_word<'a>(said: &'a str, line: &str) -> &'a str {
    let line = said.lines().find(|one| one.contains(line)).unwrap();
    line.rsplit(' ').next().unwrap()
}

#[tokio::test]
async fn smoke_does_the_main_job_and_leaves_nothing() {
    let _turn = TURN.lock().await;
    let stack = Stack::get();
    let (code, said) = waybill_command(&stack, &["smoke", stack.output("stack")]).await;
    assert_eq!(code, 0, "{said}");
    for line in [
        "refuses a request without a token",
        "3 new records",
        "3 rows",
        "SHA-256",
        "SES accepted the mail",
        "its link refuses",
        "is removed",
    ] {
        assert!(said.contains(line), "{line:?} is missing: {said}");
    }
    let parent = last_word(&said, "new records");
    let (_, after) = said.split_once("the export ").unwrap();
    let export = after.split(' ').next().unwrap();
    assert!(export.parse::<u64>().is_ok(), "{said}");
    let aws = stack.aws().await;
    for table in [
        "exports_table",
        "work_table",
        "events_table",
        "api_keys_table",
    ] {
        let left = items_with(&aws.dynamodb, stack.output(table), &[parent, export]).await;
        assert_eq!(left, [""; 0], "{table}: {said}");
    }
    let records = stack.output("records_table");
    let left = items_with(&aws.records, records, &[parent]).await;
    assert_eq!(left, [""; 0], "{said}");
    assert!(aws.objects(export.parse().unwrap()).await.is_empty());
}

#[tokio::test]
async fn smoke_says_what_differs_and_still_removes_its_records() {
    let _turn = TURN.lock().await;
    let stack = Stack::get();
    let aws = stack.aws().await;
    // As where the account may send no mails: the person gets none.
    let (code, said) = waybill_command(
        &stack,
        &[
            "smoke",
            stack.output("stack"),
            "--mail",
            "refuse@example.com",
        ],
    )
    .await;
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("failed   the mail is failed"), "{said}");
    assert!(said.contains("remains  the export"), "{said}");
    assert!(!said.contains("is removed"), "{said}");
    let parent = last_word(&said, "new records");
    let records = stack.output("records_table");
    let left = items_with(&aws.records, records, &[parent]).await;
    assert_eq!(left, [""; 0], "{said}");
}

#[tokio::test]
async fn a_stack_that_is_not_there_is_said() {
    let stack = Stack::get();
    for command in ["smoke", "doctor"] {
        let (code, said) = waybill_command(&stack, &[command, "nowhere"]).await;
        assert_eq!(code, 2, "{said}");
        assert!(said.contains("there is no stack nowhere in"), "{said}");
        assert!(said.contains("AWS_REGION"), "{said}");
    }
}

#[tokio::test]
async fn doctor_names_each_misconfiguration_and_nothing_else() {
    let _turn = TURN.lock().await;
    let stack = Stack::get();
    let operator = Operator::of(&stack).await;
    let look = async || {
        waybill_command(&stack, &["doctor", stack.output("stack")])
            .await
            .1
    };
    let said = look().await;
    assert_eq!(wrong(&said), Vec::<&str>::new(), "{said}");
    for misconfigured in MISCONFIGURED {
        operator.make(misconfigured).await;
        let looked = AssertUnwindSafe(look()).catch_unwind().await;
        operator.undo(misconfigured).await;
        let said = looked.unwrap_or_else(|panic| resume_unwind(panic));
        let found = wrong(&said);
        let named = found
            .iter()
            .find(|line| line.contains(misconfigured.says()));
        let named = named.unwrap_or_else(|| panic!("{misconfigured:?}: {said}"));
        let others = found.iter().filter(|line| *line != named);
        let others: Vec<&&str> = others.filter(|line| !misconfigured.entails(line)).collect();
        assert!(others.is_empty(), "{misconfigured:?}: {others:?}");
        // The line below a finding says what to do.
        let at = said.find(named).unwrap() + named.len();
        let remedy = said[at..].lines().nth(1).unwrap_or_default();
        assert!(
            remedy.starts_with("           ") && remedy.trim().len() > 20,
            "{misconfigured:?}: {said}"
        );
    }
    let said = look().await;
    assert_eq!(wrong(&said), Vec::<&str>::new(), "{said}");
}
