//! KSUIDs: 20 bytes in base 62, of which the first 4 are seconds since 2014-05-13T16:53:20Z.

use jiff::Timestamp;

use super::digits::{NO_DIGIT, values};

pub(super) const LENGTH: usize = 27;
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const VALUES: [u8; 256] = values(ALPHABET);
/// What KSUIDs count from, in seconds since 1970.
const EPOCH: i64 = 1_400_000_000;
/// A KSUID as five digits of 32 bits, the most significant first.
type Digits = [u32; 5];

pub(super) fn instant(text: &str) -> Option<Timestamp> {
    if text.len() != LENGTH {
        return None;
    }
    let mut digits = Digits::default();
    for byte in text.bytes() {
        let value = VALUES[usize::from(byte)];
        if value == NO_DIGIT {
            return None;
        }
        let mut carry = u64::from(value);
        for digit in digits.iter_mut().rev() {
            carry += u64::from(*digit) * 62;
            *digit = carry as u32;
            carry >>= 32;
        }
        if carry > 0 {
            return None;
        }
    }
    Timestamp::from_second(EPOCH + i64::from(digits[0])).ok()
}

/// The least KSUID of this second. Those before the first KSUID's are all before it.
pub(super) fn bound(instant: Timestamp) -> Option<String> {
    let seconds = u32::try_from((instant.as_second() - EPOCH).max(0)).ok()?;
    let mut digits: Digits = [seconds, 0, 0, 0, 0];
    let mut text = [b'0'; LENGTH];
    for byte in text.iter_mut().rev() {
        let mut rest = 0;
        for digit in &mut digits {
            let dividend = rest << 32 | u64::from(*digit);
            *digit = (dividend / 62) as u32;
            rest = dividend % 62;
        }
        *byte = ALPHABET[rest as usize];
    }
    Some(text.map(char::from).iter().collect())
}
