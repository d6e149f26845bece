//! `generate`: configuration, clients, run.

mod config;

use aws_lambda_events::event::sqs::SqsEvent;
use generate::{Dependencies, PartSizes, Worker, handle};
use lambda_runtime::{Error, LambdaEvent, run, service_fn, tracing};
use waybill::bucket::Bucket;
use waybill::clock::Clock;
use waybill::invocation::time_left;
use waybill::live_catalog::LiveCatalog;
use waybill::queue::Queue;
use waybill::records::{RecordsClients, RecordsOpener};
use waybill::store::{Exports, MaskSecrets, TypeEntries};

use crate::config::Config;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    tracing::init_default_subscriber();
    let config = Config::from_env()?;
    let aws = waybill::aws::config().await;
    let live = LiveCatalog::load(&aws).await?;
    let exports = Exports::new(aws_sdk_dynamodb::Client::new(&aws), config.tables);
    let worker = Worker {
        dependencies: Dependencies {
            exports: exports.clone(),
            records: RecordsOpener::new(RecordsClients::from_env(&aws), live.clone()),
            bucket: Bucket::new(waybill::aws::s3(&aws), config.bucket),
            part_sizes: PartSizes::for_memory(config.memory_mb),
            clock: Clock::system(),
            checkpoint_every: config.timing.lease().unsigned_abs() / 2,
        },
        queue: Queue::new(aws_sdk_sqs::Client::new(&aws), config.queue_url),
        type_entries: TypeEntries::new(exports.clone()),
        mask_secrets: MaskSecrets::new(exports),
        timing: config.timing,
        retention: config.retention,
        exports_per_parent: config.exports_per_parent,
        memory_mb: config.memory_mb,
    };
    let (worker, live) = (&worker, &live);
    run(service_fn(async |event: LambdaEvent<SqsEvent>| {
        let time_left = time_left(event.context.deadline());
        live.refresh().await;
        Ok::<_, Error>(handle(worker, event.payload, time_left).await?)
    }))
    .await
}
