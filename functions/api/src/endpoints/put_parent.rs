//! `PUT /v1/{parents}/{id}`: staff set the name of a parent, the root that it belongs to, and its own columns.

mod definitions;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use waybill::catalog::{Catalog, Definition, Definitions};
use waybill::field_error::FieldError;
use waybill::parent::{IdForm, KindName, ParentKinds};
use waybill::parent_profile::ParentProfile;

use super::find_visible;
use super::untyped_schemas::{ParentId, ParentKindName};
use crate::app::App;
use crate::http::answer;
use crate::http::body::{self, Fields};
use crate::http::error::ApiError;
use crate::http::path::PathParent;
use crate::requester::RequesterOrKey;

const MAX_NAME_LENGTH: usize = 200;

/// The description of a parent.
#[derive(Serialize, ToSchema)]
pub(crate) struct DescribedParent<'a> {
    #[schema(value_type = ParentId)]
    id: Value,
    #[schema(value_type = ParentKindName)]
    kind: &'a KindName,
    /// The name shown to people.
    name: &'a str,
    /// The id of the root that the parent belongs to: `organization_id`.
    #[serde(flatten)]
    #[schema(ignore)]
    root_id: Map<String, Value>,
    /// The columns of custom fields; only with a kind of parents that can have them.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    custom_fields: Option<&'a Vec<Definition>>,
    /// The columns of attributes; only with a kind of parents that can have them.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    attributes: Option<&'a Vec<Definition>>,
}

pub(crate) async fn put(
    State(app): State<Arc<App>>,
    RequesterOrKey(requester): RequesterOrKey,
    of: PathParent,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    if !requester.caller.may_put_parents() {
        find_visible::parent(&app, &requester, &of.parent).await?;
        let all = app.kinds().listed();
        return Err(ApiError::Forbidden(
            format!("Only staff may describe {all}.").into(),
        ));
    }
    let fields = body::object(&headers, body).await?;
    let kind = of.kind.clone();
    let profile = parse(of, fields, &app.catalog(), &app.kinds()).map_err(ApiError::Invalid)?;
    app.keep_kind(&kind).await?;
    app.parents.put(&profile).await?;
    let described = DescribedParent::new(&profile, kind.custom);
    answer::json(StatusCode::OK, &described)
}

fn parse(
    of: PathParent,
    body: Map<String, Value>,
    catalog: &Catalog,
    kinds: &ParentKinds,
) -> Result<ParentProfile, Vec<FieldError>> {
    let PathParent { parent, kind } = of;
    let root_field = kinds.root().name.id_field();
    let mut known = vec!["name"];
    if !kind.is_root {
        known.push(&root_field);
    }
    if kind.custom {
        known.extend(["custom_fields", "attributes"]);
    }
    let mut fields = Fields::new(body, "", &known);
    let name = fields.required_text("name");
    let name = fields.line("name", name, MAX_NAME_LENGTH);
    let root_id = match kind.is_root {
        true => Some(parent.id().to_owned()),
        false => root_id(&mut fields, &root_field, kinds.root().id),
    };
    let definitions = match kind.custom {
        true => definitions::parse(&mut fields, &kind.name, catalog),
        false => Definitions::default(),
    };
    let errors = fields.into_errors();
    match name {
        Some(name) if errors.is_empty() => Ok(ParentProfile {
            name,
            root_id,
            definitions,
            kinds: kinds.stored_with(parent.kind()),
            parent,
        }),
        _ => Err(errors),
    }
}

/// The id of the root that the parent belongs to.
fn root_id(fields: &mut Fields, field: &str, form: IdForm) -> Option<String> {
    let text = match form {
        IdForm::Integer => match fields.take(field)? {
            Value::Number(number) => number.to_string(),
            _ => String::new(),
        },
        IdForm::Text | IdForm::Uuid | IdForm::Name => fields.text(field)?,
    };
    let id = form.id(&text);
    if id.is_none() {
        fields.refuse(field, form.rule());
    }
    id
}

impl<'a> DescribedParent<'a> {
    fn new(profile: &'a ParentProfile, has_definitions: bool) -> Self {
        let (kinds, definitions) = (&profile.kinds, &profile.definitions);
        let root_id = kinds.root_id_in_json(profile.root_id.as_deref());
        Self {
            id: kinds.id_in_json(&profile.parent),
            kind: profile.parent.kind(),
            name: &profile.name,
            root_id: Map::from_iter([(kinds.root.id_field(), root_id)]),
            custom_fields: has_definitions.then_some(&definitions.custom_fields),
            attributes: has_definitions.then_some(&definitions.attributes),
        }
    }
}
