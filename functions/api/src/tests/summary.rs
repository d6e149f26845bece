//! `GET …/exports/summary`.

use serde_json::{Value, json};

use crate::testing::Service;

const PATH: &str = "/v1/projects/42/exports/summary";

async fn export(service: &Service, parent: &str, sub: &str, grants: &str) {
    let body = json!({"type": "orders", "format": "csv"});
    let answer = service
        .post(&format!("/v1/projects/{parent}/exports"), body)
        .by(sub, grants)
        .send()
        .await;
    assert_eq!(answer.status, 201, "{}", answer.text);
}

async fn summary(service: &Service, path: &str, grants: &str) -> Value {
    let answer = service.get(path).grants(grants).send().await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json()
}

#[tokio::test]
async fn exports_and_downloads_are_counted_by_day_and_person() {
    let service = Service::default();
    let id = service.create().await;
    export(&service, "42", "u-18", "project:42").await;
    export(&service, "42", "u-18", "project:42").await;
    let file = service.succeed(id);
    let link = format!("/v1/downloads/{}", file.download);
    for _ in 0..2 {
        assert_eq!(service.get(&link).send().await.status, 302);
    }
    // A refusal takes nothing.
    assert_eq!(
        service.get(&link).grants("project:43").send().await.status,
        404
    );
    let summary = summary(&service, PATH, "project:42").await;
    insta::assert_json_snapshot!(summary, @r#"
    {
      "from": "2026-10-23",
      "to": "2026-11-22",
      "days": [
        {
          "date": "2026-11-21",
          "exports": 3,
          "downloads": 2,
          "rows": 0,
          "bytes": 0
        }
      ],
      "people": [
        {
          "user": {
            "id": "u-18",
            "name": "Ana Sousa"
          },
          "exports": 2,
          "downloads": 0,
          "rows": 0,
          "bytes": 0
        },
        {
          "user": {
            "id": "u-17",
            "name": "Ana Sousa"
          },
          "exports": 1,
          "downloads": 2,
          "rows": 0,
          "bytes": 0
        }
      ]
    }
    "#);
}

#[tokio::test]
async fn an_organization_sums_its_projects_and_sees_nothing_else() {
    let service = Service::default();
    // Before the project belonged to it.
    export(&service, "42", "u-1", "project:42").await;
    for project in ["42", "43"] {
        let body = json!({"name": "Film", "organization_id": "acme"});
        service
            .put(&format!("/v1/projects/{project}"), body)
            .grants("staff")
            .send()
            .await;
        export(&service, project, "u-2", &format!("project:{project}")).await;
    }
    export(&service, "44", "u-3", "project:44").await;
    let exports = async |path: &str, grants: &str| {
        summary(&service, path, grants).await["days"][0]["exports"].clone()
    };
    assert_eq!(
        exports(
            "/v1/organizations/acme/exports/summary",
            "organization:acme"
        )
        .await,
        2
    );
    assert_eq!(
        exports("/v1/organizations/acme/exports/summary", "staff").await,
        2
    );
    assert_eq!(exports(PATH, "project:42").await, 2);
    assert_eq!(exports(PATH, "organization:acme").await, 1);
    for (path, grants) in [
        (PATH, "project:43"),
        (PATH, "organization:other"),
        ("/v1/organizations/acme/exports/summary", "project:42"),
        (PATH, ""),
    ] {
        assert_eq!(
            service.get(path).grants(grants).send().await.status,
            404,
            "{path} {grants}"
        );
    }
}

#[tokio::test]
async fn a_summary_is_of_whole_days() {
    let service = Service::default();
    service.create().await;
    for (query, from, to, days) in [
        ("", "2026-10-23", "2026-11-22", 1),
        ("?from=-30d", "2026-10-22", "2026-11-22", 1),
        (
            "?from=2026-11-21&to=2026-11-22",
            "2026-11-21",
            "2026-11-22",
            1,
        ),
        (
            "?from=2026-11-21T23:00:00Z&to=2026-11-21T23:30:00Z",
            "2026-11-21",
            "2026-11-22",
            1,
        ),
        (
            "?from=2026-11-20&to=2026-11-21T00:00:00Z",
            "2026-11-20",
            "2026-11-21",
            0,
        ),
        (
            "?from=2026-11-22&to=2027-02-22",
            "2026-11-22",
            "2027-02-22",
            0,
        ),
        ("?to=2026-11-21", "2026-10-22", "2026-11-21", 0),
    ] {
        let summary = summary(&service, &format!("{PATH}{query}"), "project:42").await;
        assert_eq!(
            (&summary["from"], &summary["to"]),
            (&json!(from), &json!(to)),
            "{query}"
        );
        assert_eq!(summary["days"].as_array().unwrap().len(), days, "{query}");
    }
    for (query, expected) in [
        (
            "from=soon",
            "from: must be an instant (2017-10-01T00:00:00Z), a date (2017-10-01), or how long ago in days or hours (-30d, -12h)",
        ),
        (
            "from=2026-11-21&to=2026-11-21",
            "to: must be after `from`; it is the first day not in the summary",
        ),
        (
            "from=2026-11-22&to=2027-02-23",
            "to: must be at most 92 days after `from`",
        ),
        ("from=-2d&from=-1d", "from: must not be repeated"),
        ("days=3", "days: is unknown; the parameters are from and to"),
        (
            "from=-1000000d",
            "from: must be an instant (2017-10-01T00:00:00Z), a date (2017-10-01), or how long ago in days or hours (-30d, -12h)",
        ),
    ] {
        let problem = service
            .get(&format!("{PATH}?{query}"))
            .send()
            .await
            .problem();
        assert!(
            problem.starts_with("422") && problem.ends_with(expected),
            "{query}: {problem}"
        );
    }
}

#[tokio::test]
async fn totals_that_cannot_be_read_hide_no_others() {
    let service = Service::default();
    export(&service, "42", "u-17", "project:42").await;
    export(&service, "42", "u-18", "project:42").await;
    service.spoil("events", "rows", |item| item["user_id"] == "u-17");
    let summary = summary(&service, PATH, "project:42").await;
    assert_eq!(summary["unreadable"], 1);
    let people = summary["people"].as_array().unwrap();
    assert_eq!(
        (people.len(), &people[0]["user"]["id"]),
        (1, &json!("u-18"))
    );
}
