//! Who asks: the claims of the token, as API Gateway's JWT authorizer hands them on.
//!
//! The authorizer alone checks the token; its header is never read here.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{FromRef, FromRequestParts};
use http::Extensions;
use http::request::Parts;
use lambda_http::aws_lambda_events::apigw::ApiGatewayV2httpRequestContext;
use lambda_http::request::RequestContext;
use waybill::access::{Caller, Grants};
use waybill::event::Actor;

use super::error::ApiError;

/// The names of the claims that say more than who a token is for.
#[derive(Clone)]
pub struct ClaimNames {
    /// What the token lets its bearer do.
    pub grants: Arc<str>,
    /// The person's name.
    pub name: Arc<str>,
    /// The person's address.
    pub email: Arc<str>,
    /// Whether the issuer has verified the address.
    pub email_verified: Arc<str>,
}

/// The caller, the token's claims, and where the request came from.
#[derive(Debug)]
pub struct Requester {
    /// Who asks, and what the token lets them do.
    pub caller: Caller,
    /// Every claim, as text.
    pub(crate) claims: BTreeMap<String, String>,
    /// The address that the request came from.
    address: Option<String>,
}

impl Requester {
    /// Whoever the token of a request speaks for.
    ///
    /// # Errors
    /// 401 where the gateway has checked no token, or its token names nobody.
    pub fn of(
        context: &ApiGatewayV2httpRequestContext,
        names: &ClaimNames,
    ) -> Result<Self, ApiError> {
        let jwt = context.authorizer.as_ref().and_then(|a| a.jwt.as_ref());
        let claims = &jwt.ok_or(ApiError::NotAuthenticated)?.claims;
        let claim = |name: &str| {
            claims
                .get(name)
                .map(|text| text.trim())
                .filter(|text| !text.is_empty())
        };
        let sub = claim("sub").ok_or(ApiError::NotAuthenticated)?;
        Ok(Self {
            caller: Caller {
                sub: sub.to_owned(),
                name: claim(&names.name).map(str::to_owned),
                email: claim(&names.email).map(str::to_owned),
                // API Gateway hands a boolean on as text.
                email_verified: claim(&names.email_verified) == Some("true"),
                grants: Grants::parse(claim(&names.grants).unwrap_or_default()),
            },
            claims: claims.clone().into_iter().collect(),
            address: context.http.source_ip.clone(),
        })
    }

    /// The entry that a history makes of them.
    pub(crate) fn actor(&self) -> Actor {
        Actor {
            id: self.caller.sub.clone(),
            name: self.caller.name.clone(),
            on_behalf_of: None,
            address: self.address.clone(),
        }
    }
}

impl<S> FromRequestParts<S> for Requester
where
    S: Send + Sync,
    ClaimNames: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let context = gateway(&parts.extensions).ok_or(ApiError::NotAuthenticated)?;
        Self::of(context, &ClaimNames::from_ref(state))
    }
}

/// What API Gateway says about a request.
pub(crate) fn gateway(extensions: &Extensions) -> Option<&ApiGatewayV2httpRequestContext> {
    match extensions.get()? {
        RequestContext::ApiGatewayV2(context) => Some(context),
        _ => None,
    }
}
