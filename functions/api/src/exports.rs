//! One export: who may see it, and how it is shown.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use jiff::Timestamp;
use waybill::access::Action;
use waybill::export::{Export, ExportId, Status};

use crate::answer;
use crate::app::App;
use crate::caller::Requester;
use crate::error::ApiError;
use crate::path::PathExport;
use crate::unreadable;
use crate::view::ExportView;

/// `GET /v1/exports/{id}`.
pub(crate) async fn read(
    State(app): State<Arc<App>>,
    requester: Requester,
    PathExport(id): PathExport,
) -> Result<Response, ApiError> {
    let export = visible(&app, &requester, id).await?;
    let has_example = export.warnings.iter().any(|w| w.example.is_some());
    let view = view(&app, &export, app.now()).await?;
    let view = match has_example && requester.may(&app, Action::ReadRecords, &export).await? {
        true => view.with_examples(&export),
        false => view,
    };
    answer::json(StatusCode::OK, &view)
}

/// The export, if the requester may know that it is there.
pub(crate) async fn visible(
    app: &App,
    requester: &Requester,
    id: ExportId,
) -> Result<Export, ApiError> {
    let export = app.exports.export(id).await?.ok_or(ApiError::NotFound)?;
    if !requester.may(app, Action::Read, &export).await? {
        return Err(ApiError::NotFound);
    }
    Ok(export)
}

/// The answer that shows one export.
pub(crate) async fn shown(
    app: &App,
    status: StatusCode,
    export: &Export,
    now: Timestamp,
) -> Result<Response, ApiError> {
    answer::json(status, &view(app, export, now).await?)
}

async fn view<'a>(
    app: &App,
    export: &'a Export,
    now: Timestamp,
) -> Result<ExportView<'a>, ApiError> {
    let written = match export.status {
        Status::Processing => {
            let progress = app.exports.progress(&[export.id]).await?;
            unreadable::report(&app.exports.tables().work, progress.unreadable);
            progress.rows.get(&export.id).copied().unwrap_or(0)
        }
        _ => 0,
    };
    Ok(ExportView::new(export, written, now, &app.public_url))
}
