//! Examples of bodies. Tests check them against their schemas.

use serde_json::{Value, json};
use waybill::parent::{ParentKind, ParentKinds};

use super::kinds::{OfKind, example_id};

/// The type of the examples about a kind of parent: its name, its label and one of its statuses.
fn example_type(kind: &ParentKind) -> [&'static str; 3] {
    match kind.name.as_str() {
        "organization" => ["purchases", "Purchases", "completed"],
        "source" => ["leads", "Leads", "accepted"],
        _ => ["orders", "Orders", "delivered"],
    }
}

/// The name of a parent of this kind.
pub(super) fn parent_name(kind: &ParentKind) -> String {
    match kind.name.as_str() {
        "organization" => "Acme Inc.".to_owned(),
        "project" | "source" => "Film".to_owned(),
        _ => format!("{} 1", kind.label),
    }
}

pub(super) fn request(of: OfKind<'_>) -> Value {
    let [name, _, status] = example_type(of.kind);
    json!({
        "type": name,
        "format": "xlsx",
        "filters": {"status": [status], "created_at": {"from": "2017-10-01", "to": "2017-11-01"}},
        "search": "são paulo",
    })
}

pub(super) fn waiting(of: OfKind<'_>) -> Value {
    let [name, _, status] = example_type(of.kind);
    let parent_name = parent_name(of.kind);
    let parent_name = parent_name.trim_end_matches('.');
    let file_name = match of.kind.names_files {
        true => format!("{parent_name}-20261121T120102Z.xlsx"),
        false => format!("{name}-{parent_name}-20261121T120102Z.xlsx"),
    };
    let waiting = json!({
        "id": 7_301_234_567_890_123_u64, "type": name, "format": "xlsx", "status": "waiting",
        "user": {"id": "u-17", "name": "Ana Sousa", "email": "ana@example.com"},
        "filters": {
            "status": [status],
            "created_at": {"from": "2017-10-01T00:00:00Z", "to": "2017-11-01T00:00:00Z"},
        },
        "search": "são paulo", "columns": ["id", "status"],
        "profile": "spreadsheet", "time_zone": "UTC",
        "file_name": file_name, "rows": null, "size": null, "progress": {"rows": 0},
        "receipt": null, "warnings": [], "failure": null, "mail": null,
        "created_at": "2026-11-21T12:01:02Z", "started_at": null, "completed_at": null, "ended_at": null,
        "expires_at": null, "deleted_by": null, "may": {"download": true, "cancel": true, "delete": true},
        "url": null,
    });
    with(waiting, of.example_ids())
}

/// An object with these fields besides.
fn with(mut object: Value, fields: impl IntoIterator<Item = (String, Value)>) -> Value {
    if let Value::Object(object) = &mut object {
        object.extend(fields);
    }
    object
}

/// An export with some fields replaced.
fn export(of: OfKind<'_>, fields: Value) -> Value {
    match fields {
        Value::Object(fields) => with(waiting(of), fields),
        _ => waiting(of),
    }
}

pub(super) fn succeeded(of: OfKind<'_>) -> Value {
    let fields = json!({
        "status": "succeeded", "rows": 10_000, "size": 812_345, "progress": {"rows": 10_000},
        "receipt": {
            "read": 99_441, "matched": 10_000, "written": 10_000, "as_of": "2026-11-21T12:01:02Z",
            "consistency": "strong until 5 s after the request and for the last minute before it, eventual else",
            "entry": "5feceb66ffc86f38d952786c6d696c79c2dbc239dd4e91b46729d73a27fb57e9",
            "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            "attempts": 1, "invocations": 1, "seconds": 6.4, "read_units": 6_688.5,
            "estimated_cost_usd": 0.0018,
        },
        "warnings": [{"code": "cell_cut", "column": "note", "count": 3}],
        "mail": "sent",
        "started_at": "2026-11-21T12:01:03Z", "completed_at": "2026-11-21T12:01:09Z",
        "ended_at": "2026-11-21T12:01:09Z", "expires_at": "2026-11-28T12:01:09Z",
        "url": "https://exports.example/v1/downloads/0b6f3a52-1111-8222-8333-444455556666",
    });
    export(of, fields)
}

pub(super) fn canceled(of: OfKind<'_>) -> Value {
    let fields = json!({
        "status": "canceled", "progress": null, "mail": "pending", "ended_at": "2026-11-21T12:01:04Z",
    });
    export(of, fields)
}

pub(super) fn deleted(of: OfKind<'_>) -> Value {
    let fields = json!({
        "status": "expired", "expires_at": "2026-11-22T09:30:00Z", "url": null,
        "deleted_by": {"id": "u-17", "name": "Ana Sousa"},
    });
    match fields {
        Value::Object(fields) => with(succeeded(of), fields),
        _ => succeeded(of),
    }
}

pub(super) fn exports(of: OfKind<'_>) -> Value {
    json!({"exports": [succeeded(of)], "meta": {"limit": 25, "next": null, "unfinished": false}})
}

pub(super) fn events() -> Value {
    let ana = json!({"id": "u-17", "name": "Ana Sousa", "on_behalf_of": null});
    json!({
        "events": [
            {"event": "requested", "at": "2026-11-21T12:01:02Z", "user": ana, "address": "192.0.2.7", "detail": null},
            {"event": "started", "at": "2026-11-21T12:01:03Z", "user": null, "address": null, "detail": null},
        ],
        "meta": {"limit": 25, "next": null},
    })
}

pub(super) fn link() -> Value {
    json!({
        "url": "https://bucket.s3.eu-west-1.amazonaws.com/exports/7301234567890123/5c1e?X-Amz-Signature=…",
        "expires_at": "2026-11-21T12:10:00Z",
    })
}

pub(super) fn records(of: OfKind<'_>) -> Value {
    let [_, _, status] = example_type(of.kind);
    json!({
        "records": [{"id": "o-17", "status": status}],
        "meta": {"limit": 25, "next": null, "count": {"value": 1, "exact": true}},
    })
}

pub(super) fn parent_catalog(of: OfKind<'_>) -> Value {
    let [name, label, status] = example_type(of.kind);
    let kind = &of.kind.name;
    let mut of = parent(of);
    json!({
        "types": [{
            "name": name, "label": label, "parent": kind, "formats": ["csv", "xlsx"],
            "delivery": "link",
            "columns": [
                {"key": "id", "label": "ID", "kind": "text", "values": [], "default": true},
                {"key": "status", "label": "Status", "kind": "text", "values": [status], "default": true},
            ],
            "filters": ["status", "created_at"], "search": ["id"],
        }],
        "parents": [{"kind": kind, "id": of["id"].take(), "name": of["name"].take()}],
        "next": null,
    })
}

pub(super) fn summary() -> Value {
    let sums = json!({"exports": 3, "downloads": 2, "rows": 10_120, "bytes": 820_014});
    let with = |name: &str, value: Value| {
        let mut sums = sums.clone();
        sums[name] = value;
        sums
    };
    json!({
        "from": "2026-10-23", "to": "2026-11-22",
        "days": [with("date", json!("2026-11-21"))],
        "people": [with("user", json!({"id": "u-17", "name": "Ana Sousa"}))],
    })
}

pub(super) fn parent(of: OfKind<'_>) -> Value {
    let (kind, root) = (of.kind, of.kinds.root());
    let mut parent = json!({
        "id": example_id(kind), "kind": kind.name, "name": parent_name(kind),
    });
    parent[root.name.id_field()] = example_id(root);
    parent
}

pub(super) fn session_request(kinds: &ParentKinds) -> Value {
    let of = OfKind::example(kinds);
    let id = match example_id(of.kind) {
        Value::String(id) => id,
        other => other.to_string(),
    };
    json!({
        "user": {"id": "u-17", "name": "Ana Sousa", "email": "ana@example.com"},
        "grants": [format!("{}:{id}", of.kind.name)],
        "minutes": 15,
    })
}

pub(super) fn new_session() -> Value {
    json!({
        "token": "wbs_4pXsN1…", "url": "https://exports.example/#code=wbc_9dQmT0…",
        "expires_at": "2026-11-21T12:16:02Z",
    })
}
