//! Errors of a connection to MySQL or MariaDB, and what they mean for the records.

use std::io;

use super::ConnectionError;
use crate::aws::CallError;
use crate::catalog::SqlSpec;
use crate::records::RecordsError;
use crate::records::sql::{
    EngineError, LATE, is_misunderstood, not_yet, refused, unusable, wrong_certificate,
};

/// Why a statement has no answer.
#[derive(Debug, thiserror::Error)]
pub(in crate::records) enum Error {
    /// The server's answer. Its message can contain values.
    #[error("the server answers with the error {code}")]
    Server {
        /// The number (MySQL's Error Message Reference; MariaDB's from 1900).
        code: u16,
        /// The server's message.
        message: String,
    },
    #[error("the connection ended")]
    Io(#[from] io::Error),
}

impl EngineError for Error {
    fn is_timeout(&self) -> bool {
        // `max_execution_time` of MySQL, `max_statement_time` of MariaDB.
        matches!(self.code(), Some(3024 | 1969))
    }

    fn is_wrong_password(&self) -> bool {
        self.code() == Some(1045)
    }

    fn is_passing(&self) -> bool {
        match self.code() {
            None => true,
            // Shutdown, killed, connections that break, locks, deadlocks, a lack of memory, out of sync with its cluster.
            Some(code) => matches!(
                code,
                1053 | 1317 | 1927 | 1152 | 1158..=1161 | 1205 | 1213 | 1037 | 1038 | 1041 | 1047
            ),
        }
    }

    fn into_records_error(self, operation: &'static str, spec: &SqlSpec) -> RecordsError {
        match self {
            Self::Server { code, message } => of_server(code, message, operation, spec),
            Self::Io(error) => CallError::with_code(operation, "no answer", error).into(),
        }
    }
}

impl Error {
    /// The number of the server's error.
    pub(super) fn code(&self) -> Option<u16> {
        match self {
            Self::Server { code, .. } => Some(*code),
            Self::Io(_) => None,
        }
    }
}

/// The error of connecting: what the server does not say itself.
pub(super) fn of_connecting(error: ConnectionError) -> ConnectionError {
    match error {
        ConnectionError::Engine(Error::Io(error)) if is_misunderstood(&error) => {
            ConnectionError::Misconfigured(
                "encryption cannot be agreed on; check the port in the address, and that the server has TLS 1.2 or 1.3",
            )
        }
        // The message is that of the operating system, which names no host.
        ConnectionError::Engine(Error::Io(error)) if wrong_certificate(&error).is_none() => {
            ConnectionError::Unreachable(error.to_string())
        }
        ConnectionError::NoAnswer => ConnectionError::Unreachable(LATE.to_owned()),
        other => other,
    }
}

/// The error that a server answered.
fn of_server(code: u16, message: String, operation: &'static str, spec: &SqlSpec) -> RecordsError {
    let table = spec.table.clone();
    match code {
        1045 | 1698 | 1251 | 1862 | 3118 | 4151 => unusable(
            spec,
            "does not let the user sign in: check the user, the host that the user may connect from, the password, and when they expire",
        ),
        1130 => unusable(
            spec,
            "does not let this host connect: check the host in the user's name ('user'@'%')",
        ),
        1044 => unusable(
            spec,
            "does not exist on its server, or the user may not see it: check the name in the address, or GRANT SELECT ON name.* TO user",
        ),
        1049 => unusable(
            spec,
            "does not exist on its server: check the name in the address",
        ),
        3159 => unusable(
            spec,
            "wants encrypted connections: add ?ssl-mode=required to its address",
        ),
        1040 | 1203 | 1226 => not_yet(spec, "has no connection left"),
        1129 => unusable(
            spec,
            "has blocked this host after many errors: FLUSH HOSTS, or restart the server",
        ),
        1146 | 1109 => RecordsError::Missing { table },
        1142 | 1143 => RecordsError::Denied { table },
        // These messages have names alone: of a column, an index, a function.
        1054 | 1176 | 1305 | 1356 | 1267 | 1271 => refused(spec, message),
        // A syntax error, or a value that the column's type refuses.
        1064 | 1292 | 1366 | 1525 | 1406 | 1690 => refused(
            spec,
            format!(
                "a column has another type than at the request, or never the value that `fixed` or a filter names ({code})"
            ),
        ),
        code => {
            let source = format!("the server of {}", spec.database.name);
            CallError::with_code(operation, code.to_string(), source).into()
        }
    }
}
