//! A gateway: a request becomes API Gateway's event, the function answers it, and its answer becomes a response.

use std::collections::HashMap;
use std::sync::Arc;

use api::{App, contract, request, router};
use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use lambda_http::aws_lambda_events::apigw::{
    ApiGatewayRequestAuthorizer, ApiGatewayRequestAuthorizerJwtDescription, ApiGatewayV2httpRequest,
};
use lambda_http::tower::ServiceExt;
use lambda_http::{Adapter, Context, LambdaEvent, Service};
use percent_encoding::percent_decode_str;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};

use crate::http::Answer;

/// What the function answers to an event.
pub(super) async fn answer(
    app: Arc<App>,
    public_url: &str,
    event: ApiGatewayV2httpRequest,
) -> Answer {
    let event = LambdaEvent::new(event, Context::default());
    let response = {
        // A router is always ready. Only its answer may be sent to another thread.
        let mut service = Adapter::from(router(app, contract(public_url))).map_request(request);
        service.call(event)
    };
    let response = response.await;
    let response = response.unwrap_or_else(|never| match never {});
    let response = serde_json::to_value(response).expect("the response in JSON");
    let body = response["body"].as_str().unwrap_or_default();
    Answer {
        status: response["statusCode"]
            .as_u64()
            .and_then(|status| status.try_into().ok())
            .expect("a status"),
        headers: headers(&response["headers"]),
        body: match response["isBase64Encoded"] == true {
            true => BASE64_STANDARD.decode(body).expect("base64"),
            false => body.as_bytes().to_vec(),
        },
    }
}

/// What the gateway says by itself to somebody whose token it does not know, and under `/v1` alone.
pub(super) fn refusal(asked: &reqwest::Request) -> Option<Answer> {
    let is_closed = asked.url().path().starts_with("/v1/") && claims(asked.headers()).is_none();
    is_closed.then(|| Answer {
        status: 401,
        headers: HeaderMap::new(),
        body: json!({"message": "Unauthorized"}).to_string().into_bytes(),
    })
}

/// The event that a request becomes.
pub(super) fn event(asked: &reqwest::Request) -> ApiGatewayV2httpRequest {
    let url = asked.url();
    let mut event = ApiGatewayV2httpRequest::default();
    let path = percent_decode_str(url.path()).decode_utf8_lossy();
    event.raw_path = Some(path.into_owned());
    event.raw_query_string = Some(url.query().unwrap_or_default().to_owned());
    for name in asked.headers().keys() {
        let values = asked.headers().get_all(name).iter();
        let all: Vec<&[u8]> = values.map(HeaderValue::as_bytes).collect();
        let all = HeaderValue::from_bytes(&all.join(&b","[..])).expect("a header's value");
        event.headers.insert(name.clone(), all);
    }
    let body = asked.body().and_then(|body| body.as_bytes());
    event.body = body.map(|body| String::from_utf8(body.to_vec()).expect("a text"));
    let context = &mut event.request_context;
    context.request_id = Some("r-1".into());
    context.http.method = asked.method().clone();
    context.http.source_ip = Some("127.0.0.1".into());
    context.authorizer = claims(asked.headers()).map(|claims| {
        let mut jwt = ApiGatewayRequestAuthorizerJwtDescription::default();
        jwt.claims = claims;
        let mut authorizer = ApiGatewayRequestAuthorizer::default();
        authorizer.jwt = Some(jwt);
        authorizer
    });
    event
}

/// A token of these fields, which are those of the development issuer.
pub(super) fn token(fields: &Value) -> String {
    let text = |name: &str, usual: &str| fields[name].as_str().unwrap_or(usual).to_owned();
    let mut claims = json!({
        "sub": text("sub", "u-17"), "name": text("name", "Ana Sousa"), "email": text("email", "ana@example.com"),
        "email_verified": true, "scope": text("grants", ""),
    });
    for (name, value) in fields["claims"].as_object().into_iter().flatten() {
        claims[name] = value.clone();
    }
    let encoded = BASE64_URL_SAFE_NO_PAD.encode(claims.to_string());
    format!("unsigned.{encoded}.")
}

/// The claims of the token that comes along, each as a text; `null` is no claim.
fn claims(headers: &HeaderMap) -> Option<HashMap<String, String>> {
    let token = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let encoded = token.strip_prefix("Bearer unsigned.")?.strip_suffix('.')?;
    let claims = BASE64_URL_SAFE_NO_PAD.decode(encoded).ok()?;
    let claims: Value = serde_json::from_slice(&claims).ok()?;
    let claims = claims.as_object()?.iter();
    let present = claims.filter(|(_, value)| !value.is_null());
    Some(
        present
            .map(|(name, value)| (name.clone(), text(value)))
            .collect(),
    )
}

/// A claim as API Gateway hands it on.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(text).collect();
            format!("[{}]", items.join(" "))
        }
        other => other.to_string(),
    }
}

fn headers(found: &Value) -> HeaderMap {
    let found = found.as_object().into_iter().flatten();
    let header = |(name, value): (&String, &Value)| {
        let name: HeaderName = name.parse().expect("a header's name");
        let value = value.as_str().expect("a header's value");
        (
            name,
            value.parse::<HeaderValue>().expect("a header's value"),
        )
    };
    found.map(header).collect()
}
