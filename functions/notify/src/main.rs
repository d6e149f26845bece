//! Notify: mails the person who asked for an export, once it is over.
//!
//! The stream of the table `exports` calls at once, the sweeper for every mail that is still pending. Whoever comes
//! claims the mail first, so that of many calls for one export a single one sends it. What SES learns of a mail later comes
//! by a queue.

mod address;
mod attachment;
mod config;
mod handler;
mod input;
mod learning;
mod mail;
mod mail_event;
mod mailer;
#[cfg(test)]
mod testing;

use std::sync::Arc;

use jiff::Timestamp;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use tokio::time::Instant;
use waybill::bucket::Bucket;
use waybill::catalog::Catalog;
use waybill::grants_function::{ANSWER_TIMEOUT, GrantsFunction};
use waybill::invocation::time_left;
use waybill::store::Exports;

use crate::config::Config;
use crate::handler::Notifier;
use crate::mailer::Mailer;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    lambda_runtime::tracing::init_default_subscriber();
    let config = Config::from_env()?;
    let sdk = waybill::aws::config().await;
    let notifier = Arc::new(Notifier {
        exports: Exports::new(aws_sdk_dynamodb::Client::new(&sdk), config.tables),
        bucket: Bucket::new(waybill::aws::s3(&sdk), config.bucket),
        mailer: Mailer {
            ses: mailer::ses(&sdk),
            from: config.sender.named(&config.letterhead.product),
            reply_to: config.reply_to,
            configuration_set: config.configuration_set,
        },
        catalog: Catalog::load()?,
        grants_function: config.grants_function.map(|name| {
            let lambda = aws_sdk_lambda::Client::new(&sdk);
            GrantsFunction::new(lambda, name, ANSWER_TIMEOUT)
        }),
        letterhead: config.letterhead,
        clock: Timestamp::now,
    });
    // The runtime logs an error in full, and an SDK's error holds the service's answer, which may name an address:
    // only what it says of itself goes on.
    run(service_fn(move |event: LambdaEvent<serde_json::Value>| {
        let notifier = notifier.clone();
        async move {
            let deadline = Instant::now() + time_left(event.context.deadline());
            notifier
                .handle(event.payload, deadline)
                .await
                .map_err(|error| Error::from(error.to_string()))
        }
    }))
    .await
}
