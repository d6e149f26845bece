//! `GET /v1/downloads/{uuid}`: checks the permission again, and redirects to a presigned URL of the file.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::header::{ACCEPT, LOCATION};
use http::{HeaderMap, Method, StatusCode};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;
use waybill::access_rules::Action;
use waybill::download_uuid::{export_id_of, is_download_of};
use waybill::event::{Event, EventKind};
use waybill::export::{Export, Status};
use waybill::file::name::content_disposition;
use waybill::store::StoreError;

use crate::app::App;
use crate::http::accept::accepts;
use crate::http::answer;
use crate::http::error::ApiError;
use crate::requester::{CurrentRequester, Requester};

/// The validity of a presigned URL. It is created before the file expires, so it is valid for at most this long
/// afterwards.
const LINK_VALIDITY: Duration = Duration::from_mins(5);

/// A URL that serves the file without a token, for five minutes.
#[derive(Serialize, ToSchema)]
pub(crate) struct Link {
    url: String,
    /// When the URL expires.
    expires_at: Timestamp,
}

pub(crate) async fn download(
    State(app): State<Arc<App>>,
    CurrentRequester(requester): CurrentRequester,
    uuid: Result<Path<String>, PathRejection>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let uuid = uuid
        .ok()
        .and_then(|Path(text)| parse(&text))
        .ok_or(ApiError::NotFound)?;
    let id = export_id_of(uuid).ok_or(ApiError::NotFound)?;
    let export = app.exports.export(id).await?.ok_or(ApiError::NotFound)?;
    if !is_download_of(&export, uuid) {
        return Err(ApiError::NotFound);
    }

    let now = app.now();
    if !app
        .permissions
        .allow(&requester, Action::Download, &export)
        .await?
    {
        // Without the cache: a requester who has just lost all permissions must get 404.
        let sees = app
            .permissions
            .allow_now(&requester, Action::Read, &export)
            .await?;
        if method != Method::HEAD {
            record(&app, &requester, &export, EventKind::Refused, now).await?;
        }
        return Err(match sees {
            true => ApiError::Forbidden(
                "You may see what this export is, but not download its file.".into(),
            ),
            false => ApiError::NotFound,
        });
    }
    let object = object(&export, now)?;
    if method == Method::HEAD {
        // A HEAD has no effect, so there is no record of a download and thus no URL.
        let status = match accepts_json(&headers) {
            true => StatusCode::OK,
            false => StatusCode::FOUND,
        };
        return Ok(status.into_response());
    }
    // The URL can be used once returned, so the download is recorded first.
    record(&app, &requester, &export, EventKind::Downloaded, now).await?;
    let link = presigned(&app, &export, object, now).await?;
    if accepts_json(&headers) {
        return answer::json(StatusCode::OK, &link);
    }
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::FOUND;
    answer::set(&mut response, LOCATION, &link.url)?;
    Ok(response)
}

async fn record(
    app: &App,
    requester: &Requester,
    export: &Export,
    kind: EventKind,
    now: Timestamp,
) -> Result<(), StoreError> {
    let event = Event::new(export, kind, now).by(requester.actor());
    app.exports.record(export, &event).await
}

/// Parses a UUID in the form of the links; other spellings are refused.
fn parse(text: &str) -> Option<Uuid> {
    let uuid = Uuid::try_parse(text).ok()?;
    (uuid.hyphenated().to_string() == text).then_some(uuid)
}

/// The key of the file's object, if the file can be downloaded.
fn object(export: &Export, now: Timestamp) -> Result<&str, ApiError> {
    let status = export.status_at(now);
    match status {
        Status::Waiting | Status::Processing => Err(ApiError::NotReady(status)),
        Status::Succeeded => match &export.file {
            Some(file) => Ok(&file.object),
            None => Err(ApiError::Internal(
                format!("export {} has no file", export.id).into(),
            )),
        },
        Status::Failed => {
            let reason = export
                .failure
                .as_ref()
                .map_or("", |failure| &failure.message);
            Err(ApiError::Gone(format!(
                "There is no file: the export failed. {reason}"
            )))
        }
        Status::Canceled => Err(ApiError::Gone(
            "There is no file: the export was canceled.".to_owned(),
        )),
        Status::Expired => {
            let end = export
                .expires_at
                .map_or(String::new(), |end| format!(" on {end:.0}"));
            let what = match &export.deleted_by {
                Some(person) => {
                    let name = person.name.as_deref().unwrap_or(&person.id);
                    format!("was deleted by {name}{end}")
                }
                None => format!("expired{end}"),
            };
            Err(ApiError::Gone(format!(
                "The file {what}. Start the export again for a new one."
            )))
        }
    }
}

/// A presigned URL of the object, which downloads it under the file's name.
async fn presigned(
    app: &App,
    export: &Export,
    object: &str,
    now: Timestamp,
) -> Result<Link, ApiError> {
    let disposition = content_disposition(&export.file_name);
    let (media_type, lasts) = (export.format.media_type(), LINK_VALIDITY);
    let url = app.bucket.presign(object, &disposition, media_type, lasts);
    Ok(Link {
        url: url
            .await
            .map_err(|error| ApiError::Internal(error.into()))?,
        expires_at: now + LINK_VALIDITY,
    })
}

/// Whether the client is a script in a page, which cannot follow a redirect to another origin with its token.
fn accepts_json(headers: &HeaderMap) -> bool {
    accepts(headers, ACCEPT, "application/json")
}
