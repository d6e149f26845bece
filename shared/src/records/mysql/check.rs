//! Compares a type's entry with the table that its records are in.

use super::connection::{Connection, Version};
use super::error::Error;
use super::indexes::indexes;
use super::table::{Table, describe};
use super::{ConnectionError, Mysql, connect};
use crate::catalog::{ExportType, SqlSpec};
use crate::records::RecordsError;
use crate::records::sql::{
    CONNECT, Connector, Dialect, Finding, of_columns, of_connections, of_indexes, of_lag,
    of_refused, unprovable,
};

/// The connections that the user and the server allow, 0 for any number; whether the server is a replica; and who the user
/// is, as the server knows it.
const SERVER: &str =
    "SELECT @@max_user_connections, @@max_connections, @@read_only, CURRENT_USER()";

/// The oldest versions whose statements were tried, or are documented the same.
const OLDEST: [Version; 2] = [Version::Mariadb(10, 6), Version::Mysql(8, 0)];

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
    let mut connection = connect(connector).await.map_err(failed)?;
    let findings = compare(&mut connection, export_type, spec).await;
    connection.close().await;
    findings.map_err(failed)
}

async fn compare(
    connection: &mut Connection,
    export_type: &ExportType,
    spec: &SqlSpec,
) -> Result<Vec<Finding>, ConnectionError> {
    let mut findings = of_server(connection, spec).await?;
    let Some(described) = describe(connection, &spec.table).await? else {
        findings.push(Finding::Error(format!(
            "there is no table {} in this database, or the user may not read it: GRANT SELECT ON … TO …",
            Mysql::shown_qualified(&spec.table)
        )));
        return Ok(findings);
    };
    let table = described.table;
    findings.extend(of_columns(&table, export_type, spec));
    findings.extend(of_reading(connection, &table, spec).await?);
    if table.is_unprovable {
        findings.push(unprovable::<Mysql>(spec));
        return Ok(findings);
    }
    let found = indexes(connection, &spec.table).await?;
    findings.extend(of_indexes::<Mysql>(&found, spec));
    Ok(findings)
}

async fn of_server(
    connection: &mut Connection,
    spec: &SqlSpec,
) -> Result<Vec<Finding>, ConnectionError> {
    let (mut findings, version) = (Vec::new(), connection.version);
    if let Some(oldest) = OLDEST.iter().find(|oldest| version.is_older(**oldest)) {
        findings.push(Finding::Error(format!(
            "the server is {version}; {oldest} is the oldest that is supported"
        )));
    }
    let most = spec.database.connections;
    let described = connection.select(SERVER, |mut row| {
        let mut next = || row.text().map(Option::unwrap_or_default);
        let of_user: u32 = next()?.parse().unwrap_or_default();
        let of_server = next()?;
        let (is_replica, user) = (next()? == "1", next()?);
        // `CURRENT_USER()` has no quotes, which a host such as `%` needs.
        let (name, host) = user.rsplit_once('@').unwrap_or((&user, "%"));
        let statement = format!("ALTER USER '{name}'@'{host}' WITH MAX_USER_CONNECTIONS {most}");
        findings.push(match of_user {
            0 => Finding::Warning(format!(
                "the user may have all of the server's {of_server} connections: {statement} keeps the rest for the product"
            )),
            limit => of_connections("user", limit, spec, &statement),
        });
        if is_replica {
            findings.push(of_lag("read-only, as a replica is", spec));
        }
        Ok(false)
    });
    described.await?;
    Ok(findings)
}

/// What the server refuses of the entry: the table, or a condition of `fixed`. Nothing is read.
async fn of_reading(
    connection: &mut Connection,
    table: &Table,
    spec: &SqlSpec,
) -> Result<Vec<Finding>, ConnectionError> {
    let mut findings = Vec::new();
    let conditions = spec.fixed.iter().filter_map(|(name, condition)| {
        Some((name.as_str(), table.is_fixed(name, condition).ok()?))
    });
    let all = std::iter::once(("", "TRUE".to_owned())).chain(conditions);
    for (name, condition) in all {
        let statement = format!("EXPLAIN SELECT 1 FROM {} WHERE {condition}", table.name);
        match connection.select(&statement, |_| Ok(false)).await {
            Ok(_) => {}
            Err(ConnectionError::Engine(Error::Server {
                code: 1142 | 1143 | 1345,
                ..
            })) => {
                findings.push(Finding::Error(format!(
                    "the user may not read the table: GRANT SELECT ON {} TO …",
                    Mysql::shown_qualified(&spec.table)
                )));
                break;
            }
            Err(ConnectionError::Engine(Error::Server { message, .. })) if !name.is_empty() => {
                findings.push(of_refused(name, &message));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(findings)
}
