//! `sweep`: configuration, clients, run.

mod config;

use std::sync::Arc;

use jiff::Timestamp;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use sweep::{Notifier, Sweeper};
use tokio::time::Instant;
use waybill::bucket::Bucket;
use waybill::invocation::time_left;
use waybill::queue::Queue;
use waybill::store::Exports;

use crate::config::Config;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    lambda_runtime::tracing::init_default_subscriber();
    let config = Config::from_env()?;
    let sdk = waybill::aws::config().await;
    let sweeper = Arc::new(Sweeper {
        exports: Exports::new(aws_sdk_dynamodb::Client::new(&sdk), config.tables),
        queue: Queue::new(aws_sdk_sqs::Client::new(&sdk), config.queue_url),
        bucket: Bucket::new(waybill::aws::s3(&sdk), config.bucket),
        notifier: Notifier {
            lambda: aws_sdk_lambda::Client::new(&sdk),
            function: config.notify_function,
        },
        timing: config.timing,
        delete_after: config.delete_after,
    });
    // The runtime logs errors in full, and an SDK error contains the service's answer, which may contain anything. So
    // only the error's own message is passed on.
    run(service_fn(move |event: LambdaEvent<serde_json::Value>| {
        let sweeper = sweeper.clone();
        async move {
            let deadline = Instant::now() + time_left(event.context.deadline());
            sweeper
                .sweep(Timestamp::now(), deadline)
                .await
                .map_err(|error| Error::from(error.to_string()))
        }
    }))
    .await
}
