//! Tests of the list of exports and an export's page while exports change.

use std::time::Duration;

use serde_json::json;
use waybill_tests::{Browser, Owner, id, wait_until};

use crate::moments::Moments;
use crate::view_check::ViewCheck;
use crate::visitor::{MINUTE, Visitor};

const LIST: &str = "waybill-exports";
const EXPORT: &str = "waybill-export-button >> .button";
const DIALOG: &str = "waybill-export-button >> dialog";
const START: &str = "waybill-export-button >> dialog footer .primary";

fn in_list(selector: &str) -> String {
    format!("{LIST} >> {selector}")
}

#[tokio::test]
async fn a_file_can_be_downloaded_from_the_list_until_it_has_expired() {
    let Some(ana) = Visitor::new("Ana", 20).await else {
        return;
    };
    let browser = &ana.browser;
    ana.enter("/").await;
    browser.shows(&in_list(".blank"), "No exports yet").await;

    let asked = json!({"type": "orders", "format": "csv"});
    let export = ana.owner.succeeded(asked.clone()).await;
    ana.enter("/").await;
    browser.shows(&in_list(".badge"), "Completed").await;
    browser.shows(&in_list("tbody tr"), "20").await;
    browser.click(&in_list("[data-does=download]")).await;
    let name = export["file_name"].as_str().unwrap();
    let file = ana.owner.download(&export).await.body;
    assert!(
        browser.downloaded(name).await == file,
        "another file was downloaded"
    );

    let retention = Duration::from_secs(ana.stack.seconds("RetentionSeconds"));
    wait_until(
        "the list to show the expiry",
        retention + Duration::from_secs(60),
        async || match browser.has(&in_list(".badge.expired")).await {
            true => Ok(()),
            false => Err("not expired".to_owned()),
        },
    )
    .await;
    assert!(!browser.has(&in_list("[data-does=download]")).await);

    // An export can be started again, and is the first in the list at once.
    browser.click(&in_list("[data-does=again]")).await;
    browser
        .shows(&in_list("tbody tr:first-child .badge"), "Completed")
        .await;
    browser.hides(&in_list("tbody tr:nth-child(3)")).await;
    browser.click(&in_list("tbody tr:last-child a")).await;
    browser.shows("#status", "Expired").await;
    assert!(browser.has("#again").await && !browser.has("#download").await);
}

#[tokio::test]
async fn a_waiting_export_is_polled_and_can_be_canceled() {
    let Some(ana) = Visitor::new("Ana", 20).await else {
        return;
    };
    let browser = &ana.browser;
    ana.while_nothing_is_made(async || {
        let first = ana.owner.request("csv").await;
        let second = ana.owner.request("xlsx").await;
        ana.enter(&ana.list("exports")).await;
        browser
            .shows(&in_list("tbody tr:nth-child(2)"), "Pending")
            .await;
        let cancel = format!("[data-focus='cancel {}']", id(&first));
        browser.click(&in_list(&cancel)).await;
        browser
            .shows(&in_list("tbody tr:nth-child(2)"), "Canceled")
            .await;
        assert_eq!(ana.owner.export(id(&first)).await["status"], "canceled");

        browser.click(&in_list("tbody tr:first-child a")).await;
        browser.shows("#status", "Pending").await;
        browser.click("#cancel").await;
        browser.shows("#status", "Canceled").await;
        browser.shows("#history", "Canceled by Ana").await;
        assert_eq!(ana.owner.export(id(&second)).await["status"], "canceled");
    })
    .await;

    // Started again, the export is polled to its end without a reload.
    browser.click("#again").await;
    browser.shows("#status", "Completed").await;
    assert!(browser.has("#download").await);
}

#[tokio::test]
async fn a_completed_export_leads_to_its_records_and_is_made_again() {
    let Some(ana) = Visitor::new("Ana", 3).await else {
        return;
    };
    let browser = &ana.browser;
    let asked = json!({"type": "orders", "format": "csv", "search": "lis"});
    let export = ana.owner.succeeded(asked).await;
    ana.enter(&format!("/exports/{}", id(&export))).await;
    browser.click("#contents a").await;
    browser
        .shows("waybill-records-list", "Nothing matches")
        .await;
    let query = browser.run("return location.search", json!([])).await;
    assert_eq!(query, "?search=lis");
    browser.run("history.back()", json!([])).await;
    browser.click("#again").await;
    let first = format!("/exports/{}", id(&export));
    wait_until("another export", MINUTE, async || {
        let address = browser.address().await;
        match address.contains("/exports/") && !address.ends_with(&first) {
            true => Ok(()),
            false => Err(address),
        }
    })
    .await;
    browser.shows("#status", "Completed").await;
    browser.shows("#contents", "containing “lis”").await;
}

#[tokio::test]
async fn a_file_is_deleted_once_the_question_is_answered() {
    let Some(ana) = Visitor::new("Ana", 3).await else {
        return;
    };
    let browser = &ana.browser;
    let asked = json!({"type": "orders", "format": "csv"});
    let export = ana.owner.succeeded(asked).await;
    ana.enter(&format!("/exports/{}", id(&export))).await;
    browser.click("#delete").await;
    browser.shows("#deleting", "Its link ends at once").await;
    // The page is shown anew where the export changes, such as with its mail; the question stays.
    let anew = "document.querySelector('waybill-export-detail').replaceChildren()";
    browser.run(anew, json!([])).await;
    browser.shows("#deleting", "Its link ends at once").await;
    browser.click("#keep").await;
    ana.enter(&format!("/exports/{}", id(&export))).await;
    browser.click("#delete").await;
    browser.shows("#deleting", "Its link ends at once").await;
    ViewCheck::new(browser).look("export-delete").await;
    browser.click("#keep").await;
    browser.hides("#deleting").await;
    assert!(browser.has("#download").await);
    assert_eq!(ana.owner.export(id(&export)).await["status"], "succeeded");

    browser.click("#delete").await;
    browser.click("#really-delete").await;
    browser.shows("#status", "File deleted").await;
    browser.shows("#message", "Ana deleted the file.").await;
    browser.shows("#history", "File deleted by Ana").await;
    assert!(browser.has("#again").await && !browser.has("#download").await);
    assert!(!browser.has("#delete").await);
    let gone = ana.owner.api.get(&ana.owner.link(&export)).await;
    assert_eq!(gone.status, 410);
}

/// Whoever may not do something is not offered it.
#[tokio::test]
async fn only_what_a_person_may_do_is_offered() {
    let Some(ana) = Visitor::new("Ana", 3).await else {
        return;
    };
    let asked = json!({"type": "orders", "format": "csv"});
    let export = ana.owner.succeeded(asked).await;
    let path = format!("/exports/{}", id(&export));
    let (stack, project) = (ana.stack.clone(), ana.owner.project);
    let bruno = Owner::of_project(&stack, "Bruno", project).await;
    let bruno = ana.replaced_by(bruno);
    bruno.enter(&path).await;
    bruno.browser.shows("#status", "Completed").await;
    assert!(bruno.browser.has("#download").await && !bruno.browser.has("#delete").await);

    let script = "sessionStorage.clear(); localStorage.clear()";
    bruno.browser.run(script, json!([])).await;
    let staff = bruno.granted("staff").await;
    staff.enter(&path).await;
    staff.browser.shows("#status", "Completed").await;
    assert!(!staff.browser.has("#download").await && !staff.browser.has("#delete").await);
    staff.enter(&staff.list("exports")).await;
    staff.browser.shows(&in_list(".badge"), "Completed").await;
    assert!(!staff.browser.has(&in_list("[data-does]")).await);
}

/// Records the announcements in a live region from now on.
async fn listen(browser: &Browser, region: &str) {
    let script = "window.said = [];
        const region = find(arguments[0]);
        new MutationObserver(() => said.push(region.textContent.trim())).observe(region, { childList: true })";
    browser.run(script, json!([region])).await;
}

/// Checks that `wait` counts down the seconds until the next export, that `button` is disabled meanwhile, and that the
/// wait is announced only once.
async fn is_counted_down(browser: &Browser, wait: &str, button: &str) {
    browser.shows(wait, "You can start the next one in").await;
    let script = "return [find(arguments[0]).textContent, find(arguments[1]).disabled]";
    let seen = async || browser.run(script, json!([wait, button])).await;
    let before = seen().await;
    assert_eq!(before[1], true, "{before}");
    wait_until("fewer seconds", Duration::from_secs(20), async || {
        let now = seen().await;
        if now[0] == before[0] {
            Err(now.to_string())
        } else {
            Ok(())
        }
    })
    .await;
    wait_until("the end of the minute", MINUTE, async || {
        let now = seen().await;
        if now[1] == true {
            Err(now.to_string())
        } else {
            Ok(())
        }
    })
    .await;
    assert!(!browser.has(wait).await);
    let said = browser.run("return said", json!([])).await;
    let said = said.as_array().unwrap();
    let texts: Vec<&str> = said.iter().filter_map(|text| text.as_str()).collect();
    assert!(
        matches!(texts[..], [begun, over] if begun.contains("You can start the next one in")
            && over == "You can start the export now."),
        "{texts:?}"
    );
}

#[tokio::test]
async fn after_three_exports_in_a_minute_the_seconds_are_counted_down() {
    let Some(ana) = Visitor::new("Ana", 5).await else {
        return;
    };
    let browser = &ana.browser;
    ana.enter(&ana.list("orders")).await;
    browser.shows(".count", "5 orders").await;
    browser.click(EXPORT).await;
    ana.reach_the_limit().await;
    listen(browser, &format!("{DIALOG} > [role=status]")).await;
    browser.click(START).await;
    is_counted_down(browser, &format!("{DIALOG} .wait"), START).await;
    browser.click(START).await;
    browser
        .shows(DIALOG, "Your export is being generated")
        .await;
}

#[tokio::test]
async fn after_three_exports_in_a_minute_a_failed_export_is_started_again_later() {
    let Some(ana) = Visitor::new("Ana", 5).await else {
        return;
    };
    let browser = &ana.browser;
    let asked = json!({"type": "orders", "format": "csv"});
    let done = ana.owner.succeeded(asked).await;
    let failed = Moments::new(&ana.stack, id(&done)).await.failed().await;
    ana.enter(&ana.list("exports")).await;
    browser.shows(&in_list("tbody"), "Failed").await;
    ana.reach_the_limit().await;
    let again = in_list(&format!("[data-focus='again {failed}']"));
    browser.click(&again).await;
    browser
        .shows(&in_list(".wait"), "You can start the next one in")
        .await;
    let disabled = browser
        .run("return find(arguments[0]).disabled", json!([again]))
        .await;
    assert_eq!(disabled, true, "in the list");

    browser
        .click(&in_list(&format!("[data-focus='open {failed}']")))
        .await;
    browser.shows("#status", "Failed").await;
    listen(browser, "#live").await;
    browser.click("#again").await;
    is_counted_down(browser, "waybill-export-detail .wait", "#again").await;
    browser.click("#again").await;
    browser.shows("#status", "Completed").await;
}

/// The service has taken the request, and its answer is lost: trying again brings the same export.
#[tokio::test]
async fn starting_again_after_a_lost_answer_makes_no_second_export() {
    let Some(ana) = Visitor::new("Ana", 3).await else {
        return;
    };
    let browser = &ana.browser;
    let done = ana
        .owner
        .succeeded(json!({"type": "orders", "format": "csv"}))
        .await;
    let failed = Moments::new(&ana.stack, id(&done)).await.failed().await;
    ana.enter(&ana.list("exports")).await;
    browser.shows(&in_list("tbody"), "Failed").await;
    let lose = "window.own = window.fetch; window.fetch = (url, options) => options?.method === 'POST'
        ? own(url, options).then(() => Promise.reject(new TypeError('Failed to fetch'))) : own(url, options)";
    browser.run(lose, json!([])).await;
    let again = in_list(&format!("[data-focus='again {failed}']"));
    browser.click(&again).await;
    let toast = "waybill-toasts >> .toast";
    browser.shows(toast, "There is no connection").await;
    browser.run("window.fetch = own", json!([])).await;
    browser.click("waybill-toasts >> .actions .primary").await;
    browser.hides(toast).await;
    let list = ana.owner.api.read(&ana.owner.path()).await;
    // The one that was done, the one that failed, and one more.
    assert_eq!(list["exports"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn another_person_does_not_see_an_export() {
    let Some(ana) = Visitor::new("Ana", 5).await else {
        return;
    };
    let export = ana.owner.request("csv").await;
    let stack = ana.stack.clone();
    let bo = ana.replaced_by(Owner::new(&stack, "Bo").await);
    bo.enter(&bo.list("exports")).await;
    bo.browser.shows(&in_list(".blank"), "No exports yet").await;
    let foreign = format!("/projects/{}", export["project_id"]);
    for (path, place) in [
        ("exports", in_list(".blank")),
        ("orders", ".blank".to_owned()),
    ] {
        bo.enter(&format!("{foreign}/{path}")).await;
        bo.browser.shows(&place, "you may not see it").await;
    }
    bo.enter(&format!("/exports/{}", id(&export))).await;
    bo.browser.shows(".blank", "you may not see it").await;
}
