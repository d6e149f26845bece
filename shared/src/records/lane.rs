//! One partition of a type's records, read page by page.

use std::collections::VecDeque;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::query::QueryError;
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnConsumedCapacity};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::filter::Filter;
use super::key::{self, Key};
use super::range::Segment;
use super::{Order, Range, RecordsError};
use crate::catalog::SortFormat;
use crate::store::Item;

/// What all partitions of a source have in common.
#[derive(Debug)]
pub(super) struct Common {
    pub(super) db: Client,
    pub(super) table: String,
    pub(super) index: Option<String>,
    pub(super) partition_key: String,
    pub(super) sort_key: String,
    pub(super) format: SortFormat,
    /// The attributes that are read besides keys; `None` for whole records.
    pub(super) attributes: Option<Vec<String>>,
    pub(super) filter: Filter,
    pub(super) range: Range,
    pub(super) order: Order,
    /// How many records one query may look at.
    pub(super) page_size: Option<i32>,
}

/// Where a partition is gone on with.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Spot {
    /// How many segments are read to their end.
    pub(super) segment: usize,
    /// The key after which the segment is read; from its beginning without one.
    pub(super) start: Option<Key>,
    /// A record after `start` that has been taken, and all before it. So that the records which DynamoDB looked at are
    /// counted by whole pages, the page is read from its start again and this much of it left out.
    pub(super) after: Option<Key>,
}

impl Spot {
    pub(super) fn to_json(&self) -> Value {
        json!({
            "segment": self.segment,
            "start": self.start.as_ref().map(key::to_json),
            "after": self.after.as_ref().map(key::to_json),
        })
    }

    pub(super) fn from_json(json: &Value) -> Result<Self, RecordsError> {
        let key = |name: &str| match json.get(name) {
            None => Err(RecordsError::Position),
            Some(Value::Null) => Ok(None),
            Some(key) => key::from_json(key).map(Some),
        };
        let segment = json["segment"].as_u64().ok_or(RecordsError::Position)?;
        Ok(Self {
            segment: usize::try_from(segment).map_err(|_| RecordsError::Position)?,
            start: key("start")?,
            after: key("after")?,
        })
    }
}

/// What a query cost.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Cost {
    pub(super) read_units: f64,
    pub(super) bytes: u64,
}

/// What is known of a partition's page besides its records.
#[derive(Debug, Clone)]
pub(super) struct Leaf {
    begin: Spot,
    /// The attributes of a record's key.
    key_names: Vec<String>,
    /// Whether every record that DynamoDB looked at is in the page, so that they count one by one.
    pub(super) is_dense: bool,
    /// Records that DynamoDB looked at.
    pub(super) looked_at: u64,
}

impl Leaf {
    /// Where to go on after this record of the page.
    pub(super) fn spot_after(&self, item: &Item) -> Spot {
        let key = self.key_of(item);
        let segment = self.begin.segment;
        if self.is_dense {
            return Spot {
                segment,
                start: key,
                after: None,
            };
        }
        Spot {
            segment,
            start: self.begin.start.clone(),
            after: key,
        }
    }

    /// The key of a record. DynamoDB lets none be without a part of it.
    fn key_of(&self, item: &Item) -> Option<Key> {
        let names = self.key_names.iter();
        names
            .map(|name| Some((name.clone(), item.get(name)?.clone())))
            .collect()
    }
}

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
        common: &Common,
        partition: String,
        segments: Vec<Segment>,
        spot: Spot,
    ) -> Self {
        let mut key_names = vec![common.partition_key.clone(), common.sort_key.clone()];
        let known = spot.after.as_ref().or(spot.start.as_ref());
        for name in known.into_iter().flat_map(|key| key.keys()) {
            if !key_names.contains(name) {
                key_names.push(name.clone());
            }
        }
        Self {
            partition,
            segments,
            knows_table_key: common.index.is_none() || known.is_some(),
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
    pub(super) async fn fetch(&mut self, common: &Common) -> Result<Cost, RecordsError> {
        let mut cost = Cost::default();
        if !self.knows_table_key {
            self.learn_table_key(common, &mut cost).await?;
        }
        loop {
            let Some(segment) = self.segments.get(self.next.segment) else {
                return Ok(cost);
            };
            let query = self.query(common, segment);
            let answer = query.send().await.map_err(|error| common.error(error))?;
            cost.add(
                answer.consumed_capacity.and_then(|c| c.capacity_units),
                segment.consistent,
            );
            let mut items = answer.items.unwrap_or_default();
            // Without a filter all that is looked at is given.
            let looked_at = match common.filter.is_empty() {
                true => items.len() as u64,
                false => answer.scanned_count.max(items.len() as i32) as u64,
            };
            if let Some(item) = items.iter().find(|item| !common.has_readable_key(item)) {
                return Err(common.unreadable_key(item));
            }
            items.retain(|item| common.is_within(item, segment.until.as_deref()));

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

    fn query(&self, common: &Common, segment: &Segment) -> QueryFluentBuilder {
        let condition = match (&segment.from, &segment.until) {
            (None, None) => "#partition = :partition",
            (None, Some(_)) => "#partition = :partition AND #sort < :until",
            (Some(_), None) => "#partition = :partition AND #sort >= :from",
            // DynamoDB knows no half-open range: the end itself is left out afterwards.
            (Some(_), Some(_)) => "#partition = :partition AND #sort BETWEEN :from AND :until",
        };
        let mut query = common
            .query(&self.partition)
            .key_condition_expression(condition)
            .set_exclusive_start_key(self.next.start.clone())
            .consistent_read(segment.consistent)
            .set_limit(common.page_size);
        if segment.from.is_some() || segment.until.is_some() {
            query = query.expression_attribute_names("#sort", &common.sort_key);
        }
        for (name, bound) in [(":from", &segment.from), (":until", &segment.until)] {
            if let Some(bound) = bound {
                query = query.expression_attribute_values(name, common.sort_value(bound));
            }
        }
        if let Some(attributes) = &common.attributes {
            let mut attributes: Vec<_> = attributes.iter().chain(&self.leaf.key_names).collect();
            attributes.sort_unstable();
            attributes.dedup();
            let mut placeholders = Vec::with_capacity(attributes.len());
            for (n, attribute) in attributes.into_iter().enumerate() {
                query = query.expression_attribute_names(format!("#a{n}"), attribute);
                placeholders.push(format!("#a{n}"));
            }
            query = query.projection_expression(placeholders.join(", "));
        }
        common.filter.apply(query)
    }

    /// An index goes on from a key that has the table's own key in it, and its records are told apart by that. DynamoDB
    /// names its attributes where a query has looked at as many records as it may: one.
    async fn learn_table_key(
        &mut self,
        common: &Common,
        cost: &mut Cost,
    ) -> Result<(), RecordsError> {
        let query = common
            .query(&self.partition)
            .key_condition_expression("#partition = :partition")
            .limit(1);
        let answer = query.send().await.map_err(|error| common.error(error))?;
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

impl Cost {
    fn add(&mut self, read_units: Option<f64>, is_consistent: bool) {
        let read_units = read_units.unwrap_or(0.0);
        // A unit is 4 KB read strongly consistently, or twice as much.
        let bytes_of_a_unit = if is_consistent { 4096.0 } else { 8192.0 };
        self.read_units += read_units;
        self.bytes += (read_units * bytes_of_a_unit) as u64;
    }
}

impl Common {
    fn query(&self, partition: &str) -> QueryFluentBuilder {
        self.db
            .query()
            .table_name(&self.table)
            .set_index_name(self.index.clone())
            .scan_index_forward(self.order == Order::Ascending)
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .expression_attribute_names("#partition", &self.partition_key)
            .expression_attribute_values(":partition", AttributeValue::S(partition.to_owned()))
    }

    fn sort_value(&self, bound: &str) -> AttributeValue {
        if self.format.is_number() {
            AttributeValue::N(bound.into())
        } else {
            AttributeValue::S(bound.into())
        }
    }

    /// Whether a record lies before the segment's end, and its instant within the range: where the order of keys is
    /// not that of time, no condition on the key has seen to that.
    fn is_within(&self, item: &Item, until: Option<&str>) -> bool {
        let Some(key) = key::text_of(item.get(&self.sort_key)) else {
            return true;
        };
        if until == Some(key) {
            return false;
        }
        if self.format.is_ordered_by_time() {
            return true;
        }
        let range = &self.range;
        let later = |instant: Timestamp| {
            instant >= range.until || range.from.is_some_and(|from| instant < from)
        };
        !self.format.instant_of(key).is_some_and(later)
    }

    fn has_readable_key(&self, item: &Item) -> bool {
        key::text_of(item.get(&self.sort_key)).is_some()
    }

    fn unreadable_key(&self, item: &Item) -> RecordsError {
        let problem = match item.get(&self.sort_key) {
            None => "a record has no such attribute",
            Some(_) => "it is neither a text nor a number",
        };
        RecordsError::Refused {
            table: self.table.clone(),
            message: format!("the sort key {}: {problem}", self.sort_key),
        }
    }

    fn error(&self, error: SdkError<QueryError>) -> RecordsError {
        let table = self.table.clone();
        match error.code() {
            Some("ResourceNotFoundException") => RecordsError::Missing { table },
            Some("AccessDeniedException") => RecordsError::Denied { table },
            Some("ValidationException") => RecordsError::Refused {
                table,
                message: error.message().unwrap_or_default().to_owned(),
            },
            code => RecordsError::Unavailable {
                code: code.unwrap_or("no answer").to_owned(),
                source: Box::new(error),
            },
        }
    }
}
