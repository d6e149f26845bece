//! Compares a type's entry with the table that its records are in.

use tokio_postgres::Client;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::Type;

use super::indexes::indexes;
use super::table::{Described, Table, describe};
use super::{ConnectionError, Postgres, connect};
use crate::catalog::{ExportType, SqlSpec};
use crate::records::RecordsError;
use crate::records::sql::{
    CONNECT, Connector, Dialect, Finding, of_columns, of_connections, of_indexes, of_lag,
    of_refused, unprovable,
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
    let Some(described) = describe(client, &spec.table).await? else {
        let missing = format!(
            "there is no table {} (capitals count), or the role may not use its schema: GRANT USAGE ON SCHEMA … TO …",
            Postgres::shown_qualified(&spec.table)
        );
        return Ok(vec![Finding::Error(missing)]);
    };
    let mut findings = of_server(client, &described, spec).await?;
    let table = &described.table;
    if described.has_row_security && !spec.row_security {
        findings.push(Finding::Error(
            "row-level security hides rows from this role: give the role BYPASSRLS, or say `row_security = true` in the entry"
                .to_owned(),
        ));
    }
    findings.extend(of_columns(table, export_type, spec));
    findings.extend(of_fixed(client, table, spec).await);
    if table.is_unprovable {
        findings.push(unprovable::<Postgres>(spec));
        return Ok(findings);
    }
    let found = indexes(client, &spec.table).await?;
    findings.extend(of_indexes::<Postgres>(&found, spec));
    Ok(findings)
}

async fn of_server(
    client: &Client,
    described: &Described,
    spec: &SqlSpec,
) -> Result<Vec<Finding>, ConnectionError> {
    let name = &described.table.name;
    let rows = client.query_typed(SERVER, &[(name, Type::TEXT)]).await?;
    let mut findings = Vec::new();
    if let Some(row) = rows.first() {
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
                Postgres::shown_qualified(&spec.table),
                Postgres::shown(row.try_get(4)?)
            )));
        }
        let limit: Option<i32> = row.try_get(2)?;
        findings.extend(limit.map(|limit| of_limit(limit, spec)));
        if row.try_get(1)? {
            findings.push(of_lag("a standby", spec));
        }
    }
    Ok(findings)
}

fn of_limit(limit: i32, spec: &SqlSpec) -> Finding {
    let statement = format!(
        "ALTER ROLE … CONNECTION LIMIT {}",
        spec.database.connections
    );
    match limit {
        -1 => Finding::Warning(format!(
            "the role may have any number of connections: {statement} keeps the rest for the product"
        )),
        limit => of_connections("role", limit.unsigned_abs(), spec, &statement),
    }
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
            findings.push(of_refused(name, refused.message()));
        }
    }
    findings
}
