//! A product with kinds of parents of its own (`tests/data/own_kinds.toml`), on a deployed stack: its page in a browser,
//! its elements in a host's page, its mails.

#![allow(clippy::unwrap_used, reason = "a failed test panics")]

use serde_json::{Value, json};
use waybill_tests::{
    Browser, HostItem, MAIL_WITHIN, Stack, id, n, put_items, s, serve_page, skipped, unique,
    wait_until,
};

/// A workspace's id as Auth0 makes ids, and the same in a path.
const WORKSPACE: &str = "auth0|5f7c";
const WORKSPACE_IN_PATH: &str = "auth0%7C5f7c";
const TEAM: &str = "0b6f3a52-1111-4222-8333-444455556666";
const TICKETS: usize = 30;
/// The port above the stack's own four, which the local stack allows (`AllowedOrigins`).
const HOST_PORT: u16 = 4;
const LIST: &str = "waybill-exports";
const BUTTON: &str = "waybill-export-button >> .button";
const DIALOG: &str = "waybill-export-button >> dialog";

/// Everything that a view says: its texts and what its controls are called, also inside elements.
const SAID: &str = r"
    const said = [document.title];
    const walk = (node) => {
        if (node.nodeType === Node.TEXT_NODE) said.push(node.data);
        for (const name of node.getAttributeNames?.() ?? [])
            if (['aria-label', 'title', 'placeholder', 'alt', 'href', 'value'].includes(name)) said.push(node.getAttribute(name));
        for (const child of node.childNodes) if (child.nodeName !== 'SCRIPT') walk(child);
        if (node.shadowRoot) walk(node.shadowRoot);
    };
    walk(document.body);
    return said.join('\n')";

/// Checks that a text has no word of the built-in kinds.
#[track_caller]
fn has_only_its_own_words(what: &str, text: &str) {
    let lower = text.to_lowercase();
    for word in lower.split(|c: char| !c.is_ascii_alphabetic()) {
        let kinds = ["organization", "organisation", "project", "source"];
        let is_foreign = kinds.contains(&word.trim_end_matches('s'));
        assert!(!is_foreign, "{what} says {word:?}: {text}");
    }
}

async fn look_at(browser: &Browser, view: &str) {
    let said = browser.run(SAID, json!([])).await;
    has_only_its_own_words(view, said.as_str().unwrap());
}

/// A team of the workspace with tickets.
async fn team_with_tickets(stack: &Stack) {
    let aws = stack.aws().await;
    let tickets = (0..TICKETS).map(|number| -> HostItem {
        let created = format!("2026-03-01T12:{number:02}:00.000Z");
        vec![
            ("pk", s(format!("tickets#{TEAM}"))),
            ("sk", s(format!("{created}#t-{number}"))),
            ("id", s(format!("t-{number}"))),
            ("title", s(format!("Printer {number} is on fire"))),
            ("state", s(if number % 3 == 0 { "closed" } else { "open" })),
            ("created_at", s(created)),
            ("weight", n(number)),
        ]
    });
    let tickets: Vec<HostItem> = tickets.collect();
    put_items(&aws.records, stack.output("records_table"), &tickets).await;
    let staff = stack.caller(&stack.token_with("u-staff", "staff").await);
    for (path, description) in [
        (
            format!("/v1/workspaces/{WORKSPACE_IN_PATH}"),
            json!({"name": "Acme"}),
        ),
        (
            format!("/v1/teams/{TEAM}"),
            json!({"name": "Blue", "workspace_id": WORKSPACE}),
        ),
    ] {
        staff.put(&path, description).await.expect_status(200);
    }
}

fn host_page(api: &str, token: &str) -> String {
    format!(
        r#"<!doctype html><html lang="en"><title>A host product</title>
<waybill-export-button api="{api}" type="tickets" parent="team:{TEAM}"></waybill-export-button>
<waybill-exports api="{api}" parent="team:{TEAM}"></waybill-exports>
<script>
  for (const element of document.querySelectorAll("waybill-export-button, waybill-exports")) element.getToken = async () => "{token}";
</script>
<script type="module" src="{api}/element/v1.js"></script>"#
    )
}

#[tokio::test]
async fn page_elements_and_mails_have_the_products_own_words() {
    let stack = Stack::get();
    if let Some(why) = Browser::missing() {
        return skipped("the page with kinds of its own", &why);
    }
    team_with_tickets(&stack).await;
    let email = format!("ana-{}@example.com", unique());
    let browser = Browser::start(&stack).await;
    let open = async |path: &str| browser.open(&format!("{}{path}", stack.public_url())).await;

    // The workspace's admin begins with its exports, and finds its team.
    open("/").await;
    browser.click("#sign-in").await;
    browser
        .sign_in("Ana", &email, &format!("workspace:{WORKSPACE}"))
        .await;
    browser
        .shows(&format!("{LIST} >> .blank"), "No exports yet")
        .await;
    browser.shows("h1", "Acme").await;
    for group in ["Workspaces", "Teams"] {
        browser.shows("nav", group).await;
    }
    look_at(&browser, "the list of exports").await;
    browser
        .click(&format!("nav a[href='/teams/{TEAM}/exports']"))
        .await;
    browser.click(".tabs a[data-list=tickets]").await;
    browser
        .shows("waybill-records-list table", "Printer 7 is on fire")
        .await;
    look_at(&browser, "the list of tickets").await;

    browser.click(BUTTON).await;
    browser.shows(DIALOG, "Export").await;
    look_at(&browser, "the dialog").await;
    browser.click(&format!("{DIALOG} footer .primary")).await;
    browser.shows(DIALOG, "Your export is ready").await;
    browser.click(&format!("{DIALOG} header button")).await;

    // The admin's own list has what belongs to the workspace.
    browser.click(".tabs a[data-list=exports]").await;
    browser
        .shows(&format!("{LIST} >> .badge"), "Completed")
        .await;
    open(&format!("/workspaces/{WORKSPACE_IN_PATH}/exports")).await;
    browser
        .sign_in("Ana", &email, &format!("workspace:{WORKSPACE}"))
        .await;
    browser
        .shows(&format!("{LIST} >> tbody tr"), "Tickets")
        .await;
    browser.shows(&format!("{LIST} >> tbody tr"), "Blue").await;
    look_at(&browser, "the workspace's exports").await;
    browser.click(&format!("{LIST} >> tbody tr a")).await;
    browser.shows("#status", "Completed").await;
    browser.shows(".back", "Blue").await;
    look_at(&browser, "the export's page").await;

    mail_is_in_its_own_words(&stack, &email).await;
    elements_work(&stack, &browser).await;
}

async fn mail_is_in_its_own_words(stack: &Stack, email: &str) {
    let mails = wait_until("the mail", MAIL_WITHIN, async || {
        let mails = stack.mails(email).await;
        if mails.is_empty() {
            Err("no mail".to_owned())
        } else {
            Ok(mails)
        }
    });
    for mail in mails.await {
        for part in ["subject", "text", "html"] {
            has_only_its_own_words(part, mail[part].as_str().unwrap());
        }
        assert_eq!(
            mail["attachments"].as_array().map(Vec::len),
            Some(1),
            "{mail:#}"
        );
    }
}

/// In a page of another origin, with a token of the team alone.
async fn elements_work(stack: &Stack, browser: &Browser) {
    let token = stack.token_with("u-member", &format!("team:{TEAM}")).await;
    let port = stack.port() + HOST_PORT;
    let server = serve_page(port, host_page(stack.public_url(), &token)).await;
    browser
        .open(&format!("http://localhost:{port}/tickets"))
        .await;
    browser
        .shows(&format!("{LIST} >> tbody tr"), "Completed")
        .await;
    browser.click(BUTTON).await;
    browser.click(&format!("{DIALOG} footer .primary")).await;
    browser.shows(DIALOG, "Your export is ready").await;
    look_at(browser, "the host's page").await;
    let script = "find(arguments[0]).setAttribute('parent', 'group:1')";
    browser.run(script, json!([LIST])).await;
    browser
        .shows(&format!("{LIST} >> .problem"), "workspace:ID or team:ID")
        .await;
    assert_eq!(browser.errors().await, [""; 0]);

    let member = stack.caller(&token);
    let list: Value = member
        .get(&format!("/v1/teams/{TEAM}/exports"))
        .await
        .json();
    let newest = &list["exports"][0];
    assert_eq!(
        [&newest["workspace_id"], &newest["team_id"], &newest["rows"]],
        [&json!(WORKSPACE), &json!(TEAM), &json!(TICKETS)]
    );
    member
        .get(&format!("/v1/exports/{}", id(newest)))
        .await
        .expect_status(200);
    server.abort();
}
