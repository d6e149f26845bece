//! The state that all requests share.

use std::sync::Arc;

use axum::extract::FromRef;
use jiff::Timestamp;
use tokio::sync::OnceCell;
use waybill::access_rules::{Grant, Grants};
use waybill::bucket::Bucket;
use waybill::catalog::Catalog;
use waybill::clock::Clock;
use waybill::export::ExportId;
use waybill::grants_function::{ANSWER_TIMEOUT, GrantsFunction};
use waybill::live_catalog::LiveCatalog;
use waybill::parent::{ParentKind, ParentKinds};
use waybill::queue::Queue;
use waybill::records::RecordsOpener;
use waybill::store::{
    ApiKeys, CountLimit, CursorStore, ExportCreator, Exports, KindsInUse, MaskSecrets, Parents,
    Sessions, StoreError, TypeEntries,
};
use waybill::work::WorkTiming;

use crate::config::Config;
use crate::http::answer::in_milliseconds;
use crate::http::cursor::Cursors;
use crate::http::error::ApiError;
use crate::kinds::CurrentKinds;
use crate::page::PageConfig;
use crate::permissions::Permissions;
use crate::requester::Identification;
use crate::session_tokens::SessionTokens;
use crate::tokens::{Tokens, Verifier};

/// The AWS clients.
pub struct Clients {
    /// Waybill's own tables.
    pub db: aws_sdk_dynamodb::Client,
    /// Opens the host's records.
    pub records: RecordsOpener,
    /// The client for the bucket of files.
    pub s3: aws_sdk_s3::Client,
    /// The client for the queue of exports.
    pub sqs: aws_sdk_sqs::Client,
    /// Invokes the host's grants function.
    pub lambda: aws_sdk_lambda::Client,
}

/// The state that all requests share: tables, queue, bucket, catalog, permissions and clock.
pub struct App {
    pub(crate) exports: Exports,
    pub(crate) creator: ExportCreator,
    /// The stored entries of types.
    pub(crate) type_entries: TypeEntries,
    pub(crate) mask_secrets: MaskSecrets,
    pub(crate) parents: Parents,
    kinds: CurrentKinds,
    pub(crate) queue: Queue,
    pub(crate) bucket: Bucket,
    pub(crate) live: LiveCatalog,
    pub(crate) records: RecordsOpener,
    pub(crate) timing: WorkTiming,
    pub(crate) public_url: String,
    pub(crate) tokens: Arc<Tokens>,
    pub(crate) sessions: Sessions,
    pub(crate) session_tokens: Arc<SessionTokens>,
    pub(crate) own_issuer: String,
    pub(crate) permissions: Permissions,
    pub(crate) page: PageConfig,
    pub(crate) count_limit: CountLimit,
    pub(crate) cursor_store: CursorStore,
    cursors: OnceCell<Cursors>,
    clock: Clock,
}

impl App {
    /// An app with this configuration. `clock` returns the current time.
    ///
    /// # Errors
    /// When nothing can be asked over HTTP, for lack of root certificates.
    pub fn new(
        config: Config,
        live: LiveCatalog,
        clients: Clients,
        clock: Clock,
    ) -> Result<Self, reqwest::Error> {
        if config.tokens.verifier == Verifier::Gateway
            && !live.current().deployment.issuers().is_empty()
        {
            tracing::warn!("issuers of the deployment file not used: the gateway verifies tokens");
        }
        let exports = Exports::new(clients.db.clone(), config.tables);
        let grants_function = config
            .grants_function
            .map(|name| GrantsFunction::new(clients.lambda, name, ANSWER_TIMEOUT));
        let sessions = Sessions::new(clients.db.clone(), config.limits.clone());
        let keys = ApiKeys::new(clients.db.clone(), config.api_keys);
        Ok(Self {
            creator: ExportCreator::new(
                exports.clone(),
                config.limits.clone(),
                config.timing.wait_unit(),
            ),
            type_entries: TypeEntries::new(exports.clone()),
            mask_secrets: MaskSecrets::new(exports.clone()),
            count_limit: CountLimit::new(clients.db.clone(), config.limits.clone()),
            cursor_store: CursorStore::new(clients.db.clone(), config.limits),
            parents: Parents::new(clients.db, config.parents),
            kinds: CurrentKinds::new(KindsInUse::new(exports.clone()), &live.current().catalog),
            exports,
            queue: Queue::new(clients.sqs, config.queue_url),
            bucket: Bucket::new(clients.s3, config.bucket),
            live,
            records: clients.records,
            timing: config.timing,
            public_url: config.public_url,
            own_issuer: config.tokens.issuer.clone(),
            tokens: Arc::new(Tokens::new(config.tokens)?),
            session_tokens: Arc::new(SessionTokens::new(keys, sessions.clone())),
            sessions,
            permissions: Permissions::new(grants_function, clock.clone()),
            page: config.page,
            cursors: OnceCell::new(),
            clock,
        })
    }

    /// The types, as they are now.
    pub(crate) fn catalog(&self) -> Arc<Catalog> {
        self.live.current().catalog.clone()
    }

    /// What is wrong with the newest catalog, for staff; empty for everyone else.
    pub(crate) fn mistakes_for(&self, grants: &Grants) -> Vec<String> {
        match grants.has(&Grant::Staff) {
            true => self.live.mistakes(),
            false => Vec::new(),
        }
    }

    /// The kinds of parents, as they are now.
    pub(crate) fn kinds(&self) -> Arc<ParentKinds> {
        self.kinds.get()
    }

    /// Stores that something is stored of this kind of parents.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub(crate) async fn keep_kind(&self, kind: &ParentKind) -> Result<(), StoreError> {
        self.kinds.keep(kind).await
    }

    /// Looks whether the catalog has changed, and with it the kinds of parents. Returns whether these are known.
    pub(crate) async fn refresh(&self) -> bool {
        self.live.refresh().await;
        self.kinds.refresh(&self.catalog()).await;
        self.kinds.are_known()
    }

    /// The current time in whole milliseconds, the precision of JavaScript clients.
    pub(crate) fn now(&self) -> Timestamp {
        in_milliseconds(self.clock.now())
    }

    /// Sends the message of an export, best effort: a failure is only logged, since the sweeper sends the message when
    /// the export's work is due.
    pub(crate) async fn send(&self, id: ExportId) {
        if let Err(error) = self.queue.send(id).await {
            tracing::warn!(export.id = %id, %error, "message not sent");
        }
    }

    /// Checks that the type with this name is not out of service.
    ///
    /// # Errors
    /// [`ApiError::OutOfService`]
    pub(crate) fn require_in_service(&self, name: &str) -> Result<(), ApiError> {
        match self.catalog().is_out_of_service(name) {
            true => Err(ApiError::OutOfService(name.to_owned())),
            false => Ok(()),
        }
    }

    /// Checks that this deployment has sessions.
    ///
    /// # Errors
    /// 403 where API Gateway verifies tokens, and so lets no session through.
    pub(crate) fn require_sessions(&self) -> Result<(), ApiError> {
        match self.tokens.are_verified_here() {
            true => Ok(()),
            false => Err(ApiError::Forbidden(
                "This deployment has no sessions: they need `TokenVerifier=function`.".into(),
            )),
        }
    }

    /// Whether tokens of this issuer are accepted.
    pub(crate) fn is_issuer(&self, url: &str) -> bool {
        let version = self.live.current();
        let mut others = version.deployment.issuers().iter();
        url == self.own_issuer || others.any(|issuer| issuer.url == url)
    }

    /// Encrypts and decrypts cursors, with the secret that all instances share.
    pub(crate) async fn cursors(&self) -> Result<&Cursors, ApiError> {
        let read = || async { Cursors::new(&self.cursor_store.secret().await?) };
        self.cursors.get_or_try_init(read).await
    }
}

impl FromRef<Arc<App>> for Identification {
    fn from_ref(app: &Arc<App>) -> Self {
        Self {
            tokens: app.tokens.clone(),
            sessions: app.session_tokens.clone(),
            live: app.live.clone(),
            clock: app.clock.clone(),
        }
    }
}
