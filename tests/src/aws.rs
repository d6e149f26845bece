//! The stack's AWS services, asked directly for what the API does not show.

use std::collections::HashMap;
use std::time::Duration;

use aws_config::{BehaviorVersion, Region};
use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_lambda::types::Environment;
use aws_sdk_s3::config::Credentials;
use jiff::Timestamp;
use serde_json::json;
use waybill::catalog::ExportType;
use waybill::store::{Exports, Tables, TypeEntries};

use crate::local::credentials;
use crate::stack::Stack;
use crate::wait::wait_until;

const SWITCHED_WITHIN: Duration = Duration::from_secs(30);

/// The SDK's clients, and the names of the stack's own resources.
#[derive(Debug, Clone)]
pub struct Aws {
    /// DynamoDB, with the tables of Waybill (not the records).
    pub dynamodb: aws_sdk_dynamodb::Client,
    /// The DynamoDB that holds the host's records.
    pub records: aws_sdk_dynamodb::Client,
    /// Lambda.
    pub lambda: aws_sdk_lambda::Client,
    /// S3.
    pub s3: aws_sdk_s3::Client,
    /// SQS.
    pub sqs: aws_sdk_sqs::Client,
    /// IAM.
    pub iam: aws_sdk_iam::Client,
    bucket: String,
    queue_url: String,
    tables: Tables,
    sweep_function: String,
}

impl Aws {
    pub(crate) async fn new(stack: &Stack) -> Self {
        // The account's own, to which nothing is forbidden.
        Self::with(
            stack,
            Credentials::new("test", "test", None, None, "local stack"),
        )
        .await
    }

    /// The clients with the credentials that one of the stack's functions has, and so with what its role allows.
    ///
    /// # Panics
    /// Where no process runs this function now.
    pub async fn of_function(stack: &Stack, function: &str) -> Self {
        let [id, secret, token] = credentials(stack, function);
        Self::with(
            stack,
            Credentials::new(id, secret, Some(token), None, "function"),
        )
        .await
    }

    async fn with(stack: &Stack, credentials: Credentials) -> Self {
        let shared = aws_config::defaults(BehaviorVersion::latest())
            .endpoint_url(stack.output("endpoint_url"))
            .region(Region::new(stack.output("region").to_owned()))
            .credentials_provider(credentials)
            .load()
            .await;
        let s3 = aws_sdk_s3::config::Builder::from(&shared)
            .force_path_style(true)
            .build();
        let records = aws_sdk_dynamodb::config::Builder::from(&shared)
            .endpoint_url(stack.output("records_url"))
            .build();
        Self {
            dynamodb: aws_sdk_dynamodb::Client::new(&shared),
            records: aws_sdk_dynamodb::Client::from_conf(records),
            lambda: aws_sdk_lambda::Client::new(&shared),
            s3: aws_sdk_s3::Client::from_conf(s3),
            sqs: aws_sdk_sqs::Client::new(&shared),
            iam: aws_sdk_iam::Client::new(&shared),
            bucket: stack.output("bucket").to_owned(),
            queue_url: stack.output("queue_url").to_owned(),
            tables: Tables {
                exports: stack.output("exports_table").to_owned(),
                work: stack.output("work_table").to_owned(),
                events: stack.output("events_table").to_owned(),
            },
            sweep_function: stack.output("sweep_function").to_owned(),
        }
    }

    /// The keys of the objects under `exports/{id}/`.
    ///
    /// # Panics
    /// Where S3 does not answer.
    pub async fn objects(&self, id: u64) -> Vec<String> {
        let prefix = format!("exports/{id}/");
        let listed = self
            .s3
            .list_objects_v2()
            .bucket(&self.bucket)
            .prefix(prefix)
            .send()
            .await;
        let listed = listed.expect("the bucket is listed");
        listed
            .contents()
            .iter()
            .map(|object| object.key().unwrap_or_default().to_owned())
            .collect()
    }

    /// The keys of the unfinished uploads under `exports/{id}/`.
    ///
    /// # Panics
    /// Where S3 does not answer.
    pub async fn uploads(&self, id: u64) -> Vec<String> {
        let prefix = format!("exports/{id}/");
        let listed = self
            .s3
            .list_multipart_uploads()
            .bucket(&self.bucket)
            .prefix(prefix)
            .send()
            .await;
        let listed = listed.expect("the uploads are listed");
        listed
            .uploads()
            .iter()
            .map(|upload| upload.key().unwrap_or_default().to_owned())
            .collect()
    }

    /// The bytes of an object.
    ///
    /// # Panics
    /// Where it is not there.
    pub async fn object(&self, key: &str) -> Vec<u8> {
        let object = self
            .s3
            .get_object()
            .bucket(&self.bucket)
            .key(key)
            .send()
            .await
            .expect("the object");
        object
            .body
            .collect()
            .await
            .expect("the object's bytes")
            .to_vec()
    }

    /// Whether anything is still to be done for an export: its work item, or parts of a file, are in the table.
    ///
    /// # Panics
    /// Where DynamoDB does not answer.
    pub async fn has_work(&self, id: u64) -> bool {
        self.work(id).await.is_some()
    }

    async fn work(&self, id: u64) -> Option<HashMap<String, AttributeValue>> {
        let key = AttributeValue::S(id.to_string());
        let got = self
            .dynamodb
            .get_item()
            .table_name(&self.tables.work)
            .key("id", key)
            .consistent_read(true)
            .send();
        got.await.expect("the work item is asked for").item
    }

    /// The random name of the worker that has an export's lease; `None` where nobody has it.
    ///
    /// # Panics
    /// Where DynamoDB does not answer, or the work item is none.
    pub async fn lease_owner(&self, id: u64) -> Option<String> {
        let item = self.work(id).await?;
        let lease = item.get("lease")?.as_m().ok()?;
        Some(lease["owner"].as_s().expect("a name").clone())
    }

    /// When the lease of an export's worker ends, unless it is renewed; `None` where nobody has one.
    ///
    /// # Panics
    /// Where DynamoDB does not answer, or the work item is none.
    pub async fn lease_end(&self, id: u64) -> Option<Timestamp> {
        let item = self.work(id).await?;
        let lease = item.get("lease")?.as_m().ok()?;
        let until = lease["until"].as_s().expect("an instant");
        Some(until.parse().expect("an instant in RFC 3339"))
    }

    /// Puts an export's id onto the queue, as `api` does.
    ///
    /// # Panics
    /// Where SQS does not take it.
    pub async fn enqueue(&self, id: u64) {
        let body = json!({"export_id": id}).to_string();
        self.sqs
            .send_message()
            .queue_url(&self.queue_url)
            .message_body(body)
            .send()
            .await
            .expect("the message is sent");
    }

    /// Switches what feeds a function on or off, and waits until it is.
    ///
    /// # Panics
    /// Where Lambda does not do so.
    pub async fn feed(&self, function: &str, on: bool) {
        let mappings = self
            .lambda
            .list_event_source_mappings()
            .function_name(function)
            .send()
            .await;
        let mappings = mappings.expect("the function's sources are listed");
        let sources = mappings.event_source_mappings();
        assert!(!sources.is_empty(), "{function} has a source");
        for source in sources.iter().filter_map(|mapping| mapping.uuid()) {
            self.switch(source, on).await;
        }
    }

    async fn switch(&self, source: &str, on: bool) {
        let update = self
            .lambda
            .update_event_source_mapping()
            .uuid(source)
            .enabled(on)
            .send()
            .await;
        update.expect("the source is switched");
        let wanted = if on { "Enabled" } else { "Disabled" };
        wait_until(
            &format!("the source {source} to be {wanted}"),
            SWITCHED_WITHIN,
            async || {
                let found = self
                    .lambda
                    .get_event_source_mapping()
                    .uuid(source)
                    .send()
                    .await
                    .expect("the source is shown");
                let state = found.state().unwrap_or_default();
                if state == wanted {
                    Ok(())
                } else {
                    Err(state.to_owned())
                }
            },
        )
        .await;
    }

    /// Lets exports be made by another entry than that of their request, before any worker has looked at them.
    ///
    /// # Panics
    /// Where the tables do not take it.
    pub async fn make_by(&self, entry: &ExportType, exports: &[u64]) {
        let store = Exports::new(self.dynamodb.clone(), self.tables.clone());
        let digest = TypeEntries::new(store).keep(entry).await;
        let digest = AttributeValue::S(digest.expect("the entry is kept"));
        for id in exports {
            let update = self
                .dynamodb
                .update_item()
                .table_name(&self.tables.exports)
                .key("id", AttributeValue::N(id.to_string()))
                .update_expression("SET #entry = :entry")
                .expression_attribute_names("#entry", "entry")
                .expression_attribute_values(":entry", digest.clone());
            update.send().await.expect("the export is changed");
        }
    }

    /// Sets how long an invocation of a function may take, in seconds.
    ///
    /// # Panics
    /// Where Lambda does not do so.
    pub async fn set_timeout(&self, function: &str, seconds: u64) {
        let seconds = i32::try_from(seconds).expect("a timeout of Lambda");
        let update = self
            .lambda
            .update_function_configuration()
            .function_name(function)
            .timeout(seconds)
            .send()
            .await;
        update.expect("the timeout is set");
    }

    /// Gives a function another environment, in which these variables have these values.
    ///
    /// # Panics
    /// Where Lambda does not do so.
    pub async fn set_variables(&self, function: &str, values: &[(&str, &str)]) {
        let configuration = self.lambda.get_function_configuration();
        let configuration = configuration.function_name(function).send().await;
        let environment = configuration
            .expect("the function's configuration")
            .environment;
        let variables = environment.and_then(|environment| environment.variables);
        let mut variables = variables.unwrap_or_default();
        let values = values.iter();
        variables.extend(values.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let environment = Environment::builder()
            .set_variables(Some(variables))
            .build();
        let update = self.lambda.update_function_configuration();
        let update = update.function_name(function).environment(environment);
        update.send().await.expect("the variables are set");
    }

    /// Drops every message that waits in the queue.
    ///
    /// # Panics
    /// Where SQS does not do so.
    pub async fn purge_queue(&self) {
        self.sqs
            .purge_queue()
            .queue_url(&self.queue_url)
            .send()
            .await
            .expect("the queue is purged");
    }

    /// Sweeps now, as the schedule does every minute.
    ///
    /// # Panics
    /// Where the sweep fails.
    pub async fn sweep(&self) {
        self.invoke(&self.sweep_function, json!({})).await;
    }

    /// Calls a function with an event and waits for its answer.
    ///
    /// # Panics
    /// Where the function ends in an error.
    pub async fn invoke(&self, function: &str, event: serde_json::Value) -> serde_json::Value {
        let payload = aws_sdk_lambda::primitives::Blob::new(event.to_string());
        let answer = self
            .lambda
            .invoke()
            .function_name(function)
            .payload(payload)
            .send()
            .await;
        let answer = answer.expect("the function is invoked");
        let bytes = answer
            .payload
            .map(|blob| blob.into_inner())
            .unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        assert!(
            answer.function_error.is_none(),
            "{function} ended in an error: {text}"
        );
        serde_json::from_str(&text).unwrap_or(serde_json::Value::Null)
    }
}
