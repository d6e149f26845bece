//! Tests of a row in the list of exports: its name, its look beside a list of records, and its card on a phone.

use serde_json::{Value, json};
use waybill_tests::{Browser, id};

use crate::moments::Moments;
use crate::view_check::ViewCheck;
use crate::visitor::Visitor;

const ROWS: &str = "waybill-exports >> tbody";

/// What each row has at these places, newest first.
async fn texts(browser: &Browser, selector: &str) -> Value {
    let script = "return [...find(arguments[0]).querySelectorAll(arguments[1])].map((one) => one.textContent)";
    browser.run(script, json!([ROWS, selector])).await
}

#[tokio::test]
async fn two_exports_of_one_type_have_names_that_tell_them_apart() {
    let Some(ana) = Visitor::new("Ana", 3).await else {
        return;
    };
    let browser = &ana.browser;
    let april = json!({"from": "2026-04-01", "to": "2026-05-01"});
    let all = json!({"type": "orders", "format": "csv"});
    let narrowed = json!({"type": "orders", "format": "csv",
        "filters": {"created_at": april, "status": ["delivered", "shipped"]}});
    let sought = json!({"type": "orders", "format": "xlsx", "search": "lis", "columns": ["id", "status"],
        "filters": {"state": ["SP"], "created_at": {"from": "2026-04-03"}}});
    let mut files = Vec::new();
    for asked in [all, narrowed, sought] {
        let export = ana.owner.succeeded(asked).await;
        files.insert(0, export["file_name"].as_str().unwrap().to_owned());
    }
    ana.enter(&ana.list("exports")).await;
    browser
        .shows(&format!("{ROWS} tr:nth-child(3)"), "Orders")
        .await;
    let names = json!([
        "Orders · Apr 3, 2026 or later · State: SP · “lis” · 2 columns",
        "Orders · delivered or shipped · April 2026",
        "Orders",
    ]);
    assert_eq!(texts(browser, ".title a").await, names);
    let second = [("XLSX", &files[0]), ("CSV", &files[1]), ("CSV", &files[2])];
    let second = second.map(|(format, file)| format!("{format} · {file}"));
    assert_eq!(texts(browser, ".line").await, json!(second));
    // A name may be cut: all of its words are at hand.
    let title = "return find(arguments[0]).title";
    let second = format!("{ROWS} tr:nth-child(2) .title a");
    let title = browser.run(title, json!([second])).await;
    let words = "Orders: Status: delivered or shipped · Created at April 2026.";
    assert_eq!(title, format!("{words}\n{}", files[1]));
    ViewCheck::new(browser).look("exports-named").await;
}

#[tokio::test]
async fn a_row_says_how_long_ago_its_export_was() {
    let Some(ana) = Visitor::new("Ana", 3).await else {
        return;
    };
    let browser = &ana.browser;
    let asked = json!({"type": "orders", "format": "csv"});
    ana.owner.succeeded(asked).await;
    ana.enter(&ana.list("exports")).await;
    let time = format!("{ROWS} td > time");
    browser.shows(&time, "now").await;
    // As five minutes later, without a request.
    let later = "const own = Date.now; Date.now = () => own() + 300_000; return find(arguments[0]).title.length > 0";
    assert_eq!(browser.run(later, json!([time])).await, true);
    browser.shows(&time, "5 minutes ago").await;
}

/// What a person sees of a table, apart from its contents: the head, a cell, a row under the pointer, and the frame.
async fn look(browser: &Browser, frame: &str) -> Value {
    browser
        .point_at(&format!("{frame} tbody tr td:nth-child(3)"))
        .await;
    let script = "const frame = find(arguments[0]);
        const look = (selector, ...names) => {
          const found = getComputedStyle(selector ? frame.querySelector(selector) : frame);
          return Object.fromEntries(names.map((name) => [name, found[name]]));
        };
        return {
          head: look('th:nth-child(3)', 'height', 'padding', 'color', 'backgroundColor', 'font', 'borderBottom'),
          cell: look('tbody td:nth-child(3)', 'height', 'padding', 'color', 'font', 'borderBottom', 'verticalAlign'),
          pointed: look('tbody tr', 'backgroundColor'),
          last: look('tbody tr:last-child td', 'borderBottomWidth'),
          frame: look('', 'border', 'borderRadius'),
        }";
    browser.run(script, json!([frame])).await
}

/// What a person sees where there are no rows.
async fn empty_look(browser: &Browser, blank: &str) -> Value {
    browser.shows(blank, "No").await;
    let script = "const found = getComputedStyle(find(arguments[0]));
        return ['border', 'borderRadius', 'padding', 'textAlign', 'font'].map((name) => found[name])";
    browser.run(script, json!([blank])).await
}

#[tokio::test]
async fn records_and_exports_are_in_tables_of_one_look() {
    let Some(ana) = Visitor::new("Ana", 3).await else {
        return;
    };
    let browser = &ana.browser;
    ana.enter(&ana.list("exports")).await;
    let no_exports = empty_look(browser, "waybill-exports >> .blank").await;
    let asked = json!({"type": "orders", "format": "csv", "search": "lis"});
    for _ in 0..2 {
        ana.owner.succeeded(asked.clone()).await;
    }
    browser
        .shows(&format!("{ROWS} tr:nth-child(2)"), "Orders · “lis”")
        .await;
    let exports = look(browser, "waybill-exports >> .frame").await;
    assert_ne!(exports["pointed"]["backgroundColor"], "rgba(0, 0, 0, 0)");

    browser.click("[data-list=orders]").await;
    browser.shows(".count", "3 orders").await;
    let records = look(browser, "waybill-records-list .wide").await;
    assert_eq!(exports, records);
    browser.enter("input[name=search]", "nobody\u{E007}").await;
    let no_records = empty_look(browser, "waybill-records-list .blank").await;
    assert_eq!(no_exports, no_records);
    // An empty list leads on.
    browser.click("waybill-records-list .blank .button").await;
    browser.shows(".count", "3 orders").await;
}

/// What is where in each row: the button, and what is not as it should be on a phone.
const CARDS: &str = "
    const box = (one) => one?.getBoundingClientRect();
    return [...find(arguments[0]).querySelectorAll('tr')].map((row) => {
      const [title, badge, facts, reason, button] = ['.title', '.badge', '.facts', '.line:has(.reason)', '.acts button'].map((name) => row.querySelector(name));
      const { left, width, height } = box(button);
      const lines = [box(title).height, box(facts).height, box(reason)?.height ?? 0].reduce((sum, one) => sum + one);
      const { paddingTop, paddingBottom } = getComputedStyle(row);
      return {
        button: [left, width, height],
        isStatusBesideName: box(badge).top < box(title).bottom && box(badge).left >= box(title).right,
        areFactsBelow: box(facts).top >= box(title).bottom - 1,
        isHigher: box(row).height > Math.max(lines, height) + parseFloat(paddingTop) + parseFloat(paddingBottom) + 2,
        isWithin: box(row).right <= document.documentElement.clientWidth && facts.offsetWidth <= row.offsetWidth,
        facts: facts.textContent,
      };
    })";

#[tokio::test]
async fn on_a_phone_an_export_is_a_card_of_two_lines_with_its_button_in_one_place() {
    let Some(ana) = Visitor::new("Ana Maria de Vasconcelos e Sousa", 3).await else {
        return;
    };
    let browser = &ana.browser;
    let asked = json!({"type": "orders", "format": "csv", "filters": {"created_at": {"from": "2026-01-01"}}});
    let done = ana.owner.succeeded(asked).await;
    let mut moments = Moments::new(&ana.stack, id(&done)).await;
    moments.expired().await;
    moments.completed().await;
    moments.failed().await;
    moments.half_done().await;
    ana.enter(&ana.list("exports")).await;
    browser
        .shows(&format!("{ROWS} tr:nth-child(5)"), "Orders")
        .await;
    browser.resize(320, 720).await;
    let cards = browser.run(CARDS, json!([ROWS])).await;
    let cards = cards.as_array().unwrap();
    assert_eq!(cards.len(), 5, "{cards:#?}");
    for card in cards {
        assert_eq!(card["button"], cards[0]["button"], "{cards:#?}");
        for [name, expected] in [
            ["isStatusBesideName", "true"],
            ["areFactsBelow", "true"],
            ["isHigher", "false"],
            ["isWithin", "true"],
        ] {
            assert_eq!(card[name].to_string(), expected, "{name}: {cards:#?}");
        }
    }
    for side in [1, 2] {
        assert!(
            cards[0]["button"][side].as_f64().unwrap() >= 44.0,
            "{cards:#?}"
        );
    }
    let facts: Vec<&str> = cards
        .iter()
        .filter_map(|card| card["facts"].as_str())
        .collect();
    assert!(
        facts[0].starts_with("now · 50% · 1,234,567 rows so far"),
        "{facts:?}"
    );
    assert!(facts[2].starts_with("now · 3 rows · "), "{facts:?}");
    let scrolls =
        "return document.documentElement.scrollWidth > document.documentElement.clientWidth";
    assert_eq!(browser.run(scrolls, json!([])).await, false);
    browser
        .shows(&format!("{ROWS} .reason"), "in 5 attempts")
        .await;
    let download = format!("{ROWS} [data-focus='download {}']", id(&done));
    browser.click(&download).await;
    browser
        .downloaded(done["file_name"].as_str().unwrap())
        .await;
}
