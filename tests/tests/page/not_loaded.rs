//! Tests of the page where one of its own files does not come.

use std::time::Duration;

use serde_json::json;
use waybill_tests::{Browser, wait_until};

use crate::view_check::ViewCheck;
use crate::visitor::Visitor;

const SOON: Duration = Duration::from_secs(60);
const SAID: &str = "#not-loaded:not(.late)";
const RELOAD: &str = "#not-loaded a";

#[tokio::test]
async fn a_page_whose_script_does_not_come_says_so_and_is_loaded_again() {
    let Some(ana) = Visitor::new("Ana", 0).await else {
        return;
    };
    let browser = &ana.browser;
    let address = format!(
        "{}{}?status=failed",
        ana.stack.public_url(),
        ana.list("exports")
    );
    browser.block(&["*/app.js"]).await;
    browser.open(&address).await;
    browser
        .shows(SAID, "A part of this page did not load")
        .await;
    ViewCheck::new(browser).look("not-loaded").await;
    let german =
        "Object.defineProperty(navigator, 'languages', { get: () => ['fr', 'de-AT', 'en'] })";
    browser.before_each_page(german).await;
    browser.open(&address).await;
    browser
        .shows(SAID, "Ein Teil dieser Seite wurde nicht geladen")
        .await;

    browser.block(&[]).await;
    browser.click(RELOAD).await;
    ana.sign_in().await;
    browser
        .shows("waybill-exports >> .blank", "Keine passenden Exporte")
        .await;
    assert!(!browser.has("#not-loaded").await);
    assert_eq!(browser.address().await, address);
}

/// Whether the browser draws what is said.
async fn is_drawn(browser: &Browser) -> bool {
    let script =
        "return find('#not-loaded')?.checkVisibility({ visibilityProperty: true }) ?? false";
    browser.run(script, json!([])).await == true
}

#[tokio::test]
async fn a_page_that_misses_what_would_say_so_says_it_after_a_while() {
    let Some(ana) = Visitor::new("Ana", 0).await else {
        return;
    };
    let browser = &ana.browser;
    let address = format!("{}/", ana.stack.public_url());
    browser.block(&["*/start.js"]).await;
    browser.open(&address).await;
    // A page that is on its way says nothing yet.
    assert!(!is_drawn(browser).await);
    wait_until("the page to say so", SOON, async || {
        is_drawn(browser)
            .await
            .then_some(())
            .ok_or("hidden".to_owned())
    })
    .await;
    browser.block(&[]).await;
    browser.click(RELOAD).await;
    browser.shows(".welcome", "Sign in").await;
    assert!(!browser.has("#not-loaded").await);
}

#[tokio::test]
async fn a_page_without_its_style_works_and_says_what_is_missing() {
    let Some(ana) = Visitor::new("Ana", 0).await else {
        return;
    };
    let browser = &ana.browser;
    browser.block(&["*/page.css"]).await;
    browser.open(&format!("{}/", ana.stack.public_url())).await;
    browser.shows(".welcome", "Sign in").await;
    browser
        .shows(SAID, "A part of this page did not load")
        .await;
}
