//! Why a statement has no answer, and what that means for the records.

use std::error::Error;
use std::time::Duration;

use super::form::Malformed;
use super::page::RowError;
use super::tls;
use crate::aws::CallError;
use crate::catalog::SqlSpec;
use crate::records::RecordsError;

/// How long a statement may take. The server ends it then.
pub(in crate::records) const STATEMENT_TIME: Duration = Duration::from_secs(20);
/// How much longer the client waits for the server to do so.
pub(in crate::records) const GRACE: Duration = Duration::from_secs(5);
/// The name of connecting and describing, for errors.
pub(in crate::records) const CONNECT: &str = "Connect";

/// Why a server seems not to be there that did not answer in time.
pub(in crate::records) const LATE: &str =
    "no answer in time; check the host and the port in the address, and what is between";

/// Why a statement has no answer.
#[derive(Debug, thiserror::Error)]
pub(in crate::records) enum ConnectionError<E: EngineError> {
    /// An error of the server, or of the connection to it.
    #[error(transparent)]
    Engine(E),
    #[error("no answer within {} s", (STATEMENT_TIME + GRACE).as_secs())]
    NoAnswer,
    #[error(transparent)]
    Malformed(#[from] Malformed),
    #[error("TLS cannot be set up")]
    Tls(#[from] rustls::Error),
    #[error(transparent)]
    Aws(#[from] CallError),
    #[error("the server is a standby that is behind")]
    Behind,
    /// No server answered, for this reason, which has no name and no address.
    #[error("no server answers: {0}")]
    Unreachable(String),
    /// The deployment's description of the database cannot be used.
    #[error("the database cannot be used: {0}")]
    Misconfigured(&'static str),
    #[error("two rows of a parent have the same key, or one has none")]
    EqualKeys,
}

/// An error of an engine's client.
pub(in crate::records) trait EngineError:
    Error + Send + Sync + Sized + 'static
{
    /// Whether the server ended a statement that took too long.
    fn is_timeout(&self) -> bool;

    /// Whether the server refuses the password.
    fn is_wrong_password(&self) -> bool;

    /// Whether the same statement may succeed at once, on a new connection: this one has ended, as at a failover, or the
    /// server ended the statement for the sake of others.
    fn is_passing(&self) -> bool;

    /// The error of reading the records of a table. Of the server's messages, only those about names are passed on: others
    /// can contain values.
    fn into_records_error(self, operation: &'static str, spec: &SqlSpec) -> RecordsError;
}

impl<E: EngineError> From<E> for ConnectionError<E> {
    fn from(error: E) -> Self {
        Self::Engine(error)
    }
}

impl<E: EngineError> From<RowError> for ConnectionError<E> {
    fn from(error: RowError) -> Self {
        match error {
            RowError::Malformed(error) => Self::Malformed(error),
            RowError::EqualKeys => Self::EqualKeys,
        }
    }
}

impl<E: EngineError> ConnectionError<E> {
    /// The error of an address of another engine than the catalog says.
    pub(in crate::records) const OTHER_ENGINE: Self = Self::Misconfigured(
        "the address in the deployment file is of another engine than the catalog says",
    );

    /// Whether the statement took too long, so that one of fewer rows may succeed.
    pub(super) fn is_timeout(&self) -> bool {
        match self {
            Self::Engine(error) => error.is_timeout(),
            other => matches!(other, Self::NoAnswer),
        }
    }

    /// Whether the server refuses the password.
    pub(in crate::records) fn is_wrong_password(&self) -> bool {
        matches!(self, Self::Engine(error) if error.is_wrong_password())
    }

    /// Whether the same statement may succeed at once, on a new connection.
    pub(in crate::records) fn is_passing(&self) -> bool {
        match self {
            Self::Engine(error) => error.is_passing() && tls::wrong_certificate(error).is_none(),
            other => matches!(other, Self::NoAnswer | Self::Behind | Self::Unreachable(_)),
        }
    }

    /// The error of reading the records of a table.
    pub(in crate::records) fn into_records_error(
        self,
        operation: &'static str,
        spec: &SqlSpec,
    ) -> RecordsError {
        match self {
            Self::Aws(error) if error.is_lasting() => unusable(
                spec,
                &format!(
                    "has a password that cannot be read ({}: {}): check the ARN of the secret, its region, and the parameter \
                     DatabaseSecretArns",
                    error.operation, error.code
                ),
            ),
            Self::Aws(error) => RecordsError::Unavailable(error),
            Self::Behind => not_yet(
                spec,
                "is a standby that does not have everything from before the request yet",
            ),
            Self::Unreachable(cause) => not_yet(spec, &format!("cannot be reached: {cause}")),
            Self::Misconfigured(problem) => unusable(spec, &format!("cannot be used: {problem}")),
            Self::EqualKeys => RecordsError::EqualKeys {
                table: spec.table.clone(),
                key: spec.key.join(", "),
            },
            Self::Engine(error) => match tls::wrong_certificate(&error) {
                Some(reason) => CallError::with_code(operation, "wrong certificate", reason).into(),
                None => error.into_records_error(operation, spec),
            },
            other => CallError::with_code(operation, "no answer", other).into(),
        }
    }
}

/// The error of a database that cannot be used until somebody mends it.
pub(in crate::records) fn unusable(spec: &SqlSpec, problem: &str) -> RecordsError {
    RecordsError::Unusable {
        database: spec.database.name.clone(),
        problem: problem.to_owned(),
    }
}

/// The error of a database that is worth waiting for.
pub(in crate::records) fn not_yet(spec: &SqlSpec, reason: &str) -> RecordsError {
    RecordsError::NotYet {
        database: spec.database.name.clone(),
        reason: reason.to_owned(),
    }
}

/// The error of a table that cannot be read as its entry says.
pub(in crate::records) fn refused(spec: &SqlSpec, message: String) -> RecordsError {
    RecordsError::Refused {
        table: spec.table.clone(),
        message,
    }
}

/// Waits for an answer a little longer than the server may take for it.
pub(in crate::records) async fn in_time<T, E, A>(
    answer: impl Future<Output = Result<T, A>>,
) -> Result<T, ConnectionError<E>>
where
    E: EngineError,
    A: Into<ConnectionError<E>>,
{
    match tokio::time::timeout(STATEMENT_TIME + GRACE, answer).await {
        Ok(answer) => answer.map_err(Into::into),
        Err(_) => Err(ConnectionError::NoAnswer),
    }
}
