//! Clients of AWS's services, configured alike in every function.

use aws_config::SdkConfig;
use aws_config::timeout::TimeoutConfig;
use std::time::Duration;

use crate::env;

/// The configuration of the function's environment. No call may hang: an attempt ends after 10 s without a
/// connection or an answer, whatever the peer does.
pub async fn config() -> SdkConfig {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(5))
        .operation_attempt_timeout(Duration::from_secs(10))
        .build();
    aws_config::from_env().timeout_config(timeouts).load().await
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

/// The DynamoDB that holds the host's records: AWS's, or the one at `RECORDS_ENDPOINT_URL`.
pub fn records(config: &SdkConfig) -> aws_sdk_dynamodb::Client {
    let mut builder = aws_sdk_dynamodb::config::Builder::from(config);
    if let Some(endpoint) = env::optional("RECORDS_ENDPOINT_URL") {
        builder = builder.endpoint_url(endpoint);
    }
    aws_sdk_dynamodb::Client::from_conf(builder.build())
}
