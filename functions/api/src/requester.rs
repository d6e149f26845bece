//! The requester: the claims of the token, as API Gateway's JWT authorizer passes them on. Only the authorizer verifies
//! the token; the header `Authorization` is never read here.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{FromRef, FromRequestParts};
use http::Extensions;
use http::request::Parts;
use lambda_http::aws_lambda_events::apigw::ApiGatewayV2httpRequestContext;
use lambda_http::request::RequestContext;
use waybill::access_rules::{Caller, Grants};
use waybill::event::Actor;
use waybill::parent::ParentKinds;

use super::error::ApiError;
use super::path::kinds;

/// The longest `sub` of a token in bytes. OpenID Connect allows 255; a key of DynamoDB, which has more than the `sub`, has
/// at most 2,048.
pub(crate) const MAX_SUBJECT: usize = 1_024;

/// How tokens are read.
#[derive(Clone)]
pub struct TokenClaims {
    /// The deployment's own issuer.
    pub issuer: Arc<str>,
    /// The claim with the grants.
    pub grants: Arc<str>,
    /// The claim with the person's name.
    pub name: Arc<str>,
    /// The claim with the person's email address.
    pub email: Arc<str>,
    /// The claim that says whether the issuer has verified the address.
    pub email_verified: Arc<str>,
}

/// The caller of a request, with the token's claims and the network address.
#[derive(Debug)]
pub struct Requester {
    /// The caller and their grants.
    pub caller: Caller,
    /// All claims, as texts.
    pub(crate) claims: BTreeMap<String, String>,
    /// The network address of the request.
    address: Option<String>,
}

impl Requester {
    /// The requester, from the context of API Gateway. Grants are for parents of these kinds.
    ///
    /// # Errors
    /// 401 if the gateway has verified no token, or the token has no `sub` or too long a one.
    pub fn from_context(
        context: &ApiGatewayV2httpRequestContext,
        names: &TokenClaims,
        kinds: &ParentKinds,
    ) -> Result<Self, ApiError> {
        let jwt = context.authorizer.as_ref().and_then(|a| a.jwt.as_ref());
        let claims = &jwt.ok_or(ApiError::NotAuthenticated)?.claims;
        let claim = |name: &str| {
            claims
                .get(name)
                .map(|text| text.trim())
                .filter(|text| !text.is_empty())
        };
        // API Gateway has compared the issuer with the deployment's own.
        let issuer = claim("iss").unwrap_or(&names.issuer);
        let sub = claim("sub").ok_or(ApiError::NotAuthenticated)?;
        if sub.len() > MAX_SUBJECT {
            return Err(ApiError::LongSubject);
        }
        Ok(Self {
            caller: Caller {
                sub: sub.to_owned(),
                issuer: issuer.to_owned(),
                is_of_own_issuer: *issuer == *names.issuer,
                name: claim(&names.name).map(str::to_owned),
                email: claim(&names.email).map(str::to_owned),
                // API Gateway passes a boolean on as text.
                email_verified: claim(&names.email_verified) == Some("true"),
                grants: Grants::parse(claim(&names.grants).unwrap_or_default(), kinds),
            },
            claims: claims.clone().into_iter().collect(),
            address: context.http.source_ip.clone(),
        })
    }

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

impl<S> FromRequestParts<S> for Requester
where
    S: Send + Sync,
    TokenClaims: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let context = gateway(&parts.extensions).ok_or(ApiError::NotAuthenticated)?;
        Self::from_context(context, &TokenClaims::from_ref(state), kinds(parts)?)
    }
}

/// The request's context from API Gateway.
pub(crate) fn gateway(extensions: &Extensions) -> Option<&ApiGatewayV2httpRequestContext> {
    match extensions.get()? {
        RequestContext::ApiGatewayV2(context) => Some(context),
        _ => None,
    }
}
