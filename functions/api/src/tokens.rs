//! The tokens of requests: verified by API Gateway's authorizer, or here. No other module reads them.

mod claims;
mod keys;
mod verify;

use std::collections::BTreeMap;

use http::HeaderMap;
use http::header::AUTHORIZATION;
use jiff::Timestamp;
use lambda_http::aws_lambda_events::apigw::ApiGatewayV2httpRequestContext;
use waybill::access_rules::{Caller, Credential, Grants};
use waybill::bearer_secret::SecretKind;
use waybill::deployment_file::{GrantTemplate, Issuer};
use waybill::grant_patterns::GrantPatterns;
use waybill::parent::ParentKinds;

use self::claims::Claims;
use self::keys::Keys;
use crate::http::error::{ApiError, TokenError};
use crate::http::token_error::MAX_SUBJECT;

/// How tokens are verified and read: the template's parameters.
#[derive(Debug, Clone)]
pub struct TokenConfig {
    /// The deployment's own issuer; empty if it has none.
    pub issuer: String,
    /// The audiences of its tokens.
    pub audiences: Vec<String>,
    /// Who verifies tokens.
    pub verifier: Verifier,
    /// The claim with the grants.
    pub grants: String,
    /// The claim with the person's name.
    pub name: String,
    /// The claim with the person's email address.
    pub email: String,
    /// The claim that says whether the issuer has verified the address.
    pub email_verified: String,
    /// The grants that are made from claims of the own issuer's tokens.
    pub from_claims: Vec<GrantTemplate>,
}

/// Who verifies tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verifier {
    /// API Gateway's JWT authorizer: tokens of one issuer with RSA keys.
    Gateway,
    /// This function: tokens of the own issuer and of those in the deployment file, with keys of any kind.
    Function,
}

/// Reads tokens.
#[derive(Debug)]
pub struct Tokens {
    config: TokenConfig,
    /// The own issuer, as the deployment file would have it.
    own: Issuer,
    /// The keys of issuers; `None` where the gateway verifies tokens. To be able to ask issuers takes time at start.
    keys: Option<Keys>,
}

/// Who calls, and with what claims.
#[derive(Debug)]
pub struct Identity {
    /// The caller and their grants.
    pub caller: Caller,
    /// All claims, as texts.
    pub claims: BTreeMap<String, String>,
}

impl Tokens {
    /// Tokens that are verified and read like this.
    ///
    /// # Errors
    /// When nothing can be asked over HTTP, for lack of root certificates.
    pub fn new(config: TokenConfig) -> Result<Self, reqwest::Error> {
        let own = Issuer {
            url: config.issuer.clone(),
            audiences: config.audiences.clone(),
            keys: None,
            grants: GrantPatterns::parse("* staff service"),
            from_claims: config.from_claims.clone(),
            claims: Default::default(),
        };
        let keys = match config.verifier {
            Verifier::Gateway => None,
            Verifier::Function => Some(Keys::new()?),
        };
        Ok(Self { config, own, keys })
    }

    /// Whether the function verifies tokens, rather than the gateway.
    pub(crate) fn are_verified_here(&self) -> bool {
        self.keys.is_some()
    }

    /// The secret in place of a token, with its kind, if it is one that Waybill gave out. The gateway lets none through.
    ///
    /// # Errors
    /// 401 without a token, where the function verifies tokens.
    pub(crate) fn secret<'h>(
        &self,
        headers: &'h HeaderMap,
    ) -> Result<Option<(SecretKind, &'h str)>, TokenError> {
        if self.keys.is_none() {
            return Ok(None);
        }
        let token = bearer(headers)?;
        let kinds = [SecretKind::ApiKey, SecretKind::Session].into_iter();
        let mut of_token = kinds.filter(|kind| token.starts_with(kind.prefix()));
        Ok(of_token.next().map(|kind| (kind, token)))
    }

    /// Who calls. `others` are the issuers of the deployment file; grants are for parents of these kinds.
    ///
    /// # Errors
    /// 401 without a valid token, or 503 if the issuer's keys are not known.
    pub(crate) async fn identify(
        &self,
        context: Option<&ApiGatewayV2httpRequestContext>,
        headers: &HeaderMap,
        others: &[Issuer],
        kinds: &ParentKinds,
        now: Timestamp,
    ) -> Result<Identity, ApiError> {
        let Some(keys) = &self.keys else {
            return Ok(self.of_gateway(context, kinds)?);
        };
        let issuers = self.issuers(others);
        let verified = verify::verify(bearer(headers)?, &issuers, keys, now).await?;
        Ok(self.read(verified.issuer, &verified.claims, kinds)?)
    }

    /// The caller, as API Gateway's authorizer has verified the token.
    ///
    /// # Errors
    /// 401 if the gateway has verified no token.
    pub fn of_gateway(
        &self,
        context: Option<&ApiGatewayV2httpRequestContext>,
        kinds: &ParentKinds,
    ) -> Result<Identity, TokenError> {
        let authorizer = context.and_then(|context| context.authorizer.as_ref());
        let jwt = authorizer.and_then(|authorizer| authorizer.jwt.as_ref());
        let claims = &jwt.ok_or(TokenError::Missing)?.claims;
        let mut identity = self.read(&self.own, &Claims::of_gateway(claims), kinds)?;
        identity.claims = claims.clone().into_iter().collect();
        Ok(identity)
    }

    /// The issuers whose tokens are accepted. The deployment file may say more of the own one.
    fn issuers(&self, others: &[Issuer]) -> Vec<Issuer> {
        let mut issuers = others.to_vec();
        let has_own = !self.own.url.is_empty();
        if has_own && others.iter().all(|issuer| issuer.url != self.own.url) {
            issuers.push(self.own.clone());
        }
        issuers
    }

    fn read(
        &self,
        issuer: &Issuer,
        claims: &Claims,
        kinds: &ParentKinds,
    ) -> Result<Identity, TokenError> {
        let sub = claims.text("sub").ok_or(TokenError::NoSubject)?;
        if sub.len() > MAX_SUBJECT {
            return Err(TokenError::LongSubject);
        }
        let (names, config) = (&issuer.claims, &self.config);
        let text = |own: &Option<String>, usual: &str| {
            let name = own.as_deref().unwrap_or(usual);
            claims.text(name).map(str::to_owned)
        };
        let email_verified = names.email_verified.as_deref();
        // API Gateway has compared it with the own issuer, or this function with all.
        let url = claims.text("iss").unwrap_or(&issuer.url);
        Ok(Identity {
            caller: Caller {
                sub: sub.to_owned(),
                issuer: url.to_owned(),
                is_of_own_issuer: url == config.issuer,
                name: text(&names.name, &config.name),
                email: text(&names.email, &config.email),
                email_verified: claims.flag(email_verified.unwrap_or(&config.email_verified)),
                grants: self.grants(issuer, claims, kinds),
                credential: Credential::Token,
            },
            claims: claims.texts(),
        })
    }

    /// The grants of a token, without those that its issuer may not give.
    fn grants(&self, issuer: &Issuer, claims: &Claims, kinds: &ParentKinds) -> Grants {
        let name = issuer.claims.grants.as_deref();
        let mut words = claims.words(name.unwrap_or(&self.config.grants));
        for template in &issuer.from_claims {
            let values = claims.values(&template.claim).into_iter();
            words.extend(values.map(|value| template.grant(&value)));
        }
        words.retain(|word| issuer.grants.allow(word));
        Grants::of_words(words.iter().map(String::as_str), kinds)
    }
}

/// The token in the header `Authorization` (RFC 6750, section 2.1).
fn bearer(headers: &HeaderMap) -> Result<&str, TokenError> {
    let value = headers.get(AUTHORIZATION).ok_or(TokenError::Missing)?;
    let value = value.to_str().map_err(|_| TokenError::Malformed)?;
    let (scheme, token) = value.split_once(' ').ok_or(TokenError::Missing)?;
    match scheme.eq_ignore_ascii_case("bearer") {
        true => Ok(token.trim()),
        false => Err(TokenError::Missing),
    }
}

#[cfg(test)]
mod tests;
