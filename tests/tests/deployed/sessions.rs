//! A product without tokens: its API key, its sessions, the elements in its pages and Waybill's own page, on the deployment
//! whose function verifies tokens itself, in a real browser.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use reqwest::Method;
use serde_json::{Value, json};
use waybill::bearer_secret::{BearerSecret, SecretKind};
use waybill::grant_patterns::GrantPatterns;
use waybill::store::{ApiKey, ApiKeys};
use waybill_tests::requests::*;
use waybill_tests::{
    Browser, Caller, Stack, generated_orders, load_orders, orders_csv, serve_page, skipped, unique,
    wait_until,
};

use super::host::Host;

/// How long what is known of a session may hold, and what the calls themselves take.
const FORGOTTEN_WITHIN: Duration = Duration::from_secs(30 + 10);
/// The sample product's port, after the stack's first.
const PRODUCT_PORT: u16 = 6;
/// The port of a host's page that the stack allows.
const HOST_PORT: u16 = 4;
const LIST: &str = "waybill-exports";

/// A deployment, and a backend with a key of its own there.
struct Backend {
    stack: Stack,
    keys: ApiKeys,
    id: String,
    key: Caller,
    project: u64,
}

impl Backend {
    /// A backend whose key has the grants of one project, with this number of orders, and the person `sub` in it.
    async fn new(sub: &str, orders: usize) -> Self {
        let stack = Stack::get().asking_host();
        let aws = stack.aws().await;
        let table = stack.output("api_keys_table").to_owned();
        let keys = ApiKeys::new(aws.dynamodb, table);
        let secret = BearerSecret::random(SecretKind::ApiKey).unwrap();
        let project = unique();
        let key = ApiKey {
            id: secret.hash().to_string(),
            name: format!("backend-{project}"),
            grants: GrantPatterns::parse(&format!("project:{project}")),
            created_at: Timestamp::now(),
            last_used_at: None,
            revoked_at: None,
        };
        keys.add(&key).await.unwrap();
        if orders > 0 {
            load_orders(&stack, project, orders_csv(&generated_orders(orders))).await;
        }
        let place = format!("project:{project}");
        Host::of(&stack).await.let_in(sub, &place).await;
        Self {
            key: stack.caller(secret.reveal()),
            stack,
            keys,
            id: key.id,
            project,
        }
    }

    async fn open(&self, sub: &str, name: &str) -> Value {
        let user = json!({"id": sub, "name": name, "email": format!("{sub}@example.com")});
        let grants = [format!("project:{}", self.project)];
        let path = format!("/projects/{}/exports", self.project);
        let body = json!({"user": user, "grants": grants, "minutes": 5, "path": path});
        self.key.create("/v1/sessions", body).await
    }

    fn exports(&self) -> String {
        format!("/v1/projects/{}/exports", self.project)
    }
}

fn text<'a>(opened: &'a Value, name: &str) -> &'a str {
    opened[name].as_str().unwrap()
}

/// A browser, unless there is none here.
async fn browser(stack: &Stack) -> Option<Browser> {
    match Browser::missing() {
        Some(why) => {
            skipped("sessions in a browser", &why);
            None
        }
        None => Some(Browser::start(stack).await),
    }
}

#[tokio::test]
async fn a_revoked_key_ends_its_sessions_and_a_download_at_once() {
    let backend = Backend::new("u-revoked", 8).await;
    let opened = backend.open("u-revoked", "Rui").await;
    let rui = backend.stack.caller(text(&opened, "token"));
    let created = rui.create(&backend.exports(), csv()).await;
    let path = export_path(&created);
    let mut export = Value::Null;
    wait_until("the file", Duration::from_secs(60), async || {
        export = rui.read(&path).await;
        match export["status"] == "succeeded" {
            true => Ok(()),
            false => Err(export["status"].to_string()),
        }
    })
    .await;
    let (_, link) = text(&export, "url").split_once("/v1/").unwrap();
    let link = format!("/v1/{link}");
    rui.get(&link).await.expect_status(302);

    let is_revoked = backend.keys.revoke(&backend.id, Timestamp::now()).await;
    assert!(is_revoked.unwrap());
    let revoked = Instant::now();
    rui.get(&link).await.expect_status(401);
    wait_until("the session to end", FORGOTTEN_WITHIN, async || {
        let answer = rui.get(&backend.exports()).await;
        match answer.status {
            401 if answer.json()["code"] == "token_expired" => Ok(()),
            _ => Err(format!("{} after {:?}", answer.status, revoked.elapsed())),
        }
    })
    .await;
    let refused = backend.key.post("/v1/sessions", json!({})).await;
    assert_eq!(refused.expect_status(401).json()["code"], "token_refused");
}

/// The database decides which one comes first, on however many instances of the function.
#[tokio::test]
async fn a_code_that_many_redeem_at_once_gives_one_session() {
    let backend = Backend::new("u-code", 0).await;
    for _ in 0..5 {
        let opened = backend.open("u-code", "Rui").await;
        let (_, code) = text(&opened, "url").split_once("#code=").unwrap();
        let stranger = backend.stack.stranger();
        let redeem = (0..4).map(async |_| {
            let answer = stranger.post("/session", json!({"code": code})).await;
            answer.status
        });
        let mut statuses = futures::future::join_all(redeem).await;
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 410, 410, 410]);
    }
}

/// As the gateway does for the other deployment, but with a problem that says whether a new token may help.
#[tokio::test]
async fn the_function_keeps_out_whom_the_gateway_would() {
    let stack = Stack::get().asking_host();
    let expired = stack
        .token(json!({"sub": "u-17", "expires_in": -120}))
        .await;
    let other = stack
        .token(json!({"sub": "u-17", "audience": "other"}))
        .await;
    for (caller, code) in [
        (stack.stranger(), "token_missing"),
        (stack.caller("e30.e30.e30"), "token_refused"),
        (stack.caller(&expired), "token_expired"),
        (stack.caller(&other), "token_refused"),
        (stack.caller("wbs_x"), "token_expired"),
        (stack.caller("wbk_x"), "token_refused"),
    ] {
        for (method, path) in operations(&stack).await {
            let path = filled(&path);
            let body = (method != Method::GET).then(csv);
            let answer = caller.call(method.clone(), &path, body).await;
            let problem = answer.expect_status(401).json();
            assert_eq!(problem["code"], code, "{method} {path}");
        }
    }
}

/// The sample product knows Ana by a cookie alone.
#[tokio::test]
async fn a_product_with_cookies_has_the_elements_and_the_page() {
    let stack = Stack::get().asking_host();
    let Some(browser) = browser(&stack).await else {
        return;
    };
    load_orders(&stack, 42, orders_csv(&generated_orders(8))).await;
    Host::of(&stack).await.let_in("u-17", "project:42").await;
    let product = format!("http://localhost:{}", stack.port() + PRODUCT_PORT);
    browser.open(&product).await;
    browser.click("button[value=u-17]").await;
    browser.click("waybill-export-button >> .button").await;
    let dialog = "waybill-export-button >> dialog";
    browser.click(&format!("{dialog} footer .primary")).await;
    browser.shows(dialog, "Your export is ready").await;
    browser
        .shows(&format!("{LIST} >> tbody tr"), "Ana Sousa")
        .await;

    // To Waybill's own page, by the product's cookie.
    browser
        .open(&format!("{product}/exports?return_to=/projects/42/exports"))
        .await;
    browser.shows("main h1", "Open your exports").await;
    assert!(!browser.address().await.contains("code"));
    browser.click("#continue").await;
    browser.shows("#top .who", "Ana Sousa").await;
    browser
        .shows(&format!("{LIST} >> tbody tr"), "Ana Sousa")
        .await;
    // The tab keeps the session.
    let address = browser.address().await;
    browser.open(&address).await;
    browser.shows("#top .who", "Ana Sousa").await;
}

#[tokio::test]
async fn another_session_replaces_one_only_after_asking() {
    let backend = Backend::new("u-first", 0).await;
    let Some(browser) = browser(&backend.stack).await else {
        return;
    };
    let first = backend.open("u-first", "First Person").await;
    browser.open(text(&first, "url")).await;
    browser.click("#continue").await;
    browser.shows("#top .who", "First Person").await;

    let second = backend.open("u-second", "Second Person").await;
    browser.open(text(&second, "url")).await;
    browser
        .shows("main", "You are signed in here as First Person")
        .await;
    browser.click("#stay").await;
    browser
        .shows(&format!("{LIST} >> .blank"), "No exports yet")
        .await;
    browser.shows("#top .who", "First Person").await;

    let third = backend.open("u-second", "Second Person").await;
    browser.open(text(&third, "url")).await;
    browser.click("#continue").await;
    browser.shows("#top .who", "Second Person").await;

    // A link that was used is no sign-in, and ends none.
    browser.open(text(&third, "url")).await;
    browser.click("#continue").await;
    browser.shows("main", "This link was used already").await;
}

#[tokio::test]
async fn a_page_whose_session_has_ended_leads_to_the_products_sign_in() {
    let backend = Backend::new("u-ended", 0).await;
    let Some(browser) = browser(&backend.stack).await else {
        return;
    };
    let opened = backend.open("u-ended", "Rui").await;
    browser.open(text(&opened, "url")).await;
    browser.click("#continue").await;
    browser
        .shows(&format!("{LIST} >> .blank"), "No exports yet")
        .await;

    backend
        .keys
        .revoke(&backend.id, Timestamp::now())
        .await
        .unwrap();
    // The person looks at one list and the other, until the page says that the session has ended.
    let lists =
        ["orders", "exports"].map(|list| format!("a[href='/projects/{}/{list}']", backend.project));
    let script = "const isOver = find('#ended')?.checkVisibility() ?? false; if (!isOver) find(arguments[0])?.click(); return isOver";
    let mut looks = 0;
    wait_until("the session to end", FORGOTTEN_WITHIN, async || {
        looks += 1;
        match browser.run(script, json!([lists[looks % 2]])).await == true {
            true => Ok(()),
            false => Err("no dialog".to_owned()),
        }
    })
    .await;
    browser.shows("#ended", "Your session has ended").await;
    browser.click("#ended .primary").await;
    // The product knows nobody in this browser, and asks who it is.
    browser.shows("h1", "Sample product").await;
    let address = browser.address().await;
    assert!(address.contains("/exports?return_to="), "{address}");
    // And back to the page, as after a click on a mail's link.
    browser.click("button[value=u-17]").await;
    browser.shows("main h1", "Open your exports").await;
    let address = browser.address().await;
    assert!(address.starts_with(backend.stack.public_url()), "{address}");
}

/// Nobody is promised an email that cannot be sent.
#[tokio::test]
async fn a_person_without_an_address_is_told_so() {
    let backend = Backend::new("u-nowhere", 8).await;
    let Some(browser) = browser(&backend.stack).await else {
        return;
    };
    let grants = [format!("project:{}", backend.project)];
    let path = format!("/projects/{}/orders", backend.project);
    let body = json!({"user": {"id": "u-nowhere", "name": "Rui"}, "grants": grants, "path": path});
    let opened = backend.key.create("/v1/sessions", body).await;
    browser.open(text(&opened, "url")).await;
    browser.click("#continue").await;
    browser.click("waybill-export-button >> .button").await;
    let dialog = "waybill-export-button >> dialog";
    browser.click(&format!("{dialog} footer .primary")).await;
    browser.shows(dialog, "Your export is ready").await;
    browser.click(&format!("{dialog} a")).await;
    browser.shows("#message", "The file is ready.").await;
    browser
        .shows("#request", "There is no address to send one to.")
        .await;
    browser.shows(".history", "No email sent").await;
}

/// The elements get a new token where the function says that theirs has expired.
#[tokio::test]
async fn elements_renew_a_token_that_the_function_refuses() {
    let backend = Backend::new("u-token", 0).await;
    let Some(browser) = browser(&backend.stack).await else {
        return;
    };
    let stack = &backend.stack;
    let expired = json!({"sub": "u-token", "expires_in": -120});
    let [expired, fresh] = [expired, json!({"sub": "u-token"})].map(|fields| stack.token(fields));
    let (expired, fresh) = tokio::join!(expired, fresh);
    let (api, project) = (stack.public_url(), backend.project);
    let page = format!(
        r#"<!doctype html><html lang="en"><title>A host product</title>
<waybill-exports api="{api}" parent="project:{project}"></waybill-exports>
<script>
  window.asked = [];
  document.querySelector("waybill-exports").getToken = async ({{ renew }}) => (asked.push(renew), renew ? "{fresh}" : "{expired}");
</script>
<script type="module" src="{api}/element/v1.js"></script>"#
    );
    let port = stack.port() + HOST_PORT;
    let server = serve_page(port, page).await;
    browser.open(&format!("http://localhost:{port}/")).await;
    browser
        .shows(&format!("{LIST} >> .blank"), "No exports yet")
        .await;
    let asked = browser.run("return asked", json!([])).await;
    // Each call that was refused asked anew.
    let renewed = asked.as_array().unwrap().iter().filter(|how| **how == true);
    assert!(asked[0] == false && renewed.count() > 0, "{asked}");
    server.abort();
}
