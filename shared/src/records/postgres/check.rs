//! Compares a type's entry with the table that its records are in.

use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use super::indexes::indexes;
use super::quoting;
use super::table::Table;
use super::{ConnectionError, connect};
use crate::catalog::{Column, ExportType, FixedCondition, Path, SqlSpec, StoredForm};
use crate::records::RecordsError;
use crate::records::sql::{
    CONNECT, ColumnError, Connector, Described, Finding, Indexes, of_columns,
};

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
    let failed = |error: ConnectionError| error.into_records_error(CONNECT, spec);
    let connection = connect(connector).await.map_err(failed)?;
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
            quoting::shown_qualified(&spec.table)
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
                quoting::shown_qualified(&spec.table),
                quoting::shown(row.try_get(4)?)
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
    findings.extend(of_indexes(&indexes(client, &spec.table).await?, spec));
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

impl Described for Table {
    fn parent(&self, name: &str) -> Result<(), ColumnError> {
        self.parent_column(name).map(|_| ())
    }

    fn key(&self, name: &str) -> Result<(), ColumnError> {
        self.key_column(name).map(|_| ())
    }

    fn fixed(&self, name: &str, condition: &FixedCondition) -> Result<(), ColumnError> {
        self.is_fixed(name, condition).map(|_| ())
    }

    fn value(&self, path: &Path, form: Option<&StoredForm>) -> Result<(), ColumnError> {
        self.expression(path, form).map(|_| ())
    }

    fn time_of_creation(&self, export_type: &ExportType) -> Result<(), ColumnError> {
        self.created(export_type)
    }

    fn other_type(&self, name: &str, column: &Column) -> Option<&str> {
        let found = self.column(name).ok()?;
        let may_be = column.conversion.form.is_some() || found.may_be(column);
        (!may_be).then_some(&*found.type_name)
    }
}

fn of_indexes(indexes: &Indexes, spec: &SqlSpec) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !indexes.prove_keys(spec) {
        findings.push(Finding::Error(unproven(spec)));
    }
    if indexes.of_order(spec).is_none() {
        findings.push(Finding::Warning(format!(
            "no index has a parent's rows in the order of the key, so that each page may read all rows of the parent, or of the table: \
             CREATE INDEX CONCURRENTLY ON {} ({})",
            quoting::shown_qualified(&spec.table),
            parent_and_key(spec)
        )));
    }
    findings
}

/// Says that two rows of a parent could have the same key, so that a file could lack one of them.
pub(super) fn unproven(spec: &SqlSpec) -> String {
    format!(
        "no unique index proves that no two rows of a parent have the same key: CREATE UNIQUE INDEX CONCURRENTLY ON {} ({})",
        quoting::shown_qualified(&spec.table),
        parent_and_key(spec)
    )
}

/// The columns of an index that has a parent's rows in the order of their keys, in SQL.
fn parent_and_key(spec: &SqlSpec) -> String {
    let columns: Vec<String> = spec.parent_and_key().map(quoting::shown).collect();
    columns.join(", ")
}
