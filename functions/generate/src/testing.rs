//! What the tests start from: S3 whose answers are made up.

use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use aws_smithy_mocks::{MockResponseInterceptor, Rule, RuleMode};

use crate::upload::Bucket;

/// A bucket whose calls are answered by `rules`; the first that fits answers.
pub(crate) fn bucket(rules: &[&Rule]) -> Bucket {
    let answers = rules.iter().fold(
        MockResponseInterceptor::new().rule_mode(RuleMode::MatchAny),
        |answers, rule| answers.with_rule(rule),
    );
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-west-1"))
        .credentials_provider(Credentials::new("a", "b", None, None, "test"))
        .http_client(aws_smithy_mocks::create_mock_http_client())
        .interceptor(answers);
    Bucket {
        s3: aws_sdk_s3::Client::from_conf(config.build()),
        name: "bucket".into(),
    }
}
