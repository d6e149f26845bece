//! Tests of addresses that somebody wrote, shared or kept.

use crate::view_check::ViewCheck;
use crate::visitor::Visitor;

const REFUSED: &str = ".blank";
const WITHOUT: &str = ".blank .button";

#[tokio::test]
async fn an_address_with_an_unknown_filter_does_not_show_everything_instead() {
    let Some(ana) = Visitor::new("Ana", 3).await else {
        return;
    };
    let browser = &ana.browser;
    let orders = ana.list("orders");
    ana.enter(&format!("{orders}?amount.min=2000&status=shipped"))
        .await;
    browser.shows(REFUSED, "This list has no such filter").await;
    browser.shows(REFUSED, "amount.min").await;
    assert!(!browser.has("waybill-export-button").await);
    ViewCheck::new(browser).look("address-unknown-filter").await;
    browser.click(WITHOUT).await;
    browser
        .shows("[data-filter=status] summary", "Status: shipped")
        .await;
    assert!(
        browser
            .address()
            .await
            .ends_with(&format!("{orders}?status=shipped"))
    );

    // A known filter with a condition that it does not have is refused by the API.
    ana.enter(&format!("{orders}?status.near=shipped")).await;
    browser.shows(REFUSED, "status.near").await;

    let exports = ana.list("exports");
    ana.enter(&format!("{exports}?state=failed")).await;
    browser.shows(REFUSED, "state").await;
    browser.click(WITHOUT).await;
    browser
        .shows("waybill-exports >> .blank", "No exports")
        .await;
    ana.enter(&format!("{exports}?status=lost")).await;
    browser.shows("waybill-exports >> .blank", "status").await;
}
