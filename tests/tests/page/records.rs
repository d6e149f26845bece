//! Tests of a filtered list of records and its export.

use std::time::Duration;

use serde_json::json;
use waybill_tests::{generated_orders, load_orders, orders_csv, python_csv, wait_until};

use crate::view_check::ViewCheck;
use crate::visitor::Visitor;

const EXPORT: &str = "waybill-export-button >> .button";
const START: &str = "waybill-export-button >> dialog footer .primary";
const DIALOG: &str = "waybill-export-button >> dialog";
const SOON: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_filtered_list_is_exported_as_shown_and_downloaded_to_the_byte() {
    let Some(ana) = Visitor::new("Ana", 120).await else {
        return;
    };
    let browser = &ana.browser;
    ana.enter("/").await;
    browser
        .click(&format!("a[href='{}']", ana.list("orders")))
        .await;
    browser.shows(".count", "50 shown").await;
    browser.click(".more .button").await;
    browser.shows(".count", "100 shown").await;

    browser.click("[data-filter=status] summary").await;
    browser
        .click("[data-filter=status] input[value=delivered]")
        .await;
    browser
        .shows("[data-filter=status] summary", "delivered")
        .await;
    browser.press("\u{E00C}").await;
    browser.enter("input[name=search]", "paulo\u{E007}").await;
    let delivered =
        |row: &&Vec<String>| row[2] == "delivered" && row[7].to_lowercase().contains("paulo");
    let orders = generated_orders(120);
    let expected = orders.iter().filter(delivered).count();
    assert!(expected > 0, "the test needs orders that match");
    browser.shows(".count", &format!("{expected} orders")).await;
    let address = browser.address().await;
    assert!(
        address.ends_with("/orders?status=delivered&search=paulo"),
        "{address}"
    );

    browser.click(EXPORT).await;
    browser.shows(DIALOG, "Status: delivered").await;
    browser.shows(DIALOG, &format!("{expected} row")).await;
    browser.click(START).await;
    browser
        .shows(DIALOG, "Your export is being generated")
        .await;
    browser.shows(DIALOG, &ana.owner.email).await;
    browser.shows(DIALOG, "Your export is ready").await;
    browser.click(&format!("{DIALOG} .outcome .primary")).await;
    let list = ana.owner.api.get(&ana.owner.path()).await.json();
    let export = &list["exports"][0];
    let got = browser
        .downloaded(export["file_name"].as_str().unwrap())
        .await;
    assert!(
        got == ana.owner.download(export).await.body,
        "the browser got another file"
    );
    let rows = python_csv(&got);
    assert_eq!(rows.len() - 1, expected);
    assert!(rows[1..].iter().all(|row| row[2] == "delivered"));

    // The address alone restores the same list, also after the session has ended.
    ana.end_the_token().await;
    browser.click(DIALOG_CLOSE).await;
    browser.click("#clear-filters").await;
    browser.shows("#ended", "Your session has ended").await;
    browser.click("#ended .button").await;
    ana.sign_in().await;
    browser.shows(".count", "50 shown").await;
    browser.open(&address).await;
    ana.sign_in().await;
    browser.shows(".count", &format!("{expected} orders")).await;
}

const DIALOG_CLOSE: &str = "waybill-export-button >> dialog header button";

#[tokio::test]
async fn a_cell_is_always_shown_as_text() {
    let Some(ana) = Visitor::new("Ana", 0).await else {
        return;
    };
    let hostile = "<script>window.hacked = 1</script><img src=x onerror='window.hacked = 1'>";
    let mut orders = generated_orders(3);
    orders[1][6] = hostile.to_owned();
    load_orders(&ana.stack, ana.owner.project, orders_csv(&orders)).await;
    let browser = &ana.browser;
    ana.enter(&ana.list("orders")).await;
    browser.shows(".records", hostile).await;
    assert!(!browser.has(".records img").await && !browser.has(".records script").await);
    // Also in an address, in a filter and in a sentence.
    browser
        .open(&format!(
            "{}{}?search=%3Cimg+src%3Dx+onerror%3D%22window.hacked%3D1%22%3E&state=%3Cscript%3E",
            ana.stack.public_url(),
            ana.list("orders")
        ))
        .await;
    ana.sign_in().await;
    browser.shows(".blank", "Nothing matches").await;
    browser
        .shows("[data-filter=state] summary", "<script>")
        .await;
    browser.click(EXPORT).await;
    browser.shows(DIALOG, "<img src=x").await;
    assert!(
        browser
            .run("return window.hacked", json!([]))
            .await
            .is_null()
    );
}

#[tokio::test]
async fn a_filter_takes_conditions_and_keeps_them_in_the_address_and_the_export() {
    let Some(ana) = Visitor::new("Ana", 40).await else {
        return;
    };
    let browser = &ana.browser;
    ana.enter(&ana.list("orders")).await;
    browser.shows(".count", "40 orders").await;
    let orders = generated_orders(40);
    let is_plain =
        |state: &&String| state.len() == 2 && state.bytes().all(|byte| byte.is_ascii_uppercase());
    let state = orders
        .iter()
        .map(|row| &row[8])
        .find(is_plain)
        .expect("a state");
    let choose = "const how = document.querySelector('[data-filter=state] select'); how.value = arguments[0]; \
        how.dispatchEvent(new Event('change'));";
    browser.click("[data-filter=state] summary").await;
    browser.run(choose, json!(["not"])).await;
    browser
        .enter(
            "[data-filter=state] input[name=value]",
            &format!("{state}\u{E007}"),
        )
        .await;
    let others = orders.iter().filter(|row| row[8] != *state).count();
    browser.shows(".count", &format!("{others} orders")).await;
    browser
        .shows("[data-filter=state] summary", &format!("State not {state}"))
        .await;
    let address = browser.address().await;
    assert!(
        address.ends_with(&format!("/orders?state.not={state}")),
        "{address}"
    );
    browser.run(choose, json!(["filled"])).await;
    browser.click("[data-filter=state] form .button").await;
    browser
        .shows("[data-filter=state] .chosen", "is not empty")
        .await;
    let check = ViewCheck::new(browser);
    check.look("records-conditions").await;
    // From its address, the list is the same.
    ana.enter(&format!("{}?state.not={state}", ana.list("orders")))
        .await;
    browser.shows(".count", &format!("{others} orders")).await;
    browser.click(EXPORT).await;
    browser.shows(DIALOG, &format!("State not {state}")).await;
    browser.click(START).await;
    browser
        .shows(DIALOG, "Your export is being generated")
        .await;
}

#[tokio::test]
async fn the_head_of_the_records_stays_in_the_window() {
    let Some(ana) = Visitor::new("Ana", 60).await else {
        return;
    };
    let browser = &ana.browser;
    ana.enter(&ana.list("orders")).await;
    browser.shows(".count", "60 orders").await;
    // As far as the middle of the table, and then also sideways.
    let scrolled = "const [to, aside] = arguments; scrollTo(0, to); document.querySelector('.wide').scrollLeft = aside;
        return new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(() => {
          const head = document.querySelector('.records thead').getBoundingClientRect();
          const over = document.elementFromPoint(40, 10);
          resolve([Math.round(head.top), over.closest('thead') !== null]);
        })))";
    let middle = json!([900, 0]);
    assert_eq!(browser.run(scrolled, middle).await, json!([0, true]));
    ViewCheck::new(browser).look("records-head").await;
    // Also where what is above the table becomes higher.
    let higher = "document.querySelector('h1').style.paddingTop = '30px'; return new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(() =>
          resolve(Math.round(document.querySelector('.records thead').getBoundingClientRect().top)))))";
    assert_eq!(browser.run(higher, json!([])).await, 0);
    let aside = json!([900, 300]);
    assert_eq!(browser.run(scrolled, aside).await, json!([0, true]));
    // The first column stays in front of the others, also of their times.
    let hidden = "return [...document.querySelectorAll('.records tbody tr')].filter((row) => {
          const { top, left, width, height } = row.firstElementChild.getBoundingClientRect();
          const seen = document.elementFromPoint(left + width - 8, top + height / 2);
          return top > 40 && top + height < innerHeight && !row.firstElementChild.contains(seen);
        }).length";
    for left in [150, 250, 330, 400] {
        browser.run(scrolled, json!([900, left])).await;
        assert_eq!(browser.run(hidden, json!([])).await, 0, "{left} px aside");
    }
    let back = browser.run(scrolled, json!([0, 0])).await;
    assert!(back[0].as_f64().is_some_and(|top| top > 100.0), "{back}");
}

#[tokio::test]
async fn a_month_is_chosen_by_its_name() {
    let Some(ana) = Visitor::new("Ana", 5).await else {
        return;
    };
    let browser = &ana.browser;
    ana.enter(&ana.list("orders")).await;
    browser.shows(".count", "5 orders").await;
    let created = "[data-filter=created_at]";
    browser.click(&format!("{created} summary")).await;
    ViewCheck::new(browser).look("records-months").await;
    let choose = "const month = find(arguments[0]);
        month.selectedIndex = [...month.options].findIndex(({ text }) => text === arguments[1]);
        month.dispatchEvent(new Event('change')); return month.options.length";
    let last_year = jiff::Zoned::now().date().year() - 1;
    let december = format!("December {last_year}");
    let month = format!("{created} select[name=month]");
    // On the way to the wanted month, the keyboard passes others.
    let november = format!("November {last_year}");
    browser.run(choose, json!([month, november])).await;
    assert_eq!(browser.run(choose, json!([month, december])).await, 26);
    assert!(browser.has("details.filter[open]").await);
    let apply = format!("{created} form .button");
    browser.click(&apply).await;
    let summary = format!("{created} summary");
    browser
        .shows(&summary, &format!("Created at {december}"))
        .await;
    let address = browser.address().await;
    let range = format!(
        "/orders?created_at.from={last_year}-12-01&created_at.to={}-01-01&",
        last_year + 1
    );
    assert!(address.contains(&range), "{address}");
    assert!(!browser.has("details.filter[open]").await);
    // The chosen month is shown, and another one takes its place.
    browser.click(&format!("{created} summary")).await;
    let shown = "return find(arguments[0]).selectedOptions[0].text";
    assert_eq!(browser.run(shown, json!([month])).await, december);
    browser.run(choose, json!([month, november])).await;
    browser.click(&apply).await;
    browser.shows(&summary, &november).await;
}

#[tokio::test]
async fn columns_can_be_chosen_and_ordered_by_keyboard_alone() {
    let Some(ana) = Visitor::new("Ana", 5).await else {
        return;
    };
    let browser = &ana.browser;
    ana.enter(&ana.list("orders")).await;
    browser.shows(".count", "5 orders").await;
    browser
        .run("find(arguments[0]).focus()", json!([EXPORT]))
        .await;
    browser.press("\u{E007}").await;
    browser.shows(DIALOG, "All orders").await;
    let focus = |selector: &str| {
        browser.run(
            "find(arguments[0]).focus()",
            json!([format!("{DIALOG} {selector}")]),
        )
    };
    focus("summary").await;
    browser.press("\u{E007}").await;
    focus(".bar button:last-child").await;
    browser.press("\u{E007}").await;
    browser.shows(DIALOG, "0 of 14").await;
    focus("footer .primary").await;
    browser.press("\u{E007}").await;
    browser
        .shows(&format!("{DIALOG} .problem"), "at least one column")
        .await;
    for key in ["customer", "id"] {
        focus(&format!("input[value={key}]")).await;
        browser.press(" ").await;
    }
    // The customer goes before the id: six places up.
    focus("li:has(input[value=customer]) button").await;
    for _ in 0..6 {
        browser.press("\u{E007}").await;
    }
    browser
        .shows(&format!("{DIALOG} .unseen"), "Customer is now number 1")
        .await;
    browser.shows(DIALOG, "2 of 14").await;
    focus("footer .primary").await;
    browser.press("\u{E007}").await;
    browser
        .shows(DIALOG, "Your export is being generated")
        .await;
    let list = ana.owner.api.get(&ana.owner.path()).await.json();
    assert_eq!(list["exports"][0]["columns"], json!(["customer", "id"]));
}

/// Answers each search for `rare` with an empty page and a `next`, once it is released; records requests, aborted
/// requests and announcements.
const A_LONG_TABLE: &str = r#"
    window.rare = { asked: 0, givenUp: 0, answer: null, isReleased: false, said: [] };
    const region = document.getElementById("live");
    new MutationObserver(() => rare.said.push(region.textContent.trim())).observe(region, { childList: true });
    const own = window.fetch;
    window.fetch = (url, options) => {
        if (!/records.*search=rare/.test(url)) return own(url, options);
        rare.asked += 1;
        const meta = { next: `${rare.asked}`, count: { value: 0, exact: false } };
        return new Promise((resolve, reject) => {
            const giveUp = () => { rare.givenUp += 1; reject(options.signal.reason); };
            const answer = () => {
                options.signal.removeEventListener("abort", giveUp);
                resolve(new Response(JSON.stringify({ records: [], meta }), { headers: { "Content-Type": "application/json" } }));
            };
            options.signal.addEventListener("abort", giveUp);
            if (rare.isReleased) answer();
            else rare.answer = answer;
        });
    };"#;
const GO_ON: &str = ".more .button";

#[tokio::test]
async fn the_search_for_a_rare_term_continues_as_long_as_the_person_wants() {
    let Some(ana) = Visitor::new("Ana", 5).await else {
        return;
    };
    let browser = &ana.browser;
    ana.enter(&ana.list("orders")).await;
    browser.shows(".count", "5 orders").await;
    browser.run(A_LONG_TABLE, json!([])).await;
    let asked = async |calls: u64| {
        wait_until(&format!("call {calls}"), SOON, async || {
            let asked = browser.run("return rare.asked", json!([])).await;
            if asked == calls {
                Ok(())
            } else {
                Err(asked.to_string())
            }
        })
        .await;
    };
    let answer = async || browser.run("rare.answer()", json!([])).await;

    browser.enter("input[name=search]", "rare\u{E007}").await;
    asked(1).await;
    assert!(!browser.has(GO_ON).await, "nothing is known yet");
    answer().await;
    browser.shows(".blank", "Still looking").await;
    asked(2).await;
    answer().await;
    asked(3).await;

    // The person stops the search, and then continues it.
    browser.shows(GO_ON, "Stop looking").await;
    let check = ViewCheck::new(browser);
    check.look("records-looking").await;
    browser.click(GO_ON).await;
    browser.shows(".blank", "Nothing found so far").await;
    assert_eq!(browser.run("return rare.givenUp", json!([])).await, 1);
    browser.shows(GO_ON, "Look further").await;
    check.look("records-none-so-far").await;
    browser.click(GO_ON).await;
    asked(4).await;
    answer().await;
    browser.shows(".blank", "Still looking").await;
    asked(5).await;

    // Another search replaces it.
    browser.click("#clear-filters").await;
    browser.shows(".count", "5 orders").await;
    assert_eq!(browser.run("return rare.givenUp", json!([])).await, 2);
    assert!(!browser.has(GO_ON).await);

    // Without interaction the search ends after a number of pages, and is announced once.
    browser
        .run("[rare.isReleased, rare.said] = [true, []]", json!([]))
        .await;
    browser.enter("input[name=search]", "rare\u{E007}").await;
    browser.shows(".blank", "Nothing found so far").await;
    browser.shows(GO_ON, "Look further").await;
    let seen = browser
        .run("return [rare.asked, rare.said]", json!([]))
        .await;
    assert_eq!(
        seen,
        json!([25, ["Still looking…", "Nothing found so far"]])
    );
}
