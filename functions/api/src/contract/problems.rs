//! The errors of the API in the contract, generated from [`ApiError`].

use serde_json::{Value, json};
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::response::{Response, ResponseBuilder};
use waybill::export::Status;

use super::schemas;
use crate::http::error::ApiError;

/// The gateway's own answer to a request without a valid token.
pub(super) const GATEWAY_401: &str = "GatewayUnauthorized";

/// The name of the problem's response in the contract.
pub(super) fn name(status: u16) -> String {
    format!("Problem{status}")
}

/// One example for each status.
fn examples() -> Vec<ApiError> {
    vec![
        ApiError::NotJson("EOF while parsing a value at line 1 column 0".to_owned()),
        ApiError::Forbidden("Staff may see exports, but not start them.".into()),
        ApiError::NotFound,
        ApiError::TooLate(Status::Succeeded),
        ApiError::Gone(
            "The file expired on 2026-11-28T12:01:09Z. Start the export again for a new one."
                .to_owned(),
        ),
        ApiError::BodyTooLarge,
        ApiError::NotJsonType,
        ApiError::field("format", "must be csv or xlsx"),
        ApiError::TooMany { retry_after: 17 },
        ApiError::Internal("internal details are not shown".into()),
        ApiError::Busy,
    ]
}

/// The responses that operations refer to.
pub(super) fn responses() -> Vec<(String, Response)> {
    let problems = examples().into_iter().map(|error| {
        let problem = error.problem(Some("bDZhYjE1NjYtOGE1Yy00"));
        let status = error.status();
        let content = ContentBuilder::new()
            .schema(Some(schemas::named("Problem")))
            // Texts and numbers can always be serialized.
            .example(Some(serde_json::to_value(&problem).unwrap_or_default()));
        let mut response = ResponseBuilder::new()
            .description(status.canonical_reason().unwrap_or_default())
            .content("application/problem+json", content.build());
        if error.retry_after().is_some() {
            let wait = "Seconds after which the same request may succeed.";
            let header = HeaderBuilder::new().description(Some(wait)).build();
            response = response.header("Retry-After", header);
        }
        (name(status.as_u16()), response.build())
    });
    problems
        .chain([(GATEWAY_401.to_owned(), unauthorized())])
        .collect()
}

fn unauthorized() -> Response {
    let example: Value = json!({"message": "Unauthorized"});
    let content = ContentBuilder::new()
        .schema(Some(schemas::named("GatewayMessage")))
        .example(Some(example));
    ResponseBuilder::new()
        .description(
            "No valid token. The gateway itself answers; where the function verifies tokens, the answer is a `Problem` with a \
             `code`, and the header `WWW-Authenticate` is as in RFC 6750.",
        )
        .content("application/json", content.build())
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_status_has_one_example() {
        let statuses: Vec<u16> = examples()
            .iter()
            .map(|error| error.status().as_u16())
            .collect();
        assert_eq!(
            statuses,
            [400, 403, 404, 409, 410, 413, 415, 422, 429, 500, 503]
        );
    }
}
