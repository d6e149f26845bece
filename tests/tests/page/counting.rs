//! Tests of the number of records above their list.

use std::time::Duration;

use serde_json::json;
use waybill_tests::{Browser, wait_until};

use crate::visitor::Visitor;

const EXPORT: &str = "waybill-export-button >> .button";
const DIALOG: &str = "waybill-export-button >> dialog";
const SOON: Duration = Duration::from_secs(60);

/// How often records were counted.
async fn counts(browser: &Browser) -> u64 {
    let script = "return performance.getEntriesByType('resource').filter(({ name }) => name.includes('/count')).length";
    browser.run(script, json!([])).await.as_u64().unwrap()
}

/// Makes the API answer with this when it is asked for the number of records.
async fn answer(browser: &Browser, status: u16, body: &str) {
    let script =
        "const [status, body] = arguments; window.answered = false; window.own ??= window.fetch;
        window.fetch = async (url, options) => {
          if (!String(url).includes('/count')) return own(url, options);
          window.answered = true;
          return new Response(body, { status });
        }";
    browser.run(script, json!([status, body])).await;
}

/// Waits until it has answered so, and the page has shown what follows.
async fn answered(browser: &Browser) {
    let script = "return new Promise((done) => requestAnimationFrame(() => setTimeout(() => done(window.answered))))";
    wait_until("the number to be asked for", SOON, async || {
        let answered = browser.run(script, json!([])).await;
        (answered == true).then_some(()).ok_or(answered.to_string())
    })
    .await;
    browser.run(script, json!([])).await;
}

#[tokio::test]
async fn a_list_of_several_pages_says_how_many_records_there_are_in_all() {
    let Some(ana) = Visitor::new("Ana", 120).await else {
        return;
    };
    let browser = &ana.browser;
    ana.enter(&ana.list("orders")).await;
    browser.shows(".count", "120 orders · 50 shown").await;
    browser.click(".more .button").await;
    browser.shows(".count", "120 orders · 100 shown").await;
    // The dialog takes the number from the list.
    browser.click(EXPORT).await;
    browser.shows(DIALOG, "120 rows now.").await;
    browser.click(&format!("{DIALOG} header button")).await;
    browser.click(".more .button").await;
    let all = "return find('.count').textContent === '120 orders'";
    browser.hides(".more .button").await;
    assert_eq!(browser.run(all, json!([])).await, true);
    assert_eq!(counts(browser).await, 1);

    // What is on one page is not counted once more.
    browser.click("[data-filter=status] summary").await;
    browser
        .click("[data-filter=status] input[value=delivered]")
        .await;
    browser.shows(".count", "30 orders").await;
    assert_eq!(counts(browser).await, 1);
}

#[tokio::test]
async fn a_number_that_is_not_known_is_not_said() {
    let Some(ana) = Visitor::new("Ana", 60).await else {
        return;
    };
    let browser = &ana.browser;
    ana.enter(&ana.list("orders")).await;
    browser.shows(".count", "60 orders · 50 shown").await;
    let again = async |search: &str| {
        browser
            .enter("input[name=search]", &format!("{search}\u{E007}"))
            .await;
    };
    // What was found within the time for counting is a lower bound.
    answer(browser, 200, r#"{"value": 10234, "exact": false}"#).await;
    again("o").await;
    browser
        .shows(".count", "At least 10,234 orders · 50 shown")
        .await;
    // One that the list itself exceeds says nothing.
    for (status, body, search) in [
        (200, r#"{"value": 7, "exact": false}"#, "-"),
        (429, "{}", "0"),
    ] {
        answer(browser, status, body).await;
        again(search).await;
        answered(browser).await;
        browser
            .shows(".count", "50 shown, and there are more")
            .await;
    }
}
