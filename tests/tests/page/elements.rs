//! Tests of the two elements in a plain page of another origin.

use std::time::Duration;

use serde_json::json;
use tokio::sync::Mutex;
use waybill_tests::{Owner, id, serve_page, wait_until};

use crate::view_check::ViewCheck;
use crate::visitor::Visitor;

/// The port above the stack's own four, which the local stack allows (`AllowedOrigins`).
pub(crate) const HOST_PORT: u16 = 4;
/// Held by the test whose page is served there.
pub(crate) static HOST_PAGE: Mutex<()> = Mutex::const_new(());
const SOON: Duration = Duration::from_secs(60);
const LIST: &str = "waybill-exports";
const BUTTON: &str = "waybill-export-button >> .button";
const DIALOG: &str = "waybill-export-button >> dialog";

/// A host product's page with both elements, and a first token that has expired.
fn page(api: &str, owner: &Owner, token: &str, expired: &str) -> String {
    let parent = format!("project:{}", owner.project);
    format!(
        r#"<!doctype html><html lang="en"><meta name="viewport" content="width=device-width"><title>A host product</title>
<style>waybill-export-button::part(button) {{ border-radius: 20px }} body {{ --waybill-accent: rgb(1, 128, 64) }}</style>
<h1>Orders</h1>
<waybill-export-button api="{api}" type="orders" parent="{parent}"></waybill-export-button>
<waybill-exports api="{api}" parent="{parent}" locale="de-DE"></waybill-exports>
<script>
  const seen = {{ asked: [], events: [], listReady: [] }};
  const getToken = async (how) => {{ seen.asked.push(how.renew); return how.renew ? "{token}" : "{expired}"; }};
  const [button, list] = [document.querySelector("waybill-export-button"), document.querySelector("waybill-exports")];
  Object.assign(list, {{ getToken, messages: {{ "status.succeeded": "Liegt bereit" }} }});
  Object.assign(button, {{ getToken, filters: {{ status: ["delivered"] }} }});
  list.addEventListener("waybill-export-ready", ({{ detail }}) => seen.listReady.push(detail.export.id));
  for (const name of ["waybill-export-created", "waybill-export-ready"])
    document.addEventListener(name, ({{ detail }}) => {{
      seen.events.push([name, detail.export.id]);
      if (name === "waybill-export-created") list.add(detail.export);
    }});
</script>
<script type="module" src="{api}/element/v1.js"></script>"#
    )
}

#[tokio::test]
async fn a_host_page_of_another_origin_exports_and_lists() {
    let Some(ana) = Visitor::new("Ana", 8).await else {
        return;
    };
    let Visitor {
        owner,
        browser,
        stack,
        ..
    } = &ana;
    let grants = format!("project:{}", owner.project);
    let token = stack
        .token(
            json!({"sub": owner.sub, "name": owner.name, "email": owner.email, "grants": grants}),
        )
        .await;
    let expired = json!({"sub": owner.sub, "expires_in": -120});
    let expired = stack.token(expired).await;
    let port = stack.port() + HOST_PORT;
    let _served = HOST_PAGE.lock().await;
    let html = page(stack.public_url(), owner, &token, &expired);
    let server = serve_page(port, html).await;
    browser
        .open(&format!("http://localhost:{port}/orders"))
        .await;

    browser
        .shows(&format!("{LIST} >> .blank"), "Noch keine Exporte")
        .await;
    browser.click(BUTTON).await;
    browser.shows(DIALOG, "Status: delivered").await;
    browser.click(&format!("{DIALOG} footer .primary")).await;
    browser.shows(DIALOG, "Your export is ready").await;
    // The host's texts from `messages`.
    browser
        .shows(&format!("{LIST} >> tbody tr .badge"), "Liegt bereit")
        .await;

    let list = owner.api.get(&owner.path()).await.json();
    let export = &list["exports"][0];
    assert_eq!(export["filters"], json!({"status": ["delivered"]}));
    let seen = browser.run("return seen", json!([])).await;
    let events = seen["events"].as_array().unwrap();
    for name in ["waybill-export-created", "waybill-export-ready"] {
        // Both elements notice the end of the export; a listener on the page receives one event.
        let heard = events
            .iter()
            .filter(|event| **event == json!([name, id(export)]));
        assert_eq!(heard.count(), 1, "{name}: {seen}");
    }
    // A listener on an element receives that element's event.
    assert_eq!(seen["listReady"], json!([id(export)]));
    assert!(
        seen["asked"].as_array().unwrap().contains(&json!(true)),
        "{seen}"
    );

    browser.click(&format!("{DIALOG} .outcome .primary")).await;
    let name = export["file_name"].as_str().unwrap();
    let file = owner.download(export).await.body;
    assert!(
        browser.downloaded(name).await == file,
        "another file was downloaded"
    );

    // The host's styles: a custom property, and a part.
    let script = "const of = getComputedStyle(find(arguments[0])); return [of.borderTopColor, of.borderRadius]";
    let look = browser
        .run(script, json!([format!("{DIALOG} .outcome .primary")]))
        .await;
    assert_eq!(look, json!(["rgb(1, 128, 64)", "20px"]));
    browser.click(&format!("{DIALOG} header button")).await;
    ViewCheck::new(browser).look_inside("host-page").await;

    // As a framework does: move an element, and change its parent.
    let script = "document.body.append(find(arguments[0]))";
    browser.run(script, json!([LIST])).await;
    browser
        .shows(&format!("{LIST} >> tbody tr .badge"), "Liegt bereit")
        .await;
    let script = "find(arguments[0]).setAttribute('parent', arguments[1])";
    for (parent, text) in [
        ("project:1", "you may not see it"),
        ("project", "Art und"),
        (&format!("project:{}", owner.project), name),
    ] {
        browser.run(script, json!([LIST, parent])).await;
        let shown = "return find(arguments[0]).shadowRoot.textContent";
        wait_until(
            &format!("the list of {parent}"),
            SOON,
            async || match browser.run(shown, json!([LIST])).await.as_str() {
                Some(shown) if shown.contains(text) => Ok(()),
                shown => Err(format!("{shown:?}")),
            },
        )
        .await;
    }

    // A moved button keeps its dialog, and is a button as before.
    browser.click(BUTTON).await;
    browser.shows(DIALOG, "Status: delivered").await;
    browser
        .run(
            "document.body.append(find('waybill-export-button'))",
            json!([]),
        )
        .await;
    browser.shows(DIALOG, "Status: delivered").await;
    browser.click(&format!("{DIALOG} header button")).await;
    browser.hides(DIALOG).await;

    // An element without tokens tells whoever builds the page.
    let without = "const list = document.createElement('waybill-exports'); list.id = 'without';
        for (const [name, value] of [['api', arguments[0]], ['parent', 'project:1']]) list.setAttribute(name, value);
        document.body.append(list)";
    browser.run(without, json!([stack.public_url()])).await;
    browser
        .shows("#without >> .problem", "set its property getToken")
        .await;
    browser.run("find('#without').remove()", json!([])).await;

    // The token is only in the host's memory.
    let markup = browser
        .run(
            "return document.querySelector('waybill-exports').outerHTML",
            json!([]),
        )
        .await;
    assert!(!markup.as_str().unwrap().contains(&token));

    // Another origin is not allowed.
    server.abort();
    let foreign = waybill_tests::free_port();
    let server = serve_page(foreign, page(stack.public_url(), owner, &token, &expired)).await;
    browser.open(&format!("http://localhost:{foreign}/")).await;
    let script = "return fetch(arguments[0], { headers: { Authorization: 'Bearer x' } }).then(() => 'answered', () => 'refused')";
    let api = format!("{}/v1/catalog", stack.public_url());
    assert_eq!(browser.run(script, json!([api])).await, "refused");
    server.abort();
}
