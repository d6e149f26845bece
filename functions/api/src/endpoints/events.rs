//! `GET /v1/exports/{id}/events`: the history of an export, oldest first.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;
use waybill::access_rules::Action;

use super::find_visible;
use super::unreadable;
use super::view::{EventView, Meta};
use crate::app::App;
use crate::http::answer;
use crate::http::error::ApiError;
use crate::http::path::PathExport;
use crate::http::query::{ListParameters, Pairs};
use crate::requester::Requester;

/// A page of an export's history.
#[derive(Serialize, ToSchema)]
pub(crate) struct EventList<'a> {
    /// Oldest first.
    events: Vec<EventView<'a>>,
    meta: Meta,
}

pub(crate) async fn list(
    State(app): State<Arc<App>>,
    requester: Requester,
    PathExport(id): PathExport,
    pairs: Pairs,
) -> Result<Response, ApiError> {
    let export = find_visible::export(&app, &requester, id).await?;
    let permissions = &app.permissions;
    let shows_addresses = permissions
        .allow(&requester, Action::ReadAddresses, &export)
        .await?;
    let parameters = ListParameters::parse(&pairs).map_err(ApiError::Invalid)?;
    let scope = format!("/v1/exports/{id}/events");
    let after = match &parameters.cursor {
        Some(cursor) => Some(app.cursors().await?.open(&scope, cursor)?),
        None => None,
    };
    let page = app
        .exports
        .events(id, after.as_deref(), parameters.limit)
        .await?;
    unreadable::report(&app.exports.tables().events, page.unreadable);
    let next = match page.next {
        Some(position) => Some(app.cursors().await?.seal(&scope, &position)?),
        None => None,
    };
    let list = EventList {
        events: page
            .events
            .iter()
            .map(|event| EventView::new(event, shows_addresses))
            .collect(),
        meta: Meta {
            limit: parameters.limit,
            next,
            unfinished: None,
            unreadable: unreadable::counted(page.unreadable),
            count: None,
        },
    };
    answer::json(StatusCode::OK, &list)
}
