//! Converts API Gateway's event to an HTTP request.

use http::Extensions;
use lambda_http::aws_lambda_events::apigw::{
    ApiGatewayV2httpRequest, ApiGatewayV2httpRequestContext,
};
use lambda_http::lambda_runtime::LambdaEvent;
use lambda_http::request::{LambdaRequest, RequestContext};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

/// The characters that must be encoded in a query (RFC 3986, section 3.4), and that the crate `http` refuses.
const NOT_IN_A_QUERY: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'#').add(b'<').add(b'>');

/// The characters that would end a path. The gateway decodes a path, so that one may have them.
const NOT_IN_A_PATH: &AsciiSet = &CONTROLS.add(b'?').add(b'#');

/// Converts the event for `lambda_http`. The gateway passes a query on unchanged, and `lambda_http` would panic on one
/// that is invalid in a URI.
pub fn request(
    LambdaEvent {
        mut payload,
        context,
    }: LambdaEvent<ApiGatewayV2httpRequest>,
) -> LambdaEvent<LambdaRequest> {
    payload.raw_path = payload
        .raw_path
        .map(|path| utf8_percent_encode(&path, NOT_IN_A_PATH).to_string());
    payload.raw_query_string = payload
        .raw_query_string
        .map(|query| utf8_percent_encode(&query, NOT_IN_A_QUERY).to_string());
    LambdaEvent {
        payload: LambdaRequest::ApiGatewayV2(payload),
        context,
    }
}

/// The request's context from API Gateway.
pub(crate) fn gateway(extensions: &Extensions) -> Option<&ApiGatewayV2httpRequestContext> {
    match extensions.get()? {
        RequestContext::ApiGatewayV2(context) => Some(context),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use lambda_http::{Context, Request};

    use super::*;

    #[test]
    fn no_query_and_no_path_causes_a_panic() {
        for (path, query, expected) in [
            (
                "/v1/x",
                "a=<b>&c=\"d e\"&f=é#g",
                "a=%3Cb%3E&c=%22d%20e%22&f=%C3%A9%23g",
            ),
            (
                "/v1/x",
                "a=%3Cb%3E&%zz=%ff+{}|\\^`[]",
                "a=%3Cb%3E&%zz=%ff+{}|\\^`[]",
            ),
            ("//evil.example/\"<é >", "a=b", "a=b"),
            ("/v1/x/y?b=c#d/catalog", "a=b", "a=b"),
        ] {
            let mut payload = ApiGatewayV2httpRequest::default();
            payload.raw_path = Some(path.to_owned());
            payload.raw_query_string = Some(query.to_owned());
            payload.request_context.domain_name = Some("api.example".to_owned());
            let event = request(LambdaEvent::new(payload, Context::default()));
            let request = Request::from(event.payload);
            assert_eq!(request.uri().host(), Some("api.example"));
            assert_eq!(request.uri().query(), Some(expected), "{path} {query}");
            let slashes = |path: &str| path.split('/').count();
            assert_eq!(slashes(request.uri().path()), slashes(path), "{path}");
        }
    }
}
