//! The HTTP contract, from outside: what every call answers, and above all what it refuses.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod addresses;
mod answers;
mod catalog;
mod downloads;
mod grants;
mod host;
mod idempotency;
mod input;
mod leads;
mod lists;
mod mails;
mod openapi;
mod parents;
mod rate;
mod records;
mod retention;
mod roles;
mod service;
mod summary;
mod tokens;
mod types;
mod undecided;
mod visibility;

use serde_json::{Value, json};
use tokio::sync::OnceCell;
use waybill_tests::{
    Answer, Caller, Owner, Stack, generated_orders, load_orders, orders_csv, unique,
};

/// The least that asks for an export.
fn csv() -> Value {
    json!({"type": "orders", "format": "csv"})
}

/// A caller with a name and grants of their own.
async fn caller(stack: &Stack, name: &str, grants: &str) -> Caller {
    let sub = format!("{name}-{}", unique());
    stack.caller(&stack.token_with(&sub, grants).await)
}

/// An export that nobody works on any more, of a project of its own.
async fn finished(stack: &Stack) -> (Owner, Value) {
    let owner = Owner::new(stack, "Ana").await;
    let export = owner.succeeded(csv()).await;
    (owner, export)
}

/// So many orders that their export takes a while, and more than one call for records examines.
const MANY: usize = 25_000;

/// Somebody with a project of [`MANY`] orders, which others share: an export just asked for is not done yet.
async fn owner_of_many(stack: &Stack) -> Owner {
    static PROJECT: OnceCell<u64> = OnceCell::const_new();
    let load = async || many_orders(stack, unique()).await;
    Owner::of_project(stack, "Ana", *PROJECT.get_or_init(load).await).await
}

/// Somebody whose project of [`MANY`] orders is nobody else's.
async fn owner_of_many_alone(stack: &Stack) -> Owner {
    Owner::of_project(stack, "Ana", many_orders(stack, unique()).await).await
}

async fn many_orders(stack: &Stack, project: u64) -> u64 {
    load_orders(stack, project, orders_csv(&generated_orders(MANY))).await;
    project
}

fn export_path(export: &Value) -> String {
    format!("/v1/exports/{}", waybill_tests::id(export))
}

fn cancel_path(export: &Value) -> String {
    format!("{}/cancel", export_path(export))
}

/// The answer is a problem (RFC 9457) of this status that says something; its body.
#[track_caller]
fn problem(answer: &Answer, status: u16) -> Value {
    assert_eq!(answer.status, status, "{answer:?}");
    assert_eq!(
        answer.header("content-type"),
        "application/problem+json",
        "{answer:?}"
    );
    let problem = answer.json();
    assert_eq!(problem["status"], status, "{problem:#}");
    for member in ["type", "title", "detail", "request_id"] {
        assert!(
            problem[member]
                .as_str()
                .is_some_and(|text| !text.is_empty()),
            "{member} in {problem:#}"
        );
    }
    if status != 422 {
        assert!(
            problem.get("errors").is_none_or(Value::is_null),
            "{problem:#}"
        );
    }
    problem
}

/// The answer is 422 and names these fields, each with a sentence about it.
#[track_caller]
fn refuses_fields(answer: &Answer, fields: &[&str]) {
    let problem = problem(answer, 422);
    let errors = problem["errors"]
        .as_array()
        .unwrap_or_else(|| panic!("no errors in {problem:#}"));
    let mut named: Vec<&str> = errors
        .iter()
        .filter_map(|error| error["field"].as_str())
        .collect();
    named.sort_unstable();
    named.dedup();
    let mut fields = fields.to_vec();
    fields.sort_unstable();
    assert_eq!(named, fields, "{problem:#}");
    assert!(
        errors
            .iter()
            .all(|e| e["message"].as_str().is_some_and(|text| !text.is_empty())),
        "{problem:#}"
    );
}
