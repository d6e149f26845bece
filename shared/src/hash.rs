//! SHA-256 (FIPS 180-4) of a file that more than one worker writes.

use sha2::digest::common::hazmat::SerializableState;
use sha2::{Digest, Sha256};

/// The hash of the bytes so far. Another worker can continue it from its state.
#[derive(Clone, Default)]
pub struct FileHash(Sha256);

/// A text that is not a valid state of a hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the checkpoint's hash state cannot be read")]
pub struct InvalidHashState;

impl FileHash {
    /// Adds the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The state, in hexadecimal digits.
    pub fn state(&self) -> String {
        hex(&self.0.serialize())
    }

    /// Continues a hash from its state.
    pub fn resume(state: &str) -> Result<Self, InvalidHashState> {
        let bytes = unhex(state).ok_or(InvalidHashState)?;
        let state = bytes.as_slice().try_into().map_err(|_| InvalidHashState)?;
        Sha256::deserialize(state)
            .map(Self)
            .map_err(|_| InvalidHashState)
    }

    /// The SHA-256 of all bytes, in lower-case hexadecimal digits.
    pub fn finish(self) -> String {
        hex(&self.0.finalize())
    }
}

/// Lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .map(|n| char::from(DIGITS[usize::from(n)]))
        .collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |b: u8| char::from(b).to_digit(16).map(|n| n as u8);
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs
        .iter()
        .map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?))
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_hash_is_sha_256() {
        let mut hash = FileHash::default();
        hash.update(b"abc");
        assert_eq!(
            hash.finish(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }

    #[test]
    fn a_broken_state_is_refused() {
        let state = FileHash::default().state();
        for broken in ["", "zz", &state[1..], &state[2..], &format!("{state}00")] {
            assert!(FileHash::resume(broken).is_err(), "{broken:?}");
        }
    }

    proptest! {
        #[test]
        fn the_hash_continues_from_its_state(a in prop::collection::vec(any::<u8>(), 0..300), b in prop::collection::vec(any::<u8>(), 0..300)) {
            let mut whole = FileHash::default();
            whole.update(&a);
            let mut later = FileHash::resume(&whole.state()).unwrap();
            whole.update(&b);
            later.update(&b);
            prop_assert_eq!(whole.finish(), later.finish());
        }
    }
}
