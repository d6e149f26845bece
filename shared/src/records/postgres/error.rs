//! Why a statement has no answer, and what that means for the records.

use std::error::Error;

use tokio_postgres::error::DbError;

use super::connection::{GRACE, STATEMENT_TIME};
use super::decode::Malformed;
use super::tls;
use crate::aws::CallError;
use crate::catalog::SqlSpec;
use crate::records::RecordsError;

/// The name of connecting and describing, for errors.
pub(super) const CONNECT: &str = "Connect";

/// Why a statement has no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConnectionError {
    #[error(transparent)]
    Postgres(#[from] tokio_postgres::Error),
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
    /// The rows received so far are as many as a page may have.
    #[error("the page is full")]
    PageFull,
}

impl ConnectionError {
    /// Whether the statement took too long, so that one of fewer rows may succeed.
    pub(super) fn is_timeout(&self) -> bool {
        matches!(self, Self::NoAnswer) || self.code() == Some("57014")
    }

    /// Whether the server refuses the password.
    pub(super) fn is_wrong_password(&self) -> bool {
        self.code() == Some("28P01")
    }

    /// Whether the same statement may succeed at once, on a new connection: this one has ended, as at a failover, or the
    /// server ended the statement for the sake of others, as a standby does.
    pub(super) fn is_passing(&self) -> bool {
        match self.code() {
            None => {
                let may_pass = matches!(
                    self,
                    Self::Postgres(_) | Self::NoAnswer | Self::Behind | Self::Unreachable(_)
                );
                may_pass && !self.is_wrong_certificate()
            }
            Some(code) => {
                // The server lacks memory, or another resource, other than connections and room on its disk.
                let is_short = code.starts_with("53") && !matches!(code, "53100" | "53300");
                is_short
                    || code.starts_with("08")
                    || matches!(
                        code,
                        "40001" | "40P01" | "57P01" | "57P02" | "57P03" | "57P05"
                    )
            }
        }
    }

    fn is_wrong_certificate(&self) -> bool {
        tls::wrong_certificate(self).is_some()
    }

    /// The code of the server's error (PostgreSQL's documentation, appendix A).
    fn code(&self) -> Option<&str> {
        match self {
            Self::Postgres(error) => error.code().map(|code| code.code()),
            _ => None,
        }
    }

    /// The error of connecting: what the server does not say itself.
    pub(super) fn of_connecting(self) -> Self {
        let Self::Postgres(error) = &self else {
            return match self {
                Self::NoAnswer => Self::Unreachable("it took too long".to_owned()),
                other => other,
            };
        };
        if error.as_db_error().is_some() {
            return self;
        }
        if tls::is_misunderstood(error) {
            return Self::Misconfigured(
                "encryption cannot be agreed on; check the port in the address, and that the server has TLS 1.2 or 1.3",
            );
        }
        if self.is_wrong_certificate() {
            return self;
        }
        let cause = error.source().map(ToString::to_string).unwrap_or_default();
        match (error.to_string().as_str(), cause.as_str()) {
            (_, "password missing") => Self::Misconfigured(
                "it asks for a password; the deployment file must have its `secret` or `iam`",
            ),
            (_, "server does not support TLS") => Self::Misconfigured(
                "it does not encrypt connections, which those to other machines must be",
            ),
            ("invalid configuration", _) => Self::Misconfigured(
                "the address in the deployment file is inconsistent; check its hosts, ports and parameters",
            ),
            ("authentication error", _) => Self::Misconfigured(
                "it asks for another way to sign in than a password; check pg_hba.conf for scram-sha-256",
            ),
            // The cause is that of the operating system, which names no host.
            (_, "") => Self::Unreachable(error.to_string()),
            _ => Self::Unreachable(cause),
        }
    }

    /// The error of reading the records of a table. Of the server's messages, only those about names are passed on: others
    /// can contain values.
    pub(super) fn into_records_error(
        self,
        operation: &'static str,
        spec: &SqlSpec,
    ) -> RecordsError {
        let table = spec.table.clone();
        let database = || spec.database.name.clone();
        let unusable = |problem: &str| RecordsError::Unusable {
            database: database(),
            problem: problem.to_owned(),
        };
        let not_yet = |reason: &str| RecordsError::NotYet {
            database: database(),
            reason: reason.to_owned(),
        };
        let error = match self {
            Self::Aws(error) if error.is_lasting() => {
                return unusable(&format!(
                    "has a password that cannot be read ({}: {}): check the ARN of the secret, its region, and the parameter \
                     DatabaseSecretArns",
                    error.operation, error.code
                ));
            }
            Self::Aws(error) => return RecordsError::Unavailable(error),
            Self::Behind => {
                return not_yet(
                    "is a standby that does not have everything from before the request yet",
                );
            }
            Self::Unreachable(cause) => return not_yet(&format!("cannot be reached: {cause}")),
            Self::Misconfigured(problem) => return unusable(&format!("cannot be used: {problem}")),
            Self::EqualKeys => {
                return RecordsError::EqualKeys {
                    table,
                    key: spec.key.join(", "),
                };
            }
            Self::Postgres(error) => error,
            other => {
                let error = CallError::with_code(operation, "no answer", other);
                return RecordsError::Unavailable(error);
            }
        };
        if let Some(reason) = tls::wrong_certificate(&error) {
            let error = CallError::with_code(operation, "wrong certificate", reason);
            return RecordsError::Unavailable(error);
        }
        match error.as_db_error() {
            Some(server) => of_server(server, operation, spec),
            None => CallError::with_code(operation, "no answer", error).into(),
        }
    }
}

/// The function of PostgreSQL that refuses a statement from which row-level security would hide rows.
const CHECK_OF_ROW_SECURITY: &str = "check_enable_rls";

/// The error that a server answered.
fn of_server(server: &DbError, operation: &'static str, spec: &SqlSpec) -> RecordsError {
    let (table, database) = (spec.table.clone(), spec.database.name.clone());
    let refused = |message: String| RecordsError::Refused {
        table: spec.table.clone(),
        message,
    };
    let not_yet = |reason: &str| RecordsError::NotYet {
        database: spec.database.name.clone(),
        reason: reason.to_owned(),
    };
    let unusable = |problem: &str| RecordsError::Unusable {
        database: spec.database.name.clone(),
        problem: problem.to_owned(),
    };
    match server.code().code() {
        "28000" | "28P01" => unusable(
            "does not let the role sign in: check its user, its password, when they expire, and pg_hba.conf",
        ),
        "3D000" => unusable("does not exist on its server: check the name in the address"),
        "42501" if operation == CONNECT => unusable(
            "does not let the role connect, or see its own catalog: GRANT CONNECT ON DATABASE … TO …",
        ),
        "42501" if server.routine() == Some(CHECK_OF_ROW_SECURITY) => {
            refused("row-level security hides rows from this role".to_owned())
        }
        "42P01" | "3F000" => RecordsError::Missing { table },
        "42501" => RecordsError::Denied { table },
        "53300" => not_yet("has no connection left"),
        "57P03" => not_yet("is starting or being shut down"),
        code if code.starts_with("42") => refused(server.message().to_owned()),
        code if code.starts_with("22") => refused(format!(
            "a column has another type than at the request, or never the value that `fixed` or a filter names ({code})"
        )),
        code => {
            let source = format!("the server of {database}");
            RecordsError::Unavailable(CallError::with_code(operation, code, source))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio_postgres::Config;

    use super::*;
    use crate::records::postgres::connection::Connection;

    /// The error of connecting to a server that answers the request for TLS, and then the handshake, with these bytes, and
    /// ends the connection.
    async fn error_of(agreed: &'static [u8], handshake: &'static [u8]) -> ConnectionError {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut received = [0; 4_096];
            for answer in [agreed, handshake] {
                let _ = stream.read(&mut received).await;
                let _ = stream.write_all(answer).await;
            }
        });
        let address =
            format!("host=localhost hostaddr=127.0.0.1 port={port} user=a sslmode=require");
        let tls = tls::connector(&[]).unwrap();
        let opened =
            Connection::open(&mut address.parse::<Config>().unwrap(), Some(tls), None).await;
        opened.unwrap_err()
    }

    #[tokio::test]
    async fn a_server_that_speaks_no_common_tls_is_not_waited_for() {
        for answer in [
            &b"HTTP/1.1 400 Bad Request\r\n\r\n"[..],
            // Alerts: of the protocol's version, of the handshake.
            &[21, 3, 3, 0, 2, 2, 70],
            &[21, 3, 3, 0, 2, 2, 40],
        ] {
            let error = error_of(b"S", answer).await;
            assert!(!error.is_passing());
            let ConnectionError::Misconfigured(problem) = error else {
                panic!("{error:?}");
            };
            assert!(problem.contains("TLS 1.2"), "{problem}");
        }
    }

    #[tokio::test]
    async fn a_connection_that_ends_in_its_handshake_is_tried_again() {
        for (agreed, handshake) in [(&b""[..], &b""[..]), (b"S", b""), (b"S", &[22, 3, 3])] {
            let error = error_of(agreed, handshake).await;
            assert!(
                matches!(error, ConnectionError::Unreachable(_)),
                "{error:?}"
            );
            assert!(error.is_passing());
        }
    }
}
