//! Tests of `Bucket`: retried puts, pages of listings, and S3 that does not answer.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_sdk_s3::Client;
use aws_sdk_s3::error::ErrorMetadata;
use aws_sdk_s3::operation::create_multipart_upload::CreateMultipartUploadOutput;
use aws_sdk_s3::operation::head_object::{HeadObjectError, HeadObjectOutput};
use aws_sdk_s3::operation::put_object::{PutObjectError, PutObjectOutput};
use aws_sdk_s3::operation::upload_part::UploadPartOutput;
use aws_sdk_s3::types::error::NotFound;
use aws_smithy_async::time::TimeSource;
use aws_smithy_mocks::{Rule, mock};
use bytes::Bytes;
use tokio::time::Instant;
use waybill::aws::{BEST_EFFORT, best_effort, timeouts};
use waybill::bucket::{Bucket, BucketError, Upload};
use waybill_testing::client;
use waybill_testing::fake::{Silent, http_client};

fn bucket(rules: &[&Rule]) -> Bucket {
    Bucket::new(client!(aws_sdk_s3, rules), "bucket")
}

fn put_fails(code: &'static str) -> Rule {
    mock!(Client::put_object)
        .then_error(move || PutObjectError::generic(ErrorMetadata::builder().code(code).build()))
}

fn head(size: Option<i64>) -> Rule {
    match size {
        Some(size) => mock!(Client::head_object)
            .then_output(move || HeadObjectOutput::builder().content_length(size).build()),
        None => mock!(Client::head_object)
            .then_error(|| HeadObjectError::NotFound(NotFound::builder().build())),
    }
}

async fn put(rules: &[&Rule]) -> Result<(), BucketError> {
    let bytes = Bytes::from_static(b"twelve bytes");
    bucket(rules).put("exports/7/a", bytes, "text/csv").await
}

fn upload() -> Upload {
    Upload {
        object: "exports/7/a".into(),
        upload_id: "u".into(),
    }
}

#[tokio::test]
async fn a_put_that_finds_an_object_of_its_length_has_succeeded() {
    let there = put_fails("PreconditionFailed");
    assert!(put(&[&there, &head(Some(12))]).await.is_ok());
    for size in [Some(11), Some(13), None] {
        let done = put(&[&there, &head(size)]).await;
        assert!(
            matches!(done, Err(BucketError::Exists)),
            "{size:?}: {done:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_put_that_conflicts_with_another_of_its_key_is_retried() {
    let conflict = put_fails("ConditionalRequestConflict");
    let error = put(&[&conflict]).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "PutObject failed: ConditionalRequestConflict"
    );
    assert_eq!(conflict.num_calls(), 4);

    let passes = mock!(Client::put_object)
        .sequence()
        .error(|| {
            let code = ErrorMetadata::builder().code("ConditionalRequestConflict");
            PutObjectError::generic(code.build())
        })
        .output(|| PutObjectOutput::builder().build())
        .build();
    assert!(put(&[&passes]).await.is_ok());
}

/// Without its id an upload cannot be used, and without its ETag a part cannot be completed.
#[tokio::test]
async fn an_answer_without_an_upload_id_or_etag_is_an_error() {
    let begun = mock!(Client::create_multipart_upload)
        .then_output(|| CreateMultipartUploadOutput::builder().build());
    let error = bucket(&[&begun])
        .begin_upload("exports/7/a", "text/csv")
        .await;
    assert_eq!(
        error.unwrap_err().to_string(),
        "CreateMultipartUpload failed: an answer without an upload id"
    );
    for etag in [None, Some("")] {
        let part = mock!(Client::upload_part).then_output(move || {
            UploadPartOutput::builder()
                .set_e_tag(etag.map(str::to_owned))
                .build()
        });
        let error = bucket(&[&part])
            .upload_part(&upload(), 1, Bytes::new())
            .await;
        assert_eq!(
            error.unwrap_err().to_string(),
            "UploadPart failed: an answer without an ETag"
        );
    }
}

/// The clock of the test, which is paused. The SDK compares what was sent with the time that passed, so both are of one
/// clock.
#[derive(Debug)]
struct TestClock {
    began: Instant,
}

impl Default for TestClock {
    fn default() -> Self {
        Self {
            began: Instant::now(),
        }
    }
}

impl TimeSource for TestClock {
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000) + self.began.elapsed()
    }
}

/// A bucket that does not answer.
fn silent() -> Bucket {
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(aws_sdk_s3::config::BehaviorVersion::latest())
        .region(aws_sdk_s3::config::Region::new("eu-west-1"))
        .credentials_provider(aws_sdk_s3::config::Credentials::new(
            "a", "b", None, None, "test",
        ))
        .timeout_config(timeouts())
        .time_source(TestClock::default())
        .http_client(http_client(Arc::new(Silent)));
    Bucket::new(Client::from_conf(config.build()), "bucket")
}

#[tokio::test(start_paused = true)]
async fn deletions_without_an_answer_time_out() {
    let silent = silent();
    let began = Instant::now();
    assert!(best_effort(silent.delete("exports/7/tail")).await.is_err());
    assert!(best_effort(silent.abort_upload(&upload())).await.is_err());
    assert!(began.elapsed() <= BEST_EFFORT * 2, "{:?}", began.elapsed());
}

/// The SDK makes three attempts.
#[tokio::test(start_paused = true)]
async fn an_attempt_to_send_bytes_has_time_for_their_number() {
    let silent = silent();
    let large = Bytes::from(vec![0; 80 << 20]);
    let upload = upload();
    for (bytes, seconds) in [(Bytes::new(), 10), (large, 50)] {
        let attempts = Duration::from_secs(3 * seconds);
        for call in ["UploadPart", "PutObject"] {
            let began = Instant::now();
            let error = match call {
                "UploadPart" => silent.upload_part(&upload, 1, bytes.clone()).await.err(),
                _ => silent
                    .put("exports/7/a", bytes.clone(), "text/csv")
                    .await
                    .err(),
            };
            assert!(error.is_some());
            let took = began.elapsed();
            let with_waits = attempts + Duration::from_secs(5);
            assert!(
                (attempts..with_waits).contains(&took),
                "{call}, {seconds} s: {took:?}"
            );
        }
    }
}
