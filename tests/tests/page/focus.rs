//! Tests that the focus stays where a person is, or goes on with them, whatever they press.

use serde_json::{Value, json};
use waybill_tests::{Browser, id};

use crate::moments::Moments;
use crate::visitor::Visitor;

const LIST: &str = "waybill-exports";
const ENTER: &str = "\u{E007}";

fn in_list(selector: &str) -> String {
    format!("{LIST} >> {selector}")
}

/// Presses a button by the keyboard.
async fn press(browser: &Browser, selector: &str) {
    browser.shows(selector, "").await;
    browser
        .run("find(arguments[0]).focus()", json!([selector]))
        .await;
    browser.press(ENTER).await;
}

/// What has the focus in the list of exports: what it does, and the export's id.
async fn focused_in_list(browser: &Browser) -> Value {
    let script = "return find(arguments[0]).shadowRoot.activeElement?.dataset.focus";
    browser.run(script, json!([LIST])).await
}

#[tokio::test]
async fn the_focus_is_not_lost_during_a_download_and_a_deletion() {
    let Some(ana) = Visitor::new("Ana", 3).await else {
        return;
    };
    let browser = &ana.browser;
    let export = ana
        .owner
        .succeeded(json!({"type": "orders", "format": "csv"}))
        .await;
    ana.enter(&ana.list("exports")).await;
    let download = format!("[data-focus='download {}']", id(&export));
    browser.shows(&in_list(&download), "Download").await;
    press(browser, &in_list(&download)).await;
    let is_done = in_list(&format!("{download}[aria-disabled=false]"));
    browser.shows(&is_done, "Download").await;
    assert_eq!(
        focused_in_list(browser).await,
        format!("download {}", id(&export))
    );

    ana.enter(&format!("/exports/{}", id(&export))).await;
    let downloads = "#file dd:nth-of-type(2)";
    browser.shows(downloads, "1").await;
    press(browser, "#download").await;
    browser.shows(downloads, "2").await;
    let focused = "return document.activeElement.id";
    assert_eq!(browser.run(focused, json!([])).await, "download");
    press(browser, "#delete").await;
    browser.click("#really-delete").await;
    browser.hides("#download").await;
    assert_eq!(browser.run(focused, json!([])).await, "title");
}

#[tokio::test]
async fn the_focus_goes_on_with_the_export_that_is_canceled() {
    let Some(ana) = Visitor::new("Ana", 20).await else {
        return;
    };
    let browser = &ana.browser;
    ana.while_nothing_is_made(async || {
        let first = id(&ana.owner.request("csv").await);
        let second = id(&ana.owner.request("xlsx").await);
        ana.enter(&ana.list("exports")).await;
        press(browser, &in_list(&format!("[data-focus='cancel {first}']"))).await;
        browser
            .shows(&in_list("tbody tr:nth-child(2) .badge"), "Canceled")
            .await;
        // Its button is gone, so that the focus is on the export's name.
        assert_eq!(focused_in_list(browser).await, format!("open {first}"));

        ana.enter(&format!("/exports/{second}")).await;
        press(browser, "#cancel").await;
        browser.shows("#status", "Canceled").await;
        let focused = "return document.activeElement.id";
        assert_eq!(browser.run(focused, json!([])).await, "title");
    })
    .await;
}

#[tokio::test]
async fn the_focus_stays_at_the_column_that_is_moved_to_an_end() {
    let Some(ana) = Visitor::new("Ana", 3).await else {
        return;
    };
    let browser = &ana.browser;
    ana.enter(&ana.list("orders")).await;
    browser.click("waybill-export-button >> .button").await;
    let dialog = "waybill-export-button >> dialog";
    browser.click(&format!("{dialog} summary")).await;
    let focused = "const { activeElement: at } = find('waybill-export-button').shadowRoot;
        return [at?.closest('li')?.querySelector('input').value, at?.ariaLabel]";
    for (place, other, label) in [(2, 1, "down"), (13, 2, "up")] {
        let item = format!("{dialog} .columns li:nth-child({place})");
        let key = browser
            .run(
                "return find(arguments[0]).querySelector('input').value",
                json!([item]),
            )
            .await;
        let button = format!("{item} button:nth-of-type({other})");
        press(browser, &button).await;
        let at = browser.run(focused, json!([])).await;
        assert_eq!(at[0], key, "{at}");
        assert!(at[1].as_str().unwrap().ends_with(label), "{at}");
    }
}

#[tokio::test]
async fn the_focus_goes_to_the_first_row_that_was_loaded_further() {
    let Some(ana) = Visitor::new("Ana", 60).await else {
        return;
    };
    let browser = &ana.browser;
    let original = ana
        .owner
        .succeeded(json!({"type": "orders", "format": "csv"}))
        .await;
    let mut moments = Moments::new(&ana.stack, id(&original)).await;
    for _ in 0..30 {
        moments.completed().await;
    }
    ana.enter(&ana.list("exports")).await;
    let row = in_list("tbody tr:nth-child(26)");
    assert!(!browser.has(&row).await);
    press(browser, &in_list(".more .button")).await;
    browser.shows(&row, "Completed").await;
    let link = browser
        .run(
            "return find(arguments[0]).querySelector('a').dataset.focus",
            json!([row]),
        )
        .await;
    assert_eq!(focused_in_list(browser).await, link);

    ana.enter(&ana.list("orders")).await;
    browser.shows(".count", "60 orders").await;
    press(browser, "waybill-records-list .more .button").await;
    let first = "tbody tr:nth-child(51) td";
    browser.shows(first, "").await;
    let is_focused = "return find(arguments[0]) === document.activeElement";
    assert_eq!(browser.run(is_focused, json!([first])).await, true);
}
