//! Records in DynamoDB: one partition, read page by page in the order of its sort key or against it.

use std::collections::VecDeque;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::query::QueryError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnConsumedCapacity};
use jiff::Timestamp;

use super::range::{Segment, segments};
use super::{Range, RecordsError, Row};
use crate::catalog::{Path, RecordsSpec, SortFormat};
use crate::store::Item;

/// Some records, as DynamoDB gave them.
#[derive(Debug)]
pub struct Page {
    items: Vec<Item>,
    keys: Keys,
    end: Option<String>,
    /// Read units that it used.
    pub read_units: f64,
    /// Bytes of the table that were read for it, also of records that were out of bounds: whole units of 4 KB, as
    /// DynamoDB counts them.
    pub examined: u64,
}

#[derive(Debug, Clone)]
struct Keys {
    partition: String,
    sort: String,
    format: SortFormat,
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
        self.items.iter().map(|item| Row { item })
    }

    /// The position past the whole page, also past records that were out of bounds.
    pub fn end(&self) -> Option<&str> {
        self.end.as_deref()
    }

    /// The position just past the record of this index: where another source goes on.
    pub fn position(&self, index: usize) -> Option<String> {
        self.items
            .get(index)
            .and_then(|item| self.keys.position(item))
    }
}

/// The records of one partition within a range, from a position on.
#[derive(Debug)]
pub struct DynamoRecords {
    db: Client,
    table: String,
    index: Option<String>,
    partition: String,
    keys: Keys,
    attributes: Vec<String>,
    range: Range,
    order: Order,
    page_size: Option<i32>,
    segments: VecDeque<Segment>,
    start: Option<Item>,
}

/// In which order of their keys records are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Ascending,
    Descending,
}

impl DynamoRecords {
    /// The records of `partition` of the table named `table`, with the attributes that `paths` begin with.
    /// `position` is that of the last record already read.
    ///
    /// # Errors
    /// When the position is not one of this source.
    pub fn new(
        db: Client,
        table: String,
        spec: &RecordsSpec,
        partition: String,
        paths: &[Path],
        range: Range,
        position: Option<&str>,
    ) -> Result<Self, RecordsError> {
        let order = Order::Ascending;
        Self::ordered(db, table, spec, partition, paths, range, position, order)
    }

    /// The same records from the last key down, which is newest first where the order of keys is that of time.
    ///
    /// # Errors
    /// As [`DynamoRecords::new`].
    pub fn newest_first(
        db: Client,
        table: String,
        spec: &RecordsSpec,
        partition: String,
        paths: &[Path],
        range: Range,
        position: Option<&str>,
    ) -> Result<Self, RecordsError> {
        let order = Order::Descending;
        Self::ordered(db, table, spec, partition, paths, range, position, order)
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "the arguments of both constructors and their difference"
    )]
    fn ordered(
        db: Client,
        table: String,
        spec: &RecordsSpec,
        partition: String,
        paths: &[Path],
        range: Range,
        position: Option<&str>,
        order: Order,
    ) -> Result<Self, RecordsError> {
        let keys = Keys {
            partition: spec.partition_key.clone(),
            sort: spec.sort_key.clone(),
            format: spec.sort_format,
        };
        let mut segments = segments(spec, &range);
        if order == Order::Descending {
            segments.reverse();
        }
        let mut segments = VecDeque::from(segments);
        let start = position.map(|position| keys.item(position)).transpose()?;
        if let Some(key) = start
            .as_ref()
            .and_then(|item| text_of(item.get(&keys.sort)))
        {
            let is_read = |segment: &Segment| match order {
                Order::Ascending => segment.is_before(keys.format, key),
                Order::Descending => segment.is_after(keys.format, key),
            };
            while segments.front().is_some_and(is_read) {
                segments.pop_front();
            }
        }
        let mut attributes: Vec<String> = paths
            .iter()
            .filter_map(|path| path.names().first().cloned())
            .chain(keys.names())
            .collect();
        attributes.sort_unstable();
        attributes.dedup();
        Ok(Self {
            db,
            table,
            index: spec.index.clone(),
            partition,
            keys,
            attributes,
            range,
            order,
            page_size: None,
            segments,
            start,
        })
    }

    /// Lets each page from now on examine no more than this many records. DynamoDB reads no more than 1 MB anyway.
    pub fn examine_at_most(&mut self, records: i32) {
        self.page_size = Some(records);
    }

    /// Whether all has been read, so that there is no next page.
    pub fn is_at_end(&self) -> bool {
        self.segments.is_empty()
    }

    /// The next records; `None` at the end.
    ///
    /// # Errors
    /// What may pass has been tried again by the SDK before.
    pub async fn next(&mut self) -> Result<Option<Page>, RecordsError> {
        let Some(segment) = self.segments.front() else {
            return Ok(None);
        };
        let mut query = self
            .db
            .query()
            .table_name(&self.table)
            .set_index_name(self.index.clone())
            .set_exclusive_start_key(self.start.take())
            .consistent_read(segment.consistent)
            .scan_index_forward(self.order == Order::Ascending)
            .set_limit(self.page_size)
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .expression_attribute_names("#partition", &self.keys.partition)
            .expression_attribute_values(":partition", AttributeValue::S(self.partition.clone()));
        let condition = match (&segment.from, &segment.until) {
            (None, None) => "#partition = :partition",
            (None, Some(_)) => "#partition = :partition AND #sort < :until",
            (Some(_), None) => "#partition = :partition AND #sort >= :from",
            // DynamoDB knows no half-open range: the end itself is left out below.
            (Some(_), Some(_)) => "#partition = :partition AND #sort BETWEEN :from AND :until",
        };
        query = query.key_condition_expression(condition);
        if segment.from.is_some() || segment.until.is_some() {
            query = query.expression_attribute_names("#sort", &self.keys.sort);
        }
        if let Some(from) = &segment.from {
            query = query.expression_attribute_values(":from", self.keys.sort_value(from));
        }
        if let Some(until) = &segment.until {
            query = query.expression_attribute_values(":until", self.keys.sort_value(until));
        }
        let names: Vec<String> = (0..self.attributes.len())
            .map(|n| format!("#a{n}"))
            .collect();
        for (name, attribute) in names.iter().zip(&self.attributes) {
            query = query.expression_attribute_names(name, attribute);
        }
        query = query.projection_expression(names.join(", "));

        let answer = query.send().await.map_err(|error| self.error(error))?;
        let mut items = answer.items.unwrap_or_default();
        let until = segment.until.clone();
        // A unit is 4 KB read strongly consistently, or twice as much.
        let bytes_of_a_unit = if segment.consistent { 4096.0 } else { 8192.0 };
        let end = answer
            .last_evaluated_key
            .as_ref()
            .or(items.last())
            .and_then(|item| self.keys.position(item));
        items.retain(|item| self.keys.is_within(item, until.as_deref(), &self.range));
        self.start = answer.last_evaluated_key;
        if self.start.is_none() {
            self.segments.pop_front();
        }
        let read_units = answer
            .consumed_capacity
            .and_then(|used| used.capacity_units)
            .unwrap_or(0.0);
        Ok(Some(Page {
            items,
            keys: self.keys.clone(),
            end,
            read_units,
            examined: (read_units * bytes_of_a_unit) as u64,
        }))
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

impl Keys {
    fn names(&self) -> [String; 2] {
        [self.partition.clone(), self.sort.clone()]
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
    fn is_within(&self, item: &Item, until: Option<&str>, range: &Range) -> bool {
        let Some(key) = text_of(item.get(&self.sort)) else {
            return true;
        };
        if until == Some(key) {
            return false;
        }
        if self.format.is_ordered_by_time() {
            return true;
        }
        let later = |instant: Timestamp| {
            instant >= range.until || range.from.is_some_and(|from| instant < from)
        };
        !self.format.instant_of(key).is_some_and(later)
    }

    fn position(&self, item: &Item) -> Option<String> {
        let mut key = serde_json::Map::new();
        for name in self.names() {
            let value = match item.get(&name)? {
                AttributeValue::S(text) => serde_json::json!({ "S": text }),
                AttributeValue::N(digits) => serde_json::json!({ "N": digits }),
                _ => return None,
            };
            key.insert(name, value);
        }
        Some(serde_json::Value::Object(key).to_string())
    }

    fn item(&self, position: &str) -> Result<Item, RecordsError> {
        let key: serde_json::Map<String, serde_json::Value> =
            serde_json::from_str(position).map_err(|_| RecordsError::Position)?;
        let mut item = Item::new();
        for name in self.names() {
            let value = key.get(&name).ok_or(RecordsError::Position)?;
            let value = match (value["S"].as_str(), value["N"].as_str()) {
                (Some(text), None) => AttributeValue::S(text.into()),
                (None, Some(digits)) => AttributeValue::N(digits.into()),
                _ => return Err(RecordsError::Position),
            };
            item.insert(name, value);
        }
        Ok(item)
    }
}

fn text_of(value: Option<&AttributeValue>) -> Option<&str> {
    match value {
        Some(AttributeValue::S(text) | AttributeValue::N(text)) => Some(text),
        _ => None,
    }
}
