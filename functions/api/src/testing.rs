//! What the tests start from: the router over tables in memory, and people with grants.

pub(crate) mod records;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::ErrorMetadata;
use aws_sdk_dynamodb::operation::batch_get_item::BatchGetItemOutput;
use aws_sdk_dynamodb::operation::get_item::{GetItemError, GetItemOutput};
use aws_sdk_dynamodb::operation::put_item::{PutItemError, PutItemOutput};
use aws_sdk_dynamodb::operation::query::QueryOutput;
use aws_sdk_dynamodb::operation::transact_write_items::{
    TransactWriteItemsError, TransactWriteItemsOutput,
};
use aws_sdk_dynamodb::types::error::TransactionCanceledException;
use aws_sdk_dynamodb::types::{AttributeValue, CancellationReason, Put, Update};
use aws_sdk_lambda::operation::invoke::{InvokeError, InvokeOutput};
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_sqs::operation::send_message::{SendMessageError, SendMessageOutput};
use aws_smithy_mocks::{MockResponse, MockResponseInterceptor, Rule, RuleMode, mock};
use axum::body::{Body, to_bytes};
use http::{HeaderMap, Method, Request, StatusCode};
use jiff::{SignedDuration, Timestamp};
use lambda_http::aws_lambda_events::apigw::{
    ApiGatewayRequestAuthorizer, ApiGatewayRequestAuthorizerJwtDescription,
    ApiGatewayV2httpRequestContext,
};
use lambda_http::request::RequestContext;
use serde_json::Value;
use tower::ServiceExt;
use waybill::catalog::Catalog;
use waybill::event::Event;
use waybill::export::{Export, ExportId, Status};
use waybill::store::{Item, Tables, from_item, to_item};
use waybill::work::{Pace, Work};

use crate::app::{App, Clients};
use crate::caller::ClaimNames;
use crate::config::Config;
use crate::page::PageConfig;
use crate::routes::router;

const EXPORTS: &str = "exports";
const WORK: &str = "work";
const EVENTS: &str = "events";
const LIMITS: &str = "limits";
const PARENTS: &str = "parents";
const RECORDS: &str = "host-records";
/// As [`Service::take_down`] knows it.
pub(crate) const QUEUE: &str = "queue";

/// The present of all tests.
pub(crate) fn now() -> Timestamp {
    "2026-11-21T12:01:02.123456Z".parse().unwrap()
}

/// A client of this SDK crate whose calls are answered by rules, where it makes any.
macro_rules! client {
    ($sdk:ident) => {
        $sdk::Client::from_conf(client!(@config $sdk).build())
    };
    ($sdk:ident, $rules:expr) => {{
        let mut rules = MockResponseInterceptor::new().rule_mode(RuleMode::MatchAny);
        for rule in $rules {
            rules = rules.with_rule(rule);
        }
        $sdk::Client::from_conf(client!(@config $sdk).interceptor(rules).build())
    }};
    (@config $sdk:ident) => {
        $sdk::Config::builder()
            .behavior_version($sdk::config::BehaviorVersion::latest())
            .region($sdk::config::Region::new("eu-west-1"))
            .credentials_provider($sdk::config::Credentials::new("a", "b", None, None, "test"))
            .http_client(aws_smithy_mocks::create_mock_http_client())
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

/// The API on tables in memory.
#[derive(Clone, Default)]
pub(crate) struct Service {
    tables: Arc<Mutex<BTreeMap<(String, String), Item>>>,
    /// Tables that do not answer, and the queue.
    down: Arc<Mutex<Vec<&'static str>>>,
    /// What was sent to the queue.
    pub(crate) messages: Arc<Mutex<Vec<String>>>,
    /// What the host's function does, where there is one.
    host: Arc<Mutex<Option<Host>>>,
    /// What the host's function was asked.
    asked: Arc<Mutex<Vec<Value>>>,
    /// The names of the claims of grants, name and address, where they are other than the default.
    pub(crate) claim_names: Option<[&'static str; 3]>,
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
        from_item(EXPORTS, self.item(EXPORTS, &id.to_string()).unwrap()).unwrap()
    }

    /// Changes an export behind the API's back.
    pub(crate) fn change(&self, id: ExportId, change: impl FnOnce(&mut Export)) -> Export {
        let mut export = self.export(id);
        change(&mut export);
        self.store(EXPORTS, to_item(EXPORTS, &export).unwrap());
        export
    }

    pub(crate) fn change_work(&self, id: ExportId, change: impl FnOnce(&mut Work)) {
        let item = self.item(WORK, &id.to_string()).unwrap();
        let mut work = from_item(WORK, item).unwrap();
        change(&mut work);
        self.store(WORK, to_item(WORK, &work).unwrap());
    }

    pub(crate) fn remove_work(&self, id: ExportId) {
        self.tables
            .lock()
            .unwrap()
            .remove(&(WORK.to_owned(), id.to_string()));
    }

    /// Lets an export be as after a run of the worker.
    pub(crate) fn succeed(&self, id: ExportId) -> Export {
        self.change(id, |export| {
            export.status = Status::Succeeded;
            export.rows = Some(3);
            export.size = Some(120);
            export.object = Some(format!("exports/{id}/kept"));
            export.completed_at = Some(now());
            export.ended_at = Some(now());
            export.expires_at = Some(now() + SignedDuration::from_hours(7 * 24));
        })
    }

    /// What the history says happened, in order.
    pub(crate) fn history(&self, id: ExportId) -> Vec<Value> {
        let pk = format!("export#{id}");
        let tables = self.tables.lock().unwrap();
        let events = tables
            .iter()
            .filter(|((table, key), _)| table == EVENTS && key.starts_with(&pk));
        events
            .map(|(_, item)| from_item(EVENTS, item.clone()).unwrap())
            .collect()
    }

    pub(crate) fn add_event(&self, event: &Event) {
        self.store(EVENTS, self.app().exports.event_item(event).unwrap());
    }

    pub(crate) fn count(&self, table: &str) -> usize {
        self.tables
            .lock()
            .unwrap()
            .keys()
            .filter(|(of, _)| of == table)
            .count()
    }

    /// Lets a table, or the queue, answer no more.
    pub(crate) fn take_down(&self, table: &'static str) {
        self.down.lock().unwrap().push(table);
    }

    /// Lets a function of the host's decide; the first time before anything is asked for.
    pub(crate) fn host(&self, says: impl Fn(&Value) -> Said + Send + Sync + 'static) {
        *self.host.lock().unwrap() = Some(Arc::new(says));
    }

    /// What the host's function was asked since this was last called.
    pub(crate) fn asked(&self) -> Vec<Value> {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }

    fn app(&self) -> Arc<App> {
        let mut app = self.app.lock().unwrap();
        app.get_or_insert_with(|| Arc::new(self.build())).clone()
    }

    fn build(&self) -> App {
        let [grants, name, email] = self.claim_names.unwrap_or(["scope", "name", "email"]);
        let has_host = self.host.lock().unwrap().is_some();
        let config = Config {
            tables: Tables {
                exports: EXPORTS.into(),
                work: WORK.into(),
                events: EVENTS.into(),
            },
            limits: LIMITS.into(),
            parents: PARENTS.into(),
            records_tables: [("RECORDS_TABLE".to_owned(), RECORDS.to_owned())].into(),
            queue_url: "http://localhost/queue".into(),
            bucket: "bucket".into(),
            pace: Pace::new(Duration::from_secs(60), Duration::from_secs(60)),
            public_url: "https://exports.example".into(),
            claims: ClaimNames {
                grants: grants.into(),
                name: name.into(),
                email: email.into(),
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
            db: client!(aws_sdk_dynamodb, &self.rules()),
            records: client!(aws_sdk_dynamodb, &[self.records.rule()]).into(),
            // What is presigned is sent to nobody.
            s3: client!(aws_sdk_s3),
            sqs: client!(aws_sdk_sqs, &[self.queue()]),
            lambda: client!(aws_sdk_lambda, &[self.invoke()]),
        };
        App::new(config, Catalog::load().unwrap(), clients, now)
    }

    fn queue(&self) -> Rule {
        let service = self.clone();
        mock!(aws_sdk_sqs::Client::send_message).then_compute_response(move |r| {
            if service.is_down(QUEUE) {
                let refused = ErrorMetadata::builder().code("AccessDenied").build();
                return MockResponse::Error(SendMessageError::generic(refused));
            }
            service
                .messages
                .lock()
                .unwrap()
                .push(r.message_body().unwrap().to_owned());
            MockResponse::Output(SendMessageOutput::builder().build())
        })
    }

    fn invoke(&self) -> Rule {
        let service = self.clone();
        mock!(aws_sdk_lambda::Client::invoke).then_compute_response(move |r| {
            assert_eq!(r.function_name(), Some("host"));
            let question = serde_json::from_slice(r.payload().unwrap().as_ref()).unwrap();
            let says = service.host.lock().unwrap().clone().unwrap();
            let said = says(&question);
            service.asked.lock().unwrap().push(question);
            let output = InvokeOutput::builder().status_code(200);
            let output = match said {
                Said::Json(json) => output.payload(Blob::new(json)),
                Said::Error(text) => output.function_error("Unhandled").payload(Blob::new(text)),
                Said::Nothing => return MockResponse::Error(InvokeError::generic(denied())),
            };
            MockResponse::Output(output.build())
        })
    }

    fn item(&self, table: &str, key: &str) -> Option<Item> {
        self.tables
            .lock()
            .unwrap()
            .get(&(table.to_owned(), key.to_owned()))
            .cloned()
    }

    fn store(&self, table: &str, item: Item) {
        self.tables
            .lock()
            .unwrap()
            .insert((table.to_owned(), key_of(table, &item)), item);
    }

    /// An update of the form `SET a = :a, … ADD #b :b, …`.
    fn update(&self, update: &Update) {
        let (values, names) = (
            update.expression_attribute_values().unwrap(),
            update.expression_attribute_names().unwrap(),
        );
        let name = |word: &str| names.get(word).map_or(word, String::as_str).to_owned();
        let expression = update.update_expression().strip_prefix("SET ").unwrap();
        let (set, add) = expression.split_once(" ADD ").unwrap();
        let key = key_of(update.table_name(), update.key());
        let mut item = self
            .item(update.table_name(), &key)
            .unwrap_or_else(|| update.key().clone());
        for term in set.split(", ") {
            let (word, value) = term.split_once(" = ").unwrap();
            item.insert(name(word), values[value].clone());
        }
        for term in add.split(", ") {
            let (word, value) = term.split_once(' ').unwrap();
            let sum = item.get(&name(word)).map_or(0, number) + number(&values[value]);
            item.insert(name(word), AttributeValue::N(sum.to_string()));
        }
        self.store(update.table_name(), item);
    }

    fn is_down(&self, table: &str) -> bool {
        self.down.lock().unwrap().contains(&table)
    }

    /// Whether the condition of a write holds: `attribute_not_exists`, `=` or `<=`, joined by `OR`.
    fn holds(&self, put: &Put) -> bool {
        let Some(condition) = put.condition_expression() else {
            return true;
        };
        let item = self.item(put.table_name(), &key_of(put.table_name(), put.item()));
        let value = |name: &str| put.expression_attribute_values().unwrap()[name].clone();
        let attribute = |name: &str| {
            let names = put.expression_attribute_names();
            let name = names
                .and_then(|names| names.get(name))
                .map_or(name, String::as_str);
            item.as_ref().and_then(|item| item.get(name)).cloned()
        };
        condition.split(" OR ").any(|term| {
            if let Some(name) = term.strip_prefix("attribute_not_exists(") {
                return attribute(name.trim_end_matches(')')).is_none();
            }
            if let Some((name, wanted)) = term.split_once(" = ") {
                return attribute(name) == Some(value(wanted));
            }
            let (name, most) = term
                .split_once(" <= ")
                .expect("a condition that this fake knows");
            attribute(name).is_some_and(|found| number(&found) <= number(&value(most)))
        })
    }

    fn rules(&self) -> [Rule; 5] {
        let service = self.clone();
        let get = mock!(Client::get_item).then_compute_response(move |r| {
            let table = r.table_name().unwrap();
            if service.is_down(table) {
                return MockResponse::Error(GetItemError::generic(denied()));
            }
            let item = service.item(table, &key_of(table, r.key().unwrap()));
            MockResponse::Output(GetItemOutput::builder().set_item(item).build())
        });
        let service = self.clone();
        let put = mock!(Client::put_item).then_compute_response(move |r| {
            let put = Put::builder()
                .table_name(r.table_name().unwrap())
                .set_item(r.item().cloned())
                .set_condition_expression(r.condition_expression().map(str::to_owned))
                .set_expression_attribute_names(r.expression_attribute_names().cloned())
                .set_expression_attribute_values(r.expression_attribute_values().cloned())
                .build()
                .unwrap();
            if service.is_down(put.table_name()) {
                return MockResponse::Error(PutItemError::generic(denied()));
            }
            assert!(
                service.holds(&put),
                "no test lets a single put fail on its condition"
            );
            service.store(put.table_name(), put.item().clone());
            MockResponse::Output(PutItemOutput::builder().build())
        });
        let service = self.clone();
        let transact = mock!(Client::transact_write_items).then_compute_response(move |r| {
            let writes = r.transact_items();
            let puts: Vec<&Put> = writes.iter().filter_map(|write| write.put()).collect();
            if puts.iter().any(|put| service.is_down(put.table_name())) {
                return MockResponse::Error(TransactWriteItemsError::generic(denied()));
            }
            if !puts.iter().all(|put| service.holds(put)) {
                let reason = CancellationReason::builder()
                    .code("ConditionalCheckFailed")
                    .build();
                let canceled = TransactionCanceledException::builder().cancellation_reasons(reason);
                let error = TransactWriteItemsError::TransactionCanceledException(canceled.build());
                return MockResponse::Error(error);
            }
            for put in puts {
                service.store(put.table_name(), put.item().clone());
            }
            for update in writes.iter().filter_map(|write| write.update()) {
                service.update(update);
            }
            MockResponse::Output(TransactWriteItemsOutput::builder().build())
        });
        let service = self.clone();
        let batch = mock!(Client::batch_get_item).then_compute_output(move |r| {
            let asked = r.request_items().unwrap();
            let found = asked.iter().map(|(table, asked)| {
                let keys = asked.keys().iter().map(|key| key_of(table, key));
                (
                    table.clone(),
                    keys.filter_map(|key| service.item(table, &key)).collect(),
                )
            });
            BatchGetItemOutput::builder()
                .set_responses(Some(found.collect()))
                .build()
        });
        let service = self.clone();
        let query = mock!(Client::query).then_compute_output(move |r| {
            let values = r.expression_attribute_values().unwrap();
            let tables = service.tables.lock().unwrap();
            let of_table = |name| {
                let items = tables.iter().filter(move |((table, _), _)| table == name);
                items.map(|(_, item)| item)
            };
            if let (Some(from), Some(to)) = (values.get(":from"), values.get(":to")) {
                let (from, to) = (text(from), text(to));
                let items = of_table(EVENTS)
                    .filter(|item| item["pk"] == values[":pk"])
                    .filter(|item| (&from..=&to).contains(&&text(&item["sk"])));
                let items = items.cloned().collect();
                return QueryOutput::builder().set_items(Some(items)).build();
            }
            let limit = r.limit().unwrap() as usize;
            if r.table_name() == Some(EVENTS) {
                let start = r.exclusive_start_key().map(|key| text(&key["sk"]));
                let mut items: Vec<Item> = of_table(EVENTS)
                    .filter(|item| item["pk"] == values[":pk"])
                    .filter(|item| {
                        start
                            .as_ref()
                            .is_none_or(|start| text(&item["sk"]) > *start)
                    })
                    .cloned()
                    .collect();
                let more = items.len() > limit;
                items.truncate(limit);
                let last = items.last().filter(|_| more).cloned();
                let output = QueryOutput::builder().set_items(Some(items));
                return output.set_last_evaluated_key(last).build();
            }
            if r.table_name() == Some(PARENTS) {
                assert_eq!(r.index_name(), Some("by_organization"));
                let after = values.get(":after").map(text);
                let mut items: Vec<Item> = of_table(PARENTS)
                    .filter(|item| item.get("organization_id") == Some(&values[":id"]))
                    .filter(|item| after.as_ref().is_none_or(|a| text(&item["parent"]) > *a))
                    .cloned()
                    .collect();
                items.truncate(limit);
                return QueryOutput::builder().set_items(Some(items)).build();
            }
            let attribute = &r.expression_attribute_names().unwrap()["#key"];
            let before = values.get(":before").map(number);
            let mut items: Vec<Item> = of_table(EXPORTS)
                .filter(|item| item.get(attribute) == Some(&values[":key"]))
                .filter(|item| before.is_none_or(|before| number(&item["id"]) < before))
                .cloned()
                .collect();
            items.sort_by_key(|item| std::cmp::Reverse(number(&item["id"])));
            items.truncate(limit);
            QueryOutput::builder().set_items(Some(items)).build()
        });
        [get, put, transact, batch, query]
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
        let response = router(self.service.app()).oneshot(request).await.unwrap();
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

fn denied() -> ErrorMetadata {
    ErrorMetadata::builder()
        .code("AccessDeniedException")
        .message("secret")
        .build()
}

fn key_of(table: &str, item: &Item) -> String {
    match table {
        EVENTS => format!("{}|{}", text(&item["pk"]), text(&item["sk"])),
        LIMITS => text(&item["key"]),
        PARENTS => text(&item["parent"]),
        _ => text(&item["id"]),
    }
}

fn text(value: &AttributeValue) -> String {
    match value {
        AttributeValue::S(text) | AttributeValue::N(text) => text.clone(),
        other => panic!("no key: {other:?}"),
    }
}

fn number(value: &AttributeValue) -> i64 {
    value.as_n().unwrap().parse().unwrap()
}
