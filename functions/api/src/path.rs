//! Ids in paths. One that nothing can have is as good as one that nothing has: 404.

use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequestParts, Path};
use http::request::Parts;
use waybill::export::ExportId;
use waybill::parent::{Parent, ParentKind};

use crate::error::ApiError;

/// The only parameter of a path.
async fn parameter<S: Send + Sync>(parts: &mut Parts, state: &S) -> Result<String, ApiError> {
    let parameter: Result<Path<String>, PathRejection> =
        Path::from_request_parts(parts, state).await;
    parameter
        .map(|Path(text)| text)
        .map_err(|_| ApiError::NotFound)
}

/// The parent that a path names.
pub(crate) struct PathParent(pub(crate) Parent);

impl<S: Send + Sync> FromRequestParts<S> for PathParent {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let id = parameter(parts, state).await?;
        let kind = parts
            .extensions
            .get::<ParentKind>()
            .ok_or(ApiError::NotFound)?;
        Parent::new(*kind, &id)
            .map(Self)
            .map_err(|_| ApiError::NotFound)
    }
}

/// The export that a path names.
pub(crate) struct PathExport(pub(crate) ExportId);

impl<S: Send + Sync> FromRequestParts<S> for PathExport {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let id = parameter(parts, state).await?;
        id.parse().map(Self).map_err(|_| ApiError::NotFound)
    }
}
