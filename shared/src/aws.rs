//! Clients of AWS's services, configured alike in every function, and what a call to one of them can end in.

mod call;

use std::collections::HashMap;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::types::AttributeValue;

pub use self::call::{CallError, best_effort_call};
use crate::env;

/// An item of a DynamoDB table, as the SDK has it.
pub type Item = HashMap<String, AttributeValue>;

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

/// How long is waited for a call without which nothing is lost, since the sweeper does later what it would have done: a
/// message, a removal, a slot that is handed on. Nobody who waits for an answer waits longer for these.
pub const BEST_EFFORT: Duration = Duration::from_secs(1);

/// A call that nothing depends on was not answered within [`BEST_EFFORT`]. Whether it was carried out is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no answer within {} s", BEST_EFFORT.as_secs())]
pub struct TimedOut;

/// Waits for such a call, no longer than [`BEST_EFFORT`].
///
/// # Errors
/// When there is no answer by then.
pub async fn best_effort<T>(call: impl Future<Output = T>) -> Result<T, TimedOut> {
    tokio::time::timeout(BEST_EFFORT, call)
        .await
        .map_err(|_| TimedOut)
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
