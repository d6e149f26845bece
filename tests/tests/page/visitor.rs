//! A person at a browser.

use std::panic::{AssertUnwindSafe, resume_unwind};
use std::time::Duration;

use futures::FutureExt;
use serde_json::json;
use tokio::sync::{Mutex, Semaphore, SemaphorePermit};
use waybill_tests::{
    Browser, Owner, Stack, generated_orders, load_orders, orders_csv, skipped, unique, wait_until,
};

/// A few browsers at a time: some only wait for a minute to pass, but each that works takes a core.
static TURNS: Semaphore = Semaphore::const_new(ALL_TURNS as usize);
const ALL_TURNS: u32 = 4;

/// The limit of exports is counted within one.
pub(crate) const MINUTE: Duration = Duration::from_secs(90);

/// Held while no file is made, which is so for all.
static MAKING: Mutex<()> = Mutex::const_new(());

/// Someone with a project of their own and a browser, signed in to neither.
pub(crate) struct Visitor {
    pub(crate) owner: Owner,
    pub(crate) browser: Browser,
    pub(crate) stack: Stack,
    grants: String,
    _turn: SemaphorePermit<'static>,
}

impl Visitor {
    /// A new person whose project has so many orders; `None` where there is no browser, which is said.
    pub(crate) async fn new(name: &str, orders: usize) -> Option<Self> {
        Self::taking(1, name, orders).await
    }

    /// The same, while no other visitor is there: for what is measured.
    pub(crate) async fn alone(name: &str, orders: usize) -> Option<Self> {
        Self::taking(ALL_TURNS, name, orders).await
    }

    async fn taking(turns: u32, name: &str, orders: usize) -> Option<Self> {
        let stack = Stack::get();
        if let Some(why) = Browser::missing() {
            skipped("the page in a browser", &why);
            return None;
        }
        let turn = TURNS.acquire_many(turns).await;
        let turn = turn.expect("turns are never closed");
        let project = unique();
        if orders > 0 {
            load_orders(&stack, project, orders_csv(&generated_orders(orders))).await;
        }
        let email = format!("visitor-{project}@example.com");
        // The issuer makes a `sub` of the address of somebody whom it does not know.
        let owner = Owner::with_email(&stack, name, &format!("dev|{email}"), &email, project).await;
        let browser = Browser::start(&stack).await;
        Some(Self {
            owner,
            browser,
            stack,
            grants: format!("project:{project}"),
            _turn: turn,
        })
    }

    /// Somebody else at the same browser, signed in to nothing yet.
    pub(crate) fn replaced_by(self, owner: Owner) -> Self {
        let grants = format!("project:{}", owner.project);
        Self {
            owner,
            grants,
            ..self
        }
    }

    /// The same person with these grants instead of that for the project.
    pub(crate) async fn granted(self, grants: &str) -> Self {
        let Owner {
            sub, name, email, ..
        } = &self.owner;
        let token = json!({"sub": sub, "name": name, "email": email, "grants": grants});
        let api = self.stack.caller(&self.stack.token(token).await);
        Self {
            owner: self.owner.calling_as(api),
            grants: grants.to_owned(),
            ..self
        }
    }

    /// Does something while no file is made, and lets files be made again, whatever comes of it.
    pub(crate) async fn while_nothing_is_made<T>(&self, act: impl AsyncFnOnce() -> T) -> T {
        let _turn = MAKING.lock().await;
        let aws = self.stack.aws().await;
        let generate = self.stack.output("generate_function");
        aws.feed(generate, false).await;
        let result = AssertUnwindSafe(act()).catch_unwind().await;
        aws.feed(generate, true).await;
        result.unwrap_or_else(|panic| resume_unwind(panic))
    }

    /// Opens an address of the page, and signs in where the issuer asks.
    pub(crate) async fn enter(&self, path: &str) {
        let url = format!("{}{path}", self.stack.public_url());
        self.browser.open(&url).await;
        if path == "/" {
            self.browser.click("#sign-in").await;
        }
        self.sign_in().await;
    }

    /// Says to the issuer who one is.
    pub(crate) async fn sign_in(&self) {
        let Owner { name, email, .. } = &self.owner;
        sign_in(&self.browser, name, email, &self.grants).await;
    }

    /// Asks for exports until the limit of a minute refuses one, with enough of the minute left to be looked at.
    pub(crate) async fn reach_the_limit(&self) {
        wait_until("three exports in this minute", MINUTE, async || {
            let csv = json!({"type": "orders", "format": "csv"});
            let answer = self.owner.api.post(&self.owner.path(), csv).await;
            let left = (answer.status == 429).then(|| answer.header("retry-after").parse());
            match left {
                Some(Ok(30..=60)) => Ok(()),
                _ => Err(format!("{answer:?}")),
            }
        })
        .await;
    }

    /// The path of the project's list of this name.
    pub(crate) fn list(&self, name: &str) -> String {
        format!("/projects/{}/{name}", self.owner.project)
    }
}

/// Gives the issuer a name, an address and grants.
pub(crate) async fn sign_in(browser: &Browser, name: &str, email: &str, grants: &str) {
    browser.click("details > summary").await;
    for (field, text) in [("name", name), ("email", email), ("grants", grants)] {
        browser
            .enter(&format!("details input[name={field}]"), text)
            .await;
    }
    browser.click("details button[value=other]").await;
}

/// Ends the page's session as far as it knows: the API refuses the token from now on.
pub(crate) async fn spoil_the_token(browser: &Browser) {
    let script = "const own = window.fetch; window.fetch = (url, options) =>
        own(url, options?.headers?.Authorization ? { ...options, headers: { ...options.headers, Authorization: 'Bearer x' } } : options)";
    browser.run(script, json!([])).await;
}

/// Keeps the page's calls whose address has this in it from being answered; those without it go their way.
pub(crate) async fn leave_unanswered(browser: &Browser, part: &str) {
    let script =
        "const [part] = arguments; const own = window.fetch; window.fetch = (url, options) =>
        String(url).includes(part) ? new Promise(() => {}) : own(url, options)";
    browser.run(script, json!([part])).await;
}

/// Takes the page's network away.
pub(crate) async fn go_offline(browser: &Browser) {
    let script = "window.fetch = () => Promise.reject(new TypeError('Failed to fetch'))";
    browser.run(script, json!([])).await;
}
