//! Two issuers with the same subject: two people, in everything that goes by person.

use serde_json::json;
use waybill_tests::requests::*;
use waybill_tests::{Answer, Caller, id};

use super::{PATH, Service};

/// Ana of the deployment's own issuer, and somebody of another one with the same subject and the same grants.
fn both(service: &Service) -> [Caller; 2] {
    let other = json!({"iss": "https://other.example"});
    [service.ana(), service.with("u-17", "project:42", other)]
}

#[tokio::test]
async fn each_has_a_rate_of_their_own() {
    let service = Service::default();
    for person in both(&service) {
        for _ in 0..3 {
            person.post(PATH, csv()).await.expect_status(201);
        }
        person.post(PATH, csv()).await.expect_status(429);
    }
}

#[tokio::test]
async fn the_same_key_is_for_another_request() {
    let service = Service::default();
    let mut ids = Vec::new();
    for person in both(&service) {
        let request = person.request(reqwest::Method::POST, PATH).json(&csv());
        let sent = async || -> Answer {
            let request = request.try_clone().unwrap();
            person.send(request.header("idempotency-key", "k-1")).await
        };
        ids.push(id(&sent().await.expect_status(201).json()));
        let again = sent().await;
        assert_eq!(again.header("idempotency-replayed"), "true");
    }
    assert_ne!(ids[0], ids[1]);
}

#[tokio::test]
async fn each_cancels_their_own_exports_alone() {
    let service = Service::default();
    let [ana, other] = both(&service);
    for (person, foreign) in [(&ana, &other), (&other, &ana)] {
        let created = person.post(PATH, csv()).await.expect_status(201);
        let cancel = format!("/v1/exports/{}/cancel", id(&created.json()));
        foreign.post(&cancel, json!({})).await.expect_status(403);
        person.post(&cancel, json!({})).await.expect_status(200);
    }
}

/// An export from before issuers were stored is that of the deployment's own.
#[tokio::test]
async fn an_export_without_an_issuer_is_of_the_deployments_own() {
    let service = Service::default();
    let [ana, other] = both(&service);
    let export = service.create().await;
    let stored = service.export(export);
    assert_eq!(stored.user.issuer, stored.requester_issuer);
    assert!(stored.user.issuer.is_some());
    service.change(export, |export| {
        export.user.issuer = None;
        export.requester_issuer = None;
    });
    let cancel = format!("/v1/exports/{export}/cancel");
    other.post(&cancel, json!({})).await.expect_status(403);
    ana.post(&cancel, json!({})).await.expect_status(200);
}

#[tokio::test]
async fn history_and_totals_tell_them_apart() {
    let service = Service::default();
    for person in both(&service) {
        person.post(PATH, csv()).await.expect_status(201);
    }
    let summary = service.ana().read(&format!("{PATH}/summary")).await;
    let people = summary["people"].as_array().unwrap();
    let exports: Vec<_> = people.iter().map(|person| &person["exports"]).collect();
    assert_eq!(exports, [1, 1], "{summary:#}");
    let issuers: Vec<String> = service.table("events", |table| {
        let events = table.items.values();
        let issuers = events.filter_map(|item| item.get("who")?["M"]["issuer"]["S"].as_str());
        issuers.map(str::to_owned).collect()
    });
    assert_eq!(issuers.len(), 2);
    assert_ne!(issuers[0], issuers[1]);
}
