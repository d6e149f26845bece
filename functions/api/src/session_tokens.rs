//! Sessions and API keys: the secrets that Waybill itself has given out.

use std::collections::BTreeMap;

use jiff::Timestamp;
use sha2::{Digest, Sha256};
use waybill::access_rules::{Caller, Credential, Grants};
use waybill::bearer_secret::{BearerSecret, SecretKind};
use waybill::parent::ParentKinds;
use waybill::store::{ApiKey, ApiKeys, Session, Sessions};

use crate::http::error::{ApiError, TokenError};
use crate::short_cache::ShortCache;
use crate::tokens::Identity;

/// The issuer of API keys. Those of sessions are `waybill:{key}`, so that no session is the key itself.
const ISSUER: &str = "waybill";

/// How old what is known of a session may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Freshness {
    /// At most 30 s.
    Recent,
    /// Read for this request, so that a revoked key opens nothing from now on.
    Now,
}

/// Looks sessions and API keys up.
pub(crate) struct SessionTokens {
    keys: ApiKeys,
    sessions: Sessions,
    known: ShortCache<(ApiKey, Session)>,
}

impl SessionTokens {
    /// Those in these tables.
    pub(crate) fn new(keys: ApiKeys, sessions: Sessions) -> Self {
        Self {
            keys,
            sessions,
            known: ShortCache::default(),
        }
    }

    /// Who calls with the token of a session.
    ///
    /// # Errors
    /// 401 if there is no such session, it has ended, or its key was revoked.
    pub(crate) async fn identify(
        &self,
        token: &str,
        freshness: Freshness,
        kinds: &ParentKinds,
        now: Timestamp,
    ) -> Result<Identity, ApiError> {
        let (key, session) = self.session(token, freshness, now).await?;
        Ok(of_session(&key, session, kinds))
    }

    async fn session(
        &self,
        token: &str,
        freshness: Freshness,
        now: Timestamp,
    ) -> Result<(ApiKey, Session), ApiError> {
        let digest: [u8; 32] = Sha256::digest(token).into();
        if freshness == Freshness::Recent
            && let Some((key, session)) = self.known.get(&digest, now)
            && now < session.ends_at
        {
            return Ok((key, session));
        }
        self.known.forget(&digest);
        let token = BearerSecret::parse(SecretKind::Session, token);
        let token = token.ok_or(TokenError::SessionEnded)?;
        let session = self.sessions.get(&token.hash(), now).await?;
        let session = session.ok_or(TokenError::SessionEnded)?;
        let key = self.keys.valid(&session.key_id).await?;
        let key = key.ok_or(TokenError::SessionEnded)?;
        if !session.grants.iter().all(|grant| key.grants.allow(grant)) {
            return Err(TokenError::SessionEnded.into());
        }
        self.known.keep(digest, (key.clone(), session.clone()), now);
        Ok((key, session))
    }

    /// Ends the session of this token. Other instances of the function hear of it within 30 s.
    ///
    /// # Errors
    /// 401 for a text that is no token of a session.
    pub(crate) async fn end(&self, token: &str, now: Timestamp) -> Result<(), ApiError> {
        self.known.forget(&Sha256::digest(token).into());
        let token = BearerSecret::parse(SecretKind::Session, token);
        let token = token.ok_or(TokenError::SessionEnded)?;
        Ok(self.sessions.end(&token.hash(), now).await?)
    }

    /// The session of a code, the first time and within its minute, if its key still allows it.
    pub(crate) async fn redeem(
        &self,
        code: &BearerSecret,
        now: Timestamp,
    ) -> Result<Option<Session>, ApiError> {
        let Some(session) = self.sessions.redeem(&code.hash(), now).await? else {
            return Ok(None);
        };
        let key = self.keys.valid(&session.key_id).await?;
        let is_allowed = |key: ApiKey| session.grants.iter().all(|grant| key.grants.allow(grant));
        Ok(key.is_some_and(is_allowed).then_some(session))
    }

    /// The API key that this is.
    ///
    /// # Errors
    /// 401 if there is no such key, or it was revoked.
    pub(crate) async fn api_key(&self, text: &str, now: Timestamp) -> Result<ApiKey, ApiError> {
        let secret = BearerSecret::parse(SecretKind::ApiKey, text);
        let secret = secret.ok_or(TokenError::UnknownKey)?;
        let key = self.keys.valid(&secret.hash().to_string()).await?;
        let key = key.ok_or(TokenError::UnknownKey)?;
        if let Err(error) = self.keys.mark_used(&key, now).await {
            // The time is only shown to operators.
            tracing::warn!(key = key.name, %error, "use of an API key not written");
        }
        Ok(key)
    }
}

fn of_session(key: &ApiKey, session: Session, kinds: &ParentKinds) -> Identity {
    let Session { user, grants, .. } = session;
    let issuer = key.issuer();
    let claims = [
        ("iss", Some(issuer.clone())),
        ("sub", Some(user.id.clone())),
        ("name", user.name.clone()),
        ("email", user.email.clone()),
        ("scope", Some(grants.join(" "))),
    ];
    Identity {
        caller: Caller {
            sub: user.id,
            issuer,
            is_of_own_issuer: false,
            name: user.name,
            email: user.email,
            email_verified: user.email_verified,
            grants: Grants::of_words(grants.iter().map(String::as_str), kinds),
            credential: Credential::Session,
        },
        claims: texts(claims),
    }
}

/// The key itself as the caller.
pub(crate) fn of_key(key: &ApiKey) -> Identity {
    let claims = [
        ("iss", Some(ISSUER.to_owned())),
        ("sub", Some(key.name.clone())),
    ];
    Identity {
        caller: Caller {
            sub: key.name.clone(),
            issuer: ISSUER.to_owned(),
            is_of_own_issuer: false,
            name: Some(key.name.clone()),
            email: None,
            email_verified: false,
            grants: Grants::of_patterns(&key.grants),
            credential: Credential::ApiKey,
        },
        claims: texts(claims),
    }
}

fn texts<const N: usize>(claims: [(&str, Option<String>); N]) -> BTreeMap<String, String> {
    let given = claims.into_iter();
    given
        .filter_map(|(name, value)| Some((name.to_owned(), value?)))
        .collect()
}
