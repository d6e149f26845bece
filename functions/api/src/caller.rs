//! Who asks: the claims of the token, as API Gateway's JWT authorizer hands them on.
//!
//! The authorizer alone checks the token; its header is never read here.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::Extensions;
use http::request::Parts;
use lambda_http::aws_lambda_events::apigw::ApiGatewayV2httpRequestContext;
use lambda_http::request::RequestContext;
use waybill::access::{Caller, Grants};
use waybill::event::Actor;

use crate::app::App;
use crate::error::ApiError;

/// The names of the claims that say more than who a token is for.
pub(crate) struct ClaimNames {
    pub(crate) grants: String,
    pub(crate) name: String,
    pub(crate) email: String,
    pub(crate) email_verified: String,
}

/// The caller, the token's claims, and where the request came from.
#[derive(Debug)]
pub(crate) struct Requester {
    pub(crate) caller: Caller,
    pub(crate) claims: BTreeMap<String, String>,
    address: Option<String>,
}

impl Requester {
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

impl FromRequestParts<Arc<App>> for Requester {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        let context = gateway(&parts.extensions).ok_or(ApiError::NotAuthenticated)?;
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
                name: claim(&app.claims.name).map(str::to_owned),
                email: claim(&app.claims.email).map(str::to_owned),
                // API Gateway hands a boolean on as text.
                email_verified: claim(&app.claims.email_verified) == Some("true"),
                grants: Grants::parse(claim(&app.claims.grants).unwrap_or_default()),
            },
            claims: claims.clone().into_iter().collect(),
            address: context.http.source_ip.clone(),
        })
    }
}

/// What API Gateway says about a request.
pub(crate) fn gateway(extensions: &Extensions) -> Option<&ApiGatewayV2httpRequestContext> {
    match extensions.get()? {
        RequestContext::ApiGatewayV2(context) => Some(context),
        _ => None,
    }
}
