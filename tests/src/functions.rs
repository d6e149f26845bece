//! The functions as their mains set them up, over services in memory: `generate`, `sweep` and `notify`.

use std::sync::Arc;

use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_s3::config::{Credentials, SharedCredentialsProvider};
use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use aws_smithy_async::time::{SharedTimeSource, TimeSource};
use generate::{Dependencies, PartSizes, Worker};
use jiff::SignedDuration;
use sweep::Sweeper;
use waybill::bucket::Bucket;
use waybill::catalog::Catalog;
use waybill::clock::Clock;
use waybill::deployment_file::DeploymentFile;
use waybill::live_catalog::LiveCatalog;
use waybill::queue::Queue;
use waybill::records::{RecordsClients, RecordsOpener};
use waybill::store::{Exports, MaskSecrets, Tables, TypeEntries};
use waybill_testing::fake::{Wire, http_client};
use waybill_testing::timing;

/// The bucket's name.
pub const BUCKET: &str = "files";
/// The queue's address.
pub const QUEUE_URL: &str = "http://queue";

/// What the SDK's clients are made from, so that their calls go over `wire`.
pub fn sdk(wire: Arc<dyn Wire>, clock: Clock) -> SdkConfig {
    let credentials = Credentials::new("a", "b", None, None, "test");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-west-1"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .endpoint_url("http://aws.test")
        .retry_config(RetryConfig::standard())
        .timeout_config(waybill::aws::timeouts())
        .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
        .time_source(SharedTimeSource::new(Shown(clock)))
        .http_client(http_client(wire))
        .build()
}

/// The tables' names.
pub fn tables() -> Tables {
    Tables {
        exports: "exports".into(),
        work: "work".into(),
        events: "events".into(),
    }
}

/// The store on these tables.
pub fn exports(sdk: &SdkConfig) -> Exports {
    Exports::new(aws_sdk_dynamodb::Client::new(sdk), tables())
}

/// What opens the records, which are all in one table.
pub fn records(sdk: &SdkConfig, table: &'static str) -> RecordsOpener {
    let deployment = DeploymentFile::of_table("RECORDS_TABLE", table);
    RecordsOpener::new(RecordsClients::new(sdk, None), deployment.into())
}

/// `generate`, which makes two exports of a parent at once and lets a file live for `retention`.
pub fn worker(
    sdk: &SdkConfig,
    clock: Clock,
    records_table: &'static str,
    retention: SignedDuration,
) -> Worker {
    let exports = exports(sdk);
    Worker {
        dependencies: Dependencies {
            exports: exports.clone(),
            records: records(sdk, records_table),
            bucket: Bucket::new(waybill::aws::s3(sdk), BUCKET),
            part_sizes: PartSizes::for_memory(512),
            clock,
            checkpoint_every: timing().lease().unsigned_abs() / 2,
        },
        queue: Queue::new(aws_sdk_sqs::Client::new(sdk), QUEUE_URL.into()),
        exports_per_parent: 2,
        type_entries: TypeEntries::new(exports.clone()),
        mask_secrets: MaskSecrets::new(exports),
        timing: timing(),
        retention,
        memory_mb: 512,
    }
}

/// `sweep`, which removes an object so long after its export has expired.
pub fn sweeper(sdk: &SdkConfig, delete_after: SignedDuration) -> Sweeper {
    Sweeper {
        exports: exports(sdk),
        queue: Queue::new(aws_sdk_sqs::Client::new(sdk), QUEUE_URL.into()),
        bucket: Bucket::new(waybill::aws::s3(sdk), BUCKET),
        notifier: sweep::Notifier {
            lambda: aws_sdk_lambda::Client::new(sdk),
            function: "notify".into(),
        },
        timing: timing(),
        delete_after,
    }
}

/// `notify`, whose links begin with `public_url`.
///
/// # Panics
/// Where the catalog cannot be read.
pub fn notifier(sdk: &SdkConfig, clock: Clock, public_url: &str) -> notify::Notifier {
    notify::Notifier {
        exports: exports(sdk),
        bucket: Bucket::new(waybill::aws::s3(sdk), BUCKET),
        mailer: notify::Mailer {
            ses: notify::ses(sdk),
            from: "exports@example.com".into(),
            reply_to: None,
            configuration_set: "waybill".into(),
        },
        catalog: LiveCatalog::fixed(
            Catalog::load().expect("the catalog"),
            DeploymentFile::default(),
        ),
        grants_function: None,
        letterhead: notify::Letterhead {
            product: "Waybill".into(),
            public_url: public_url.to_owned(),
            support: None,
            logo: None,
        },
        clock,
    }
}

/// A clock, for the SDK.
#[derive(Debug)]
struct Shown(Clock);

impl TimeSource for Shown {
    fn now(&self) -> std::time::SystemTime {
        self.0.now().into()
    }
}
