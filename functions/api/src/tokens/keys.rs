//! The keys of issuers, from their JSON Web Key Sets (RFC 7517).

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::jwk::Jwk;
use reqwest::Client;
use reqwest::redirect::Policy;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::sync::Mutex;
use waybill::deployment_file::Issuer;

/// How long keys are used without asking for them again.
const FRESH_FOR: SignedDuration = SignedDuration::from_hours(1);
/// How long the issuer is not asked again, whatever keys tokens name and whether it answered.
const ASKED_EVERY: SignedDuration = SignedDuration::from_mins(1);
/// The timeout of a call. A person waits for the answer.
const TIMEOUT: Duration = Duration::from_secs(5);
/// The most bytes of an issuer's answer.
const MAX_BYTES: usize = 1 << 20;

/// Why an issuer's keys are not known.
#[derive(Debug, thiserror::Error)]
pub(super) enum KeysError {
    /// It could not be asked.
    #[error("the issuer cannot be asked for its keys")]
    Unreachable(#[from] reqwest::Error),
    /// It answered with another status than 200.
    #[error("the issuer answered {0} instead of its keys")]
    Status(u16),
    /// It answered with more than 1 MiB.
    #[error("the issuer's answer is longer than {MAX_BYTES} bytes")]
    TooLong,
    /// It answered with something else.
    #[error("the issuer's answer has no keys")]
    Malformed(#[from] serde_json::Error),
    /// Its configuration is another issuer's.
    #[error("the OpenID configuration is that of another issuer")]
    OtherIssuer,
    /// Its configuration names keys at an address without TLS, though its own has it.
    #[error("the OpenID configuration names keys at an address without TLS")]
    Unencrypted,
    /// It was asked within the last minute.
    #[error("the issuer did not give its keys a moment ago")]
    AskedBefore,
}

/// The keys of all issuers, each asked for when a token needs them.
#[derive(Debug)]
pub(super) struct Keys {
    http: Client,
    /// The keys by the issuer's URL. Requests that need the same keys wait for one call.
    of_issuers: Mutex<HashMap<String, Arc<Mutex<KeySet>>>>,
}

#[derive(Debug, Default)]
struct KeySet {
    keys: Arc<Vec<Jwk>>,
    /// When they were read.
    read_at: Option<Timestamp>,
    /// When the issuer was last asked.
    asked_at: Option<Timestamp>,
}

/// OpenID Connect Discovery 1.0, section 3.
#[derive(Deserialize)]
struct Configuration {
    issuer: String,
    jwks_uri: String,
}

#[derive(Deserialize)]
struct RawKeys {
    keys: Vec<serde_json::Value>,
}

impl Keys {
    pub(super) fn new() -> Result<Self, reqwest::Error> {
        let http = Client::builder().timeout(TIMEOUT).redirect(Policy::none());
        Ok(Self {
            http: http.build()?,
            of_issuers: Mutex::default(),
        })
    }

    /// The issuer's keys, with one that `is_wanted` if it has one. If it has not, it is asked again, but only once a minute.
    ///
    /// # Errors
    /// When no keys of the issuer are known.
    pub(super) async fn of(
        &self,
        issuer: &Issuer,
        now: Timestamp,
        is_wanted: impl Fn(&Jwk) -> bool,
    ) -> Result<Arc<Vec<Jwk>>, KeysError> {
        let set = {
            let mut of_issuers = self.of_issuers.lock().await;
            of_issuers.entry(issuer.url.clone()).or_default().clone()
        };
        let mut set = set.lock().await;
        let is_within = |at: Option<Timestamp>, length| {
            at.is_some_and(|at| now.duration_since(at).abs() < length)
        };
        let is_fresh = is_within(set.read_at, FRESH_FOR) && set.keys.iter().any(is_wanted);
        if is_fresh || (is_within(set.asked_at, ASKED_EVERY) && set.read_at.is_some()) {
            return Ok(set.keys.clone());
        }
        if is_within(set.asked_at, ASKED_EVERY) {
            return Err(KeysError::AskedBefore);
        }
        set.asked_at = Some(now);
        match self.read(issuer).await {
            Ok(keys) => {
                set.keys = Arc::new(keys);
                set.read_at = Some(now);
                Ok(set.keys.clone())
            }
            // The keys before stay valid: an issuer that does not answer has not withdrawn them.
            Err(error) if set.read_at.is_some() => {
                tracing::warn!(
                    issuer = issuer.url,
                    error = &error as &dyn std::error::Error,
                    "keys not read"
                );
                Ok(set.keys.clone())
            }
            Err(error) => Err(error),
        }
    }

    async fn read(&self, issuer: &Issuer) -> Result<Vec<Jwk>, KeysError> {
        let address = match &issuer.keys {
            Some(address) => address.clone(),
            None => {
                let base = issuer.url.trim_end_matches('/');
                let address = format!("{base}/.well-known/openid-configuration");
                let configuration: Configuration = self.get(&address).await?;
                if configuration.issuer != issuer.url {
                    return Err(KeysError::OtherIssuer);
                }
                let is_encrypted = |url: &str| url.starts_with("https://");
                if is_encrypted(&issuer.url) && !is_encrypted(&configuration.jwks_uri) {
                    return Err(KeysError::Unencrypted);
                }
                configuration.jwks_uri
            }
        };
        let raw: RawKeys = self.get(&address).await?;
        // A key of a kind that is not known here does not make the others useless.
        let keys = raw.keys.into_iter();
        Ok(keys
            .filter_map(|key| serde_json::from_value(key).ok())
            .collect())
    }

    async fn get<T: DeserializeOwned>(&self, address: &str) -> Result<T, KeysError> {
        let mut response = self.http.get(address).send().await?;
        if response.status() != http::StatusCode::OK {
            return Err(KeysError::Status(response.status().as_u16()));
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            if body.len() + chunk.len() > MAX_BYTES {
                return Err(KeysError::TooLong);
            }
            body.extend(chunk);
        }
        Ok(serde_json::from_slice(&body)?)
    }
}
