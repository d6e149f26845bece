//! AWS clients with one configuration for every function, and the errors of a call.

mod call;

use std::collections::HashMap;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::types::AttributeValue;

pub use self::call::{CallError, best_effort_call};
use crate::env;

/// An item of a DynamoDB table, as the SDK represents it.
pub type Item = HashMap<String, AttributeValue>;

/// The SDK configuration from the function's environment.
pub async fn config() -> SdkConfig {
    aws_config::from_env()
        .timeout_config(timeouts())
        .load()
        .await
}

/// The slowest network that an upload succeeds on, in bytes per second.
const MIN_UPLOAD_RATE: u64 = 2 << 20;

/// Timeouts of one attempt, so that no call hangs: 5 s to connect, 10 s in all.
pub fn timeouts() -> TimeoutConfig {
    upload_timeouts(0)
}

/// Timeouts of one attempt to send `length` bytes: those of any call, and the time for the bytes at 2 MiB a second.
pub fn upload_timeouts(length: usize) -> TimeoutConfig {
    let sending = Duration::from_secs((length as u64).div_ceil(MIN_UPLOAD_RATE));
    TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(5))
        .operation_attempt_timeout(Duration::from_secs(10) + sending)
        .build()
}

/// The timeout of a best-effort call: sending a message, deleting an object, handing on a slot. The sweeper repeats
/// such a call later if it fails, so no request waits longer for one.
pub const BEST_EFFORT: Duration = Duration::from_secs(1);

/// A best-effort call was not answered within [`BEST_EFFORT`]. It may or may not have taken effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no answer within {} s", BEST_EFFORT.as_secs())]
pub struct TimedOut;

/// Waits at most [`BEST_EFFORT`] for `call`.
///
/// # Errors
/// [`TimedOut`] without an answer by then.
pub async fn best_effort<T>(call: impl Future<Output = T>) -> Result<T, TimedOut> {
    tokio::time::timeout(BEST_EFFORT, call)
        .await
        .map_err(|_| TimedOut)
}

/// The S3 client. With `AWS_ENDPOINT_URL` set, the bucket's name is in the path, since it is no host name there.
pub fn s3(config: &SdkConfig) -> aws_sdk_s3::Client {
    let other = config.endpoint_url().is_some() || env::optional("AWS_ENDPOINT_URL_S3").is_some();
    let config = aws_sdk_s3::config::Builder::from(config)
        .force_path_style(other)
        .build();
    aws_sdk_s3::Client::from_conf(config)
}
