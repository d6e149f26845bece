//! A connection to a database, and single statements on it.

use std::error::Error;
use std::time::Duration;

use futures::TryStreamExt;
use tokio::task::JoinHandle;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};
use tokio_postgres::{Client, Config, NoTls, Row};

use super::decode::Malformed;
use super::statement::Parameters;
use crate::aws::CallError;
use crate::records::RecordsError;

/// How long a statement may take. The server ends it then.
const STATEMENT_TIME: Duration = Duration::from_secs(20);
/// How much longer the client waits for the server to do so.
const GRACE: Duration = Duration::from_secs(5);

/// A connection, which is closed when it is dropped.
#[derive(Debug)]
pub(super) struct Connection {
    client: Client,
    task: JoinHandle<()>,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Why a statement has no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConnectionError {
    #[error(transparent)]
    Postgres(#[from] tokio_postgres::Error),
    #[error("no answer within {} s", (STATEMENT_TIME + GRACE).as_secs())]
    NoAnswer,
    #[error(transparent)]
    Malformed(#[from] Malformed),
}

impl ConnectionError {
    /// Whether the statement took too long, so that one of fewer rows may succeed.
    pub(super) fn is_timeout(&self) -> bool {
        matches!(self, Self::NoAnswer) || self.code() == Some("57014")
    }

    /// The code of the server's error (PostgreSQL's documentation, appendix A).
    fn code(&self) -> Option<&str> {
        match self {
            Self::Postgres(error) => error.code().map(|code| code.code()),
            Self::NoAnswer | Self::Malformed(_) => None,
        }
    }

    /// The error of reading the records of a table. Of the server's messages, only those about names are passed on: others
    /// can contain values.
    pub(super) fn into_records_error(self, operation: &'static str, table: &str) -> RecordsError {
        let table = table.to_owned();
        let code = self.code().unwrap_or_default().to_owned();
        match (&code[..], &self) {
            ("42P01" | "3F000" | "3D000", _) => RecordsError::Missing { table },
            ("42501" | "28000" | "28P01", _) => RecordsError::Denied { table },
            (_, Self::Postgres(error)) if code.starts_with("42") => {
                let message = error
                    .as_db_error()
                    .map_or("", |error| error.message())
                    .to_owned();
                RecordsError::Refused { table, message }
            }
            ("", _) => {
                RecordsError::Unavailable(CallError::with_code(operation, "no answer", self))
            }
            // Without the server's message, which can contain values.
            _ => RecordsError::Unavailable(CallError::with_code(
                operation,
                code,
                "the server's error",
            )),
        }
    }
}

impl Connection {
    /// Connects to a database.
    pub(super) async fn open(config: &Config) -> Result<Self, ConnectionError> {
        let (client, connection) = config.connect(NoTls).await?;
        let task = tokio::spawn(async move {
            // The client reports the error, too.
            if let Err(error) = connection.await {
                tracing::debug!(
                    error = &error as &dyn Error,
                    "the connection to the database ended"
                );
            }
        });
        Ok(Self { client, task })
    }

    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    /// Sends a statement in a transaction of its own, in one round trip. Nothing in it depends on an earlier one, so that
    /// a pooler may give each transaction to another connection of the server.
    ///
    /// # Errors
    /// For the server's error, or without an answer in time. `each` is called with each row.
    pub(super) async fn select(
        &self,
        statement: &str,
        parameters: Parameters,
        mut each: impl FnMut(&Row) -> Result<(), ConnectionError>,
    ) -> Result<(), ConnectionError> {
        let begin = format!(
            "BEGIN READ ONLY; SET LOCAL statement_timeout = {}",
            STATEMENT_TIME.as_millis()
        );
        let parameters = parameters
            .into_iter()
            .map(|(raw, sql_type)| (RawParameter(raw), sql_type));
        let rows = async {
            let rows = self.client.query_typed_raw(statement, parameters).await?;
            let mut rows = std::pin::pin!(rows);
            while let Some(row) = rows.try_next().await? {
                each(&row)?;
            }
            Ok::<_, ConnectionError>(())
        };
        // Each future sends when it is first polled: in this order, and before any answer.
        let all = async {
            futures::join!(
                self.client.batch_execute(&begin),
                rows,
                self.client.batch_execute("COMMIT")
            )
        };
        let (begun, read, ended) = tokio::time::timeout(STATEMENT_TIME + GRACE, all)
            .await
            .map_err(|_| ConnectionError::NoAnswer)?;
        begun?;
        read?;
        Ok(ended?)
    }
}

/// A value in its binary form, of any type.
pub(super) struct Raw<'a>(pub(super) &'a [u8]);

impl<'a> FromSql<'a> for Raw<'a> {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(raw))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

/// A parameter that is already in its type's binary form.
#[derive(Debug)]
struct RawParameter(Vec<u8>);

impl ToSql for RawParameter {
    fn to_sql(
        &self,
        _: &Type,
        out: &mut bytes::BytesMut,
    ) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        out.extend_from_slice(&self.0);
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}
