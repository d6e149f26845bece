//! Cursors: signed positions in lists. A cursor is valid only for the list that it was created for.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::error::ApiError;

const TAG_BYTES: usize = 32;
/// The version of positions. Cursors of other versions are refused.
const VERSION: &str = "1";

/// Signs and verifies cursors.
pub struct Cursors {
    secret: Vec<u8>,
}

impl Cursors {
    /// Cursors with this secret.
    pub fn new(secret: Vec<u8>) -> Self {
        Self { secret }
    }

    /// The cursor for a position in the list with this `scope`: its path and filters.
    ///
    /// # Errors
    /// None in practice: HMAC accepts a secret of any length.
    pub fn sign(&self, scope: &str, position: &str) -> Result<String, ApiError> {
        let tag = self.mac(scope, position)?.finalize().into_bytes();
        let cursor = [VERSION.as_bytes(), tag.as_slice(), position.as_bytes()].concat();
        Ok(BASE64_URL_SAFE_NO_PAD.encode(cursor))
    }

    /// Verifies a cursor, and returns its position.
    ///
    /// # Errors
    /// 422 if the signature is invalid or the cursor is for another list.
    pub fn verify(&self, scope: &str, cursor: &str) -> Result<String, ApiError> {
        let refused = ApiError::stale_cursor;
        let bytes = BASE64_URL_SAFE_NO_PAD
            .decode(cursor)
            .map_err(|_| refused())?;
        let bytes = bytes.strip_prefix(VERSION.as_bytes()).ok_or_else(refused)?;
        let (tag, position) = bytes.split_at_checked(TAG_BYTES).ok_or_else(refused)?;
        let position = std::str::from_utf8(position).map_err(|_| refused())?;
        self.mac(scope, position)?
            .verify_slice(tag)
            .map_err(|_| refused())?;
        Ok(position.to_owned())
    }

    fn mac(&self, scope: &str, position: &str) -> Result<Hmac<Sha256>, ApiError> {
        let mac = Hmac::<Sha256>::new_from_slice(&self.secret);
        let mut mac = mac.map_err(|error| ApiError::Internal(error.into()))?;
        mac.update(VERSION.as_bytes());
        mac.update(&(scope.len() as u64).to_be_bytes());
        mac.update(scope.as_bytes());
        mac.update(position.as_bytes());
        Ok(mac)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_valid_only_for_its_own_list() {
        let cursors = Cursors::new(vec![7; 32]);
        let cursor = cursors
            .sign("/v1/projects/42/exports?status=failed", "123")
            .unwrap();
        assert_eq!(
            cursors
                .verify("/v1/projects/42/exports?status=failed", &cursor)
                .unwrap(),
            "123"
        );
        for scope in [
            "/v1/projects/43/exports?status=failed",
            "/v1/projects/42/exports",
            "",
        ] {
            assert!(cursors.verify(scope, &cursor).is_err(), "{scope}");
        }
        assert!(
            Cursors::new(vec![8; 32])
                .verify("/v1/projects/42/exports?status=failed", &cursor)
                .is_err()
        );
    }

    #[test]
    fn a_cursor_with_an_invalid_signature_is_refused() {
        let cursors = Cursors::new(vec![7; 32]);
        let cursor = cursors.sign("s", "123").unwrap();
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(&cursor).unwrap();
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            assert!(
                cursors
                    .verify("s", &BASE64_URL_SAFE_NO_PAD.encode(changed))
                    .is_err(),
                "byte {at}"
            );
        }
        for cursor in ["", "x", "!", "MTIz", &cursor[1..], &format!("{cursor}=")] {
            let problem = cursors.verify("s", cursor).unwrap_err().problem(None);
            assert_eq!(
                serde_json::to_value(&problem).unwrap()["detail"],
                "`cursor` must be the `next` of this same list with the same filters."
            );
        }
    }
}
