//! Locates and opens a type's records, for every reader of them.

use std::fmt;

use super::sql::{Connector, Finding, TableOverview};
use super::{ReadRequest, RecordsClients, RecordsError, RecordsSource};
use super::{mysql, postgres};
use crate::catalog::{DynamodbSpec, ExportType, RecordsSpec, SqlSpec};
use crate::deployment_file::{DatabaseAddress, SqlEngine};
use crate::live_catalog::LiveCatalog;

/// Opens the records of any type.
#[derive(Debug, Clone)]
pub struct RecordsOpener {
    clients: RecordsClients,
    live: LiveCatalog,
}

/// Where a type's records are, with the names in its entry mapped by the deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// A table of DynamoDB.
    Dynamodb(TableLocation),
    /// A table of a database.
    Database {
        /// The engine.
        engine: SqlEngine,
        /// The name of the database in the catalog.
        database: String,
        /// The database's address.
        address: Box<DatabaseAddress>,
        /// The table's name, with its schema.
        table: String,
    },
}

/// Where a table of DynamoDB is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableLocation {
    /// The table's name.
    pub table: String,
    /// The AWS region; `None` for the function's own.
    pub region: Option<String>,
    /// The ARN of the role to assume; `None` for the function's own.
    pub role: Option<String>,
}

/// The text in a checkpoint: a position is valid only for the same location.
impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dynamodb(TableLocation {
                table,
                region,
                role,
            }) => {
                let region = region.as_deref().unwrap_or_default();
                let role = role.as_deref().unwrap_or_default();
                write!(f, "dynamodb {region} {role} {table}")
            }
            // Of the address, only the database's name: after a failover, the same records are at another host.
            Self::Database {
                engine,
                database,
                address,
                table,
            } => {
                let name = address.server.database();
                write!(f, "{engine} {database} {name} {table}")
            }
        }
    }
}

impl RecordsOpener {
    /// An opener with these clients. The deployment file maps names.
    pub fn new(clients: RecordsClients, live: LiveCatalog) -> Self {
        Self { clients, live }
    }

    /// The location of a type's records.
    ///
    /// # Errors
    /// [`RecordsError::Unmapped`] where the deployment does not map one of the names.
    pub fn locate(&self, spec: &RecordsSpec) -> Result<Location, RecordsError> {
        match spec {
            RecordsSpec::Dynamodb(spec) => self.table(spec).map(Location::Dynamodb),
            RecordsSpec::Postgres(spec) => self.database(SqlEngine::Postgres, spec),
            RecordsSpec::Mysql(spec) => self.database(SqlEngine::Mysql, spec),
        }
    }

    /// The location of a table of DynamoDB.
    ///
    /// # Errors
    /// As [`RecordsOpener::locate`].
    pub fn table(&self, spec: &DynamodbSpec) -> Result<TableLocation, RecordsError> {
        let deployment = &self.live.current().deployment;
        let role = match &spec.role {
            Some(arn) if arn.starts_with("arn:") => Some(arn.clone()),
            Some(name) => Some(mapped("role", name, deployment.role(name))?),
            None => None,
        };
        Ok(TableLocation {
            table: mapped("table", &spec.table, deployment.table(&spec.table))?,
            region: spec.region.clone(),
            role,
        })
    }

    fn database(&self, engine: SqlEngine, spec: &SqlSpec) -> Result<Location, RecordsError> {
        let name = &spec.database.name;
        let version = self.live.current();
        let address = version.deployment.database(name).cloned();
        Ok(Location::Database {
            engine,
            database: name.clone(),
            address: Box::new(mapped("database", name, address)?),
            table: spec.table.clone(),
        })
    }

    /// The DynamoDB client for a location.
    pub async fn client(&self, location: &TableLocation) -> aws_sdk_dynamodb::Client {
        self.clients.dynamodb.for_location(location).await
    }

    /// Compares a type's entry with the table that its records are in. Only for tables of databases.
    ///
    /// # Errors
    /// As [`RecordsOpener::locate`], and when the database cannot be reached.
    pub async fn check(&self, export_type: &ExportType) -> Result<Vec<Finding>, RecordsError> {
        match (&export_type.records, self.locate(&export_type.records)?) {
            (RecordsSpec::Postgres(spec), Location::Database { address, .. }) => {
                let connector = self.clients.databases.connector(*address, None);
                postgres::check(&connector, export_type, spec).await
            }
            (RecordsSpec::Mysql(spec), Location::Database { address, .. }) => {
                let connector = self.clients.databases.connector(*address, None);
                mysql::check(&connector, export_type, spec).await
            }
            _ => Ok(Vec::new()),
        }
    }

    /// What the database at this address says of a table; `None` if there is none of this name.
    ///
    /// # Errors
    /// When the database cannot be reached, or refuses to show the table.
    pub async fn overview(
        &self,
        address: DatabaseAddress,
        table: &str,
    ) -> Result<Option<TableOverview>, RecordsError> {
        let engine = address.server.engine();
        let connector = self.clients.databases.connector(address, None);
        match engine {
            SqlEngine::Postgres => postgres::overview(&connector, table).await,
            SqlEngine::Mysql => mysql::overview(&connector, table).await,
        }
    }

    /// The names of up to 1,000 tables of the database at this address, of PostgreSQL with their schemas.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn tables(&self, address: DatabaseAddress) -> Result<Vec<String>, RecordsError> {
        let engine = address.server.engine();
        let connector = self.clients.databases.connector(address, None);
        match engine {
            SqlEngine::Postgres => postgres::tables(&connector).await,
            SqlEngine::Mysql => mysql::tables(&connector).await,
        }
    }

    fn connector(&self, address: DatabaseAddress, request: &ReadRequest<'_>) -> Connector {
        let as_of = request.is_file.then_some(request.range.as_of);
        self.clients.databases.connector(address, as_of)
    }

    /// Opens records; after `position`, if given.
    ///
    /// # Errors
    /// As [`RecordsOpener::locate`], [`RecordsError::Position`] for a position that does not belong to these records, and
    /// where a database cannot be used.
    pub async fn open(
        &self,
        request: ReadRequest<'_>,
        position: Option<&str>,
    ) -> Result<RecordsSource, RecordsError> {
        // Boxed, since the compiler limits how deep one future may be in another.
        match (request.spec, self.locate(request.spec)?) {
            (RecordsSpec::Dynamodb(_), Location::Dynamodb(location)) => {
                let client = self.client(&location).await;
                RecordsSource::in_dynamodb(client, &location.table, request, position)
            }
            (RecordsSpec::Postgres(spec), Location::Database { address, .. }) => {
                let connector = self.connector(*address, &request);
                let records = Box::pin(postgres::open(connector, spec, &request, position)).await?;
                Ok(records.into())
            }
            (RecordsSpec::Mysql(spec), Location::Database { address, .. }) => {
                let connector = self.connector(*address, &request);
                let records = Box::pin(mysql::open(connector, spec, &request, position)).await?;
                Ok(records.into())
            }
            _ => Err(RecordsError::Position),
        }
    }
}

fn mapped<T>(what: &'static str, name: &str, value: Option<T>) -> Result<T, RecordsError> {
    value.ok_or_else(|| RecordsError::Unmapped {
        what,
        name: name.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Catalog;
    use crate::deployment_file::DeploymentFile;

    #[test]
    fn a_location_is_mapped_by_the_deployment() {
        let config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(aws_sdk_dynamodb::config::BehaviorVersion::latest());
        let client = aws_sdk_dynamodb::Client::from_conf(config.build());
        let deployment = DeploymentFile::of_table("RECORDS_TABLE", "orders");
        let opener = RecordsOpener::new(client.into(), deployment.into());
        let mut spec = Catalog::built_in().unwrap().types()[0].records.clone();
        let changed = spec.dynamodb_mut().unwrap();
        changed.table = "RECORDS_TABLE".into();
        let place = opener.locate(&spec).unwrap();
        assert_eq!(place.to_string(), "dynamodb   orders");

        let changed = spec.dynamodb_mut().unwrap();
        changed.region = Some("eu-central-1".into());
        changed.role = Some("arn:aws:iam::1:role/reader".into());
        let place = opener.locate(&spec).unwrap();
        assert_eq!(
            place.to_string(),
            "dynamodb eu-central-1 arn:aws:iam::1:role/reader orders"
        );

        spec.dynamodb_mut().unwrap().role = Some("RECORDS_ROLE".into());
        let unmapped = opener.locate(&spec).unwrap_err();
        assert_eq!(
            unmapped.to_string(),
            "the deployment has no role RECORDS_ROLE"
        );
        assert_eq!(unmapped.failure().unwrap().code, "records_unmapped");
    }
}
