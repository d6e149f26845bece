//! Reads records from MySQL (8 and later) and MariaDB (10.6 and later).
//!
//! The packets of the protocol and the procedures of signing in are those of `mysql_common`. The conversation is this
//! module's own: `mysql_async` allocates for each value, and connects to nothing but sockets.

mod check;
mod column_type;
mod connection;
mod decode;
mod dialect;
mod error;
mod indexes;
mod overview;
mod packets;
mod parent;
mod row;
mod sign_in;
mod statement;
mod table;

pub(super) use check::check;
pub(super) use overview::{overview, tables};

use self::connection::Connection;
use self::error::Error;
use self::indexes::indexes;
use self::parent::{Parent, Values};
use self::row::TextRow;
use self::statement::{Selected, selected};
use self::table::Table;
use super::sql::{
    Connector, Engine, Indexes, Key, Login, Row as _, SqlPage, SqlRecords, Start, Window,
    described, refused, unproven,
};
use super::{ReadRequest, RecordsError};
use crate::catalog::SqlSpec;
use crate::deployment_file::ServerAddress;

/// Why a statement has no answer.
type ConnectionError = super::sql::ConnectionError<Error>;

/// What reads a parent's records from one table.
#[derive(Debug)]
pub(super) struct Mysql {
    connector: Connector,
    selected: Selected,
    /// `None` if the parent's column cannot hold the parent's id.
    parent: Option<Parent>,
}

/// Opens the records of a table, after `position`: that of the last record that was read.
///
/// # Errors
/// When the database or the table cannot be used, and for a position that is none.
pub(super) async fn open(
    connector: Connector,
    spec: &SqlSpec,
    request: &ReadRequest<'_>,
    position: Option<&str>,
) -> Result<SqlRecords<Mysql>, RecordsError> {
    let (connection, table, indexes) = described(spec, || describe(&connector, spec)).await?;
    let (selected, shape) = selected(&table, indexes.of_order(spec), spec, request)
        .map_err(|error| refused(spec, error.to_string()))?;
    if !table.is_unprovable && !indexes.prove_keys(spec) {
        return Err(refused(spec, unproven::<Mysql>(spec)));
    }
    let parent = Parent::new(request.parent_id, selected.parent.1);
    let start = Start {
        has_parent: parent.is_some(),
        largest_window: connector.largest_window(),
        engine: Mysql {
            connector,
            selected,
            parent,
        },
        connection,
        shape,
    };
    SqlRecords::new(start, spec, request, position)
}

/// Connects, and describes the entry's table; `None` if there is no such table.
async fn describe(
    connector: &Connector,
    spec: &SqlSpec,
) -> Result<Option<(Connection, Table, Indexes)>, ConnectionError> {
    let mut connection = connect(connector).await?;
    let Some(found) = table::describe(&mut connection, &spec.table).await? else {
        return Ok(None);
    };
    let indexes = indexes(&mut connection, &spec.table).await?;
    Ok(Some((connection, found.table, indexes)))
}

/// A new connection.
async fn connect(connector: &Connector) -> Result<Connection, ConnectionError> {
    let connected = connector.signed_in(|login| connect_as(connector, login));
    connected.await
}

async fn connect_as(
    connector: &Connector,
    login: Option<Login>,
) -> Result<Connection, ConnectionError> {
    let ServerAddress::Mysql(server) = &connector.address().server else {
        return Err(ConnectionError::OTHER_ENGINE);
    };
    let tls = connector.tls()?;
    Connection::open(server, login.as_ref(), tls, connector.network()).await
}

impl Engine for Mysql {
    type Connection = Connection;
    type Error = Error;

    async fn connect(&self) -> Result<Connection, ConnectionError> {
        connect(&self.connector).await
    }

    async fn read(
        &self,
        connection: &mut Connection,
        window: Window<'_>,
        page: &mut SqlPage,
    ) -> Result<bool, ConnectionError> {
        let Some(parent) = &self.parent else {
            return Ok(false);
        };
        let values = Values {
            selected: &self.selected,
            parent,
        };
        let statement = statement::window(&self.selected, &parent.literal, window);
        let add = |row: TextRow<'_>| Ok(page.add(row, &values)?);
        connection.select(&statement, add).await
    }

    async fn last_key(&self, connection: &mut Connection) -> Result<Option<Key>, ConnectionError> {
        let Some(parent) = &self.parent else {
            return Ok(None);
        };
        let mut last = None;
        let statement = self.selected.last_key(&parent.literal);
        let found = connection.select(&statement, |mut row| {
            let mut key = Vec::new();
            while !row.is_empty() {
                key.push(row.value()?.ok_or(ConnectionError::EqualKeys)?.to_vec());
            }
            last = Some(Key(key));
            Ok(false)
        });
        found.await?;
        Ok(last)
    }

    async fn close(connection: Connection) {
        connection.close().await;
    }

    fn abandon(connection: Connection) {
        drop(connection);
    }
}
