//! The parameters of the contract's operations.

use serde_json::json;
use utoipa::openapi::path::{Parameter, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use waybill::parent::ParentKind;
use waybill::selection::MAX_SEARCH_LENGTH;

use super::call::{parameter, query, repeatable, text};
use super::{kinds, schemas};
use crate::http::query::{DEFAULT_LIMIT, MAX_LIMIT};

pub(super) fn page() -> Vec<Parameter> {
    let limit = ObjectBuilder::new()
        .schema_type(Type::Integer)
        .minimum(Some(1))
        .maximum(Some(MAX_LIMIT as u64))
        .default(Some(json!(DEFAULT_LIMIT)));
    vec![
        query("limit", "The maximum number of entries.", limit),
        query("cursor", "The `next` of the previous page.", text()),
    ]
}

pub(super) fn if_none_match() -> Parameter {
    let description = "The `ETag` of the client's copy.";
    parameter(ParameterIn::Header, "If-None-Match", description, text())
}

pub(super) fn parent_id(kind: &ParentKind) -> Parameter {
    parameter(
        ParameterIn::Path,
        "id",
        &format!("The {}'s id.", kind.name.words()),
        kinds::id_schema(kind),
    )
}

pub(super) fn export_id() -> Parameter {
    let id = ObjectBuilder::new()
        .schema_type(Type::Integer)
        .minimum(Some(1));
    parameter(ParameterIn::Path, "id", "The export's id.", id)
}

/// The parameters in the path of a parent's records.
pub(super) fn of_records(kind: &ParentKind) -> [Parameter; 2] {
    let name = "One of the catalog's types of this kind of parent.";
    [
        parent_id(kind),
        parameter(ParameterIn::Path, "type", name, text()),
    ]
}

/// The parameters of a selection of records.
pub(super) fn selection() -> [Parameter; 5] {
    let [from, to] = range("created_at");
    [
        query("search", "A text to find in any searched field.", text()),
        repeatable("status", "Only records with one of these statuses.", text()),
        from,
        to,
        time_zone("The time zone in which days begin and timestamps are shown."),
    ]
}

/// The bounds of a range of times.
fn range(name: &str) -> [Parameter; 2] {
    let bound = "An instant, a date, or a time ago (`-30d`, `-12h`).";
    [
        query(
            &format!("{name}.from"),
            &format!("Inclusive. {bound}"),
            text(),
        ),
        query(
            &format!("{name}.to"),
            &format!("Exclusive. {bound}"),
            text(),
        ),
    ]
}

fn time_zone(description: &str) -> Parameter {
    query("time_zone", description, text().default(Some(json!("UTC"))))
}

/// What narrows a list of exports.
pub(super) fn of_exports() -> [Parameter; 7] {
    let [from, to] = range("created_at");
    [
        repeatable(
            "status",
            "Only exports with one of these statuses; `cancelled` is accepted too.",
            schemas::named("Status"),
        ),
        repeatable("type", "Only exports of one of these types.", text()),
        repeatable(
            "user",
            "Only exports that one of these people receives, by id; `me` for those that the caller requested or receives.",
            text(),
        ),
        query(
            "search",
            "A text to find in the files' names, in the names and addresses of those who receive them, and in the exports' own \
             searches and values of filters.",
            text().max_length(Some(MAX_SEARCH_LENGTH)),
        ),
        from,
        to,
        time_zone("The time zone in which days begin."),
    ]
}
