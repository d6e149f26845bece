//! What the errors of `tokio_postgres` mean for the records.

use std::error::Error as _;

use tokio_postgres::Error;
use tokio_postgres::error::DbError;

use super::ConnectionError;
use crate::aws::CallError;
use crate::catalog::SqlSpec;
use crate::records::RecordsError;
use crate::records::sql::{
    CONNECT, EngineError, LATE, is_misunderstood, not_yet, refused, unusable, wrong_certificate,
};

impl EngineError for Error {
    fn is_timeout(&self) -> bool {
        code(self) == Some("57014")
    }

    fn is_wrong_password(&self) -> bool {
        code(self) == Some("28P01")
    }

    /// Also where a standby ended the statement for the sake of others.
    fn is_passing(&self) -> bool {
        let Some(code) = code(self) else {
            return true;
        };
        // The server lacks memory, or another resource, other than connections and room on its disk.
        let is_short = code.starts_with("53") && !matches!(code, "53100" | "53300");
        is_short
            || code.starts_with("08")
            || matches!(
                code,
                "40001" | "40P01" | "57P01" | "57P02" | "57P03" | "57P05"
            )
    }

    fn into_records_error(self, operation: &'static str, spec: &SqlSpec) -> RecordsError {
        match self.as_db_error() {
            Some(server) => of_server(server, operation, spec),
            None => CallError::with_code(operation, "no answer", self).into(),
        }
    }
}

/// The code of the server's error (PostgreSQL's documentation, appendix A).
fn code(error: &Error) -> Option<&str> {
    error.code().map(|code| code.code())
}

/// The error of connecting: what the server does not say itself.
pub(super) fn of_connecting(error: ConnectionError) -> ConnectionError {
    let error = match error {
        ConnectionError::Engine(error) => error,
        ConnectionError::NoAnswer => {
            return ConnectionError::Unreachable(LATE.to_owned());
        }
        other => return other,
    };
    if error.as_db_error().is_some() {
        return error.into();
    }
    if is_misunderstood(&error) {
        return ConnectionError::Misconfigured(
            "encryption cannot be agreed on; check the port in the address, and that the server has TLS 1.2 or 1.3",
        );
    }
    if wrong_certificate(&error).is_some() {
        return error.into();
    }
    let cause = error.source().map(ToString::to_string).unwrap_or_default();
    match (error.to_string().as_str(), cause.as_str()) {
        (_, "password missing") => ConnectionError::Misconfigured(
            "it asks for a password; the deployment file must have its `secret` or `iam`",
        ),
        (_, "server does not support TLS") => ConnectionError::Misconfigured(
            "it does not encrypt connections, which those to other machines must be",
        ),
        ("invalid configuration", _) => ConnectionError::Misconfigured(
            "the address in the deployment file is inconsistent; check its hosts, ports and parameters",
        ),
        ("authentication error", _) => ConnectionError::Misconfigured(
            "it asks for another way to sign in than a password; check pg_hba.conf for scram-sha-256",
        ),
        ("unexpected message from server" | "error parsing response from server", _) => {
            ConnectionError::Unreachable(
                "what answers there is no PostgreSQL: check the port in the address".to_owned(),
            )
        }
        // Of a connection that ended while its first byte was awaited.
        (_, "failed to fill whole buffer") => ConnectionError::Unreachable(
            "what answers there closes the connection, and is perhaps no PostgreSQL: check the port in the address".to_owned(),
        ),
        // The cause is that of the operating system, which names no host.
        (_, "") => ConnectionError::Unreachable(error.to_string()),
        _ => ConnectionError::Unreachable(cause),
    }
}

/// The function of PostgreSQL that refuses a statement from which row-level security would hide rows.
const CHECK_OF_ROW_SECURITY: &str = "check_enable_rls";

/// The error that a server answered.
fn of_server(server: &DbError, operation: &'static str, spec: &SqlSpec) -> RecordsError {
    let table = spec.table.clone();
    match server.code().code() {
        "28000" | "28P01" => unusable(
            spec,
            "does not let the role sign in: check its user, its password, when they expire, and pg_hba.conf",
        ),
        "3D000" => unusable(
            spec,
            "does not exist on its server: check the name in the address",
        ),
        "42501" if operation == CONNECT => unusable(
            spec,
            "does not let the role connect, or see its own catalog: GRANT CONNECT ON DATABASE … TO …",
        ),
        "42501" if server.routine() == Some(CHECK_OF_ROW_SECURITY) => refused(
            spec,
            "row-level security hides rows from this role".to_owned(),
        ),
        "42P01" | "3F000" => RecordsError::Missing { table },
        "42501" => RecordsError::Denied { table },
        "53300" => not_yet(spec, "has no connection left"),
        "57P03" => not_yet(spec, "is starting or being shut down"),
        code if code.starts_with("42") => refused(spec, server.message().to_owned()),
        code if code.starts_with("22") => refused(
            spec,
            format!(
                "a column has another type than at the request, or never the value that `fixed` or a filter names ({code})"
            ),
        ),
        code => {
            let source = format!("the server of {}", spec.database.name);
            RecordsError::Unavailable(CallError::with_code(operation, code, source))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::sync::Arc;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio_postgres::Config;

    use super::*;
    use crate::records::postgres::connection::Connection;
    use crate::records::sql::client_config;

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
        let tls = Arc::new(client_config(&[]).unwrap());
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
