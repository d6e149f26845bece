//! Waybill in the test's process: the real functions, behind a fake gateway and over services in memory.
//!
//! A request is answered at once. Files, mails and expiries happen only while a test waits for them
//! ([`InProcess::until`]). The clock advances by a millisecond per call, and by seconds while a test waits.

mod gateway;
mod services;

use std::fmt;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use api::{
    App, Clients, Config, PageConfig, {TokenConfig, Verifier},
};
use jiff::{SignedDuration, Timestamp};
use reqwest::header::HeaderMap;
use serde_json::{Value, json};
use tokio::time::Instant;
use waybill::bearer_secret::{BearerSecret, SecretKind};
use waybill::catalog::Catalog;
use waybill::clock::Clock;
use waybill::deployment_file::DeploymentFile;
use waybill::grant_patterns::GrantPatterns;
use waybill::grants_function::{ANSWER_TIMEOUT, GrantsFunction};
use waybill::live_catalog::LiveCatalog;
use waybill::store::{ApiKey, ApiKeys};
use waybill_testing::fake::plain;
use waybill_testing::timing;

pub use self::services::{HostAnswer, Services};
use crate::functions::{self, BUCKET, QUEUE_URL};
use crate::http::{Answer, Caller};

/// The URL of the API.
const PUBLIC_URL: &str = "https://exports.example";
/// The issuer of the tokens.
pub(crate) const ISSUER: &str = "https://issuer.example/pool";
/// The table of records.
pub(crate) const RECORDS: &str = "host-records";
/// The retention of a file, and the time until its deletion.
const RETENTION: SignedDuration = SignedDuration::from_secs(60);
const DELETE_AFTER: SignedDuration = SignedDuration::from_secs(2);
/// The time that a call takes: exports of the same millisecond would have no order.
const CALL: SignedDuration = SignedDuration::from_millis(1);
/// The step of the clock while a test waits and no work is left.
const STEP: SignedDuration = SignedDuration::from_secs(5);
/// The time limit of an invocation.
const INVOCATION: Duration = Duration::from_secs(60);

/// The claims with the grants, the name, the address, and whether the address is verified.
const CLAIMS: [&str; 4] = ["scope", "name", "email", "email_verified"];

/// Waybill in this process. Clones share everything.
#[derive(Clone)]
pub struct InProcess {
    parts: Arc<Parts>,
    is_open: bool,
}

struct Parts {
    services: Arc<Services>,
    now: Arc<Mutex<Timestamp>>,
    tokens: TokenConfig,
    catalog: Catalog,
    app: OnceLock<Arc<App>>,
}

impl Default for InProcess {
    fn default() -> Self {
        Self::with_claims(CLAIMS)
    }
}

impl InProcess {
    /// Reads grants, name, address and whether the address is verified from claims with these names.
    pub fn with_claims(names: [&str; 4]) -> Self {
        Self::new(names, Catalog::load().expect("the catalog"))
    }

    /// Has the types of another catalog.
    pub fn with_catalog(catalog: Catalog) -> Self {
        Self::new(CLAIMS, catalog)
    }

    fn new([grants, name, email, email_verified]: [&str; 4], catalog: Catalog) -> Self {
        let began = "2026-11-21T12:01:02.123456Z";
        let parts = Arc::new(Parts {
            services: Arc::default(),
            now: Arc::new(Mutex::new(began.parse().expect("an instant"))),
            tokens: TokenConfig {
                issuer: ISSUER.into(),
                audiences: vec!["waybill".into()],
                verifier: Verifier::Gateway,
                from_claims: Vec::new(),
                grants: grants.into(),
                name: name.into(),
                email: email.into(),
                email_verified: email_verified.into(),
            },
            catalog,
            app: OnceLock::new(),
        });
        Self {
            parts,
            is_open: false,
        }
    }

    /// The same services, after the functions have got another catalog.
    pub fn redeployed_with(&self, catalog: Catalog) -> Self {
        self.redeployed(self.parts.tokens.clone(), catalog)
    }

    fn redeployed(&self, tokens: TokenConfig, catalog: Catalog) -> Self {
        let parts = Arc::new(Parts {
            services: self.parts.services.clone(),
            now: self.parts.now.clone(),
            tokens,
            catalog,
            app: OnceLock::new(),
        });
        Self {
            parts,
            is_open: self.is_open,
        }
    }

    /// The same without a gateway, for the API's own refusals.
    pub fn without_gateway(&self) -> Self {
        Self {
            is_open: true,
            ..self.clone()
        }
    }

    /// The same without a gateway's authorizer: the function verifies tokens itself.
    pub fn verifying_tokens(&self) -> Self {
        let tokens = TokenConfig {
            verifier: Verifier::Function,
            ..self.parts.tokens.clone()
        };
        let redeployed = self.redeployed(tokens, self.parts.catalog.clone());
        redeployed.without_gateway()
    }

    /// The services, for tests that inspect or disturb them.
    pub fn services(&self) -> &Arc<Services> {
        &self.parts.services
    }

    /// The current time.
    pub fn now(&self) -> Timestamp {
        *self.parts.now.lock().expect("the clock")
    }

    /// Advances the clock.
    pub fn pass(&self, length: SignedDuration) {
        *self.parts.now.lock().expect("the clock") += length;
    }

    /// A caller of the API with a token with these fields, as for the development issuer.
    pub fn caller(&self, fields: &Value) -> Caller {
        Caller::in_process(self, Some(self.token(fields)))
    }

    /// The beginning of links in mails and answers.
    pub fn public_url(&self) -> &'static str {
        PUBLIC_URL
    }

    /// A template parameter that is a number of seconds.
    ///
    /// # Panics
    /// If the parameter is not set here.
    pub fn seconds(&self, parameter: &str) -> u64 {
        let length = match parameter {
            "RetentionSeconds" => RETENTION,
            "DeleteAfterSeconds" => DELETE_AFTER,
            other => panic!("no such parameter here: {other}"),
        };
        length.unsigned_abs().as_secs()
    }

    /// The API's answer.
    pub(crate) fn answer(
        &self,
        request: &reqwest::Request,
    ) -> impl Future<Output = Answer> + use<> {
        self.pass(CALL);
        let refusal = gateway::refusal(request).filter(|_| !self.is_open);
        let answer = gateway::answer(self.app(), PUBLIC_URL, gateway::event(request));
        async {
            match refusal {
                Some(refusal) => refusal,
                None => answer.await,
            }
        }
    }

    /// S3's answer to a GET of a presigned URL.
    pub(crate) fn file(&self, url: &str) -> Answer {
        let path = url.split(['?', '#']).next().unwrap_or_default();
        let key = path.split_once(&format!("/{BUCKET}/")).map(|(_, key)| key);
        let cloud = self.parts.services.cloud();
        let file = key.and_then(|key| cloud.s3.object(key));
        Answer {
            status: if file.is_some() { 200 } else { 404 },
            headers: HeaderMap::new(),
            body: file.map(<[u8]>::to_vec).unwrap_or_default(),
        }
    }

    /// The mails to this address, newest first.
    pub fn mails(&self, address: &str) -> Vec<Value> {
        let cloud = self.parts.services.cloud();
        let mails = cloud.mails.iter().rev();
        let to = |mail: &&Value| mail["Destination"]["ToAddresses"] == json!([address]);
        mails.filter(to).map(shown).collect()
    }

    /// Calls `look` until it returns `Ok`, and does the pending work in between.
    ///
    /// # Panics
    /// After `within` by this clock, with `what` and the last `Err`.
    pub async fn until<T>(
        &self,
        what: &str,
        within: Duration,
        mut look: impl AsyncFnMut() -> Result<T, String>,
    ) -> T {
        let end = self.now() + within;
        loop {
            match look().await {
                Ok(found) => return found,
                Err(seen) => assert!(self.now() < end, "waited for {what}; last seen: {seen}"),
            }
            if !Box::pin(self.work()).await {
                self.pass(STEP);
                Box::pin(self.sweep()).await;
            }
        }
    }

    /// Runs the sweeper once.
    ///
    /// # Panics
    /// If the sweep fails.
    pub async fn sweep(&self) {
        let sweeper = functions::sweeper(&self.sdk(), DELETE_AFTER);
        let deadline = Instant::now() + INVOCATION;
        let swept = sweeper.sweep(self.now(), deadline).await;
        swept.expect("the sweep");
    }

    /// Handles all messages and stream events that are pending. Returns whether there were any.
    ///
    /// # Panics
    /// If `generate` or `notify` reports a failure.
    async fn work(&self) -> bool {
        let messages = self.parts.services.due(self.now());
        let (sdk, clock) = (self.sdk(), self.clock());
        let worker = functions::worker(&sdk, clock.clone(), RECORDS, RETENTION);
        for body in &messages {
            let event = json!({"Records": [{"messageId": "m", "body": body, "attributes": {}, "messageAttributes": {}}]});
            let event = serde_json::from_value(event).expect("an event of SQS");
            let response = generate::handle(&worker, event, INVOCATION).await;
            let response = response.expect("a message with an id");
            assert!(response.batch_item_failures.is_empty(), "{body} comes back");
        }
        let events = self.parts.services.events_of_exports();
        let mut notifier = functions::notifier(&sdk, clock, PUBLIC_URL);
        notifier.grants_function = self.grants_function();
        for event in &events {
            let deadline = Instant::now() + INVOCATION;
            let failures = notifier.handle(event.clone(), deadline).await;
            let failures = failures.unwrap_or_else(|error| panic!("{event}: {error}"));
            assert_eq!(failures, notify::Failures::default(), "{event} failed");
        }
        !messages.is_empty() || !events.is_empty()
    }

    /// Makes an API key, as the command `keys` does. Returns the key's id and the key.
    ///
    /// # Panics
    /// If the table cannot be written.
    pub async fn api_key(&self, name: &str, grants: &str) -> (String, String) {
        let secret = BearerSecret::random(SecretKind::ApiKey).expect("random bytes");
        let key = ApiKey {
            id: secret.hash().to_string(),
            name: name.to_owned(),
            grants: GrantPatterns::parse(grants),
            created_at: self.now(),
            last_used_at: None,
            revoked_at: None,
        };
        self.api_keys().add(&key).await.expect("the table of keys");
        (key.id, secret.reveal().to_owned())
    }

    /// The API keys.
    pub fn api_keys(&self) -> ApiKeys {
        ApiKeys::new(
            aws_sdk_dynamodb::Client::new(&self.sdk()),
            "api-keys".into(),
        )
    }

    /// A caller with this bearer token, whatever it is.
    pub fn bearer(&self, token: &str) -> Caller {
        Caller::in_process(self, Some(token.to_owned()))
    }

    /// The store on these tables.
    pub fn exports(&self) -> waybill::store::Exports {
        functions::exports(&self.sdk())
    }

    fn clock(&self) -> Clock {
        let now = self.parts.now.clone();
        Clock::from_fn(move || *now.lock().expect("the clock"))
    }

    fn sdk(&self) -> aws_config::SdkConfig {
        functions::sdk(self.parts.services.clone(), self.clock())
    }

    fn grants_function(&self) -> Option<GrantsFunction> {
        let lambda = || aws_sdk_lambda::Client::new(&self.sdk());
        let has_host = self.parts.services.has_host();
        has_host.then(|| GrantsFunction::new(lambda(), services::HOST.into(), ANSWER_TIMEOUT))
    }

    fn app(&self) -> Arc<App> {
        self.parts
            .app
            .get_or_init(|| Arc::new(self.build()))
            .clone()
    }

    fn build(&self) -> App {
        let sdk = self.sdk();
        let config = Config {
            tables: functions::tables(),
            limits: "limits".into(),
            api_keys: "api-keys".into(),
            parents: "parents".into(),
            queue_url: QUEUE_URL.into(),
            bucket: BUCKET.into(),
            timing: timing(),
            public_url: PUBLIC_URL.into(),
            tokens: self.parts.tokens.clone(),
            grants_function: self
                .parts
                .services
                .has_host()
                .then(|| services::HOST.into()),
            page: PageConfig {
                issuer: Some(ISSUER.into()),
                sign_in_url: None,
                client_id: "waybill".into(),
                scope: None,
                audience: None,
                sign_in_origins: String::new(),
                frame_ancestors: String::new(),
                product_name: "Waybill".into(),
                support_address: None,
            },
        };
        let clients = Clients {
            db: aws_sdk_dynamodb::Client::new(&sdk),
            records: functions::records(&sdk, RECORDS),
            s3: waybill::aws::s3(&sdk),
            sqs: aws_sdk_sqs::Client::new(&sdk),
            lambda: aws_sdk_lambda::Client::new(&sdk),
        };
        let catalog = self.parts.catalog.clone();
        let live = LiveCatalog::fixed(catalog, DeploymentFile::default());
        App::new(config, live, clients, self.clock()).expect("root certificates")
    }

    /// An unsigned access token with these claims: the fake gateway does not check signatures.
    pub(crate) fn token(&self, fields: &Value) -> String {
        gateway::token(fields)
    }

    /// An export as it is stored.
    ///
    /// # Panics
    /// If there is none.
    pub(crate) fn stored(&self, id: u64) -> Value {
        let cloud = self.parts.services.cloud();
        let mut items = cloud.dynamodb.tables["exports"].items.values();
        let item = items.find(|item| item["id"]["N"] == id.to_string().as_str());
        plain(item.expect("the export's item"))
    }
}

impl fmt::Debug for InProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Waybill in this process")
    }
}

/// A mail as the local stack's mailbox shows it.
fn shown(mail: &Value) -> Value {
    let simple = &mail["Content"]["Simple"];
    let attachments = simple["Attachments"].as_array().into_iter().flatten();
    let attachments: Vec<Value> = attachments
        .map(|file| json!({"name": file["FileName"], "content": file["RawContent"]}))
        .collect();
    json!({
        "subject": simple["Subject"]["Data"],
        "text": simple["Body"]["Text"]["Data"],
        "html": simple["Body"]["Html"]["Data"],
        "attachments": attachments,
    })
}
