//! Tests that the page loads fast and makes no unnecessary requests.

use std::time::Duration;

use serde_json::{Value, json};
use waybill_tests::{Browser, id, note, wait_until};

use crate::visitor::Visitor;

/// The number of the files of the first view: the script, what loads it, and two style sheets.
const FILES: usize = 4;
/// The calls of the first view: the token, the configuration, the catalog, and the exports.
const CALLS: [&str; 4] = ["/token", "/config.json", "/catalog", "/exports"];
/// What may be asked for before the first view, and is not waited for.
const BESIDE: &str = "/summary";
const SOON: Duration = Duration::from_secs(60);
const EXPORTS: &str = "/exports?";
const RECORDS: &str = "/records/orders?";

/// Records when the list's first row is shown.
const NOTE_FIRST_VIEW: &str = "
    const look = () => {
        const list = document.querySelector('waybill-exports')?.shadowRoot;
        if (list?.querySelector('tbody tr')?.checkVisibility()) window.firstView = performance.now();
        else requestAnimationFrame(look);
    };
    look()";

/// The number of answers from URLs that contain `part`, and how many of them were 304.
async fn answers(browser: &Browser, part: &str) -> (u64, u64) {
    let script = "const found = performance.getEntriesByType('resource').filter(({ name }) => name.includes(arguments[0]));
        return [found.length, found.filter(({ responseStatus }) => responseStatus === 304).length]";
    let found = browser.run(script, json!([part])).await;
    (found[0].as_u64().unwrap(), found[1].as_u64().unwrap())
}

/// Waits for a number of seconds on the page's clock, which [`hasten`] makes faster.
async fn pass(browser: &Browser, seconds: u32) {
    let script = "return new Promise((done) => setTimeout(done, arguments[0] * 1000))";
    browser.run(script, json!([seconds])).await;
}

/// Makes the page's clock twenty times faster.
async fn hasten(browser: &Browser) {
    let script = "const own = window.setTimeout;
        window.setTimeout = (act, milliseconds) => own(act, milliseconds / 20)";
    browser.run(script, json!([])).await;
}

/// Tells the page that its tab is hidden or shown again.
async fn hide(browser: &Browser, is_hidden: bool) {
    let script =
        "Object.defineProperty(document, 'hidden', { value: arguments[0], configurable: true });
        document.dispatchEvent(new Event('visibilitychange'))";
    browser.run(script, json!([is_hidden])).await;
}

/// The duration is only printed, since the machine may be busy.
#[tokio::test]
async fn the_first_view_makes_only_the_necessary_requests() {
    let Some(ana) = Visitor::alone("Ana", 5).await else {
        return;
    };
    ana.owner.request("csv").await;
    ana.browser.before_each_page(NOTE_FIRST_VIEW).await;
    ana.enter(&ana.list("exports")).await;
    ana.browser.shows("waybill-exports >> tbody tr", "").await;
    let took = ana.browser.run("return window.firstView", json!([])).await;
    let requests = "const names = performance.getEntriesByType('resource')
            .filter(({ startTime }) => startTime < window.firstView).map(({ name }) => new URL(name).pathname);
        const isFile = (name) => name.startsWith('/assets/');
        return [new Set(names.filter(isFile)).size, names.filter((name) => !isFile(name))]";
    let asked = ana.browser.run(requests, json!([])).await;
    let (files, calls) = (&asked[0], asked[1].as_array().unwrap());
    let is_needed = |call: &&Value| !call.as_str().unwrap().ends_with(BESIDE);
    let calls: Vec<&Value> = calls.iter().filter(is_needed).collect();
    note(&format!(
        "first view of the page: {:.0} ms, {files} files, {} calls",
        took.as_f64().unwrap(),
        calls.len()
    ));
    assert_eq!(files, FILES, "{asked}");
    assert_eq!(calls.len(), CALLS.len(), "{asked}");
    for call in CALLS {
        let asked_for = |asked: &&&Value| asked.as_str().unwrap().ends_with(call);
        assert_eq!(calls.iter().filter(asked_for).count(), 1, "{call}: {asked}");
    }
}

#[tokio::test]
async fn only_the_service_and_the_issuer_get_requests() {
    let Some(ana) = Visitor::new("Ana", 5).await else {
        return;
    };
    ana.enter(&ana.list("orders")).await;
    ana.browser.shows(".count", "5 orders").await;
    let script = "const found = performance.getEntriesByType('resource').map(({ name }) => new URL(name).origin);
        return [...new Set(found)].sort()";
    let asked = ana.browser.run(script, json!([])).await;
    let (service, issuer) = (ana.stack.public_url(), ana.stack.output("issuer_url"));
    assert_eq!(asked, json!([service, issuer]));
}

#[tokio::test]
async fn each_change_of_a_list_requests_records_once() {
    let Some(ana) = Visitor::new("Ana", 60).await else {
        return;
    };
    let browser = &ana.browser;
    ana.enter(&ana.list("orders")).await;
    browser.shows(".count", "50 shown").await;
    assert_eq!(answers(browser, RECORDS).await.0, 1);
    for (asked, act) in (2..).zip(["search", "pause", "filter", "range", "clear", "more"]) {
        match act {
            // Enter is pressed before the pause after which a search begins by itself.
            "search" => {
                browser
                    .enter("input[name=search]", "customer\u{E007}")
                    .await
            }
            "pause" => browser.enter("input[name=search]", " 1").await,
            "filter" => {
                browser.click("[data-filter=status] summary").await;
                browser
                    .click("[data-filter=status] input[value=shipped]")
                    .await;
            }
            "range" => {
                browser.click("[data-filter=created_at] summary").await;
                browser
                    .click("[data-filter=created_at] button[name=this-year]")
                    .await;
            }
            "clear" => browser.click("#clear-filters").await,
            _ => browser.click(".more .button").await,
        }
        wait_until(
            &format!("records after {act}"),
            SOON,
            async || match answers(browser, RECORDS).await.0 {
                answered if answered >= asked => Ok(()),
                answered => Err(answered.to_string()),
            },
        )
        .await;
        // Longer than the pause after which a search begins by itself, so that a superfluous request would be seen.
        pass(browser, 1).await;
        assert_eq!(answers(browser, RECORDS).await.0, asked, "{act}");
    }
    browser.shows(".count", "60 orders").await;
}

#[tokio::test]
async fn a_list_is_polled_less_while_nothing_is_under_way_and_never_in_a_hidden_tab() {
    let Some(ana) = Visitor::new("Ana", 5).await else {
        return;
    };
    ana.while_nothing_is_made(async || asks_while_something_is_unfinished(&ana).await)
        .await;
}

async fn asks_while_something_is_unfinished(ana: &Visitor) {
    let browser = &ana.browser;
    let export = id(&ana.owner.request("csv").await);
    ana.enter(&ana.list("exports")).await;
    browser.shows("waybill-exports >> .badge", "Pending").await;
    hasten(browser).await;
    wait_until(
        "a list that has not changed",
        SOON,
        async || match answers(browser, EXPORTS).await {
            (asked, unchanged) if asked >= 3 && unchanged >= 2 => Ok(()),
            answers => Err(format!("{answers:?}")),
        },
    )
    .await;

    hide(browser, true).await;
    // A running request ends; then there is no further one for much longer than the longest wait.
    pass(browser, 20).await;
    let before = answers(browser, EXPORTS).await;
    pass(browser, 60).await;
    assert_eq!(answers(browser, EXPORTS).await, before, "in a hidden tab");
    hide(browser, false).await;
    wait_until("the list to be asked for again", SOON, async || {
        let now = answers(browser, EXPORTS).await;
        if now.0 > before.0 {
            Ok(())
        } else {
            Err(format!("{now:?}"))
        }
    })
    .await;

    let cancel = format!("/v1/exports/{export}/cancel");
    ana.owner.api.post(&cancel, json!({})).await;
    browser.shows("waybill-exports >> .badge", "Canceled").await;
    // The change is announced to screen readers.
    browser
        .shows("waybill-exports >> [role=status]", "Canceled")
        .await;
    // Eight seconds, then longer and longer, up to a minute.
    let before = answers(browser, EXPORTS).await.0;
    pass(browser, 300).await;
    let asked = answers(browser, EXPORTS).await.0 - before;
    assert!((5..=12).contains(&asked), "{asked} in five minutes");
}

#[tokio::test]
async fn what_others_do_appears_within_ten_seconds_and_at_once_on_coming_back() {
    let Some(ana) = Visitor::new("Ana", 5).await else {
        return;
    };
    let browser = &ana.browser;
    let colleague = ana.owner.colleague("Bruno").await;
    ana.enter(&ana.list("exports")).await;
    browser
        .shows("waybill-exports >> .blank", "No exports yet")
        .await;
    let rows = async |number: u32| {
        let row = format!("waybill-exports >> tbody tr:nth-child({number})");
        wait_until(
            "the colleague's export",
            Duration::from_secs(12),
            async || {
                browser
                    .has(&row)
                    .await
                    .then_some(())
                    .ok_or_else(|| row.clone())
            },
        )
        .await;
    };
    colleague.request("csv").await;
    rows(1).await;

    // While nothing happens, the list is asked for less often; whoever comes back to the window sees it as it is.
    browser
        .shows("waybill-exports >> .badge", "Completed")
        .await;
    let frozen = "const own = window.setTimeout; window.setTimeout = (act, wait) => own(act, wait < 5000 ? wait : 3_600_000)";
    browser.run(frozen, json!([])).await;
    let before = answers(browser, EXPORTS).await.0;
    wait_until("the last list that was to come", SOON, async || {
        let asked = answers(browser, EXPORTS).await.0;
        (asked > before).then_some(()).ok_or(asked.to_string())
    })
    .await;
    colleague.request("xlsx").await;
    pass(browser, 3).await;
    assert!(
        !browser
            .has("waybill-exports >> tbody tr:nth-child(2)")
            .await
    );
    let back = "window.dispatchEvent(new Event('focus'))";
    wait_until("the second export", SOON, async || {
        browser.run(back, json!([])).await;
        let second = browser
            .has("waybill-exports >> tbody tr:nth-child(2)")
            .await;
        second.then_some(()).ok_or_else(|| "one row".to_owned())
    })
    .await;
}
