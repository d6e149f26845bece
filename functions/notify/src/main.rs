//! `notify`: configuration, clients, run.

mod config;

use std::sync::Arc;

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use notify::{Mailer, Notifier, ses};
use tokio::time::Instant;
use waybill::bucket::Bucket;
use waybill::clock::Clock;
use waybill::grants_function::{ANSWER_TIMEOUT, GrantsFunction};
use waybill::invocation::time_left;
use waybill::live_catalog::LiveCatalog;
use waybill::store::Exports;

use crate::config::Config;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    lambda_runtime::tracing::init_default_subscriber();
    let config = Config::from_env()?;
    let sdk = waybill::aws::config().await;
    let notifier = Arc::new(Notifier {
        exports: Exports::new(aws_sdk_dynamodb::Client::new(&sdk), config.tables),
        bucket: Bucket::new(waybill::aws::s3(&sdk), config.bucket),
        mailer: Mailer {
            ses: ses(&sdk),
            from: config.sender.named(&config.letterhead.product),
            reply_to: config.reply_to,
            configuration_set: config.configuration_set,
        },
        catalog: LiveCatalog::load(&sdk).await?,
        grants_function: config.grants_function.map(|name| {
            let lambda = aws_sdk_lambda::Client::new(&sdk);
            GrantsFunction::new(lambda, name, ANSWER_TIMEOUT)
        }),
        letterhead: config.letterhead,
        clock: Clock::system(),
    });
    // The runtime logs an error with its sources. The source of an SDK's error is the service's answer, which may contain
    // an address. So only the error's own text is returned.
    run(service_fn(move |event: LambdaEvent<serde_json::Value>| {
        let notifier = notifier.clone();
        async move {
            let deadline = Instant::now() + time_left(event.context.deadline());
            notifier.catalog.refresh().await;
            // Boxed: the future's layout exceeds the compiler's default recursion limit.
            Box::pin(notifier.handle(event.payload, deadline))
                .await
                .map_err(|error| Error::from(error.to_string()))
        }
    }))
    .await
}
