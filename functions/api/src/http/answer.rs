//! Completes all answers: problems as JSON, headers, and one log line.

use std::sync::Arc;
use std::time::Instant;

use axum::body::{Body, Bytes};
use axum::extract::{MatchedPath, Request};
use axum::middleware::Next;
use axum::response::Response;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use http::header::{
    CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, ETAG, HeaderName, IF_NONE_MATCH, LOCATION,
    RETRY_AFTER, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderValue, StatusCode};
use jiff::Timestamp;
use lambda_http::Context;
use serde::Serialize;
use sha2::{Digest, Sha256};
use waybill::download_uuid::export_id_of;
use waybill::export::ExportId;

use super::error::ApiError;
use super::event::gateway;

const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// An answer in JSON.
///
/// # Errors
/// When the value cannot be serialized, which is a bug.
pub(crate) fn json<T: Serialize>(status: StatusCode, value: &T) -> Result<Response, ApiError> {
    let body = serde_json::to_vec(value).map_err(|error| ApiError::Internal(error.into()))?;
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}

/// The instant cut to milliseconds, the precision of JavaScript's dates.
pub(crate) fn in_milliseconds(at: Timestamp) -> Timestamp {
    // Always in range, since it is within a millisecond of a valid instant.
    Timestamp::from_millisecond(at.as_millisecond()).unwrap_or(at)
}

/// Sets a header of an answer.
///
/// # Errors
/// When the text is no valid header value, which is a bug.
pub(crate) fn set(response: &mut Response, name: HeaderName, value: &str) -> Result<(), ApiError> {
    let value = HeaderValue::from_str(value).map_err(|error| ApiError::Internal(error.into()))?;
    response.headers_mut().insert(name, value);
    Ok(())
}

/// JSON with its ETag, or 304 if the client has the same (RFC 9110, section 13.1.2).
///
/// # Errors
/// As [`set`].
pub(crate) fn revalidated(
    body: impl Into<Bytes>,
    headers: &HeaderMap,
    cache_control: &str,
) -> Result<Response, ApiError> {
    let body = body.into();
    let etag = format!(
        "\"{}\"",
        BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(&body))
    );
    let mut response = Response::new(Body::empty());
    if is_known(headers, &etag) {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    } else {
        *response.body_mut() = Body::from(body);
        response
            .headers_mut()
            .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    set(&mut response, ETAG, &etag)?;
    set(&mut response, CACHE_CONTROL, cache_control)?;
    Ok(response)
}

fn is_known(headers: &HeaderMap, etag: &str) -> bool {
    headers
        .get_all(IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        // Weak comparison, since a proxy may have made the tag weak.
        .any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
}

/// Completes the answer to every request, and logs it.
pub(crate) async fn complete(request: Request, next: Next) -> Response {
    let started = Instant::now();
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let request_id = request_id(&request);
    let path = request.uri().path().to_owned();

    let mut response = next.run(request).await;
    let export_id = export_of(&path, &response);
    if response.status() == StatusCode::METHOD_NOT_ALLOWED {
        response
            .extensions_mut()
            .insert(Arc::new(ApiError::MethodNotAllowed));
    }
    if let Some(error) = response.extensions_mut().remove::<Arc<ApiError>>() {
        if response.status().is_server_error() {
            tracing::error!(
                export.id = export_id,
                request_id,
                error = error.chain(),
                "request failed"
            );
        }
        write_problem(&mut response, &error, request_id.as_deref());
    }
    let headers = response.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if path.starts_with("/v1/") {
        headers.entry(CACHE_CONTROL).or_insert(NO_STORE);
    }

    tracing::info!(
        %method,
        // The route, not the path, which contains ids or the UUID of a download.
        route = route.as_ref().map_or("none", MatchedPath::as_str),
        status = response.status().as_u16(),
        duration_ms = started.elapsed().as_millis() as u64,
        export.id = export_id,
        request_id,
        "request"
    );
    response
}

/// The id of the export that a request is about: of the path, of the UUID of a download, or of the created export.
fn export_of(path: &str, response: &Response) -> Option<String> {
    let id = |path: &str| path.split('/').next().unwrap_or_default().parse().ok();
    let location = response.headers().get(LOCATION);
    let created = location.filter(|_| response.status() == StatusCode::CREATED);
    let created = created.and_then(|location| location.to_str().ok()?.rsplit('/').next());
    let id: ExportId = match (path.strip_prefix("/v1/exports/"), created) {
        (Some(rest), _) => id(rest),
        (None, Some(created)) => id(created),
        (None, None) => {
            let uuid = path.strip_prefix("/v1/downloads/")?;
            export_id_of(uuid.parse().ok()?)
        }
    }?;
    Some(id.to_string())
}

fn write_problem(response: &mut Response, error: &ApiError, request_id: Option<&str>) {
    let problem = error.problem(request_id);
    // Texts and numbers can always be serialized.
    *response.body_mut() = Body::from(serde_json::to_vec(&problem).unwrap_or_default());
    let headers = response.headers_mut();
    headers.remove(CONTENT_LENGTH);
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("application/problem+json"),
    );
    headers.insert(CACHE_CONTROL, NO_STORE);
    if let ApiError::Token(error) = error
        && let Ok(challenge) = HeaderValue::from_str(&error.challenge())
    {
        headers.insert(WWW_AUTHENTICATE, challenge);
    }
    if let Some(seconds) = error.retry_after() {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
}

/// API Gateway's request id, which is in its access log.
fn request_id(request: &Request) -> Option<String> {
    let context = request.extensions().get::<Context>();
    gateway(request.extensions())
        .and_then(|context| context.request_id.clone())
        .or_else(|| context.map(|context| context.request_id.clone()))
}
