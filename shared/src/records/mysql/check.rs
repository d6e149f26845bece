//! Compares a type's entry with the table that its records are in.

use super::connection::{Connection, Version};
use super::error::Error;
use super::indexes::indexes;
use super::quoting;
use super::table::Table;
use super::{ConnectionError, connect};
use crate::catalog::{Column, ExportType, FixedCondition, Path, SqlSpec, StoredForm};
use crate::records::RecordsError;
use crate::records::sql::{
    CONNECT, ColumnError, Connector, Described, Finding, Indexes, of_columns,
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
    let Some(table) = Table::describe(connection, &spec.table).await? else {
        findings.push(Finding::Error(format!(
            "there is no table {} in this database, or the user may not read it: GRANT SELECT ON … TO …",
            quoting::shown_qualified(&spec.table)
        )));
        return Ok(findings);
    };
    findings.extend(of_columns(&table, export_type, spec));
    findings.extend(of_reading(connection, &table, spec).await?);
    if table.is_unprovable {
        findings.push(Finding::Warning(format!(
            "{} is a view: no index proves that each row of a parent has its own key, so an export fails if it meets two rows with \
             the same one, and each page may read all rows of the parent",
            spec.table
        )));
        return Ok(findings);
    }
    findings.extend(of_indexes(&indexes(connection, &spec.table).await?, spec));
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
        let keeps = format!(
            "ALTER USER {user} WITH MAX_USER_CONNECTIONS {most} keeps the rest for the product"
        );
        findings.push(match of_user {
            0 => Finding::Warning(format!(
                "the user may have all of the server's {of_server} connections: {keeps}"
            )),
            limit if limit > most => Finding::Warning(format!(
                "the user may have {limit} connections, and the catalog says {most}: {keeps}"
            )),
            limit => Finding::Note(format!("the user may have {limit} connections")),
        });
        if is_replica {
            findings.push(Finding::Note(format!(
                "the server is read-only, as a replica is; `settles` ({} s) must cover its lag",
                spec.database.settles_s
            )));
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
                    quoting::shown_qualified(&spec.table)
                )));
                break;
            }
            Err(ConnectionError::Engine(Error::Server { message, .. })) if !name.is_empty() => {
                findings.push(Finding::Error(format!(
                    "the server refuses the column {name} in `fixed`: {message}"
                )));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(findings)
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
        let may_be = match &column.conversion.form {
            None | Some(StoredForm::Booleans(..)) => found.column_type.may_be(column),
            Some(_) => true,
        };
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
             CREATE INDEX waybill_order ON {} ({})",
            quoting::shown_qualified(&spec.table),
            parent_and_key(spec)
        )));
    }
    findings
}

/// Says that two rows of a parent could have the same key, so that a file could lack one of them.
pub(super) fn unproven(spec: &SqlSpec) -> String {
    format!(
        "no unique index proves that no two rows of a parent have the same key: CREATE UNIQUE INDEX waybill_key ON {} ({})",
        quoting::shown_qualified(&spec.table),
        parent_and_key(spec)
    )
}

/// The columns of an index that has a parent's rows in the order of their keys, in SQL.
fn parent_and_key(spec: &SqlSpec) -> String {
    let columns: Vec<String> = spec.parent_and_key().map(quoting::shown).collect();
    columns.join(", ")
}
