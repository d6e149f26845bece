//! Records in DynamoDB: a parent's partitions, read page by page and merged in the order of their sort keys.

use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use futures::future::try_join_all;
use serde_json::Value;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::budget::Budget;
use super::filter::Filter;
use super::merge::merge;
use super::page::Page;
use super::partition::PartitionReader;
use super::position::ResumePosition;
use super::query::{Cost, QuerySettings};
use super::range::segments;
use super::wire::Layout;
use super::{Order, Range, RecordsError};
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
        let spec = reading.spec;
        let partitions = spec.partitions(reading.parent_id);
        let positions = match position {
            None => vec![ResumePosition::default(); partitions.len()],
            Some(position) => positions(position, partitions.len())?,
        };
        let mut key_names = vec![spec.partition_key.clone(), spec.sort_key.clone()];
        let known = positions.iter().flat_map(ResumePosition::key_names);
        let knows_key = add_names(&mut key_names, known) || spec.index.is_none();
        let mut segments = segments(spec, &reading.range, reading.reads_outside);
        if reading.order == Order::Descending {
            segments.reverse();
        }
        let reader =
            |(partition, position)| PartitionReader::new(partition, segments.clone(), position);
        Ok(Self {
            partitions: partitions.into_iter().zip(positions).map(reader).collect(),
            origins: reading.projection.origins().to_vec(),
            bytes_per_second: f64::from(spec.read_mb_per_s) * 1e6,
            knows_key,
            settings: Arc::new(settings(db, table, reading, &key_names)),
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
        let key_time = match self.settings.format.is_id() {
            true => KeyTime::None,
            false => KeyTime::WithinBounds,
        };
        let page = Page::new(rows, &self.partitions, before, key_time, scanned, cost);
        Ok(Some(page))
    }

    /// Asks for the next page of each partition that has none left, side by side. Says what that cost, and how many
    /// records DynamoDB looked at for pages that are empty: such a page is at its end at once.
    async fn fetch(&mut self) -> Result<(Cost, u64), RecordsError> {
        let settings = &self.settings;
        let hungry = self
            .partitions
            .iter_mut()
            .filter(|partition| partition.needs_page());
        let fetched = hungry.map(async |partition| {
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

/// What is asked of each partition.
fn settings(db: Client, table: &str, reading: Reading<'_>, key_names: &[String]) -> QuerySettings {
    let spec = reading.spec;
    let origins = reading.projection.origins();
    let roots = origins.iter().map(|origin| {
        let roots = origin.roots()?;
        Some(roots.map(str::to_owned).collect::<Vec<_>>())
    });
    let roots: Option<Vec<_>> = roots.collect();
    QuerySettings {
        db,
        table: table.to_owned(),
        index: spec.index.clone(),
        partition_key: spec.partition_key.clone(),
        sort_key: spec.sort_key.clone(),
        format: spec.sort_format,
        attributes: roots.map(|roots| roots.concat()),
        filter: Filter::new(spec, reading.projection.conditions()),
        range: reading.range,
        order: reading.order,
        strong_until: reading.strong_until,
        page_size: None,
        layout: Arc::new(Layout::new(origins, key_names)),
        budget: Arc::new(Budget::new(None)),
        spares: Arc::default(),
        ahead: None,
    }
}

/// The positions of so many partitions, as [`Page::end`] writes them.
fn positions(text: &str, partitions: usize) -> Result<Vec<ResumePosition>, RecordsError> {
    let positions: Vec<Value> = serde_json::from_str(text).map_err(|_| RecordsError::Position)?;
    if positions.len() != partitions {
        return Err(RecordsError::Position);
    }
    positions.iter().map(ResumePosition::from_json).collect()
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

#[cfg(test)]
mod tests;
