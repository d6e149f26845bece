//! The link to a file: checked anew at every click.

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use reqwest::Method;
use reqwest::header::{ACCEPT, RANGE};
use waybill_tests::{Owner, Stack, id, sha256};

use super::{cancel_path, csv, problem};

#[tokio::test]
async fn programs_are_redirected_and_pages_get_a_url() {
    let stack = Stack::get();
    let owner = Owner::new(&stack, "Ana").await;
    let export = owner.succeeded(csv()).await;
    let link = owner.link(&export);

    let redirect = owner.api.get(&link).await.expect_status(302);
    assert_eq!(redirect.header("cache-control"), "no-store");
    assert!(redirect.body.is_empty());
    let request = owner
        .api
        .request(Method::GET, &link)
        .header(ACCEPT, "application/json");
    let answer = owner.api.send(request).await.expect_status(200);
    assert_eq!(answer.header("cache-control"), "no-store");
    let page = answer.json();
    let url = page["url"].as_str().expect("a URL");

    let expires: Timestamp = page["expires_at"]
        .as_str()
        .expect("an instant")
        .parse()
        .expect("an instant");
    let of_file: Timestamp = export["expires_at"]
        .as_str()
        .expect("an instant")
        .parse()
        .expect("an instant");
    let minutes = jiff::SignedDuration::from_mins(5);
    assert!(
        expires > Timestamp::now() && expires <= Timestamp::now() + minutes,
        "{page:#}"
    );
    assert!(
        expires <= of_file + minutes,
        "never more than five minutes past the file's own end"
    );

    for url in [redirect.header("location"), url] {
        assert!(
            url.len() < 8_000,
            "headers over 10,240 bytes do not get through: {}",
            url.len()
        );
        assert!(
            url.contains("X-Amz-Expires=300"),
            "a presigned URL for five minutes"
        );
        let file = stack.ask(Method::GET, url, None).await.expect_status(200);
        assert_eq!(Some(file.body.len() as u64), export["size"].as_u64());
        assert_eq!(export["receipt"]["sha256"], sha256(&file.body));
        assert_eq!(file.header("content-type"), "text/csv; charset=utf-8");
        let disposition = file.header("content-disposition");
        assert!(disposition.starts_with("attachment;"), "{disposition}");
        let name = export["file_name"].as_str().expect("a file name");
        assert!(
            disposition.contains(&format!("filename=\"{name}\"")),
            "{disposition}"
        );
        assert!(disposition.contains("filename*=UTF-8''"), "{disposition}");
    }
    let events = owner.events(id(&export)).await;
    assert_eq!(
        events.iter().filter(|event| *event == "downloaded").count(),
        2,
        "{events:?}"
    );
}

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
    assert_eq!(rest.bytes().await.expect("bytes"), whole[5..]);
}

/// The export's link as it is written in its table: the API shows it only once there is a file.
async fn hidden_link(stack: &Stack, id: u64) -> String {
    let dynamodb = stack.aws().await.dynamodb;
    let table = stack.output("exports_table");
    let item = dynamodb
        .get_item()
        .table_name(table)
        .key("id", AttributeValue::N(id.to_string()))
        .send()
        .await;
    let item = item
        .expect("the export's item")
        .item
        .expect("the export is there");
    format!(
        "/v1/downloads/{}",
        item["download"].as_s().expect("the link's UUID")
    )
}

#[tokio::test]
async fn a_file_that_is_not_ready_is_409_and_one_that_never_will_be_410() {
    let stack = Stack::get();
    let owner = super::owner_of_many(&stack).await;
    let export = owner.request("csv").await;
    let link = hidden_link(&stack, id(&export)).await;
    problem(&owner.api.get(&link).await, 409);

    owner
        .api
        .call(Method::POST, &cancel_path(&export), None)
        .await
        .expect_status(200);
    let gone = problem(&owner.api.get(&link).await, 410);
    assert!(
        gone["detail"]
            .as_str()
            .is_some_and(|text| text.contains("canceled")),
        "{gone:#}"
    );
    let events = owner.events(id(&export)).await;
    assert!(!events.contains(&"downloaded".to_owned()), "{events:?}");

    // To somebody else it is not there, whatever became of it.
    let stranger = Owner::new(&stack, "Bruno").await;
    problem(&stranger.api.get(&link).await, 404);
}
