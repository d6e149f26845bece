//! The records of a type, whatever their engine.

use aws_sdk_dynamodb::Client;

use super::dynamodb::{DynamoPage, DynamoRecords};
use super::mysql::Mysql;
use super::postgres::Postgres;
use super::sql::{SqlPage, SqlRecords};
use super::{ReadRequest, RecordsError};
use crate::selection::{KeyTime, Projection};
use crate::value::Value;

/// A parent's records within a range, after a position, in the order of their keys.
#[derive(Debug)]
pub struct RecordsSource(Source);

#[derive(Debug)]
enum Source {
    Dynamodb(Box<DynamoRecords>),
    Postgres(Box<SqlRecords<Postgres>>),
    Mysql(Box<SqlRecords<Mysql>>),
}

/// Some records, in order, and the positions between them.
#[derive(Debug)]
pub struct RecordsPage(Page);

#[derive(Debug)]
enum Page {
    Dynamodb(DynamoPage),
    Sql(Box<SqlPage>),
}

impl From<SqlRecords<Postgres>> for RecordsSource {
    fn from(records: SqlRecords<Postgres>) -> Self {
        Self(Source::Postgres(Box::new(records)))
    }
}

impl From<SqlRecords<Mysql>> for RecordsSource {
    fn from(records: SqlRecords<Mysql>) -> Self {
        Self(Source::Mysql(Box::new(records)))
    }
}

impl RecordsSource {
    /// The records of a table of DynamoDB, read by this client.
    ///
    /// # Errors
    /// [`RecordsError::Position`] for a position that does not belong to these records, or where the request is for records
    /// of another engine.
    pub fn in_dynamodb(
        client: Client,
        table: &str,
        request: ReadRequest<'_>,
        position: Option<&str>,
    ) -> Result<Self, RecordsError> {
        let spec = request.spec.dynamodb().ok_or(RecordsError::Position)?;
        let records = DynamoRecords::new(client, table, spec, request, position)?;
        Ok(Self(Source::Dynamodb(Box::new(records))))
    }

    /// Limits each further page to this many examined records. An engine may read fewer.
    pub fn examine_at_most(&mut self, records: u32) {
        match &mut self.0 {
            Source::Dynamodb(source) => {
                source.examine_at_most(i32::try_from(records).unwrap_or(i32::MAX))
            }
            Source::Postgres(source) => source.examine_at_most(records),
            Source::Mysql(source) => source.examine_at_most(records),
        }
    }

    /// Requests pages before they are needed. For reads of all records.
    pub fn with_read_ahead(self) -> Self {
        match self.0 {
            Source::Dynamodb(source) => Self(Source::Dynamodb(Box::new(source.with_read_ahead()))),
            Source::Postgres(source) => Self(Source::Postgres(Box::new(source.with_read_ahead()))),
            Source::Mysql(source) => Self(Source::Mysql(Box::new(source.with_read_ahead()))),
        }
    }

    /// Ends what is under way, and closes a connection that the source has.
    pub async fn close(self) {
        match self.0 {
            Source::Dynamodb(_) => {}
            Source::Postgres(source) => source.close().await,
            Source::Mysql(source) => source.close().await,
        }
    }

    /// Whether all records have been read.
    pub fn is_at_end(&self) -> bool {
        match &self.0 {
            Source::Dynamodb(source) => source.is_at_end(),
            Source::Postgres(source) => source.is_at_end(),
            Source::Mysql(source) => source.is_at_end(),
        }
    }

    /// The next page of records, which may be empty; `None` at the end.
    ///
    /// # Errors
    /// If the records cannot be read, also after retries.
    pub async fn next(&mut self) -> Result<Option<RecordsPage>, RecordsError> {
        let page = match &mut self.0 {
            Source::Dynamodb(source) => source.next().await?.map(Page::Dynamodb),
            Source::Postgres(source) => source.next().await?.map(Box::new).map(Page::Sql),
            Source::Mysql(source) => source.next().await?.map(Box::new).map(Page::Sql),
        };
        Ok(page.map(RecordsPage))
    }
}

impl RecordsPage {
    /// How many records the page has.
    pub fn len(&self) -> usize {
        match &self.0 {
            Page::Dynamodb(page) => page.len(),
            Page::Sql(page) => page.len(),
        }
    }

    /// Whether the page has no records, as a page may when all that was read is outside of the range.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Replaces the contents of `values` (the values of another record of the page, or nothing) by the values of the record
    /// of this index, in the order of `projection`, with which the page was requested.
    #[inline]
    pub fn values<'p>(
        &'p self,
        index: usize,
        projection: &Projection,
        values: &mut Vec<Value<'p>>,
    ) {
        match &self.0 {
            Page::Dynamodb(page) => page.values(index, values),
            Page::Sql(page) => page.values(index, values),
        }
        projection.convert(values);
    }

    /// What the key of the record of this index says of its time.
    #[inline]
    pub fn key_time(&self, index: usize) -> KeyTime {
        match &self.0 {
            Page::Dynamodb(page) => page.key_time(index),
            Page::Sql(page) => page.key_time(),
        }
    }

    /// The sort key of the record of this index, as text; `None` where keys have no text with a format.
    pub fn sort_key(&self, index: usize) -> Option<&str> {
        match &self.0 {
            Page::Dynamodb(page) => page.sort_key(index),
            Page::Sql(_) => None,
        }
    }

    /// The position after the record of this index, from which another source goes on.
    pub fn position(&self, index: usize) -> String {
        match &self.0 {
            Page::Dynamodb(page) => page.position(index),
            Page::Sql(page) => page.position(index),
        }
    }

    /// The position after the whole page.
    pub fn end(&self) -> String {
        match &self.0 {
            Page::Dynamodb(page) => page.end(),
            Page::Sql(page) => page.end(),
        }
    }

    /// How many records were read for the whole page, also those that are left out of it.
    pub fn read(&self) -> u64 {
        match &self.0 {
            Page::Dynamodb(page) => page.read(),
            Page::Sql(page) => page.read(),
        }
    }

    /// How many of these count as read where another source goes on from [`RecordsPage::position`].
    pub fn read_through(&self, index: usize) -> u64 {
        match &self.0 {
            Page::Dynamodb(page) => page.read_through(index),
            Page::Sql(page) => page.read_through(index),
        }
    }

    /// DynamoDB read units that were used; none of another engine.
    pub fn read_units(&self) -> f64 {
        match &self.0 {
            Page::Dynamodb(page) => page.read_units,
            Page::Sql(_) => 0.0,
        }
    }

    /// The bytes that were examined.
    pub fn examined(&self) -> u64 {
        match &self.0 {
            Page::Dynamodb(page) => page.examined,
            Page::Sql(page) => page.examined(),
        }
    }
}
