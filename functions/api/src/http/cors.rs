//! CORS preflight requests (Fetch standard).

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::ACCESS_CONTROL_REQUEST_METHOD;
use http::{Method, StatusCode};

/// Answers preflights with success and no CORS headers. API Gateway adds the headers of its own CORS configuration to
/// the answer, if it has one.
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
