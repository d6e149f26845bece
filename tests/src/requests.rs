//! What tests of the HTTP contract ask with, and what they look at first in an answer.

use reqwest::Method;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use crate::deployment::Deployment;
use crate::http::{Answer, Caller};
use crate::local::load_orders;
use crate::orders::{generated_orders, orders_csv};
use crate::owner::{Owner, id, unique};

/// So many orders that their export takes a while, and more than one call for records examines.
pub const MANY: usize = 25_000;

/// The least that asks for an export.
pub fn csv() -> Value {
    json!({"type": "orders", "format": "csv"})
}

/// Every operation of the contract under `/v1`: method, and path with its `{placeholders}`.
pub async fn operations(on: impl Into<Deployment>) -> Vec<(Method, String)> {
    let document = on.into().stranger().read("/openapi.json").await;
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        let methods = [
            Method::GET,
            Method::POST,
            Method::PUT,
            Method::PATCH,
            Method::DELETE,
        ];
        for method in methods {
            let documented = item.get(method.as_str().to_lowercase()).is_some();
            if documented && path.starts_with("/v1/") {
                operations.push((method, path.clone()));
            }
        }
    }
    assert!(
        !operations.is_empty(),
        "the contract has operations under /v1"
    );
    operations
}

/// A path of the contract with a value for each placeholder.
pub fn filled(path: &str) -> String {
    path.replace("{uuid}", "0b6f0000-0000-4000-8000-000000000000")
        .replace("{type}", "orders")
        .replace("{id}", "42")
}

/// A caller with a name and grants of their own.
pub async fn caller(on: impl Into<Deployment>, name: &str, grants: &str) -> Caller {
    let (deployment, sub) = (on.into(), format!("{name}-{}", unique()));
    deployment.caller(&deployment.token_with(&sub, grants).await)
}

/// Somebody who administers this organization.
pub async fn admin(on: impl Into<Deployment>, organization: &str) -> Caller {
    caller(on, "chidi", &format!("organization:{organization}")).await
}

/// Somebody with a project of their own, and an export that nobody works on any more.
pub async fn finished(on: impl Into<Deployment>) -> (Owner, Value) {
    let owner = Owner::new(on, "Ana").await;
    let export = owner.succeeded(csv()).await;
    (owner, export)
}

/// Somebody with a project of [`MANY`] orders. On a stack others share it.
pub async fn owner_of_many(on: impl Into<Deployment>) -> Owner {
    static PROJECT: OnceCell<u64> = OnceCell::const_new();
    let deployment = on.into();
    match &deployment {
        Deployment::InProcess(_) => owner_of_many_alone(&deployment).await,
        Deployment::Stack(_) => {
            let project = PROJECT.get_or_init(async || many_orders(&deployment).await);
            Owner::of_project(&deployment, "Ana", *project.await).await
        }
    }
}

/// Somebody whose project of [`MANY`] orders is nobody else's.
pub async fn owner_of_many_alone(on: impl Into<Deployment>) -> Owner {
    let deployment = on.into();
    let project = many_orders(&deployment).await;
    Owner::of_project(&deployment, "Ana", project).await
}

/// Somebody whose exports are not done yet just after they were asked for: on a stack since they are long, and within
/// this process since nobody waits for them. On a stack others share their project.
pub async fn owner_in_no_hurry(on: impl Into<Deployment>) -> Owner {
    match on.into() {
        process @ Deployment::InProcess(_) => Owner::new(&process, "Ana").await,
        stack => owner_of_many(&stack).await,
    }
}

/// The same, in a project that is nobody else's.
pub async fn owner_in_no_hurry_alone(on: impl Into<Deployment>) -> Owner {
    match on.into() {
        process @ Deployment::InProcess(_) => Owner::new(&process, "Ana").await,
        stack => owner_of_many_alone(&stack).await,
    }
}

async fn many_orders(deployment: &Deployment) -> u64 {
    let project = unique();
    load_orders(deployment, project, orders_csv(&generated_orders(MANY))).await;
    project
}

/// Where an export is.
pub fn export_path(export: &Value) -> String {
    format!("/v1/exports/{}", id(export))
}

/// Where an export is canceled.
pub fn cancel_path(export: &Value) -> String {
    format!("{}/cancel", export_path(export))
}

/// Where an export's file is deleted.
pub fn file_path(export: &Value) -> String {
    format!("{}/file", export_path(export))
}

/// Where an export's history is.
pub fn events_path(export: &Value) -> String {
    format!("{}/events", export_path(export))
}

/// Says of a parent what it is called and whom it belongs to.
///
/// # Panics
/// Where it is not taken.
pub async fn describe(on: impl Into<Deployment>, parent: &str, description: Value) {
    let staff = caller(on, "yuki", "staff").await;
    let described = staff.put(&format!("/v1/{parent}"), description).await;
    described.expect_status(200);
}

/// The answer is a problem (RFC 9457) of this status that says something; its body.
///
/// # Panics
/// Where it is not.
#[track_caller]
pub fn problem(answer: &Answer, status: u16) -> Value {
    assert_eq!(answer.status, status, "{answer:?}");
    answer.problem();
    answer.json()
}

/// The answer is 422 and names these fields, each with a sentence about it.
///
/// # Panics
/// Where it is not.
#[track_caller]
pub fn refuses_fields(answer: &Answer, fields: &[&str]) {
    let problem = problem(answer, 422);
    let errors = problem["errors"].as_array().expect("errors");
    let mut named: Vec<&str> = errors.iter().filter_map(|e| e["field"].as_str()).collect();
    named.sort_unstable();
    named.dedup();
    let mut fields = fields.to_vec();
    fields.sort_unstable();
    assert_eq!(named, fields, "{problem:#}");
}
