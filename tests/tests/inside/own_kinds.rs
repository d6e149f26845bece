//! A product with kinds of parents of its own: workspaces, and teams that belong to them.

use std::time::Duration;

use serde_json::{Value, json};
use waybill::catalog::Catalog;
use waybill_tests::requests::*;
use waybill_tests::{Caller, HostAnswer, InProcess, id};

use super::Service;

const CATALOG: &str = r#"
[[parent]]
kind = "workspace"
plural = "workspaces"
root = true
[[parent]]
kind = "team"
plural = "teams"
id = "uuid"
[[parent]]
kind = "sales_region"
plural = "sales-regions"
id = "integer"

[[type]]
name = "tickets"
parent = "team"
delivery = "attachment"
records = { engine = "dynamodb", table = "RECORDS_TABLE", partition = "tickets#{parent}", partition_key = "pk",
            sort_key = "sk", sort_format = "rfc3339_ms#id" }
created = "created_at"
filters = ["created_at"]
columns = [ { key = "id", kind = "text" }, { key = "created_at", kind = "timestamp" } ]

[[type]]
name = "invoices"
parent = "workspace"
delivery = "link"
records = { engine = "dynamodb", table = "RECORDS_TABLE", partition = "invoices#{parent}", partition_key = "pk",
            sort_key = "sk", sort_format = "rfc3339_ms#id" }
created = "created_at"
columns = [ { key = "id", kind = "text" } ]
"#;
/// The id of a workspace, as Auth0 makes ids.
const WORKSPACE: &str = "auth0|5f7c";
/// The same in a path.
const IN_PATH: &str = "auth0%7C5f7c";
const TEAM: &str = "0b6f3a52-1111-4222-8333-444455556666";
const WITHIN: Duration = Duration::from_secs(600);

fn service() -> Service {
    Service(InProcess::with_catalog(Catalog::parse(CATALOG).unwrap()))
}

fn tickets() -> Value {
    json!({"type": "tickets", "format": "csv"})
}

/// The workspace's admin, and a member of the team, which belongs to the workspace.
async fn people(service: &Service) -> (Caller, Caller) {
    let staff = service.by("u-1", "staff");
    let described = json!({"name": "Blue", "workspace_id": WORKSPACE});
    let path = format!("/v1/teams/{TEAM}");
    let described = staff.put(&path, described).await.expect_status(200).json();
    let expected = json!({"id": TEAM, "kind": "team", "name": "Blue", "workspace_id": WORKSPACE});
    assert_eq!(described, expected);
    (
        service.by("u-2", &format!("workspace:{WORKSPACE}")),
        service.by("u-17", &format!("team:{TEAM}")),
    )
}

/// The words of the built-in kinds in a text.
fn foreign_words(text: &str) -> Vec<String> {
    let text = text.to_lowercase();
    let words = text.split(|c: char| !c.is_ascii_alphabetic());
    let is_foreign = |word: &&str| {
        let kinds = ["organization", "organisation", "project", "source"];
        kinds.iter().any(|kind| word.trim_end_matches('s') == *kind)
    };
    words.filter(is_foreign).map(str::to_owned).collect()
}

#[tokio::test]
async fn no_answer_and_no_mail_has_a_word_of_other_kinds() {
    let service = service();
    let (admin, member) = people(&service).await;
    let exports = format!("/v1/teams/{}/exports", TEAM.to_uppercase());
    let created = member.post(&exports, tickets()).await.expect_status(201);
    let created = created.json();
    assert_eq!(
        [
            &created["workspace_id"],
            &created["team_id"],
            &created["sales_region_id"]
        ],
        [&json!(WORKSPACE), &json!(TEAM), &Value::Null]
    );
    let path = format!("/v1/exports/{}", id(&created));
    let done = async || {
        let export = member.read(&path).await;
        let is_done = export["status"] == "succeeded" && export["mail"] == "sent";
        is_done.then_some(()).ok_or_else(|| export.to_string())
    };
    service
        .0
        .until("the export and its mail", WITHIN, done)
        .await;

    let of_workspace = format!("/v1/workspaces/{IN_PATH}");
    let listed = admin.read(&format!("{of_workspace}/exports")).await;
    assert_eq!(listed["exports"][0]["id"], created["id"], "{listed:#}");
    let summary = admin.read(&format!("{of_workspace}/exports/summary")).await;
    assert_eq!(summary["days"][0]["exports"], 1, "{summary:#}");
    let catalog = admin.read("/v1/catalog").await;
    let parents: Vec<&Value> = catalog["parents"].as_array().unwrap().iter().collect();
    let blue = json!({"kind": "team", "id": TEAM, "name": "Blue"});
    let workspace = json!({"kind": "workspace", "id": WORKSPACE, "name": WORKSPACE});
    assert_eq!(parents, [&workspace, &blue]);

    let refused = member.put(&of_workspace, json!({"name": "x"})).await;
    problem(&refused, 404);
    let refused = admin.put(&of_workspace, json!({"name": "x"})).await;
    assert_eq!(
        refused.problem(),
        "403 Only staff may describe workspaces, teams and sales-regions."
    );
    let wrong_type = admin
        .post(&format!("{of_workspace}/exports"), tickets())
        .await;
    refuses_fields(&wrong_type, &["type"]);
    let mut texts = vec![refused.text().to_owned(), wrong_type.text().to_owned()];
    for path in [
        "/openapi.json".to_owned(),
        path.clone(),
        format!("{path}/events"),
        format!("/v1/teams/{TEAM}/catalog"),
        format!("/v1/teams/{TEAM}/records/tickets"),
        format!("/v1/teams/{TEAM}/records/tickets/count"),
    ] {
        texts.push(admin.get(&path).await.expect_status(200).text().to_owned());
    }
    texts.extend([listed, summary, catalog].map(|answer| answer.to_string()));
    let mails = service.0.mails("ana@example.com");
    assert_eq!(mails.len(), 1);
    texts.extend(mails.iter().map(Value::to_string));
    for text in texts {
        assert_eq!(foreign_words(&text), [""; 0], "{text}");
    }
}

#[tokio::test]
async fn a_grant_is_for_the_products_own_kinds() {
    let service = service();
    let (_, member) = people(&service).await;
    let exports = format!("/v1/teams/{TEAM}/exports");
    let export = member.post(&exports, tickets()).await.expect_status(201);
    let export = format!("/v1/exports/{}", id(&export.json()));
    for (grants, list, one) in [
        (format!("team:{TEAM}"), 200, 200),
        (format!("workspace:{WORKSPACE}"), 200, 200),
        ("workspace:auth0|5f7d".to_owned(), 404, 404),
        ("workspace:auth0|5F7C".to_owned(), 404, 404),
        (format!("sales_region:{TEAM}"), 404, 404),
        (format!("organization:{WORKSPACE}"), 404, 404),
        (format!("project:{TEAM}"), 404, 404),
        ("staff".to_owned(), 200, 200),
    ] {
        let caller = service.by("u-3", &grants);
        let statuses = [
            caller.get(&exports).await.status,
            caller.get(&export).await.status,
        ];
        assert_eq!(statuses, [list, one], "{grants}");
    }
    let staff = service.by("u-1", "staff");
    for path in [
        "/v1/organizations/acme/exports",
        "/v1/projects/42/exports",
        "/v1/teams/42/exports",
        "/v1/sales-regions/042/exports",
        "/v1/sales_regions/42/exports",
        "/v1/workspaces/a%5Bb/exports",
        "/v1/workspaces/a%20b/exports",
    ] {
        problem(&staff.get(path).await, 404);
    }
    for path in ["/v1/sales-regions/42/exports", "/v1/workspaces/042/exports"] {
        staff.get(path).await.expect_status(200);
    }
}

#[tokio::test]
async fn a_description_names_the_root_by_its_own_word() {
    let service = service();
    let staff = service.by("u-1", "staff");
    let path = format!("/v1/teams/{TEAM}");
    for (body, field) in [
        (
            json!({"name": "Blue", "organization_id": "acme"}),
            "organization_id",
        ),
        (
            json!({"name": "Blue", "workspace_id": "a b"}),
            "workspace_id",
        ),
        (json!({"name": "Blue", "workspace_id": 42}), "workspace_id"),
        (
            json!({"name": "Blue", "custom_fields": []}),
            "custom_fields",
        ),
    ] {
        refuses_fields(&staff.put(&path, body).await, &[field]);
    }
    let itself = json!({"name": "Acme", "workspace_id": "acme"});
    refuses_fields(
        &staff.put("/v1/workspaces/acme", itself).await,
        &["workspace_id"],
    );
}

/// The host's function sees ids and fields as the API shows them.
#[tokio::test]
async fn the_hosts_function_is_asked_in_the_products_own_words() {
    let service = service();
    service.0.services().host(|_| HostAnswer::Json("true"));
    let staff = service.by("u-1", "staff");
    let described = json!({"name": "South", "workspace_id": WORKSPACE});
    staff
        .put("/v1/sales-regions/42", described)
        .await
        .expect_status(200);
    service.0.services().asked();
    let somebody = service.by("u-5", "");
    somebody
        .get("/v1/sales-regions/42/exports")
        .await
        .expect_status(200);
    let asked = service.0.services().asked();
    assert_eq!(
        asked[0]["parent"],
        json!({"kind": "sales_region", "id": 42, "workspace_id": WORKSPACE})
    );
}

#[tokio::test]
async fn what_is_stored_of_a_kind_stays_readable_without_it() {
    let service = service();
    let (_, member) = people(&service).await;
    let exports = format!("/v1/teams/{TEAM}/exports");
    let export = member.post(&exports, tickets()).await.expect_status(201);
    let export = format!("/v1/exports/{}", id(&export.json()));

    // The new catalog lacks the kind and its type.
    let fewer = CATALOG.replacen(
        "[[parent]]\nkind = \"team\"\nplural = \"teams\"\nid = \"uuid\"\n",
        "",
        1,
    );
    let fewer = fewer.replace("parent = \"team\"", "parent = \"sales_region\"");
    let later = Service(service.0.redeployed_with(Catalog::parse(&fewer).unwrap()));
    let member = later.by("u-17", &format!("team:{TEAM}"));
    assert_eq!(member.read(&export).await["team_id"], TEAM);
    let listed = member.read(&exports).await;
    assert_eq!(listed["exports"].as_array().unwrap().len(), 1);
    refuses_fields(&member.post(&exports, tickets()).await, &["type"]);
    let admin = later.by("u-2", &format!("workspace:{WORKSPACE}"));
    let listed = admin
        .read(&format!("/v1/workspaces/{IN_PATH}/exports"))
        .await;
    assert_eq!(listed["exports"].as_array().unwrap().len(), 1);
}

/// Else the admin of an account would see what belongs to the workspace with the same id.
#[tokio::test]
async fn another_root_does_not_get_what_belongs_to_the_one_before() {
    let service = service();
    let (_, member) = people(&service).await;
    let exports = format!("/v1/teams/{TEAM}/exports");
    let export = member.post(&exports, tickets()).await.expect_status(201);
    let export = format!("/v1/exports/{}", id(&export.json()));

    let other = CATALOG.replace("workspace", "account");
    let later = Service(service.0.redeployed_with(Catalog::parse(&other).unwrap()));
    let stranger = later.by("u-9", &format!("account:{WORKSPACE}"));
    for path in [
        &export,
        &exports,
        &format!("/v1/accounts/{IN_PATH}/exports"),
    ] {
        problem(&stranger.get(path).await, 404);
    }
    let admin = later.by("u-2", &format!("workspace:{WORKSPACE}"));
    admin.get(&export).await.expect_status(200);
}

/// Without the stored kinds, nothing says whether the catalog has the same root as before.
#[tokio::test]
async fn nothing_is_answered_before_the_stored_kinds_are_known() {
    let service = service();
    let (_, member) = people(&service).await;
    let exports = format!("/v1/teams/{TEAM}/exports");
    member.post(&exports, tickets()).await.expect_status(201);
    let other = CATALOG.replace("workspace", "account");
    let later = Service(service.0.redeployed_with(Catalog::parse(&other).unwrap()));
    later.0.services().take_down("events");
    let stranger = later.by("u-9", &format!("account:{WORKSPACE}"));
    let list = format!("/v1/accounts/{IN_PATH}/exports");
    assert!(stranger.get(&list).await.problem().starts_with("503 "));
    // An instance that knows them goes on.
    member.get(&exports).await.expect_status(200);
}
