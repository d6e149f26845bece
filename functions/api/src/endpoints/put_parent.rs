//! `PUT /v1/{organizations|projects|sources}/{id}`: staff set the name and organization of a parent, and the columns of
//! a source.

mod definitions;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use waybill::catalog::{Catalog, Definition, Definitions, ParentKind};
use waybill::field_error::FieldError;
use waybill::parent::{Parent, ParentProfile};

use super::find_visible;
use super::untyped_schemas::ParentId;
use crate::app::App;
use crate::http::answer;
use crate::http::body::{self, Fields};
use crate::http::error::ApiError;
use crate::http::path::PathParent;
use crate::http::requester::Requester;

const MAX_NAME_LENGTH: usize = 200;

/// The description of a parent.
#[derive(Serialize, ToSchema)]
pub(crate) struct DescribedParent<'a> {
    #[schema(value_type = ParentId)]
    id: Value,
    kind: ParentKind,
    /// The name shown to people.
    name: &'a str,
    /// The organization of the parent.
    organization_id: Option<&'a str>,
    /// The columns of a source's custom fields; only with a source.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    custom_fields: Option<&'a [Definition]>,
    /// The columns of a source's attributes; only with a source.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    attributes: Option<&'a [Definition]>,
}

pub(crate) async fn put(
    State(app): State<Arc<App>>,
    requester: Requester,
    PathParent(parent): PathParent,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    if !requester.caller.may_put_parents() {
        find_visible::parent(&app, &requester, &parent).await?;
        return Err(ApiError::Forbidden(
            "Only staff may describe organizations, projects and sources.",
        ));
    }
    let fields = body::object(&headers, body).await?;
    let profile = parse(parent, fields, &app.catalog()).map_err(ApiError::Invalid)?;
    app.parents.put(&profile).await?;
    answer::json(StatusCode::OK, &DescribedParent::from(&profile))
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

impl<'a> From<&'a ParentProfile> for DescribedParent<'a> {
    fn from(profile: &'a ParentProfile) -> Self {
        let is_source = profile.parent.kind() == ParentKind::Source;
        let of_sources = |definitions: &'a Vec<Definition>| is_source.then_some(&definitions[..]);
        Self {
            id: profile.parent.id_in_json(),
            kind: profile.parent.kind(),
            name: &profile.name,
            organization_id: profile.organization_id.as_deref(),
            custom_fields: of_sources(&profile.definitions.custom_fields),
            attributes: of_sources(&profile.definitions.attributes),
        }
    }
}
