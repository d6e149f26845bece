//! Downloads: the permission is checked again at every click.

use jiff::{SignedDuration, Timestamp};
use reqwest::Method;
use reqwest::header::ACCEPT;
use serde_json::{Value, json};
use waybill_tests::requests::*;
use waybill_tests::{Deployment, Owner, id, sha256};

#[tokio::test]
async fn programs_are_redirected_and_pages_get_a_url() {
    let deployment = Deployment::get();
    let (owner, export) = finished(&deployment).await;
    let link = owner.link(&export);

    let redirect = owner.api.get(&link).await.expect_status(302);
    assert_eq!(redirect.header("cache-control"), "no-store");
    assert!(redirect.body.is_empty());
    let mut urls = vec![redirect.header("location").to_owned()];
    let instant = |text: &Value| -> Timestamp { text.as_str().unwrap().parse().unwrap() };
    let minutes = SignedDuration::from_mins(5);
    for accepted in ["application/json", "text/html, application/json;q=0.9"] {
        let before = deployment.now() + minutes;
        let request = owner
            .api
            .request(Method::GET, &link)
            .header(ACCEPT, accepted);
        let answer = owner.api.send(request).await.expect_status(200);
        let after = deployment.now() + minutes;
        assert_eq!(answer.header("cache-control"), "no-store");
        let page = answer.json();
        let expires = instant(&page["expires_at"]).as_millisecond();
        assert!(
            (before.as_millisecond()..=after.as_millisecond()).contains(&expires),
            "{page:#}"
        );
        let of_file = instant(&export["expires_at"]) + minutes;
        assert!(
            expires <= of_file.as_millisecond(),
            "never more than five minutes past the file's own end"
        );
        urls.push(page["url"].as_str().expect("a URL").to_owned());
    }

    let name = export["file_name"].as_str().expect("a file name");
    for url in &urls {
        assert!(
            url.len() < 8_000,
            "headers over 10,240 bytes do not get through: {}",
            url.len()
        );
        for part in [
            &format!("/exports/{}/", id(&export)),
            // A presigned URL for five minutes.
            "X-Amz-Expires=300",
            &format!("response-content-disposition=attachment%3B%20filename%3D%22{name}%22"),
            "response-content-type=text%2Fcsv%3B%20charset%3Dutf-8",
            // Only the host header is signed, so that a browser's plain GET suffices.
            "X-Amz-SignedHeaders=host&",
        ] {
            assert!(url.contains(part), "{part} is not in {url}");
        }
        let file = deployment.file(url).await.expect_status(200);
        assert_eq!(Some(file.body.len() as u64), export["size"].as_u64());
        assert_eq!(export["receipt"]["sha256"], sha256(&file.body));
    }
    let staff = caller(&deployment, "yuki", "staff").await;
    let events = staff.read(&events_path(&export)).await;
    let events = events["events"].as_array().expect("events").iter();
    let downloaded: Vec<&Value> = events
        .filter(|event| event["event"] == "downloaded")
        .collect();
    assert_eq!(downloaded.len(), urls.len());
    for event in downloaded {
        assert_eq!(
            event["user"],
            json!({"id": owner.sub, "name": owner.name, "on_behalf_of": null})
        );
        assert_eq!(event["address"], "127.0.0.1");
    }
}

/// The export's download path, which the API shows only for an export with a file.
async fn hidden_link(deployment: &Deployment, id: u64) -> String {
    let uuid = deployment.stored(id).await["download"].clone();
    format!("/v1/downloads/{}", uuid.as_str().expect("a UUID"))
}

#[tokio::test]
async fn a_file_that_is_not_ready_is_409_and_one_that_never_will_be_410() {
    let deployment = Deployment::get();
    let owner = owner_in_no_hurry(&deployment).await;
    let export = owner.request("csv").await;
    let link = hidden_link(&deployment, id(&export)).await;
    let status = async || {
        owner.export(id(&export)).await["status"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let (before, said, after) = (
        status().await,
        owner.api.get(&link).await.problem(),
        status().await,
    );
    let not_ready = |status| {
        format!(
            "409 The file is not ready: the export is {status}. Ask again once its status is `succeeded`."
        )
    };
    assert!([before, after].map(not_ready).contains(&said), "{said}");

    let canceled = owner.api.cancel(&export).await;
    canceled.expect_status(200);
    let said = owner.api.get(&link).await.problem();
    assert_eq!(said, "410 There is no file: the export was canceled.");
    let events = owner.events(id(&export)).await;
    assert!(!events.contains(&"downloaded".to_owned()), "{events:?}");

    // Another person gets 404 for an export in any status.
    let stranger = Owner::new(&deployment, "Bruno").await;
    problem(&stranger.api.get(&link).await, 404);
}

/// Programs that check links send HEAD.
#[tokio::test]
async fn a_head_checks_the_link_without_a_url_and_without_a_download() {
    let (owner, export) = finished(&Deployment::get()).await;
    let (link, id) = (owner.link(&export), id(&export));
    let head = async |accepted: &str| {
        let request = owner.api.request(Method::HEAD, &link);
        owner.api.send(request.header(ACCEPT, accepted)).await
    };
    for (accepted, status) in [("*/*", 302), ("application/json", 200)] {
        let answer = head(accepted).await.expect_status(status);
        assert_eq!((answer.header("location"), answer.body.len()), ("", 0));
    }
    let stranger = Owner::new(&Deployment::get(), "Bob").await;
    let answer = stranger.api.call(Method::HEAD, &link, None).await;
    assert_eq!(answer.status, 404);
    let events = owner.events(id).await;
    let effects = ["downloaded", "refused"];
    let is_without_effect = events
        .iter()
        .all(|event| !effects.contains(&event.as_str()));
    assert!(is_without_effect, "{events:?}");
}
