//! Unknown paths, unsupported methods and invalid query strings.

use reqwest::Method;
use waybill_tests::requests::*;
use waybill_tests::{Deployment, Owner};

/// The answer for everything that does not exist.
const NOTHING: &str = "404 There is nothing at this address, or you may not see it.";

#[tokio::test]
async fn lists_refuse_unknown_parameters() {
    let owner = Owner::new(&Deployment::get(), "Ana").await;
    let export = owner.request("csv").await;
    for (query, field) in [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=-1", "limit"),
        ("limit=ten", "limit"),
        ("limit=", "limit"),
        ("limit=1&limit=2", "limit"),
        ("status=pending", "status"),
        ("status=", "status"),
        ("status=failed&status=Failed", "status"),
        ("type=invoices", "type"),
        ("cursor=", "cursor"),
        ("cursor=AAAA", "cursor"),
        ("page=2", "page"),
        ("Limit=2", "Limit"),
    ] {
        let path = format!("{}?{query}", owner.path());
        refuses_fields(&owner.api.get(&path).await, &[field]);
    }
    for (query, field) in [
        ("limit=0", "limit"),
        ("cursor=AAAA", "cursor"),
        ("cursor=x", "cursor"),
        ("status=failed", "status"),
    ] {
        let path = format!("{}?{query}", events_path(&export));
        refuses_fields(&owner.api.get(&path).await, &[field]);
    }
    let path = format!("{}?limit=1e3&sort=id", owner.path());
    insta::assert_snapshot!(owner.api.get(&path).await.problem(), @"
    422 2 fields are invalid; see `errors`.
    limit: must be a whole number from 1 to 100
    sort: is unknown; the parameters are limit, cursor, status, type, user, search, created_at.from, created_at.to and time_zone
    ");
}

#[tokio::test]
async fn invalid_ids_get_404() {
    let staff = caller(&Deployment::get(), "yuki", "staff project:42").await;
    let long = "a".repeat(129);
    for id in [
        "0",
        "-1",
        "042",
        "4.2",
        "film",
        "x",
        "99999999999999999999",
        "%2e%2e",
    ] {
        let path = format!("/v1/projects/{id}/exports");
        assert_eq!(staff.get(&path).await.problem(), NOTHING, "{path}");
        assert_eq!(staff.post(&path, csv()).await.problem(), NOTHING, "{path}");
    }
    for id in [
        "0",
        "1",
        "01",
        "-1",
        "x",
        "abc",
        "9007199254740992",
        "1e3",
        "%31",
    ] {
        let path = format!("/v1/exports/{id}");
        for path in [&path, &format!("{path}/events")] {
            assert_eq!(staff.get(path).await.problem(), NOTHING, "{path}");
        }
        let path = format!("{path}/cancel");
        let canceled = staff.call(Method::POST, &path, None).await;
        assert_eq!(canceled.problem(), NOTHING, "{path}");
    }
    for path in [
        &format!("/v1/sources/{long}/exports"),
        "/v1/sources/a%2Fb/exports",
        "/v1/sources/a%20b/exports",
        "/v1/organizations/é/exports",
        "/v1/exports/1/nothing",
        "/v1/exports/7/cancel/",
        "/v1/downloads/not-a-uuid",
        "/v1/downloads/00000000-0000-0000-0000-000000000000",
        "/v1/projects",
        "/v1/projects/42/records",
        "/v1/sources/web%3Fx/catalog",
        "/v1/sources/web%23x/catalog",
        "/v1/teams/7/exports",
        "/v1/nothing",
        "/v1/",
        "/nothing",
    ] {
        assert_eq!(staff.get(path).await.problem(), NOTHING, "{path}");
    }
    let longest = format!("/v1/sources/{}/exports", &long[1..]);
    staff.get(&longest).await.expect_status(200);
}

#[tokio::test]
async fn the_answer_to_an_unsupported_method_lists_the_supported_ones() {
    let owner = Owner::new(&Deployment::get(), "Ana").await;
    let export = owner.request("csv").await;
    let (exports, export) = (owner.path(), export_path(&export));
    let project = format!("/v1/projects/{}", owner.project);
    let download = "/v1/downloads/0b6f0000-0000-4000-8000-000000000000";
    for (method, path, allowed) in [
        (Method::DELETE, exports.as_str(), "POST,GET,HEAD"),
        (Method::PUT, &exports, "POST,GET,HEAD"),
        (Method::PATCH, &exports, "POST,GET,HEAD"),
        (Method::DELETE, &export, "GET,HEAD"),
        (Method::PATCH, &export, "GET,HEAD"),
        (Method::GET, &format!("{export}/cancel"), "POST"),
        (Method::GET, &format!("{export}/file"), "DELETE"),
        (Method::POST, &format!("{export}/events"), "GET,HEAD"),
        (Method::DELETE, &project, "PUT"),
        (Method::GET, &project, "PUT"),
        (Method::POST, download, "GET,HEAD"),
        (Method::POST, "/v1/downloads/x", "GET,HEAD"),
        (Method::POST, "/", "GET,HEAD"),
    ] {
        let answer = owner.api.call(method.clone(), path, None).await;
        let said = problem(&answer, 405)["detail"].to_string();
        assert!(said.contains("`Allow` names those"), "{said}");
        assert_eq!(answer.header("allow"), allowed, "{method} {path}");
    }
}

#[tokio::test]
async fn a_head_is_answered_like_a_get_without_a_body() {
    let owner = Owner::new(&Deployment::get(), "Ana").await;
    let export = owner.request("csv").await;
    for (path, status) in [(export_path(&export), 200), ("/v1/exports/1".into(), 404)] {
        let answer = owner.api.call(Method::HEAD, &path, None).await;
        assert_eq!((answer.status, answer.body.len()), (status, 0), "{path}");
    }
}
