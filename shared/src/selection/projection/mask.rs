//! The part of a value that is shown.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use sha2::digest::InvalidLength;

use crate::catalog::Mask;
use crate::hash::hex;

/// What stands for the characters that a mask hides. How many there are is not shown.
pub(super) const HIDDEN: &str = "****";

/// The bytes of a hash that are shown. 16 random bytes are never the same twice (as those of a UUID).
const HASH_BYTES: usize = 16;

/// The secret of the mask `hash`, for HMAC-SHA-256 (RFC 2104).
#[derive(Clone)]
pub struct MaskSecret(Hmac<Sha256>);

impl MaskSecret {
    /// The secret with these bytes.
    ///
    /// # Errors
    /// None in practice: HMAC accepts a secret of any length.
    pub fn new(secret: &[u8]) -> Result<Self, InvalidLength> {
        Hmac::new_from_slice(secret).map(Self)
    }

    fn hash(&self, text: &str) -> String {
        let mac = self.0.clone().chain_update(text).finalize().into_bytes();
        hex(&mac[..HASH_BYTES])
    }
}

/// Without the secret.
impl fmt::Debug for MaskSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MaskSecret")
    }
}

/// What a mask shows of a text. Without a secret, a hash shows nothing.
pub(super) fn masked(mask: Mask, secret: Option<&MaskSecret>, text: &str) -> String {
    match mask {
        Mask::Last4 => {
            let characters = text.chars().count();
            let hidden = if characters > 8 {
                characters - 4
            } else {
                characters
            };
            HIDDEN.chars().chain(text.chars().skip(hidden)).collect()
        }
        Mask::Email => match text.rsplit_once('@') {
            Some((name, domain)) => {
                let first = name.chars().take(1);
                let shown: String = first.chain(HIDDEN.chars()).collect();
                format!("{shown}@{domain}")
            }
            None => HIDDEN.to_owned(),
        },
        Mask::Hash => secret.map_or_else(|| HIDDEN.to_owned(), |secret| secret.hash(text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_shows_a_part_of_a_value() {
        for (mask, text, shown) in [
            (Mask::Last4, "4111111111111234", "****1234"),
            (Mask::Last4, "12345678", "****"),
            (Mask::Email, "ana@example.com", "a****@example.com"),
            (Mask::Email, "@example.com", "****@example.com"),
            (Mask::Email, "no address", "****"),
            (Mask::Hash, "ana@example.com", "****"),
        ] {
            assert_eq!(masked(mask, None, text), shown, "{text}");
        }
    }

    /// The test case 2 of RFC 4231, section 4.3.
    #[test]
    fn a_hash_is_hmac_sha_256() {
        let secret = MaskSecret::new(b"Jefe").unwrap();
        let hash = masked(Mask::Hash, Some(&secret), "what do ya want for nothing?");
        assert_eq!(hash, "5bdcc146bf60754e6a042426089575c7");
        assert_eq!(format!("{secret:?}"), "MaskSecret");
    }
}
