//! Rows as the server sends them.

use tokio_postgres::Row;

use super::connection::Raw;
use super::joined_rows::{BEFORE_VALUES, DATA_ROW, NULL};
use crate::records::sql::{self, Malformed};

/// The values of a row in order, each in its type's binary form; `None` for null.
#[derive(Debug, Clone, Copy)]
pub(super) struct RawRow<'a>(&'a [u8]);

impl<'a> RawRow<'a> {
    /// The row with these values, each after its length.
    pub(super) fn new(values: &'a [u8]) -> Self {
        Self(values)
    }

    /// Whether there are no further values.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'a> sql::Row<'a> for RawRow<'a> {
    #[inline]
    fn value(&mut self) -> Result<Option<&'a [u8]>, Malformed> {
        let (length, rest) = self.0.split_first_chunk::<4>().ok_or(Malformed)?;
        let Ok(length) = usize::try_from(i32::from_be_bytes(*length)) else {
            self.0 = rest;
            return Ok(None);
        };
        let (value, rest) = rest.split_at_checked(length).ok_or(Malformed)?;
        self.0 = rest;
        Ok(Some(value))
    }
}

/// The rows whose messages are `joined`.
pub(super) fn rows(mut joined: &[u8]) -> impl Iterator<Item = Result<RawRow<'_>, Malformed>> {
    std::iter::from_fn(move || (!joined.is_empty()).then(|| first(&mut joined)))
}

fn first<'a>(joined: &mut &'a [u8]) -> Result<RawRow<'a>, Malformed> {
    let [DATA_ROW, length @ ..] = joined.first_chunk::<5>().ok_or(Malformed)? else {
        return Err(Malformed);
    };
    let size = 1 + u32::from_be_bytes(*length) as usize;
    let (row, rest) = joined.split_at_checked(size).ok_or(Malformed)?;
    *joined = rest;
    Ok(RawRow(row.get(BEFORE_VALUES..).ok_or(Malformed)?))
}

/// The bytes of a row that is not joined with others, as in a joined one.
pub(super) fn raw(row: &Row) -> Result<Vec<u8>, tokio_postgres::Error> {
    let mut bytes = Vec::with_capacity(row.raw_size_bytes());
    for n in 0..row.len() {
        match row.try_get::<_, Option<Raw<'_>>>(n)? {
            None => bytes.extend(NULL.to_be_bytes()),
            Some(Raw(value)) => {
                bytes.extend((value.len() as u32).to_be_bytes());
                bytes.extend(value);
            }
        }
    }
    Ok(bytes)
}
