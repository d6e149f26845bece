//! Creates the functions as their `main` does, over the wire of a machine.

use std::sync::Arc;

use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_s3::config::{Credentials, SharedCredentialsProvider};
use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use aws_smithy_async::time::SharedTimeSource;
use generate::{Dependencies, Worker};
use jiff::SignedDuration;
use sweep::{Notifier, Sweeper};
use waybill::bucket::Bucket;
use waybill::queue::Queue;
use waybill::records::{RecordsClients, RecordsOpener};
use waybill::store::{Entries, Exports, Tables};
use waybill_testing::fake::http_client;
use waybill_testing::pace;

use crate::machine::Machine;
use crate::wire::FaultyWire;
use crate::world::World;

/// The retention of a file, and the time until its deletion: short, so that a seed reaches its end.
pub(crate) const RETENTION: SignedDuration = SignedDuration::from_mins(40);
const DELETE_AFTER: SignedDuration = SignedDuration::from_mins(3);

impl World {
    fn config(self: &Arc<Self>, machine: &Arc<Machine>, has_faults: bool) -> SdkConfig {
        let wire = FaultyWire {
            world: self.clone(),
            machine: machine.clone(),
            has_faults,
        };
        let credentials = Credentials::new("a", "b", None, None, "test");
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-west-1"))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .endpoint_url("http://aws.test")
            .retry_config(RetryConfig::standard())
            .timeout_config(waybill::aws::timeouts())
            .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
            .time_source(SharedTimeSource::new(Ticking(machine.clone())))
            .http_client(http_client(Arc::new(wire)))
            .build()
    }

    pub(crate) fn exports(self: &Arc<Self>, machine: &Arc<Machine>, has_faults: bool) -> Exports {
        exports(&self.config(machine, has_faults))
    }

    /// A worker on this machine.
    pub(crate) async fn worker(self: &Arc<Self>, machine: &Arc<Machine>) -> Worker {
        let config = self.config(machine, true);
        let exports = exports(&config);
        let table = self.records_table();
        Worker {
            dependencies: Dependencies {
                exports: exports.clone(),
                records: RecordsOpener::new(
                    RecordsClients::new(&config, None),
                    Arc::new(move |_| Some(table.to_owned())),
                ),
                bucket: Bucket::new(waybill::aws::s3(&config), "files"),
                first_part: self.part,
                clock: machine.clock(),
                checkpoint_every: self.checkpoint_every,
            },
            queue: Queue::new(aws_sdk_sqs::Client::new(&config), "http://queue".into()),
            exports_per_parent: self.exports_per_parent,
            entries: Entries::new(exports),
            pace: pace(),
            retention: RETENTION,
            memory_mb: 512,
        }
    }

    pub(crate) fn sweeper(self: &Arc<Self>, machine: &Arc<Machine>) -> Sweeper {
        let config = self.config(machine, true);
        Sweeper {
            exports: exports(&config),
            queue: Queue::new(aws_sdk_sqs::Client::new(&config), "http://queue".into()),
            bucket: Bucket::new(waybill::aws::s3(&config), "files"),
            notifier: Notifier {
                lambda: aws_sdk_lambda::Client::new(&config),
                function: "notify".into(),
            },
            pace: pace(),
            delete_after: DELETE_AFTER,
        }
    }
}

fn exports(config: &SdkConfig) -> Exports {
    let tables = Tables {
        exports: "exports".into(),
        work: "work".into(),
        events: "events".into(),
    };
    Exports::new(aws_sdk_dynamodb::Client::new(config), tables)
}

/// A machine's clock for the SDK.
#[derive(Debug)]
struct Ticking(Arc<Machine>);

impl aws_smithy_async::time::TimeSource for Ticking {
    fn now(&self) -> std::time::SystemTime {
        self.0.now().into()
    }
}
