//! The requester: who calls, by the token, and from where.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{FromRef, FromRequestParts};
use http::request::Parts;
use waybill::access_rules::{Caller, Credential};
use waybill::bearer_secret::SecretKind;
use waybill::clock::Clock;
use waybill::event::Actor;
use waybill::export::User;
use waybill::live_catalog::LiveCatalog;
use waybill::store::ApiKey;

use crate::http::error::ApiError;
use crate::http::event::gateway;
use crate::http::path::kinds;
use crate::session_tokens::{Freshness, SessionTokens, of_key};
use crate::tokens::Tokens;

/// The caller of a request, with the token's claims and the network address: a person, or a program with a token.
#[derive(Debug)]
pub(crate) struct Requester {
    /// The caller and their grants.
    pub(crate) caller: Caller,
    /// All claims, as texts.
    pub(crate) claims: BTreeMap<String, String>,
    /// The network address of the request.
    address: Option<String>,
}

/// A requester whose session was read for this request, where others may be 30 s old.
pub(crate) struct CurrentRequester(pub(crate) Requester);

/// A requester, or a host's backend with its API key.
pub(crate) struct RequesterOrKey(pub(crate) Requester);

/// The API key of a host's backend.
pub(crate) struct KeyHolder(pub(crate) ApiKey);

impl Requester {
    /// The requester as the actor of an event.
    pub(crate) fn actor(&self) -> Actor {
        Actor {
            id: self.caller.sub.clone(),
            issuer: Some(self.caller.issuer.clone()),
            name: self.caller.name.clone(),
            on_behalf_of: None,
            address: self.address.clone(),
        }
    }

    /// The requester as the user that receives an export.
    pub(crate) fn user(&self) -> User {
        let caller = &self.caller;
        User {
            id: caller.sub.clone(),
            issuer: Some(caller.issuer.clone()),
            name: caller.name.clone(),
            email: caller.email.clone(),
            email_verified: caller.email_verified,
        }
    }

    /// The issuer of the users that a backend names, if it does not name that too: those of a key's sessions, or those of
    /// the token's issuer.
    pub(crate) fn issuer_of_users(&self) -> String {
        match self.caller.credential {
            Credential::ApiKey => ApiKey::issuer_of(&self.caller.sub),
            Credential::Token | Credential::Session => self.caller.issuer.clone(),
        }
    }

    /// # Errors
    /// 403 for an API key.
    fn without_key(self) -> Result<Self, ApiError> {
        match self.caller.credential {
            Credential::Token | Credential::Session => Ok(self),
            Credential::ApiKey => Err(ApiError::Forbidden(
                "An API key opens sessions, and exports for a named user, alone. Open a session for the person \
                 (`POST /v1/sessions`), and send its token."
                    .into(),
            )),
        }
    }
}

/// Identifies the callers of requests.
#[derive(Clone)]
pub(crate) struct Identification {
    pub(crate) tokens: Arc<Tokens>,
    pub(crate) sessions: Arc<SessionTokens>,
    /// Its deployment file names further issuers.
    pub(crate) live: LiveCatalog,
    pub(crate) clock: Clock,
}

impl Identification {
    async fn requester(&self, parts: &Parts, freshness: Freshness) -> Result<Requester, ApiError> {
        let (headers, kinds, now) = (&parts.headers, kinds(parts)?, self.clock.now());
        let context = gateway(&parts.extensions);
        let identity = match self.tokens.secret(headers)? {
            Some((SecretKind::ApiKey, key)) => of_key(&self.sessions.api_key(key, now).await?),
            Some((_, token)) => {
                let session = self.sessions.identify(token, freshness, kinds, now);
                session.await?
            }
            None => {
                let version = self.live.current();
                let others = version.deployment.issuers();
                let identity = self.tokens.identify(context, headers, others, kinds, now);
                identity.await?
            }
        };
        Ok(Requester {
            caller: identity.caller,
            claims: identity.claims,
            address: context.and_then(|context| context.http.source_ip.clone()),
        })
    }
}

impl<S> FromRequestParts<S> for Requester
where
    S: Send + Sync,
    Identification: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let by = Identification::from_ref(state);
        by.requester(parts, Freshness::Recent).await?.without_key()
    }
}

impl<S> FromRequestParts<S> for CurrentRequester
where
    S: Send + Sync,
    Identification: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let by = Identification::from_ref(state);
        let requester = by.requester(parts, Freshness::Now).await?;
        requester.without_key().map(Self)
    }
}

impl<S> FromRequestParts<S> for RequesterOrKey
where
    S: Send + Sync,
    Identification: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let by = Identification::from_ref(state);
        by.requester(parts, Freshness::Recent).await.map(Self)
    }
}

impl<S> FromRequestParts<S> for KeyHolder
where
    S: Send + Sync,
    Identification: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let by = Identification::from_ref(state);
        match by.tokens.secret(&parts.headers)? {
            Some((SecretKind::ApiKey, key)) => {
                let key = by.sessions.api_key(key, by.clock.now()).await?;
                Ok(Self(key))
            }
            _ => {
                // A token must be valid before anything is said about it.
                by.requester(parts, Freshness::Recent).await?;
                Err(ApiError::Forbidden(
                    "Only an API key (`wbk_…`) opens sessions.".into(),
                ))
            }
        }
    }
}
