//! The answer to a query.

use std::sync::Arc;

use serde_json::Value as Json;

use super::buffer_pool::BufferPool;
use super::layout::Layout;
use super::parser::{MAX_BYTES, RecordsParser, ValueSpan, ValueSpans};
use super::scan::{Malformed, Scanner};
use crate::records::dynamodb::key::{self, Key};

/// DynamoDB's answer to a `Query`, parsed once. The values of its records borrow from its bytes.
#[derive(Debug)]
pub(in crate::records::dynamodb) struct Answer {
    text: String,
    values: ValueSpans,
    layout: Arc<Layout>,
    buffers: Arc<BufferPool>,
    /// Records that DynamoDB examined, including those that the filter excluded (`ScannedCount`).
    pub(in crate::records::dynamodb) scanned: u64,
    /// The key after which the next page begins; `None` at the end.
    pub(in crate::records::dynamodb) last_key: Option<Key>,
    /// The read units used.
    pub(in crate::records::dynamodb) read_units: f64,
}

impl Answer {
    /// Parses an answer.
    pub(in crate::records::dynamodb) fn read(
        body: Vec<u8>,
        parser: &mut RecordsParser,
    ) -> Result<Self, Malformed> {
        if body.len() > MAX_BYTES {
            return Err(Malformed(MAX_BYTES));
        }
        let text = String::from_utf8(body).map_err(|e| Malformed(e.utf8_error().valid_up_to()))?;
        let mut scanner = Scanner::new(&text);
        let mut values = ValueSpans::default();
        let (mut scanned, mut last_key, mut read_units) = (None, None, 0.0);
        let mut more = scanner.opens(b'{', b'}')?;
        while more {
            let name = scanner.string()?;
            scanner.expect(b':')?;
            scanner.peek()?;
            let start = scanner.at;
            match &text[name.start..name.end] {
                "Items" => values = parser.records(&mut scanner)?,
                "ScannedCount" => scanned = json(&mut scanner, &text)?.as_u64(),
                "LastEvaluatedKey" => {
                    let key = key::from_json(&json(&mut scanner, &text)?);
                    last_key = Some(key.map_err(|_| Malformed(start))?);
                }
                "ConsumedCapacity" => {
                    let units = &json(&mut scanner, &text)?["CapacityUnits"];
                    read_units = units.as_f64().unwrap_or_default();
                }
                _ => scanner.skip()?,
            }
            more = scanner.has_more(b'}')?;
        }
        Ok(Self {
            scanned: scanned.unwrap_or_default().max(values.rows as u64),
            values,
            layout: parser.layout.clone(),
            buffers: parser.buffers.clone(),
            last_key,
            read_units,
            text,
        })
    }

    /// The number of records.
    pub(in crate::records::dynamodb) fn rows(&self) -> usize {
        self.values.rows
    }

    pub(in crate::records::dynamodb) fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The span of a record at a position of the layout.
    #[inline]
    pub(super) fn span(&self, row: usize, place: usize) -> ValueSpan {
        self.values.spans[row * self.layout.places + place]
    }

    /// The text of a span in the answer's bytes.
    #[inline]
    pub(super) fn text(&self, span: ValueSpan) -> &str {
        &self.text[span.range()]
    }

    #[inline]
    pub(super) fn unescaped(&self, span: ValueSpan) -> &str {
        &self.values.unescaped[span.range()]
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        let body = std::mem::take(&mut self.text).into_bytes();
        self.buffers
            .give_back(body, std::mem::take(&mut self.values.spans));
    }
}

/// Parses a small value with `serde_json`.
fn json(scanner: &mut Scanner<'_>, text: &str) -> Result<Json, Malformed> {
    let start = scanner.at;
    scanner.skip()?;
    serde_json::from_str(&text[start..scanner.at]).map_err(|_| Malformed(start))
}
