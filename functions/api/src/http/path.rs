//! Ids in paths. An invalid id is 404, as one that does not exist.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequestParts, Path, Request};
use axum::middleware::Next;
use axum::response::Response;
use http::request::Parts;
use waybill::export::ExportId;
use waybill::parent::Parent;
use waybill::parent::{ParentKind, ParentKinds};

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

/// What stands in the path of a route for the plural of a kind of parents.
pub(crate) const PLURAL: &str = "{parents}";

/// The kinds of parents that this request can name.
pub(crate) fn kinds(parts: &Parts) -> Result<&ParentKinds, ApiError> {
    let kinds = parts.extensions.get::<Arc<ParentKinds>>();
    let kinds = kinds.ok_or_else(|| ApiError::Internal("the request has no kinds".into()))?;
    Ok(kinds)
}

/// Finds the kind whose plural is in the path. A path with another word has no route.
pub(crate) async fn kind_of_path(request: Request, next: Next) -> Result<Response, ApiError> {
    let (mut parts, body) = request.into_parts();
    let plural = parameter(&mut parts, &(), "parents").await?;
    let kind = kinds(&parts)?.of_plural(&plural).cloned();
    parts.extensions.insert(kind.ok_or(ApiError::NotFound)?);
    Ok(next.run(Request::from_parts(parts, body)).await)
}

/// The parent in a path.
pub(crate) struct PathParent {
    pub(crate) parent: Parent,
    pub(crate) kind: ParentKind,
}

impl PathParent {
    /// The path: `/v1/projects/42`.
    pub(crate) fn path(&self) -> String {
        format!("/v1/{}/{}", self.kind.plural, self.parent.id())
    }
}

impl<S: Send + Sync> FromRequestParts<S> for PathParent {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let id = parameter(parts, state, "id").await?;
        let kind = parts.extensions.get::<ParentKind>().cloned();
        let kind = kind.ok_or(ApiError::NotFound)?;
        let parent = kind.parent(&id).map_err(|_| ApiError::NotFound)?;
        Ok(Self { parent, kind })
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
