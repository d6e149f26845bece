//! A page of records as DynamoDB gave them, and the positions in it from which another source goes on.

use std::sync::Arc;

use serde_json::{Value as Json, json};

use super::partition::PartitionReader;
use super::position::{PageOrigin, ResumePosition};
use super::query::Cost;
use super::wire::Answer;
use super::{Row, key};
use crate::selection::KeyTime;
use crate::value::Value;

/// Some records, as DynamoDB gave them.
#[derive(Debug)]
pub(in crate::records) struct DynamoPage {
    /// Each by the place of its partition, and its own in that partition's answer.
    rows: Vec<(u32, u32)>,
    partitions: Vec<Part>,
    /// The month or the day of these partitions, where each has partitions of its own.
    period: Option<Arc<str>>,
    /// What a key says of time that is of the type's format.
    key_time: KeyTime,
    /// Records that DynamoDB looked at and that do not count one by one.
    scanned: u64,
    /// Read units that it used.
    pub(in crate::records) read_units: f64,
    /// Bytes of the table that were read for it, also of records that were out of bounds: whole units of 4 KB, as
    /// DynamoDB counts them.
    pub(in crate::records) examined: u64,
}

/// A partition's part in a page.
#[derive(Debug)]
struct Part {
    answer: Option<Arc<Answer>>,
    /// The records whose key does not decide their time, in ascending order.
    exceptions: Vec<(u32, KeyTime)>,
    origin: PageOrigin,
    before: ResumePosition,
    end: ResumePosition,
}

impl DynamoPage {
    /// The page of these records, each by the place of its partition and its own in that partition's answer. `before` has
    /// the position of each partition before the page; `scanned` counts the records that DynamoDB was asked to leave out.
    pub(super) fn new(
        rows: Vec<(u32, u32)>,
        partitions: &[PartitionReader],
        before: Vec<ResumePosition>,
        key_time: KeyTime,
        scanned: u64,
        cost: Cost,
    ) -> Self {
        let part = |(partition, before): (&PartitionReader, ResumePosition)| Part {
            answer: partition.answer().cloned(),
            exceptions: partition.exceptions().to_vec(),
            origin: partition.origin().clone(),
            before,
            end: partition.position().clone(),
        };
        Self {
            rows,
            partitions: partitions.iter().zip(before).map(part).collect(),
            period: None,
            key_time,
            scanned,
            read_units: cost.read_units,
            examined: cost.bytes,
        }
    }

    /// The page as one of partitions of this month or day.
    pub(super) fn of_period(self, period: Option<Arc<str>>) -> Self {
        Self { period, ..self }
    }

    /// How many records it holds.
    pub(in crate::records) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Replaces the contents of `values` by the values of the record of this index.
    #[inline]
    pub(in crate::records) fn values<'p>(&'p self, index: usize, values: &mut Vec<Value<'p>>) {
        if let Some(row) = self.rows.get(index).and_then(|row| self.row(*row)) {
            row.values(values);
        }
    }

    /// Its records, in the order of their keys that was asked for.
    #[cfg(test)]
    pub(super) fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        self.rows.iter().filter_map(|row| self.row(*row))
    }

    /// What the key of the record of this index says of its time.
    #[inline]
    pub(in crate::records) fn key_time(&self, index: usize) -> KeyTime {
        let Some((place, row)) = self.rows.get(index) else {
            return KeyTime::None;
        };
        let exceptions = &self.partitions[*place as usize].exceptions;
        let found = exceptions.binary_search_by_key(row, |(row, _)| *row);
        found.map_or(self.key_time, |found| exceptions[found].1)
    }

    /// The sort key of the record of this index, as text.
    pub(in crate::records) fn sort_key(&self, index: usize) -> Option<&str> {
        let row = self.row(*self.rows.get(index)?)?;
        row.sort_key().and_then(key::text)
    }

    fn row(&self, (place, row): (u32, u32)) -> Option<Row<'_>> {
        let answer = self.partitions[place as usize].answer.as_deref()?;
        Some(Row::new(answer, row as usize))
    }

    /// The position past the whole page, also past records that were out of bounds.
    pub(in crate::records) fn end(&self) -> String {
        self.position_of(self.partitions.iter().map(|part| part.end.clone()))
    }

    /// The position just past the record of this index: where another source goes on.
    pub(in crate::records) fn position(&self, index: usize) -> String {
        let taken = self.taken(index);
        let of_part = |(place, part): (usize, &Part)| {
            let last = taken.iter().rev().find(|(of, _)| *of as usize == place);
            let row = last.and_then(|last| self.row(*last));
            row.map_or_else(
                || part.before.clone(),
                |row| part.origin.position_after(row),
            )
        };
        self.position_of(self.partitions.iter().enumerate().map(of_part))
    }

    fn position_of(&self, positions: impl Iterator<Item = ResumePosition>) -> String {
        let positions = Json::Array(positions.map(|position| position.to_json()).collect());
        match &self.period {
            None => positions.to_string(),
            Some(period) => json!({ "period": **period, "partitions": positions }).to_string(),
        }
    }

    /// How many records were read for the whole page, also those that DynamoDB was asked to leave out.
    pub(in crate::records) fn read(&self) -> u64 {
        self.counted(&self.rows) + self.scanned
    }

    /// How many of these count as read where another source goes on from [`DynamoPage::position`].
    pub(in crate::records) fn read_through(&self, index: usize) -> u64 {
        self.counted(self.taken(index))
    }

    fn taken(&self, index: usize) -> &[(u32, u32)] {
        &self.rows[..self.rows.len().min(index + 1)]
    }

    fn counted(&self, rows: &[(u32, u32)]) -> u64 {
        let counts = |(place, _): &&(u32, u32)| self.partitions[*place as usize].origin.is_dense;
        rows.iter().filter(counts).count() as u64
    }
}
