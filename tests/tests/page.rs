//! The link in a mail, opened in a real browser: it leads to the file only for a person who may see it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use serde_json::json;
use waybill_tests::{
    Browser, Owner, Stack, generated_orders, id, load_orders, orders_csv, skipped,
};

/// The people whom the local stack's issuer can sign in, by `sub`.
const ANA: &str = "u-17";
const OWNER_OF_ANOTHER_PROJECT: &str = "u-18";
const WITHOUT_GRANTS: &str = "u-30";
/// The project that Ana may see.
const PROJECT: u64 = 42;

#[tokio::test]
async fn the_mails_link_leads_to_the_file_only_for_those_who_may_see_it() {
    let stack = Stack::get();
    if let Some(why) = Browser::missing() {
        skipped("the page in a browser", &why);
        return;
    }
    load_orders(&stack, PROJECT, orders_csv(&generated_orders(40))).await;
    let ana = Owner::with_email(&stack, "Ana Sousa", ANA, "ana@example.com", PROJECT).await;
    let export = ana
        .succeeded(json!({"type": "orders", "format": "csv"}))
        .await;
    let file = ana.download(&export).await.body;
    let name = export["file_name"].as_str().unwrap();
    let mail = ana.mail_about(id(&export)).await;
    let mut words = mail["text"].as_str().unwrap().split_whitespace();
    let link = words
        .find(|word| word.starts_with("http") && word.contains("/exports/"))
        .unwrap();

    let browser = Browser::start(&stack).await;
    browser.open(link).await;
    sign_in(&browser, ANA).await;
    browser.shows("#status", "Completed").await;
    browser.shows("#title", name).await;
    browser.click("#download").await;
    assert!(
        browser.downloaded(name).await == file,
        "the browser got another file"
    );

    for person in [OWNER_OF_ANOTHER_PROJECT, WITHOUT_GRANTS] {
        let browser = Browser::start(&stack).await;
        browser.open(link).await;
        sign_in(&browser, person).await;
        browser.shows("#message", "not yours to see").await;
        assert!(!browser.has("#download").await);
        assert!(!browser.has("#export").await);
    }
}

/// Chooses a person on the issuer's page.
async fn sign_in(browser: &Browser, person: &str) {
    browser
        .click(&format!("button[name=person][value={person}]"))
        .await;
}
