//! Locates and opens a type's records, for every reader of them.

use std::fmt;
use std::sync::Arc;

use tokio_postgres::Config;
use tokio_postgres::config::Host;

use super::postgres::PostgresRecords;
use super::{ReadRequest, RecordsClients, RecordsError, RecordsSource};
use crate::catalog::{DynamodbSpec, RecordsSpec, SqlSpec};

/// Maps a name in an entry, such as that of a table, to its value in this deployment. Looked up when needed, since the
/// entry of an older request may contain names that the current catalog does not have.
pub type Mapping = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// Opens the records of any type.
#[derive(Clone)]
pub struct RecordsOpener {
    clients: RecordsClients,
    mapping: Mapping,
}

/// Where a type's records are, with the names in its entry mapped by the deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// A table of DynamoDB.
    Dynamodb(TableLocation),
    /// A table of a database.
    Postgres {
        /// The name of the database in the catalog.
        database: String,
        /// The address, without a password.
        config: Box<Config>,
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
            Self::Postgres {
                database,
                config,
                table,
            } => {
                write!(
                    f,
                    "postgres {database} {} {table}",
                    config.get_dbname().unwrap_or_default()
                )
            }
        }
    }
}

impl RecordsOpener {
    /// An opener with these clients and this mapping.
    pub fn new(clients: RecordsClients, mapping: Mapping) -> Self {
        Self { clients, mapping }
    }

    /// The location of a type's records.
    ///
    /// # Errors
    /// [`RecordsError::Unmapped`] where the deployment does not map one of the names.
    pub fn locate(&self, spec: &RecordsSpec) -> Result<Location, RecordsError> {
        match spec {
            RecordsSpec::Dynamodb(spec) => self.table(spec).map(Location::Dynamodb),
            RecordsSpec::Postgres(spec) => self.database(spec),
        }
    }

    fn mapped(&self, word: &str) -> Result<String, RecordsError> {
        let mapped = (self.mapping)(word);
        mapped.ok_or_else(|| RecordsError::Unmapped {
            word: word.to_owned(),
        })
    }

    /// The location of a table of DynamoDB.
    ///
    /// # Errors
    /// As [`RecordsOpener::locate`].
    pub fn table(&self, spec: &DynamodbSpec) -> Result<TableLocation, RecordsError> {
        let role = match &spec.role {
            Some(arn) if arn.starts_with("arn:") => Some(arn.clone()),
            Some(word) => Some(self.mapped(word)?),
            None => None,
        };
        Ok(TableLocation {
            table: self.mapped(&spec.table)?,
            region: spec.region.clone(),
            role,
        })
    }

    fn database(&self, spec: &SqlSpec) -> Result<Location, RecordsError> {
        let word = database_variable(&spec.database.name);
        // The error can contain the address with its password.
        let config = self.mapped(&word)?.parse::<Config>().ok();
        let config = config.filter(is_on_this_machine);
        Ok(Location::Postgres {
            database: spec.database.name.clone(),
            config: Box::new(config.ok_or(RecordsError::Address { word })?),
            table: spec.table.clone(),
        })
    }

    /// The DynamoDB client for a location.
    pub async fn client(&self, location: &TableLocation) -> aws_sdk_dynamodb::Client {
        self.clients.for_location(location).await
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
        match (request.spec, self.locate(request.spec)?) {
            (RecordsSpec::Dynamodb(_), Location::Dynamodb(location)) => {
                let client = self.client(&location).await;
                RecordsSource::in_dynamodb(client, &location.table, request, position)
            }
            (RecordsSpec::Postgres(spec), Location::Postgres { config, .. }) => {
                let records = PostgresRecords::open(&config, spec, &request, position).await?;
                Ok(records.into())
            }
            _ => Err(RecordsError::Position),
        }
    }
}

/// Whether the database is on this machine. Connections are not encrypted yet, so that no other is allowed.
fn is_on_this_machine(config: &Config) -> bool {
    let is_local = |host: &Host| match host {
        Host::Tcp(name) => matches!(name.as_str(), "localhost" | "127.0.0.1" | "::1"),
        Host::Unix(_) => true,
    };
    !config.get_hosts().is_empty() && config.get_hosts().iter().all(is_local)
}

/// The environment variable with the address of a database: `DATABASE_SHOP_URL` for `shop`.
pub fn database_variable(name: &str) -> String {
    format!("DATABASE_{}_URL", name.to_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Catalog;

    #[test]
    fn a_location_is_mapped_by_the_deployment() {
        let config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(aws_sdk_dynamodb::config::BehaviorVersion::latest());
        let client = aws_sdk_dynamodb::Client::from_conf(config.build());
        let mapping: Mapping = Arc::new(|word| (word == "RECORDS_TABLE").then(|| "orders".into()));
        let opener = RecordsOpener::new(client.into(), mapping);
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
            "the deployment does not set RECORDS_ROLE"
        );
        assert_eq!(unmapped.failure().unwrap().code, "records_unmapped");
    }
}
