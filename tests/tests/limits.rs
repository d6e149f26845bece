//! Limits of AWS that the local stack does not enforce.

#![allow(clippy::unwrap_used, reason = "a failed test panics")]

use std::time::Duration;

use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_s3::presigning::PresigningConfig;
use jiff::Timestamp;
use waybill::catalog::Catalog;
use waybill::file::Format;
use waybill::file::name::{FileName, content_disposition};

/// The limit of an HTTP API on the status line and all headers of an answer, in bytes.
const HEADERS: usize = 10_240;
/// Room for the answer's other headers.
const OTHERS: usize = 1_024;
/// The maximum length of a session token of temporary credentials that AWS documents, in bytes. Usual tokens have about
/// a kilobyte.
const SESSION_TOKEN: usize = 4_096;

/// The longest URL of a download: with the longest file name, in a script with three bytes per letter, and the longest
/// session token.
#[tokio::test]
async fn a_redirect_to_a_file_is_within_the_limit_on_headers() {
    let catalog = Catalog::load().expect("the catalog");
    let orders = catalog.get("orders").expect("the type orders");
    let project = catalog.kinds().get("project").expect("the kind project");
    let now: Timestamp = "2026-11-21T12:01:02Z".parse().expect("an instant");
    let name = FileName::new(&orders.name, project, &"映".repeat(200), now, Format::Xlsx);
    assert!(
        name.as_str().len() > 140,
        "the longest name is nearly used up: {}",
        name.as_str().len()
    );

    let token = "/".repeat(SESSION_TOKEN);
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("ap-southeast-1"))
        .credentials_provider(Credentials::new(
            "AKIDEXAMPLE",
            "secret",
            Some(token),
            None,
            "test",
        ))
        .build();
    let presigning = PresigningConfig::expires_in(Duration::from_secs(300)).expect("five minutes");
    let request = aws_sdk_s3::Client::from_conf(config)
        .get_object()
        .bucket("b".repeat(63))
        .key(format!("exports/9007199254740991/{}", "0".repeat(36)))
        .response_content_disposition(content_disposition(name.as_str()))
        .response_content_type(Format::Xlsx.media_type())
        .presigned(presigning)
        .await
        .expect("a presigned request");
    let url = request.uri();
    // The test's token is all slashes, which take three bytes in a query string. In real Base64 tokens one letter in
    // thirty is escaped.
    let length = url.len() - url.matches("%2F").count() * 2;
    assert!(length + OTHERS < HEADERS, "the link has {length} bytes");
    assert!(url.contains("response-content-disposition="), "{url}");
}
