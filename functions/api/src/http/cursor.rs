//! Cursors: encrypted positions in lists. A cursor is valid only for the list that it was created for.
//!
//! A position may have what a list does not show: the key of a record may contain a value that a mask hides.

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::error::Unspecified;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::error::ApiError;

/// The version of cursors. Those of other versions are refused.
const VERSION: u8 = 2;
/// What the key is derived for from the secret.
const PURPOSE: &[u8] = b"encryption of cursors";

/// Encrypts and decrypts cursors, with AES-GCM-SIV (RFC 8452). The nonce is always the same, so that an unchanged list has
/// the same cursor and the same ETag; with this algorithm, only that two cursors are equal can then be told.
pub struct Cursors(LessSafeKey);

impl Cursors {
    /// Cursors with this secret.
    ///
    /// # Errors
    /// None in practice: HMAC accepts a secret of any length, and its result has the length of a key.
    pub fn new(secret: &[u8]) -> Result<Self, ApiError> {
        let mac = Hmac::<Sha256>::new_from_slice(secret);
        let mac = mac.map_err(|error| ApiError::Internal(error.into()))?;
        let key = mac.chain_update(PURPOSE).finalize().into_bytes();
        let key = UnboundKey::new(&AES_256_GCM_SIV, &key).map_err(internal)?;
        Ok(Self(LessSafeKey::new(key)))
    }

    /// The cursor for a position in the list with this `scope`: its path and filters.
    ///
    /// # Errors
    /// None in practice: only a position of many gigabytes cannot be encrypted.
    pub fn seal(&self, scope: &str, position: &str) -> Result<String, ApiError> {
        let mut sealed = position.as_bytes().to_vec();
        self.0
            .seal_in_place_append_tag(nonce(), Aad::from(scope), &mut sealed)
            .map_err(internal)?;
        sealed.insert(0, VERSION);
        Ok(BASE64_URL_SAFE_NO_PAD.encode(sealed))
    }

    /// The position of a cursor.
    ///
    /// # Errors
    /// 422 if this deployment did not create the cursor, or for another list.
    pub fn open(&self, scope: &str, cursor: &str) -> Result<String, ApiError> {
        let refused = ApiError::stale_cursor;
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(cursor);
        let mut bytes = bytes.map_err(|_| refused())?;
        let Some((&mut VERSION, sealed)) = bytes.split_first_mut() else {
            return Err(refused());
        };
        let position = self
            .0
            .open_in_place(nonce(), Aad::from(scope), sealed)
            .map_err(|_| refused())?;
        let position = str::from_utf8(position).map_err(|_| refused())?;
        Ok(position.to_owned())
    }
}

fn nonce() -> Nonce {
    Nonce::assume_unique_for_key([0; NONCE_LEN])
}

fn internal(error: Unspecified) -> ApiError {
    ApiError::Internal(error.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_valid_only_for_its_own_list() {
        let cursors = Cursors::new(&[7; 32]).unwrap();
        let cursor = cursors
            .seal("/v1/projects/42/exports?status=failed", "123")
            .unwrap();
        assert_eq!(
            cursors
                .open("/v1/projects/42/exports?status=failed", &cursor)
                .unwrap(),
            "123"
        );
        for scope in [
            "/v1/projects/43/exports?status=failed",
            "/v1/projects/42/exports",
            "",
        ] {
            assert!(cursors.open(scope, &cursor).is_err(), "{scope}");
        }
        assert!(
            Cursors::new(&[8; 32])
                .unwrap()
                .open("/v1/projects/42/exports?status=failed", &cursor)
                .is_err()
        );
    }

    #[test]
    fn a_cursor_that_was_changed_is_refused() {
        let cursors = Cursors::new(&[7; 32]).unwrap();
        let cursor = cursors.seal("s", "123").unwrap();
        assert_eq!(cursors.seal("s", "123").unwrap(), cursor);
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(&cursor).unwrap();
        assert!(!bytes.windows(3).any(|part| part == b"123"));
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            assert!(
                cursors
                    .open("s", &BASE64_URL_SAFE_NO_PAD.encode(changed))
                    .is_err(),
                "byte {at}"
            );
        }
        for cursor in ["", "x", "!", "MTIz", &cursor[1..], &format!("{cursor}=")] {
            let problem = cursors.open("s", cursor).unwrap_err().problem(None);
            assert_eq!(
                serde_json::to_value(&problem).unwrap()["detail"],
                "`cursor` must be the `next` of this same list with the same filters."
            );
        }
    }
}
