//! What a browser asks before a page of another origin may call the API (the Fetch standard's CORS preflight).

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::ACCESS_CONTROL_REQUEST_METHOD;
use http::{Method, StatusCode};

/// Answers preflights with success and nothing else: whom they let in is the gateway's to say, which puts the headers
/// of its own configuration into this answer, and none where it has no such configuration.
pub(crate) async fn preflight(request: Request, next: Next) -> Response {
    let is_preflight = request.method() == Method::OPTIONS
        && request
            .headers()
            .contains_key(ACCESS_CONTROL_REQUEST_METHOD);
    match is_preflight {
        true => StatusCode::NO_CONTENT.into_response(),
        false => next.run(request).await,
    }
}
