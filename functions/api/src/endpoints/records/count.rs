//! `GET /v1/{parents}/{id}/records/{type}/count`: how many records an export would have.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use tokio::time::{Instant, timeout_at};
use waybill::records::RecordsError;
use waybill::selection::Projection;

use super::{Position, RecordsQuery, readable, source};
use crate::app::App;
use crate::endpoints::view::Count;
use crate::http::answer;
use crate::http::error::ApiError;
use crate::http::path::{PathParent, PathType};
use crate::http::query::Pairs;
use crate::requester::Requester;

/// How long records are counted. What was found until then is a lower bound.
const LONGEST: Duration = Duration::from_secs(2);

pub(crate) async fn count(
    State(app): State<Arc<App>>,
    requester: Requester,
    of: PathParent,
    PathType(type_name): PathType,
    pairs: Pairs,
) -> Result<Response, ApiError> {
    let end = Instant::now() + LONGEST;
    let (profile, export_type) = readable(&app, &requester, &of, &type_name).await?;
    let asked = RecordsQuery::of_count(pairs, &export_type).map_err(ApiError::Invalid)?;
    let start = Position::first(app.now());
    if let Some(retry_after) = app.count_limit.add(&profile.parent, app.now()).await? {
        return Err(ApiError::TooManyCounts { retry_after });
    }
    let selection = asked
        .criteria
        .pin(start.as_of, &asked.time_zone)
        .map_err(ApiError::Invalid)?;
    // Only what decides whether a record is counted is read.
    let projection = Projection::new(&export_type, &[], &selection);
    let projection = app.mask_secrets.complete(projection).await?;
    let source = source(
        &app,
        &export_type,
        &profile,
        &selection,
        &projection,
        &start,
    )
    .await?;
    let mut source = source.with_read_ahead();
    let (mut value, mut is_sure) = (0, true);
    let exact = loop {
        match timeout_at(end, source.next()).await {
            Err(_) => break Ok(false),
            Ok(Ok(None)) => break Ok(is_sure),
            Ok(Err(error)) => break Err::<bool, RecordsError>(error),
            Ok(Ok(Some(page))) => {
                let mut values = Vec::new();
                for n in 0..page.len() {
                    page.values(n, &projection, &mut values);
                    let decision = projection.decide(&values, page.key_time(n), start.as_of);
                    value += u64::from(decision.is_in());
                    // An export that finds only such records fails.
                    is_sure &= !decision.is_doubtful();
                }
            }
        }
    };
    source.close().await;
    let exact = exact?;
    answer::json(StatusCode::OK, &Count { value, exact })
}
