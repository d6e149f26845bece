//! Checks the mails in a browser: one for each result of an export.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::json;
use waybill_tests::{FINISHED_WITHIN, id, wait_until};

use crate::moments::Moments;
use crate::view_check::ViewCheck;
use crate::visitor::Visitor;

/// Checks the mail about an export.
async fn look_at_mail(ana: &Visitor, check: &ViewCheck<'_>, export: u64, view: &str, says: &str) {
    let mail = ana.owner.mail_about(export).await;
    let html = BASE64_STANDARD.encode(mail["html"].as_str().expect("a mail's HTML"));
    ana.browser
        .open(&format!("data:text/html;charset=utf-8;base64,{html}"))
        .await;
    ana.browser.shows("h1", says).await;
    check.look_inside(view).await;
}

#[tokio::test]
async fn every_mail_about_an_export() {
    let Some(ana) = Visitor::new("Ana", 5).await else {
        return;
    };
    let check = ViewCheck::new(&ana.browser);
    let asked = json!({"type": "orders", "format": "csv"});
    let done = id(&ana.owner.succeeded(asked).await);
    look_at_mail(&ana, &check, done, "mail", "is ready").await;

    let mut moments = Moments::new(&ana.stack, done).await;
    let canceled = moments.processing().await;
    let cancel = format!("/v1/exports/{canceled}/cancel");
    ana.owner
        .api
        .post(&cancel, json!({}))
        .await
        .expect_status(200);
    look_at_mail(&ana, &check, canceled, "mail-canceled", "was canceled").await;

    let failed = moments.overdue().await;
    let aws = ana.stack.aws().await;
    wait_until(
        "a sweep to give the export up",
        FINISHED_WITHIN,
        async || {
            aws.sweep().await;
            let export = ana.owner.export(failed).await;
            if export["status"] == "failed" {
                Ok(())
            } else {
                Err(export.to_string())
            }
        },
    )
    .await;
    look_at_mail(&ana, &check, failed, "mail-failed", "failed").await;
    ana.browser.shows(".card", "within 24 hours").await;
}
