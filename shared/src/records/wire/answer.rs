//! One answer of a query: its records, and what it says besides.

use std::sync::Arc;

use serde_json::Value as Json;

use super::layout::Layout;
use super::reader::{Cell, Cells, MOST_BYTES, Reader};
use super::scan::{Malformed, Scanner};
use super::spares::Spares;
use crate::records::key::{self, Key};

/// An answer of DynamoDB to a `Query`, as its bytes: records are read out of them once, and their values borrowed.
#[derive(Debug)]
pub(in crate::records) struct Answer {
    text: String,
    cells: Cells,
    layout: Arc<Layout>,
    spares: Arc<Spares>,
    /// Records that DynamoDB looked at, also those that a filter left out.
    pub(in crate::records) looked_at: u64,
    /// Where to go on; `None` at the end.
    pub(in crate::records) last_key: Option<Key>,
    /// What it cost, in read units.
    pub(in crate::records) read_units: f64,
}

impl Answer {
    /// Reads an answer.
    pub(in crate::records) fn read(body: Vec<u8>, reader: &mut Reader) -> Result<Self, Malformed> {
        if body.len() > MOST_BYTES {
            return Err(Malformed(MOST_BYTES));
        }
        let text = String::from_utf8(body).map_err(|e| Malformed(e.utf8_error().valid_up_to()))?;
        let mut scanner = Scanner::new(&text);
        let mut cells = Cells::default();
        let (mut looked_at, mut last_key, mut read_units) = (None, None, 0.0);
        let mut more = scanner.opens(b'{', b'}')?;
        while more {
            let name = scanner.string()?;
            scanner.expect(b':')?;
            scanner.peek()?;
            let start = scanner.at;
            match &text[name.start..name.end] {
                "Items" => cells = reader.records(&mut scanner)?,
                "ScannedCount" => looked_at = json(&mut scanner, &text)?.as_u64(),
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
            looked_at: looked_at.unwrap_or_default().max(cells.rows as u64),
            cells,
            layout: reader.layout.clone(),
            spares: reader.spares.clone(),
            last_key,
            read_units,
            text,
        })
    }

    /// How many records it holds.
    pub(in crate::records) fn rows(&self) -> usize {
        self.cells.rows
    }

    pub(in crate::records) fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The value at a place of a record.
    #[inline]
    pub(super) fn cell(&self, row: usize, place: usize) -> Cell {
        self.cells.cells[row * self.layout.places + place]
    }

    /// What a cell's value is written as.
    #[inline]
    pub(super) fn text(&self, cell: Cell) -> &str {
        &self.text[cell.range()]
    }

    #[inline]
    pub(super) fn unescaped(&self, cell: Cell) -> &str {
        &self.cells.unescaped[cell.range()]
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        let body = std::mem::take(&mut self.text).into_bytes();
        self.spares
            .give_back(body, std::mem::take(&mut self.cells.cells));
    }
}

/// A small value, read in the ordinary way.
fn json(scanner: &mut Scanner<'_>, text: &str) -> Result<Json, Malformed> {
    let start = scanner.at;
    scanner.skip()?;
    serde_json::from_str(&text[start..scanner.at]).map_err(|_| Malformed(start))
}
