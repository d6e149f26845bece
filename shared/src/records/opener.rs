//! The one way to a type's records: where the deployment has them, and how they are opened.

use std::fmt;
use std::sync::Arc;

use super::{DynamoRecords, Reading, RecordsClients, RecordsError};
use crate::catalog::RecordsSpec;

/// What a word of an entry stands for in this deployment, such as the name of a table: looked up when it is needed, since
/// an export is made by the entry of its request, which may name others than the catalog of the day.
pub type Mapping = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// Opens the records of types.
#[derive(Clone)]
pub struct RecordsOpener {
    clients: RecordsClients,
    mapping: Mapping,
}

/// Where a type's records are, as the deployment maps the words of its entry now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// The table's name.
    pub table: String,
    /// The AWS region; the function's own without one.
    pub region: Option<String>,
    /// The ARN of the role that reads the table; the function's own without one.
    pub role: Option<String>,
}

/// The text by which a checkpoint knows the place: a position means nothing elsewhere.
impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let region = self.region.as_deref().unwrap_or_default();
        let role = self.role.as_deref().unwrap_or_default();
        write!(f, "dynamodb {region} {role} {}", self.table)
    }
}

impl RecordsOpener {
    /// An opener that reads with these clients where `mapping` says.
    pub fn new(clients: RecordsClients, mapping: Mapping) -> Self {
        Self { clients, mapping }
    }

    /// Where the records of an entry are.
    ///
    /// # Errors
    /// [`RecordsError::Unmapped`] where the deployment does not say what one of the entry's words stands for.
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

    /// The client that the records at a place are read with.
    pub async fn client(&self, location: &Location) -> aws_sdk_dynamodb::Client {
        self.clients.of(location).await
    }

    /// Opens records, after `position` where there is one.
    ///
    /// # Errors
    /// As [`RecordsOpener::locate`], and [`RecordsError::Position`] where the position is not one of these records.
    pub async fn open(
        &self,
        reading: Reading<'_>,
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
    fn a_place_is_as_the_deployment_maps_it() {
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
            "the deployment does not say what RECORDS_ROLE stands for"
        );
        assert_eq!(unmapped.failure().unwrap().code, "records_unmapped");
    }
}
