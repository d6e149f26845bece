//! Exports of any parent.

use std::time::Duration;

use serde_json::Value;

use crate::deployment::Deployment;
use crate::http::Caller;
use crate::owner::{FINISHED_WITHIN, id};

/// Asks for an export of a parent, such as `sources/web`, and waits for it to succeed.
///
/// # Panics
/// Where it does not.
pub async fn exported(api: &Caller, parent: &str, body: Value) -> Value {
    let path = format!("/v1/{parent}/exports");
    let export = api.post(&path, body).await.expect_status(201).json();
    succeeded(api, &export).await
}

/// Waits for an export to succeed.
///
/// # Panics
/// Where it does not.
pub async fn succeeded(api: &Caller, export: &Value) -> Value {
    succeeded_within(api, export, FINISHED_WITHIN).await
}

/// Waits so long for an export to succeed.
///
/// # Panics
/// Where it does not.
pub async fn succeeded_within(api: &Caller, export: &Value, within: Duration) -> Value {
    let path = format!("/v1/exports/{}", id(export));
    api.until(&format!("{path} to succeed"), within, async || {
        let export = api.get(&path).await.expect_status(200).json();
        match export["status"].as_str().unwrap_or_default() {
            "succeeded" => Ok(export),
            "waiting" | "processing" => Err(export.to_string()),
            _ => panic!("{export:#}"),
        }
    })
    .await
}

/// The file of an export.
///
/// # Panics
/// Where it cannot be had.
pub async fn file_of(on: impl Into<Deployment>, api: &Caller, export: &Value) -> Vec<u8> {
    let url = export["url"].as_str().unwrap_or_default();
    let deployment = on.into();
    let path = url
        .strip_prefix(deployment.public_url())
        .unwrap_or_else(|| panic!("{url} does not begin with the public URL"));
    let redirect = api.get(path).await.expect_status(302);
    let file = deployment.file(redirect.header("location")).await;
    file.expect_status(200).body
}
