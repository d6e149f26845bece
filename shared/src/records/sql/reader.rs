//! Reads a parent's records by windows of keys, one after another, whatever the engine.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::task::JoinSet;

use super::error::{CONNECT, ConnectionError, EngineError};
use super::page::{BufferPool, SqlPage};
use super::position::{Key, Position};
use super::selected::Shape;
use crate::aws::CallError;
use crate::catalog::SqlSpec;
use crate::records::{Order, ReadRequest, RecordsError};

/// The rows of the first window, and of the largest one. Between them a window has as many as fit into [`PAGE_BYTES`].
const FIRST_WINDOW: u32 = 200;
const LARGEST_WINDOW: u32 = 20_000;
/// A window that takes too long is halved down to this many rows.
const SMALLEST_WINDOW: u32 = 100;
/// The size of a page's values, in bytes.
const PAGE_BYTES: u64 = 2_000_000;
/// How many times as many rows the next window may have.
const GROWTH: u32 = 10;

/// Tries of a statement whose connection ends, or that the server ends for the sake of others.
const TRIES: u32 = 4;
/// The wait before the second try; it doubles with each try.
const RETRY_WAIT: Duration = Duration::from_millis(250);

/// An engine, as far as the reader of one request needs it.
pub(in crate::records) trait Engine: fmt::Debug + Send + Sync + 'static {
    /// A connection to the database.
    type Connection: fmt::Debug + Send;
    /// An error of the engine's client.
    type Error: EngineError;

    /// Connects to the database.
    fn connect(
        &self,
    ) -> impl Future<Output = Result<Self::Connection, ConnectionError<Self::Error>>> + Send;

    /// Adds the rows of a window to a page. Returns whether the page was full before the window's end; the connection cannot
    /// be used again then.
    fn read(
        &self,
        connection: &mut Self::Connection,
        window: Window<'_>,
        page: &mut SqlPage,
    ) -> impl Future<Output = Result<bool, ConnectionError<Self::Error>>> + Send;

    /// The parent's last key in the order of reading; `None` if the parent has no rows.
    fn last_key(
        &self,
        connection: &mut Self::Connection,
    ) -> impl Future<Output = Result<Option<Key>, ConnectionError<Self::Error>>> + Send;

    /// Closes a connection, so that the server can give its place to another.
    fn close(connection: Self::Connection) -> impl Future<Output = ()> + Send;

    /// Ends a connection without a word to the server, which does not answer.
    fn abandon(connection: Self::Connection);
}

/// The keys between which a statement reads: after the first, up to and with the second.
#[derive(Debug, Clone, Copy)]
pub(in crate::records) struct Window<'a> {
    pub(in crate::records) after: Option<&'a [Vec<u8>]>,
    pub(in crate::records) last: Option<&'a [Vec<u8>]>,
    pub(in crate::records) size: u32,
}

/// A parent's records within a range, after a position.
#[derive(Debug)]
pub(in crate::records) struct SqlRecords<E: Engine> {
    reader: Arc<WindowReader<E>>,
    position: Position,
    /// Whether the parent's last key is known, or there is none to know.
    is_pinned: bool,
    is_at_end: bool,
    window: u32,
    largest: u32,
    reads_ahead: bool,
    /// The next page, which is requested while the caller writes the one before. Canceled when dropped.
    ahead: JoinSet<Result<SqlPage, RecordsError>>,
}

/// What a reader begins with.
#[derive(Debug)]
pub(in crate::records) struct Start<E: Engine> {
    pub(in crate::records) engine: E,
    /// The connection that described the table.
    pub(in crate::records) connection: E::Connection,
    pub(in crate::records) shape: Shape,
    /// Whether the parent's column can hold the parent's id. There are no records else.
    pub(in crate::records) has_parent: bool,
    /// The most rows of a window; `None` for the usual limit.
    pub(in crate::records) largest_window: Option<u32>,
}

/// What reads one window after another.
#[derive(Debug)]
struct WindowReader<E: Engine> {
    engine: E,
    /// The connection, which one window at a time uses; `None` after one that ended.
    connection: Mutex<Option<E::Connection>>,
    shape: Arc<Shape>,
    pool: BufferPool,
    spec: SqlSpec,
}

impl<E: Engine> SqlRecords<E> {
    /// Reads the records of a table, after `position`: that of the last record that was read.
    ///
    /// # Errors
    /// For a position that is none.
    pub(in crate::records) fn new(
        start: Start<E>,
        spec: &SqlSpec,
        request: &ReadRequest<'_>,
        position: Option<&str>,
    ) -> Result<Self, RecordsError> {
        let position = match position {
            None => Position::default(),
            Some(text) => Position::parse(text, &start.shape.key_types)?,
        };
        Ok(Self {
            is_at_end: !start.has_parent,
            is_pinned: position.last.is_some() || request.order == Order::Descending,
            position,
            window: FIRST_WINDOW,
            largest: start.largest_window.unwrap_or(LARGEST_WINDOW),
            reads_ahead: false,
            ahead: JoinSet::new(),
            reader: Arc::new(WindowReader {
                engine: start.engine,
                connection: Mutex::new(Some(start.connection)),
                shape: Arc::new(start.shape),
                pool: BufferPool::default(),
                spec: spec.clone(),
            }),
        })
    }

    /// Ends a page that is under way, and closes the connection, so that the server can give its place to another.
    pub(in crate::records) async fn close(mut self) {
        self.ahead.shutdown().await;
        if let Some(connection) = self.reader.connection.lock().await.take() {
            E::close(connection).await;
        }
    }

    /// Limits each further page to this many examined records.
    pub(in crate::records) fn examine_at_most(&mut self, records: u32) {
        self.largest = records.clamp(1, LARGEST_WINDOW);
    }

    /// Requests the next page before it is needed. For reads of all records.
    pub(in crate::records) fn with_read_ahead(mut self) -> Self {
        self.reads_ahead = true;
        self
    }

    /// Whether all records have been read.
    pub(in crate::records) fn is_at_end(&self) -> bool {
        self.is_at_end
    }

    /// The next page of records; `None` at the end.
    ///
    /// # Errors
    /// If a statement fails.
    pub(in crate::records) async fn next(&mut self) -> Result<Option<SqlPage>, RecordsError> {
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

/// The error of a page whose task ended without an answer.
fn ended(error: Box<dyn std::error::Error + Send + Sync>) -> RecordsError {
    RecordsError::Unavailable(CallError::with_code("Select", "ended", error))
}

/// The wait after a try that may pass.
async fn wait_after(tries: u32) {
    tracing::warn!(
        tries,
        "the connection to the database ended, and its statement is tried again"
    );
    tokio::time::sleep(RETRY_WAIT * 2_u32.pow(tries - 1)).await;
}

/// Tries several times what may succeed on a new connection.
async fn with_retries<T, E: EngineError, F: Future<Output = Result<T, ConnectionError<E>>>>(
    mut attempt: impl FnMut() -> F,
) -> Result<T, ConnectionError<E>> {
    for tries in 1..TRIES {
        match attempt().await {
            Err(error) if error.is_passing() => wait_after(tries).await,
            done => return done,
        }
    }
    attempt().await
}

/// What `describe` says of an entry's table, tried several times.
///
/// # Errors
/// [`RecordsError::Missing`] if there is no such table, and those of the database.
pub(in crate::records) async fn described<T, E, F>(
    spec: &SqlSpec,
    describe: impl FnMut() -> F,
) -> Result<T, RecordsError>
where
    E: EngineError,
    F: Future<Output = Result<Option<T>, ConnectionError<E>>>,
{
    let described = with_retries(describe).await;
    let described = described.map_err(|error| error.into_records_error(CONNECT, spec))?;
    described.ok_or_else(|| RecordsError::Missing {
        table: spec.table.clone(),
    })
}

impl<E: Engine> WindowReader<E> {
    /// Reads the window of at most `size` rows after a position. A window that takes too long is tried again with half of
    /// the rows, and one whose connection ends on a new connection.
    async fn read(
        self: Arc<Self>,
        position: Position,
        mut size: u32,
    ) -> Result<SqlPage, RecordsError> {
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

    async fn window(
        &self,
        position: &Position,
        size: u32,
    ) -> Result<SqlPage, ConnectionError<E::Error>> {
        let pool = self.pool.clone();
        let mut page = SqlPage::new(self.shape.clone(), position.clone(), pool);
        let window = Window {
            after: position.after.as_ref().map(|key| key.0.as_slice()),
            last: position.last.as_ref().map(|key| key.0.as_slice()),
            size,
        };
        let mut usable = self.connection.lock().await;
        let mut connection = self.taken(usable.take()).await?;
        // Boxed, since the compiler limits how deep one future may be in another.
        let read = Box::pin(self.engine.read(&mut connection, window, &mut page)).await;
        match read {
            Ok(false) => page.is_last = page.scanned < u64::from(size),
            // The next page goes on after the last row that was received.
            Ok(true) => page.is_last = false,
            Err(_) => {}
        }
        let is_full = matches!(read, Ok(true));
        match is_full || read.as_ref().is_err_and(ConnectionError::is_passing) {
            true => E::abandon(connection),
            false => *usable = Some(connection),
        }
        read?;
        page.finish()?;
        Ok(page)
    }

    /// The connection of the last statement, or a new one. A connection is used again only after an answer to everything that
    /// was sent.
    async fn taken(
        &self,
        usable: Option<E::Connection>,
    ) -> Result<E::Connection, ConnectionError<E::Error>> {
        match usable {
            Some(connection) => Ok(connection),
            None => Box::pin(self.engine.connect()).await,
        }
    }

    /// The parent's last key in the order of reading; `None` if the parent has no rows.
    async fn last_key(&self) -> Result<Option<Key>, RecordsError> {
        let last = with_retries(async || {
            let mut usable = self.connection.lock().await;
            let mut connection = self.taken(usable.take()).await?;
            let last = Box::pin(self.engine.last_key(&mut connection)).await;
            match &last {
                Err(error) if error.is_passing() => E::abandon(connection),
                _ => *usable = Some(connection),
            }
            last
        });
        last.await
            .map_err(|error| error.into_records_error("Select", &self.spec))
    }
}
