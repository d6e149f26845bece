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

    // What is no time, no day or no time zone is refused by the API, and does not stop the page.
    for (wrong, named) in [
        ("created_at.from=yesterday", "created_at.from"),
        ("created_at.to=2026-13-45", "created_at.to"),
        ("created_at.from=2026-04-01&time_zone=Mars", "time_zone"),
    ] {
        ana.enter(&format!("{orders}?{wrong}")).await;
        browser.shows(REFUSED, named).await;
        browser.click(WITHOUT).await;
        browser.shows(".count", "3 orders").await;
    }

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
    let refused = "waybill-exports >> .blank";
    browser.shows(refused, "status").await;
    browser.click(&format!("{refused} .button")).await;
    browser.shows(refused, "No exports").await;
    ana.enter(&format!("{exports}?from=yesterday")).await;
    browser.shows(refused, "created_at.from").await;
}

#[tokio::test]
async fn the_address_of_somebody_elses_list_leads_to_the_persons_own() {
    let Some(ana) = Visitor::new("Ana", 3).await else {
        return;
    };
    let browser = &ana.browser;
    ana.enter("/projects/1/orders").await;
    browser.shows(REFUSED, "No such list").await;
    browser.click(WITHOUT).await;
    browser
        .shows("waybill-exports >> .blank", "No exports")
        .await;
    let address = browser.address().await;
    assert!(address.ends_with(&ana.list("exports")), "{address}");
}
