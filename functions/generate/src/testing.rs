//! A mock of S3 for tests.

use waybill::bucket::Bucket;
use waybill_testing::client;
use waybill_testing::mocks::Rule;

/// A bucket whose calls are answered by the first matching rule.
pub(crate) fn bucket(rules: &[&Rule]) -> Bucket {
    Bucket::new(client!(aws_sdk_s3, rules), "bucket")
}
