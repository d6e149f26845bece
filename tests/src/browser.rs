//! Chromium, or with `TEST_BROWSER=firefox` Firefox, driven by WebDriver (W3C), as a person uses it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::process::{Running, free_port};
use crate::stack::Stack;
use crate::wait::wait_until;

const CHROMIUM: &str = "/usr/bin/chromium";
const CHROMEDRIVER: &str = "/usr/bin/chromedriver";
const FIREFOX: &str = "/usr/bin/firefox-esr";
/// Where `make test-firefox` installs it.
const GECKODRIVER: &str = ".local/geckodriver/bin/geckodriver";
const STARTS_WITHIN: Duration = Duration::from_secs(60);
const SHOWN_WITHIN: Duration = Duration::from_secs(60);
/// How long a script may take: a search for barriers in a long list takes many seconds on a busy machine. The driver's
/// answer is waited for a little longer.
const SCRIPT_WITHIN: Duration = Duration::from_secs(55);
/// The WebDriver specification's name for an element's reference.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";
/// Finds an element; ` >> ` leads into an element's shadow.
const FIND: &str = "const find = (selector) => selector.split(' >> ')
    .reduce((root, part) => (root?.shadowRoot ?? root)?.querySelector(part), document);";

/// The browsers that tests can use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Product {
    Chromium,
    Firefox,
}

impl Product {
    fn of_tests() -> Self {
        match std::env::var("TEST_BROWSER").as_deref() {
            Ok("firefox") => Self::Firefox,
            _ => Self::Chromium,
        }
    }

    /// The browser, and the program that drives it.
    fn programs(self) -> [PathBuf; 2] {
        match self {
            Self::Chromium => [CHROMIUM.into(), CHROMEDRIVER.into()],
            Self::Firefox => [FIREFOX.into(), Stack::root().join(GECKODRIVER)],
        }
    }

    /// What a session of the browser is asked for, which puts downloads into this folder.
    fn capabilities(self, downloads: &Path) -> Value {
        let timeouts = json!({"script": SCRIPT_WITHIN.as_millis() as u64});
        let wanted = match self {
            Self::Chromium => {
                let arguments = [
                    "--headless=new",
                    "--no-sandbox",
                    "--disable-gpu",
                    "--disable-dev-shm-usage",
                    "--disable-background-networking",
                    "--disable-component-update",
                    "--disable-sync",
                    "--no-proxy-server",
                    "--hide-scrollbars",
                    "--window-size=1280,900",
                ];
                json!({"timeouts": timeouts, "goog:loggingPrefs": {"browser": "SEVERE"},
                    "goog:chromeOptions": {"binary": CHROMIUM, "args": arguments}})
            }
            Self::Firefox => {
                let preferences = json!({
                    "browser.download.dir": downloads,
                    "browser.download.folderList": 2,
                    "network.proxy.type": 0,
                    "intl.accept_languages": "en-US",
                });
                let arguments = ["-headless", "--width=1280", "--height=900"];
                json!({"timeouts": timeouts,
                    "moz:firefoxOptions": {"binary": FIREFOX, "args": arguments, "prefs": preferences}})
            }
        };
        json!({"capabilities": {"alwaysMatch": wanted}})
    }
}

/// A browser with nothing in it: no cookies, no history, a folder of its own for what it downloads.
#[derive(Debug)]
pub struct Browser {
    stack: Stack,
    session: String,
    downloads: TempDir,
    // Last: the session ends with its driver.
    _driver: Running,
}

impl Browser {
    /// Why there is no browser here, if there is none.
    pub fn missing() -> Option<String> {
        let programs = Product::of_tests().programs();
        let missing = programs.into_iter().find(|path| !path.exists())?;
        let packages = match Product::of_tests() {
            Product::Chromium => "chromium chromium-driver",
            Product::Firefox => "firefox-esr",
        };
        let missing = missing.display();
        Some(format!(
            "there is no {missing} (on Debian: apt install {packages})"
        ))
    }

    /// Starts a browser.
    ///
    /// # Panics
    /// Where it does not start.
    pub async fn start(stack: &Stack) -> Self {
        let port = free_port();
        let product = Product::of_tests();
        let [_, driver] = product.programs();
        let mut command = Command::new(driver);
        command
            .arg(format!("--port={port}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let driver = Running::start(&mut command);
        let base = format!("http://127.0.0.1:{port}");
        wait_until("the browser's driver", STARTS_WITHIN, async || {
            let up = std::net::TcpStream::connect(("127.0.0.1", port));
            up.map(drop).map_err(|error| error.to_string())
        })
        .await;

        let downloads = TempDir::new().expect("a folder for downloads");
        let capabilities = product.capabilities(downloads.path());
        let answer = stack
            .ask(Method::POST, &format!("{base}/session"), Some(capabilities))
            .await
            .expect_status(200);
        let id = answer.json()["value"]["sessionId"]
            .as_str()
            .expect("a session")
            .to_owned();
        let session = format!("{base}/session/{id}");
        let browser = Self {
            stack: stack.clone(),
            session,
            downloads,
            _driver: driver,
        };
        if product == Product::Chromium {
            let to = json!({"behavior": "allow", "downloadPath": browser.downloads.path()});
            browser.devtools("Browser.setDownloadBehavior", to).await;
        }
        browser
    }

    /// Opens an address.
    pub async fn open(&self, url: &str) {
        self.command("/url", json!({"url": url})).await;
    }

    /// Runs a script at the beginning of every page that is opened from now on.
    pub async fn before_each_page(&self, script: &str) {
        let parameters = json!({"source": script});
        self.devtools("Page.addScriptToEvaluateOnNewDocument", parameters)
            .await;
    }

    /// Lets no file through whose URL fits one of these patterns, such as `*/app.js`; with none, lets all through again.
    pub async fn block(&self, patterns: &[&str]) {
        self.devtools("Network.enable", json!({})).await;
        self.devtools("Network.setBlockedURLs", json!({"urls": patterns}))
            .await;
    }

    /// The address that is open.
    ///
    /// # Panics
    /// Where the browser does not say.
    pub async fn address(&self) -> String {
        let address = self.run("return location.href", json!([])).await;
        address.as_str().expect("an address").to_owned()
    }

    /// Clicks on the element that a CSS selector names, once it is there and can be clicked; ` >> ` in the selector
    /// leads into an element's shadow.
    ///
    /// # Panics
    /// Where it does not appear.
    pub async fn click(&self, selector: &str) {
        wait_until(
            &format!("{selector} to be clicked"),
            SHOWN_WITHIN,
            async || {
                let element = self.element(selector).await?;
                self.ask(&format!("/element/{element}/click"), json!({}))
                    .await
            },
        )
        .await;
    }

    /// Moves the pointer onto the element that a selector names, once it is there.
    ///
    /// # Panics
    /// Where it does not appear.
    pub async fn point_at(&self, selector: &str) {
        wait_until(
            &format!("{selector} to be pointed at"),
            SHOWN_WITHIN,
            async || {
                let element = self.element(selector).await?;
                let onto = json!({"type": "pointerMove", "origin": {ELEMENT: element}, "x": 0, "y": 0, "duration": 0});
                let actions = json!({"actions": [{"type": "pointer", "id": "mouse", "actions": [onto]}]});
                self.ask("/actions", actions).await
            },
        )
        .await;
    }

    /// Types into the element that a selector names, once it is there.
    ///
    /// # Panics
    /// Where it does not appear.
    pub async fn enter(&self, selector: &str, text: &str) {
        wait_until(
            &format!("{selector} to be typed into"),
            SHOWN_WITHIN,
            async || {
                let element = self.element(selector).await?;
                let keys = json!({"text": text});
                self.ask(&format!("/element/{element}/value"), keys).await
            },
        )
        .await;
    }

    /// Presses a key on whatever has the focus: a character, or one of WebDriver's code points (`\u{E007}` is Enter).
    pub async fn press(&self, key: &str) {
        let actions = json!({"actions": [{"type": "key", "id": "keys", "actions":
            [{"type": "keyDown", "value": key}, {"type": "keyUp", "value": key}]}]});
        self.command("/actions", actions).await;
    }

    /// Waits until the page shows an element with this text in it.
    ///
    /// # Panics
    /// Where it does not.
    pub async fn shows(&self, selector: &str, text: &str) {
        let script = "const e = find(arguments[0]); return e?.checkVisibility() && e.textContent";
        wait_until(
            &format!("{selector} to show {text:?}"),
            SHOWN_WITHIN,
            async || {
                let found = self.tried(script, json!([selector])).await?;
                match found.as_str() {
                    Some(found) if found.contains(text) => Ok(()),
                    _ => Err(found.to_string()),
                }
            },
        )
        .await;
    }

    /// Signs in at the development issuer with a name, an address and grants.
    ///
    /// # Panics
    /// Where the issuer's page does not come.
    pub async fn sign_in(&self, name: &str, email: &str, grants: &str) {
        self.sign_in_speaking("", name, email, grants).await;
    }

    /// The same with a locale, such as `pt-PT`, that the person's token says.
    ///
    /// # Panics
    /// Where the issuer's page does not come.
    pub async fn sign_in_speaking(&self, locale: &str, name: &str, email: &str, grants: &str) {
        self.click("details > summary").await;
        for (field, text) in [
            ("name", name),
            ("email", email),
            ("grants", grants),
            ("locale", locale),
        ] {
            self.enter(&format!("details input[name={field}]"), text)
                .await;
        }
        self.click("details button[value=other]").await;
    }

    /// Waits until the page shows an element no more.
    ///
    /// # Panics
    /// Where it goes on showing it.
    pub async fn hides(&self, selector: &str) {
        let script = "return !find(arguments[0])?.checkVisibility()";
        wait_until(
            &format!("{selector} to go"),
            SHOWN_WITHIN,
            async || match self.tried(script, json!([selector])).await? {
                Value::Bool(true) => Ok(()),
                other => Err(other.to_string()),
            },
        )
        .await;
    }

    /// Whether the page shows an element.
    pub async fn has(&self, selector: &str) -> bool {
        let script = "return find(arguments[0])?.checkVisibility() ?? false";
        self.run(script, json!([selector])).await == true
    }

    /// What a script of the page's gives, which may use `find` with a selector; it may be a promise.
    ///
    /// # Panics
    /// Where the script fails.
    pub async fn run(&self, script: &str, arguments: Value) -> Value {
        let found = self.tried(script, arguments).await;
        found.unwrap_or_else(|error| panic!("{script}: {error}"))
    }

    /// Waits until a file of this name has been downloaded, and gives its bytes.
    ///
    /// # Panics
    /// Where it does not come.
    pub async fn downloaded(&self, name: &str) -> Vec<u8> {
        let path = self.downloads.path().join(name);
        // A browser writes under another name until the file is whole; Firefox makes an empty one of this name before.
        wait_until(
            &format!("the download of {name}"),
            SHOWN_WITHIN,
            async || match std::fs::read(&path) {
                Ok(bytes) if bytes.is_empty() => Err("empty".to_owned()),
                read => read.map_err(|error| error.to_string()),
            },
        )
        .await
    }

    /// Shows pages as a person has them who prefers dark ones, or light ones, and that nothing moves: colours are at once
    /// what they will be.
    pub async fn prefer(&self, scheme: &str) {
        let features = json!({"features": [
            {"name": "prefers-color-scheme", "value": scheme},
            {"name": "prefers-reduced-motion", "value": "reduce"},
        ]});
        self.devtools("Emulation.setEmulatedMedia", features).await;
    }

    /// Makes the window this large, in CSS pixels; up to 600 wide it is a phone's.
    pub async fn resize(&self, width: u32, height: u32) {
        let metrics = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width <= 600});
        self.devtools("Emulation.setDeviceMetricsOverride", metrics)
            .await;
    }

    /// A picture of what is shown, as PNG.
    ///
    /// # Panics
    /// Where none can be taken.
    pub async fn picture(&self) -> Vec<u8> {
        let shown = self
            .devtools("Page.captureScreenshot", json!({"format": "png"}))
            .await;
        let data = shown["data"].as_str().expect("a picture");
        BASE64_STANDARD.decode(data).expect("Base64")
    }

    /// What the console has said of errors since it was last asked.
    ///
    /// # Panics
    /// Where the browser does not say.
    pub async fn errors(&self) -> Vec<String> {
        let entries = self.command("/se/log", json!({"type": "browser"})).await;
        let entries = entries.as_array().expect("a list of entries");
        let message = |entry: &Value| entry["message"].as_str().unwrap_or_default().to_owned();
        entries.iter().map(message).collect()
    }

    async fn element(&self, selector: &str) -> Result<String, String> {
        let found = self
            .tried("return find(arguments[0])", json!([selector]))
            .await?;
        found[ELEMENT]
            .as_str()
            .map(str::to_owned)
            .ok_or_else(|| format!("no {selector}"))
    }

    async fn tried(&self, script: &str, arguments: Value) -> Result<Value, String> {
        let script = format!("{FIND}\n{script}");
        self.ask(
            "/execute/sync",
            json!({"script": script, "args": arguments}),
        )
        .await
    }

    /// Chromium alone has these commands: tests that need them fail in Firefox.
    async fn devtools(&self, command: &str, parameters: Value) -> Value {
        self.command(
            "/goog/cdp/execute",
            json!({"cmd": command, "params": parameters}),
        )
        .await
    }

    async fn command(&self, path: &str, body: Value) -> Value {
        self.ask(path, body)
            .await
            .unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    async fn ask(&self, path: &str, body: Value) -> Result<Value, String> {
        let answer = self
            .stack
            .ask(Method::POST, &format!("{}{path}", self.session), Some(body))
            .await;
        if answer.status == 200 {
            Ok(answer.json()["value"].clone())
        } else {
            Err(answer.text())
        }
    }
}

/// axe-core's script, which looks for barriers on a page, where `tools.py tests` has installed it.
pub fn axe() -> Result<String, String> {
    let packages = Stack::root().join(".local/browser/lib");
    let script = |python: PathBuf| python.join("site-packages/axe_playwright_python/axe.min.js");
    let pythons = std::fs::read_dir(&packages).into_iter().flatten().flatten();
    let found = pythons
        .map(|python| script(python.path()))
        .find(|path| path.exists());
    let path = found.ok_or("axe-core is not installed (python3 infra/local/tools.py tests)")?;
    std::fs::read_to_string(path).map_err(|error| error.to_string())
}
