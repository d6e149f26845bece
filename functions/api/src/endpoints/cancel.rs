//! `POST /v1/exports/{id}/cancel`.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use jiff::Timestamp;
use waybill::aws::best_effort;
use waybill::export::{Export, ExportId, Status};
use waybill::lifecycle;
use waybill::store::Updated;

use super::find_visible;
use super::read::shown;
use crate::app::App;
use crate::http::error::ApiError;
use crate::http::path::PathExport;
use crate::requester::Requester;

/// Tries of a cancel that conflicts with another write. A worker writes every few seconds, so two conflicts in a row
/// are rare.
const TRIES: u32 = 10;

pub(crate) async fn cancel(
    State(app): State<Arc<App>>,
    requester: Requester,
    PathExport(id): PathExport,
) -> Result<Response, ApiError> {
    let export = find_visible::export(&app, &requester, id).await?;
    let canceling = requester.caller.cancel_action(&export);
    let permissions = &app.permissions;
    if !permissions.allow(&requester, canceling, &export).await? {
        let root = export.kinds.root.words();
        return Err(ApiError::Forbidden(
            format!("Only the person who requested or receives the export, the {root}'s admins and staff may cancel it.").into(),
        ));
    }
    let export = canceled(&app, &requester, id).await?;
    shown(&app, &requester, StatusCode::OK, &export, app.now()).await
}

async fn canceled(app: &App, requester: &Requester, id: ExportId) -> Result<Export, ApiError> {
    let now = app.now();
    let cancel = |state: &lifecycle::State| {
        let is_under_way = !state.export.status_at(now).is_final();
        is_under_way.then(|| state.cancel(requester.actor(), now, app.timing))
    };
    let export = match app.exports.update(id, TRIES, cancel).await? {
        Updated::Written(after) => {
            leave_line(app, &after.export, now).await;
            return Ok(after.export);
        }
        Updated::Unchanged(state) => state.export,
        Updated::NoWork => app.exports.export(id).await?.ok_or(ApiError::NotFound)?,
        Updated::Contended => return Err(ApiError::Busy),
    };
    match export.status_at(now) {
        Status::Canceled => Ok(export),
        Status::Waiting | Status::Processing => Err(ApiError::Internal(
            format!("export {id} has no work but is not final").into(),
        )),
        status => Err(ApiError::TooLate(status)),
    }
}

/// Removes the export from its parent's line, and wakes the exports that a slot is reserved for. If this fails, a
/// reservation ends by timeout.
async fn leave_line(app: &App, export: &Export, now: Timestamp) {
    let left = best_effort(app.exports.leave_line(export, now)).await;
    let error: &dyn std::error::Error = match &left {
        Ok(Ok(woken)) => {
            for id in woken {
                app.send(*id).await;
            }
            return;
        }
        Ok(Err(error)) => error,
        Err(late) => late,
    };
    tracing::warn!(
        export.id = %export.id,
        error,
        "the export was not removed from the line"
    );
}
