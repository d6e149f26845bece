//! Every route with every kind of grant.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};
use waybill_tests::requests::*;
use waybill_tests::{Answer, Deployment, Owner, id, unique};

/// Routes, and the status for each kind of token: 404 for what the token may not see, 403 for what it may see but not
/// do.
///
/// The project and the source belong to the organization. Another person has an export with a file in the project.
/// `POST+user` names the person that the export is for. Sessions are opened by API keys alone. The type `orders` belongs to projects, so an allowed request for
/// an organization or a source gets 422. The export comes first, because files expire within a minute on a test stack; its
/// deletion is last.
const TABLE: &str = "
                                             none other project organization source staff service service+project
GET       /v1/exports/{export}                404   404     200          200    404   200     404             200
GET       /v1/exports/{export}/events         404   404     200          200    404   200     404             200
POST      /v1/exports/{export}/cancel         404   404     403          409    404   409     404             403
GET       {link}                              404   404     302          302    404   403     404             302
POST      /v1/projects/{project}/exports      404   404     201          201    404   403     404             201
POST+user /v1/projects/{project}/exports      404   404     403          403    404   403     404             201
POST      /v1/organizations/{organization}/exports
                                              404   404     404          422    404   403     404             404
POST      /v1/sources/{source}/exports        404   404     404          422    422   403     404             404
GET       /v1/projects/{project}/exports      404   404     200          200    404   200     404             200
GET       /v1/organizations/{organization}/exports
                                              404   404     404          200    404   200     404             404
GET       /v1/sources/{source}/exports        404   404     404          200    200   200     404             404
GET       /v1/projects/{project}/exports/summary
                                              404   404     200          200    404   200     404             200
GET       /v1/organizations/{organization}/exports/summary
                                              404   404     404          200    404   200     404             404
GET       /v1/sources/{source}/exports/summary
                                              404   404     404          200    200   200     404             404
GET       /v1/projects/{project}/records/orders
                                              404   404     200          200    404   403     404             200
GET       /v1/projects/{project}/records/orders/count
                                              404   404     200          200    404   403     404             200
GET       /v1/organizations/{organization}/records/orders
                                              404   404     404          422    404   403     404             404
GET       /v1/organizations/{organization}/records/orders/count
                                              404   404     404          422    404   403     404             404
GET       /v1/sources/{source}/records/orders
                                              404   404     404          422    422   403     404             404
GET       /v1/sources/{source}/records/orders/count
                                              404   404     404          422    422   403     404             404
GET       /v1/catalog                         200   200     200          200    200   200     200             200
GET       /v1/projects/{project}/catalog      404   404     200          200    404   200     404             200
GET       /v1/organizations/{organization}/catalog
                                              404   404     404          200    404   200     404             404
GET       /v1/sources/{source}/catalog        404   404     404          200    200   200     404             404
PUT       /v1/projects/{project}              404   404     403          403    404   200     404             403
PUT       /v1/organizations/{organization}    404   404     404          403    404   200     404             404
PUT       /v1/sources/{source}                404   404     404          403    403   200     404             404
POST      /v1/sessions                        403   403     403          403    403   403     403             403
GET       /v1/exports/1                       404   404     404          404    404   404     404             404
DELETE    /v1/exports/{export}/file           404   404     403          200    404   403     404             403
";

/// The rows of the table: call, path and one status per column. After a long path, the statuses are on the next line.
fn rows() -> Vec<(&'static str, &'static str, Vec<u16>)> {
    let words: Vec<&str> = TABLE.split_whitespace().collect();
    let columns = words.iter().position(|word| *word == "GET");
    let columns = columns.expect("the first row begins with GET");
    let rows = words[columns..].chunks(2 + columns);
    rows.map(|row| {
        let statuses = row[2..].iter().map(|word| word.parse().expect("a status"));
        (row[0], row[1], statuses.collect())
    })
    .collect()
}

#[tokio::test]
async fn every_operation_of_the_contract_is_in_the_table() {
    let rows: BTreeSet<String> = rows().iter().map(|row| operation(row.0, row.1)).collect();
    let operations = operations(&Deployment::get()).await.into_iter();
    let documented: BTreeSet<String> = operations
        .map(|(method, path)| operation(method.as_str(), &path))
        .collect();
    let missing: Vec<_> = documented.difference(&rows).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// Method and path, with `*` for each variable segment.
fn operation(call: &str, path: &str) -> String {
    let method = call.split('+').next().unwrap_or(call);
    let path = path.replace("{link}", "/v1/downloads/{uuid}");
    let segments = path.split('/').map(|segment| match segment {
        "orders" | "1" => "*",
        placeholder if placeholder.starts_with('{') => "*",
        word => word,
    });
    format!("{method} {}", segments.collect::<Vec<_>>().join("/"))
}

#[tokio::test]
async fn every_route_answers_every_kind_of_grant_as_the_contract_says() {
    let deployment = Deployment::get();
    let owner = Owner::new(&deployment, "Ana").await;
    let number = unique();
    let organization = format!("org-{number}");
    let source = format!("leads-{number}");
    let described = json!({"name": "Described", "organization_id": organization});
    let staff = caller(&deployment, "yuki", "staff").await;
    for path in [
        format!("/v1/projects/{}", owner.project),
        format!("/v1/sources/{source}"),
    ] {
        staff.put(&path, described.clone()).await.expect_status(200);
    }
    let export = owner.succeeded(csv()).await;

    let project = owner.project.to_string();
    let tokens = [
        String::new(),
        format!("project:{number}"),
        format!("project:{project}"),
        format!("organization:{organization}"),
        format!("source:{source}"),
        "staff".to_owned(),
        "service".to_owned(),
        format!("service project:{project}"),
    ];
    let mut callers = Vec::new();
    for (column, grants) in tokens.iter().enumerate() {
        callers.push((
            column,
            grants.as_str(),
            caller(&deployment, "somebody", grants).await,
        ));
    }
    // Tokens without access: with words that are not grants, with the same number for another kind of parent, and of the
    // requester after losing the grant.
    let words = format!(
        "project:0 projects:1 PROJECT:1 project: source:{project} organization:{project} openid"
    );
    callers.push((0, &words, caller(&deployment, "eli", &words).await));
    let without = deployment.caller(&deployment.token_with(&owner.sub, "").await);
    callers.push((0, "lost", without));

    let anonymous = |answer: &Answer| {
        let mut told = answer.json();
        told["request_id"] = Value::Null;
        told
    };
    let nothing = anonymous(&staff.get("/v1/exports/1").await);

    let mut wrong = Vec::new();
    for (call, path, statuses) in rows() {
        let path = path
            .replace("{project}", &project)
            .replace("{organization}", &organization)
            .replace("{source}", &source)
            .replace("{export}", &id(&export).to_string())
            .replace("{link}", &owner.link(&export));
        for (column, grants, caller) in &callers {
            let (method, body) = request(call, &path, &described);
            let (answer, status) = (caller.call(method, &path, body).await, statuses[*column]);
            if answer.status != status {
                wrong.push(format!(
                    "{call} {path} with {grants:?} is {} and not {status}",
                    answer.status
                ));
            } else if status == 404 {
                // The answer is the same as for a path that does not exist.
                problem(&answer, 404);
                assert_eq!(anonymous(&answer), nothing, "{call} {path} with {grants:?}");
            } else if status >= 400 {
                problem(&answer, status);
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The method of a row's call, and a valid body.
fn request(call: &str, path: &str, described: &Value) -> (Method, Option<Value>) {
    let mut export = csv();
    match call {
        "POST+user" => {
            export["user"] = json!({"id": format!("u-{}", unique()), "name": "Berta"});
            (Method::POST, Some(export))
        }
        "POST" if path.ends_with("/exports") => (Method::POST, Some(export)),
        "POST" => (Method::POST, None),
        "PUT" if path.starts_with("/v1/organizations/") => {
            (Method::PUT, Some(json!({"name": "Described"})))
        }
        "PUT" => (Method::PUT, Some(described.clone())),
        "GET" => (Method::GET, None),
        "DELETE" => (Method::DELETE, None),
        other => panic!("no call: {other}"),
    }
}

/// A claim has words, or a list of words in brackets. A claim that is empty, or has no word of Waybill, grants nothing and
/// is not an error.
#[tokio::test]
async fn a_claim_grants_only_what_its_words_mean() {
    let deployment = Deployment::get();
    let n = unique();
    let path = format!("/v1/projects/{n}/exports");
    for (grants, status) in [
        (String::new(), 404),
        (" ".to_owned(), 404),
        ("[]".to_owned(), 404),
        ("openid email".to_owned(), 404),
        (format!("project:{}", n + 1), 404),
        (format!("[project:{n},staff]"), 404),
        (format!("project:{n}"), 200),
        (format!("[project:{n}]"), 200),
        (format!("[openid project:{n}]"), 200),
        (format!("openid  project:{n} "), 200),
        ("[a staff]".to_owned(), 200),
    ] {
        let api = caller(&deployment, "somebody", &grants).await;
        assert_eq!(api.get(&path).await.status, status, "{grants:?}");
    }
    let listed = caller(&deployment, "ana", &format!("[openid project:{n}]")).await;
    listed.post(&path, csv()).await.expect_status(201);
}
