//! What DynamoDB is asked, and what its answers mean.

use std::ops::AddAssign;
use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::query::QueryError;
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnConsumedCapacity};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::budget::Budget;
use super::filter::Filter;
use super::key::{self, Key};
use super::range::Segment;
use super::wire::{Layout, Malformed, Spares, Tap};
use super::{Order, Range, RecordsError, Row};
use crate::aws::CallError;
use crate::catalog::SortFormat;

/// The operation that reads records.
pub(super) const OPERATION: &str = "Query";

/// What all partitions of a source have in common.
#[derive(Debug, Clone)]
pub(super) struct Question {
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
    /// Until then everything is read strongly consistently.
    pub(super) strong_until: Option<Instant>,
    /// How many records one query may look at.
    pub(super) page_size: Option<i32>,
    /// Which values of a record are read, its key among them.
    pub(super) layout: Arc<Layout>,
    pub(super) budget: Arc<Budget>,
    pub(super) spares: Arc<Spares>,
    /// Pages that are asked for before they are needed, at most; `None` where none is.
    pub(super) ahead: Option<Arc<Semaphore>>,
}

/// An answer's bytes, and how it was read.
#[derive(Debug)]
pub(super) struct Body {
    pub(super) bytes: Vec<u8>,
    pub(super) is_consistent: bool,
}

/// Where a record lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Placement {
    /// Within the range, as far as its key says anything of its time.
    Within,
    /// Out of the range.
    Beyond,
    /// Its key is not of the type's format.
    OfNoFormat,
}

impl Question {
    /// Asks for a segment of a partition, from after a key on.
    fn query(
        &self,
        partition: &str,
        segment: &Segment,
        start: Option<Key>,
        is_consistent: bool,
    ) -> QueryFluentBuilder {
        let condition = match (&segment.from, &segment.until) {
            (None, None) => "#partition = :partition",
            (None, Some(_)) => "#partition = :partition AND #sort < :until",
            (Some(_), None) => "#partition = :partition AND #sort >= :from",
            // DynamoDB knows no half-open range: the end itself is left out afterwards.
            (Some(_), Some(_)) => "#partition = :partition AND #sort BETWEEN :from AND :until",
        };
        let mut query = self
            .partition(partition)
            .key_condition_expression(condition)
            .set_exclusive_start_key(start)
            .consistent_read(is_consistent)
            .set_limit(self.page_size);
        if segment.from.is_some() || segment.until.is_some() {
            query = query.expression_attribute_names("#sort", &self.sort_key);
        }
        for (name, bound) in [(":from", &segment.from), (":until", &segment.until)] {
            if let Some(bound) = bound {
                query = query.expression_attribute_values(name, self.sort_value(bound));
            }
        }
        if let Some(attributes) = &self.attributes {
            let attributes = attributes.iter().map(String::as_str);
            let mut attributes: Vec<_> = attributes.chain(self.layout.key_names()).collect();
            attributes.sort_unstable();
            attributes.dedup();
            let mut placeholders = Vec::with_capacity(attributes.len());
            for (n, attribute) in attributes.into_iter().enumerate() {
                query = query.expression_attribute_names(format!("#a{n}"), attribute);
                placeholders.push(format!("#a{n}"));
            }
            query = query.projection_expression(placeholders.join(", "));
        }
        self.filter.apply(query)
    }

    /// The answer to this question.
    pub(super) async fn ask(
        &self,
        partition: &str,
        segment: &Segment,
        start: Option<Key>,
    ) -> Result<Body, RecordsError> {
        self.budget.wait().await;
        let is_young = self.strong_until.is_some_and(|end| Instant::now() < end);
        let is_consistent = segment.consistent || (is_young && self.index.is_none());
        let tap = Tap::new(self.budget.clone(), self.spares.clone());
        let query = self.query(partition, segment, start, is_consistent);
        let asked = query.customize().interceptor(tap.clone()).send().await;
        asked.map_err(|error| self.error(error))?;
        Ok(Body {
            bytes: tap.into_body(),
            is_consistent,
        })
    }

    /// Asks for something of a partition.
    pub(super) fn partition(&self, partition: &str) -> QueryFluentBuilder {
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

    /// Whether a page that ends at this key ends before the record of the other, or with it.
    pub(super) fn is_reached(&self, end: &Key, key: &Key) -> bool {
        let sort_key = |key| key::sort_value(key, &self.sort_key);
        let order = key::compare(sort_key(end), sort_key(key));
        match self.order {
            Order::Ascending => order.is_le(),
            Order::Descending => order.is_ge(),
        }
    }

    /// Where a record of a segment lies: the condition on the key has seen to that only where the order of keys is that of
    /// time.
    ///
    /// # Errors
    /// When its sort key is none that records can be read by.
    #[inline]
    pub(super) fn placement(
        &self,
        row: Row<'_>,
        segment: &Segment,
    ) -> Result<Placement, RecordsError> {
        let Some(key) = row.sort_key().and_then(key::text_of) else {
            return Err(self.unreadable_key(row));
        };
        if segment.until.as_deref() == Some(key) {
            return Ok(Placement::Beyond);
        }
        if self.format.is_ordered_by_time() {
            return Ok(match (self.format.is_of(key), segment.is_outside) {
                (true, false) => Placement::Within,
                (true, true) => Placement::Beyond,
                (false, _) => Placement::OfNoFormat,
            });
        }
        if self.format.is_id() {
            return Ok(Placement::Within);
        }
        let range = &self.range;
        Ok(match self.format.instant_of(key) {
            None => Placement::OfNoFormat,
            Some(instant) if instant >= range.until => Placement::Beyond,
            Some(instant) if range.from.is_some_and(|from| instant < from) => Placement::Beyond,
            Some(_) => Placement::Within,
        })
    }

    fn unreadable_key(&self, row: Row<'_>) -> RecordsError {
        let problem = match row.has_sort_key() {
            false => "a record has no such attribute",
            true => "it is neither a text nor a number",
        };
        RecordsError::Refused {
            table: self.table.clone(),
            message: format!("the sort key {}: {problem}", self.sort_key),
        }
    }

    pub(super) fn malformed(error: Malformed) -> RecordsError {
        CallError::with_code(OPERATION, "an answer that cannot be read", error).into()
    }

    pub(super) fn error(&self, error: SdkError<QueryError>) -> RecordsError {
        let table = self.table.clone();
        match error.code() {
            Some("ResourceNotFoundException") => RecordsError::Missing { table },
            Some("AccessDeniedException") => RecordsError::Denied { table },
            Some("ValidationException") => RecordsError::Refused {
                table,
                message: error.message().unwrap_or_default().to_owned(),
            },
            _ => CallError::new(OPERATION, error).into(),
        }
    }
}

/// What a query cost.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Cost {
    pub(super) read_units: f64,
    pub(super) bytes: u64,
}

impl AddAssign for Cost {
    fn add_assign(&mut self, other: Self) {
        self.read_units += other.read_units;
        self.bytes += other.bytes;
    }
}

impl Cost {
    /// What so many units of one query come to.
    pub(super) fn of(read_units: f64, is_consistent: bool) -> Self {
        // A unit is 4 KB read strongly consistently, or twice as much.
        let bytes_of_a_unit = if is_consistent { 4096.0 } else { 8192.0 };
        Self {
            read_units,
            bytes: (read_units * bytes_of_a_unit) as u64,
        }
    }
}
