//! Access checks for the export or parent in a path. A requester that may not see it gets 404, as if it did not exist.

use waybill::access_rules::Action;
use waybill::export::{Export, ExportId};
use waybill::parent::Parent;
use waybill::parent_profile::ParentProfile;

use crate::app::App;
use crate::http::error::ApiError;
use crate::requester::Requester;

/// The export, if the requester may read it.
///
/// # Errors
/// 404 if the export does not exist, or the requester may not see it.
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

/// The profile of the parent, if the requester may list its exports.
///
/// # Errors
/// 404 if they may not.
pub(super) async fn parent(
    app: &App,
    requester: &Requester,
    parent: &Parent,
) -> Result<ParentProfile, ApiError> {
    let profile = app.parents.get(parent, &app.kinds()).await?;
    let permissions = &app.permissions;
    match permissions.allow(requester, Action::List, &profile).await? {
        true => Ok(profile),
        false => Err(ApiError::NotFound),
    }
}
