//! HTTP to the deployment and to what it depends on: nothing is followed, nothing is retried.

use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder, Url};
use serde_json::Value;

/// How long an answer may take: that of API Gateway.
const TIMEOUT: Duration = Duration::from_secs(30);

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct NoAnswer(pub(crate) String);

impl From<reqwest::Error> for NoAnswer {
    fn from(error: reqwest::Error) -> Self {
        // reqwest's own text leaves out the causes.
        let mut text = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            text.push_str(&format!(": {error}"));
            cause = error.source();
        }
        Self(text)
    }
}

/// A client for the server at this URL.
pub(crate) fn client(url: &str) -> Result<Client, NoAnswer> {
    let mut builder = Client::builder().timeout(TIMEOUT).redirect(Policy::none());
    let url = Url::parse(url).ok();
    let host = url.as_ref().and_then(Url::host_str).unwrap_or_default();
    // Names under `localhost` are this machine's (RFC 6761, section 6.3), which not every resolver knows.
    if host.ends_with(".localhost") {
        builder = builder.resolve(host, SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
    }
    Ok(builder.build()?)
}

/// Sends a request.
pub(crate) async fn answered(request: RequestBuilder) -> Result<Answer, NoAnswer> {
    let response = request.send().await?;
    Ok(Answer {
        status: response.status().as_u16(),
        body: response.bytes().await?.to_vec(),
    })
}

impl Answer {
    /// The body as JSON; null where it is none.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The answer, if it has this status.
    ///
    /// # Errors
    /// What the server says instead.
    pub(crate) fn expect(self, status: u16, what: &str) -> Result<Self, String> {
        if self.status == status {
            return Ok(self);
        }
        let json = self.json();
        let said = json["detail"].as_str().or(json["message"].as_str());
        let said = said.map(str::to_owned);
        let said = said.unwrap_or_else(|| String::from_utf8_lossy(&self.body).into_owned());
        Err(format!("{what} was answered with {}: {said}", self.status))
    }
}
