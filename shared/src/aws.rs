//! Clients of AWS's services, configured alike in every function.

use std::collections::HashMap;
use std::time::Duration;

use aws_config::sts::AssumeRoleProvider;
use aws_config::timeout::TimeoutConfig;
use aws_config::{Region, SdkConfig};
use aws_sdk_dynamodb::Client;

use crate::catalog::{Catalog, RecordsSpec};
use crate::env::{self, EnvError};

/// The configuration of the function's environment.
pub async fn config() -> SdkConfig {
    aws_config::from_env()
        .timeout_config(timeouts())
        .load()
        .await
}

/// No call may hang: an attempt ends after 10 s without a connection or an answer, whatever the peer does.
pub fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(5))
        .operation_attempt_timeout(Duration::from_secs(10))
        .build()
}

/// S3. Under another endpoint than AWS's (`AWS_ENDPOINT_URL`), buckets are named in the path, since their names are
/// no hosts there.
pub fn s3(config: &SdkConfig) -> aws_sdk_s3::Client {
    let other = config.endpoint_url().is_some() || env::optional("AWS_ENDPOINT_URL_S3").is_some();
    let config = aws_sdk_s3::config::Builder::from(config)
        .force_path_style(other)
        .build();
    aws_sdk_s3::Client::from_conf(config)
}

/// The clients that the host's records are read with: one for each region and role that the catalog names.
#[derive(Debug, Clone)]
pub struct RecordsClients {
    own: Client,
    others: HashMap<Account, Client>,
}

/// A region and a role, where these are not the function's own.
type Account = (Option<String>, Option<String>);

impl RecordsClients {
    /// The client for records in this place.
    pub fn of(&self, spec: &RecordsSpec) -> &Client {
        self.others.get(&account(spec)).unwrap_or(&self.own)
    }
}

/// One client for records everywhere.
impl From<Client> for RecordsClients {
    fn from(own: Client) -> Self {
        Self {
            own,
            others: HashMap::new(),
        }
    }
}

fn account(spec: &RecordsSpec) -> Account {
    (spec.region.clone(), spec.role.clone())
}

/// The DynamoDB that holds the host's records: AWS's, or the one at `RECORDS_ENDPOINT_URL`.
///
/// # Errors
/// When the variable that the catalog names for a role's ARN is not set.
pub async fn records(config: &SdkConfig, catalog: &Catalog) -> Result<RecordsClients, EnvError> {
    let endpoint = env::optional("RECORDS_ENDPOINT_URL");
    records_at(config, catalog, endpoint.as_deref()).await
}

/// The DynamoDB at this address; without one, AWS's.
///
/// # Errors
/// As [`records`].
pub async fn records_at(
    config: &SdkConfig,
    catalog: &Catalog,
    endpoint: Option<&str>,
) -> Result<RecordsClients, EnvError> {
    let client = |region: Option<&String>, role: Option<AssumeRoleProvider>| {
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
    };
    let mut clients = RecordsClients::from(client(None, None));
    for export_type in catalog.types() {
        let account = account(&export_type.records);
        if account == (None, None) || clients.others.contains_key(&account) {
            continue;
        }
        let role = match &account.1 {
            None => None,
            Some(role) => Some(assumed(config, role).await?),
        };
        let client = client(account.0.as_ref(), role);
        clients.others.insert(account, client);
    }
    Ok(clients)
}

/// The credentials of a role, which are renewed before they end.
async fn assumed(config: &SdkConfig, role: &str) -> Result<AssumeRoleProvider, EnvError> {
    let arn = match role.starts_with("arn:") {
        true => role.to_owned(),
        false => env::required(role)?,
    };
    let builder = AssumeRoleProvider::builder(arn)
        .session_name("waybill")
        .configure(config);
    Ok(match config.credentials_provider() {
        Some(own) => builder.build_from_provider(own).await,
        None => builder.build().await,
    })
}
