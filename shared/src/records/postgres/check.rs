//! Compares a type's entry with the table that its records are in.

use std::fmt;

use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use super::databases::Connector;
use super::error::ConnectionError;
use super::indexes::Indexes;
use super::sql;
use super::table::{ColumnError, Table};
use super::{parent_and_key, unproven};
use crate::catalog::{Column, ExportType, SqlSpec};
use crate::records::RecordsError;

/// What a comparison of an entry with its table has found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// Exports of the type fail.
    Error(String),
    /// Exports work, but slowly, or not as may be meant.
    Warning(String),
    /// What may be of interest.
    Note(String),
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Error(text) => write!(f, "error: {text}"),
            Self::Warning(text) => write!(f, "warning: {text}"),
            Self::Note(text) => write!(f, "note: {text}"),
        }
    }
}

/// The server's version, whether it is a standby, the connections that the role may have (-1: any number), and whether it may
/// read the table.
const SERVER: &str = "\
    SELECT current_setting('server_version_num')::int4, pg_catalog.pg_is_in_recovery(), \
      (SELECT rolconnlimit FROM pg_catalog.pg_roles WHERE rolname = current_user), \
      pg_catalog.has_table_privilege(pg_catalog.to_regclass($1), 'SELECT'), current_user::text";
/// The oldest version whose statements were tried.
const OLDEST_VERSION: i32 = 130_000;

/// Everything that is wrong or of interest about a type's table, at once.
///
/// # Errors
/// When the database cannot be reached.
pub(in crate::records) async fn check(
    connector: &Connector,
    export_type: &ExportType,
    spec: &SqlSpec,
) -> Result<Vec<Finding>, RecordsError> {
    let failed = |error: ConnectionError| error.into_records_error("Connect", spec);
    let connection = connector.connect().await.map_err(failed)?;
    let findings = compare(connection.client(), export_type, spec).await;
    connection.close().await;
    findings.map_err(failed)
}

async fn compare(
    client: &Client,
    export_type: &ExportType,
    spec: &SqlSpec,
) -> Result<Vec<Finding>, ConnectionError> {
    let Some(table) = Table::describe(client, &spec.table).await? else {
        let missing = format!(
            "there is no table {} (capitals count), or the role may not use its schema: GRANT USAGE ON SCHEMA … TO …",
            sql::shown_qualified(&spec.table)
        );
        return Ok(vec![Finding::Error(missing)]);
    };
    let row = client
        .query_typed(SERVER, &[(&table.name, tokio_postgres::types::Type::TEXT)])
        .await?
        .pop();
    let mut findings = Vec::new();
    if let Some(row) = row {
        let version: i32 = row.try_get(0)?;
        if version < OLDEST_VERSION {
            findings.push(Finding::Error(format!(
                "the server is PostgreSQL {}; 13 is the oldest that is supported",
                version / 10_000
            )));
        }
        if row.try_get::<_, Option<bool>>(3)? == Some(false) {
            findings.push(Finding::Error(format!(
                "the role may not read the table: GRANT SELECT ON {} TO {}",
                sql::shown_qualified(&spec.table),
                sql::shown(row.try_get(4)?)
            )));
        }
        findings.extend(of_connections(row.try_get(2)?, spec.database.connections));
        if row.try_get(1)? {
            findings.push(Finding::Note(format!(
                "the server is a standby; `settles` ({} s) must cover its lag",
                spec.database.settles_s
            )));
        }
    }
    if table.has_row_security && !spec.row_security {
        findings.push(Finding::Error(
            "row-level security hides rows from this role: give the role BYPASSRLS, or say `row_security = true` in the entry"
                .to_owned(),
        ));
    }
    findings.extend(of_columns(&table, export_type, spec));
    findings.extend(of_fixed(client, &table, spec).await);
    if table.is_unprovable {
        findings.push(Finding::Warning(format!(
            "{} is a view, a foreign table, or a table that others inherit from: no index proves that each row of a parent has its own \
             key, so an export fails if it meets two rows with the same one, and each page may read all rows of the parent",
            spec.table
        )));
        return Ok(findings);
    }
    findings.extend(of_indexes(
        &Indexes::describe(client, &spec.table).await?,
        spec,
    ));
    Ok(findings)
}

fn of_connections(limit: Option<i32>, most: u32) -> Option<Finding> {
    let keeps = format!("ALTER ROLE … CONNECTION LIMIT {most} keeps the rest for the product");
    Some(match limit? {
        -1 => Finding::Warning(format!(
            "the role may have any number of connections: {keeps}"
        )),
        limit if limit.unsigned_abs() > most => Finding::Warning(format!(
            "the role may have {limit} connections, and the catalog says {most}: {keeps}"
        )),
        limit => Finding::Note(format!("the role may have {limit} connections")),
    })
}

/// Names of columns that change with each change of a row.
const CHANGING: [&str; 4] = ["updated", "modified", "changed", "last_"];

fn of_columns(table: &Table, export_type: &ExportType, spec: &SqlSpec) -> Vec<Finding> {
    let mut errors: Vec<ColumnError> = Vec::new();
    errors.extend(table.parent_column(&spec.parent).err());
    errors.extend(
        spec.key
            .iter()
            .filter_map(|name| table.key_column(name).err()),
    );
    errors.extend(
        spec.fixed
            .iter()
            .filter_map(|(name, condition)| table.is_fixed(name, condition).err()),
    );
    let form = export_type.created_form();
    let created = export_type.created.as_ref();
    let created = created.map(|path| table.expression(path, form.as_ref()));
    errors.extend(created.and_then(Result::err));
    errors.extend(table.created(export_type).err());
    for column in &export_type.columns {
        let form = column.conversion.form.as_ref();
        let paths = column.origin.paths().iter();
        errors.extend(paths.filter_map(|path| table.expression(path, form).err()));
    }
    let mut findings: Vec<Finding> = Vec::new();
    findings.extend(
        export_type
            .columns
            .iter()
            .filter_map(|column| of_kind(table, column)),
    );
    for error in errors {
        let finding = Finding::Error(error.to_string());
        if !findings.contains(&finding) {
            findings.push(finding);
        }
    }
    let changing = spec
        .key
        .iter()
        .filter(|name| CHANGING.iter().any(|word| name.starts_with(word)));
    findings.extend(changing.map(|name| {
        Finding::Warning(format!(
            "the column {name} of the key seems to change with its row, which a file could then have twice or not at all"
        ))
    }));
    findings
}

/// A warning about a column whose type has values of another kind than the entry says.
fn of_kind(table: &Table, column: &Column) -> Option<Finding> {
    let [path] = column.origin.paths() else {
        return None;
    };
    let found = table.column(path.root()).ok()?;
    if path.names().len() > 1 || column.conversion.form.is_some() || found.may_be(column) {
        return None;
    }
    Some(Finding::Warning(format!(
        "the column {} has the type {}, whose values are no {}: each is written as it is, and counted",
        column.key,
        found.type_name(),
        column.kind.as_str()
    )))
}

/// The conditions that the server refuses, such as a word that an enum does not have. Nothing is read.
async fn of_fixed(client: &Client, table: &Table, spec: &SqlSpec) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (name, condition) in &spec.fixed {
        let Ok(condition) = table.is_fixed(name, condition) else {
            continue;
        };
        let statement = format!("EXPLAIN SELECT 1 FROM {} WHERE {condition}", table.name);
        if let Err(error) = client.query_typed(&statement, &[]).await
            && let Some(refused) = error.as_db_error()
            && *refused.code() != SqlState::INSUFFICIENT_PRIVILEGE
        {
            let message = refused.message();
            findings.push(Finding::Error(format!(
                "the server refuses the column {name} in `fixed`: {message}"
            )));
        }
    }
    findings
}

fn of_indexes(indexes: &Indexes, spec: &SqlSpec) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !indexes.prove_keys(spec) {
        findings.push(Finding::Error(unproven(spec)));
    }
    if !indexes.order_keys(spec) {
        findings.push(Finding::Warning(format!(
            "no index has a parent's rows in the order of the key, so that each page may read all rows of the parent, or of the table: \
             CREATE INDEX CONCURRENTLY ON {} ({})",
            sql::shown_qualified(&spec.table),
            parent_and_key(spec)
        )));
    }
    findings
}
