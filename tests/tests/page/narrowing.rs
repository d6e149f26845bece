//! Tests of the list of exports narrowed by words, people, statuses and days.

use serde_json::{Value, json};
use waybill_tests::Browser;

use crate::view_check::ViewCheck;
use crate::visitor::Visitor;

const SECOND: &str = "waybill-exports >> tbody tr:nth-child(2)";
const ROWS: &str = "waybill-exports >> tbody";
const SEARCH: &str = "waybill-exports >> input[name=search]";
const NOTHING: &str = "waybill-exports >> .blank";

/// Chooses a value of one of the list's choices.
async fn choose(browser: &Browser, name: &str, value: &str) {
    let script = "const choice = find(arguments[0]); choice.value = arguments[1];
        choice.dispatchEvent(new Event('change', { bubbles: true })); return choice.value";
    let choice = format!("waybill-exports >> select[name={name}]");
    let chosen = browser.run(script, json!([choice, value])).await;
    assert_eq!(chosen, value, "{name}");
}

/// The query of the address.
async fn query(browser: &Browser) -> Value {
    browser.run("return location.search", json!([])).await
}

#[tokio::test]
async fn the_list_is_narrowed_by_words_people_and_days_and_its_address_says_so() {
    let Some(ana) = Visitor::new("Ana", 5).await else {
        return;
    };
    let browser = &ana.browser;
    let bruno = ana.owner.colleague("Bruno").await;
    ana.owner
        .succeeded(json!({"type": "orders", "format": "csv"}))
        .await;
    bruno
        .succeeded(json!({"type": "orders", "format": "xlsx"}))
        .await;
    ana.enter(&ana.list("exports")).await;
    browser.shows(SECOND, "Ana").await;

    browser.enter(SEARCH, "BRUNO\u{E007}").await;
    browser.hides(SECOND).await;
    browser.shows(ROWS, "Bruno").await;
    assert_eq!(query(browser).await, "?search=BRUNO");
    browser.enter(SEARCH, " nobody\u{E007}").await;
    browser.shows(NOTHING, "No matching exports").await;
    browser.click("waybill-exports >> .blank .button").await;
    browser.shows(SECOND, "Ana").await;
    assert_eq!(query(browser).await, "");

    choose(browser, "user", "me").await;
    browser.hides(SECOND).await;
    browser.shows(ROWS, "Ana").await;
    choose(browser, "when", "today").await;
    browser.shows(ROWS, "Ana").await;
    choose(browser, "when", "last-month").await;
    browser.shows(NOTHING, "No matching exports").await;
    choose(browser, "when", "").await;
    browser.shows(ROWS, "Ana").await;

    // Days of one's own, of which the last one belongs to the range. Days in the wrong order can be corrected.
    choose(browser, "when", "other").await;
    let days = "const [from, to] = ['from', 'to'].map((name) => find(`waybill-exports >> input[name=${name}]`));
        for (const [field, day] of [[from, arguments[0]], [to, arguments[1]]]) {
          field.value = day; field.dispatchEvent(new Event('input', { bubbles: true }));
        }
        from.form.requestSubmit(); return to.validationMessage";
    let wrong = browser.run(days, json!(["2017-10-31", "2017-10-01"])).await;
    assert_eq!(wrong, "The last day is before the first.");
    let wrong = browser.run(days, json!(["2017-10-01", "2017-10-31"])).await;
    assert_eq!(wrong, "");
    browser.shows(NOTHING, "No matching exports").await;
    assert_eq!(
        query(browser).await,
        "?user=me&from=2017-10-01&to=2017-11-01"
    );
    browser
        .shows("waybill-exports >> select[name=when]", "October 2017")
        .await;

    // The address brings the same list.
    ana.enter(&format!("{}?user=me&search=orders", ana.list("exports")))
        .await;
    browser.shows(ROWS, "Ana").await;
    assert!(!browser.has(SECOND).await);
    let shown = "return ['input[name=search]', 'select[name=user]'].map((name) => find(`waybill-exports >> ${name}`).value)";
    assert_eq!(browser.run(shown, json!([])).await, json!(["orders", "me"]));

    // So does the way back from an export.
    browser.click("waybill-exports >> tbody a").await;
    browser.click(".back a").await;
    browser.shows(ROWS, "Ana").await;
    assert_eq!(query(browser).await, "?user=me&search=orders");
}

#[tokio::test]
async fn several_statuses_are_chosen_at_once() {
    let Some(ana) = Visitor::new("Ana", 5).await else {
        return;
    };
    let browser = &ana.browser;
    let asked = json!({"type": "orders", "format": "csv"});
    ana.owner.succeeded(asked).await;
    let summary = "waybill-exports >> [data-filter=status] summary";
    let checked = "return [...find('waybill-exports >> [data-filter=status]').querySelectorAll(':checked')].map(({ value }) => value)";
    ana.while_nothing_is_made(async || {
        let canceled = ana.owner.request("csv").await;
        ana.owner.api.cancel(&canceled).await.expect_status(200);
        ana.owner.request("xlsx").await;
        ana.enter(&ana.list("exports")).await;
        let rows = "waybill-exports >> tbody tr";
        browser.shows(&format!("{rows}:nth-child(3)"), "Ana").await;

        browser.click(summary).await;
        for status in ["waiting", "canceled"] {
            browser
                .click(&format!("waybill-exports >> input[value={status}]"))
                .await;
        }
        browser.hides(&format!("{rows}:nth-child(3)")).await;
        browser
            .shows(&format!("{rows}:nth-child(1)"), "Pending")
            .await;
        browser
            .shows(&format!("{rows}:nth-child(2)"), "Canceled")
            .await;
        browser.shows(summary, "Pending or Canceled").await;
        assert_eq!(query(browser).await, "?status=waiting+canceled");
        ViewCheck::new(browser).look("exports-statuses").await;

        browser.press("\u{E00C}").await;
        browser.hides("waybill-exports >> details[open]").await;
        let focused =
            "return document.querySelector('waybill-exports').shadowRoot.activeElement?.tagName";
        assert_eq!(browser.run(focused, json!([])).await, "SUMMARY");

        // The address brings the same list, whose choice can be taken back.
        ana.enter(&format!("{}?status=waiting+canceled", ana.list("exports")))
            .await;
        browser
            .shows(&format!("{rows}:nth-child(2)"), "Canceled")
            .await;
        assert!(!browser.has(&format!("{rows}:nth-child(3)")).await);
        assert_eq!(
            browser.run(checked, json!([])).await,
            json!(["waiting", "canceled"])
        );
        browser.click(summary).await;
        browser
            .click("waybill-exports >> input[value=canceled]")
            .await;
        browser.hides(&format!("{rows}:nth-child(2)")).await;
        assert_eq!(query(browser).await, "?status=waiting");
        browser
            .click("waybill-exports >> [data-filter=status] .bar .link")
            .await;
        browser.shows(&format!("{rows}:nth-child(3)"), "Ana").await;
        assert_eq!(query(browser).await, "");
        assert_eq!(browser.run(focused, json!([])).await, "SUMMARY");
        // A click elsewhere closes the choice.
        browser.click("h1").await;
        browser.hides("waybill-exports >> details[open]").await;
    })
    .await;
}
