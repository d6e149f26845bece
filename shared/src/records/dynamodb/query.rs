//! DynamoDB queries for records, and the interpretation of their answers.

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
use super::filter::{Filter, MAX_EXPRESSION};
use super::key::{self, Key};
use super::segments::{Segment, compare};
use super::wire::{BufferPool, Layout, Malformed, RawBody};
use super::{Order, Range, RecordsError, Row};
use crate::aws::CallError;
use crate::catalog::{KeyForm, SortFormat};

/// The name of the operation, for errors.
pub(super) const OPERATION: &str = "Query";

/// The parameters of a query that all partitions of a read share.
#[derive(Debug, Clone)]
pub(super) struct QuerySettings {
    pub(super) db: Client,
    pub(super) table: String,
    pub(super) index: Option<String>,
    pub(super) partition_key: String,
    /// Whether the partition key is a number.
    pub(super) has_number_partitions: bool,
    /// The attribute of the sort key; `None` where there is none.
    pub(super) sort_key: Option<String>,
    pub(super) format: SortFormat,
    /// The key from which on records may have been created after the range; `None` where keys are not in the order of
    /// time.
    pub(super) boundary: Option<String>,
    /// The attributes to read besides the keys; `None` for whole records.
    pub(super) attributes: Option<Vec<String>>,
    pub(super) filter: Filter,
    pub(super) range: Range,
    pub(super) order: Order,
    /// Until then, all reads are strongly consistent.
    pub(super) strong_until: Option<Instant>,
    /// The maximum number of records that one query examines.
    pub(super) page_size: Option<i32>,
    /// The values to read from a record, including its key.
    pub(super) layout: Arc<Layout>,
    pub(super) budget: Arc<Budget>,
    pub(super) buffers: Arc<BufferPool>,
    /// Limits the pages that are requested ahead; `None` for none.
    pub(super) ahead: Option<Arc<Semaphore>>,
}

/// An answer's bytes and read consistency.
#[derive(Debug)]
pub(super) struct Body {
    pub(super) bytes: Vec<u8>,
    pub(super) is_consistent: bool,
}

/// Whether a record is in the range, by its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KeyRangeCheck {
    /// In the range, or the key has no time.
    Within,
    /// The end of the range is in the unit of the key's time, such as the same second: the time of creation decides.
    AtEnd,
    /// Outside the range, or of another type.
    Beyond,
    /// The key has another format than the type's.
    OtherFormat,
}

impl QuerySettings {
    /// The query for a segment of a partition, after the key `start`.
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
            // DynamoDB has no half-open range: records at the end itself are dropped later.
            (Some(_), Some(_)) => "#partition = :partition AND #sort BETWEEN :from AND :until",
        };
        let mut query = self
            .partition(partition)
            .key_condition_expression(condition)
            .set_exclusive_start_key(start)
            .consistent_read(is_consistent)
            .set_limit(self.page_size);
        if let Some(sort_key) = &self.sort_key
            && (segment.from.is_some() || segment.until.is_some())
        {
            query = query.expression_attribute_names("#sort", sort_key);
        }
        for (name, bound) in [(":from", &segment.from), (":until", &segment.until)] {
            if let Some(bound) = bound {
                query = query.expression_attribute_values(name, self.sort_value(bound));
            }
        }
        self.filter.apply(self.project(query))
    }

    /// Adds the attributes to read, unless there are too many for an expression: then whole records are read.
    fn project(&self, mut query: QueryFluentBuilder) -> QueryFluentBuilder {
        let Some(attributes) = &self.attributes else {
            return query;
        };
        let attributes = attributes.iter().map(String::as_str);
        let mut attributes: Vec<_> = attributes.chain(self.layout.key_names()).collect();
        attributes.sort_unstable();
        attributes.dedup();
        let placeholders: Vec<_> = (0..attributes.len()).map(|n| format!("#a{n}")).collect();
        let expression = placeholders.join(", ");
        if expression.len() > MAX_EXPRESSION {
            return query;
        }
        for (placeholder, attribute) in placeholders.into_iter().zip(attributes) {
            query = query.expression_attribute_names(placeholder, attribute);
        }
        query.projection_expression(expression)
    }

    /// Sends the query for a segment, and returns the answer.
    pub(super) async fn send_query(
        &self,
        partition: &str,
        segment: &Segment,
        start: Option<Key>,
    ) -> Result<Body, RecordsError> {
        self.budget.wait().await;
        let is_young = self.strong_until.is_some_and(|end| Instant::now() < end);
        let is_consistent = segment.consistent || (is_young && self.index.is_none());
        let raw_body = RawBody::new(self.budget.clone(), self.buffers.clone());
        let query = self.query(partition, segment, start, is_consistent);
        let asked = query.customize().interceptor(raw_body.clone()).send().await;
        asked.map_err(|error| self.error(error))?;
        Ok(Body {
            bytes: raw_body.into_body(),
            is_consistent,
        })
    }

    /// A query for a partition, without a range.
    pub(super) fn partition(&self, partition: &str) -> QueryFluentBuilder {
        self.db
            .query()
            .table_name(&self.table)
            .set_index_name(self.index.clone())
            .scan_index_forward(self.order == Order::Ascending)
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .expression_attribute_names("#partition", &self.partition_key)
            .expression_attribute_values(":partition", self.partition_value(partition))
    }

    fn partition_value(&self, partition: &str) -> AttributeValue {
        match self.has_number_partitions {
            true => AttributeValue::N(partition.to_owned()),
            false => AttributeValue::S(partition.to_owned()),
        }
    }

    fn sort_value(&self, bound: &str) -> AttributeValue {
        if self.format.is_number() {
            AttributeValue::N(bound.into())
        } else {
            AttributeValue::S(bound.into())
        }
    }

    /// Whether a page that ends at the key `end` ends at or before the record with `key`. Never where there is no sort
    /// key, and so no order that could tell.
    pub(super) fn is_reached(&self, end: &Key, key: &Key) -> bool {
        let Some(name) = &self.sort_key else {
            return false;
        };
        let sort_key = |key| key::sort_value(key, name);
        let order = key::compare(sort_key(end), sort_key(key));
        match self.order {
            Order::Ascending => order.is_le(),
            Order::Descending => order.is_ge(),
        }
    }

    /// Whether a record of a segment is in the range. The query's condition on the key ensures this only where keys are
    /// in the order of time.
    ///
    /// # Errors
    /// When the record has no valid sort key.
    #[inline]
    pub(super) fn check_key_range(
        &self,
        row: Row<'_>,
        segment: &Segment,
    ) -> Result<KeyRangeCheck, RecordsError> {
        let Some(sort_key) = &self.sort_key else {
            return Ok(KeyRangeCheck::Within);
        };
        let Some(key) = row.sort_key().and_then(key::text) else {
            return Err(self.unreadable_key(row, sort_key));
        };
        if segment.until.as_deref() == Some(key) {
            return Ok(KeyRangeCheck::Beyond);
        }
        Ok(match self.format.form(key) {
            KeyForm::OfAnotherType => KeyRangeCheck::Beyond,
            KeyForm::Unreadable => KeyRangeCheck::OtherFormat,
            KeyForm::Fits if self.format.has_time() => self.check_time(key, segment),
            KeyForm::Fits => KeyRangeCheck::Within,
        })
    }

    /// Whether the time in a key is in the range.
    #[inline]
    fn check_time(&self, key: &str, segment: &Segment) -> KeyRangeCheck {
        let Range { from, until, .. } = self.range;
        let (is_within, is_before_end) = match &self.boundary {
            Some(boundary) => (
                !segment.is_outside,
                compare(&self.format, key, boundary).is_lt(),
            ),
            None => (
                self.format.is_within(key, from, until),
                self.format.is_before(key, until),
            ),
        };
        match (is_within, is_before_end) {
            (true, true) => KeyRangeCheck::Within,
            (true, false) => KeyRangeCheck::AtEnd,
            (false, _) => KeyRangeCheck::Beyond,
        }
    }

    fn unreadable_key(&self, row: Row<'_>, sort_key: &str) -> RecordsError {
        let problem = match row.has_sort_key() {
            false => "a record has no such attribute",
            true => "the attribute is neither a text nor a number",
        };
        RecordsError::Refused {
            table: self.table.clone(),
            message: format!("the sort key {sort_key}: {problem}"),
        }
    }

    pub(super) fn malformed(error: Malformed) -> RecordsError {
        CallError::with_code(OPERATION, "malformed answer", error).into()
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

/// The cost of queries.
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
    /// The cost of a query that used `read_units`.
    pub(super) fn new(read_units: f64, is_consistent: bool) -> Self {
        // A read unit is 4 KB strongly consistently, else 8 KB.
        let bytes_of_a_unit = if is_consistent { 4096.0 } else { 8192.0 };
        Self {
            read_units,
            bytes: (read_units * bytes_of_a_unit) as u64,
        }
    }
}
