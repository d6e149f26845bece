//! Records in DynamoDB: a parent's partitions, read page by page and merged in the order of their sort keys.

use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use futures::future::try_join_all;
use serde_json::Value;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::budget::Budget;
use super::filter::Filter;
use super::key;
use super::partition::PartitionReader;
use super::position::{PageOrigin, ResumePosition};
use super::query::{Cost, QuerySettings};
use super::range::segments;
use super::wire::{Answer, Layout};
use super::{Order, Range, RecordsError, Row};
use crate::catalog::{Origin, RecordsSpec};
use crate::selection::{KeyTime, Projection};

/// Pages that are asked for before they are needed, in all partitions together. Each takes up to about 3 MB.
const PAGES_AHEAD: usize = 4;

/// What is read of a type's records.
#[derive(Debug)]
pub struct Reading<'a> {
    /// Where the records are in their table.
    pub spec: &'a RecordsSpec,
    /// Whose records they are.
    pub parent_id: &'a str,
    /// What is needed of each record, and what holds of every selected one.
    pub projection: &'a Projection,
    /// When they were created.
    pub range: Range,
    /// In which order they come.
    pub order: Order,
    /// Whether records are read too whose keys lie outside of the range because they are not of the type's format.
    pub reads_outside: bool,
    /// Until then a table is read strongly consistently, whatever its keys say of time: see [`super::INDEX_DELAY`].
    pub strong_until: Option<Instant>,
}

/// Some records, as DynamoDB gave them.
#[derive(Debug)]
pub struct Page {
    /// Each by the place of its partition, and its own in that partition's answer.
    rows: Vec<(u32, u32)>,
    partitions: Vec<Part>,
    /// What a key says of time that is of the type's format.
    key_time: KeyTime,
    /// Records that DynamoDB looked at and that do not count one by one.
    scanned: u64,
    /// Read units that it used.
    pub read_units: f64,
    /// Bytes of the table that were read for it, also of records that were out of bounds: whole units of 4 KB, as
    /// DynamoDB counts them.
    pub examined: u64,
}

/// A partition's part in a page.
#[derive(Debug)]
struct Part {
    answer: Option<Arc<Answer>>,
    /// The records whose key is not of the type's format, in ascending order.
    with_other_format: Vec<u32>,
    origin: PageOrigin,
    before: ResumePosition,
    end: ResumePosition,
}

impl Page {
    /// How many records it holds.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether it holds none, as a page may when all that was read lies outside of the bounds.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Its records, in the order of their keys that was asked for.
    pub fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        self.rows.iter().filter_map(|row| self.row(*row))
    }

    /// What the key of the record of this index says of its time.
    #[inline]
    pub fn key_time(&self, index: usize) -> KeyTime {
        let Some((place, row)) = self.rows.get(index) else {
            return KeyTime::None;
        };
        let with_other_format = &self.partitions[*place as usize].with_other_format;
        match with_other_format.is_empty() || with_other_format.binary_search(row).is_err() {
            true => self.key_time,
            false => KeyTime::Unreadable,
        }
    }

    /// The sort key of the record of this index, as text.
    pub fn sort_key(&self, index: usize) -> Option<&str> {
        let row = self.row(*self.rows.get(index)?)?;
        row.sort_key().and_then(key::text)
    }

    fn row(&self, (place, row): (u32, u32)) -> Option<Row<'_>> {
        let answer = self.partitions[place as usize].answer.as_deref()?;
        Some(Row::new(answer, row as usize))
    }

    /// The position past the whole page, also past records that were out of bounds.
    pub fn end(&self) -> String {
        position(self.partitions.iter().map(|part| part.end.clone()))
    }

    /// The position just past the record of this index: where another source goes on.
    pub fn position(&self, index: usize) -> String {
        let taken = self.taken(index);
        let of_part = |(place, part): (usize, &Part)| {
            let last = taken.iter().rev().find(|(of, _)| *of as usize == place);
            let row = last.and_then(|last| self.row(*last));
            row.map_or_else(
                || part.before.clone(),
                |row| part.origin.position_after(row),
            )
        };
        position(self.partitions.iter().enumerate().map(of_part))
    }

    /// How many records were read for the whole page, also those that DynamoDB was asked to leave out.
    pub fn read(&self) -> u64 {
        self.counted(&self.rows) + self.scanned
    }

    /// How many of these count as read where another source goes on from [`Page::position`].
    pub fn read_through(&self, index: usize) -> u64 {
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

fn position(positions: impl Iterator<Item = ResumePosition>) -> String {
    Value::Array(positions.map(|position| position.to_json()).collect()).to_string()
}

/// A parent's records within a range, from a position on.
#[derive(Debug)]
pub struct DynamoRecords {
    settings: Arc<QuerySettings>,
    partitions: Vec<PartitionReader>,
    origins: Vec<Origin>,
    bytes_per_second: f64,
    /// In an index, whether the attributes of the table's own key are known.
    knows_key: bool,
}

impl DynamoRecords {
    /// The records of `reading` in this table. `position` is that of the last record already read.
    ///
    /// # Errors
    /// When the position is not one of this source.
    pub fn new(
        db: Client,
        table: &str,
        reading: Reading<'_>,
        position: Option<&str>,
    ) -> Result<Self, RecordsError> {
        let Reading {
            spec,
            range,
            order,
            projection,
            strong_until,
            ..
        } = reading;
        let mut segments = segments(spec, &range, reading.reads_outside);
        if order == Order::Descending {
            segments.reverse();
        }
        let partitions = spec.partitions(reading.parent_id);
        let positions = match position {
            None => vec![ResumePosition::default(); partitions.len()],
            Some(position) => {
                let positions: Vec<Value> =
                    serde_json::from_str(position).map_err(|_| RecordsError::Position)?;
                positions
                    .iter()
                    .map(ResumePosition::from_json)
                    .collect::<Result<_, _>>()?
            }
        };
        if positions.len() != partitions.len() {
            return Err(RecordsError::Position);
        }
        let mut key_names = vec![spec.partition_key.clone(), spec.sort_key.clone()];
        let known = positions.iter().flat_map(ResumePosition::key_names);
        let knows_key = add_names(&mut key_names, known) || spec.index.is_none();
        let roots = projection.origins().iter().map(|origin| {
            let roots = origin.roots()?;
            Some(roots.map(str::to_owned).collect::<Vec<_>>())
        });
        let settings = QuerySettings {
            db,
            table: table.to_owned(),
            index: spec.index.clone(),
            partition_key: spec.partition_key.clone(),
            sort_key: spec.sort_key.clone(),
            format: spec.sort_format,
            attributes: roots
                .collect::<Option<Vec<_>>>()
                .map(|roots| roots.concat()),
            filter: Filter::new(spec, projection.conditions()),
            range,
            order,
            strong_until,
            page_size: None,
            layout: Arc::new(Layout::new(projection.origins(), &key_names)),
            budget: Arc::new(Budget::new(None)),
            spares: Arc::default(),
            ahead: None,
        };
        let partitions = partitions.into_iter().zip(positions);
        let partitions = partitions.map(|(partition, position)| {
            PartitionReader::new(partition, segments.clone(), position)
        });
        Ok(Self {
            partitions: partitions.collect(),
            settings: Arc::new(settings),
            origins: projection.origins().to_vec(),
            bytes_per_second: f64::from(spec.read_mb_per_s) * 1e6,
            knows_key,
        })
    }

    /// Lets each query from now on look at no more than this many records. DynamoDB reads no more than 1 MB anyway.
    pub fn examine_at_most(&mut self, records: i32) {
        Arc::make_mut(&mut self.settings).page_size = Some(records);
    }

    /// Reads all there is as fast as the type's budget allows: pages are asked for before they are needed.
    pub fn in_bulk(mut self) -> Self {
        let settings = Arc::make_mut(&mut self.settings);
        settings.budget = Arc::new(Budget::new(Some(self.bytes_per_second)));
        settings.ahead = Some(Arc::new(Semaphore::new(PAGES_AHEAD)));
        self
    }

    /// Whether all has been read, so that there is no next page.
    pub fn is_at_end(&self) -> bool {
        self.partitions.iter().all(PartitionReader::is_at_end)
    }

    /// The next records; `None` at the end. Partitions are read side by side.
    ///
    /// # Errors
    /// What may pass has been tried again by the SDK before.
    pub async fn next(&mut self) -> Result<Option<Page>, RecordsError> {
        if self.is_at_end() {
            return Ok(None);
        }
        let mut cost = self.learn_key().await?;
        let Self {
            settings,
            partitions,
            ..
        } = self;
        let before: Vec<ResumePosition> = partitions
            .iter()
            .map(|partition| partition.position().clone())
            .collect();
        let hungry = partitions
            .iter_mut()
            .filter(|partition| partition.needs_page());
        let fetched = hungry.map(async |partition| {
            let cost = partition.fetch(settings).await?;
            // An empty page is at its end at once.
            let scanned = if partition.head().is_none() {
                partition.origin().scanned
            } else {
                0
            };
            Ok::<_, RecordsError>((cost, scanned))
        });
        let mut scanned = 0;
        for (costs, records) in try_join_all(fetched).await? {
            cost += costs;
            scanned += records;
        }
        let (rows, passed) = merge(partitions, settings.order);
        if let Some(place) = passed
            && !partitions[place].origin().is_dense
        {
            scanned += partitions[place].origin().scanned;
        }
        for (place, partition) in partitions.iter_mut().enumerate() {
            if let Some((_, row)) = rows.iter().rev().find(|(of, _)| *of as usize == place) {
                partition.pass(*row);
            }
        }
        let partitions = partitions
            .iter()
            .zip(before)
            .map(|(partition, before)| Part {
                answer: partition.answer().cloned(),
                with_other_format: partition.with_other_format().to_vec(),
                origin: partition.origin().clone(),
                before,
                end: partition.position().clone(),
            });
        Ok(Some(Page {
            partitions: partitions.collect(),
            key_time: match settings.format.is_id() {
                true => KeyTime::None,
                false => KeyTime::WithinBounds,
            },
            rows,
            scanned,
            read_units: cost.read_units,
            examined: cost.bytes,
        }))
    }

    /// An index goes on from a key that has the table's own key in it, and its records are told apart by that. DynamoDB
    /// names its attributes where a query has looked at as many records as it may: one.
    async fn learn_key(&mut self) -> Result<Cost, RecordsError> {
        let mut cost = Cost::default();
        let names = self.settings.layout.key_names().map(str::to_owned);
        let mut names: Vec<String> = names.collect();
        for partition in &self.partitions {
            if self.knows_key {
                return Ok(cost);
            }
            let query = self
                .settings
                .partition(partition.partition())
                .key_condition_expression("#partition = :partition")
                .limit(1);
            let answer = query
                .send()
                .await
                .map_err(|error| self.settings.error(error))?;
            let units = answer.consumed_capacity.and_then(|c| c.capacity_units);
            cost += Cost::new(units.unwrap_or_default(), false);
            let found = answer.last_evaluated_key.unwrap_or_default();
            self.knows_key = add_names(&mut names, found.keys());
        }
        // Of a source without a record, nothing is asked that would need it.
        self.knows_key = true;
        Arc::make_mut(&mut self.settings).layout = Arc::new(Layout::new(&self.origins, &names));
        Ok(cost)
    }
}

/// Adds what is not there yet. Says whether there was any name at all.
fn add_names<'a>(names: &mut Vec<String>, more: impl Iterator<Item = &'a String>) -> bool {
    let mut any = false;
    for name in more {
        any = true;
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
    any
}

/// Takes records in the order of their keys, as long as every partition shows its next one. Says also which partitions
/// have come to the end of what was read of them.
fn merge(partitions: &mut [PartitionReader], order: Order) -> (Vec<(u32, u32)>, Option<usize>) {
    if let [partition] = partitions {
        let rows: Vec<_> = partition.take_all().iter().map(|row| (0, *row)).collect();
        let passed = (!rows.is_empty()).then_some(0);
        return (rows, passed);
    }
    let mut rows = Vec::new();
    while !partitions.iter().any(PartitionReader::needs_page)
        && let Some(place) = first(partitions, order)
        && let Some(row) = partitions[place].take()
    {
        rows.push((place as u32, row));
        if partitions[place].head().is_none() {
            return (rows, Some(place));
        }
    }
    (rows, None)
}

/// The partition whose record is the next one; of equal keys, the one that the catalog names first.
fn first(partitions: &[PartitionReader], order: Order) -> Option<usize> {
    let sort_key = |place: usize| partitions[place].head().and_then(|row| row.sort_key());
    let heads = (0..partitions.len()).filter(|&place| partitions[place].head().is_some());
    heads.reduce(|first, place| {
        let compared = key::compare(sort_key(place), sort_key(first));
        let is_before = match order {
            Order::Ascending => compared.is_lt(),
            Order::Descending => compared.is_ge(),
        };
        if is_before { place } else { first }
    })
}

#[cfg(test)]
mod tests;
