//! Reads records from PostgreSQL (13 and later): a parent's rows in the order of a unique key, by windows of keys.

mod connection;
mod decode;
mod page;
mod position;
mod sql;
mod statement;
mod table;

pub(super) use page::PostgresPage;

use std::sync::Arc;

use tokio::task::JoinSet;
use tokio_postgres::Config;

use self::connection::{Connection, ConnectionError};
use self::decode::Decoder;
use self::page::Parent;
use self::position::{Key, Position};
use self::statement::{Selected, Window};
use self::table::Table;
use super::{Order, ReadRequest, RecordsError};
use crate::catalog::SqlSpec;

/// The rows of the first window, and of the largest one. Between them a window has as many as fit into [`PAGE_BYTES`].
const FIRST_WINDOW: u32 = 2_000;
const LARGEST_WINDOW: u32 = 50_000;
const SMALLEST_WINDOW: u32 = 100;
/// The size of a page's values, in bytes.
const PAGE_BYTES: u64 = 4_000_000;

/// A parent's records within a range, after a position.
#[derive(Debug)]
pub(super) struct PostgresRecords {
    reader: Arc<WindowReader>,
    position: Position,
    /// Whether the parent's last key is known, or there is none to know.
    is_pinned: bool,
    is_at_end: bool,
    window: u32,
    largest: u32,
    reads_ahead: bool,
    /// The next page, which is requested while the caller writes the one before. Canceled when dropped.
    ahead: JoinSet<Result<PostgresPage, RecordsError>>,
}

/// What reads one window after another.
#[derive(Debug)]
struct WindowReader {
    connection: Connection,
    selected: Arc<Selected>,
    /// `None` if the parent's column cannot hold the parent's id.
    parent: Option<Parent>,
    table: String,
}

impl PostgresRecords {
    /// Opens the records of a table, after `position`: that of the last record that was read.
    ///
    /// # Errors
    /// When the database or the table cannot be used, and for a position that is none.
    pub(super) async fn open(
        config: &Config,
        spec: &SqlSpec,
        request: &ReadRequest<'_>,
        position: Option<&str>,
    ) -> Result<Self, RecordsError> {
        let position = position.map(serde_json::from_str::<Position>).transpose();
        let position = position
            .map_err(|_| RecordsError::Position)?
            .unwrap_or_default();
        let widths = [&position.after, &position.last];
        if widths
            .into_iter()
            .flatten()
            .any(|key| key.0.len() != spec.key.len())
        {
            return Err(RecordsError::Position);
        }
        let failed = |error: ConnectionError| error.into_records_error("Connect", &spec.table);
        let connection = Connection::open(config).await.map_err(failed)?;
        let table = Table::describe(connection.client(), &spec.table)
            .await
            .map_err(failed)?;
        let table = table.ok_or_else(|| RecordsError::Missing {
            table: spec.table.clone(),
        })?;
        let refused = |message: String| RecordsError::Refused {
            table: spec.table.clone(),
            message,
        };
        if table.has_row_security && !spec.row_security {
            return Err(refused(
                "row-level security hides rows from this role".to_owned(),
            ));
        }
        let selected =
            Selected::new(&table, spec, request).map_err(|error| refused(error.to_string()))?;
        let parent = table
            .parent_column(&spec.parent)
            .map_err(|error| refused(error.to_string()))?;
        let decoder = parent.decoder().unwrap_or(Decoder::Text);
        let parent = Parent::new(request.parent_id, &parent.sql_type, decoder);
        Ok(Self {
            is_at_end: parent.is_none(),
            is_pinned: position.last.is_some() || request.order == Order::Descending,
            position,
            window: FIRST_WINDOW,
            largest: LARGEST_WINDOW,
            reads_ahead: false,
            ahead: JoinSet::new(),
            reader: Arc::new(WindowReader {
                connection,
                selected: Arc::new(selected),
                parent,
                table: spec.table.clone(),
            }),
        })
    }

    /// Limits each further page to this many examined records.
    pub(super) fn examine_at_most(&mut self, records: u32) {
        self.largest = records.clamp(1, LARGEST_WINDOW);
    }

    /// Requests the next page before it is needed. For reads of all records.
    pub(super) fn with_read_ahead(mut self) -> Self {
        self.reads_ahead = true;
        self
    }

    /// Whether all records have been read.
    pub(super) fn is_at_end(&self) -> bool {
        self.is_at_end
    }

    /// The next page of records; `None` at the end.
    ///
    /// # Errors
    /// If a statement fails.
    pub(super) async fn next(&mut self) -> Result<Option<PostgresPage>, RecordsError> {
        if self.is_at_end {
            return Ok(None);
        }
        if !self.is_pinned {
            self.position.last = self.reader.last_key().await?;
            self.is_pinned = true;
            if self.position.last.is_none() {
                self.is_at_end = true;
                return Ok(None);
            }
        }
        let size = self.window.min(self.largest);
        let page = match self.ahead.join_next().await {
            Some(page) => page.map_err(|error| ended(error.into()))??,
            None => {
                self.reader
                    .clone()
                    .read(self.position.clone(), size)
                    .await?
            }
        };
        if page.other_parent > 0 {
            tracing::error!(
                page.other_parent,
                "the database takes another parent's id for the requested one"
            );
        }
        self.position.after = page.end.clone();
        self.is_at_end = page.is_last;
        if let Some(bytes) = page.bytes.checked_div(page.scanned) {
            let fitting = PAGE_BYTES.checked_div(bytes).unwrap_or(u64::MAX);
            self.window = u32::try_from(fitting)
                .unwrap_or(u32::MAX)
                .clamp(SMALLEST_WINDOW, LARGEST_WINDOW);
        }
        if self.reads_ahead && !self.is_at_end {
            let size = self.window.min(self.largest);
            self.ahead
                .spawn(self.reader.clone().read(self.position.clone(), size));
        }
        Ok(Some(page))
    }
}

/// The error of a page whose task ended without an answer.
fn ended(error: Box<dyn std::error::Error + Send + Sync>) -> RecordsError {
    RecordsError::Unavailable(crate::aws::CallError::with_code("Select", "ended", error))
}

impl WindowReader {
    /// Reads the window of at most `size` rows after a position. A window that takes too long is tried again with half of
    /// the rows.
    async fn read(
        self: Arc<Self>,
        position: Position,
        mut size: u32,
    ) -> Result<PostgresPage, RecordsError> {
        loop {
            match self.window(&position, size).await {
                Ok(page) => return Ok(page),
                Err(error) if error.is_timeout() && size > SMALLEST_WINDOW => {
                    size = (size / 2).max(SMALLEST_WINDOW);
                    tracing::warn!(
                        size,
                        "a page of records took too long and is read again with fewer records"
                    );
                }
                Err(error) => return Err(error.into_records_error("Select", &self.table)),
            }
        }
    }

    async fn window(
        &self,
        position: &Position,
        size: u32,
    ) -> Result<PostgresPage, ConnectionError> {
        let mut page = PostgresPage::new(self.selected.clone(), position.clone());
        let Some(parent) = &self.parent else {
            return Ok(page);
        };
        let window = Window {
            after: position.after.as_ref().map(|key| key.0.as_slice()),
            last: position.last.as_ref().map(|key| key.0.as_slice()),
            size,
        };
        let (statement, parameters) = self.selected.window(parent.raw(), window);
        self.connection
            .select(&statement, parameters, |row| page.add(row, parent))
            .await?;
        page.is_last = page.scanned < u64::from(size);
        Ok(page)
    }

    /// The parent's last key in the order of reading; `None` if the parent has no rows.
    async fn last_key(&self) -> Result<Option<Key>, RecordsError> {
        let Some(parent) = &self.parent else {
            return Ok(None);
        };
        let mut last = None;
        let parameters = vec![(parent.raw().to_vec(), self.selected.parent_type().clone())];
        let statement = self.selected.last_key();
        let found = self.connection.select(&statement, parameters, |row| {
            let values =
                (0..row.len()).map(|n| Ok(row.try_get::<_, connection::Raw<'_>>(n)?.0.to_vec()));
            last = Some(Key(values.collect::<Result<_, ConnectionError>>()?));
            Ok(())
        });
        found
            .await
            .map_err(|error| error.into_records_error("Select", &self.table))?;
        Ok(last)
    }
}
