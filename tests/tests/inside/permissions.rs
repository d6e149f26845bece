//! A function of the host's that decides what people may do.

use serde_json::{Value, json};
use waybill::export::Export;
use waybill_tests::requests::*;
use waybill_tests::{Answer, HostAnswer, id};

use super::{PATH, Service, link};

const YES: HostAnswer = HostAnswer::Json("true");
const NO: HostAnswer = HostAnswer::Json("false");

/// Ana's export of project 42, which is of acme, with its file; the host lets everybody do everything.
async fn with_file() -> (Service, Export) {
    let service = Service::default();
    service.0.services().host(|_| YES);
    let described = json!({"name": "Film", "organization_id": "acme"});
    let staff = service.by("u-1", "staff");
    staff
        .put("/v1/projects/42", described)
        .await
        .expect_status(200);
    let export = service.succeed(service.create().await);
    service.0.services().asked();
    (service, export)
}

impl Service {
    fn host(&self, says: impl Fn(&Value) -> HostAnswer + Send + Sync + 'static) {
        self.0.services().host(says);
    }

    /// What the host was asked, in short; `create` stands for `create project 42 of "acme"`.
    fn asked(&self) -> String {
        let short = |question: &Value| {
            let (action, of) = (&question["action"], &question["parent"]);
            let [action, kind] = [action, &of["kind"]].map(|text| text.as_str().unwrap());
            format!("{action} {kind} {} of {}", of["id"], of["organization_id"])
        };
        let asked: Vec<String> = self.0.services().asked().iter().map(short).collect();
        asked.join(", ").replace(" project 42 of \"acme\"", "")
    }

    /// What Ana gets with a token of its own, so that no answer of the host's is a kept one.
    async fn anew(&self, jti: &str, method: &str, path: &str) -> Answer {
        let ana = self.with("u-17", "project:42", json!({"jti": jti}));
        ana.call(method.parse().unwrap(), path, Some(csv())).await
    }

    /// The status that Ana gets.
    async fn status(&self, path: &str) -> u16 {
        self.ana().get(path).await.status
    }
}

fn export_path(export: &Export) -> String {
    format!("/v1/exports/{}", export.id)
}

#[tokio::test]
async fn it_is_asked_with_the_person_the_claims_the_action_and_the_parent() {
    let (service, export) = with_file().await;
    assert_eq!(service.status(&export_path(&export)).await, 200);
    insta::assert_json_snapshot!(service.0.services().asked(), @r#"
    [
      {
        "sub": "u-17",
        "claims": {
          "email": "ana@example.com",
          "email_verified": "true",
          "name": "Ana Sousa",
          "scope": "project:42",
          "sub": "u-17"
        },
        "action": "read",
        "parent": {
          "kind": "project",
          "id": 42,
          "organization_id": "acme"
        }
      }
    ]
    "#);
}

/// Whatever the token's own grants say of parents.
#[tokio::test]
async fn each_call_asks_what_it_needs_and_a_no_is_404() {
    let (service, export) = with_file().await;
    let path = export_path(&export);
    let (events, cancel, file, link) = (
        format!("{path}/events"),
        format!("{path}/cancel"),
        format!("{path}/file"),
        link(&export),
    );
    let (all, sources) = (
        "/v1/organizations/acme/exports",
        "/v1/sources/web-leads/exports",
    );
    let [of_acme, of_source] = [
        "list organization \"acme\" of \"acme\"",
        "list source \"web-leads\" of null",
    ];
    let records = "/v1/projects/42/records/orders";
    // What is asked besides about each export that is shown: all at once, and since this host's function answers only the
    // first, each by itself.
    let [creating, listing, reading, listing_acme] = ["create", "list", "read", of_acme]
        .map(|first| format!("{first}, download, download, cancel, delete"));
    // Who calls what, the status after a yes, and what is asked for after a yes and a no.
    let table = [
        ("u-17", "POST", PATH, 201, creating.as_str(), "create, list"),
        ("u-17", "GET", PATH, 200, listing.as_str(), "list"),
        ("u-17", "GET", all, 200, listing_acme.as_str(), of_acme),
        ("u-17", "GET", sources, 200, of_source, of_source),
        ("u-17", "GET", &path, 200, reading.as_str(), "read"),
        ("u-17", "GET", &events, 200, "read, read_addresses", "read"),
        ("u-17", "POST", &cancel, 409, "read, cancel", "read"),
        ("u-18", "POST", &cancel, 409, "read, cancel_any", "read"),
        ("u-17", "GET", &link, 302, "download", "download, read"),
        (
            "u-17",
            "GET",
            records,
            200,
            "read_records",
            "read_records, list",
        ),
        ("u-17", "PUT", "/v1/projects/42", 403, "list", "list"),
        (
            "u-17",
            "DELETE",
            &file,
            200,
            "read, delete, download, download, cancel",
            "read",
        ),
        // Of what is not there, nobody is asked.
        ("u-17", "GET", "/v1/exports/1", 404, "", ""),
    ];
    for (number, (sub, method, path, status, after_yes, after_no)) in table.into_iter().enumerate()
    {
        for (says, status, wanted) in [("true", status, after_yes), ("false", 404, after_no)] {
            service.host(move |_| HostAnswer::Json(says));
            let body = if method == "POST" {
                csv()
            } else {
                json!({"name": "Mine"})
            };
            let grants = "project:42 organization:acme source:web-leads";
            // A token of its own each time, so that no answer is a kept one.
            let api = service.with(sub, grants, json!({"jti": format!("{number} {says}")}));
            let answer = api.call(method.parse().unwrap(), path, Some(body)).await;
            assert_eq!(answer.status, status, "{method} {path}: {answer:?}");
            assert_eq!(service.asked(), wanted, "{method} {path} after {says}");
        }
    }
}

#[tokio::test]
async fn what_is_seen_but_not_allowed_is_403() {
    let (service, export) = with_file().await;
    service.host(|question| match question["action"].as_str() {
        Some("read" | "list") => YES,
        _ => NO,
    });
    let path = export_path(&export);
    for (method, path, problem) in [
        (
            "POST",
            PATH,
            "403 You may see exports here, but not start them.",
        ),
        (
            "GET",
            &link(&export),
            "403 You may see what this export is, but not download its file.",
        ),
        (
            "POST",
            &format!("{path}/cancel"),
            "403 Only the person who requested or receives the export, the organization's admins and staff may cancel it.",
        ),
        (
            "DELETE",
            &format!("{path}/file"),
            "403 Only the person who requested or receives the export and the organization's admins may delete its file.",
        ),
    ] {
        assert_eq!(service.anew("1", method, path).await.problem(), problem);
    }
    let events = service.anew("1", "GET", &format!("{path}/events")).await;
    assert_eq!(
        events.expect_status(200).json()["events"][0]["address"],
        Value::Null
    );
}

#[tokio::test]
async fn staff_and_service_stay_words_of_the_token() {
    let (service, export) = with_file().await;
    service.host(|_| NO);
    let (path, staff) = (export_path(&export), service.by("u-99", "staff"));
    for path in [&path, &format!("{path}/events"), PATH] {
        staff.get(path).await.expect_status(200);
    }
    // What staff may do needs no answer; whether they may do more is asked, once.
    assert_eq!(service.asked(), "download, download, delete_any");
    problem(&staff.get(&link(&export)).await, 403);
    assert_eq!(service.asked(), "download");

    service.host(|_| YES);
    let mut body = csv();
    body["user"] = json!({"id": "u-20", "name": null, "email": null});
    for (grants, status) in [("", 403), ("service", 201)] {
        let answer = service.by("u-1", grants).post(PATH, body.clone()).await;
        assert_eq!(answer.status, status, "{answer:?}");
    }
}

#[tokio::test]
async fn an_answer_is_kept_for_the_same_claims_but_never_for_a_download() {
    let (service, export) = with_file().await;
    let path = export_path(&export);
    for _ in 0..3 {
        assert_eq!(service.status(&path).await, 200);
    }
    assert_eq!(service.asked(), "read");
    // A no is kept as a yes is, and another token of the same person may have said other things.
    service.host(|_| NO);
    for _ in 0..2 {
        problem(&service.by("u-17", "").get(&path).await, 404);
    }
    assert_eq!(service.status(&path).await, 200);
    assert_eq!(service.asked(), "read");

    service.host(|_| YES);
    for _ in 0..2 {
        assert_eq!(service.status(&link(&export)).await, 302);
        assert_eq!(service.asked(), "download");
    }
}

#[tokio::test]
async fn whoever_has_lost_the_grant_gets_404_at_the_same_link_at_once() {
    let (service, export) = with_file().await;
    let (path, link) = (export_path(&export), link(&export));
    assert_eq!(service.status(&path).await, 200);
    assert_eq!(service.status(&link).await, 302);

    service.host(|_| NO);
    // Not 403, as the kept yes of a moment ago would have it.
    assert_eq!(service.status(&link).await, 404);
    assert_eq!(service.status(&path).await, 404);
    assert_eq!(
        service.history(export.id),
        ["downloaded", "refused", "requested"]
    );
}

#[tokio::test]
async fn answers_are_true_or_false_yes_or_no() {
    let (service, export) = with_file().await;
    for (answer, status) in [
        ("true", 302),
        ("\"yes\"", 302),
        ("{\"allowed\": true}", 302),
        ("false", 404),
        ("\"no\"", 404),
        ("{\"allowed\": false, \"reason\": \"left\"}", 404),
    ] {
        service.host(move |_| HostAnswer::Json(answer));
        assert_eq!(service.status(&link(&export)).await, status, "{answer}");
    }
}

/// Neither a yes nor a no: an outage must open nothing, and make nothing seem to be gone.
#[tokio::test]
async fn without_an_answer_it_is_503_and_nothing_happens() {
    let (service, export) = with_file().await;
    type Broken = fn(&Value) -> HostAnswer;
    let broken: [Broken; 9] = [
        |_| HostAnswer::Nothing,
        |_| HostAnswer::Error("{\"errorMessage\": \"secret\"}"),
        // An error is none whatever its text is.
        |_| HostAnswer::Error("true"),
        |_| HostAnswer::Json(""),
        |_| HostAnswer::Json("null"),
        |_| HostAnswer::Json("1"),
        |_| HostAnswer::Json("\"true\""),
        |_| HostAnswer::Json("{\"allowed\": \"yes\"}"),
        |_| HostAnswer::Json("{\"statusCode\": 200, \"body\": \"true\"}"),
    ];
    for (number, says) in broken.into_iter().enumerate() {
        service.host(says);
        for (method, path) in [
            ("GET", link(&export)),
            ("POST", PATH.to_owned()),
            ("GET", export_path(&export)),
        ] {
            let answer = service.anew(&number.to_string(), method, &path).await;
            assert_eq!(
                answer.problem(),
                "503 What you may do cannot be checked at the moment. Send the request again in a few seconds.",
                "{number}"
            );
            assert_eq!(answer.header("retry-after"), "5");
        }
    }
    assert_eq!(
        (service.count("exports"), service.history(export.id).len()),
        (1, 1)
    );
    // Nothing of it is kept.
    service.host(|_| YES);
    let answer = service.anew("0", "GET", &export_path(&export)).await;
    answer.expect_status(200);
}

#[tokio::test]
async fn a_projects_exports_from_before_it_changed_hands_are_asked_for_by_themselves() {
    let (service, export) = with_file().await;
    service.change(export.id, |export| export.root_id = Some("before".into()));
    service.create().await;
    service.asked();
    let list = service
        .anew("1", "GET", PATH)
        .await
        .expect_status(200)
        .json();
    assert_eq!(list["exports"].as_array().unwrap().len(), 2);
    let (now, before) = ("download, cancel, delete", " project 42 of \"before\"");
    let before = format!("download{before}, cancel{before}, delete{before}");
    let wanted = format!("list, read project 42 of \"before\", download, {now}, {before}");
    assert_eq!(service.asked(), wanted);
    service.host(
        |question| match question["parent"]["organization_id"] == "acme" {
            true => YES,
            false => NO,
        },
    );
    let list = service
        .anew("2", "GET", PATH)
        .await
        .expect_status(200)
        .json();
    assert_eq!(list["exports"].as_array().unwrap().len(), 1);
    assert_ne!(list["exports"][0]["id"], export.id.get());
}

#[tokio::test]
async fn the_catalog_hides_what_it_does_not_let_them_list() {
    let service = Service::default();
    service.host(|question| {
        let parent = &question["parent"];
        let is_film = parent["id"] == 42 && parent["organization_id"] == "acme";
        match is_film && question["action"] == "list" {
            true => YES,
            false => NO,
        }
    });
    for project in [42, 43] {
        let body = json!({"name": "Film", "organization_id": "acme"});
        let staff = service.by("u-1", "staff");
        staff
            .put(&format!("/v1/projects/{project}"), body)
            .await
            .expect_status(200);
    }
    let catalog = async |grants: &str| service.by("u-99", grants).read("/v1/catalog").await;
    let found = catalog("organization:acme project:43").await;
    assert_eq!(
        found["parents"],
        json!([{"kind": "project", "id": 42, "name": "Film"}])
    );
    // Which types people may use, only the function knows.
    let types = catalog("").await["types"].as_array().unwrap().clone();
    assert!(types.iter().any(|t| t["name"] == "orders"));
}

/// The ids of the projects in Ana's catalog.
async fn projects(service: &Service, jti: &str, limit: usize) -> Answer {
    let grants: Vec<String> = (1..=limit).map(|id| format!("project:{id}")).collect();
    let ana = service.with("u-17", &grants.join(" "), json!({"jti": jti}));
    ana.get(&format!("/v1/catalog?limit={limit}")).await
}

#[tokio::test]
async fn a_page_of_parents_is_one_call_of_the_function() {
    let is_even = |question: &Value| question["parent"]["id"].as_u64().unwrap().is_multiple_of(2);
    let even: Vec<u64> = (1..=100).filter(|id| id % 2 == 0).collect();
    let ids = |answer: Answer| -> Vec<u64> {
        let catalog = answer.expect_status(200).json();
        let parents = catalog["parents"].as_array().unwrap().iter();
        let mut ids: Vec<u64> = parents
            .map(|parent| parent["id"].as_u64().unwrap())
            .collect();
        ids.sort_unstable();
        ids
    };
    let service = Service::default();
    service.host(move |asked| {
        let questions = asked["questions"].as_array().unwrap();
        HostAnswer::Each(questions.iter().map(is_even).collect())
    });
    assert_eq!(ids(projects(&service, "1", 100).await), even);
    let asked = service.0.services().asked();
    assert_eq!(asked.len(), 1);
    // The first of the questions is there as a function of single questions reads it.
    let (first, questions) = (&asked[0], asked[0]["questions"].as_array().unwrap());
    assert_eq!(questions.len(), 100);
    assert_eq!(
        json!({"action": first["action"], "parent": first["parent"]}),
        questions[0]
    );
    // The answers are kept as those to single questions are.
    projects(&service, "1", 100).await.expect_status(200);
    assert_eq!(service.0.services().asked().len(), 0);

    // A function that knows single questions only.
    service.host(move |asked| match is_even(asked) {
        true => YES,
        false => NO,
    });
    assert_eq!(ids(projects(&service, "2", 100).await), even);
    assert_eq!(service.0.services().asked().len(), 1 + 100);

    for (number, answers) in [0, 99, 101].into_iter().enumerate() {
        service.host(move |_| HostAnswer::Each(vec![true; answers]));
        let answer = projects(&service, &format!("few {number}"), 100).await;
        problem(&answer, 503);
    }
}

/// For tokens that do not say who the person is, such as Cognito's access tokens.
#[tokio::test]
async fn the_host_says_who_a_person_is_as_they_request_an_export() {
    let service = Service::default();
    service.host(|asked| {
        HostAnswer::Json(match asked["action"] == "create" {
            true => r#"{"allowed": true, "user": {"name": "Ana of the host", "email": "ana@host.example"}}"#,
            false => "true",
        })
    });
    let requested = async |claims: Value| {
        let caller = service.with("u-17", "", claims);
        caller.create(PATH, csv()).await["user"].clone()
    };
    let nothing = json!({"name": null, "email": null, "email_verified": null});
    let by_host = json!({"id": "u-17", "name": "Ana of the host", "email": "ana@host.example"});
    assert_eq!(requested(nothing).await, by_host);
    let unverified = json!({"email_verified": "false"});
    let mixed = json!({"id": "u-17", "name": "Ana Sousa", "email": "ana@host.example"});
    assert_eq!(requested(unverified).await, mixed);
    let own = json!({"id": "u-17", "name": "Ana Sousa", "email": "ana@example.com"});
    assert_eq!(requested(json!({})).await, own);
    // A backend names the person itself.
    let mut body = csv();
    body["user"] = json!({"id": "u-18"});
    let backend = service.by("backend", "service");
    let named = backend.create(PATH, body).await["user"].clone();
    assert_eq!(named, json!({"id": "u-18", "name": null, "email": null}));
}

/// The file is there all the same, and the history says why there is no mail.
#[tokio::test]
async fn a_person_without_an_address_has_the_file_and_no_mail() {
    let service = Service::default();
    let nobody = json!({"email": null, "email_verified": null});
    let ana = service.with("u-17", "project:42", nobody);
    let created = ana.create(PATH, csv()).await;
    let path = format!("/v1/exports/{}", id(&created));
    let within = std::time::Duration::from_secs(60);
    let export = ana.until("the file", within, async || {
        let export = ana.read(&path).await;
        match (&export["status"], &export["mail"]) {
            (status, mail) if status == "succeeded" && mail == "failed" => Ok(export),
            (status, mail) => Err(format!("{status} {mail}")),
        }
    });
    let export = export.await;
    assert!(export["url"].is_string(), "{export:#}");
    let events = ana.read(&format!("{path}/events")).await;
    let events = events["events"].as_array().unwrap();
    let mail = events
        .iter()
        .find(|event| event["event"] == "mail_failed")
        .unwrap();
    assert_eq!(mail["detail"], "there is no address");
}
