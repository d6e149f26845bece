//! What does not answer.

use std::time::Duration;

use serde_json::{Value, json};
use waybill::catalog::Catalog;
use waybill::export::Status;
use waybill_tests::InProcess;
use waybill_tests::requests::*;

use super::{PATH, Service, link};

const UNAVAILABLE: &str =
    "503 The service cannot answer at the moment. Send the request again in a few seconds.";

#[tokio::test]
async fn a_table_that_does_not_answer_is_503_and_tells_nothing() {
    for table in ["parents", "exports"] {
        let service = Service::default();
        let export = format!("/v1/exports/{}", service.create().await);
        service.0.services().take_down(table);
        let path = if table == "parents" { PATH } else { &export };
        let answer = service.ana().get(path).await;
        assert_eq!(answer.problem(), UNAVAILABLE);
        assert_eq!(answer.header("retry-after"), "5");
        assert!(!answer.text().contains("secret"));
    }
}

#[tokio::test]
async fn a_queue_that_is_down_does_not_lose_the_export() {
    let service = Service::default();
    service.0.services().take_down("queue");
    service.create().await;
    // Beside the work is the entry of its type.
    assert_eq!((service.count("exports"), service.count("work")), (1, 2));
}

/// API Gateway would answer 503 in place of the export that there is, and the client ask for another one.
#[tokio::test]
async fn a_queue_that_is_silent_is_not_waited_for() {
    let service = Service::default();
    service.0.services().silence_queue();
    let created = tokio::time::timeout(Duration::from_secs(10), service.create()).await;
    let export = service.export(created.expect("an answer"));
    assert_eq!(export.status, Status::Waiting);
}

#[tokio::test]
async fn no_link_is_given_that_is_not_on_record() {
    let service = Service::default();
    let export = service.succeed(service.create().await);
    service.0.services().take_down("events");
    let answer = service.ana().get(&link(&export)).await;
    assert_eq!(answer.problem(), UNAVAILABLE);
    assert_eq!(answer.header("location"), "");
}

#[tokio::test]
async fn a_type_out_of_service_is_named_and_the_others_are_served() {
    let mut catalog = Catalog::load().unwrap();
    catalog.take_out_of_service(|of| (of.name == "orders").then(|| "secret".to_owned()));
    let service = Service(InProcess::with_catalog(catalog));
    let ana = service.ana();
    for path in ["/v1/catalog", "/v1/projects/42/catalog"] {
        let catalog = ana.read(path).await;
        assert_eq!(catalog["out_of_service"], json!(["orders"]), "{path}");
        assert_eq!(catalog["mistakes"], Value::Null, "{path}");
        let types = catalog["types"].as_array().unwrap();
        assert!(types.iter().all(|of| of["name"] != "orders"), "{path}");
        // What an operator has to mend names tables and databases, so that staff alone see it.
        let catalog = service.by("u-1", "staff").read(path).await;
        let mistakes = json!(["orders is out of service: secret"]);
        assert_eq!(catalog["mistakes"], mistakes, "{path}");
    }
    let refused = [
        ana.post(PATH, csv()).await,
        ana.get("/v1/projects/42/records/orders").await,
    ];
    for answer in refused {
        assert_eq!(
            answer.problem(),
            "503 Exports of `orders` are out of service: their configuration is wrong. Whoever runs this service must mend it."
        );
        assert_eq!(answer.header("retry-after"), "");
        assert!(!answer.text().contains("secret"));
    }
    // Exports of the type remain.
    let list = ana.read(&format!("{PATH}?type=orders")).await;
    assert_eq!(list["exports"], json!([]));
    let berta = service.by("u-18", "source:web-leads");
    let leads = json!({"type": "leads", "format": "csv"});
    let created = berta.post("/v1/sources/web-leads/exports", leads).await;
    created.expect_status(201);
}

#[tokio::test]
async fn records_that_cannot_be_read_are_503_and_tell_nothing() {
    for (code, may_pass) in [
        ("ResourceNotFoundException", false),
        ("AccessDeniedException", false),
        ("ValidationException", false),
        ("SomethingNew", true),
    ] {
        let service = Service::default();
        service.0.services().fail_records(code);
        let answer = service.ana().get("/v1/projects/42/records/orders").await;
        problem(&answer, 503);
        // Without that header, it does not pass by itself.
        assert_eq!(answer.header("retry-after").is_empty(), !may_pass);
        let text = answer.text();
        assert!(
            !text.contains("secret") && !text.contains("host-records"),
            "{text}"
        );
    }
}
