//! Digits of other bases than ten.

/// What a byte is worth that is no digit.
pub(super) const NO_DIGIT: u8 = u8::MAX;

/// What each byte is worth as a digit of this alphabet.
pub(super) const fn values<const N: usize>(alphabet: &[u8; N]) -> [u8; 256] {
    let mut values = [NO_DIGIT; 256];
    let mut place = 0;
    while place < N {
        values[alphabet[place] as usize] = place as u8;
        place += 1;
    }
    values
}
