//! The secrets that Waybill gives out: API keys, tokens of sessions, and codes in URLs. Only their hashes are stored.

use std::fmt;

use sha2::{Digest, Sha256};

use crate::hash::hex;

/// What a secret opens. Its text begins with a prefix, so that tools which look for leaked secrets find it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretKind {
    /// An API key of a host's backend.
    ApiKey,
    /// The token of a session.
    Session,
    /// A code in a URL, which gives one session.
    Code,
}

impl SecretKind {
    /// The first characters of the secret.
    pub fn prefix(self) -> &'static str {
        match self {
            Self::ApiKey => "wbk_",
            Self::Session => "wbs_",
            Self::Code => "wbc_",
        }
    }
}

/// A secret: a prefix and 32 random bytes in base62. Its `Debug` has no secret, so that no log has one.
#[derive(Clone, PartialEq, Eq)]
pub struct BearerSecret(String);

/// The SHA-256 of a secret in hexadecimal digits, which is stored instead of it. The secret is random, so that nobody can
/// find it by trying.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SecretHash(String);

const BYTES: usize = 32;
/// The digits of 32 bytes in base62: 62^43 is more than 2^256.
const DIGITS: usize = 43;

impl BearerSecret {
    /// A new secret.
    ///
    /// # Errors
    /// When the operating system has no random bytes.
    pub fn random(kind: SecretKind) -> Result<Self, getrandom::Error> {
        let mut bytes = [0; BYTES];
        getrandom::fill(&mut bytes)?;
        Ok(Self(format!("{}{}", kind.prefix(), base62(bytes))))
    }

    /// The secret of this kind that `text` is; `None` if it has another form.
    pub fn parse(kind: SecretKind, text: &str) -> Option<Self> {
        let digits = text.strip_prefix(kind.prefix())?;
        let is_whole =
            digits.len() == DIGITS && digits.bytes().all(|byte| byte.is_ascii_alphanumeric());
        is_whole.then(|| Self(text.to_owned()))
    }

    /// The secret, for whom it is given to.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// The hash that is stored.
    pub fn hash(&self) -> SecretHash {
        SecretHash(hex(&Sha256::digest(&self.0)))
    }
}

impl fmt::Debug for BearerSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BearerSecret(…)")
    }
}

impl fmt::Display for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The digits of a number, given by its bytes from the highest on.
fn base62(mut bytes: [u8; BYTES]) -> String {
    const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut digits = [b'0'; DIGITS];
    for digit in digits.iter_mut().rev() {
        let rest = bytes.iter_mut().fold(0_u16, |rest, byte| {
            let value = rest << 8 | u16::from(*byte);
            // At most 61 * 256 + 255, of which a 62nd is less than 256.
            *byte = (value / 62) as u8;
            value % 62
        });
        *digit = ALPHABET[usize::from(rest)];
    }
    digits.iter().copied().map(char::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_has_its_prefix_and_43_digits() {
        let [one, other] = [0, 1].map(|_| BearerSecret::random(SecretKind::ApiKey).unwrap());
        assert!(one.reveal().starts_with("wbk_") && one.reveal().len() == 47);
        assert_ne!(one, other);
        assert_eq!(format!("{one:?}"), "BearerSecret(…)");
        let read = BearerSecret::parse(SecretKind::ApiKey, one.reveal()).unwrap();
        assert_eq!(read.hash(), one.hash());
        for wrong in [
            one.reveal().replace("wbk_", "wbs_"),
            format!("{}0", one.reveal()),
            one.reveal().replace(char::is_alphanumeric, "-"),
            String::new(),
        ] {
            assert_eq!(
                BearerSecret::parse(SecretKind::ApiKey, &wrong),
                None,
                "{wrong}"
            );
        }
    }

    #[test]
    fn the_digits_are_those_of_the_number() {
        assert_eq!(base62([0; BYTES]), "0".repeat(DIGITS));
        let mut small = [0; BYTES];
        small[BYTES - 2..].copy_from_slice(&[0x01, 0x02]);
        // 258 = 4 * 62 + 10
        assert!(base62(small).ends_with("004A"));
        // 2^256 - 1, by Python's integers.
        let largest = "yhjskwdA6OZ1AL1YmHWZWm8LLG7HjnuCA2j5rOw8Xp1";
        assert_eq!(base62([255; BYTES]), largest);
    }
}
