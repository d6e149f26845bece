//! What a path names, for whoever may know that it is there. Others get the answer of what is not there: 404.

use waybill::access::Action;
use waybill::export::{Export, ExportId};
use waybill::parent::{Parent, ParentProfile};

use crate::app::App;
use crate::http::caller::Requester;
use crate::http::error::ApiError;

/// The export, if the requester may read it.
///
/// # Errors
/// 404 where it is not there, or not theirs to see.
pub(super) async fn export(
    app: &App,
    requester: &Requester,
    id: ExportId,
) -> Result<Export, ApiError> {
    let export = app.exports.export(id).await?.ok_or(ApiError::NotFound)?;
    let permissions = &app.permissions;
    match permissions.allow(requester, Action::Read, &export).await? {
        true => Ok(export),
        false => Err(ApiError::NotFound),
    }
}

/// What is known of the parent, if the requester may list its exports.
///
/// # Errors
/// 404 where they may not.
pub(super) async fn parent(
    app: &App,
    requester: &Requester,
    parent: &Parent,
) -> Result<ParentProfile, ApiError> {
    let profile = app.parents.get(parent).await?;
    let permissions = &app.permissions;
    match permissions.allow(requester, Action::List, &profile).await? {
        true => Ok(profile),
        false => Err(ApiError::NotFound),
    }
}
