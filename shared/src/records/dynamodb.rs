//! Reads records from DynamoDB: a parent's partitions, page by page, merged in the order of their sort keys.

mod budget;
mod clients;
mod filter;
mod key;
mod merge;
mod page;
mod partition;
mod position;
mod query;
mod segments;
mod wire;

pub(super) use clients::DynamodbClients;
pub(super) use page::DynamoPage;

use std::collections::VecDeque;
use std::iter;
use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use futures::future::try_join_all;
use serde_json::Value;
use tokio::sync::Semaphore;

use self::budget::Budget;
use self::filter::Filter;
use self::merge::merge;
use self::partition::PartitionReader;
use self::position::ResumePosition;
use self::query::{Cost, OPERATION, QuerySettings};
use self::segments::{Segment, segments};
use self::wire::{Layout, Row};
use super::{Order, RECENT, Range, ReadRequest, RecordsError};
use crate::catalog::{DynamodbSpec, NoRoot, Origin, PartitionGroup};
use crate::selection::KeyTime;

/// The maximum number of pages that are requested ahead, in all partitions together. A page takes up to about 3 MB.
const PAGES_AHEAD: usize = 4;

/// A parent's records within a range, after a position.
#[derive(Debug)]
pub(super) struct DynamoRecords {
    settings: Arc<QuerySettings>,
    segments: Vec<Segment>,
    /// The month or the day whose partitions are read, where each has partitions of its own.
    period: Option<Arc<str>>,
    partitions: Vec<PartitionReader>,
    /// The partitions to read after these.
    later: VecDeque<PartitionGroup>,
    origins: Vec<Origin>,
    bytes_per_second: f64,
    /// Whether the names of the table's own key attributes are known. An index does not name them.
    knows_key: bool,
}

impl DynamoRecords {
    /// The records of `reading` in this table, after `position`: the position of the last record that was read.
    ///
    /// # Errors
    /// If the position is not one of these partitions.
    pub(super) fn new(
        db: Client,
        table: &str,
        spec: &DynamodbSpec,
        reading: ReadRequest<'_>,
        position: Option<&str>,
    ) -> Result<Self, RecordsError> {
        let Range { from, until, .. } = reading.range;
        let groups = spec.groups(reading.parent_id, reading.root_id, from, until);
        let mut groups = groups.map_err(|NoRoot| RecordsError::NoRoot)?;
        if reading.order == Order::Descending {
            groups.reverse();
        }
        let mut later = VecDeque::from(groups);
        let positions = match position {
            None => Vec::new(),
            Some(position) => positions(position, &mut later)?,
        };
        let mut key_names: Vec<String> = spec.key_names().map(str::to_owned).collect();
        let known = positions.iter().flat_map(ResumePosition::key_names);
        let knows_key = add_names(&mut key_names, known) || spec.index.is_none();
        let mut segments = segments(spec, &reading.range, reading.reads_outside);
        if reading.order == Order::Descending {
            segments.reverse();
        }
        let mut records = Self {
            segments,
            period: None,
            partitions: Vec::new(),
            later,
            origins: reading.projection.origins().to_vec(),
            bytes_per_second: f64::from(spec.read_mb_per_s) * 1e6,
            knows_key,
            settings: Arc::new(settings(db, table, spec, reading, &key_names)),
        };
        records.begin_group(positions);
        Ok(records)
    }

    /// Begins to read the next partitions, from these positions, if any.
    fn begin_group(&mut self, positions: Vec<ResumePosition>) {
        let Some(group) = self.later.pop_front() else {
            return;
        };
        let positions = positions
            .into_iter()
            .chain(iter::repeat(ResumePosition::default()));
        let readers = group.partitions.into_iter().zip(positions);
        self.partitions = readers
            .map(|(partition, position)| {
                PartitionReader::new(partition, self.segments.clone(), position)
            })
            .collect();
        self.period = group.period.map(Arc::from);
    }

    /// Limits each further query to this many examined records. DynamoDB also reads at most 1 MB per query.
    pub(super) fn examine_at_most(&mut self, records: i32) {
        Arc::make_mut(&mut self.settings).page_size = Some(records);
    }

    /// Requests pages before they are needed, within the type's read rate. For reads of all records.
    pub(super) fn with_read_ahead(mut self) -> Self {
        let settings = Arc::make_mut(&mut self.settings);
        settings.budget = Arc::new(Budget::new(Some(self.bytes_per_second)));
        settings.ahead = Some(Arc::new(Semaphore::new(PAGES_AHEAD)));
        self
    }

    /// Whether all records have been read.
    pub(super) fn is_at_end(&self) -> bool {
        self.later.is_empty() && self.is_group_at_end()
    }

    fn is_group_at_end(&self) -> bool {
        self.partitions.iter().all(PartitionReader::is_at_end)
    }

    /// The next page of records; `None` at the end. Partitions are read concurrently.
    ///
    /// # Errors
    /// If a query fails, also after the SDK's retries.
    pub(super) async fn next(&mut self) -> Result<Option<DynamoPage>, RecordsError> {
        while self.is_group_at_end() {
            if self.later.is_empty() {
                return Ok(None);
            }
            self.begin_group(Vec::new());
        }
        let mut cost = self.learn_key().await?;
        let positions = self.partitions.iter().map(PartitionReader::position);
        let before: Vec<ResumePosition> = positions.cloned().collect();
        let (fetched, mut scanned) = self.fetch().await?;
        cost += fetched;
        let (rows, passed) = merge(&mut self.partitions, self.settings.order);
        if let Some(place) = passed {
            let origin = self.partitions[place].origin();
            scanned += if origin.is_dense { 0 } else { origin.scanned };
        }
        for (place, partition) in self.partitions.iter_mut().enumerate() {
            if let Some((_, row)) = rows.iter().rev().find(|(of, _)| *of as usize == place) {
                partition.pass(*row);
            }
        }
        let key_time = match self.settings.format.has_time() {
            true => KeyTime::WithinBounds,
            false => KeyTime::None,
        };
        let page = DynamoPage::new(rows, &self.partitions, before, key_time, scanned, cost);
        Ok(Some(page.of_period(self.period.clone())))
    }

    /// Reads the next page of each partition that has no rows left, concurrently. Returns the cost, and the number of
    /// records that DynamoDB examined for empty pages: no row of such a page can count them later.
    async fn fetch(&mut self) -> Result<(Cost, u64), RecordsError> {
        let settings = &self.settings;
        let partitions = self.partitions.iter_mut();
        let without_rows = partitions.filter(|partition| partition.needs_page());
        let fetched = without_rows.map(async |partition| {
            let cost = partition.fetch(settings).await?;
            let scanned = match partition.head() {
                None => partition.origin().scanned,
                Some(_) => 0,
            };
            Ok::<_, RecordsError>((cost, scanned))
        });
        let mut sum = (Cost::default(), 0);
        for (cost, scanned) in try_join_all(fetched).await? {
            sum.0 += cost;
            sum.1 += scanned;
        }
        Ok(sum)
    }

    /// Learns the names of the table's own key attributes. A position in an index needs them: the start key of a query
    /// contains the table's key, which also distinguishes records with the same key in the index. DynamoDB returns the
    /// names with a query that reaches its limit, here one record.
    async fn learn_key(&mut self) -> Result<Cost, RecordsError> {
        let mut cost = Cost::default();
        if self.knows_key {
            return Ok(cost);
        }
        let names = self.settings.layout.key_names().map(str::to_owned);
        let mut names: Vec<String> = names.collect();
        for partition in &self.partitions {
            let answer = self
                .settings
                .first_record(partition.partition())
                .send()
                .await;
            let answer = answer.map_err(|error| self.settings.error(OPERATION, error))?;
            let units = answer.consumed_capacity.and_then(|c| c.capacity_units);
            cost += Cost::new(units.unwrap_or_default(), false);
            let found = answer.last_evaluated_key.unwrap_or_default();
            if add_names(&mut names, found.keys()) {
                self.knows_key = true;
                let layout = Layout::new(&self.origins, &names, self.settings.sort_key.as_deref());
                Arc::make_mut(&mut self.settings).layout = Arc::new(layout);
                break;
            }
        }
        // Without a record in these partitions, no query of theirs needs the key.
        Ok(cost)
    }
}

/// The settings of each partition's queries.
fn settings(
    db: Client,
    table: &str,
    spec: &DynamodbSpec,
    reading: ReadRequest<'_>,
    key_names: &[String],
) -> QuerySettings {
    let origins = reading.projection.origins();
    let roots = origins.iter().map(|origin| {
        let roots = origin.roots()?;
        Some(roots.map(str::to_owned).collect::<Vec<_>>())
    });
    let roots: Option<Vec<_>> = roots.collect();
    let boundary = spec.sort_format.lower_bound(reading.range.until);
    QuerySettings {
        db,
        table: table.to_owned(),
        index: spec.index.clone(),
        partition_key: spec.partition_key.clone(),
        has_number_partitions: spec.has_number_partitions,
        sort_key: spec.sort_key.clone(),
        boundary: boundary.filter(|_| spec.scan.is_none()),
        format: spec.sort_format.clone(),
        attributes: roots.map(|roots| roots.concat()),
        is_scan: spec.scan.is_some(),
        filter: Filter::new(spec, reading.parent_id, reading.projection.conditions()),
        range: reading.range,
        order: reading.order,
        strong_until: reading.strong_until,
        page_size: None,
        layout: Arc::new(Layout::new(origins, key_names, spec.sort_key.as_deref())),
        budget: Arc::new(Budget::new(None)),
        buffers: Arc::default(),
        ahead: None,
    }
}

/// Parses the positions of the partitions of a page, as [`DynamoPage::end`] writes them, and leaves out the groups of
/// partitions before them.
fn positions(
    text: &str,
    groups: &mut VecDeque<PartitionGroup>,
) -> Result<Vec<ResumePosition>, RecordsError> {
    let json: Value = serde_json::from_str(text).map_err(|_| RecordsError::Position)?;
    let (period, positions) = match &json {
        Value::Object(of_period) => (of_period.get("period"), of_period.get("partitions")),
        positions => (None, Some(positions)),
    };
    let period = period.and_then(Value::as_str);
    let positions = positions.and_then(Value::as_array);
    let positions = positions.ok_or(RecordsError::Position)?;
    let known = |group: &PartitionGroup| group.period.as_deref() == period;
    // A parent's id that no key can have has no partitions.
    match groups.iter().position(known) {
        Some(place) => drop(groups.drain(..place)),
        None if groups.is_empty() => {}
        None => return Err(RecordsError::Position),
    }
    let partitions = groups.front().map_or(0, |group| group.partitions.len());
    if positions.len() != partitions {
        return Err(RecordsError::Position);
    }
    positions.iter().map(ResumePosition::from_json).collect()
}

/// Adds the names that are missing. Returns whether `more` has any name.
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

#[cfg(test)]
mod tests;
