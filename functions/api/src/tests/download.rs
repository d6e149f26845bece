//! `GET /v1/downloads/{uuid}`.

use serde_json::json;
use waybill::download::new_download;
use waybill::export::{Failure, Status};

use crate::testing::{Service, now};

async fn with_file() -> (Service, waybill::export::Export) {
    let service = Service::default();
    let id = service.create().await;
    let export = service.succeed(id);
    (service, export)
}

#[tokio::test]
async fn a_person_who_may_gets_a_link_for_five_minutes_and_it_is_on_record() {
    let (service, export) = with_file().await;
    let path = format!("/v1/downloads/{}", export.download);
    let answer = service.get(&path).send().await;
    assert_eq!((answer.status.as_u16(), answer.text.as_str()), (302, ""));
    assert_eq!(answer.header("cache-control"), "no-store");
    let url = answer.header("location");
    let object = format!("/exports/{}/kept?", export.id);
    for part in [
        object.as_str(),
        "X-Amz-Expires=300",
        "response-content-disposition=attachment%3B%20filename%3D%22orders-42-20261121T120102Z.csv%22",
        "response-content-type=text%2Fcsv%3B%20charset%3Dutf-8",
        // Nothing but the host is signed, so that a browser's plain GET is enough.
        "X-Amz-SignedHeaders=host&",
    ] {
        assert!(url.contains(part), "{part} is not in {url}");
    }

    let answer = service
        .get(&path)
        .header("accept", "text/html, application/json;q=0.9")
        .send()
        .await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json()["expires_at"], "2026-11-21T12:06:02.123Z");
    assert!(answer.json()["url"].as_str().unwrap().contains(&object));

    let history = service.history(export.id);
    assert_eq!(
        history
            .iter()
            .filter(|event| event["what"] == "downloaded")
            .count(),
        2
    );
    let downloaded = history
        .iter()
        .find(|event| event["what"] == "downloaded")
        .unwrap();
    assert_eq!(
        downloaded["who"],
        json!({"id": "u-17", "name": "Ana Sousa", "address": "192.0.2.7"})
    );
}

#[tokio::test]
async fn no_link_is_given_that_is_not_on_record() {
    let (service, export) = with_file().await;
    service.take_down("events");
    let answer = service
        .get(&format!("/v1/downloads/{}", export.download))
        .send()
        .await;
    assert!(answer.problem().starts_with("503 "));
    assert_eq!(answer.header("location"), "");
}

#[tokio::test]
async fn those_who_may_not_are_on_record_too() {
    let (service, export) = with_file().await;
    let path = format!("/v1/downloads/{}", export.download);
    let answer = service.get(&path).grants("staff").send().await;
    assert_eq!(
        answer.problem(),
        "403 You may see what this export is, but not download its file."
    );
    for grants in ["", "project:43", "service"] {
        assert_eq!(
            service.get(&path).grants(grants).send().await.status,
            404,
            "{grants}"
        );
    }
    let history = service.history(export.id);
    let refused: Vec<_> = history
        .iter()
        .filter(|event| event["what"] == "refused")
        .collect();
    assert_eq!(refused.len(), 4);
    assert!(refused.iter().all(|event| event["who"]["id"] == "u-99"));
}

#[tokio::test]
async fn a_link_that_is_not_quite_right_leads_nowhere_and_leaves_nothing() {
    let (service, export) = with_file().await;
    let uuid = export.download.to_string();
    let other = new_download(export.id).to_string();
    let simple = export.download.simple().to_string();
    for text in [
        other.as_str(),
        &uuid.to_uppercase(),
        &simple,
        &uuid[1..],
        "x",
        "00000000-0000-0000-0000-000000000000",
    ] {
        let answer = service.get(&format!("/v1/downloads/{text}")).send().await;
        assert_eq!(answer.status, 404, "{text}");
    }
    assert_eq!(service.history(export.id).len(), 1);
}

#[tokio::test]
async fn without_a_file_the_answer_says_why() {
    let (service, export) = with_file().await;
    let path = format!("/v1/downloads/{}", export.download);
    let answer = async || service.get(&path).send().await.problem();
    service.change(export.id, |e| {
        e.expires_at = Some(now() - jiff::SignedDuration::from_secs(1))
    });
    assert_eq!(
        answer().await,
        "410 The file expired on 2026-11-21T12:01:01Z. Start the export again for a new one."
    );
    service.change(export.id, |e| e.status = Status::Expired);
    assert!(answer().await.starts_with("410 The file expired"));
    service.change(export.id, |e| e.status = Status::Canceled);
    assert_eq!(
        answer().await,
        "410 There is no file: the export was canceled."
    );
    service.change(export.id, |e| {
        e.status = Status::Failed;
        e.failure = Some(Failure {
            code: "too_large".into(),
            message: "Narrow the export.".into(),
            retryable: false,
        });
    });
    assert_eq!(
        answer().await,
        "410 There is no file: the export failed. Narrow the export."
    );
    service.change(export.id, |e| e.status = Status::Waiting);
    assert_eq!(
        answer().await,
        "409 The file is not ready: the export is waiting. Ask again once its status is `succeeded`."
    );
    assert_eq!(service.history(export.id).len(), 1);
}
