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
    // Whoever cancels their own export is not mailed about that.
    let staff = ana.stack.token_with("staff", "staff").await;
    let staff = ana.stack.caller(&staff);
    staff.post(&cancel, json!({})).await.expect_status(200);
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

/// A size and a time as the page's scripts write them.
const INTL: &str = r#"
    const [locale, size, until] = arguments;
    const power = size < 1000 ? 0 : size < 1e6 ? 1 : 2;
    const unit = ["byte", "kilobyte", "megabyte"][power];
    const options = { style: "unit", unit, unitDisplay: power ? "short" : "long", maximumFractionDigits: power ? 1 : 0 };
    const at = { dateStyle: "medium", timeStyle: "short", timeZone: "Europe/Lisbon" };
    return [
      new Intl.NumberFormat(locale, options).format(size / 1000 ** power),
      new Intl.DateTimeFormat(locale, at).format(new Date(until)),
    ];"#;

/// Numbers, sizes and times are as the browser writes them, which is how the page does.
#[tokio::test]
async fn a_mail_is_in_the_language_of_its_reader() {
    let Some(ana) = Visitor::new("Ana", 5).await else {
        return;
    };
    let check = ViewCheck::new(&ana.browser);
    for (locale, says) in [
        ("de-AT", "ist fertig"),
        ("pt", "está pronta"),
        ("ar", "ملف التصدير جاهز"),
    ] {
        let asked = json!({"type": "orders", "format": "csv", "locale": locale, "time_zone": "Europe/Lisbon",
            "filters": {"status": ["shipped", "delivered"]}, "search": "a"});
        let export = ana.owner.succeeded(asked).await;
        let view = format!("mail-{locale}");
        look_at_mail(&ana, &check, id(&export), &view, says).await;
        let written = ana
            .browser
            .run(INTL, json!([locale, export["size"], export["expires_at"]]))
            .await;
        let text = ana.owner.mail_about(id(&export)).await["text"].to_string();
        for part in written.as_array().unwrap() {
            let part = part.as_str().unwrap();
            assert!(text.contains(part), "{part:?} is not in {text}");
        }
    }
}
