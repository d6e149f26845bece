//! ULIDs: 26 characters of Crockford's base 32, of which the first 10 are milliseconds since 1970.

use super::digits::{NO_DIGIT, values};

pub(super) const LENGTH: usize = 26;
const TIME_LENGTH: usize = 10;
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const VALUES: [u8; 256] = values(ALPHABET);

/// The milliseconds of a ULID in capitals, as programs write it: the order of texts is then that of times.
pub(super) fn milliseconds(text: &str) -> Option<u64> {
    let (time, others) = text.as_bytes().split_at_checked(TIME_LENGTH)?;
    let value = |byte: &u8| VALUES[usize::from(*byte)];
    let is_ulid = text.len() == LENGTH
        && time
            .iter()
            .chain(others)
            .all(|byte| value(byte) != NO_DIGIT);
    let milliseconds = time
        .iter()
        .fold(0, |sum, byte| sum << 5 | u64::from(value(byte)));
    (is_ulid && milliseconds < 1 << 48).then_some(milliseconds)
}

/// What all ULIDs from this time on do not sort below.
pub(super) fn bound(milliseconds: u64) -> Option<String> {
    let digit = |place: usize| {
        let shift = 5 * (TIME_LENGTH - 1 - place);
        char::from(ALPHABET[(milliseconds >> shift) as usize & 31])
    };
    (milliseconds < 1 << 48).then(|| (0..TIME_LENGTH).map(digit).collect())
}
