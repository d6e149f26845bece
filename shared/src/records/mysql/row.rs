//! Rows as the server sends them, in the protocol's text format.

use crate::records::sql::{Malformed, Row};

/// The values of a row in order, each as its text after a length.
#[derive(Debug, Clone, Copy)]
pub(super) struct TextRow<'a>(&'a [u8]);

/// The first byte that stands for null.
const NULL: u8 = 0xFB;

impl<'a> TextRow<'a> {
    /// The row with this payload.
    pub(super) fn new(payload: &'a [u8]) -> Self {
        Self(payload)
    }

    /// Whether there are no further values.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The next value as a text.
    ///
    /// # Errors
    /// [`Malformed`] where there is none, or where it is no text.
    pub(super) fn text(&mut self) -> Result<Option<String>, Malformed> {
        let Some(raw) = self.value()? else {
            return Ok(None);
        };
        let text = std::str::from_utf8(raw).map_err(|_| Malformed)?;
        Ok(Some(text.to_owned()))
    }
}

impl<'a> Row<'a> for TextRow<'a> {
    #[inline]
    fn value(&mut self) -> Result<Option<&'a [u8]>, Malformed> {
        let (first, rest) = self.0.split_first().ok_or(Malformed)?;
        let (length, rest) = match *first {
            NULL => {
                self.0 = rest;
                return Ok(None);
            }
            // A length of as many bytes follows.
            0xFC => long::<2>(rest)?,
            0xFD => long::<3>(rest)?,
            0xFE => long::<8>(rest)?,
            0xFF => return Err(Malformed),
            short => (usize::from(short), rest),
        };
        let (value, rest) = rest.split_at_checked(length).ok_or(Malformed)?;
        self.0 = rest;
        Ok(Some(value))
    }
}

fn long<const N: usize>(rest: &[u8]) -> Result<(usize, &[u8]), Malformed> {
    let (bytes, rest) = rest.split_first_chunk::<N>().ok_or(Malformed)?;
    let mut length = [0; 8];
    length[..N].copy_from_slice(bytes);
    let length = usize::try_from(u64::from_le_bytes(length)).map_err(|_| Malformed)?;
    Ok((length, rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn values_are_told_apart_by_their_lengths() {
        let long = vec![b'x'; 300];
        let payload = [&[1, b'a', NULL, 0, 0xFC, 0x2C, 1], &long[..]].concat();
        let mut row = TextRow::new(&payload);
        assert_eq!(row.value(), Ok(Some(&b"a"[..])));
        assert_eq!(row.value(), Ok(None));
        assert_eq!(row.value(), Ok(Some(&b""[..])));
        assert_eq!(row.value(), Ok(Some(&long[..])));
        assert!(row.is_empty());
        assert_eq!(row.value(), Err(Malformed));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(payload in prop::collection::vec(prop_oneof![any::<u8>(), 0xFA_u8..], 0..32)) {
            let mut row = TextRow::new(&payload);
            while row.value().is_ok() {}
        }
    }
}
