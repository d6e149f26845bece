//! A connection to a server of MySQL or MariaDB, and single statements on it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use mysql_common::constants::CapabilityFlags;
use mysql_common::io::ParseBuf;
use mysql_common::packets::ErrPacket;
use mysql_common::proto::MyDeserialize;
use rustls::ClientConfig;
use tokio::net::TcpStream;

use super::ConnectionError;
use super::error::{Error, of_connecting};
use super::packets::{Packets, Stream};
use super::row::TextRow;
use super::sign_in::sign_in;
use crate::deployment_file::MysqlServer;
use crate::records::sql::{Login, Malformed, Network, STATEMENT_TIME, in_time};

/// How long reaching a host may take.
const CONNECT_TIME: Duration = Duration::from_secs(5);
/// How long saying goodbye may take.
const CLOSE_TIME: Duration = Duration::from_secs(1);

/// Commands of the protocol.
const QUIT: u8 = 0x01;
const QUERY: u8 = 0x03;

/// The first byte of a packet that ends columns or rows, and of an error.
const END: u8 = 0xFE;
const ERROR: u8 = 0xFF;
/// The size of the packet that ends rows, at most: a longer one with the same first byte is a row.
const LONGEST_END: usize = 8;

/// A connection to a database.
pub(in crate::records) struct Connection {
    packets: Packets,
    /// The server's product and version.
    pub(super) version: Version,
}

/// The product and the version of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    /// MariaDB, with the major and the minor version.
    Mariadb(u16, u16),
    /// MySQL, or what is compatible with it.
    Mysql(u16, u16),
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mariadb(major, minor) => write!(f, "MariaDB {major}.{minor}"),
            Self::Mysql(major, minor) => write!(f, "MySQL {major}.{minor}"),
        }
    }
}

impl Version {
    /// Whether the server is an older one of the same product.
    pub(super) fn is_older(self, than: Self) -> bool {
        match (self, than) {
            (Self::Mariadb(..), Self::Mysql(..)) | (Self::Mysql(..), Self::Mariadb(..)) => false,
            (
                Self::Mariadb(major, minor) | Self::Mysql(major, minor),
                Self::Mariadb(than, than_minor) | Self::Mysql(than, than_minor),
            ) => (major, minor) < (than, than_minor),
        }
    }

    /// The version in a server's greeting: `8.0.36`, `5.5.5-10.11.6-MariaDB-0+deb12u1`, `11.4.2-MariaDB`.
    fn parse(text: &str) -> Self {
        // Before MariaDB 11, replication of MySQL needed the 5.
        let is_mariadb = text.to_ascii_lowercase().contains("mariadb");
        let text = text
            .strip_prefix("5.5.5-")
            .filter(|_| is_mariadb)
            .unwrap_or(text);
        let mut numbers = text
            .split(|character: char| !character.is_ascii_digit())
            .map(|digits| digits.parse().unwrap_or_default());
        let (major, minor) = (
            numbers.next().unwrap_or_default(),
            numbers.next().unwrap_or_default(),
        );
        match is_mariadb {
            true => Self::Mariadb(major, minor),
            false => Self::Mysql(major, minor),
        }
    }

    /// The settings of a session, in SQL: every text in UTF-8, times in UTC, no mode that changes what a value is, nothing
    /// written, and no statement that takes longer than it may.
    fn settings(self) -> String {
        let (limit, read_only) = match self {
            Self::Mariadb(..) => (
                format!("max_statement_time = {}", STATEMENT_TIME.as_secs()),
                "tx_read_only",
            ),
            Self::Mysql(..) => (
                format!("max_execution_time = {}", STATEMENT_TIME.as_millis()),
                "transaction_read_only",
            ),
        };
        format!(
            "SET character_set_client = utf8mb4, character_set_connection = utf8mb4, character_set_results = utf8mb4, \
             time_zone = '+00:00', sql_mode = '', {read_only} = 1, {limit}"
        )
    }
}

impl Connection {
    /// Connects to a database, over a stream of `network` in place of TCP, if given.
    ///
    /// # Errors
    /// For a server that cannot be reached, that cannot be understood, or that refuses.
    pub(super) async fn open(
        server: &MysqlServer,
        login: Option<&Login>,
        tls: Option<Arc<ClientConfig>>,
        network: Option<&Network>,
    ) -> Result<Self, ConnectionError> {
        let connected = async {
            let stream = stream(server, network).await?;
            let (packets, version) = sign_in(stream, tls, server, login).await?;
            let version = Version::parse(&version);
            let mut connection = Self { packets, version };
            connection.execute(&version.settings()).await?;
            Ok::<_, ConnectionError>(connection)
        };
        in_time(connected).await.map_err(of_connecting)
    }

    /// Sends a statement, and calls `each` with each row of its answer, until that says that no further row is wanted. Returns
    /// whether it did: the connection cannot be used again then.
    ///
    /// # Errors
    /// For the server's error, or without an answer in time.
    pub(super) async fn select(
        &mut self,
        statement: &str,
        each: impl FnMut(TextRow<'_>) -> Result<bool, ConnectionError>,
    ) -> Result<bool, ConnectionError> {
        in_time(self.rows(statement, each)).await
    }

    async fn rows(
        &mut self,
        statement: &str,
        mut each: impl FnMut(TextRow<'_>) -> Result<bool, ConnectionError>,
    ) -> Result<bool, ConnectionError> {
        self.send(statement).await?;
        let columns = match self.next().await? {
            [columns @ 1..=250] => u16::from(*columns),
            [0xFC, low, high] => u16::from_le_bytes([*low, *high]),
            _ => return Err(Malformed.into()),
        };
        for _ in 0..columns {
            self.next().await?;
        }
        if !is_end(self.next().await?) {
            return Err(Malformed.into());
        }
        loop {
            let payload = self.next().await?;
            if is_end(payload) {
                return Ok(false);
            }
            if each(TextRow::new(payload))? {
                return Ok(true);
            }
        }
    }

    /// Sends a statement without rows.
    async fn execute(&mut self, statement: &str) -> Result<(), ConnectionError> {
        self.send(statement).await?;
        self.next().await?;
        Ok(())
    }

    async fn send(&mut self, statement: &str) -> Result<(), ConnectionError> {
        self.packets.restart();
        let mut payload = Vec::with_capacity(statement.len() + 1);
        payload.push(QUERY);
        payload.extend_from_slice(statement.as_bytes());
        Ok(self.packets.send(&payload).await.map_err(Error::Io)?)
    }

    /// The next packet, which is no error.
    #[inline]
    async fn next(&mut self) -> Result<&[u8], ConnectionError> {
        let payload = self.packets.next().await.map_err(Error::Io)?;
        match payload.first() {
            Some(&ERROR) => Err(server_error(payload)),
            _ => Ok(payload),
        }
    }

    /// Closes the connection, so that the server can give its place to another.
    pub(super) async fn close(mut self) {
        self.packets.restart();
        let goodbye = async {
            self.packets.send(&[QUIT]).await?;
            self.packets.shut_down().await
        };
        let _ = tokio::time::timeout(CLOSE_TIME, goodbye).await;
    }
}

fn is_end(payload: &[u8]) -> bool {
    payload.first() == Some(&END) && payload.len() <= LONGEST_END
}

/// The server's error in a packet. One in place of a greeting has no SQL state, since nothing is agreed on yet.
pub(super) fn server_error(payload: &[u8]) -> ConnectionError {
    let capabilities = match payload.get(3) {
        Some(b'#') => CapabilityFlags::CLIENT_PROTOCOL_41,
        _ => CapabilityFlags::empty(),
    };
    match ErrPacket::deserialize(capabilities, &mut ParseBuf(payload)) {
        Ok(ErrPacket::Error(error)) => Error::Server {
            code: error.error_code(),
            message: error.message_str().into_owned(),
        }
        .into(),
        _ => Malformed.into(),
    }
}

async fn stream(
    server: &MysqlServer,
    network: Option<&Network>,
) -> Result<Box<dyn Stream>, ConnectionError> {
    if let Some(network) = network {
        let stream = network.stream().await.ok_or(ConnectionError::NoAnswer)?;
        return Ok(Box::new(stream));
    }
    let connecting = TcpStream::connect((server.host.as_str(), server.port));
    let stream = tokio::time::timeout(CONNECT_TIME, connecting).await;
    let stream = stream.map_err(|_| ConnectionError::NoAnswer)?;
    let stream = stream.map_err(Error::Io)?;
    stream.set_nodelay(true).map_err(Error::Io)?;
    Ok(Box::new(stream))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_known_with_and_without_an_sql_state() {
        for state in ["", "#08004"] {
            let payload = [b"\xFF\x10\x04", state.as_bytes(), b"Too many"].concat();
            let ConnectionError::Engine(Error::Server { code, message }) = server_error(&payload)
            else {
                panic!("{state}");
            };
            assert_eq!((code, message.as_str()), (1040, "Too many"), "{state}");
        }
    }

    #[test]
    fn a_servers_product_and_version_are_known_by_its_greeting() {
        for (greeting, version) in [
            ("8.0.36-0ubuntu0.22.04.1", Version::Mysql(8, 0)),
            ("8.4.2", Version::Mysql(8, 4)),
            ("5.5.5-10.11.6-MariaDB-0+deb12u1", Version::Mariadb(10, 11)),
            ("11.4.2-MariaDB", Version::Mariadb(11, 4)),
            ("5.7.44-log", Version::Mysql(5, 7)),
            ("", Version::Mysql(0, 0)),
        ] {
            assert_eq!(Version::parse(greeting), version, "{greeting}");
        }
    }
}
