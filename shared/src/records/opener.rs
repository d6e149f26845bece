//! Locates and opens a type's records, for every reader of them.

use std::fmt;
use std::sync::Arc;

use super::{DynamoRecords, ReadRequest, RecordsClients, RecordsError};
use crate::catalog::RecordsSpec;

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
pub struct Location {
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
        let region = self.region.as_deref().unwrap_or_default();
        let role = self.role.as_deref().unwrap_or_default();
        write!(f, "dynamodb {region} {role} {}", self.table)
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
        let mapped = |word: &String| {
            let mapped = (self.mapping)(word);
            mapped.ok_or_else(|| RecordsError::Unmapped { word: word.clone() })
        };
        let role = match &spec.role {
            Some(arn) if arn.starts_with("arn:") => Some(arn.clone()),
            Some(word) => Some(mapped(word)?),
            None => None,
        };
        Ok(Location {
            table: mapped(&spec.table)?,
            region: spec.region.clone(),
            role,
        })
    }

    /// The DynamoDB client for a location.
    pub async fn client(&self, location: &Location) -> aws_sdk_dynamodb::Client {
        self.clients.for_location(location).await
    }

    /// Opens records; after `position`, if given.
    ///
    /// # Errors
    /// As [`RecordsOpener::locate`], and [`RecordsError::Position`] for a position that does not belong to these
    /// records.
    pub async fn open(
        &self,
        reading: ReadRequest<'_>,
        position: Option<&str>,
    ) -> Result<DynamoRecords, RecordsError> {
        let location = self.locate(reading.spec)?;
        let client = self.client(&location).await;
        DynamoRecords::new(client, &location.table, reading, position)
    }
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
        spec.table = "RECORDS_TABLE".into();
        let place = opener.locate(&spec).unwrap();
        assert_eq!(place.to_string(), "dynamodb   orders");

        spec.region = Some("eu-central-1".into());
        spec.role = Some("arn:aws:iam::1:role/reader".into());
        let place = opener.locate(&spec).unwrap();
        assert_eq!(
            place.to_string(),
            "dynamodb eu-central-1 arn:aws:iam::1:role/reader orders"
        );

        spec.role = Some("RECORDS_ROLE".into());
        let unmapped = opener.locate(&spec).unwrap_err();
        assert_eq!(
            unmapped.to_string(),
            "the deployment does not set RECORDS_ROLE"
        );
        assert_eq!(unmapped.failure().unwrap().code, "records_unmapped");
    }
}
