//! `GET /v1/{parents}/{id}/exports`: the exports of a parent, newest first.

mod query;

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use waybill::access_rules::{Action, Scope};
use waybill::export::{Export, ExportId, Status};
use waybill::store::{ExportPage, ListQuery};

use self::query::ExportsQuery;
use super::find_visible;
use super::may::May;
use super::unreadable;
use super::view::{ExportView, Meta};
use crate::app::App;
use crate::http::answer;
use crate::http::error::ApiError;
use crate::http::path::PathParent;
use crate::http::query::Pairs;
use crate::requester::Requester;

/// The maximum length of a list in bytes: Lambda answers have at most 6 MB, and an export may have 64 KB of filters.
const MAX_BYTES: usize = 5_000_000;

/// A page of a parent's exports.
#[derive(Serialize, ToSchema)]
pub(crate) struct ExportList<'a> {
    /// Newest first.
    exports: Vec<ExportView<'a>>,
    meta: Meta,
}

pub(crate) async fn list(
    State(app): State<Arc<App>>,
    requester: Requester,
    of: PathParent,
    pairs: Pairs,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let profile = find_visible::parent(&app, &requester, &of.parent).await?;
    let now = app.now();
    let asked = ExportsQuery::parse(pairs, &app.catalog(), now)?;
    let scope = asked.scope(&format!("{}/exports", of.path()));
    let before = match &asked.list.cursor {
        Some(cursor) => Some(position(&app, &scope, cursor).await?),
        None => None,
    };
    let query = ListQuery {
        parent: of.parent,
        of_root: of.kind.is_root,
        before,
        created_at: asked.created_at,
        limit: asked.list.limit,
    };
    let wanted = asked.filter(&requester.caller, now);
    let ExportPage {
        mut exports,
        mut next,
        unreadable,
    } = app.exports.list(&query, wanted).await?;
    unreadable::report(&app.exports.tables().exports, unreadable);
    exports = visible(&app, &requester, (&profile).into(), exports).await?;
    let kept = fitting(exports.iter().map(stored_bytes));
    if kept < exports.len() {
        exports.truncate(kept);
        next = exports.last().map(|last| last.id);
    }

    let next = match next {
        Some(id) => Some(app.cursors().await?.seal(&scope, &id.to_string())?),
        None => None,
    };
    let meta = Meta {
        limit: asked.list.limit,
        next,
        unfinished: Some(exports.iter().any(|e| !e.status.is_final())),
        unreadable: unreadable::counted(unreadable),
        count: None,
    };
    let exports = views(&app, &requester, &exports, now).await?;
    let list = ExportList { exports, meta };
    let body = serde_json::to_vec(&list).map_err(|error| ApiError::Internal(error.into()))?;
    answer::revalidated(body, &headers, "private, no-cache")
}

/// The exports in the API's form; unfinished ones with the number of rows so far.
async fn views<'a>(
    app: &App,
    requester: &Requester,
    exports: &'a [Export],
    now: Timestamp,
) -> Result<Vec<ExportView<'a>>, ApiError> {
    let under_way = exports.iter().filter(|e| e.status == Status::Processing);
    let under_way: Vec<ExportId> = under_way.map(|e| e.id).collect();
    let progress = app.exports.progress(&under_way).await?;
    unreadable::report(&app.exports.tables().work, progress.unreadable);
    let kinds = app.kinds();
    let may = May::each(&app.permissions, requester, exports).await;
    let view = |(export, may): (&'a Export, May)| {
        let reached = progress.reached.get(&export.id);
        let reached = reached.copied().unwrap_or_default();
        ExportView::new(export, reached, may, now, &app.public_url, &kinds)
    };
    Ok(exports.iter().zip(may).map(view).collect())
}

/// The exports in a list of `listed` that the requester may see. Access depends on the root stored in the export, which the
/// parent may have left since.
async fn visible(
    app: &App,
    requester: &Requester,
    listed: Scope<'_>,
    exports: Vec<Export>,
) -> Result<Vec<Export>, ApiError> {
    // A permission to list a root's exports includes those of all parents that belong to it.
    let is_included = |export: &Export| {
        let is_within = export.root().is_some_and(|root| root == *listed.parent);
        is_within || Scope::from(export) == listed
    };
    let others = exports.iter().filter(|export| !is_included(export));
    let others: Vec<_> = others.map(|export| (Action::Read, export.into())).collect();
    let permissions = &app.permissions;
    let allowed = permissions.allow_each(requester, &others).await?;
    let mut allowed = allowed.into_iter();
    let is_visible = |export: &Export| is_included(export) || allowed.next() == Some(true);
    Ok(exports.into_iter().filter(is_visible).collect())
}

/// How many of the first items fit in a list; at least one, since one is never too long.
fn fitting(sizes: impl Iterator<Item = usize>) -> usize {
    let mut whole = 0;
    let fits = |size: &usize| {
        whole += size;
        whole <= MAX_BYTES
    };
    sizes.take_while(fits).count().max(1)
}

/// The approximate length of an export in a list, from its stored form.
fn stored_bytes(export: &Export) -> usize {
    serde_json::to_vec(export).map_or(0, |json| json.len())
}

async fn position(app: &App, scope: &str, cursor: &str) -> Result<ExportId, ApiError> {
    let position = app.cursors().await?.open(scope, cursor)?;
    position
        .parse()
        .map_err(|_| ApiError::Internal("a cursor has no valid export id".into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_stays_below_the_limit_of_lambda() {
        assert_eq!(fitting([64_000; 100].into_iter()), 78);
        assert_eq!(fitting([1_000; 100].into_iter()), 100);
        assert_eq!(fitting([6_000_000, 1].into_iter()), 1);
    }
}
