//! Tests of the dialog's choices: what it remembers, many columns, and a window with little room.

use serde_json::json;
use waybill_tests::Browser;

use crate::view_check::ViewCheck;
use crate::visitor::Visitor;

const EXPORT: &str = "waybill-export-button >> .button";
const DIALOG: &str = "waybill-export-button >> dialog";
const START: &str = "waybill-export-button >> dialog footer .primary";

fn in_dialog(selector: &str) -> String {
    format!("{DIALOG} {selector}")
}

/// What is chosen: format, profile, and how many columns.
async fn chosen(browser: &Browser) -> String {
    let script = "const form = find(arguments[0]).querySelector('form'); const data = new FormData(form);
        return [data.get('format'), data.get('profile'), form.querySelector('summary').textContent].join(' ')";
    let chosen = browser.run(script, json!([DIALOG])).await;
    chosen.as_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_dialog_remembers_what_was_chosen_and_finds_columns() {
    let Some(ana) = Visitor::new("Ana", 3).await else {
        return;
    };
    let browser = &ana.browser;
    ana.enter(&ana.list("orders")).await;
    browser.click(EXPORT).await;
    browser.shows(DIALOG, "All orders").await;
    assert_eq!(
        chosen(browser).await,
        "csv spreadsheet ColumnsDefault columns"
    );
    browser.click(&in_dialog("input[value=data]")).await;
    browser.click(&in_dialog("summary")).await;
    browser
        .enter(&in_dialog("input[type=search]"), "cust")
        .await;
    let shown = "return [...find(arguments[0]).querySelectorAll('li')].filter((item) => item.checkVisibility()).length";
    assert_eq!(browser.run(shown, json!([DIALOG])).await, 1);
    // None of those that were found.
    browser.click(&in_dialog(".bar button:last-child")).await;
    browser.shows(DIALOG, "13 of 14").await;
    ViewCheck::new(browser).look("export-dialog-search").await;
    browser.click(START).await;
    browser
        .shows(DIALOG, "Your export is being generated")
        .await;

    ana.enter(&ana.list("orders")).await;
    browser.click(EXPORT).await;
    browser.shows(DIALOG, "All orders").await;
    assert_eq!(
        chosen(browser).await,
        "csv data Columns13 of 14, as last time"
    );
    let list = ana.owner.api.read(&ana.owner.path()).await;
    assert_eq!(list["exports"][0]["columns"].as_array().unwrap().len(), 13);
    browser.click(&in_dialog("summary")).await;
    browser.click(&in_dialog(".bar button:first-child")).await;
    assert_eq!(chosen(browser).await, "csv data ColumnsDefault columns");

    // What was wrong is no longer said when it is right.
    browser.click(&in_dialog(".bar button:last-child")).await;
    browser.click(START).await;
    let problem = in_dialog(".problem");
    browser.shows(&problem, "Choose at least one column.").await;
    browser.click(&in_dialog("li:first-child label")).await;
    browser.hides(&problem).await;
    browser.click(&in_dialog(".bar button:last-child")).await;
    browser.click(START).await;
    browser.shows(&problem, "Choose at least one column.").await;
    browser.click(&in_dialog(".bar button:nth-child(2)")).await;
    browser.hides(&problem).await;
}

/// WCAG 2.2, success criterion 1.4.10: 320 by 256 CSS pixels are 1280 by 1024 at 400 %.
#[tokio::test]
async fn everything_of_the_dialog_can_be_reached_at_400_percent() {
    let Some(ana) = Visitor::new("Ana", 3).await else {
        return;
    };
    let browser = &ana.browser;
    browser.resize(320, 256).await;
    ana.enter(&ana.list("orders")).await;
    browser.click(EXPORT).await;
    browser.shows(DIALOG, "All orders").await;
    // Only one part scrolls, and only downwards.
    let scrolling = "const dialog = find(arguments[0]);
        const all = [dialog, ...dialog.querySelectorAll('*')];
        return [all.filter((one) => one.scrollHeight > one.clientHeight + 1 && getComputedStyle(one).overflowY === 'auto').length,
            dialog.scrollWidth <= dialog.clientWidth]";
    assert_eq!(
        browser.run(scrolling, json!([DIALOG])).await,
        json!([1, true])
    );
    browser.click(&in_dialog("input[value=xlsx]")).await;
    browser.click(START).await;
    browser
        .shows(DIALOG, "Your export is being generated")
        .await;
    browser.click(&in_dialog("footer [type=submit]")).await;
    browser.hides(DIALOG).await;
}

#[tokio::test]
async fn the_countdown_goes_on_after_the_dialog_was_closed() {
    let Some(ana) = Visitor::new("Ana", 3).await else {
        return;
    };
    let browser = &ana.browser;
    ana.enter(&ana.list("orders")).await;
    browser.click(EXPORT).await;
    browser.shows(DIALOG, "All orders").await;
    ana.reach_the_limit().await;
    browser.click(START).await;
    browser
        .shows(&in_dialog(".wait"), "You can start the next one in")
        .await;
    browser.click(&in_dialog("header button")).await;
    browser.hides(DIALOG).await;
    browser.click(EXPORT).await;
    browser
        .shows(&in_dialog(".wait"), "You can start the next one in")
        .await;
    let disabled = browser
        .run("return find(arguments[0]).disabled", json!([START]))
        .await;
    assert_eq!(disabled, true);
}

#[tokio::test]
async fn a_filter_that_is_opened_on_a_phone_is_whole() {
    let Some(ana) = Visitor::new("Ana", 3).await else {
        return;
    };
    let browser = &ana.browser;
    ana.enter(&format!("{}?state.not=ZZ", ana.list("orders")))
        .await;
    browser.shows(".count", "3 orders").await;
    browser.resize(320, 720).await;
    // How far the pill is beyond its line: as it is at first, and opened.
    let script = "const pill = find('[data-filter=state]');
        const beyond = () => Math.round(pill.getBoundingClientRect().right - find('.pills').getBoundingClientRect().right);
        const before = beyond();
        const opened = new Promise((done) => pill.addEventListener('toggle', () => done([before, beyond()])));
        pill.open = true;
        return opened";
    let beyond = browser.run(script, json!([])).await;
    assert!(beyond[0].as_i64().unwrap() > 0, "{beyond}");
    assert!(beyond[1].as_i64().unwrap() <= 0, "{beyond}");
}
