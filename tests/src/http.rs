//! HTTP as a program does it: nothing is followed, nothing is retried, every answer is shown as it came.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::LazyLock;
use std::time::Duration;

use reqwest::header::HeaderMap;
use reqwest::{Method, RequestBuilder, Url};
use serde_json::Value;

use crate::in_process::InProcess;
use crate::requests::{cancel_path, file_path};
use crate::wait;

const ANSWERS_WITHIN: Duration = Duration::from_secs(60);

/// A client that finds the API's name on this machine, whether or not the system knows names under `localhost`.
pub(crate) fn client(api_url: &str) -> reqwest::Client {
    let url = Url::parse(api_url).expect("the API's URL");
    let mut builder = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(ANSWERS_WITHIN);
    for host in ["localhost", url.host_str().unwrap_or_default()] {
        if host.ends_with("localhost") {
            // Port 0: the one in the URL.
            builder = builder.resolve(host, SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
        }
    }
    builder.build().expect("an HTTP client")
}

/// Somebody who calls the API: with a token, or without.
#[derive(Debug, Clone)]
pub struct Caller {
    http: reqwest::Client,
    base: String,
    token: Option<String>,
    /// The functions that answer, if no server does.
    process: Option<InProcess>,
}

impl Caller {
    pub(crate) fn new(http: reqwest::Client, base: &str, token: Option<String>) -> Self {
        Self {
            http,
            base: base.to_owned(),
            token,
            process: None,
        }
    }

    /// A caller of the API in the test's process. Requests are built as for a server.
    pub(crate) fn in_process(process: &InProcess, token: Option<String>) -> Self {
        static HTTP: LazyLock<reqwest::Client> = LazyLock::new(reqwest::Client::new);
        Self {
            process: Some(process.clone()),
            ..Self::new(HTTP.clone(), "http://in-process", token)
        }
    }

    /// A request to be completed with headers and a body, then handed to [`Caller::send`].
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.base));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    /// Sends a request.
    ///
    /// # Panics
    /// Where nothing answers.
    pub async fn send(&self, request: RequestBuilder) -> Answer {
        if let Some(process) = &self.process {
            let answering = process.answer(&request.build().expect("a request"));
            // Boxed, as the functions are in what lets them work: their futures are too deep for the compiler.
            return Box::pin(answering).await;
        }
        let response = request
            .send()
            .await
            .unwrap_or_else(|error| panic!("no answer: {error:?}"));
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = response
            .bytes()
            .await
            .unwrap_or_else(|error| panic!("half an answer: {error:?}"));
        Answer {
            status,
            headers,
            body: body.to_vec(),
        }
    }

    /// A request, with or without a JSON body.
    pub async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        let request = self.request(method, path);
        self.send(match body {
            Some(body) => request.json(&body),
            None => request,
        })
        .await
    }

    /// Calls `look` until it returns `Ok`, as [`crate::Deployment::until`] does.
    pub async fn until<T>(
        &self,
        what: &str,
        within: Duration,
        look: impl AsyncFnMut() -> Result<T, String>,
    ) -> T {
        wait::until(self.process.as_ref(), what, within, look).await
    }

    /// GET.
    pub async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path, None).await
    }

    /// What a GET shows, in JSON.
    ///
    /// # Panics
    /// Where it shows nothing.
    pub async fn read(&self, path: &str) -> Value {
        self.get(path).await.expect_status(200).json()
    }

    /// What a POST of JSON makes.
    ///
    /// # Panics
    /// Where it makes nothing.
    pub async fn create(&self, path: &str, body: Value) -> Value {
        self.post(path, body).await.expect_status(201).json()
    }

    /// Cancels an export.
    pub async fn cancel(&self, export: &Value) -> Answer {
        self.call(Method::POST, &cancel_path(export), None).await
    }

    /// Deletes the file of an export.
    pub async fn delete_file(&self, export: &Value) -> Answer {
        self.call(Method::DELETE, &file_path(export), None).await
    }

    /// POST of JSON.
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.call(Method::POST, path, Some(body)).await
    }

    /// PUT of JSON.
    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.call(Method::PUT, path, Some(body)).await
    }
}

/// One answer.
#[derive(Clone)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body's bytes.
    pub body: Vec<u8>,
}

impl Answer {
    /// The answer, if it has this status.
    ///
    /// # Panics
    /// If it has not, showing the whole of it.
    #[track_caller]
    pub fn expect_status(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{self:?}");
        self
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// Where it is none.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("not JSON ({error}): {self:?}"))
    }

    /// What a problem (RFC 9457) says: its status and detail, and in a line each the fields that are wrong.
    ///
    /// # Panics
    /// Where it is none, or names fields without saying what is wrong with them.
    #[track_caller]
    pub fn problem(&self) -> String {
        let problem = self.json();
        assert_eq!(
            self.header("content-type"),
            "application/problem+json",
            "{self:?}"
        );
        assert_eq!(problem["status"], self.status, "{self:?}");
        let text = |of: &Value, member: &str| -> String {
            let text = of[member].as_str().filter(|text| !text.is_empty());
            text.unwrap_or_else(|| panic!("no {member} in {self:?}"))
                .to_owned()
        };
        for member in ["type", "title", "request_id"] {
            text(&problem, member);
        }
        let errors = problem["errors"].as_array();
        assert!(errors.is_none() || self.status == 422, "{self:?}");
        let mut said = format!("{} {}", self.status, text(&problem, "detail"));
        for error in errors.into_iter().flatten() {
            said += &format!("\n{}: {}", text(error, "field"), text(error, "message"));
        }
        said
    }

    /// A header's value; empty where it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text: String = self.text().chars().take(2000).collect();
        write!(
            f,
            "status {}, headers {:?}, body {text:?}",
            self.status, self.headers
        )
    }
}
