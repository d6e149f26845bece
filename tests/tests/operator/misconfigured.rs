//! Ways in which a stack is misconfigured on purpose, and how each is undone.

use aws_sdk_dynamodb::types::PointInTimeRecoverySpecification;
use aws_sdk_s3::types::{
    BucketLifecycleConfiguration, BucketVersioningStatus, LifecycleRule,
    PublicAccessBlockConfiguration, VersioningConfiguration,
};
use reqwest::Method;
use serde_json::json;
use tokio::sync::Mutex;
use waybill_tests::{Aws, Stack};

/// One thing that is wrong with a stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Misconfigured {
    FunctionSwitchedOff,
    QueueDisconnected,
    RoleWithoutPolicy,
    TableMissing,
    CatalogMissing,
    BucketVersioned,
    BucketPublic,
    BucketWithoutRules,
    TableWithoutRecovery,
    LettersGivenUp,
    MailSandbox,
    SenderUnknown,
}

/// All of them.
pub(crate) const MISCONFIGURED: [Misconfigured; 12] = [
    Misconfigured::FunctionSwitchedOff,
    Misconfigured::QueueDisconnected,
    Misconfigured::RoleWithoutPolicy,
    Misconfigured::TableMissing,
    Misconfigured::CatalogMissing,
    Misconfigured::BucketVersioned,
    Misconfigured::BucketPublic,
    Misconfigured::BucketWithoutRules,
    Misconfigured::TableWithoutRecovery,
    Misconfigured::LettersGivenUp,
    Misconfigured::MailSandbox,
    Misconfigured::SenderUnknown,
];

impl Misconfigured {
    /// What the command says of it.
    pub(crate) fn says(self) -> &'static str {
        match self {
            Self::FunctionSwitchedOff => "is switched off: its reserved concurrency is 0",
            Self::QueueDisconnected => "the mapping is Disabled",
            Self::RoleWithoutPolicy => {
                "may not dynamodb:GetItem, dynamodb:PutItem, dynamodb:UpdateItem on"
            }
            Self::TableMissing => "There is no table no-such-table",
            Self::CatalogMissing => "The catalog in s3://no-such-bucket/waybill cannot be read",
            Self::BucketVersioned => "keeps versions",
            Self::BucketPublic => "does not block all public access",
            Self::BucketWithoutRules => "has no rule that deletes forgotten files",
            Self::TableWithoutRecovery => "has no point-in-time recovery",
            Self::LettersGivenUp => "The dead-letter queue has 1 messages",
            Self::MailSandbox => "The account is in SES's sandbox",
            Self::SenderUnknown => "SES knows neither the address",
        }
    }
}

impl Misconfigured {
    /// Whether the command also says this, since it comes of the same.
    pub(crate) fn entails(self, line: &str) -> bool {
        self == Self::CatalogMissing && line.contains("The API fails: it answered with 502")
    }
}

/// Somebody who may change everything in the account.
pub(crate) struct Operator<'a> {
    stack: &'a Stack,
    aws: Aws,
    /// What was taken away, to be put back.
    rules: Mutex<Vec<LifecycleRule>>,
    policy: Mutex<String>,
}

impl<'a> Operator<'a> {
    pub(crate) async fn of(stack: &'a Stack) -> Self {
        let aws = stack.aws().await;
        Self {
            stack,
            aws,
            rules: Mutex::default(),
            policy: Mutex::default(),
        }
    }

    /// Misconfigures the stack.
    pub(crate) async fn make(&self, misconfigured: Misconfigured) {
        match misconfigured {
            Misconfigured::FunctionSwitchedOff => {
                let put = self.aws.lambda.put_function_concurrency();
                let put = put.function_name(self.stack.output("sweep_function"));
                put.reserved_concurrent_executions(0).send().await.unwrap();
            }
            Misconfigured::QueueDisconnected => self.feed(false).await,
            Misconfigured::RoleWithoutPolicy => self.take_away_a_statement().await,
            Misconfigured::TableMissing => self.set("RECORDS_TABLE", "no-such-table").await,
            Misconfigured::CatalogMissing => {
                self.set("CATALOG_URL", "s3://no-such-bucket/waybill").await;
            }
            Misconfigured::BucketVersioned => self.version(BucketVersioningStatus::Enabled).await,
            Misconfigured::BucketPublic => self.block_public_access(false).await,
            Misconfigured::BucketWithoutRules => self.take_away_the_rules().await,
            Misconfigured::TableWithoutRecovery => self.recover(false).await,
            Misconfigured::LettersGivenUp => {
                let send = self.aws.sqs.send_message();
                let send = send.queue_url(self.stack.output("dlq_url"));
                send.message_body("given up").send().await.unwrap();
            }
            Misconfigured::MailSandbox => self.production(false).await,
            Misconfigured::SenderUnknown => {
                for identity in self.identities() {
                    self.mailbox(Method::DELETE, &format!("identities/{identity}"), None)
                        .await;
                }
            }
        }
    }

    /// Undoes it.
    pub(crate) async fn undo(&self, misconfigured: Misconfigured) {
        match misconfigured {
            Misconfigured::FunctionSwitchedOff => {
                let delete = self.aws.lambda.delete_function_concurrency();
                let delete = delete.function_name(self.stack.output("sweep_function"));
                delete.send().await.unwrap();
            }
            Misconfigured::QueueDisconnected => self.feed(true).await,
            Misconfigured::RoleWithoutPolicy => {
                let policy = self.policy.lock().await.clone();
                self.put_policy(&policy).await;
            }
            Misconfigured::TableMissing => {
                self.set("RECORDS_TABLE", self.stack.output("records_table"))
                    .await;
            }
            Misconfigured::CatalogMissing => self.set("CATALOG_URL", "").await,
            Misconfigured::BucketVersioned => self.version(BucketVersioningStatus::Suspended).await,
            Misconfigured::BucketPublic => self.block_public_access(true).await,
            Misconfigured::BucketWithoutRules => self.put_back_the_rules().await,
            Misconfigured::TableWithoutRecovery => self.recover(true).await,
            Misconfigured::LettersGivenUp => {
                let purge = self.aws.sqs.purge_queue();
                purge
                    .queue_url(self.stack.output("dlq_url"))
                    .send()
                    .await
                    .unwrap();
            }
            Misconfigured::MailSandbox => self.production(true).await,
            Misconfigured::SenderUnknown => {
                for identity in self.identities() {
                    let body = json!({"EmailIdentity": identity});
                    self.mailbox(Method::POST, "identities", Some(body)).await;
                }
            }
        }
    }

    async fn feed(&self, on: bool) {
        self.aws
            .feed(self.stack.output("generate_function"), on)
            .await;
    }

    async fn set(&self, variable: &str, value: &str) {
        let function = self.stack.output("api_function");
        self.aws.set_variables(function, &[(variable, value)]).await;
    }

    async fn version(&self, status: BucketVersioningStatus) {
        let put = self.aws.s3.put_bucket_versioning().bucket(self.bucket());
        let versioning = VersioningConfiguration::builder().status(status).build();
        put.versioning_configuration(versioning)
            .send()
            .await
            .unwrap();
    }

    async fn block_public_access(&self, blocks: bool) {
        let block = PublicAccessBlockConfiguration::builder()
            .block_public_acls(true)
            .block_public_policy(blocks)
            .ignore_public_acls(true)
            .restrict_public_buckets(true);
        let put = self.aws.s3.put_public_access_block().bucket(self.bucket());
        let put = put.public_access_block_configuration(block.build());
        put.send().await.unwrap();
    }

    async fn take_away_the_rules(&self) {
        let get = self.aws.s3.get_bucket_lifecycle_configuration();
        let rules = get.bucket(self.bucket()).send().await.unwrap();
        *self.rules.lock().await = rules.rules().to_vec();
        let delete = self.aws.s3.delete_bucket_lifecycle();
        delete.bucket(self.bucket()).send().await.unwrap();
    }

    async fn put_back_the_rules(&self) {
        let rules = self.rules.lock().await.clone();
        let rules = BucketLifecycleConfiguration::builder().set_rules(Some(rules));
        let put = self.aws.s3.put_bucket_lifecycle_configuration();
        let put = put.bucket(self.bucket());
        let put = put.lifecycle_configuration(rules.build().unwrap());
        put.send().await.unwrap();
    }

    async fn recover(&self, enabled: bool) {
        let recovery = PointInTimeRecoverySpecification::builder()
            .point_in_time_recovery_enabled(enabled)
            .build();
        let update = self.aws.dynamodb.update_continuous_backups();
        let update = update.table_name(self.stack.output("parents_table"));
        let update = update.point_in_time_recovery_specification(recovery.unwrap());
        update.send().await.unwrap();
    }

    /// Takes the statement about the table `limits` out of the policy of `api`.
    async fn take_away_a_statement(&self) {
        let get = self.aws.iam.get_role_policy().policy_name("api");
        let got = get.role_name(self.role().await).send().await.unwrap();
        // IAM returns a document that is encoded as a part of a URL.
        let document = percent_encoding::percent_decode_str(got.policy_document());
        let document = document.decode_utf8().unwrap().into_owned();
        let mut policy: serde_json::Value = serde_json::from_str(&document).unwrap();
        *self.policy.lock().await = document;
        let actions = json!([
            "dynamodb:GetItem",
            "dynamodb:PutItem",
            "dynamodb:UpdateItem"
        ]);
        let statements = policy["Statement"].as_array_mut().unwrap();
        let before = statements.len();
        statements.retain(|statement| statement["Action"] != actions);
        assert_eq!(statements.len(), before - 1, "{policy:#}");
        self.put_policy(&policy.to_string()).await;
    }

    async fn put_policy(&self, document: &str) {
        let put = self.aws.iam.put_role_policy().role_name(self.role().await);
        let put = put.policy_name("api").policy_document(document);
        put.send().await.unwrap();
    }

    /// The name of the role of `api`.
    async fn role(&self) -> String {
        let get = self.aws.lambda.get_function_configuration();
        let got = get
            .function_name(self.stack.output("api_function"))
            .send()
            .await;
        let arn = got.unwrap().role.unwrap();
        arn.rsplit('/').next().unwrap().to_owned()
    }

    async fn production(&self, has_access: bool) {
        let body = json!({"ProductionAccessEnabled": has_access, "MailType": "TRANSACTIONAL", "WebsiteURL": "https://waybill.example"});
        self.mailbox(Method::POST, "account/details", Some(body))
            .await;
    }

    /// The sender's address and domain.
    fn identities(&self) -> [&'static str; 2] {
        ["exports@waybill.example", "waybill.example"]
    }

    async fn mailbox(&self, method: Method, path: &str, body: Option<serde_json::Value>) {
        let url = format!("{}/v2/email/{path}", self.stack.output("mailbox_url"));
        self.stack.ask(method, &url, body).await.expect_status(200);
    }

    fn bucket(&self) -> &str {
        self.stack.output("bucket")
    }
}
