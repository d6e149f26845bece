//! A connection to a database, and single statements on it.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use futures::TryStreamExt;
use jiff::Timestamp;
use rustls::ClientConfig;
use tokio::task::JoinHandle;
use tokio_postgres::tls::ChannelBinding;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};
use tokio_postgres::{Client, Config, NoTls, Row};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::ConnectionError;
use super::error::of_connecting;
use super::joined_rows::{JoinedRows, Joins};
use super::joining::{Encrypted, Unencrypted};
use super::row::{self, RawRow};
use super::statement::Parameters;
use crate::records::sql::{Network, STATEMENT_TIME, in_time};

/// On a server that is no standby, both positions are null or the first part is false.
const BEHIND: &str = "\
    SELECT pg_catalog.pg_is_in_recovery() \
      AND pg_catalog.pg_last_wal_receive_lsn() IS DISTINCT FROM pg_catalog.pg_last_wal_replay_lsn() \
      AND coalesce(pg_catalog.pg_last_xact_replay_timestamp() < $1::timestamptz, true)";

/// How long reaching a host may take.
const CONNECT_TIME: Duration = Duration::from_secs(5);
/// How long the server may take to close a connection.
const CLOSE_TIME: Duration = Duration::from_secs(1);

/// A connection to a database.
#[derive(Debug)]
pub(in crate::records) struct Connection {
    client: Client,
    task: JoinHandle<()>,
    /// `None` where rows are never joined.
    joins: Option<Joins>,
}

impl Connection {
    /// Connects to a database, over a stream of `network` in place of TCP, if given.
    pub(super) async fn open(
        config: &mut Config,
        tls: Option<Arc<ClientConfig>>,
        network: Option<&Network>,
    ) -> Result<Self, ConnectionError> {
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT_TIME);
        }
        config.application_name("waybill");
        let joins = Joins::default();
        let connected = async {
            let (client, task) = match (tls, network) {
                (_, Some(network)) => {
                    let stream = network.stream().await.ok_or(ConnectionError::NoAnswer)?;
                    let unbound = |_: &_| ChannelBinding::none();
                    let stream = JoinedRows::new(stream, unbound, joins.clone());
                    let (client, connection) = config.connect_raw(stream, NoTls).await?;
                    (client, tokio::spawn(until_its_end(connection)))
                }
                (Some(tls), None) => {
                    let tls = MakeRustlsConnect::new(ClientConfig::clone(&tls));
                    let joins = joins.clone();
                    let (client, connection) = config.connect(Encrypted { tls, joins }).await?;
                    (client, tokio::spawn(until_its_end(connection)))
                }
                (None, None) if Unencrypted::prepare(config) => {
                    let joins = joins.clone();
                    let (client, connection) = config.connect(Unencrypted { joins }).await?;
                    (client, tokio::spawn(until_its_end(connection)))
                }
                (None, None) => {
                    let (client, connection) = config.connect(NoTls).await?;
                    let task = tokio::spawn(until_its_end(connection));
                    return Ok(Self {
                        client,
                        task,
                        joins: None,
                    });
                }
            };
            Ok(Self {
                client,
                task,
                joins: Some(joins),
            })
        };
        let connected = in_time::<_, _, ConnectionError>(connected).await;
        connected.map_err(of_connecting)
    }

    /// Whether the server is a standby that has received more than it shows, and shows nothing yet from after `instant`.
    pub(super) async fn is_behind(&self, instant: Timestamp) -> Result<bool, ConnectionError> {
        let text = instant.to_string();
        let parameters: [(&(dyn ToSql + Sync), Type); 1] = [(&text, Type::TEXT)];
        let rows = in_time(self.client.query_typed(BEHIND, &parameters)).await?;
        rows.first().map_or(Ok(false), |row| Ok(row.try_get(0)?))
    }

    /// Closes the connection, so that the server can give its place to another.
    pub(super) async fn close(self) {
        let Self {
            client, mut task, ..
        } = self;
        // The task tells the server once there is no client.
        drop(client);
        if tokio::time::timeout(CLOSE_TIME, &mut task).await.is_err() {
            task.abort();
        }
    }

    /// Ends the connection without a word to the server, which does not answer.
    pub(super) fn abandon(self) {
        self.task.abort();
    }

    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    fn join(&self, joins: bool) {
        if let Some(switch) = &self.joins {
            switch.set(joins);
        }
    }

    /// Sends a statement in a transaction of its own with these settings, in one round trip. Nothing in it depends on an
    /// earlier one, so that a pooler may give each transaction to another connection of the server.
    ///
    /// # Errors
    /// For the server's error, or without an answer in time. `each` is called with each row, and says whether no further row is
    /// wanted. Returns that, too: the connection cannot be used again then.
    pub(super) async fn select(
        &self,
        settings: &str,
        statement: &str,
        parameters: Parameters,
        mut each: impl FnMut(RawRow<'_>) -> Result<bool, ConnectionError>,
    ) -> Result<bool, ConnectionError> {
        // The texts of some types depend on the session's settings.
        let begin = format!(
            "BEGIN READ ONLY; SET LOCAL statement_timeout = {}; SET LOCAL TimeZone = 'UTC'; SET LOCAL DateStyle = 'ISO'; \
             SET LOCAL IntervalStyle = 'postgres'; SET LOCAL extra_float_digits = 1; {settings}",
            STATEMENT_TIME.as_millis()
        );
        let parameters = parameters
            .into_iter()
            .map(|(raw, sql_type)| (RawParameter(raw), sql_type));
        let rows = async {
            let rows = self.client.query_typed_raw(statement, parameters).await?;
            let mut rows = std::pin::pin!(rows);
            while let Some(row) = rows.try_next().await? {
                let is_enough = match self.joins {
                    Some(_) => each_joined(&row, &mut each)?,
                    None => each(RawRow::new(&row::raw(&row)?))?,
                };
                if is_enough {
                    return Ok(true);
                }
            }
            Ok::<_, ConnectionError>(false)
        };
        // Each future sends when it is first polled: in this order, and before any answer.
        let all = async {
            futures::join!(
                self.client.batch_execute(&begin),
                rows,
                self.client.batch_execute("COMMIT")
            )
        };
        self.join(true);
        let (begun, read, ended) = in_time(async { Ok::<_, ConnectionError>(all.await) }).await?;
        self.join(false);
        begun?;
        let is_enough = read?;
        ended?;
        Ok(is_enough)
    }
}

/// Calls `each` with the rows of a joined one, until no further one is wanted.
fn each_joined(
    joined: &Row,
    each: &mut impl FnMut(RawRow<'_>) -> Result<bool, ConnectionError>,
) -> Result<bool, ConnectionError> {
    let Raw(messages) = joined.try_get(joined.len().saturating_sub(1))?;
    for row in row::rows(messages) {
        if each(row?)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Runs a connection. The client reports its error, too.
async fn until_its_end(connection: impl Future<Output = Result<(), tokio_postgres::Error>>) {
    if connection.await.is_err() {
        tracing::debug!("the connection to the database ended");
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
