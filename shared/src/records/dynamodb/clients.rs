//! DynamoDB clients for the host's records.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_config::sts::AssumeRoleProvider;
use aws_config::{Region, SdkConfig};
use aws_sdk_dynamodb::Client;

use crate::records::TableLocation;

/// DynamoDB clients for the host's records: one for each region and role in entries, created on first use.
#[derive(Debug, Clone)]
pub(in crate::records) struct DynamodbClients {
    own: Client,
    /// The configuration and endpoint of further clients; `None` to use one client for all records.
    made_from: Option<(SdkConfig, Option<String>)>,
    others: Arc<Mutex<HashMap<Account, Client>>>,
}

/// A region and a role; `None` for the function's own.
type Account = (Option<String>, Option<String>);

impl DynamodbClients {
    /// Clients for DynamoDB at AWS, or at this endpoint.
    pub(in crate::records) fn new(config: &SdkConfig, endpoint: Option<String>) -> Self {
        Self {
            own: client(config, endpoint.as_deref(), None, None),
            made_from: Some((config.clone(), endpoint)),
            others: Arc::default(),
        }
    }

    /// The client for a location.
    pub(in crate::records) async fn for_location(&self, location: &TableLocation) -> Client {
        let account = (location.region.clone(), location.role.clone());
        let Some((config, endpoint)) = self.made_from.as_ref().filter(|_| account != (None, None))
        else {
            return self.own.clone();
        };
        if let Some(made) = self.others().get(&account) {
            return made.clone();
        }
        let role = match &location.role {
            None => None,
            Some(arn) => Some(assumed(config, arn).await),
        };
        let made = client(config, endpoint.as_deref(), account.0.as_ref(), role);
        self.others().insert(account, made.clone());
        made
    }

    fn others(&self) -> MutexGuard<'_, HashMap<Account, Client>> {
        self.others.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One client for all records, such as in tests.
impl From<Client> for DynamodbClients {
    fn from(own: Client) -> Self {
        Self {
            own,
            made_from: None,
            others: Arc::default(),
        }
    }
}

fn client(
    config: &SdkConfig,
    endpoint: Option<&str>,
    region: Option<&String>,
    role: Option<AssumeRoleProvider>,
) -> Client {
    let mut builder = aws_sdk_dynamodb::config::Builder::from(config);
    if let Some(endpoint) = endpoint {
        builder = builder.endpoint_url(endpoint);
    }
    if let Some(region) = region {
        builder = builder.region(Region::new(region.clone()));
    }
    if let Some(role) = role {
        builder = builder.credentials_provider(role);
    }
    Client::from_conf(builder.build())
}

/// The credentials of an assumed role, which are renewed before they expire.
async fn assumed(config: &SdkConfig, arn: &str) -> AssumeRoleProvider {
    let builder = AssumeRoleProvider::builder(arn)
        .session_name("waybill")
        .configure(config);
    match config.credentials_provider() {
        Some(own) => builder.build_from_provider(own).await,
        None => builder.build().await,
    }
}
