//! Verifies JSON Web Tokens (RFC 7519), by the keys of their issuers.

use jiff::Timestamp;
use jsonwebtoken::dangerous::insecure_decode_claims;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde_json::{Map, Value};
use waybill::deployment_file::Issuer;

use super::claims::Claims;
use super::keys::Keys;
use crate::http::error::{ApiError, TokenError};

/// The longest token in bytes. API Gateway accepts no longer headers (10,240 bytes together).
const MAX_TOKEN: usize = 10_240;
/// How far the clocks of the issuer and of this function may differ, in seconds.
const SKEW: i64 = 60;

/// A token whose signature, issuer, audience and time are right.
pub(super) struct Verified<'a> {
    pub(super) issuer: &'a Issuer,
    pub(super) claims: Claims,
}

/// Verifies a token of one of these issuers.
///
/// # Errors
/// 401 with the reason, or 503 if the issuer's keys are not known.
pub(super) async fn verify<'a>(
    token: &str,
    issuers: &'a [Issuer],
    keys: &Keys,
    now: Timestamp,
) -> Result<Verified<'a>, ApiError> {
    if token.len() > MAX_TOKEN {
        return Err(TokenError::TooLong.into());
    }
    if token.matches('.').count() != 2 {
        return Err(TokenError::Opaque.into());
    }
    let header = decode_header(token).map_err(|_| TokenError::Malformed)?;
    // No key is asked for before the token names an issuer of this deployment.
    let unverified: Map<String, Value> =
        insecure_decode_claims(token).map_err(|_| TokenError::Malformed)?;
    let issuer = unverified.get("iss").and_then(Value::as_str);
    let issuer = issuers
        .iter()
        .find(|known| Some(known.url.as_str()) == issuer);
    let issuer = issuer.ok_or(TokenError::Issuer)?;
    let fits = |key: &Jwk| is_for(key, header.alg, header.kid.as_deref());
    let known = keys
        .of(issuer, now, fits)
        .await
        .map_err(|error| ApiError::KeysUnknown(error.into()))?;
    let mut validation = Validation::new(header.alg);
    // The time and the audience are compared below: by the clock of the function, and as issuers name audiences.
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation.required_spec_claims.clear();
    let claims = known.iter().filter(|key| fits(key)).find_map(|key| {
        let key = DecodingKey::from_jwk(key).ok()?;
        let decoded = decode::<Map<String, Value>>(token, &key, &validation);
        decoded.ok().map(|decoded| decoded.claims)
    });
    let claims = claims.ok_or(TokenError::Signature)?;
    is_current(&claims, now)?;
    let claims = Claims::new(claims);
    is_for_audience(&claims, issuer)?;
    Ok(Verified { issuer, claims })
}

/// Whether the key may verify tokens of this algorithm and this key id. The key decides about the algorithm, never the token
/// alone: otherwise a public key could be used as the secret of an HMAC (RFC 8725, section 2.1).
fn is_for(key: &Jwk, algorithm: Algorithm, id: Option<&str>) -> bool {
    use Algorithm::{ES256, ES384, EdDSA, PS256, PS384, PS512, RS256, RS384, RS512};
    let of_key = &key.common;
    let is_of_kind = match (&key.algorithm, algorithm) {
        (AlgorithmParameters::RSA(_), RS256 | RS384 | RS512 | PS256 | PS384 | PS512) => true,
        (AlgorithmParameters::EllipticCurve(ec), ES256) => ec.curve == EllipticCurve::P256,
        (AlgorithmParameters::EllipticCurve(ec), ES384) => ec.curve == EllipticCurve::P384,
        (AlgorithmParameters::OctetKeyPair(okp), EdDSA) => okp.curve == EllipticCurve::Ed25519,
        _ => false,
    };
    let is_of_algorithm = of_key
        .key_algorithm
        .is_none_or(|of_key| of_key == KeyAlgorithm::from(algorithm));
    let is_for_signatures = matches!(of_key.public_key_use, None | Some(PublicKeyUse::Signature));
    let has_id = id.is_none_or(|id| of_key.key_id.as_deref() == Some(id));
    is_of_kind && is_of_algorithm && is_for_signatures && has_id
}

/// Checks `exp`, which a token must have, and `nbf`.
fn is_current(claims: &Map<String, Value>, now: Timestamp) -> Result<(), TokenError> {
    let second = |name: &str| claims.get(name).and_then(Value::as_f64);
    let (now, skew) = (now.as_second() as f64, SKEW as f64);
    let end = second("exp").ok_or(TokenError::NoExpiry)?;
    if end + skew <= now {
        return Err(TokenError::Expired);
    }
    match (claims.get("nbf"), second("nbf")) {
        (None, _) => Ok(()),
        (Some(_), Some(begin)) if begin - skew <= now => Ok(()),
        (Some(_), _) => Err(TokenError::NotYet),
    }
}

/// Checks the audience: `aud`, a text or a list. Where a token has none, the client that it was issued to is compared, as API
/// Gateway does for `client_id` (Cognito); others call it `azp` (Clerk).
fn is_for_audience(claims: &Claims, issuer: &Issuer) -> Result<(), TokenError> {
    let names = ["aud", "client_id", "azp"];
    let named = names.into_iter().find(|name| claims.get(name).is_some());
    let found = named.map(|name| claims.values(name)).unwrap_or_default();
    match found
        .iter()
        .any(|audience| issuer.audiences.contains(audience))
    {
        true => Ok(()),
        false => Err(TokenError::Audience),
    }
}
