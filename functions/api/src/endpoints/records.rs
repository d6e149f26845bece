//! `GET /v1/{parents}/{id}/records/{type}`: what an export would hold, newest first.

mod count;
mod page;
mod query;

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use waybill::access_rules::Action;
use waybill::catalog::{Catalog, ExportType};
use waybill::parent::ParentKind;
use waybill::parent_profile::ParentProfile;
use waybill::records::{Order, Range, ReadRequest, RecordsError, RecordsSource};
use waybill::selection::{Projection, Selection};

pub(crate) use self::count::count;
use self::page::{Found, Record};
use self::query::RecordsQuery;
use super::view::{Count, Meta};
use crate::app::App;
use crate::http::answer;
use crate::http::error::ApiError;
use crate::http::path::{PathParent, PathType};
use crate::http::query::Pairs;
use crate::requester::Requester;

/// Some of the records that an export would hold.
#[derive(Serialize, ToSchema)]
pub(crate) struct RecordList {
    /// Newest first: values by the keys of their columns. A number that a double cannot hold exactly is a text.
    #[schema(value_type = Vec<Object>)]
    records: Vec<Record>,
    meta: Meta,
}

/// The longest position of a source in a cursor, in bytes. API Gateway takes 10,240 bytes of request line and headers,
/// which also have the filters and the token. Longer positions, of many partitions or long keys, are kept in a table.
const MAX_POSITION: usize = 2_000;

/// The position at which the next page starts. `as_of` is fixed by the first page, so records that are created later do
/// not shift later pages.
#[derive(Serialize, Deserialize)]
struct Position {
    as_of: Timestamp,
    /// The last record that was examined; null before the first.
    after: Option<String>,
    /// The id of a position that is too long for a cursor, in place of `after`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    kept: Option<String>,
    /// Records on the pages before.
    found: u64,
}

impl Position {
    fn first(as_of: Timestamp) -> Self {
        Self {
            as_of,
            after: None,
            kept: None,
            found: 0,
        }
    }
}

pub(crate) async fn list(
    State(app): State<Arc<App>>,
    requester: Requester,
    of: PathParent,
    PathType(type_name): PathType,
    pairs: Pairs,
) -> Result<Response, ApiError> {
    let (profile, export_type) = readable(&app, &requester, &of, &type_name).await?;
    let export_type = &export_type;
    let asked = RecordsQuery::parse(pairs, export_type).map_err(ApiError::Invalid)?;
    let scope = asked.scope(&format!("{}/records/{type_name}", of.path()))?;
    let start = match &asked.list.cursor {
        Some(cursor) => position(&app, &scope, cursor).await?,
        None => Position::first(app.now()),
    };
    let selection = asked
        .criteria
        .pin(start.as_of, &asked.time_zone)
        .map_err(ApiError::Invalid)?;
    let projection = Projection::new(export_type, &asked.columns, &selection);
    let projection = app.mask_secrets.complete(projection).await?;
    let mut source = source(&app, export_type, &profile, &selection, &projection, &start).await?;
    let (as_of, after) = (start.as_of, start.after.clone());
    let found = page::page(&mut source, &asked, &projection, as_of, after).await;
    source.close().await;
    let Found { records, next } = found?;
    let value = start.found + records.len() as u64;
    let exact = next.is_none();
    let next = match next {
        None => None,
        Some(after) => {
            let position = Position {
                after,
                found: value,
                ..start
            };
            Some(sealed(&app, &scope, position).await?)
        }
    };
    let meta = Meta {
        limit: asked.list.limit,
        next,
        unfinished: None,
        unreadable: None,
        count: Some(Count { value, exact }),
    };
    answer::json(StatusCode::OK, &RecordList { records, meta })
}

/// The profile of a parent, and the type whose records the requester may read there.
async fn readable(
    app: &App,
    requester: &Requester,
    PathParent { parent, kind }: &PathParent,
    type_name: &str,
) -> Result<(ParentProfile, ExportType), ApiError> {
    let profile = app.parents.get(parent, &app.kinds()).await?;
    let otherwise = "You may see exports here, but not read records.";
    let permissions = &app.permissions;
    permissions
        .require(requester, Action::ReadRecords, &profile, otherwise)
        .await?;
    let catalog = app.catalog();
    app.require_in_service(type_name)?;
    let export_type = type_of(&catalog, type_name, kind)?;
    let export_type = export_type.with_definitions(&profile.definitions, parent.id());
    match export_type.records.is_listed() {
        true => Ok((profile, export_type)),
        false => Err(ApiError::NotListed(type_name.to_owned())),
    }
}

/// The type of this name, where it is of the parent's kind.
fn type_of<'a>(
    catalog: &'a Catalog,
    name: &str,
    kind: &ParentKind,
) -> Result<&'a ExportType, ApiError> {
    let export_type = catalog.get(name).ok_or(ApiError::NotFound)?;
    if export_type.parent == kind.name {
        return Ok(export_type);
    }
    let kind = export_type.parent.words();
    let message = format!("belongs to a {kind}; read it there");
    Err(ApiError::field("type", message))
}

async fn sealed(app: &App, scope: &str, mut position: Position) -> Result<String, ApiError> {
    position.kept = None;
    if let Some(long) = position.after.take_if(|after| after.len() > MAX_POSITION) {
        position.kept = Some(app.cursor_store.keep(&long, app.now()).await?);
    }
    let position = serde_json::to_string(&position);
    let position = position.map_err(|error| ApiError::Internal(error.into()))?;
    app.cursors().await?.seal(scope, &position)
}

async fn position(app: &App, scope: &str, cursor: &str) -> Result<Position, ApiError> {
    let position = app.cursors().await?.open(scope, cursor)?;
    let position = serde_json::from_str(&position);
    let mut position: Position = position.map_err(|error| ApiError::Internal(error.into()))?;
    if let Some(id) = &position.kept {
        let kept = app.cursor_store.kept(id).await?;
        position.after = Some(kept.ok_or_else(ApiError::stale_cursor)?);
    }
    Ok(position)
}

/// The records that the selection is made from, as an export asked for at the first page would read them, but the
/// newest first.
async fn source(
    app: &App,
    export_type: &ExportType,
    profile: &ParentProfile,
    selection: &Selection,
    projection: &Projection,
    start: &Position,
) -> Result<RecordsSource, ApiError> {
    let spec = &export_type.records;
    let reading = ReadRequest {
        spec,
        parent_id: profile.parent.id(),
        root_id: profile.root_id.as_deref(),
        projection,
        range: Range::new(selection, start.as_of),
        order: Order::Descending,
        // A list that began with what other types have in the same partition would be long in coming.
        reads_outside: spec.fixed().is_empty(),
        strong_until: None,
        is_file: false,
    };
    let source = app.records.open(reading, start.after.as_deref()).await;
    source.map_err(|error| match error {
        // The catalog has changed since the page before.
        RecordsError::Position => ApiError::stale_cursor(),
        other => other.into(),
    })
}
