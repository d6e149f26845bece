//! What the engines of SQL databases share: they read a parent's rows in the order of a unique key, by windows of keys.
//! Each engine brings its own connections, statements and types.

mod columns;
mod connector;
mod dialect;
mod error;
mod finding;
mod form;
mod indexes;
mod narrowing;
mod network;
mod overview;
mod page;
mod password;
mod position;
mod reader;
mod sampling;
mod selected;
mod statement;
mod table;
mod tls;

pub(super) use self::columns::ColumnError;
pub(super) use self::connector::{Connector, Databases};
pub(super) use self::dialect::Dialect;
pub(super) use self::error::{
    CONNECT, ConnectionError, EngineError, LATE, STATEMENT_TIME, in_time, not_yet, refused,
    unusable,
};
pub use self::finding::Finding;
pub(super) use self::finding::{
    of_columns, of_connections, of_indexes, of_lag, of_refused, unprovable, unproven,
};
pub(super) use self::form::{Form, Malformed, bytes, float, json, text, written_as};
pub(super) use self::indexes::{IndexColumn, Indexes};
pub(super) use self::narrowing::is_in_digits;
pub use self::network::Network;
pub(super) use self::overview::unnamed;
pub use self::overview::{ColumnOverview, SqlValues, TableOverview};
pub(super) use self::page::{Decoding, Row, SqlPage};
pub(super) use self::password::Login;
pub(super) use self::position::Key;
pub(super) use self::reader::{Engine, SqlRecords, Start, Window, described};
pub(super) use self::sampling::sampling;
pub(super) use self::selected::{Shape, microseconds};
pub(super) use self::statement::{Bound, Selected};
pub(super) use self::table::{SqlType, Table, TableColumn, Times};
#[cfg(test)]
pub(super) use self::tls::client_config;
pub(super) use self::tls::{is_misunderstood, wrong_certificate};
