//! The requester: who calls, by the token, and from where.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{FromRef, FromRequestParts};
use http::request::Parts;
use waybill::access_rules::Caller;
use waybill::clock::Clock;
use waybill::event::Actor;
use waybill::live_catalog::LiveCatalog;

use crate::http::error::ApiError;
use crate::http::event::gateway;
use crate::http::path::kinds;
use crate::tokens::Tokens;

/// The caller of a request, with the token's claims and the network address.
#[derive(Debug)]
pub(crate) struct Requester {
    /// The caller and their grants.
    pub(crate) caller: Caller,
    /// All claims, as texts.
    pub(crate) claims: BTreeMap<String, String>,
    /// The network address of the request.
    address: Option<String>,
}

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
}

/// Identifies the callers of requests.
#[derive(Clone)]
pub(crate) struct Identification {
    pub(crate) tokens: Arc<Tokens>,
    /// Its deployment file names further issuers.
    pub(crate) live: LiveCatalog,
    pub(crate) clock: Clock,
}

impl<S> FromRequestParts<S> for Requester
where
    S: Send + Sync,
    Identification: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let by = Identification::from_ref(state);
        let context = gateway(&parts.extensions);
        let version = by.live.current();
        let others = version.deployment.issuers();
        let (kinds, now) = (kinds(parts)?, by.clock.now());
        let identity = by
            .tokens
            .identify(context, &parts.headers, others, kinds, now);
        let identity = identity.await?;
        Ok(Self {
            caller: identity.caller,
            claims: identity.claims,
            address: context.and_then(|context| context.http.source_ip.clone()),
        })
    }
}
