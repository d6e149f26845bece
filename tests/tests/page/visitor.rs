//! A person with a browser.

use std::panic::{AssertUnwindSafe, resume_unwind};
use std::time::Duration;

use futures::FutureExt;
use serde_json::json;
use tokio::sync::{Mutex, Semaphore, SemaphorePermit};
use waybill_tests::{
    Browser, Owner, Stack, generated_orders, load_orders, orders_csv, skipped, unique,
};

/// Limits the number of browsers at a time, since each active one takes a core.
static TURNS: Semaphore = Semaphore::const_new(ALL_TURNS as usize);
const ALL_TURNS: u32 = 4;

/// How many exports a person may start within a minute.
const EXPORTS_A_MINUTE: usize = 3;

/// The window of the rate limit, with some reserve.
pub(crate) const MINUTE: Duration = Duration::from_secs(90);

/// Locked while `generate` is stopped, which affects all tests.
static MAKING: Mutex<()> = Mutex::const_new(());

/// A person with their own project and a browser, not signed in.
pub(crate) struct Visitor {
    pub(crate) owner: Owner,
    pub(crate) browser: Browser,
    pub(crate) stack: Stack,
    grants: String,
    _turn: SemaphorePermit<'static>,
}

impl Visitor {
    /// A new person whose project has this number of orders; `None`, with a note that the test is skipped, without a
    /// browser.
    pub(crate) async fn new(name: &str, orders: usize) -> Option<Self> {
        Self::taking(1, name, orders).await
    }

    /// The same, without any other visitor, for measurements.
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
        // The issuer derives the `sub` of an unknown person from the address.
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

    /// Another person at the same browser, not signed in.
    pub(crate) fn replaced_by(self, owner: Owner) -> Self {
        let grants = format!("project:{}", owner.project);
        Self {
            owner,
            grants,
            ..self
        }
    }

    /// The same person with these grants instead of the one for the project.
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

    /// Runs `act` while `generate` is stopped, and always starts it again.
    pub(crate) async fn while_nothing_is_made<T>(&self, act: impl AsyncFnOnce() -> T) -> T {
        let _turn = MAKING.lock().await;
        let aws = self.stack.aws().await;
        let generate = self.stack.output("generate_function");
        aws.feed(generate, false).await;
        let result = AssertUnwindSafe(act()).catch_unwind().await;
        aws.feed(generate, true).await;
        result.unwrap_or_else(|panic| resume_unwind(panic))
    }

    /// Opens an address of the page, and signs in if required.
    pub(crate) async fn enter(&self, path: &str) {
        let url = format!("{}{path}", self.stack.public_url());
        self.browser.open(&url).await;
        if path == "/" {
            self.browser.click("#sign-in").await;
        }
        self.sign_in().await;
    }

    /// The same with a locale that the person's token says.
    pub(crate) async fn enter_speaking(&self, locale: &str, path: &str) {
        self.browser
            .open(&format!("{}{path}", self.stack.public_url()))
            .await;
        let Owner { name, email, .. } = &self.owner;
        self.browser
            .sign_in_speaking(locale, name, email, &self.grants)
            .await;
    }

    /// Signs in at the issuer.
    pub(crate) async fn sign_in(&self) {
        let Owner { name, email, .. } = &self.owner;
        self.browser.sign_in(name, email, &self.grants).await;
    }

    /// Requests exports until the rate limit refuses one, with enough of the minute left for the test. Where earlier
    /// exports leave less, their minute passes first: each new one would only take the place of the oldest.
    pub(crate) async fn reach_the_limit(&self) {
        for _ in 0..2 {
            let left = self.seconds_to_wait().await;
            if left >= 30 {
                return;
            }
            tokio::time::sleep(Duration::from_secs(60)).await;
        }
        panic!("three exports took more than half of a minute");
    }

    /// Requests exports until one is refused; the seconds that the answer says to wait.
    async fn seconds_to_wait(&self) -> u64 {
        for _ in 0..=EXPORTS_A_MINUTE {
            let csv = json!({"type": "orders", "format": "csv"});
            let answer = self.owner.api.post(&self.owner.path(), csv).await;
            if answer.status == 429 {
                return answer.header("retry-after").parse().unwrap();
            }
            answer.expect_status(201);
        }
        panic!("more than {EXPORTS_A_MINUTE} exports within a minute");
    }

    /// Ends the page's token: from now on, the page sends one that has expired.
    pub(crate) async fn end_the_token(&self) {
        let ended = json!({"sub": self.owner.sub, "expires_in": -120});
        let ended = self.stack.token(ended).await;
        let script = "const [token] = arguments; const own = window.fetch; window.fetch = (url, options) =>
            own(url, options?.headers?.Authorization ? { ...options, headers: { ...options.headers, Authorization: `Bearer ${token}` } } : options)";
        self.browser.run(script, json!([ended])).await;
    }

    /// The path of the project's list with this name.
    pub(crate) fn list(&self, name: &str) -> String {
        format!("/projects/{}/{name}", self.owner.project)
    }
}

/// Leaves the page's calls to URLs that contain `part` unanswered; others work.
pub(crate) async fn leave_unanswered(browser: &Browser, part: &str) {
    let script =
        "const [part] = arguments; const own = window.fetch; window.fetch = (url, options) =>
        String(url).includes(part) ? new Promise(() => {}) : own(url, options)";
    browser.run(script, json!([part])).await;
}

/// Makes all network requests of the page fail.
pub(crate) async fn go_offline(browser: &Browser) {
    let script = "window.fetch = () => Promise.reject(new TypeError('Failed to fetch'))";
    browser.run(script, json!([])).await;
}
