//! Reads records from PostgreSQL (13 and later).

mod check;
mod column_type;
mod connection;
mod decode;
mod dialect;
mod error;
mod indexes;
mod joined_rows;
mod joining;
mod overview;
mod parent;
mod row;
mod settings;
mod statement;
mod table;

pub(super) use check::check;
pub(super) use overview::{overview, tables};

use self::connection::Connection;
use self::indexes::indexes;
use self::parent::{Parent, Values};
use self::settings::settings;
use self::statement::{PARENT, Selected};
use self::table::Described;
use super::sql::{
    Connector, Engine, Indexes, Key, Login, Row, SqlPage, SqlRecords, Start, Window, described,
    in_time, refused, unproven,
};
use super::{ReadRequest, RecordsError};
use crate::catalog::SqlSpec;
use crate::deployment_file::ServerAddress;

/// Why a statement has no answer.
type ConnectionError = super::sql::ConnectionError<tokio_postgres::Error>;

/// What reads a parent's records from one table.
#[derive(Debug)]
pub(super) struct Postgres {
    connector: Connector,
    selected: Selected,
    /// Settings of every statement, in SQL.
    settings: String,
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
) -> Result<SqlRecords<Postgres>, RecordsError> {
    let (connection, found, indexes) = described(spec, || describe(&connector, spec)).await?;
    let table = &found.table;
    if found.has_row_security && !spec.row_security {
        let message = "row-level security hides rows from this role";
        return Err(refused(spec, message.to_owned()));
    }
    let (selected, shape) =
        Selected::new(table, spec, request).map_err(|error| refused(spec, error.to_string()))?;
    if !table.is_unprovable && !indexes.prove_keys(spec) {
        return Err(refused(spec, unproven::<Postgres>(spec)));
    }
    let parent = Parent::new(request.parent_id, &selected.parent.1);
    let start = Start {
        has_parent: parent.is_some(),
        largest_window: connector.largest_window(),
        engine: Postgres {
            connector,
            selected,
            settings: settings(&found, spec, indexes.of_order(spec).is_some()),
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
) -> Result<Option<(Connection, Described, Indexes)>, ConnectionError> {
    let connection = connect(connector).await?;
    let client = connection.client();
    let Some(found) = in_time(table::describe(client, &spec.table)).await? else {
        return Ok(None);
    };
    let indexes = in_time(indexes(client, &spec.table)).await?;
    Ok(Some((connection, found, indexes)))
}

/// A new connection to a server that has everything from before the request.
///
/// # Errors
/// [`ConnectionError::Behind`] for a standby that does not, which another host may have given way to.
async fn connect(connector: &Connector) -> Result<Connection, ConnectionError> {
    let connection = connector.signed_in(|login| connect_as(connector, login));
    let connection = connection.await?;
    let is_behind = match connector.as_of() {
        None => false,
        Some(as_of) => connection.is_behind(as_of).await?,
    };
    match is_behind {
        false => Ok(connection),
        true => {
            connection.close().await;
            Err(ConnectionError::Behind)
        }
    }
}

async fn connect_as(
    connector: &Connector,
    login: Option<Login>,
) -> Result<Connection, ConnectionError> {
    let ServerAddress::Postgres(config) = &connector.address().server else {
        return Err(ConnectionError::OTHER_ENGINE);
    };
    let mut config = config.clone();
    if let Some(Login { user, password }) = login {
        // The address says who, where it does.
        if let (None, Some(user)) = (config.get_user(), user) {
            config.user(user);
        }
        config.password(password);
    }
    Connection::open(&mut config, connector.tls()?, connector.network()).await
}

impl Engine for Postgres {
    type Connection = Connection;
    type Error = tokio_postgres::Error;

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
        let (statement, parameters) = statement::window(&self.selected, parent.raw(), window);
        let add = |row: row::RawRow<'_>| Ok(page.add(row, &values)?);
        connection
            .select(&self.settings, &statement, parameters, add)
            .await
    }

    async fn last_key(&self, connection: &mut Connection) -> Result<Option<Key>, ConnectionError> {
        let Some(parent) = &self.parent else {
            return Ok(None);
        };
        let mut last = None;
        let parameters = statement::parameters(&self.selected, parent.raw());
        let statement = self.selected.last_key(PARENT);
        let found = connection.select(&self.settings, &statement, parameters, |mut row| {
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
        connection.abandon();
    }
}
