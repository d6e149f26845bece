//! Chromium, driven by WebDriver (W3C), as a person uses it.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::process::{Running, free_port};
use crate::stack::Stack;
use crate::wait::wait_until;

const CHROMIUM: &str = "/usr/bin/chromium";
const DRIVER: &str = "/usr/bin/chromedriver";
const STARTS_WITHIN: Duration = Duration::from_secs(30);
const SHOWN_WITHIN: Duration = Duration::from_secs(60);
/// The WebDriver specification's name for an element's reference.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

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
        let missing = [CHROMIUM, DRIVER]
            .into_iter()
            .find(|path| !Path::new(path).exists())?;
        Some(format!(
            "there is no {missing} (on Debian: apt install chromium chromium-driver)"
        ))
    }

    /// Starts a browser.
    ///
    /// # Panics
    /// Where it does not start.
    pub async fn start(stack: &Stack) -> Self {
        let port = free_port();
        let mut command = Command::new(DRIVER);
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
        let arguments = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--no-proxy-server",
        ];
        let options = json!({"binary": CHROMIUM, "args": arguments});
        let capabilities =
            json!({"capabilities": {"alwaysMatch": {"goog:chromeOptions": options}}});
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
        let to = json!({"behavior": "allow", "downloadPath": browser.downloads.path()});
        browser
            .command(
                "/goog/cdp/execute",
                json!({"cmd": "Browser.setDownloadBehavior", "params": to}),
            )
            .await;
        browser
    }

    /// Opens an address.
    pub async fn open(&self, url: &str) {
        self.command("/url", json!({"url": url})).await;
    }

    /// Clicks on the element that a CSS selector names, once it is there and can be clicked.
    ///
    /// # Panics
    /// Where it does not appear.
    pub async fn click(&self, selector: &str) {
        wait_until(
            &format!("{selector} to be clicked"),
            SHOWN_WITHIN,
            async || {
                let found = self
                    .ask(
                        "/element",
                        json!({"using": "css selector", "value": selector}),
                    )
                    .await?;
                let element = found[ELEMENT].as_str().ok_or_else(|| found.to_string())?;
                self.ask(&format!("/element/{element}/click"), json!({}))
                    .await
            },
        )
        .await;
    }

    /// Waits until the page shows an element with this text in it.
    ///
    /// # Panics
    /// Where it does not.
    pub async fn shows(&self, selector: &str, text: &str) {
        wait_until(&format!("{selector} to show {text:?}"), SHOWN_WITHIN, async || {
            let script = "const e = document.querySelector(arguments[0]); return e?.checkVisibility() && e.textContent";
            let found = self.ask("/execute/sync", json!({"script": script, "args": [selector]})).await?;
            if found.as_str().is_some_and(|found| found.contains(text)) { Ok(()) } else { Err(found.to_string()) }
        })
        .await;
    }

    /// Whether the page shows an element.
    pub async fn has(&self, selector: &str) -> bool {
        let script = "return document.querySelector(arguments[0])?.checkVisibility() ?? false";
        self.command(
            "/execute/sync",
            json!({"script": script, "args": [selector]}),
        )
        .await
            == true
    }

    /// Waits until a file of this name has been downloaded, and gives its bytes.
    ///
    /// # Panics
    /// Where it does not come.
    pub async fn downloaded(&self, name: &str) -> Vec<u8> {
        let path = self.downloads.path().join(name);
        // Chromium writes under another name until the file is whole.
        wait_until(
            &format!("the download of {name}"),
            SHOWN_WITHIN,
            async || std::fs::read(&path).map_err(|error| error.to_string()),
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
