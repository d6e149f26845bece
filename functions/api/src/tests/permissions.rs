//! A function of the host's that decides what people may do.

use http::Method;
use serde_json::{Value, json};

use crate::testing::{Said, Service};

const YES: Said = Said::Json("true");
const NO: Said = Said::Json("false");
const PATH: &str = "/v1/projects/42/exports";

fn csv() -> Value {
    json!({"type": "orders", "format": "csv"})
}

/// Ana's export of project 42, which is of acme, with its file; the host lets everybody do everything.
async fn with_file() -> (Service, waybill::export::Export) {
    let service = Service::default();
    service.host(|_| YES);
    let described = json!({"name": "Film", "organization_id": "acme"});
    let staff = service.put("/v1/projects/42", described).grants("staff");
    assert_eq!(staff.send().await.status, 200);
    let id = service.create().await;
    let export = service.succeed(id);
    service.asked();
    (service, export)
}

/// What the host was asked, in short.
fn asked(service: &Service) -> String {
    let short = |question: &Value| {
        let of = &question["parent"];
        format!(
            "{} {} {} of {}",
            question["action"].as_str().unwrap(),
            of["kind"].as_str().unwrap(),
            of["id"],
            of["organization_id"]
        )
    };
    let asked: Vec<String> = service.asked().iter().map(short).collect();
    asked.join(", ")
}

#[tokio::test]
async fn it_is_asked_with_the_person_the_claims_the_action_and_the_parent() {
    let (service, export) = with_file().await;
    let answer = service.get(&format!("/v1/exports/{}", export.id)).send();
    assert_eq!(answer.await.status, 200);
    insta::assert_json_snapshot!(service.asked(), @r#"
    [
      {
        "sub": "u-17",
        "claims": {
          "email": "ana@example.com",
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
    let export_path = format!("/v1/exports/{}", export.id);
    let events = format!("{export_path}/events");
    let cancel = format!("{export_path}/cancel");
    let link = format!("/v1/downloads/{}", export.download);
    let sources = "/v1/sources/web-leads/exports";
    let records = "/v1/projects/42/records/orders";
    // Who calls what, the status after a yes, and what is asked for after a yes and a no; `create` stands for
    // `create project 42 of "acme"`.
    let table = [
        ("u-17", "POST", PATH, 201, "create", "create, list"),
        ("u-17", "GET", PATH, 200, "list", "list"),
        (
            "u-17",
            "GET",
            "/v1/organizations/acme/exports",
            200,
            "list organization \"acme\" of \"acme\"",
            "list organization \"acme\" of \"acme\"",
        ),
        (
            "u-17",
            "GET",
            sources,
            200,
            "list source \"web-leads\" of null",
            "list source \"web-leads\" of null",
        ),
        ("u-17", "GET", &export_path, 200, "read", "read"),
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
        // Of what is not there, nobody is asked.
        ("u-17", "GET", "/v1/exports/1", 404, "", ""),
    ];
    for (number, (sub, method, path, status, after_yes, after_no)) in table.into_iter().enumerate()
    {
        for (says, status, wanted) in [("true", status, after_yes), ("false", 404, after_no)] {
            service.host(move |_| Said::Json(says));
            let body = match method {
                "POST" => csv(),
                _ => json!({"name": "Mine"}),
            };
            let call = service
                .call(method.parse().unwrap(), path)
                .json(&body.to_string())
                .by(sub, "project:42 organization:acme source:web-leads")
                // A token of its own each time, so that no answer is a kept one.
                .claim("jti", &format!("{number} {says}"));
            let answer = call.send().await;
            assert_eq!(answer.status, status, "{method} {path}: {}", answer.text);
            let asked = asked(&service).replace(" project 42 of \"acme\"", "");
            assert_eq!(asked, wanted, "{method} {path} after {says}");
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
    let export_path = format!("/v1/exports/{}", export.id);
    let link = format!("/v1/downloads/{}", export.download);
    for (call, problem) in [
        (
            service.post(PATH, csv()),
            "403 You may see exports here, but not start them.",
        ),
        (
            service.get(&link),
            "403 You may see what this export is, but not download its file.",
        ),
        (
            service.call(Method::POST, &format!("{export_path}/cancel")),
            "403 Only the person who requested the export, the organization's admins and staff may cancel it.",
        ),
    ] {
        assert_eq!(call.claim("jti", "1").send().await.problem(), problem);
    }
    let events = service
        .get(&format!("{export_path}/events"))
        .claim("jti", "1");
    let events = events.send().await.json();
    assert_eq!(events["events"][0]["address"], Value::Null, "{events:#}");
}

#[tokio::test]
async fn staff_and_service_stay_words_of_the_token() {
    let (service, export) = with_file().await;
    service.host(|_| NO);
    let export_path = format!("/v1/exports/{}", export.id);
    for path in [
        export_path.clone(),
        format!("{export_path}/events"),
        PATH.into(),
    ] {
        assert_eq!(service.get(&path).grants("staff").send().await.status, 200);
    }
    assert_eq!(asked(&service), "");
    let link = format!("/v1/downloads/{}", export.download);
    assert_eq!(service.get(&link).grants("staff").send().await.status, 403);
    assert_eq!(asked(&service), "download project 42 of \"acme\"");

    service.host(|_| YES);
    let mut body = csv();
    body["user"] = json!({"id": "u-20", "name": null, "email": null});
    let call = || service.post(PATH, body.clone());
    assert_eq!(call().by("u-1", "").send().await.status, 403);
    assert_eq!(call().by("u-1", "service").send().await.status, 201);
}

#[tokio::test]
async fn an_answer_is_kept_for_the_same_claims_but_never_for_a_download() {
    let (service, export) = with_file().await;
    let export_path = format!("/v1/exports/{}", export.id);
    for _ in 0..3 {
        assert_eq!(service.get(&export_path).send().await.status, 200);
    }
    assert_eq!(asked(&service), "read project 42 of \"acme\"");
    // A no is kept as a yes is, and another token of the same person may have said other things.
    let other = || service.get(&export_path).claim("scope", "");
    service.host(|_| NO);
    for _ in 0..2 {
        assert_eq!(other().send().await.status, 404);
    }
    assert_eq!(service.get(&export_path).send().await.status, 200);
    assert_eq!(asked(&service), "read project 42 of \"acme\"");

    service.host(|_| YES);
    let link = format!("/v1/downloads/{}", export.download);
    for _ in 0..2 {
        assert_eq!(service.get(&link).send().await.status, 302);
        assert_eq!(asked(&service), "download project 42 of \"acme\"");
    }
}

#[tokio::test]
async fn whoever_has_lost_the_grant_gets_404_at_the_same_link_at_once() {
    let (service, export) = with_file().await;
    let export_path = format!("/v1/exports/{}", export.id);
    let link = format!("/v1/downloads/{}", export.download);
    assert_eq!(service.get(&export_path).send().await.status, 200);
    assert_eq!(service.get(&link).send().await.status, 302);

    service.host(|_| NO);
    // Not 403, as the kept yes of a moment ago would have it.
    assert_eq!(service.get(&link).send().await.status, 404);
    assert_eq!(service.get(&export_path).send().await.status, 404);
    let history = service.history(export.id);
    let mut what: Vec<_> = history.iter().map(|event| event["what"].as_str()).collect();
    // All at the same instant, and so in any order.
    what.sort();
    assert_eq!(what, ["downloaded", "refused", "requested"].map(Some));
}

#[tokio::test]
async fn answers_are_true_or_false_yes_or_no() {
    let (service, export) = with_file().await;
    let link = format!("/v1/downloads/{}", export.download);
    for (answer, status) in [
        ("true", 302),
        ("\"yes\"", 302),
        ("{\"allowed\": true}", 302),
        ("false", 404),
        ("\"no\"", 404),
        ("{\"allowed\": false, \"reason\": \"left\"}", 404),
    ] {
        service.host(move |_| Said::Json(answer));
        assert_eq!(service.get(&link).send().await.status, status, "{answer}");
    }
}

/// Neither a yes nor a no: an outage must open nothing, and make nothing seem to be gone.
#[tokio::test]
async fn without_an_answer_it_is_503_and_nothing_happens() {
    let (service, export) = with_file().await;
    let link = format!("/v1/downloads/{}", export.download);
    type Broken = fn(&Value) -> Said;
    let broken: [Broken; 9] = [
        |_| Said::Nothing,
        |_| Said::Error("{\"errorMessage\": \"secret\"}"),
        // An error is none whatever its text is.
        |_| Said::Error("true"),
        |_| Said::Json(""),
        |_| Said::Json("null"),
        |_| Said::Json("1"),
        |_| Said::Json("\"true\""),
        |_| Said::Json("{\"allowed\": \"yes\"}"),
        |_| Said::Json("{\"statusCode\": 200, \"body\": \"true\"}"),
    ];
    for (number, says) in broken.into_iter().enumerate() {
        service.host(says);
        let calls = [
            service.get(&link),
            service.post(PATH, csv()),
            service.get(&format!("/v1/exports/{}", export.id)),
        ];
        for call in calls {
            let answer = call.claim("jti", &number.to_string()).send().await;
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
    let answer = service
        .get(&format!("/v1/exports/{}", export.id))
        .claim("jti", "0");
    assert_eq!(answer.send().await.status, 200);
}

#[tokio::test]
async fn a_projects_exports_from_before_it_changed_hands_are_asked_for_by_themselves() {
    let (service, export) = with_file().await;
    service.change(export.id, |export| {
        export.organization_id = Some("before".into())
    });
    service.create().await;
    service.asked();
    let list = service.get(PATH).claim("jti", "1").send().await.json();
    assert_eq!(list["exports"].as_array().unwrap().len(), 2);
    assert_eq!(
        asked(&service),
        "list project 42 of \"acme\", read project 42 of \"before\""
    );
    service.host(
        |question| match question["parent"]["organization_id"] == "acme" {
            true => YES,
            false => NO,
        },
    );
    let list = service.get(PATH).claim("jti", "2").send().await.json();
    assert_eq!(list["exports"].as_array().unwrap().len(), 1);
    assert_ne!(list["exports"][0]["id"], export.id.get());
}
