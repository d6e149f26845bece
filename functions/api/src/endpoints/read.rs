//! `GET /v1/exports/{id}`: the current state of an export.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use jiff::Timestamp;
use waybill::access_rules::Action;
use waybill::export::{Export, Status};
use waybill::work::Reached;

use super::find_visible;
use super::may::May;
use super::unreadable;
use super::view::ExportView;
use crate::app::App;
use crate::http::answer;
use crate::http::error::ApiError;
use crate::http::path::PathExport;
use crate::requester::Requester;

pub(crate) async fn read(
    State(app): State<Arc<App>>,
    requester: Requester,
    PathExport(id): PathExport,
) -> Result<Response, ApiError> {
    let export = find_visible::export(&app, &requester, id).await?;
    let mut view = view(&app, &requester, &export, app.now()).await?;
    let has_example = export.warnings.iter().any(|w| w.example.is_some());
    let permissions = &app.permissions;
    if has_example
        && permissions
            .allow(&requester, Action::ReadRecords, &export)
            .await?
    {
        view = view.with_examples(&export);
    }
    answer::json(StatusCode::OK, &view)
}

/// The answer with one export.
pub(crate) async fn shown(
    app: &App,
    requester: &Requester,
    status: StatusCode,
    export: &Export,
    now: Timestamp,
) -> Result<Response, ApiError> {
    answer::json(status, &view(app, requester, export, now).await?)
}

async fn view<'a>(
    app: &App,
    requester: &Requester,
    export: &'a Export,
    now: Timestamp,
) -> Result<ExportView<'a>, ApiError> {
    let reached = match export.status {
        Status::Processing => {
            let progress = app.exports.progress(&[export.id]).await?;
            unreadable::report(&app.exports.tables().work, progress.unreadable);
            progress
                .reached
                .get(&export.id)
                .copied()
                .unwrap_or_default()
        }
        _ => Reached::default(),
    };
    let may = May::of(&app.permissions, requester, export).await;
    Ok(ExportView::new(
        export,
        reached,
        may,
        now,
        &app.public_url,
        &app.kinds(),
    ))
}
