//! `waybill smoke` and `waybill doctor` on a deployed stack, which the second test disturbs: this file has a stack that no
//! other test uses meanwhile.

#![allow(clippy::unwrap_used, reason = "a failed test panics")]

mod misconfigured;

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

#[tokio::test]
async fn smoke_does_the_main_job_and_leaves_nothing() {
    let _turn = TURN.lock().await;
    let stack = Stack::get();
    let aws = stack.aws().await;
    let count = async |table: &str| {
        let db = match table == stack.output("records_table") {
            true => &aws.records,
            false => &aws.dynamodb,
        };
        let scan = db.scan().table_name(table).consistent_read(true);
        let items = scan
            .into_paginator()
            .items()
            .send()
            .collect::<Result<Vec<_>, _>>();
        items.await.unwrap().len()
    };
    let tables = [
        "exports_table",
        "work_table",
        "events_table",
        "records_table",
    ];
    let counts = async || {
        let mut counts = Vec::new();
        for table in tables {
            counts.push(count(stack.output(table)).await);
        }
        counts
    };
    let smoke = async || waybill_command(&stack, &["smoke", stack.output("stack")]).await;
    let (code, said) = smoke().await;
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
    // The first export of all leaves what every later one uses: the type's entry, and the kind of its parents.
    let before = counts().await;
    let (code, said) = smoke().await;
    assert_eq!(code, 0, "{said}");
    assert_eq!(counts().await, before, "{tables:?}");
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
    let made = said
        .lines()
        .find(|line| line.contains("new records"))
        .unwrap();
    let parent = made.rsplit(' ').next().unwrap();
    let scan = aws.records.scan().table_name(stack.output("records_table"));
    let items = scan
        .into_paginator()
        .items()
        .send()
        .collect::<Result<Vec<_>, _>>();
    let left = items.await.unwrap();
    let left = left
        .iter()
        .filter(|item| format!("{item:?}").contains(parent))
        .count();
    assert_eq!(left, 0, "{said}");
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
