//! The clients of every engine, which all reads of a function share.

use aws_config::SdkConfig;

use super::dynamodb::DynamodbClients;
use super::sql::{Databases, Network};
use crate::env;

/// The clients for the host's records.
#[derive(Debug, Clone)]
pub struct RecordsClients {
    pub(super) dynamodb: DynamodbClients,
    pub(super) databases: Databases,
}

impl RecordsClients {
    /// Clients for AWS; for DynamoDB at this endpoint, if given.
    pub fn new(config: &SdkConfig, endpoint: Option<String>) -> Self {
        Self {
            dynamodb: DynamodbClients::new(config, endpoint),
            databases: Databases::new(config),
        }
    }

    /// Reaches databases through this network, without passwords.
    pub fn with_network(mut self, network: Network) -> Self {
        self.databases = Databases::through(network);
        self
    }

    /// Clients for AWS; for DynamoDB at `RECORDS_ENDPOINT_URL`, if set.
    pub fn from_env(config: &SdkConfig) -> Self {
        Self::new(config, env::optional("RECORDS_ENDPOINT_URL"))
    }
}

/// One client for all records in DynamoDB, and databases without passwords, such as in tests.
impl From<aws_sdk_dynamodb::Client> for RecordsClients {
    fn from(client: aws_sdk_dynamodb::Client) -> Self {
        Self {
            dynamodb: client.into(),
            databases: Databases::without_passwords(),
        }
    }
}
