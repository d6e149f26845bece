//! The notifier of this function's tests.

use tokio::time::{Duration, Instant};
use waybill::bucket::Bucket;
use waybill::catalog::Catalog;
use waybill::clock::Clock;
use waybill::deployment_file::DeploymentFile;
use waybill::live_catalog::LiveCatalog;
use waybill::store::Exports;
use waybill_testing::at;

use crate::handler::Notifier;
use crate::mail::Letterhead;
use crate::mailer::Mailer;

/// A deadline that leaves enough time for a mail.
pub(crate) fn deadline() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

/// A notifier with these clients, whose clock stands at 20 seconds of the tests' time.
pub(crate) fn notifier(
    exports: Exports,
    s3: aws_sdk_s3::Client,
    ses: aws_sdk_sesv2::Client,
) -> Notifier {
    Notifier {
        exports,
        bucket: Bucket::new(s3, "files"),
        mailer: Mailer {
            ses,
            from: "mail@example.com".into(),
            reply_to: None,
            configuration_set: "waybill".into(),
        },
        catalog: LiveCatalog::fixed(Catalog::load().unwrap(), DeploymentFile::default()),
        grants_function: None,
        letterhead: Letterhead {
            product: "Waybill".into(),
            public_url: "https://exports.example.com".into(),
            support: None,
            logo: None,
        },
        clock: Clock::from_fn(|| at(20)),
    }
}
