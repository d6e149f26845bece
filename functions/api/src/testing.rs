//! What the tests start from: the router over tables in memory, and people with grants.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::{Body, to_bytes};
use http::{HeaderMap, Method, Request, StatusCode};
use jiff::{SignedDuration, Timestamp};
use lambda_http::aws_lambda_events::apigw::{
    ApiGatewayRequestAuthorizer, ApiGatewayRequestAuthorizerJwtDescription,
    ApiGatewayV2httpRequestContext,
};
use lambda_http::request::RequestContext;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tower::ServiceExt;
use waybill::catalog::Catalog;
use waybill::clock::Clock;
use waybill::event::Event;
use waybill::export::{Export, ExportId, ExportedFile, Status};
use waybill::records::RecordsOpener;
use waybill::store::{Exports, Tables, to_item};
use waybill::work::{Pace, Work};
use waybill_testing::fake::{
    self, Carried, Cloud, Key, KeyPart, Silent, Table, Wire, http_client, plain,
};
use waybill_testing::{on_the_wire, own_tables, receipt};

use crate::app::{App, Clients};
use crate::config::Config;
use crate::http::caller::ClaimNames;
use crate::page::PageConfig;
use crate::routes::{contract, router};

const EXPORTS: &str = "exports";
const WORK: &str = "work";
const EVENTS: &str = "events";
const LIMITS: &str = "limits";
const PARENTS: &str = "parents";
const RECORDS: &str = "host-records";
/// Where the API is found.
const PUBLIC_URL: &str = "https://exports.example";
/// As [`Service::take_down`] knows it.
pub(crate) const QUEUE: &str = "queue";

/// The present of all tests.
pub(crate) fn now() -> Timestamp {
    "2026-11-21T12:01:02.123456Z".parse().unwrap()
}

/// The configuration of a client of this SDK crate, whose calls go over a transport.
macro_rules! config {
    ($sdk:ident, $http:expr) => {
        $sdk::Config::builder()
            .behavior_version($sdk::config::BehaviorVersion::latest())
            .region($sdk::config::Region::new("eu-west-1"))
            .credentials_provider($sdk::config::Credentials::new("a", "b", None, None, "test"))
            .http_client($http)
    };
}

pub(crate) mod records;

/// A client of this SDK crate on the tests' services.
macro_rules! client {
    ($sdk:ident, $service:expr) => {
        $sdk::Client::from_conf(config!($sdk, http_client(Arc::new($service.clone()))).build())
    };
}

/// What a host's function does with a question.
pub(crate) enum Said {
    /// It answers this.
    Json(&'static str),
    /// It ends in an error, which has this as its text.
    Error(&'static str),
    /// It cannot be called.
    Nothing,
}

type Host = Arc<dyn Fn(&Value) -> Said + Send + Sync>;

/// AWS in memory, with the tables of the template.
struct Services(Cloud);

impl Default for Services {
    fn default() -> Self {
        let mut cloud = Cloud::new(own_tables(), 1);
        // What these tables hold in a test is less than DynamoDB's 1 MB: a page ends where its limit is.
        cloud.dynamodb.page = usize::MAX..=usize::MAX;
        Self(cloud)
    }
}

/// The API on tables in memory.
#[derive(Clone, Default)]
pub(crate) struct Service {
    cloud: Arc<Mutex<Services>>,
    /// Tables that do not answer, and the queue.
    down: Arc<Mutex<Vec<&'static str>>>,
    /// Whether the queue takes what is sent and never answers.
    is_queue_silent: Arc<AtomicBool>,
    /// What the host's function does, where there is one.
    host: Arc<Mutex<Option<Host>>>,
    /// What the host's function was asked.
    asked: Arc<Mutex<Vec<Value>>>,
    /// The names of the claims of grants, name, address and whether that is verified, where they are other than the
    /// default.
    pub(crate) claim_names: Option<[&'static str; 4]>,
    /// The host's table.
    pub(crate) records: records::Records,
    app: Arc<Mutex<Option<Arc<App>>>>,
}

/// A request in the making.
pub(crate) struct Call {
    service: Service,
    request: http::request::Builder,
    claims: Option<HashMap<String, String>>,
    body: Body,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: Vec<u8>,
    /// The body as text; empty where it is none.
    pub(crate) text: String,
}

impl Service {
    /// A request by Ana (`u-17`), who owns project 42.
    pub(crate) fn call(&self, method: Method, path: &str) -> Call {
        let request = Request::builder().method(method).uri(path);
        Call {
            service: self.clone(),
            request,
            claims: None,
            body: Body::empty(),
        }
        .by("u-17", "project:42")
    }

    pub(crate) fn get(&self, path: &str) -> Call {
        self.call(Method::GET, path)
    }

    pub(crate) fn post(&self, path: &str, body: Value) -> Call {
        self.call(Method::POST, path).json(&body.to_string())
    }

    pub(crate) fn put(&self, path: &str, body: Value) -> Call {
        self.call(Method::PUT, path).json(&body.to_string())
    }

    /// A new export of project 42, by Ana.
    pub(crate) async fn create(&self) -> ExportId {
        let body = serde_json::json!({"type": "orders", "format": "csv"});
        let answer = self.post("/v1/projects/42/exports", body).send().await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        serde_json::from_value(answer.json()["id"].clone()).unwrap()
    }

    pub(crate) fn export(&self, id: ExportId) -> Export {
        self.read(EXPORTS, &export_key(id))
    }

    /// Changes an export behind the API's back.
    pub(crate) fn change(&self, id: ExportId, change: impl FnOnce(&mut Export)) -> Export {
        let mut export = self.export(id);
        change(&mut export);
        self.write(EXPORTS, &export);
        export
    }

    pub(crate) fn change_work(&self, id: ExportId, change: impl FnOnce(&mut Work)) {
        let mut work: Work = self.read(WORK, &work_key(id));
        change(&mut work);
        self.write(WORK, &work);
    }

    pub(crate) fn remove_work(&self, id: ExportId) {
        self.table(WORK, |table| table.items.remove(&work_key(id)));
    }

    /// Lets an export be as after a run of the worker.
    pub(crate) fn succeed(&self, id: ExportId) -> Export {
        self.change(id, |export| {
            export.status = Status::Succeeded;
            export.file = Some(ExportedFile {
                object: format!("exports/{id}/kept"),
                rows: 3,
                size: 120,
                receipt: receipt(),
            });
            export.completed_at = Some(now());
            export.ended_at = Some(now());
            export.expires_at = Some(now() + SignedDuration::from_hours(7 * 24));
        })
    }

    /// What the history says happened, in order.
    pub(crate) fn history(&self, id: ExportId) -> Vec<Value> {
        let pk = KeyPart::Text(format!("export#{id}"));
        self.table(EVENTS, |table| {
            let events = table.items.iter().filter(|((of, _), _)| *of == pk);
            events.map(|(_, item)| plain(item)).collect()
        })
    }

    pub(crate) fn add_event(&self, event: &Event) {
        let item = self.app().exports.event_item(event).unwrap();
        self.table(EVENTS, |table| table.put(on_the_wire(&item)));
    }

    pub(crate) fn count(&self, table: &'static str) -> usize {
        self.table(table, |table| table.items.len())
    }

    /// What was sent to the queue.
    pub(crate) fn messages(&self) -> Vec<String> {
        let sent = &self.cloud.lock().unwrap().0.sent;
        sent.iter().map(|message| message.body.clone()).collect()
    }

    fn table<T>(&self, name: &'static str, with: impl FnOnce(&mut Table) -> T) -> T {
        let tables = &mut self.cloud.lock().unwrap().0.dynamodb.tables;
        with(tables.get_mut(name).unwrap())
    }

    fn read<T: DeserializeOwned>(&self, table: &'static str, key: &Key) -> T {
        let item = self.table(table, |table| plain(&table.items[key]));
        serde_json::from_value(item).unwrap()
    }

    fn write<T: Serialize>(&self, table: &'static str, value: &T) {
        let item = to_item(table, value).unwrap();
        self.table(table, |table| table.put(on_the_wire(&item)));
    }

    /// Lets a table, or the queue, answer no more.
    pub(crate) fn take_down(&self, table: &'static str) {
        self.down.lock().unwrap().push(table);
    }

    /// Lets the queue take what is sent, and never answer.
    pub(crate) fn silence_queue(&self) {
        self.is_queue_silent.store(true, Ordering::Relaxed);
    }

    /// Lets the items of a table be of a form that this version cannot read, in this attribute, of which `is_one` holds.
    pub(crate) fn spoil(
        &self,
        table: &'static str,
        attribute: &str,
        is_one: impl Fn(&Value) -> bool,
    ) {
        self.table(table, |table| {
            let items = table.items.values_mut();
            for item in items.filter(|item| is_one(&plain(item))) {
                item.insert(attribute.to_owned(), json!({"S": "of another version"}));
            }
        });
    }

    /// Lets a function of the host's decide; the first time before anything is asked for.
    pub(crate) fn host(&self, says: impl Fn(&Value) -> Said + Send + Sync + 'static) {
        *self.host.lock().unwrap() = Some(Arc::new(says));
    }

    /// What the host's function was asked since this was last called.
    pub(crate) fn asked(&self) -> Vec<Value> {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }

    /// The store on these tables.
    pub(crate) fn exports(&self) -> Exports {
        self.app().exports.clone()
    }

    fn app(&self) -> Arc<App> {
        let mut app = self.app.lock().unwrap();
        app.get_or_insert_with(|| Arc::new(self.build())).clone()
    }

    fn build(&self) -> App {
        let [grants, name, email, email_verified] =
            self.claim_names
                .unwrap_or(["scope", "name", "email", "email_verified"]);
        let has_host = self.host.lock().unwrap().is_some();
        let config = Config {
            tables: Tables {
                exports: EXPORTS.into(),
                work: WORK.into(),
                events: EVENTS.into(),
            },
            limits: LIMITS.into(),
            parents: PARENTS.into(),
            queue_url: "http://localhost/queue".into(),
            bucket: "bucket".into(),
            pace: Pace::new(Duration::from_secs(60), Duration::from_secs(60)),
            public_url: PUBLIC_URL.into(),
            claims: ClaimNames {
                grants: grants.into(),
                name: name.into(),
                email: email.into(),
                email_verified: email_verified.into(),
            },
            grants_function: has_host.then(|| "host".to_owned()),
            page: PageConfig {
                issuer: "https://issuer.example/pool".into(),
                client_id: "waybill".into(),
                sign_in_origins: String::new(),
                frame_ancestors: String::new(),
                product_name: "Waybill".into(),
                support_address: None,
            },
        };
        let clients = Clients {
            db: client!(aws_sdk_dynamodb, self),
            records: RecordsOpener::new(
                self.records.client().into(),
                Arc::new(|_| Some(RECORDS.to_owned())),
            ),
            s3: client!(aws_sdk_s3, self),
            sqs: client!(aws_sdk_sqs, self),
            lambda: client!(aws_sdk_lambda, self),
        };
        App::new(
            config,
            Catalog::load().unwrap(),
            clients,
            Clock::showing(now),
        )
    }

    /// Whether a call is for something that was taken down.
    fn is_down(&self, call: &fake::Call) -> bool {
        let down = self.down.lock().unwrap();
        let body = String::from_utf8_lossy(&call.body);
        down.iter().any(|name| match *name {
            QUEUE => call.operation.starts_with("SQS."),
            table => body.contains(&format!("\"TableName\":\"{table}\"")),
        })
    }

    fn ask_host(&self, call: &fake::Call) -> fake::Answer {
        assert_eq!(call.path, "2015-03-31/functions/host/invocations");
        let question = call.json();
        let says = self.host.lock().unwrap().clone().unwrap();
        let said = says(&question);
        self.asked.lock().unwrap().push(question);
        let answer = |headers, text: &str| fake::Answer {
            status: 200,
            headers,
            body: text.as_bytes().to_vec(),
        };
        match said {
            Said::Json(json) => answer(Vec::new(), json),
            Said::Error(text) => {
                answer(vec![("x-amz-function-error", "Unhandled".to_owned())], text)
            }
            Said::Nothing => denied(),
        }
    }
}

impl Wire for Service {
    fn carry(&self, call: fake::Call) -> Carried {
        if self.is_queue_silent.load(Ordering::Relaxed) && call.operation.starts_with("SQS.") {
            return Silent.carry(call);
        }
        let answer = if self.is_down(&call) {
            denied()
        } else if call.operation == "Lambda.Invoke" {
            self.ask_host(&call)
        } else {
            self.cloud.lock().unwrap().0.answer(&call)
        };
        Box::pin(async { Ok(answer) })
    }
}

impl Call {
    /// By this person instead.
    pub(crate) fn by(mut self, sub: &str, grants: &str) -> Self {
        let claims = [
            ("sub", sub),
            ("scope", grants),
            ("name", "Ana Sousa"),
            ("email", "ana@example.com"),
        ];
        self.claims = Some(
            claims
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
        );
        self
    }

    /// With this claim in the token, too.
    pub(crate) fn claim(mut self, name: &str, value: &str) -> Self {
        let claims = self.claims.get_or_insert_default();
        claims.insert(name.to_owned(), value.to_owned());
        self
    }

    /// By this person with other grants.
    pub(crate) fn grants(self, grants: &str) -> Self {
        self.by("u-99", grants)
    }

    /// Without what the authorizer says.
    pub(crate) fn unauthorized(mut self) -> Self {
        self.claims = None;
        self
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.request = self.request.header(name, value);
        self
    }

    pub(crate) fn json(self, body: &str) -> Self {
        let mut call = self.header("content-type", "application/json");
        call.body = Body::from(body.to_owned());
        call
    }

    pub(crate) fn body(mut self, body: &str) -> Self {
        self.body = Body::from(body.to_owned());
        self
    }

    pub(crate) async fn send(self) -> Answer {
        let mut context = ApiGatewayV2httpRequestContext::default();
        context.request_id = Some("r-1".into());
        context.http.source_ip = Some("192.0.2.7".into());
        context.authorizer = self.claims.map(|claims| {
            let mut jwt = ApiGatewayRequestAuthorizerJwtDescription::default();
            jwt.claims = claims;
            let mut authorizer = ApiGatewayRequestAuthorizer::default();
            authorizer.jwt = Some(jwt);
            authorizer
        });
        let request = self
            .request
            .extension(RequestContext::ApiGatewayV2(context));
        let request = request.body(self.body).unwrap();
        let response = router(self.service.app(), contract(PUBLIC_URL))
            .oneshot(request)
            .await
            .unwrap();
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, usize::MAX).await.unwrap();
        Answer {
            status: parts.status,
            headers: parts.headers,
            text: String::from_utf8(bytes.to_vec()).unwrap_or_default(),
            bytes: bytes.to_vec(),
        }
    }
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("not JSON: {:?}", self.text))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    /// Status and detail of a problem, and its fields.
    pub(crate) fn problem(&self) -> String {
        let problem = self.json();
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert_eq!(problem["status"], self.status.as_u16());
        assert_eq!(problem["request_id"], "r-1");
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let errors = problem["errors"].as_array().cloned().unwrap_or_default();
        let errors = errors
            .iter()
            .map(|e| format!("\n{}: {}", text(&e["field"]), text(&e["message"])));
        format!(
            "{} {}{}",
            self.status.as_u16(),
            text(&problem["detail"]),
            errors.collect::<String>()
        )
    }
}

fn denied() -> fake::Answer {
    let body = json!({"__type": "com.amazonaws#AccessDeniedException", "message": "secret"});
    fake::Answer::json(400, &body)
}

fn export_key(id: ExportId) -> Key {
    let number = id.to_string().parse().unwrap();
    (KeyPart::Number(number), KeyPart::None)
}

fn work_key(id: ExportId) -> Key {
    (KeyPart::Text(id.to_string()), KeyPart::None)
}
