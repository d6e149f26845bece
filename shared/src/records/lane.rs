//! One partition of a type's records, read page by page.

use std::collections::VecDeque;

use super::RecordsError;
use super::question::{Cost, Question};
use super::range::Segment;
use super::spot::{Leaf, Spot};
use crate::store::Item;

/// One partition, and its records that are read and not yet taken.
#[derive(Debug)]
pub(super) struct Lane {
    partition: String,
    segments: Vec<Segment>,
    /// In an index, whether the attributes of the table's own key are known.
    knows_table_key: bool,
    page: VecDeque<Item>,
    leaf: Leaf,
    /// Where to go on after what has been taken, and after the page.
    spot: Spot,
    next: Spot,
}

impl Lane {
    /// The partition from a spot on. `segments` are in the order of reading.
    pub(super) fn new(
        question: &Question,
        partition: String,
        segments: Vec<Segment>,
        spot: Spot,
    ) -> Self {
        let mut key_names = vec![question.partition_key.clone(), question.sort_key.clone()];
        let known = spot.after.as_ref().or(spot.start.as_ref());
        for name in known.into_iter().flat_map(|key| key.keys()) {
            if !key_names.contains(name) {
                key_names.push(name.clone());
            }
        }
        Self {
            partition,
            segments,
            knows_table_key: question.index.is_none() || known.is_some(),
            page: VecDeque::new(),
            leaf: Leaf {
                begin: spot.clone(),
                key_names,
                is_dense: true,
                looked_at: 0,
            },
            next: spot.clone(),
            spot,
        }
    }

    /// The record to be taken next.
    pub(super) fn head(&self) -> Option<&Item> {
        self.page.front()
    }

    /// What is known of the page.
    pub(super) fn leaf(&self) -> &Leaf {
        &self.leaf
    }

    /// Whether no page has brought the partition's next record yet.
    pub(super) fn is_hungry(&self) -> bool {
        self.page.is_empty() && self.next.segment < self.segments.len()
    }

    /// Whether all has been taken.
    pub(super) fn is_at_end(&self) -> bool {
        self.page.is_empty() && !self.is_hungry()
    }

    /// Takes the next record. Whoever takes some says so by [`Lane::pass`].
    pub(super) fn take(&mut self) -> Option<Item> {
        self.page.pop_front()
    }

    /// Goes past a record of the page that has been taken last.
    pub(super) fn pass(&mut self, item: &Item) {
        self.spot = match self.page.is_empty() {
            true => self.next.clone(),
            false => self.leaf.spot_after(item),
        };
    }

    /// Where to go on after what has been taken.
    pub(super) fn spot(&self) -> &Spot {
        &self.spot
    }

    /// Reads the next page, which may be empty while there is more.
    pub(super) async fn fetch(&mut self, question: &Question) -> Result<Cost, RecordsError> {
        let mut cost = Cost::default();
        if !self.knows_table_key {
            self.learn_table_key(question, &mut cost).await?;
        }
        loop {
            let Some(segment) = self.segments.get(self.next.segment) else {
                return Ok(cost);
            };
            let start = self.next.start.clone();
            let query = question.query(&self.partition, segment, start, &self.leaf.key_names);
            let answer = query.send().await.map_err(|error| question.error(error))?;
            cost.add(
                answer.consumed_capacity.and_then(|c| c.capacity_units),
                segment.consistent,
            );
            let mut items = answer.items.unwrap_or_default();
            // Without a filter all that is looked at is given.
            let looked_at = match question.filter.is_empty() {
                true => items.len() as u64,
                false => answer.scanned_count.max(items.len() as i32) as u64,
            };
            if let Some(item) = items.iter().find(|item| !question.has_readable_key(item)) {
                return Err(question.unreadable_key(item));
            }
            items.retain(|item| question.is_within(item, segment.until.as_deref()));

            let after = self.next.after.take();
            if let Some(after) = &after {
                match items
                    .iter()
                    .position(|item| self.leaf.key_of(item).as_ref() == Some(after))
                {
                    Some(place) => drop(items.drain(..=place)),
                    // It has been deleted since. Its key is still a place to go on from.
                    None => {
                        self.next.start = Some(after.clone());
                        continue;
                    }
                }
            }
            self.leaf.is_dense = after.is_none() && looked_at == items.len() as u64;
            self.leaf.looked_at = looked_at;
            let segment = self.next.segment;
            let next = match answer.last_evaluated_key {
                Some(key) => Spot {
                    segment,
                    start: Some(key),
                    after: None,
                },
                None => Spot {
                    segment: segment + 1,
                    ..Spot::default()
                },
            };
            self.leaf.begin = Spot {
                after,
                ..std::mem::replace(&mut self.next, next)
            };
            self.page = items.into();
            self.spot = match self.page.is_empty() {
                true => self.next.clone(),
                false => self.leaf.begin.clone(),
            };
            return Ok(cost);
        }
    }

    /// An index goes on from a key that has the table's own key in it, and its records are told apart by that. DynamoDB
    /// names its attributes where a query has looked at as many records as it may: one.
    async fn learn_table_key(
        &mut self,
        question: &Question,
        cost: &mut Cost,
    ) -> Result<(), RecordsError> {
        let query = question
            .partition(&self.partition)
            .key_condition_expression("#partition = :partition")
            .limit(1);
        let answer = query.send().await.map_err(|error| question.error(error))?;
        cost.add(
            answer.consumed_capacity.and_then(|c| c.capacity_units),
            false,
        );
        for name in answer.last_evaluated_key.unwrap_or_default().into_keys() {
            if !self.leaf.key_names.contains(&name) {
                self.leaf.key_names.push(name);
            }
        }
        self.knows_table_key = true;
        Ok(())
    }
}
