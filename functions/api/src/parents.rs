//! `PUT /v1/{organizations|projects|sources}/{id}`: staff say what a parent is called and whom it belongs to, and which
//! columns a source has of its own.

mod definitions;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use serde_json::{Map, Value, json};
use waybill::access::Action;
use waybill::catalog::Catalog;
use waybill::parent::{Definitions, Parent, ParentKind, ParentProfile};
use waybill::selection::FieldError;

use crate::answer;
use crate::app::App;
use crate::body::{self, Fields};
use crate::caller::Requester;
use crate::error::ApiError;
use crate::path::PathParent;

const MAX_NAME_LENGTH: usize = 200;

pub(crate) async fn describe(
    State(app): State<Arc<App>>,
    requester: Requester,
    PathParent(parent): PathParent,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    if !requester.caller.may_describe() {
        let known = app.parents.get(&parent).await?;
        return Err(match requester.may(&app, Action::List, &known).await? {
            true => {
                ApiError::Forbidden("Only staff may describe organizations, projects and sources.")
            }
            false => ApiError::NotFound,
        });
    }
    let fields = body::object(&headers, body).await?;
    let profile = parse(parent, fields, &app.catalog).map_err(ApiError::Invalid)?;
    app.parents.put(&profile).await?;
    answer::json(StatusCode::OK, &shown(&profile))
}

fn parse(
    parent: Parent,
    body: Map<String, Value>,
    catalog: &Catalog,
) -> Result<ParentProfile, Vec<FieldError>> {
    let known: &[&str] = match parent.kind() {
        ParentKind::Organization => &["name"],
        ParentKind::Project => &["name", "organization_id"],
        ParentKind::Source => &["name", "organization_id", "custom_fields", "attributes"],
    };
    let mut fields = Fields::new(body, "", known);
    let name = fields.required_text("name");
    let name = fields.line("name", name, MAX_NAME_LENGTH);
    let organization_id = match parent.id_as(ParentKind::Organization) {
        Some(id) => Some(id.to_owned()),
        None => organization_id(&mut fields),
    };
    let definitions = match parent.kind() {
        ParentKind::Source => definitions::parse(&mut fields, catalog),
        ParentKind::Organization | ParentKind::Project => Definitions::default(),
    };
    let errors = fields.into_errors();
    match name {
        Some(name) if errors.is_empty() => Ok(ParentProfile {
            parent,
            name,
            organization_id,
            definitions,
        }),
        _ => Err(errors),
    }
}

fn organization_id(fields: &mut Fields) -> Option<String> {
    let id = fields.text("organization_id")?;
    if Parent::new(ParentKind::Organization, &id).is_err() {
        fields.refuse(
            "organization_id",
            "must have 1 to 128 of the characters A-Z a-z 0-9 _ . -",
        );
        return None;
    }
    Some(id)
}

fn shown(profile: &ParentProfile) -> Value {
    let parent = &profile.parent;
    let mut shown = json!({
        "id": parent.id_in_json(),
        "kind": parent.kind(),
        "name": profile.name,
        "organization_id": profile.organization_id,
    });
    if parent.kind() == ParentKind::Source {
        shown["custom_fields"] = json!(profile.definitions.custom_fields);
        shown["attributes"] = json!(profile.definitions.attributes);
    }
    shown
}
