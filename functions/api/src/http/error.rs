//! The errors of requests, and their mapping to HTTP. No other module maps errors to status codes.

use std::borrow::Cow;
use std::error::Error;
use std::sync::Arc;

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;
use waybill::export::Status;
use waybill::field_error::FieldError;
use waybill::grants_function::GrantsFunctionError;
use waybill::records::RecordsError;
use waybill::store::{COUNT_LIMIT, RATE_LIMIT, StoreError};

use super::body::MAX_BODY_BYTES;
pub(crate) use super::token_error::TokenError;

/// `Retry-After` in seconds for a transient error.
const RETRY_SECONDS: u64 = 5;

/// Why a request failed. The text is the problem's `detail`, which tells the user what to do.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// The request has no valid token.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The keys of the token's issuer are not known.
    #[error("the token cannot be verified")]
    KeysUnknown(#[source] Box<dyn Error + Send + Sync>),
    /// The requester may see the resource, but not do this.
    #[error("{0}")]
    Forbidden(Cow<'static, str>),
    /// The resource does not exist, or the requester may not see it.
    #[error("There is nothing at this address, or you may not see it.")]
    NotFound,
    #[error(
        "This address does not take this method; the header `Allow` names those that it takes."
    )]
    MethodNotAllowed,
    /// A cancel of a final export.
    #[error("The export has {} already; only one that is waiting or processing can be canceled.", .0.as_str())]
    TooLate(Status),
    /// A deletion of a file that there is not.
    #[error("There is no file to delete: the export is {}.", .0.as_str())]
    NoFile(Status),
    /// A download before the export has succeeded.
    #[error("The file is not ready: the export is {}. Ask again once its status is `succeeded`.", .0.as_str())]
    NotReady(Status),
    /// The file no longer exists, or never will, for this reason.
    #[error("{0}")]
    Gone(String),
    #[error("The body may have at most {MAX_BODY_BYTES} bytes.")]
    BodyTooLarge,
    #[error("Send the body as `Content-Type: application/json`.")]
    NotJsonType,
    /// The body is not valid JSON.
    #[error("The body must be a JSON object: {0}.")]
    NotJson(String),
    /// These fields are invalid.
    #[error("{}", summary(.0))]
    Invalid(Vec<FieldError>),
    #[error("This Idempotency-Key was used for another request; use a new key for this one.")]
    KeyReused,
    /// The user has reached the rate limit.
    #[error(
        "You have started {RATE_LIMIT} exports within a minute. Start the next one in {retry_after} s."
    )]
    TooMany { retry_after: u64 },
    /// The records of a parent have been counted too often.
    #[error(
        "These records have been counted {COUNT_LIMIT} times within a minute. Count them again in {retry_after} s."
    )]
    TooManyCounts { retry_after: u64 },
    /// The type of this name is out of service.
    #[error(
        "Exports of `{0}` are out of service: their configuration is wrong. Whoever runs this service must mend it."
    )]
    OutOfService(String),
    /// The records of the type of this name cannot be listed.
    #[error(
        "The records of `{0}` cannot be listed, since their table is read as a whole; export them instead."
    )]
    NotListed(String),
    /// Every try met a concurrent write.
    #[error("Too many simultaneous requests. This one was not carried out; send it again.")]
    Busy,
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The host's grants function did not answer.
    #[error(transparent)]
    PermissionsUnknown(#[from] GrantsFunctionError),
    /// The host's records could not be read.
    #[error(transparent)]
    Records(#[from] RecordsError),
    /// A bug: an invariant does not hold, for this reason.
    #[error("{0}")]
    Internal(Box<dyn Error + Send + Sync>),
}

impl ApiError {
    /// An error for one invalid field.
    pub(crate) fn field(field: &str, message: impl Into<String>) -> Self {
        Self::Invalid(vec![FieldError::new(field, message)])
    }

    /// A cursor that is not valid for the list.
    pub(crate) fn stale_cursor() -> Self {
        Self::field(
            "cursor",
            "must be the `next` of this same list with the same filters",
        )
    }

    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::Token(_) => StatusCode::UNAUTHORIZED,
            Self::Forbidden(_) => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooLate(_)
            | Self::NoFile(_)
            | Self::NotReady(_)
            | Self::NotListed(_)
            | Self::Records(RecordsError::NoRoot) => StatusCode::CONFLICT,
            Self::Gone(_) => StatusCode::GONE,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::NotJsonType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::NotJson(_) => StatusCode::BAD_REQUEST,
            Self::Invalid(_) | Self::KeyReused => StatusCode::UNPROCESSABLE_ENTITY,
            Self::TooMany { .. } | Self::TooManyCounts { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Busy
            | Self::OutOfService(_)
            | Self::PermissionsUnknown(_)
            | Self::KeysUnknown(_)
            | Self::Store(StoreError::Unavailable(_))
            | Self::Records(RecordsError::Unavailable(_) | RecordsError::NotYet { .. }) => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::Records(error) if error.is_for_operator() => StatusCode::SERVICE_UNAVAILABLE,
            Self::Store(StoreError::Malformed { .. }) | Self::Records(_) | Self::Internal(_) => {
                StatusCode::INTERNAL_SERVER_ERROR
            }
        }
    }

    /// Seconds after which the same request may succeed.
    pub(crate) fn retry_after(&self) -> Option<u64> {
        match self {
            Self::TooMany { retry_after } | Self::TooManyCounts { retry_after } => {
                Some(*retry_after)
            }
            // It does not pass by itself.
            Self::OutOfService(_) => None,
            Self::Records(error) if error.is_for_operator() => None,
            other if other.status() == StatusCode::SERVICE_UNAVAILABLE => Some(RETRY_SECONDS),
            _ => None,
        }
    }

    /// The body of the answer (RFC 9457), without internal details.
    pub(crate) fn problem(&self, request_id: Option<&str>) -> Problem {
        let status = self.status();
        let detail = match self {
            Self::Store(StoreError::Unavailable(_))
            | Self::Records(RecordsError::Unavailable(_) | RecordsError::NotYet { .. }) => {
                "The service cannot answer at the moment. Send the request again in a few seconds."
                    .to_owned()
            }
            Self::KeysUnknown(_) => {
                "The token cannot be verified at the moment. Send the request again in a few seconds."
                    .to_owned()
            }
            Self::PermissionsUnknown(_) => {
                "What you may do cannot be checked at the moment. Send the request again in a few seconds."
                    .to_owned()
            }
            Self::Records(RecordsError::NoRoot) => {
                "Nothing says what this belongs to, by which its records are found. Describe it with PUT."
                    .to_owned()
            }
            Self::Records(error) if error.is_for_operator() => {
                "The records cannot be read: their configuration is wrong. Whoever runs this service must mend it."
                    .to_owned()
            }
            Self::Store(StoreError::Malformed { .. }) | Self::Records(_) | Self::Internal(_) => {
                "Something went wrong on our side. If it happens again, tell support the request_id."
                    .to_owned()
            }
            other => other.to_string(),
        };
        Problem {
            kind: "about:blank",
            title: status.canonical_reason().unwrap_or_default(),
            status: status.as_u16(),
            detail,
            request_id: request_id.map(str::to_owned),
            code: match self {
                Self::Token(error) => Some(error.code()),
                _ => None,
            },
            errors: match self {
                Self::Invalid(errors) => errors.clone(),
                _ => Vec::new(),
            },
        }
    }

    /// The error and its causes, for the log.
    pub(crate) fn chain(&self) -> String {
        let mut text = self.to_string();
        // The variants that wrap another error have its text as their own.
        let mut cause = match self {
            Self::Internal(error) => error.source(),
            other => other.source(),
        };
        while let Some(error) = cause {
            text = format!("{text}: {error}");
            cause = error.source();
        }
        text
    }
}

/// The handler returns only the status with the error attached. [`crate::http::answer`] writes the body, since it has
/// the request id.
impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(Arc::new(self));
        response
    }
}

/// Problem details (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Problem {
    #[serde(rename = "type")]
    kind: &'static str,
    /// The status in words.
    title: &'static str,
    status: u16,
    /// What is wrong, and what to do.
    detail: String,
    /// The request id, for support.
    request_id: Option<String>,
    /// `token_missing`, `token_expired` (get a new one) or `token_refused`; only with 401.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
    /// The invalid fields; only with 422.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldError>,
}

fn summary(errors: &[FieldError]) -> String {
    match errors {
        [only] => format!("`{}` {}.", only.field, only.message),
        more => format!("{} fields are invalid; see `errors`.", more.len()),
    }
}

#[cfg(test)]
mod tests {
    use waybill::aws::CallError;

    use super::*;

    #[test]
    fn every_error_has_its_status_and_says_what_to_do() {
        let throttled = || CallError::with_code("GetItem", "Throttled", "secret");
        let unavailable = StoreError::Unavailable(throttled().with_table("secret-table"));
        let malformed = StoreError::Malformed {
            table: "secret-table".into(),
            source: "inner".into(),
        };
        let one = vec![FieldError::new(
            "limit",
            "must be a whole number from 1 to 100",
        )];
        let two = vec![one[0].clone(), one[0].clone()];
        let table = [
            ApiError::Token(TokenError::Missing),
            ApiError::Token(TokenError::LongSubject),
            ApiError::Token(TokenError::Expired),
            ApiError::KeysUnknown("secret".into()),
            ApiError::Forbidden("You may not.".into()),
            ApiError::NotFound,
            ApiError::MethodNotAllowed,
            ApiError::TooLate(Status::Failed),
            ApiError::NotReady(Status::Waiting),
            ApiError::Gone("It is over.".into()),
            ApiError::BodyTooLarge,
            ApiError::NotJsonType,
            ApiError::NotJson("expected value at line 1 column 1".into()),
            ApiError::Invalid(one),
            ApiError::Invalid(two),
            ApiError::KeyReused,
            ApiError::TooMany { retry_after: 17 },
            ApiError::TooManyCounts { retry_after: 17 },
            ApiError::OutOfService("orders".into()),
            ApiError::Busy,
            ApiError::Store(unavailable),
            ApiError::PermissionsUnknown(GrantsFunctionError::NotCalled(throttled())),
            ApiError::Store(malformed),
            ApiError::Records(throttled().into()),
            ApiError::Records(RecordsError::Denied {
                table: "secret-table".into(),
            }),
            ApiError::Internal("secret".into()),
        ];
        let said: Vec<String> = table
            .iter()
            .map(|error| {
                let problem = error.problem(None);
                let retry = error
                    .retry_after()
                    .map_or(String::new(), |s| format!(" [{s} s]"));
                format!(
                    "{} {}{retry}: {}",
                    problem.status, problem.title, problem.detail
                )
            })
            .collect();
        insta::assert_snapshot!(said.join("\n"), @"
        401 Unauthorized: Send a valid access token in the header `Authorization: Bearer …`.
        401 Unauthorized: The token's `sub` has more than 1024 bytes, so nothing can be kept for this person.
        401 Unauthorized: The token has expired. Get a new one.
        503 Service Unavailable [5 s]: The token cannot be verified at the moment. Send the request again in a few seconds.
        403 Forbidden: You may not.
        404 Not Found: There is nothing at this address, or you may not see it.
        405 Method Not Allowed: This address does not take this method; the header `Allow` names those that it takes.
        409 Conflict: The export has failed already; only one that is waiting or processing can be canceled.
        409 Conflict: The file is not ready: the export is waiting. Ask again once its status is `succeeded`.
        410 Gone: It is over.
        413 Payload Too Large: The body may have at most 65536 bytes.
        415 Unsupported Media Type: Send the body as `Content-Type: application/json`.
        400 Bad Request: The body must be a JSON object: expected value at line 1 column 1.
        422 Unprocessable Entity: `limit` must be a whole number from 1 to 100.
        422 Unprocessable Entity: 2 fields are invalid; see `errors`.
        422 Unprocessable Entity: This Idempotency-Key was used for another request; use a new key for this one.
        429 Too Many Requests [17 s]: You have started 3 exports within a minute. Start the next one in 17 s.
        429 Too Many Requests [17 s]: These records have been counted 60 times within a minute. Count them again in 17 s.
        503 Service Unavailable: Exports of `orders` are out of service: their configuration is wrong. Whoever runs this service must mend it.
        503 Service Unavailable [5 s]: Too many simultaneous requests. This one was not carried out; send it again.
        503 Service Unavailable [5 s]: The service cannot answer at the moment. Send the request again in a few seconds.
        503 Service Unavailable [5 s]: What you may do cannot be checked at the moment. Send the request again in a few seconds.
        500 Internal Server Error: Something went wrong on our side. If it happens again, tell support the request_id.
        503 Service Unavailable [5 s]: The service cannot answer at the moment. Send the request again in a few seconds.
        503 Service Unavailable: The records cannot be read: their configuration is wrong. Whoever runs this service must mend it.
        500 Internal Server Error: Something went wrong on our side. If it happens again, tell support the request_id.
        ");
    }

    #[test]
    fn a_problem_has_the_members_of_rfc_9457_and_the_request_id() {
        let problem = ApiError::field("type", "is required").problem(Some("r-1"));
        insta::assert_snapshot!(serde_json::to_string(&problem).unwrap(), @r#"{"type":"about:blank","title":"Unprocessable Entity","status":422,"detail":"`type` is required.","request_id":"r-1","errors":[{"field":"type","message":"is required"}]}"#);
        let problem = ApiError::NotFound.problem(None);
        insta::assert_snapshot!(serde_json::to_string(&problem).unwrap(), @r#"{"type":"about:blank","title":"Not Found","status":404,"detail":"There is nothing at this address, or you may not see it.","request_id":null}"#);
    }

    #[test]
    fn the_log_has_the_whole_chain_once() {
        let inner = std::io::Error::other("inner");
        let error = ApiError::Store(StoreError::Malformed {
            table: "t".into(),
            source: Box::new(inner),
        });
        assert_eq!(error.chain(), "an item of table t cannot be read: inner");
        assert_eq!(
            ApiError::Internal("it is not there".into()).chain(),
            "it is not there"
        );
    }
}
