//! `GET …/exports`.

use serde_json::{Value, json};
use waybill::export::{ExportId, Status};

use crate::testing::{Service, now};

const PATH: &str = "/v1/projects/42/exports";

/// Five exports of project 42, oldest first, and one of project 43.
async fn with_five() -> (Service, Vec<ExportId>) {
    let service = Service::default();
    let mut ids = Vec::new();
    for person in 0..5 {
        let body = json!({"type": "orders", "format": "csv"});
        let answer = service
            .post(PATH, body)
            .by(&format!("u-{person}"), "project:42")
            .send()
            .await;
        ids.push(serde_json::from_value(answer.json()["id"].clone()).unwrap());
    }
    let body = json!({"type": "orders", "format": "csv"});
    service
        .post("/v1/projects/43/exports", body)
        .by("u-9", "project:43")
        .send()
        .await;
    ids.sort();
    (service, ids)
}

fn ids(list: &Value) -> Vec<ExportId> {
    let exports = list["exports"].as_array().unwrap();
    exports
        .iter()
        .map(|export| serde_json::from_value(export["id"].clone()).unwrap())
        .collect()
}

#[tokio::test]
async fn pages_follow_each_other_newest_first() {
    let (service, mut expected) = with_five().await;
    expected.reverse();
    let mut found = Vec::new();
    let mut path = format!("{PATH}?limit=2");
    loop {
        let list = service.get(&path).send().await.json();
        assert_eq!(
            (&list["meta"]["limit"], &list["meta"]["unfinished"]),
            (&json!(2), &json!(true))
        );
        found.extend(ids(&list));
        let Some(cursor) = list["meta"]["next"].as_str() else {
            break;
        };
        path = format!("{PATH}?limit=2&cursor={cursor}");
    }
    assert_eq!(found, expected);
    let whole = service.get(PATH).send().await.json();
    assert_eq!(
        whole["meta"],
        json!({"limit": 25, "next": null, "unfinished": true})
    );
    assert_eq!(ids(&whole), expected);
}

#[tokio::test]
async fn statuses_are_those_that_are_shown() {
    let (service, ids_) = with_five().await;
    service.succeed(ids_[0]);
    service.succeed(ids_[1]);
    service.change(ids_[1], |export| {
        export.expires_at = Some(now() - jiff::SignedDuration::from_secs(1))
    });
    service.change(ids_[2], |export| export.status = Status::Canceled);
    service.change(ids_[3], |export| export.status = Status::Processing);
    service.change_work(ids_[3], |work| work.progress = 7);
    for (query, expected) in [
        ("status=succeeded", vec![ids_[0]]),
        ("status=expired", vec![ids_[1]]),
        ("status=cancelled", vec![ids_[2]]),
        (
            "status=canceled&status=waiting&type=orders",
            vec![ids_[4], ids_[2]],
        ),
        ("status=failed", vec![]),
    ] {
        let list = service.get(&format!("{PATH}?{query}")).send().await.json();
        assert_eq!(ids(&list), expected, "{query}");
    }
    let list = service
        .get(&format!("{PATH}?status=processing"))
        .send()
        .await
        .json();
    assert_eq!(list["exports"][0]["progress"], json!({"rows": 7}));
    let list = service
        .get(&format!("{PATH}?status=succeeded&status=canceled"))
        .send()
        .await
        .json();
    assert_eq!(list["meta"]["unfinished"], false);
}

#[tokio::test]
async fn an_organization_lists_those_of_its_projects() {
    let (service, ids_) = with_five().await;
    for id in &ids_[..2] {
        service.change(*id, |export| export.organization_id = Some("acme".into()));
    }
    let path = "/v1/organizations/acme/exports";
    let list = service
        .get(path)
        .grants("organization:acme")
        .send()
        .await
        .json();
    assert_eq!(ids(&list), [ids_[1], ids_[0]]);
    assert_eq!(
        service.get(path).grants("project:42").send().await.status,
        404
    );
}

#[tokio::test]
async fn staff_list_everywhere_and_others_only_what_they_reach() {
    let (service, ids_) = with_five().await;
    let list = service.get(PATH).grants("staff").send().await.json();
    assert_eq!(ids(&list).len(), ids_.len());
    for grants in ["", "project:43", "service", "organization:acme"] {
        assert_eq!(
            service.get(PATH).grants(grants).send().await.status,
            404,
            "{grants}"
        );
    }
    let empty = service
        .get("/v1/sources/web-leads/exports")
        .grants("source:web-leads")
        .send()
        .await;
    assert_eq!(
        empty.json(),
        json!({"exports": [], "meta": {"limit": 25, "next": null, "unfinished": false}})
    );
}

#[tokio::test]
async fn an_unchanged_list_is_304() {
    let (service, ids_) = with_five().await;
    let list = service.get(PATH).send().await;
    let etag = list.header("etag").to_owned();
    assert!(etag.starts_with('"') && etag.len() > 20, "{etag}");
    assert_eq!(list.header("cache-control"), "private, no-cache");
    for tags in [etag.clone(), format!("\"x\", W/{etag}"), "*".to_owned()] {
        let same = service
            .get(PATH)
            .header("if-none-match", &tags)
            .send()
            .await;
        assert_eq!(
            (same.status.as_u16(), same.text.as_str()),
            (304, ""),
            "{tags}"
        );
        assert_eq!(same.header("etag"), etag);
    }
    service.change(ids_[0], |export| export.status = Status::Processing);
    service.change_work(ids_[0], |work| work.progress = 1);
    let changed = service
        .get(PATH)
        .header("if-none-match", &etag)
        .send()
        .await;
    assert_eq!(changed.status, 200);
    assert_ne!(changed.header("etag"), etag);
}

#[tokio::test]
async fn a_cursor_of_another_list_and_unknown_parameters_are_refused() {
    let (service, _) = with_five().await;
    let list = service
        .get(&format!("{PATH}?limit=1&status=waiting"))
        .send()
        .await
        .json();
    let cursor = list["meta"]["next"].as_str().unwrap();
    let refused = "422 `cursor` must be the `next` of this same list with the same filters.\n\
                   cursor: must be the `next` of this same list with the same filters";
    for path in [
        format!("{PATH}?cursor={cursor}"),
        format!("{PATH}?status=waiting&status=failed&cursor={cursor}"),
        format!("/v1/projects/43/exports?status=waiting&cursor={cursor}"),
        format!("{PATH}?status=waiting&cursor={cursor}x"),
        format!("{PATH}?cursor="),
    ] {
        let answer = service
            .get(&path)
            .grants("project:42 project:43")
            .send()
            .await;
        assert_eq!(answer.problem(), refused, "{path}");
    }
    insta::assert_snapshot!(service.get(&format!("{PATH}?limit=1e3&sort=id")).send().await.problem(), @"
    422 2 fields are invalid; see `errors`.
    limit: must be a whole number from 1 to 100
    sort: is unknown; the parameters are limit, cursor, status and type
    ");
}

/// Written by a later version, say, that was rolled back.
#[tokio::test]
async fn an_export_that_cannot_be_read_hides_no_other() {
    let (service, ids_) = with_five().await;
    for id in &ids_ {
        service.change(*id, |export| {
            export.organization_id = Some("acme".into());
            export.status = Status::Processing;
        });
    }
    service.spoil("exports", "status", |item| item["id"] == json!(ids_[1]));
    service.spoil("work", "attempts", |item| {
        item["id"] == ids_[2].to_string().as_str()
    });
    for (path, grants) in [
        (PATH, "project:42"),
        ("/v1/organizations/acme/exports", "organization:acme"),
    ] {
        let answer = service.get(path).grants(grants).send().await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let list = answer.json();
        assert_eq!(ids(&list), [ids_[4], ids_[3], ids_[2], ids_[0]], "{path}");
        assert_eq!(list["meta"]["unreadable"], 1, "{path}");
    }
    let path = format!("/v1/exports/{}", ids_[2]);
    let export = service.get(&path).send().await.json();
    assert_eq!(export["progress"], json!({"rows": 0}));
}
