//! The rows of a window of keys, decoded, and the positions in it from which another reader goes on.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::form::{self, Form, Malformed};
use super::position::{Key, Position};
use super::selected::Shape;
use crate::selection::KeyTime;
use crate::value::Value;

/// A row of an answer, as its engine sends it.
pub(in crate::records) trait Row<'a>: Copy {
    /// The next value; `None` for null.
    ///
    /// # Errors
    /// [`Malformed`] where there is none.
    fn value(&mut self) -> Result<Option<&'a [u8]>, Malformed>;
}

/// How an engine's values are read.
pub(in crate::records) trait Decoding {
    /// Whether a value of the parent's column is the parent whose records are read. The database's `=` can also find others:
    /// `Acme` for `acme` under a collation without case.
    fn is_parent(&self, raw: &[u8]) -> bool;

    /// Appends the text of a value of the expression at `place`, and returns its form. The text of a [`Form::Text`] may be no
    /// UTF-8.
    ///
    /// # Errors
    /// [`Malformed`] for bytes that are not of the expression's type.
    fn decode(&self, place: usize, raw: &[u8], out: &mut Vec<u8>) -> Result<Form, Malformed>;

    /// A row's number in its window.
    fn number(&self, raw: &[u8]) -> Option<u64>;

    /// Whether a truth value is true.
    fn is_true(&self, raw: &[u8]) -> bool;
}

/// Why a row cannot be added to a page.
#[derive(Debug, thiserror::Error)]
pub(in crate::records) enum RowError {
    #[error(transparent)]
    Malformed(#[from] Malformed),
    #[error("two rows of a parent have the same key, or one has none")]
    EqualKeys,
}

/// A page of records: the rows of a window of keys that may be in the file, and always the window's last row.
#[derive(Debug)]
pub(in crate::records) struct SqlPage {
    shape: Arc<Shape>,
    buffers: Buffers,
    pool: BufferPool,
    /// The number of rows in the window.
    pub(super) scanned: u64,
    /// Rows of another parent, which the database takes for equal.
    pub(super) other_parent: u64,
    /// The last key of the window where that is no key of the page: that of a row of another parent, or for an empty window
    /// the key before it.
    end: Option<Key>,
    /// The parent's last key at the first page.
    last: Option<Key>,
    /// Whether there are no rows after this window.
    pub(super) is_last: bool,
    /// The size of the values in bytes.
    pub(super) bytes: u64,
}

/// The size in bytes of a page's values after which it takes no further row.
const MOST_BYTES: u64 = 16_000_000;

/// The rows of a page.
#[derive(Debug, Default)]
struct Buffers {
    /// The text of all values, while rows are added.
    bytes: Vec<u8>,
    /// The text of all values, after the last row.
    text: String,
    /// The values, row by row. Each begins where the one before ends.
    spans: Vec<ValueSpan>,
    /// The bytes of all keys, and where each of their values ends, row by row.
    keys: Vec<u8>,
    key_ends: Vec<usize>,
    /// The numbers of the rows in the window, from 1.
    numbers: Vec<u64>,
}

/// The buffers of pages that are gone, for the next ones: a page's memory would otherwise be given back and asked for again.
#[derive(Debug, Clone, Default)]
pub(super) struct BufferPool(Arc<Mutex<Vec<Buffers>>>);

impl BufferPool {
    fn take(&self) -> Buffers {
        self.free().pop().unwrap_or_default()
    }

    fn give_back(&self, mut buffers: Buffers) {
        buffers.bytes = std::mem::take(&mut buffers.text).into_bytes();
        buffers.bytes.clear();
        buffers.spans.clear();
        buffers.keys.clear();
        buffers.key_ends.clear();
        buffers.numbers.clear();
        let mut free = self.free();
        // One page is written while the next one is read.
        if free.len() < 2 {
            free.push(buffers);
        }
    }

    fn free(&self) -> MutexGuard<'_, Vec<Buffers>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for SqlPage {
    fn drop(&mut self) {
        self.pool.give_back(std::mem::take(&mut self.buffers));
    }
}

/// A value's form, and where it ends in the page's text. A page has some megabytes, and its largest rows hardly more.
#[derive(Debug, Clone, Copy)]
struct ValueSpan {
    form: Form,
    end: u32,
}

impl SqlPage {
    /// An empty page at a position.
    pub(super) fn new(shape: Arc<Shape>, position: Position, pool: BufferPool) -> Self {
        Self {
            shape,
            buffers: pool.take(),
            pool,
            scanned: 0,
            other_parent: 0,
            end: position.after,
            last: position.last,
            is_last: true,
            bytes: 0,
        }
    }

    /// Adds a row of the answer, unless it is of another parent. Returns whether the page is full: the rest of the window may
    /// be of any size, and the next page goes on after the last row that was added.
    ///
    /// # Errors
    /// For a value that is not of its column's type, and where two rows have one key.
    #[inline]
    pub(in crate::records) fn add<'a>(
        &mut self,
        mut row: impl Row<'a>,
        decoding: &impl Decoding,
    ) -> Result<bool, RowError> {
        let shape = &*self.shape;
        self.scanned = match shape.is_numbered {
            true => number(shape, row, decoding)?,
            false => self.scanned + 1,
        };
        let (mut key, width) = (row, shape.key_types.len());
        for _ in 0..width {
            row.value()?;
        }
        let of_key = (0..width).map(|_| Ok(key.value()?.unwrap_or_default()));
        if !decoding.is_parent(row.value()?.unwrap_or_default()) {
            self.other_parent += 1;
            let values = of_key.map(|value| value.map(<[u8]>::to_vec));
            self.end = Some(Key(values.collect::<Result<_, Malformed>>()?));
            return Ok(false);
        }
        self.end = None;
        for value in of_key {
            self.buffers.keys.extend_from_slice(value?);
            self.buffers.key_ends.push(self.buffers.keys.len());
        }
        for place in 0..shape.expressions {
            let form = match row.value()? {
                None => Form::Null,
                Some(raw) => {
                    self.bytes += raw.len() as u64;
                    decoding.decode(place, raw, &mut self.buffers.bytes)?
                }
            };
            let end = u32::try_from(self.buffers.bytes.len()).map_err(|_| Malformed)?;
            self.buffers.spans.push(ValueSpan { form, end });
        }
        self.buffers.numbers.push(self.scanned);
        Ok(self.bytes > MOST_BYTES)
    }

    /// Makes the page ready to be read, after its last row.
    ///
    /// # Errors
    /// [`Malformed`] for more text than a page can have.
    pub(super) fn finish(&mut self) -> Result<(), Malformed> {
        let buffers = &mut self.buffers;
        buffers.text = text_of(std::mem::take(&mut buffers.bytes), &mut buffers.spans)?;
        Ok(())
    }

    /// How many records the page has.
    pub(in crate::records) fn len(&self) -> usize {
        self.buffers.numbers.len()
    }

    /// Replaces the contents of `values` by the values of the record of this index, in the order of the request's values.
    #[inline]
    pub(in crate::records) fn values<'p>(&'p self, index: usize, values: &mut Vec<Value<'p>>) {
        let width = self.shape.expressions;
        let first = index * width;
        values.clear();
        if self.shape.is_in_order {
            let spans = &self.buffers.spans;
            let mut start = first.checked_sub(1).map_or(0, |before| spans[before].end);
            let mut rest = &self.buffers.text[start as usize..];
            values.extend(spans[first..first + width].iter().map(|span| {
                let (text, after) = rest.split_at((span.end - start) as usize);
                (rest, start) = (after, span.end);
                form::value(span.form, text)
            }));
            return;
        }
        for place in &self.shape.places {
            let mut filled = place
                .expressions
                .iter()
                .map(|n| first + n)
                .filter(|at| self.buffers.spans[*at].form != Form::Null);
            values.push(match (filled.next(), place.otherwise.as_deref()) {
                (Some(at), _) => form::value(self.buffers.spans[at].form, self.text_at(at)),
                (None, Some(otherwise)) => Value::Text(otherwise.into()),
                (None, None) => Value::Null,
            });
        }
    }

    /// The text of the value at this place of all values.
    #[inline]
    fn text_at(&self, at: usize) -> &str {
        let start = at
            .checked_sub(1)
            .map_or(0, |before| self.buffers.spans[before].end);
        &self.buffers.text[start as usize..self.buffers.spans[at].end as usize]
    }

    /// What a record's key says of its time.
    pub(in crate::records) fn key_time(&self) -> KeyTime {
        match self.shape.is_bounded_by_key {
            true => KeyTime::WithinBounds,
            false => KeyTime::None,
        }
    }

    /// The position after the whole page.
    pub(in crate::records) fn end(&self) -> String {
        self.position_after(self.last_key())
    }

    /// The last key of the window; that before it for an empty one.
    pub(super) fn last_key(&self) -> Option<Key> {
        match (&self.end, self.len().checked_sub(1)) {
            (None, Some(last)) => Some(self.key(last)),
            (end, _) => end.clone(),
        }
    }

    fn key(&self, index: usize) -> Key {
        let width = self.shape.key_types.len();
        let end = |n: usize| n.checked_sub(1).map_or(0, |n| self.buffers.key_ends[n]);
        let values = (index * width..(index + 1) * width)
            .map(|n| self.buffers.keys[end(n)..end(n + 1)].to_vec());
        Key(values.collect())
    }

    /// The position after the record of this index.
    pub(in crate::records) fn position(&self, index: usize) -> String {
        self.position_after(Some(self.key(index)))
    }

    fn position_after(&self, after: Option<Key>) -> String {
        let position = Position {
            types: self.shape.key_types.clone(),
            after,
            last: self.last.clone(),
        };
        position.to_string()
    }

    /// How many records were read for the whole page, also those that cannot be in the file.
    pub(in crate::records) fn read(&self) -> u64 {
        self.scanned
    }

    /// How many of these were read up to the record of this index.
    pub(in crate::records) fn read_through(&self, index: usize) -> u64 {
        self.buffers
            .numbers
            .get(index)
            .copied()
            .unwrap_or(self.scanned)
    }

    /// The size of the values that were read, in bytes.
    pub(in crate::records) fn examined(&self) -> u64 {
        self.bytes
    }
}

/// The number of a row in its window, of a numbered answer.
fn number<'a>(
    shape: &Shape,
    mut row: impl Row<'a>,
    decoding: &impl Decoding,
) -> Result<u64, RowError> {
    for _ in 0..shape.key_types.len() + 1 + shape.expressions {
        row.value()?;
    }
    if shape.compares_neighbors && row.value()?.is_some_and(|raw| decoding.is_true(raw)) {
        return Err(RowError::EqualKeys);
    }
    let number = row.value()?.and_then(|raw| decoding.number(raw));
    Ok(number.ok_or(Malformed)?)
}

/// The text of all values: their bytes where each is UTF-8. All are tested at once, which costs little.
fn text_of(bytes: Vec<u8>, spans: &mut [ValueSpan]) -> Result<String, Malformed> {
    match String::from_utf8(bytes) {
        Ok(text)
            if spans
                .iter()
                .all(|span| text.is_char_boundary(span.end as usize)) =>
        {
            Ok(text)
        }
        Ok(text) => with_replacements(text.as_bytes(), spans),
        Err(error) => with_replacements(error.as_bytes(), spans),
    }
}

/// The text of values of which some are no UTF-8, as only a database with the encoding `SQL_ASCII` has them: wrong bytes become
/// U+FFFD.
#[cold]
fn with_replacements(bytes: &[u8], spans: &mut [ValueSpan]) -> Result<String, Malformed> {
    let (mut text, mut start) = (String::with_capacity(bytes.len()), 0);
    for span in spans {
        let end = span.end as usize;
        let replaced = String::from_utf8_lossy(&bytes[start..end]);
        if let Cow::Owned(_) = replaced {
            span.form = Form::LossyText;
        }
        text.push_str(&replaced);
        start = end;
        span.end = u32::try_from(text.len()).map_err(|_| Malformed)?;
    }
    Ok(text)
}

#[cfg(test)]
mod tests;
