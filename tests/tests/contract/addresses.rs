//! Addresses, methods and query strings: what is not there, what is not taken, what is not understood.

use reqwest::Method;
use waybill_tests::{Owner, Stack};

use super::{caller, export_path, finished, problem, refuses_fields};

#[tokio::test]
async fn lists_take_known_parameters_alone() {
    let stack = Stack::get();
    let owner = Owner::new(&stack, "Ana").await;
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
        refuses_fields(
            &owner.api.get(&format!("{}?{query}", owner.path())).await,
            &[field],
        );
    }
    for (query, field) in [
        ("limit=0", "limit"),
        ("cursor=AAAA", "cursor"),
        ("status=failed", "status"),
    ] {
        refuses_fields(
            &owner
                .api
                .get(&format!("{}/events?{query}", export_path(&export)))
                .await,
            &[field],
        );
    }
}

#[tokio::test]
async fn ids_that_nothing_can_have_are_not_there() {
    let stack = Stack::get();
    let staff = caller(&stack, "yuki", "staff").await;
    let long = "a".repeat(129);
    let paths = [
        "/v1/projects/0/exports",
        "/v1/projects/-1/exports",
        "/v1/projects/042/exports",
        "/v1/projects/4.2/exports",
        "/v1/projects/film/exports",
        "/v1/projects/99999999999999999999/exports",
        "/v1/projects/%2e%2e/exports",
        "/v1/sources/a%2Fb/exports",
        "/v1/sources/a%20b/exports",
        "/v1/organizations/é/exports",
        "/v1/exports/0",
        "/v1/exports/01",
        "/v1/exports/-1",
        "/v1/exports/abc",
        "/v1/exports/9007199254740992",
        "/v1/exports/1e3",
        "/v1/exports/1/nothing",
        "/v1/downloads/not-a-uuid",
        "/v1/downloads/00000000-0000-0000-0000-000000000000",
        "/v1/teams/7/exports",
        "/v1/nothing",
        "/v1/",
    ];
    for path in paths {
        problem(&staff.get(path).await, 404);
    }
    problem(
        &staff.get(&format!("/v1/sources/{long}/exports")).await,
        404,
    );
    staff
        .get(&format!("/v1/sources/{}/exports", &long[1..]))
        .await
        .expect_status(200);
}

#[tokio::test]
async fn a_method_that_an_address_does_not_take_is_answered_with_those_that_it_takes() {
    let stack = Stack::get();
    let (owner, export) = finished(&stack).await;
    let export = export_path(&export);
    for (method, path, allowed) in [
        (Method::DELETE, owner.path(), vec!["GET", "POST"]),
        (Method::PUT, owner.path(), vec!["GET", "POST"]),
        (Method::DELETE, export.clone(), vec!["GET"]),
        (Method::PATCH, export.clone(), vec!["GET"]),
        (Method::GET, format!("{export}/cancel"), vec!["POST"]),
        (Method::POST, format!("{export}/events"), vec!["GET"]),
        (
            Method::DELETE,
            format!("/v1/projects/{}", owner.project),
            vec!["PUT"],
        ),
        (
            Method::POST,
            "/v1/downloads/0b6f0000-0000-4000-8000-000000000000".to_owned(),
            vec!["GET"],
        ),
    ] {
        let answer = owner.api.call(method.clone(), &path, None).await;
        problem(&answer, 405);
        let mut named: Vec<&str> = answer.header("allow").split(',').map(str::trim).collect();
        named.retain(|method| *method != "HEAD");
        named.sort_unstable();
        assert_eq!(named, allowed, "{method} {path}");
    }
}
