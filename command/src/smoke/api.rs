//! How the test reaches the deployed API: over HTTP with a session, or by invoking the function as API Gateway does.

use std::error::Error;

use aws_sdk_lambda::primitives::Blob;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use reqwest::{Client, Method};
use serde_json::{Value, json};
use waybill::aws::CallError;

use crate::http::{Answer, answered};

/// The API, called as one person.
#[derive(Debug)]
pub(super) enum Api {
    /// By HTTP, with the token of a session.
    Http {
        http: Client,
        url: String,
        token: String,
    },
    /// By the function itself, with the claims that API Gateway would have verified.
    Function {
        lambda: aws_sdk_lambda::Client,
        name: String,
        claims: Value,
    },
}

/// The function has failed, or Lambda has.
#[derive(Debug, thiserror::Error)]
#[error("the function {name} failed: {answer}")]
struct FunctionFailed {
    name: String,
    answer: String,
}

impl Api {
    pub(super) async fn get(&self, path: &str) -> Result<Answer, Box<dyn Error>> {
        self.call(Method::GET, path, None).await
    }

    pub(super) async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<Answer, Box<dyn Error>> {
        match self {
            Self::Http { http, url, token } => {
                let request = http.request(method, format!("{url}{path}"));
                let request = request
                    .bearer_auth(token)
                    .header("accept", "application/json");
                let request = match body {
                    Some(body) => request.json(&body),
                    None => request,
                };
                Ok(answered(request).await?)
            }
            Self::Function {
                lambda,
                name,
                claims,
            } => {
                let event = event(&method, path, body.as_ref(), claims);
                let invoked = lambda
                    .invoke()
                    .function_name(name)
                    .payload(Blob::new(event.to_string()))
                    .send()
                    .await;
                let invoked = invoked.map_err(|error| CallError::new("Invoke", error))?;
                let payload = invoked.payload().map(|blob| blob.as_ref().to_vec());
                let payload = payload.unwrap_or_default();
                let failed = || FunctionFailed {
                    name: name.clone(),
                    answer: String::from_utf8_lossy(&payload).into_owned(),
                };
                Ok(parsed(&payload).ok_or_else(failed)?)
            }
        }
    }
}

/// The event of API Gateway (payload format 2.0) for a request whose token has these claims.
fn event(method: &Method, path: &str, body: Option<&Value>, claims: &Value) -> Value {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    json!({
        "version": "2.0",
        "routeKey": "ANY /v1/{proxy+}",
        "rawPath": path,
        "rawQueryString": query,
        "headers": {"accept": "application/json", "content-type": "application/json"},
        "requestContext": {
            "authorizer": {"jwt": {"claims": claims, "scopes": null}},
            "http": {
                "method": method.as_str(),
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": "127.0.0.1",
                "userAgent": "waybill smoke",
            },
            "routeKey": "ANY /v1/{proxy+}",
            "stage": "$default",
            "requestId": "waybill-smoke",
            "time": "01/Jan/2026:00:00:00 +0000",
            "timeEpoch": 1767225600000_i64,
        },
        "body": body.map(Value::to_string),
        "isBase64Encoded": false,
    })
}

/// The function's answer to API Gateway; `None` where it is an error of Lambda's.
fn parsed(payload: &[u8]) -> Option<Answer> {
    let answer: Value = serde_json::from_slice(payload).ok()?;
    let status = answer["statusCode"].as_u64()?;
    let body = answer["body"].as_str().unwrap_or_default();
    let body = match answer["isBase64Encoded"].as_bool() {
        Some(true) => BASE64_STANDARD.decode(body).ok()?,
        _ => body.as_bytes().to_vec(),
    };
    Some(Answer {
        status: status.try_into().ok()?,
        body,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_of_the_function_is_read_as_api_gateway_reads_it() {
        let plain =
            parsed(br#"{"statusCode": 404, "body": "{\"detail\": \"Nothing.\"}"}"#).unwrap();
        assert_eq!(
            plain.expect(200, "GET /v1/catalog").unwrap_err(),
            "GET /v1/catalog was answered with 404: Nothing."
        );
        let encoded =
            parsed(br#"{"statusCode": 200, "body": "Zmlyc3Q=", "isBase64Encoded": true}"#);
        assert_eq!(encoded.unwrap().body, b"first");
        // Lambda's error, in place of an answer.
        assert!(
            parsed(br#"{"errorMessage": "exit status 1", "errorType": "Runtime.ExitError"}"#)
                .is_none()
        );
        assert!(parsed(b"").is_none());
    }

    #[test]
    fn a_path_is_divided_from_its_query() {
        let event = event(
            &Method::GET,
            "/v1/exports/7/events?limit=5",
            None,
            &json!({"sub": "x"}),
        );
        assert_eq!(event["rawPath"], "/v1/exports/7/events");
        assert_eq!(event["rawQueryString"], "limit=5");
        assert_eq!(
            event["requestContext"]["authorizer"]["jwt"]["claims"]["sub"],
            "x"
        );
        assert!(event["body"].is_null());
    }
}
