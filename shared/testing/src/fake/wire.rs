//! The transport between the SDK's clients and the fake services.

use std::collections::HashSet;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use serde_json::Value;

/// A request.
#[derive(Debug, Clone)]
pub struct Call {
    /// The service and its operation: `DynamoDB.Query`.
    pub operation: String,
    /// The path, without the first slash.
    pub path: String,
    /// The names and values of the query string.
    pub query: Vec<(String, String)>,
    /// Whether the request has `If-None-Match: *`: it fails if the object exists.
    pub if_none_match: bool,
    /// The body.
    pub body: Vec<u8>,
}

/// An answer of a service.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// Headers, by name.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// The connection broke before the answer.
#[derive(Debug, Clone, Copy)]
pub struct Broken;

/// A future answer.
pub type Carried = Pin<Box<dyn Future<Output = Result<Answer, Broken>> + Send>>;

/// The connection between clients and services.
pub trait Wire: Send + Sync {
    /// Delivers a call and its answer.
    fn carry(&self, call: Call) -> Carried;
}

/// A wire that takes every request and never answers.
#[derive(Debug, Clone, Copy)]
pub struct Silent;

impl Wire for Silent {
    fn carry(&self, _: Call) -> Carried {
        Box::pin(std::future::pending())
    }
}

/// A wire that loses the first answer to each operation after it was executed, so that the SDK retries the request.
pub struct Forgetful<W> {
    inner: W,
    /// The operations whose first answer is lost.
    operations: &'static [&'static str],
    lost: Mutex<HashSet<String>>,
}

impl<W> Forgetful<W> {
    /// Wraps `inner`. `operations` are those whose first answer is lost, such as `DynamoDB.PutItem`.
    pub fn new(inner: W, operations: &'static [&'static str]) -> Self {
        Self {
            inner,
            operations,
            lost: Mutex::default(),
        }
    }

    /// The operations whose answers were lost.
    pub fn lost(&self) -> Vec<String> {
        self.lost.lock().unwrap().iter().cloned().collect()
    }
}

impl<W: Wire> Wire for Forgetful<W> {
    fn carry(&self, call: Call) -> Carried {
        let operation = call.operation.clone();
        let carried = self.inner.carry(call);
        let is_lost = self.operations.contains(&operation.as_str())
            && self.lost.lock().unwrap().insert(operation);
        Box::pin(async move {
            let answer = carried.await;
            if is_lost { Err(Broken) } else { answer }
        })
    }
}

/// An HTTP client for the SDK that sends every attempt over `wire`.
pub fn http_client(wire: Arc<dyn Wire>) -> SharedHttpClient {
    let connector = SharedHttpConnector::new(Connector(wire));
    http_client_fn(move |_, _| connector.clone())
}

struct Connector(Arc<dyn Wire>);

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connector")
    }
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let carried = self.0.carry(Call::new(&request));
        HttpConnectorFuture::new(async move {
            // As a connection does: the SDK gives up a request whose body is not read.
            let sent = ByteStream::new(request.into_body()).collect().await;
            sent.map_err(|error| ConnectorError::user(error.into()))?;
            let Ok(answer) = carried.await else {
                return Err(ConnectorError::io("the connection was reset".into()));
            };
            let status = StatusCode::try_from(answer.status).unwrap();
            let mut response = HttpResponse::new(status, SdkBody::from(answer.body));
            for (name, value) in answer.headers {
                response.headers_mut().insert(name, value);
            }
            Ok(response)
        })
    }
}

impl Call {
    fn new(request: &HttpRequest) -> Self {
        let header = |name: &str| request.headers().get(name);
        let (_, after_scheme) = request.uri().split_once("://").unwrap();
        let (_, target) = after_scheme.split_once('/').unwrap_or((after_scheme, ""));
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let query: Vec<(String, String)> = query
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| {
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                (decoded(name), decoded(value))
            })
            .collect();
        let operation = match header("x-amz-target").and_then(|target| target.split_once('.')) {
            Some(("DynamoDB_20120810", operation)) => format!("DynamoDB.{operation}"),
            Some(("AmazonSQS", operation)) => format!("SQS.{operation}"),
            _ if path.starts_with("2015-03-31/functions/") => "Lambda.Invoke".to_owned(),
            _ if path == "v2/email/outbound-emails" => "SES.SendEmail".to_owned(),
            _ => format!(
                "S3.{}",
                super::s3::operation(request.method(), &query, path)
            ),
        };
        Self {
            operation,
            path: decoded(path),
            query,
            if_none_match: header("if-none-match") == Some("*"),
            // All of Waybill's bodies are in memory.
            body: request.body().bytes().expect("a body in memory").to_vec(),
        }
    }

    /// The value with this name in the query string.
    pub fn query(&self, name: &str) -> Option<&str> {
        let pair = self.query.iter().find(|(found, _)| found == name);
        pair.map(|(_, value)| value.as_str())
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

impl Answer {
    /// An answer with a JSON body.
    pub fn json(status: u16, body: &Value) -> Self {
        Self {
            status,
            headers: vec![("content-type", "application/x-amz-json-1.0".into())],
            body: body.to_string().into_bytes(),
        }
    }

    /// An answer without a body.
    pub fn empty(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    /// An error with this code, in the format of the called service.
    pub fn error(call: &Call, status: u16, code: &str) -> Self {
        if call.operation.starts_with("S3.") {
            let body = format!(
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{code}</Message></Error>"
            );
            return Self {
                body: body.into_bytes(),
                ..Self::empty(status)
            };
        }
        let body = serde_json::json!({"__type": format!("com.amazonaws#{code}"), "message": code});
        Self::json(status, &body)
    }
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let mut digit = || char::from(rest.next().unwrap()).to_digit(16).unwrap() as u8;
                digit() * 16 + digit()
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).unwrap()
}
