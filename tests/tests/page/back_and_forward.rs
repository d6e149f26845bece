//! Back and Forward come to the same rows, the same place and the same focus.

use serde_json::{Value, json};
use waybill_tests::{Browser, id};

use crate::moments::Moments;
use crate::visitor::Visitor;

/// What the person sees of the list: the number of rows, how far down it is, and the export whose link has the focus.
async fn place(browser: &Browser) -> Value {
    let script = "const list = [...document.querySelectorAll('waybill-exports')].find((one) => one.checkVisibility());
        return [list?.shadowRoot.querySelectorAll('tbody tr').length, Math.round(scrollY),
            list?.shadowRoot.activeElement?.dataset.focus]";
    browser.run(script, json!([])).await
}

#[tokio::test]
async fn back_and_forward_come_to_the_same_rows_place_and_focus() {
    let Some(ana) = Visitor::new("Ana", 3).await else {
        return;
    };
    let browser = &ana.browser;
    let original = id(&ana
        .owner
        .succeeded(json!({"type": "orders", "format": "csv"}))
        .await);
    let mut moments = Moments::new(&ana.stack, original).await;
    for _ in 0..30 {
        moments.completed().await;
    }
    ana.enter(&ana.list("exports")).await;
    browser.click("waybill-exports >> .more .button").await;
    let last = "waybill-exports >> tbody tr:nth-child(31)";
    browser.shows(last, "Completed").await;
    let link = format!("{last} a");
    browser
        .run(
            "find(arguments[0]).focus(); find(arguments[0]).scrollIntoView()",
            json!([link]),
        )
        .await;
    let before = place(browser).await;
    assert_eq!(before[0], 31, "{before}");
    assert_eq!(before[2], format!("open {original}"), "{before}");
    assert!(before[1].as_u64().unwrap() > 500, "{before}");

    browser.press("\u{E007}").await;
    browser.shows("#title", "orders").await;
    assert_eq!(place(browser).await, json!([null, 0, null]));
    browser.run("history.back()", json!([])).await;
    browser.hides("#title").await;
    assert_eq!(place(browser).await, before);
    browser.run("history.forward()", json!([])).await;
    browser.shows("#title", "orders").await;

    // Another list, and back to this one: the tab that was pressed keeps the focus.
    browser.run("history.back()", json!([])).await;
    browser.hides("#title").await;
    browser.click(".tabs a[data-list=orders]").await;
    browser.shows(".count", "3 orders").await;
    let tab = "return document.activeElement.dataset.list";
    assert_eq!(browser.run(tab, json!([])).await, "orders");
    browser.run("history.back()", json!([])).await;
    browser.shows(last, "Completed").await;
    assert_eq!(place(browser).await[0], 31);
}

#[tokio::test]
async fn the_skip_link_leads_past_what_is_on_every_view() {
    let Some(ana) = Visitor::new("Ana", 3).await else {
        return;
    };
    ana.enter(&ana.list("exports")).await;
    ana.browser
        .shows("waybill-exports >> .blank", "No exports yet")
        .await;
    let skip = "document.querySelector('.skip').click();
        const { activeElement: place } = document; return [place.className, place.querySelector('waybill-exports') !== null, location.hash]";
    let skipped = ana.browser.run(skip, json!([])).await;
    assert_eq!(skipped, json!(["content", true, ""]));
    // Where there is nothing yet, there is one thing to press.
    ana.browser.click("waybill-exports .button.primary").await;
    ana.browser.shows(".count", "3 orders").await;
}
