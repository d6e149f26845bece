//! Records in DynamoDB: a parent's partitions, read page by page and merged in the order of their sort keys.

use aws_sdk_dynamodb::Client;
use futures::future::try_join_all;
use serde_json::Value;

use super::filter::Filter;
use super::key;
use super::lane::Lane;
use super::question::{Cost, Question};
use super::range::segments;
use super::spot::{Leaf, Spot};
use super::{Order, Range, RecordsError, Row};
use crate::catalog::RecordsSpec;
use crate::selection::Projection;
use crate::store::Item;

/// What is read of a type's records.
#[derive(Debug)]
pub struct Reading<'a> {
    /// The table's name.
    pub table: &'a str,
    /// Where the records are in it.
    pub spec: &'a RecordsSpec,
    /// Whose records they are.
    pub parent_id: &'a str,
    /// What is needed of each record, and what holds of every selected one.
    pub projection: &'a Projection,
    /// When they were created.
    pub range: Range,
    /// In which order they come.
    pub order: Order,
}

/// Some records, as DynamoDB gave them.
#[derive(Debug)]
pub struct Page {
    /// Each with the place of its partition.
    items: Vec<(usize, Item)>,
    partitions: Vec<Part>,
    /// Records that DynamoDB looked at and that do not count one by one.
    looked_at: u64,
    /// Read units that it used.
    pub read_units: f64,
    /// Bytes of the table that were read for it, also of records that were out of bounds: whole units of 4 KB, as
    /// DynamoDB counts them.
    pub examined: u64,
}

/// A partition's part in a page.
#[derive(Debug)]
struct Part {
    leaf: Leaf,
    before: Spot,
    end: Spot,
}

impl Page {
    /// How many records it holds.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether it holds none, as a page may when all that was read lies outside of the bounds.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Its records, in the order of their keys that was asked for.
    pub fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        self.items.iter().map(|(_, item)| Row { item })
    }

    /// The position past the whole page, also past records that were out of bounds.
    pub fn end(&self) -> String {
        position(self.partitions.iter().map(|part| part.end.clone()))
    }

    /// The position just past the record of this index: where another source goes on.
    pub fn position(&self, index: usize) -> String {
        let taken = self.taken(index);
        let spot = |(place, part): (usize, &Part)| {
            let last = taken.iter().rev().find(|(of, _)| *of == place);
            last.map_or_else(
                || part.before.clone(),
                |(_, item)| part.leaf.spot_after(item),
            )
        };
        position(self.partitions.iter().enumerate().map(spot))
    }

    /// How many records were read for the whole page, also those that DynamoDB was asked to leave out.
    pub fn read(&self) -> u64 {
        self.counted(&self.items) + self.looked_at
    }

    /// How many of these count as read where another source goes on from [`Page::position`].
    pub fn read_through(&self, index: usize) -> u64 {
        self.counted(self.taken(index))
    }

    fn taken(&self, index: usize) -> &[(usize, Item)] {
        &self.items[..self.items.len().min(index + 1)]
    }

    fn counted(&self, items: &[(usize, Item)]) -> u64 {
        let counts = |(place, _): &&(usize, Item)| self.partitions[*place].leaf.is_dense;
        items.iter().filter(counts).count() as u64
    }
}

fn position(spots: impl Iterator<Item = Spot>) -> String {
    Value::Array(spots.map(|spot| spot.to_json()).collect()).to_string()
}

/// A parent's records within a range, from a position on.
#[derive(Debug)]
pub struct DynamoRecords {
    question: Question,
    lanes: Vec<Lane>,
}

impl DynamoRecords {
    /// The records of `reading`. `position` is that of the last record already read.
    ///
    /// # Errors
    /// When the position is not one of this source.
    pub fn new(
        db: Client,
        reading: Reading<'_>,
        position: Option<&str>,
    ) -> Result<Self, RecordsError> {
        let Reading {
            spec,
            range,
            order,
            projection,
            ..
        } = reading;
        let mut segments = segments(spec, &range);
        if order == Order::Descending {
            segments.reverse();
        }
        let roots = projection.origins().iter().map(|origin| {
            let roots = origin.roots()?;
            Some(roots.map(str::to_owned).collect::<Vec<_>>())
        });
        let question = Question {
            db,
            table: reading.table.to_owned(),
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
            page_size: None,
        };
        let partitions = spec.partitions(reading.parent_id);
        let spots = match position {
            None => vec![Spot::default(); partitions.len()],
            Some(position) => {
                let spots: Vec<Value> =
                    serde_json::from_str(position).map_err(|_| RecordsError::Position)?;
                spots
                    .iter()
                    .map(Spot::from_json)
                    .collect::<Result<_, _>>()?
            }
        };
        if spots.len() != partitions.len() {
            return Err(RecordsError::Position);
        }
        let lanes = partitions.into_iter().zip(spots);
        let lanes =
            lanes.map(|(partition, spot)| Lane::new(&question, partition, segments.clone(), spot));
        Ok(Self {
            lanes: lanes.collect(),
            question,
        })
    }

    /// Lets each query from now on look at no more than this many records. DynamoDB reads no more than 1 MB anyway.
    pub fn examine_at_most(&mut self, records: i32) {
        self.question.page_size = Some(records);
    }

    /// Whether all has been read, so that there is no next page.
    pub fn is_at_end(&self) -> bool {
        self.lanes.iter().all(Lane::is_at_end)
    }

    /// The next records; `None` at the end. Partitions are read side by side.
    ///
    /// # Errors
    /// What may pass has been tried again by the SDK before.
    pub async fn next(&mut self) -> Result<Option<Page>, RecordsError> {
        if self.is_at_end() {
            return Ok(None);
        }
        let Self { question, lanes } = self;
        let before: Vec<Spot> = lanes.iter().map(|lane| lane.spot().clone()).collect();
        let hungry = lanes.iter_mut().filter(|lane| lane.is_hungry());
        let fetched = hungry.map(async |lane| {
            let cost = lane.fetch(question).await?;
            // An empty page is at its end at once.
            let looked_at = if lane.head().is_none() {
                lane.leaf().looked_at
            } else {
                0
            };
            Ok::<_, RecordsError>((cost, looked_at))
        });
        let fetched = try_join_all(fetched).await?;
        let mut looked_at = fetched.iter().map(|(_, looked_at)| looked_at).sum();

        let mut items = Vec::new();
        // Which record is the next one is known as long as every partition shows its own.
        while !lanes.iter().any(Lane::is_hungry)
            && let Some(place) = first(lanes, question)
            && let Some(item) = lanes[place].take()
        {
            items.push((place, item));
            let lane = &lanes[place];
            if lane.head().is_none() {
                if !lane.leaf().is_dense {
                    looked_at += lane.leaf().looked_at;
                }
                break;
            }
        }
        for (place, lane) in lanes.iter_mut().enumerate() {
            if let Some((_, item)) = items.iter().rev().find(|(of, _)| *of == place) {
                lane.pass(item);
            }
        }
        let partitions = lanes.iter().zip(before).map(|(lane, before)| Part {
            leaf: lane.leaf().clone(),
            before,
            end: lane.spot().clone(),
        });
        let costs = || fetched.iter().map(|(cost, _): &(Cost, u64)| cost);
        Ok(Some(Page {
            partitions: partitions.collect(),
            items,
            looked_at,
            read_units: costs().map(|cost| cost.read_units).sum(),
            examined: costs().map(|cost| cost.bytes).sum(),
        }))
    }
}

/// The partition whose record is the next one; of equal keys, the one that the catalog names first.
fn first(lanes: &[Lane], question: &Question) -> Option<usize> {
    let sort_key = |place: usize| {
        lanes[place]
            .head()
            .and_then(|item| item.get(&question.sort_key))
    };
    let heads = (0..lanes.len()).filter(|&place| lanes[place].head().is_some());
    heads.reduce(|first, place| {
        let order = key::compare(sort_key(place), sort_key(first));
        let is_before = match question.order {
            Order::Ascending => order.is_lt(),
            Order::Descending => order.is_ge(),
        };
        if is_before { place } else { first }
    })
}

#[cfg(test)]
mod tests;
