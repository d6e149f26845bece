//! Reads records from PostgreSQL (13 and later): a parent's rows in the order of a unique key, by windows of keys.

mod check;
mod connection;
mod databases;
mod decode;
mod error;
mod indexes;
mod joined_rows;
mod joining;
mod narrowing;
mod network;
mod overview;
mod page;
mod password;
mod position;
mod row;
mod settings;
mod sql;
mod statement;
mod table;
mod tls;

pub use check::Finding;
pub(super) use check::check;
pub(super) use databases::{Connector, Databases};
pub use network::Network;
pub(super) use overview::overview;
pub use overview::{ColumnOverview, SqlValues, TableOverview};
pub(super) use page::PostgresPage;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::task::JoinSet;

use self::connection::Connection;
use self::decode::Decoder;
use self::error::{CONNECT, ConnectionError};
use self::indexes::Indexes;
use self::page::{BufferPool, Parent};
use self::position::{Key, Position};
use self::row::RawRow;
use self::settings::settings;
use self::statement::{Parameters, Selected, Window};
use self::table::Table;
use super::{Order, ReadRequest, RecordsError};
use crate::catalog::SqlSpec;

/// The rows of the first window, and of the largest one. Between them a window has as many as fit into [`PAGE_BYTES`].
const FIRST_WINDOW: u32 = 200;
const LARGEST_WINDOW: u32 = 20_000;
/// A window that takes too long is halved down to this many rows.
const SMALLEST_WINDOW: u32 = 100;
/// The size of a page's values, in bytes.
const PAGE_BYTES: u64 = 2_000_000;
/// How many times as many rows the next window may have.
const GROWTH: u32 = 10;

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
    connector: Connector,
    /// The connection, which one window at a time uses; `None` after one that ended.
    connection: Mutex<Option<Connection>>,
    selected: Arc<Selected>,
    pool: BufferPool,
    /// Settings of every statement, in SQL.
    settings: String,
    /// `None` if the parent's column cannot hold the parent's id.
    parent: Option<Parent>,
    spec: SqlSpec,
}

impl PostgresRecords {
    /// Opens the records of a table, after `position`: that of the last record that was read.
    ///
    /// # Errors
    /// When the database or the table cannot be used, and for a position that is none.
    pub(super) async fn open(
        connector: Connector,
        spec: &SqlSpec,
        request: &ReadRequest<'_>,
        position: Option<&str>,
    ) -> Result<Self, RecordsError> {
        let described = with_retries(|| describe(&connector, spec)).await;
        let described = described.map_err(|error| error.into_records_error(CONNECT, spec))?;
        let (connection, table, indexes) = described.ok_or_else(|| RecordsError::Missing {
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
        let position = match position {
            None => Position::default(),
            Some(text) => Position::parse(text, &selected.key_types())?,
        };
        let parent = table
            .parent_column(&spec.parent)
            .map_err(|error| refused(error.to_string()))?;
        if !table.is_unprovable && !indexes.prove_keys(spec) {
            return Err(refused(unproven(spec)));
        }
        let decoder = parent.decoder().unwrap_or(Decoder::Text);
        let parent = Parent::new(request.parent_id, &parent.sql_type, decoder);
        Ok(Self {
            is_at_end: parent.is_none(),
            is_pinned: position.last.is_some() || request.order == Order::Descending,
            position,
            window: FIRST_WINDOW,
            largest: connector.largest_window().unwrap_or(LARGEST_WINDOW),
            reads_ahead: false,
            ahead: JoinSet::new(),
            reader: Arc::new(WindowReader {
                connector,
                connection: Mutex::new(Some(connection)),
                selected: Arc::new(selected),
                pool: BufferPool::default(),
                settings: settings(&table, spec, indexes.order_keys(spec)),
                parent,
                spec: spec.clone(),
            }),
        })
    }

    /// Ends a page that is under way, and closes the connection, so that the server can give its place to another.
    pub(super) async fn close(mut self) {
        self.ahead.shutdown().await;
        if let Some(connection) = self.reader.connection.lock().await.take() {
            connection.close().await;
        }
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
            // An alarm counts this line. They are left out, and no concern of whoever asked.
            tracing::error!(
                rows = page.other_parent,
                table = self.reader.spec.table,
                "rows of another parent"
            );
        }
        self.position.after = page.last_key();
        self.is_at_end = page.is_last;
        if let Some(bytes) = page.bytes.checked_div(page.scanned) {
            let fitting = PAGE_BYTES.checked_div(bytes).unwrap_or(u64::MAX);
            let largest = self.window.saturating_mul(GROWTH).min(LARGEST_WINDOW);
            self.window = u32::try_from(fitting).unwrap_or(u32::MAX).clamp(1, largest);
        }
        if self.reads_ahead && !self.is_at_end {
            let size = self.window.min(self.largest);
            self.ahead
                .spawn(self.reader.clone().read(self.position.clone(), size));
        }
        Ok(Some(page))
    }
}

/// Says that two rows of a parent could have the same key, so that a file could lack one of them.
fn unproven(spec: &SqlSpec) -> String {
    format!(
        "no unique index proves that no two rows of a parent have the same key: CREATE UNIQUE INDEX CONCURRENTLY ON {} ({})",
        sql::shown_qualified(&spec.table),
        parent_and_key(spec)
    )
}

/// The columns of an index that has a parent's rows in the order of their keys.
fn parent_and_key(spec: &SqlSpec) -> String {
    let of_key = spec.key.iter().filter(|name| **name != spec.parent);
    let columns: Vec<String> = [&spec.parent]
        .into_iter()
        .chain(of_key)
        .map(|name| sql::shown(name))
        .collect();
    columns.join(", ")
}

/// The error of a page whose task ended without an answer.
fn ended(error: Box<dyn std::error::Error + Send + Sync>) -> RecordsError {
    RecordsError::Unavailable(crate::aws::CallError::with_code("Select", "ended", error))
}

/// Tries of a statement whose connection ends, or that the server ends for the sake of others.
const TRIES: u32 = 4;
/// The wait before the second try; it doubles with each try.
const RETRY_WAIT: Duration = Duration::from_millis(250);

/// The wait after a try that may pass.
async fn wait_after(tries: u32) {
    tracing::warn!(
        tries,
        "the connection to the database ended, and its statement is tried again"
    );
    tokio::time::sleep(RETRY_WAIT * 2_u32.pow(tries - 1)).await;
}

/// Tries several times what may succeed on a new connection.
async fn with_retries<T, F: Future<Output = Result<T, ConnectionError>>>(
    mut attempt: impl FnMut() -> F,
) -> Result<T, ConnectionError> {
    for tries in 1..TRIES {
        match attempt().await {
            Err(error) if error.is_passing() => wait_after(tries).await,
            done => return done,
        }
    }
    attempt().await
}

/// Connects, and describes the entry's table; `None` if there is no such table.
async fn describe(
    connector: &Connector,
    spec: &SqlSpec,
) -> Result<Option<(Connection, Table, Indexes)>, ConnectionError> {
    let connection = connector.connect().await?;
    let client = connection.client();
    let Some(table) = connection::in_time(Table::describe(client, &spec.table)).await? else {
        return Ok(None);
    };
    let indexes = connection::in_time(Indexes::describe(client, &spec.table)).await?;
    Ok(Some((connection, table, indexes)))
}

impl WindowReader {
    /// Reads the window of at most `size` rows after a position. A window that takes too long is tried again with half of
    /// the rows, and one whose connection ends on a new connection.
    async fn read(
        self: Arc<Self>,
        position: Position,
        mut size: u32,
    ) -> Result<PostgresPage, RecordsError> {
        let mut tries = 1;
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
                Err(error) if error.is_passing() && tries < TRIES => {
                    wait_after(tries).await;
                    tries += 1;
                }
                Err(error) => return Err(error.into_records_error("Select", &self.spec)),
            }
        }
    }

    /// Sends a statement, on a new connection where the last one failed. A connection is used again only after an answer
    /// to everything that was sent.
    async fn select(
        &self,
        statement: &str,
        parameters: Parameters,
        each: impl FnMut(RawRow<'_>) -> Result<(), ConnectionError>,
    ) -> Result<(), ConnectionError> {
        let mut usable = self.connection.lock().await;
        let connection = match usable.take() {
            Some(connection) => connection,
            None => self.connector.connect().await?,
        };
        let selected = connection
            .select(&self.settings, statement, parameters, each)
            .await;
        match &selected {
            Err(ConnectionError::PageFull) => connection.abandon(),
            Err(error) if error.is_passing() => connection.abandon(),
            _ => *usable = Some(connection),
        }
        selected
    }

    async fn window(
        &self,
        position: &Position,
        size: u32,
    ) -> Result<PostgresPage, ConnectionError> {
        let pool = self.pool.clone();
        let mut page = PostgresPage::new(self.selected.clone(), position.clone(), pool);
        let Some(parent) = &self.parent else {
            return Ok(page);
        };
        let window = Window {
            after: position.after.as_ref().map(|key| key.0.as_slice()),
            last: position.last.as_ref().map(|key| key.0.as_slice()),
            size,
        };
        let (statement, parameters) = self.selected.window(parent.raw(), window);
        let read = self.select(&statement, parameters, |row| page.add(row, parent));
        match read.await {
            Ok(()) => page.is_last = page.scanned < u64::from(size),
            // The next page goes on after the last row that was received.
            Err(ConnectionError::PageFull) => page.is_last = false,
            Err(error) => return Err(error),
        }
        page.finish()?;
        Ok(page)
    }

    /// The parent's last key in the order of reading; `None` if the parent has no rows.
    async fn last_key(&self) -> Result<Option<Key>, RecordsError> {
        let Some(parent) = &self.parent else {
            return Ok(None);
        };
        let last = with_retries(|| self.select_last_key(parent)).await;
        last.map_err(|error| error.into_records_error("Select", &self.spec))
    }

    async fn select_last_key(&self, parent: &Parent) -> Result<Option<Key>, ConnectionError> {
        let mut last = None;
        let parameters = vec![(parent.raw().to_vec(), self.selected.parent_type().clone())];
        let statement = self.selected.last_key();
        let found = self.select(&statement, parameters, |mut row| {
            let mut key = Vec::new();
            while !row.is_empty() {
                key.push(row.value()?.ok_or(ConnectionError::EqualKeys)?.to_vec());
            }
            last = Some(Key(key));
            Ok(())
        });
        found.await?;
        Ok(last)
    }
}
