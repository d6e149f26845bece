//! Tests with faults: each export still ends by itself, with one file and one mail. These tests disturb the whole
//! stack, so those that disturb the same part of it take turns.

#![allow(clippy::unwrap_used, reason = "a failed test panics")]

mod kills;

use std::panic::{AssertUnwindSafe, resume_unwind};
use std::time::Duration;

use futures::FutureExt;
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::{Mutex, OnceCell, RwLock};
use waybill::catalog::Catalog;
use waybill_tests::{
    Aws, FINISHED_WITHIN, MAIL_WITHIN, Owner, Stack, Standstill, generated_orders, id, kill,
    load_orders, orders_csv, sha256, unique, wait_until, workers,
};

/// Enough orders to interrupt an export in the middle, and for a file of two parts.
const MANY: usize = 60_000;
/// The variable with the name of the host's table, and its value in the local stack.
const RECORDS_TABLE: (&str, &str) = ("RECORDS_TABLE", "records");
/// Enough time for a sweep, which is scheduled every minute, and for the export afterwards.
const WITH_SCHEDULED_SWEEP: Duration = Duration::from_secs(180);

/// Read-locked by tests that expect a mail soon, and write-locked by tests that disturb the sending of mails: a mail that
/// was refused waits for a sweep, and sweeps wait while a test awaits the scheduled one. Locked before the other locks.
static MAILING: RwLock<()> = RwLock::const_new(());
/// Locked by a test that disturbs the building of files.
static MAKING: Mutex<()> = Mutex::const_new(());
/// Read-locked by tests that run exports without `MAKING`, and write-locked by a test that removes the records, with
/// which every export fails. Locked after `MAKING`, never before.
static READABLE: RwLock<()> = RwLock::const_new(());
/// Locked by a test that sweeps or waits for the scheduled sweep.
static SWEEPING: Mutex<()> = Mutex::const_new(());
static MANY_ORDERS: OnceCell<u64> = OnceCell::const_new();

/// Runs a test that disturbs the building of files, and restores the stack afterwards, even if the test fails.
async fn disturbing_making(test: impl AsyncFnOnce(&Stack, &Aws)) {
    let stack = Stack::get();
    let aws = stack.aws().await;
    let _turn = MAKING.lock().await;
    let result = AssertUnwindSafe(test(&stack, &aws)).catch_unwind().await;
    let generate = stack.output("generate_function");
    aws.set_timeout(generate, stack.seconds("GenerateTimeout"))
        .await;
    aws.set_variables(generate, &[RECORDS_TABLE]).await;
    aws.feed(generate, true).await;
    if let Err(panic) = result {
        resume_unwind(panic);
    }
}

/// Runs a test that disturbs the sending of mails, and restores the stack afterwards, even if the test fails.
async fn disturbing_mailing(test: impl AsyncFnOnce(&Stack, &Aws)) {
    let stack = Stack::get();
    let aws = stack.aws().await;
    let _turn = MAILING.write().await;
    let _readable = READABLE.read().await;
    let result = AssertUnwindSafe(test(&stack, &aws)).catch_unwind().await;
    stack.refuse_mails("none").await;
    aws.feed(stack.output("notify_function"), true).await;
    if let Err(panic) = result {
        resume_unwind(panic);
    }
}

/// Runs a sweep, once no test waits for the scheduled one.
async fn sweep(aws: &Aws) {
    let _sweeping = SWEEPING.lock().await;
    aws.sweep().await;
}

/// Runs a sweep, unless a test waits for the scheduled one, which then serves this test too.
async fn sweep_unless_awaited(aws: &Aws) {
    if let Ok(_sweeping) = SWEEPING.try_lock() {
        aws.sweep().await;
    }
}

/// Requests exports that read orders at 2 MB a second, so that [`MANY`] orders take about ten seconds. `request` makes
/// the requests, and `ids` extracts the export ids from its result.
async fn requested_to_read_slowly<T>(
    stack: &Stack,
    aws: &Aws,
    request: impl AsyncFnOnce() -> T,
    ids: impl Fn(&T) -> Vec<u64>,
) -> T {
    let catalog = Catalog::built_in().unwrap();
    let mut slowly = catalog.get("orders").unwrap().clone();
    slowly.records.dynamodb_mut().unwrap().read_mb_per_s = 2;
    let generate = stack.output("generate_function");
    aws.feed(generate, false).await;
    let requested = request().await;
    aws.make_by(&slowly, &ids(&requested)).await;
    aws.feed(generate, true).await;
    requested
}

/// A person with access to the project of [`MANY`] orders, which these tests share.
async fn owner_of_many(stack: &Stack, name: &str) -> Owner {
    let project = MANY_ORDERS
        .get_or_init(async || {
            let project = unique();
            load_orders(stack, project, orders_csv(&generated_orders(MANY))).await;
            project
        })
        .await;
    Owner::of_project(stack, name, *project).await
}

/// Waits until the export is processing and has rows.
async fn in_the_middle(owner: &Owner, export: u64) {
    wait_until("the export to have rows", FINISHED_WITHIN, async || {
        let export = owner.export(export).await;
        let rows = export["progress"]["rows"].as_u64().unwrap_or_default();
        match export["status"].as_str() {
            Some("processing") if rows > 0 => Ok(()),
            Some("waiting" | "processing") => Err(export.to_string()),
            _ => panic!("the export ended before it could be interrupted: {export:#}"),
        }
    })
    .await;
}

/// Waits until the export succeeds, and runs sweeps meanwhile.
async fn swept_to_success(owner: &Owner, aws: &Aws, export: u64) -> Value {
    wait_until(
        &format!("export {export} to succeed"),
        FINISHED_WITHIN,
        async || {
            sweep(aws).await;
            let export = owner.export(export).await;
            if export["status"] == "succeeded" {
                Ok(export)
            } else {
                Err(export.to_string())
            }
        },
    )
    .await
}

/// Checks that there is one object with the bytes of the receipt, no other object or upload, and one mail, also after
/// another sweep.
async fn one_file_and_one_mail(stack: &Stack, aws: &Aws, owner: &Owner, export: &Value) -> Vec<u8> {
    let file = owner.download(export).await.body;
    assert_eq!(export["receipt"]["sha256"], sha256(&file));
    assert_eq!(export["size"], file.len());
    let export = id(export);
    wait_until("one object and no upload", FINISHED_WITHIN, async || {
        sweep(aws).await;
        let (objects, uploads) = (aws.objects(export).await, aws.uploads(export).await);
        if objects.len() == 1 && uploads.is_empty() {
            Ok(())
        } else {
            Err(format!("{objects:?}, {uploads:?}"))
        }
    })
    .await;
    one_mail(stack, aws, owner, export).await;
    file
}

/// Checks that there is one mail about an export, that the export shows it, and that invoking `notify` again sends no
/// second.
async fn one_mail(stack: &Stack, aws: &Aws, owner: &Owner, export: u64) -> Value {
    let mail = wait_until("the mail to be sent", MAIL_WITHIN, async || {
        sweep_unless_awaited(aws).await;
        let now = owner.export(export).await;
        if now["mail"] == "sent" {
            Ok(owner.mail_about(export).await)
        } else {
            Err(now["mail"].to_string())
        }
    })
    .await;
    aws.invoke(
        stack.output("notify_function"),
        json!({"export_id": export}),
    )
    .await;
    sweep(aws).await;
    assert_eq!(
        owner.mails_about(export).await.len(),
        1,
        "mails about export {export}"
    );
    mail
}

#[tokio::test]
async fn workers_that_crash_hang_or_run_out_of_time_build_the_same_bytes_as_an_undisturbed_one() {
    let _mailing = MAILING.read().await;
    let stack = Stack::get();
    let ana = owner_of_many(&stack, "Ana").await;
    let zoe = ana.colleague("Zoe").await;
    disturbing_making(async |stack, aws| {
        let undisturbed = ana
            .succeeded(json!({"type": "orders", "format": "csv"}))
            .await;
        assert_eq!(undisturbed["rows"], MANY);

        let (wanted, killed) = tokio::join!(
            one_file_and_one_mail(stack, aws, &ana, &undisturbed),
            async {
                let export = id(&ana.request("csv").await);
                in_the_middle(&ana, export).await;
                for worker in workers(stack, stack.output("generate_function")) {
                    kill(worker);
                }
                swept_to_success(&ana, aws, export).await
            }
        );
        let receipt = &killed["receipt"];
        assert!(receipt["attempts"].as_u64() > Some(1), "{receipt:#}");

        let (found, hung) = tokio::join!(one_file_and_one_mail(stack, aws, &ana, &killed), async {
            let export = id(&zoe.request("csv").await);
            in_the_middle(&zoe, export).await;
            let standstill = Standstill::of(workers(stack, stack.output("generate_function")));
            wait_until("the lease to end", FINISHED_WITHIN, async || {
                match aws.lease_end(export).await {
                    Some(end) if Timestamp::now() < end => Err(end.to_string()),
                    _ => Ok(()),
                }
            })
            .await;
            // The worker notices the end of its lease and gives it back, without a sweep.
            drop(standstill);
            zoe.reaches(export, "succeeded", FINISHED_WITHIN).await
        });
        assert!(found == wanted, "other bytes after a crash");
        let receipt = &hung["receipt"];
        assert!(receipt["attempts"].as_u64() > Some(1), "{receipt:#}");

        let (found, continued) =
            tokio::join!(one_file_and_one_mail(stack, aws, &zoe, &hung), async {
                // A worker pauses after two thirds of the timeout, and has the rest for its checkpoint. At this rate
                // the export needs several invocations.
                let generate = stack.output("generate_function");
                aws.set_timeout(generate, 9).await;
                let request = async || id(&ana.request("csv").await);
                let export = requested_to_read_slowly(stack, aws, request, |id| vec![*id]).await;
                swept_to_success(&ana, aws, export).await
            });
        assert!(found == wanted, "other bytes after a freeze");
        let receipt = &continued["receipt"];
        // A continuation is no attempt.
        assert_eq!(receipt["attempts"], 1, "{receipt:#}");
        assert!(receipt["invocations"].as_u64() > Some(1), "{receipt:#}");
        let found = one_file_and_one_mail(stack, aws, &ana, &continued).await;
        assert!(found == wanted, "other bytes after a continuation");
    })
    .await;
}

#[tokio::test]
async fn an_export_whose_message_was_lost_still_succeeds() {
    let _mailing = MAILING.read().await;
    let stack = Stack::get();
    let bob = Owner::new(&stack, "Bob").await;
    load_orders(&stack, bob.project, orders_csv(&generated_orders(20))).await;
    let (mut alone, mut readable) = (None, None);
    let mut export = Value::Null;
    disturbing_making(async |stack, aws| {
        readable = Some(READABLE.read().await);
        let generate = stack.output("generate_function");
        aws.feed(generate, false).await;
        export = bob.request("csv").await;
        aws.purge_queue().await;
        // Only the scheduled sweep can send the message again.
        alone = Some(SWEEPING.lock().await);
    })
    .await;
    let export = bob
        .reaches(id(&export), "succeeded", WITH_SCHEDULED_SWEEP)
        .await;
    drop((alone, readable));
    assert_eq!(export["rows"], 20);
    one_file_and_one_mail(&stack, &stack.aws().await, &bob, &export).await;
}

#[tokio::test]
async fn ten_messages_make_one_file_and_one_mail() {
    let _mailing = MAILING.read().await;
    disturbing_making(async |stack, aws| {
        let eve = Owner::new(stack, "Eve").await;
        load_orders(stack, eve.project, orders_csv(&generated_orders(2_000))).await;
        let export = id(&eve.request("csv").await);
        for _ in 0..10 {
            aws.enqueue(export).await;
        }
        let export = eve.reaches(export, "succeeded", FINISHED_WITHIN).await;
        // And ten messages after the end of the export.
        for _ in 0..10 {
            aws.enqueue(id(&export)).await;
        }
        let first = one_file_and_one_mail(stack, aws, &eve, &export).await;
        assert!(first == eve.download(&export).await.body);
        let events = eve.events(id(&export)).await;
        for word in ["started", "succeeded", "mailed"] {
            assert_eq!(
                events.iter().filter(|event| *event == word).count(),
                1,
                "{word} in {events:?}"
            );
        }
    })
    .await;
}

#[tokio::test]
async fn after_an_outage_of_the_mail_service_one_mail_is_sent() {
    disturbing_mailing(async |stack, aws| {
        let dan = Owner::new(stack, "Dan").await;
        stack.refuse_mails("500").await;
        let export = dan
            .succeeded(json!({"type": "orders", "format": "csv"}))
            .await;
        wait_until(
            "the mail service to have refused mails",
            MAIL_WITHIN,
            async || {
                let refused = stack.refused_mails().await;
                if refused > 0 {
                    Ok(())
                } else {
                    Err("none was tried".to_owned())
                }
            },
        )
        .await;
        assert_eq!(dan.export(id(&export)).await["mail"], "pending");
        stack.refuse_mails("none").await;
        one_mail(stack, aws, &dan, id(&export)).await;
    })
    .await;
}

#[tokio::test]
async fn a_stopped_stream_loses_no_mail_and_duplicates_none() {
    disturbing_mailing(async |stack, aws| {
        let kim = Owner::new(stack, "Kim").await;
        let notify = stack.output("notify_function");
        aws.feed(notify, false).await;
        let export = kim
            .succeeded(json!({"type": "orders", "format": "csv"}))
            .await;
        assert_eq!(export["mail"], "pending");
        // The sweeper invokes `notify` itself.
        one_mail(stack, aws, &kim, id(&export)).await;
        aws.feed(notify, true).await;
        // A later export's mail comes through the same stream, after its backlog.
        let later = kim
            .succeeded(json!({"type": "orders", "format": "csv"}))
            .await;
        kim.mail_about(id(&later)).await;
        assert_eq!(kim.mails_about(id(&export)).await.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn an_export_canceled_in_the_middle_leaves_nothing() {
    let _mailing = MAILING.read().await;
    let pat = owner_of_many(&Stack::get(), "Pat").await;
    disturbing_making(async |_, aws| {
        let export = id(&pat.request("csv").await);
        in_the_middle(&pat, export).await;
        let cancel = format!("/v1/exports/{export}/cancel");
        let canceled = pat
            .api
            .post(&cancel, json!({}))
            .await
            .expect_status(200)
            .json();
        assert_eq!(
            (&canceled["status"], &canceled["url"]),
            (&json!("canceled"), &Value::Null)
        );
        // Canceling again succeeds.
        pat.api.post(&cancel, json!({})).await.expect_status(200);

        wait_until(
            "no object or upload of the export to be left",
            FINISHED_WITHIN,
            async || {
                sweep(aws).await;
                let (objects, uploads) = (aws.objects(export).await, aws.uploads(export).await);
                let has_work = aws.has_work(export).await;
                if objects.is_empty() && uploads.is_empty() && !has_work {
                    return Ok(());
                }
                Err(format!("{objects:?}, {uploads:?}, work: {has_work}"))
            },
        )
        .await;
        let now = pat.export(export).await;
        assert_eq!(
            (&now["status"], &now["expires_at"]),
            (&json!("canceled"), &Value::Null)
        );
        // Nobody is mailed what they have done themselves.
        assert_eq!(now["mail"], Value::Null);
        assert_eq!(pat.mails_about(export).await.len(), 0);
        assert_eq!(
            pat.events(export).await,
            ["requested", "started", "canceled"]
        );
    })
    .await;
}

#[tokio::test]
async fn an_export_canceled_before_it_began_is_never_built() {
    let _mailing = MAILING.read().await;
    disturbing_making(async |stack, aws| {
        let gil = Owner::new(stack, "Gil").await;
        let generate = stack.output("generate_function");
        aws.feed(generate, false).await;
        let export = id(&gil.request("csv").await);
        // Somebody else cancels, so that Gil is told.
        let staff = stack.caller(&stack.token_with("staff", "staff").await);
        staff
            .post(&format!("/v1/exports/{export}/cancel"), json!({}))
            .await
            .expect_status(200);
        aws.feed(generate, true).await;
        let mail = one_mail(stack, aws, &gil, export).await;
        assert_eq!(mail["attachments"], json!([]));
        assert!(
            mail["text"]
                .as_str()
                .unwrap()
                .contains("Somebody else canceled"),
            "{mail:#}"
        );
        assert_eq!(
            gil.events(export).await,
            ["requested", "canceled", "mailed"]
        );
        assert!(aws.objects(export).await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_failure_is_mailed_with_its_reason_and_the_address_of_support() {
    let _mailing = MAILING.read().await;
    let lea = owner_of_many(&Stack::get(), "Lea").await;
    disturbing_making(async |stack, aws| {
        let unreadable = READABLE.write().await;
        let generate = stack.output("generate_function");
        aws.set_variables(generate, &[(RECORDS_TABLE.0, "no-such-table")])
            .await;
        let export = id(&lea.request("xlsx").await);
        let failed = wait_until("the export to fail", FINISHED_WITHIN, async || {
            let export = lea.export(export).await;
            if export["status"] == "failed" {
                Ok(export)
            } else {
                Err(export.to_string())
            }
        })
        .await;
        aws.set_variables(generate, &[RECORDS_TABLE]).await;
        drop(unreadable);
        assert_eq!(failed["failure"]["code"], "records_missing");
        assert_eq!(
            (&failed["url"], &failed["rows"]),
            (&Value::Null, &Value::Null)
        );
        let mail = one_mail(stack, aws, &lea, export).await;
        let text = mail["text"].as_str().unwrap();
        assert!(
            text.contains(failed["failure"]["message"].as_str().unwrap()),
            "{text}"
        );
        assert!(text.contains("support@waybill.example"), "{text}");
        assert_eq!(mail["attachments"], json!([]));
        assert!(aws.objects(export).await.is_empty());
    })
    .await;
}
