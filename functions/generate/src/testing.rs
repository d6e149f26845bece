//! What the tests start from: S3 whose answers are made up.

use waybill::bucket::Bucket;
use waybill_testing::client;
use waybill_testing::mocks::Rule;

/// A bucket whose calls are answered by `rules`; the first that fits answers.
pub(crate) fn bucket(rules: &[&Rule]) -> Bucket {
    Bucket::new(client!(aws_sdk_s3, rules), "bucket")
}
