//! Why a token is refused.

/// The longest `sub` of a token in bytes. OpenID Connect allows 255; a key of DynamoDB, which has more than the `sub`, has
/// at most 2,048.
pub(crate) const MAX_SUBJECT: usize = 1_024;

/// Why a token is refused. The text is the problem's `detail`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// There is no token.
    #[error("Send a valid access token in the header `Authorization: Bearer …`.")]
    Missing,
    /// The token is no JWT, but an opaque text.
    #[error(
        "The token is opaque: it is no JWT (RFC 7519). Ask the issuer for an access token of this API, by its audience."
    )]
    Opaque,
    /// Its header or its claims cannot be read, or its algorithm is none that can be accepted.
    #[error("The token cannot be read, or has an algorithm that is not accepted.")]
    Malformed,
    /// It has more than 10,240 bytes.
    #[error("The token is longer than 10,240 bytes.")]
    TooLong,
    /// Its `iss` is no issuer of this deployment.
    #[error("The token is of an issuer that is not accepted here.")]
    Issuer,
    /// No key of the issuer has signed it.
    #[error("The token's signature is by no key of its issuer.")]
    Signature,
    /// It has no `exp`.
    #[error("The token has no time at which it expires (`exp`).")]
    NoExpiry,
    /// Its `exp` has passed.
    #[error("The token has expired. Get a new one.")]
    Expired,
    /// Its `nbf` has not come.
    #[error("The token is not valid yet (`nbf`).")]
    NotYet,
    /// It is for another audience.
    #[error("The token is for another audience.")]
    Audience,
    /// It has no `sub`.
    #[error("The token has no `sub`, so that it names nobody.")]
    NoSubject,
    /// Its `sub` is too long for the key of an item.
    #[error(
        "The token's `sub` has more than {MAX_SUBJECT} bytes, so nothing can be kept for this person."
    )]
    LongSubject,
    /// There is no such session, it has ended, or its API key was revoked.
    #[error("The session has ended. Open it again from the product.")]
    SessionEnded,
    /// There is no such API key, or it was revoked.
    #[error("The API key is not known, or was revoked.")]
    UnknownKey,
}

impl TokenError {
    /// The code for clients: whether they should get a token, a new one, or give up.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::Missing => "token_missing",
            Self::Expired | Self::SessionEnded => "token_expired",
            _ => "token_refused",
        }
    }

    /// The header `WWW-Authenticate` (RFC 6750, section 3).
    pub(crate) fn challenge(self) -> String {
        match self {
            Self::Missing => "Bearer".to_owned(),
            // The text of an error has characters that a header may not have.
            other => format!(
                "Bearer error=\"invalid_token\", error_description=\"{}\"",
                other.code()
            ),
        }
    }
}
