//! `DELETE /v1/exports/{id}/file`.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use waybill::export::{Export, ExportId, Status};
use waybill::lifecycle;
use waybill::store::Updated;

use super::find_visible;
use super::read::shown;
use crate::app::App;
use crate::http::error::ApiError;
use crate::http::path::PathExport;
use crate::requester::Requester;

/// Tries of a deletion that conflicts with another write, such as that of the mail's outcome.
const TRIES: u32 = 10;

pub(crate) async fn delete(
    State(app): State<Arc<App>>,
    requester: Requester,
    PathExport(id): PathExport,
) -> Result<Response, ApiError> {
    let export = find_visible::export(&app, &requester, id).await?;
    let deleting = requester.caller.delete_action(&export);
    let permissions = &app.permissions;
    if !permissions.allow(&requester, deleting, &export).await? {
        let root = export.kinds.root.words();
        return Err(ApiError::Forbidden(
            format!("Only the person who requested or receives the export and the {root}'s admins may delete its file.").into(),
        ));
    }
    let export = deleted(&app, &requester, id).await?;
    shown(&app, &requester, StatusCode::OK, &export, app.now()).await
}

/// The export without its file. One whose file has expired stays as it is.
async fn deleted(app: &App, requester: &Requester, id: ExportId) -> Result<Export, ApiError> {
    let now = app.now();
    let delete = |state: &lifecycle::State| {
        let has_file = state.export.status_at(now) == Status::Succeeded;
        has_file.then(|| state.delete_file(requester.actor(), now))
    };
    let export = match app.exports.update(id, TRIES, delete).await? {
        Updated::Written(after) => return Ok(after.export),
        Updated::Unchanged(state) => state.export,
        Updated::NoWork => app.exports.export(id).await?.ok_or(ApiError::NotFound)?,
        Updated::Contended => return Err(ApiError::Busy),
    };
    match export.status_at(now) {
        Status::Expired => Ok(export),
        Status::Succeeded => Err(ApiError::Internal(
            format!("export {id} has a file but no work").into(),
        )),
        status => Err(ApiError::NoFile(status)),
    }
}
