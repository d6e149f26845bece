//! Ids in paths. An invalid id is 404, as one that does not exist.

use std::collections::HashMap;

use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequestParts, Path};
use http::request::Parts;
use waybill::catalog::ParentKind;
use waybill::export::ExportId;
use waybill::parent::Parent;

use super::error::ApiError;

/// The path parameter with this name.
async fn parameter<S: Send + Sync>(
    parts: &mut Parts,
    state: &S,
    name: &str,
) -> Result<String, ApiError> {
    let parameters: Result<Path<HashMap<String, String>>, PathRejection> =
        Path::from_request_parts(parts, state).await;
    parameters
        .ok()
        .and_then(|Path(mut parameters)| parameters.remove(name))
        .ok_or(ApiError::NotFound)
}

/// The parent in a path.
pub(crate) struct PathParent(pub(crate) Parent);

impl<S: Send + Sync> FromRequestParts<S> for PathParent {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let id = parameter(parts, state, "id").await?;
        let kind = parts
            .extensions
            .get::<ParentKind>()
            .ok_or(ApiError::NotFound)?;
        Parent::new(*kind, &id)
            .map(Self)
            .map_err(|_| ApiError::NotFound)
    }
}

/// The export id in a path.
pub(crate) struct PathExport(pub(crate) ExportId);

impl<S: Send + Sync> FromRequestParts<S> for PathExport {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let id = parameter(parts, state, "id").await?;
        id.parse().map(Self).map_err(|_| ApiError::NotFound)
    }
}

/// The name of a type in a path.
pub(crate) struct PathType(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for PathType {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        parameter(parts, state, "type").await.map(Self)
    }
}
