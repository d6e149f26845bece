//! DynamoDB queries for records, and the interpretation of their answers.

use std::ops::AddAssign;
use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::operation::scan::builders::ScanFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnConsumedCapacity};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::budget::Budget;
use super::filter::{Expressions, Filter, MAX_EXPRESSION};
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
    /// Whether the whole table is read, whose records have no order.
    pub(super) is_scan: bool,
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
    /// The expressions of a request for a segment of a partition.
    fn expressions(&self, partition: &str, segment: &Segment) -> Expressions {
        let mut expressions = Expressions::default();
        if !self.is_scan {
            self.add_key_condition(partition, segment, &mut expressions);
        }
        self.project(&mut expressions);
        self.filter.add_to(&mut expressions);
        expressions
    }

    fn add_key_condition(&self, partition: &str, segment: &Segment, expressions: &mut Expressions) {
        let condition = match (&segment.from, &segment.until) {
            (None, None) => "#partition = :partition",
            (None, Some(_)) => "#partition = :partition AND #sort < :until",
            (Some(_), None) => "#partition = :partition AND #sort >= :from",
            // DynamoDB has no half-open range: records at the end itself are dropped later.
            (Some(_), Some(_)) => "#partition = :partition AND #sort BETWEEN :from AND :until",
        };
        expressions.key = Some(condition.to_owned());
        let Expressions { names, values, .. } = expressions;
        names.insert("#partition".to_owned(), self.partition_key.clone());
        values.insert(":partition".to_owned(), self.partition_value(partition));
        if let Some(sort_key) = &self.sort_key
            && (segment.from.is_some() || segment.until.is_some())
        {
            names.insert("#sort".to_owned(), sort_key.clone());
        }
        for (name, bound) in [(":from", &segment.from), (":until", &segment.until)] {
            if let Some(bound) = bound {
                values.insert(name.to_owned(), self.sort_value(bound));
            }
        }
    }

    /// Adds the attributes to read, unless there are too many for an expression: then whole records are read.
    fn project(&self, expressions: &mut Expressions) {
        let Some(attributes) = &self.attributes else {
            return;
        };
        let attributes = attributes.iter().map(String::as_str);
        let mut attributes: Vec<_> = attributes.chain(self.layout.key_names()).collect();
        attributes.sort_unstable();
        attributes.dedup();
        let placeholders: Vec<_> = (0..attributes.len()).map(|n| format!("#a{n}")).collect();
        let projection = placeholders.join(", ");
        if projection.len() > MAX_EXPRESSION {
            return;
        }
        let attributes = attributes.into_iter().map(str::to_owned);
        expressions
            .names
            .extend(placeholders.into_iter().zip(attributes));
        expressions.projection = Some(projection);
    }

    /// Sends the request for a page of a segment, after the key `start`, and returns the answer.
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
        let expressions = self.expressions(partition, segment);
        if self.is_scan {
            let request = self.scan(expressions, start, is_consistent).customize();
            let sent = request.interceptor(raw_body.clone()).send().await;
            sent.map_err(|error| self.error("Scan", error))?;
        } else {
            let request = self.query(expressions, start, is_consistent).customize();
            let sent = request.interceptor(raw_body.clone()).send().await;
            sent.map_err(|error| self.error(OPERATION, error))?;
        }
        Ok(Body {
            bytes: raw_body.into_body(),
            is_consistent,
        })
    }

    fn query(
        &self,
        expressions: Expressions,
        start: Option<Key>,
        is_consistent: bool,
    ) -> QueryFluentBuilder {
        self.db
            .query()
            .table_name(&self.table)
            .set_index_name(self.index.clone())
            .scan_index_forward(self.order == Order::Ascending)
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .set_key_condition_expression(expressions.key)
            .set_filter_expression(expressions.filter)
            .set_projection_expression(expressions.projection)
            .set_expression_attribute_names(Some(expressions.names))
            .set_expression_attribute_values(Some(expressions.values))
            .set_exclusive_start_key(start)
            .consistent_read(is_consistent)
            .set_limit(self.page_size)
    }

    fn scan(
        &self,
        expressions: Expressions,
        start: Option<Key>,
        is_consistent: bool,
    ) -> ScanFluentBuilder {
        self.db
            .scan()
            .table_name(&self.table)
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .set_filter_expression(expressions.filter)
            .set_projection_expression(expressions.projection)
            .set_expression_attribute_names(Some(expressions.names))
            .set_expression_attribute_values(Some(expressions.values))
            .set_exclusive_start_key(start)
            .consistent_read(is_consistent)
            .set_limit(self.page_size)
    }

    /// A query for the first record of a partition, whole.
    pub(super) fn first_record(&self, partition: &str) -> QueryFluentBuilder {
        let mut expressions = Expressions::default();
        self.add_key_condition(partition, &Segment::default(), &mut expressions);
        self.query(expressions, None, false).limit(1)
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
        let Some(name) = self.sort_key.as_ref().filter(|_| !self.is_scan) else {
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

    pub(super) fn error<E>(&self, operation: &'static str, error: SdkError<E>) -> RecordsError
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let table = self.table.clone();
        match error.code() {
            Some("ResourceNotFoundException") => RecordsError::Missing { table },
            Some("AccessDeniedException") => RecordsError::Denied { table },
            Some("ValidationException") => RecordsError::Refused {
                table,
                message: error.message().unwrap_or_default().to_owned(),
            },
            _ => CallError::new(operation, error).into(),
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
