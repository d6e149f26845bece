//! What S3 makes of a presigned URL.

use reqwest::Method;
use reqwest::header::RANGE;
use waybill_tests::requests::*;
use waybill_tests::{Owner, Stack, id};

/// What S3 signs cannot be turned into a key to anything else.
#[tokio::test]
async fn a_presigned_url_opens_one_object_as_it_was_signed() {
    let stack = Stack::get();
    let owner = Owner::new(&stack, "Ana").await;
    let export = owner.succeeded(csv()).await;
    let redirect = owner.api.get(&owner.link(&export)).await.expect_status(302);
    let url = redirect.header("location");
    for changed in [
        url.replace("X-Amz-Expires=300", "X-Amz-Expires=604800"),
        url.replace("attachment", "inline"),
        url.replace(&format!("exports/{}/", id(&export)), "exports/1/"),
    ] {
        assert_ne!(changed, url);
        assert_eq!(
            stack.ask(Method::GET, &changed, None).await.status,
            403,
            "a changed URL"
        );
    }
    assert_eq!(
        stack.ask(Method::PUT, url, None).await.status,
        403,
        "another method"
    );
}

#[tokio::test]
async fn a_download_can_be_continued() {
    let stack = Stack::get();
    let owner = Owner::new(&stack, "Ana").await;
    let export = owner.succeeded(csv()).await;
    let whole = owner.download(&export).await.body;
    let redirect = owner.api.get(&owner.link(&export)).await.expect_status(302);
    let url = redirect.header("location");
    let client = reqwest::Client::builder()
        .no_proxy()
        .build()
        .expect("a client");
    let rest = client
        .get(url)
        .header(RANGE, "bytes=5-")
        .send()
        .await
        .expect("an answer");
    assert_eq!(rest.status(), 206);
    let header = |name: &str| rest.headers()[name].to_str().expect("a text").to_owned();
    assert_eq!(header("content-type"), "text/csv; charset=utf-8");
    let name = export["file_name"].as_str().expect("a file name");
    let disposition = header("content-disposition");
    assert!(
        disposition.starts_with(&format!("attachment; filename=\"{name}\"")),
        "{disposition}"
    );
    assert!(disposition.contains("filename*=UTF-8''"), "{disposition}");
    assert_eq!(rest.bytes().await.expect("bytes"), whole[5..]);
}
