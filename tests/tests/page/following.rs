//! Tests of what the page says about an export on its way: before, meanwhile, and when it has ended.

use serde_json::{Value, json};
use waybill_tests::{Browser, id};

use crate::moments::Moments;
use crate::view_check::ViewCheck;
use crate::visitor::Visitor;

const EXPORT: &str = "waybill-export-button >> .button";
const DIALOG: &str = "waybill-export-button >> dialog";
const START: &str = "waybill-export-button >> dialog footer .primary";
const CLOSE: &str = "waybill-export-button >> dialog footer [type=submit]";
const CANCEL: &str = "waybill-export-button >> dialog footer .cancel";
const TOAST: &str = "waybill-toasts >> .toast";
const ENDED: &str = ".tabs .ended";

async fn title(browser: &Browser) -> Value {
    browser.run("return document.title", json!([])).await
}

#[tokio::test]
async fn an_export_that_ends_elsewhere_is_said_where_the_person_is() {
    let Some(ana) = Visitor::new("Ana", 5).await else {
        return;
    };
    let browser = &ana.browser;
    ana.while_nothing_is_made(async || {
        ana.enter(&ana.list("orders")).await;
        browser.shows(".count", "5 orders").await;
        browser.click(EXPORT).await;
        browser.click(START).await;
        browser
            .shows(DIALOG, "Your export is being generated")
            .await;
        browser.click(CLOSE).await;
        browser.hides(DIALOG).await;
        assert!(!browser.has(ENDED).await);
    })
    .await;
    browser.shows(TOAST, "Your export is ready").await;
    browser.shows(TOAST, "5 rows").await;
    browser.shows(ENDED, "1").await;
    assert!(title(browser).await.as_str().unwrap().starts_with("(1) "));
    ViewCheck::new(browser).look("toast").await;

    let list = ana.owner.api.read(&ana.owner.path()).await;
    let export = &list["exports"][0];
    browser.click("waybill-toasts >> .actions .primary").await;
    let file = ana.owner.download(export).await.body;
    let name = export["file_name"].as_str().unwrap();
    assert!(
        browser.downloaded(name).await == file,
        "another file was downloaded"
    );
    // Whoever has the file has seen that it is there.
    browser.hides(TOAST).await;
    browser.hides(ENDED).await;
    assert!(!title(browser).await.as_str().unwrap().starts_with('('));
}

#[tokio::test]
async fn a_message_waits_until_the_dialog_in_front_of_it_is_closed() {
    let Some(ana) = Visitor::new("Ana", 5).await else {
        return;
    };
    let browser = &ana.browser;
    ana.while_nothing_is_made(async || {
        start(&ana).await;
        browser.click(CLOSE).await;
        browser.hides(DIALOG).await;
        browser.click(EXPORT).await;
        browser.shows(START, "Start export").await;
    })
    .await;
    // The number on the tab is behind the dialog too, and is set with the message.
    browser.shows(ENDED, "1").await;
    assert!(!browser.has(TOAST).await);
    browser.press("\u{E00C}").await;
    browser.shows(TOAST, "Your export is ready").await;
    browser.click("waybill-toasts >> .actions .primary").await;
    browser.hides(TOAST).await;
}

/// Where the buttons at the end of the dialog are, and what they say.
async fn buttons(browser: &Browser) -> Value {
    let script = "return [...find(arguments[0]).querySelectorAll('footer :is(a, [type=submit])')].map((button) => {
        const { x, y, width } = button.getBoundingClientRect();
        return [x, y, width, button.textContent];
      })";
    browser.run(script, json!([DIALOG])).await
}

async fn has_focus(browser: &Browser, selector: &str) -> bool {
    let script = "return find(arguments[0]).matches(':focus')";
    browser.run(script, json!([selector])).await == true
}

/// Starts an export in the dialog of the list of orders.
async fn start(ana: &Visitor) {
    let browser = &ana.browser;
    ana.enter(&ana.list("orders")).await;
    browser.shows(".count", "5 orders").await;
    browser.click(EXPORT).await;
    browser.shows(DIALOG, "5 rows now.").await;
    browser.click(START).await;
    browser
        .shows(DIALOG, "Your export is being generated")
        .await;
}

#[tokio::test]
async fn in_the_dialog_nothing_changes_places_when_the_export_ends_and_the_focus_is_on_download() {
    let Some(ana) = Visitor::new("Ana", 5).await else {
        return;
    };
    let browser = &ana.browser;
    let download = format!("{DIALOG} .outcome .primary");
    let link = format!("{DIALOG} footer a");
    for (width, height) in [(1280, 900), (320, 720)] {
        browser.resize(width, height).await;
        let before = ana
            .while_nothing_is_made(async || {
                start(&ana).await;
                assert!(has_focus(browser, CLOSE).await);
                // On a phone, the person has gone to the link meanwhile.
                if width == 320 {
                    browser
                        .run("find(arguments[0]).focus()", json!([link]))
                        .await;
                }
                buttons(browser).await
            })
            .await;
        browser.shows(DIALOG, "Your export is ready").await;
        assert_eq!(buttons(browser).await, before, "{width}");
        assert_eq!(before[1][3], "Close");
        let focused = if width == 320 { &link } else { &download };
        assert!(has_focus(browser, focused).await, "{width}");
        assert!(!is_offered(browser).await);
        browser.click(&download).await;
        let list = ana.owner.api.read(&ana.owner.path()).await;
        browser
            .downloaded(list["exports"][0]["file_name"].as_str().unwrap())
            .await;
        // The end was seen in the dialog.
        assert!(!browser.has(TOAST).await && !browser.has(ENDED).await);
    }
}

/// Whether the dialog has a button that cancels its export.
async fn is_offered(browser: &Browser) -> bool {
    let script =
        "return find(arguments[0])?.checkVisibility({ visibilityProperty: true }) ?? false";
    browser.run(script, json!([CANCEL])).await == true
}

#[tokio::test]
async fn an_export_is_canceled_in_the_dialog_that_started_it() {
    let Some(ana) = Visitor::new("Ana", 5).await else {
        return;
    };
    let browser = &ana.browser;
    ana.while_nothing_is_made(async || {
        start(&ana).await;
        let before = buttons(browser).await;
        assert!(is_offered(browser).await);
        browser.click(CANCEL).await;
        browser.shows(DIALOG, "Your export was canceled").await;
        assert_eq!(buttons(browser).await, before);
        assert!(has_focus(browser, CLOSE).await);
        assert!(!is_offered(browser).await);
        ViewCheck::new(browser).look("export-dialog-canceled").await;
        let list = ana.owner.api.read(&ana.owner.path()).await;
        assert_eq!(list["exports"][0]["status"], "canceled");
        browser.click(CLOSE).await;
        browser.hides(DIALOG).await;
        assert!(!browser.has(TOAST).await && !browser.has(ENDED).await);
    })
    .await;
}

#[tokio::test]
async fn a_download_that_fails_says_so_beside_a_button_that_tries_again() {
    let Some(ana) = Visitor::new("Ana", 3).await else {
        return;
    };
    let browser = &ana.browser;
    let export = ana
        .owner
        .succeeded(json!({"type": "orders", "format": "csv"}))
        .await;
    ana.enter(&ana.list("exports")).await;
    browser
        .shows("waybill-exports >> .badge", "Completed")
        .await;
    let offline = "window.own = window.fetch; window.fetch = (url, options) => String(url).includes('/downloads/')
        ? Promise.reject(new TypeError('Failed to fetch')) : own(url, options)";
    browser.run(offline, json!([])).await;
    browser
        .click("waybill-exports >> [data-does=download]")
        .await;
    browser
        .shows(TOAST, "There is no connection at the moment")
        .await;
    browser.run("window.fetch = own", json!([])).await;
    browser.click("waybill-toasts >> .actions .primary").await;
    browser
        .downloaded(export["file_name"].as_str().unwrap())
        .await;
    browser.hides(TOAST).await;

    // The message is over as soon as the download succeeds, whichever button was pressed.
    browser.run(offline, json!([])).await;
    let download = "waybill-exports >> [data-does=download]";
    browser.click(download).await;
    browser.shows(TOAST, "There is no connection").await;
    browser.run("window.fetch = own", json!([])).await;
    browser.click(download).await;
    browser.hides(TOAST).await;
}

/// An export may end between the answers about it and about its history.
#[tokio::test]
async fn an_exports_state_and_its_history_do_not_contradict_each_other() {
    let Some(ana) = Visitor::new("Ana", 3).await else {
        return;
    };
    let browser = &ana.browser;
    ana.owner
        .succeeded(json!({"type": "orders", "format": "csv"}))
        .await;
    ana.enter(&ana.list("exports")).await;
    let before = "window.own = window.fetch; window.isFirst = true; window.states = [];
        window.fetch = async (url, options) => {
          const answer = await own(url, options);
          if (!/\\/exports\\/\\d+$/.test(String(url)) || !isFirst) return answer;
          isFirst = false;
          const body = { ...(await answer.json()), status: 'processing', url: null };
          return new Response(JSON.stringify(body), { headers: answer.headers });
        };
        new MutationObserver(() => states.push(document.querySelector('#status')?.textContent ?? ''))
          .observe(document, { subtree: true, childList: true })";
    browser.run(before, json!([])).await;
    browser.click("waybill-exports >> tbody a").await;
    browser.shows("#status", "Completed").await;
    let states = browser.run("return states", json!([])).await;
    assert!(!states.to_string().contains("Processing"), "{states}");
}

#[tokio::test]
async fn the_share_that_is_done_and_the_time_left_are_shown() {
    let Some(ana) = Visitor::new("Ana", 3).await else {
        return;
    };
    let browser = &ana.browser;
    let done = ana
        .owner
        .succeeded(json!({"type": "orders", "format": "csv"}))
        .await;
    let half = Moments::new(&ana.stack, id(&done)).await.half_done().await;
    ana.enter(&ana.list("exports")).await;
    browser
        .shows(
            "waybill-exports >> .status small",
            "50% · about 30 seconds left",
        )
        .await;
    browser
        .shows("waybill-exports >> td.number", "1,234,567")
        .await;
    ViewCheck::new(browser).look("exports-under-way").await;
    ana.enter(&format!("/exports/{half}")).await;
    let words = "50% · 1,234,567 rows so far · about 30 seconds left";
    browser.shows(".progress", words).await;
    let share = browser
        .run("return find('.progress progress').value", json!([]))
        .await;
    assert_eq!(share, 0.5);
}

#[tokio::test]
async fn before_an_export_its_size_is_said_and_nothing_is_not_exported() {
    let Some(ana) = Visitor::new("Ana", 20).await else {
        return;
    };
    let browser = &ana.browser;
    ana.owner
        .succeeded(json!({"type": "orders", "format": "csv"}))
        .await;
    ana.enter(&ana.list("orders")).await;
    browser.shows(".count", "20 orders").await;
    browser.click(EXPORT).await;
    browser
        .shows(
            &format!("{DIALOG} .what"),
            "20 rows now. The file will have about",
        )
        .await;
    browser
        .shows(&format!("{DIALOG} .what"), "judging by earlier ones")
        .await;
    // There was no workbook yet.
    browser.click(&format!("{DIALOG} input[value=xlsx]")).await;
    browser
        .shows(
            &format!("{DIALOG} .what"),
            "20 rows now. Everything in the list",
        )
        .await;
    browser.click(&format!("{DIALOG} header button")).await;

    ana.enter(&format!(
        "{}?search=nobody%20has%20this",
        ana.list("orders")
    ))
    .await;
    browser.shows(".blank", "No").await;
    browser.click(EXPORT).await;
    browser
        .shows(&format!("{DIALOG} .what"), "There is nothing to export")
        .await;
    assert!(!browser.has(START).await);
}

#[tokio::test]
async fn how_a_file_was_made_is_folded_and_its_cost_is_for_staff_alone() {
    let Some(ana) = Visitor::new("Ana", 3).await else {
        return;
    };
    let export = ana
        .owner
        .succeeded(json!({"type": "orders", "format": "csv"}))
        .await;
    let path = format!("/exports/{}", id(&export));
    let digest = export["receipt"]["sha256"].as_str().unwrap();
    ana.enter(&path).await;
    ana.browser.shows("#file", digest).await;
    assert!(!ana.browser.has("#making dl").await);
    ana.browser.click("#making summary").await;
    ana.browser.shows("#making", "Records read").await;
    let text = "return find('#making').textContent";
    let made = ana.browser.run(text, json!([])).await;
    assert!(!made.as_str().unwrap().contains("cost"), "{made}");
    let copied = "let copied; navigator.clipboard.writeText = async (text) => { copied = text };
        find('#copy').click(); return new Promise((done) => setTimeout(() => done(copied)))";
    assert_eq!(ana.browser.run(copied, json!([])).await, digest);

    ana.browser
        .run("sessionStorage.clear(); localStorage.clear()", json!([]))
        .await;
    let staff = ana.granted("staff").await;
    staff.enter(&path).await;
    staff.browser.click("#making summary").await;
    staff.browser.shows("#making", "Estimated cost").await;
    staff.browser.shows("#making", "Attempts").await;
}
