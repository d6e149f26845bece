//! What the tests start from: S3 whose answers are made up.

use waybill_testing::client;
use waybill_testing::mocks::Rule;

use crate::bucket::Bucket;
use crate::upload::FIRST_PART;

/// A bucket whose calls are answered by `rules`; the first that fits answers.
pub(crate) fn bucket(rules: &[&Rule]) -> Bucket {
    Bucket {
        s3: client!(aws_sdk_s3, rules),
        name: "bucket".into(),
        first_part: FIRST_PART,
    }
}
