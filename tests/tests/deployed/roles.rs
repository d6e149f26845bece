//! Least privilege, evaluated: every function's own credentials open what it needs and nothing beside it.

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_lambda::types::InvocationType;
use aws_sdk_s3::primitives::ByteStream;
use waybill_tests::requests::*;
use waybill_tests::{Aws, Owner, Stack, id};

/// Actions on resources, and which function's role allows them. `elsewhere` is a key outside of `exports/`. What is
/// allowed is asked for in such a way that nothing comes of it.
const TABLE: &str = "
                                    api generate notify sweep
dynamodb:GetItem     exports        yes yes      yes    yes
dynamodb:PutItem     exports        yes yes      yes    yes
dynamodb:DeleteItem  exports        no  no       no     no
dynamodb:Query       exports/by_parent
                                    yes no       no     no
dynamodb:Scan        exports        no  no       no     no
dynamodb:GetItem     work           yes yes      yes    yes
dynamodb:DeleteItem  work           no  no       yes    yes
dynamodb:Query       work/due       no  no       no     yes
dynamodb:Query       events         yes no       no     no
dynamodb:PutItem     events         yes yes      yes    yes
dynamodb:UpdateItem  events         yes yes      no     no
dynamodb:DeleteItem  events         no  no       no     no
dynamodb:GetItem     limits         yes no       no     no
dynamodb:UpdateItem  limits         yes no       no     no
dynamodb:GetItem     parents        yes no       no     no
dynamodb:Query       parents/by_organization
                                    yes no       no     no
dynamodb:Query       records        yes yes      no     no
dynamodb:PutItem     records        no  no       no     no
dynamodb:Scan        records        no  no       no     no
s3:GetObject         exports        yes yes      yes    no
s3:PutObject         exports        no  yes      no     no
s3:DeleteObject      exports        no  yes      no     yes
s3:AbortUpload       exports        no  yes      no     yes
s3:GetObject         elsewhere      no  no       no     no
s3:PutObject         elsewhere      no  no       no     no
s3:DeleteObject      elsewhere      no  no       no     no
s3:ListBucket        bucket         no  yes      yes    yes
s3:ListUploads       bucket         no  no       no     yes
s3:DeleteBucket      bucket         no  no       no     no
sqs:SendMessage      queue          yes yes      no     yes
sqs:GetAttributes    queue          no  yes      no     no
sqs:PurgeQueue       queue          no  no       no     no
lambda:Invoke        notify         no  no       no     yes
lambda:Invoke        generate       no  no       no     no
";

const FUNCTIONS: [&str; 4] = ["api", "generate", "notify", "sweep"];

#[tokio::test]
async fn each_function_may_do_what_it_does_and_nothing_else() {
    let stack = Stack::get();
    // Every function has a process once it has run.
    let owner = Owner::new(&stack, "Ana").await;
    let export = owner.succeeded(csv()).await;
    owner.mail_is(id(&export), "sent").await;
    stack.aws().await.sweep().await;

    let mut wrong = Vec::new();
    let words: Vec<&str> = TABLE.split_whitespace().collect();
    let rows = words[FUNCTIONS.len()..].chunks(2 + FUNCTIONS.len());
    for (column, name) in FUNCTIONS.into_iter().enumerate() {
        let function = stack.output(&format!("{name}_function"));
        let role = Role {
            stack: &stack,
            aws: Aws::of_function(&stack, function).await,
        };
        for row in rows.clone() {
            let allowed = role.may(row[0], row[1]).await;
            if allowed != (row[2 + column] == "yes") {
                wrong.push(format!("{name} {} {}: {allowed}", row[0], row[1]));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

struct Role<'a> {
    stack: &'a Stack,
    aws: Aws,
}

impl Role<'_> {
    async fn may(&self, action: &str, resource: &str) -> bool {
        match action.split_once(':').expect("a service's action") {
            ("dynamodb", action) => self.may_in_a_table(action, resource).await,
            ("s3", action) => self.may_in_the_bucket(action, resource).await,
            ("sqs", action) => {
                let url = self.stack.output("queue_url");
                match action {
                    // Of an export that there is not: it is taken from the queue, and that is that.
                    "SendMessage" => {
                        let send = self.aws.sqs.send_message().queue_url(url);
                        let send = send.message_body(r#"{"export_id": 1}"#).send();
                        allowed(send.await)
                    }
                    "GetAttributes" => allowed(
                        self.aws
                            .sqs
                            .get_queue_attributes()
                            .queue_url(url)
                            .send()
                            .await,
                    ),
                    "PurgeQueue" => allowed(self.aws.sqs.purge_queue().queue_url(url).send().await),
                    other => panic!("no action of SQS: {other}"),
                }
            }
            ("lambda", "Invoke") => {
                let function = self.stack.output(&format!("{resource}_function"));
                let invoke = self.aws.lambda.invoke().function_name(function);
                let invoke = invoke.invocation_type(InvocationType::DryRun);
                allowed(invoke.payload(Blob::new("{}")).send().await)
            }
            other => panic!("no action: {other:?}"),
        }
    }

    async fn may_in_a_table(&self, action: &str, resource: &str) -> bool {
        let (table, index) = match resource.split_once('/') {
            Some((table, index)) => (table, Some(index)),
            None => (resource, None),
        };
        let table = self.stack.output(&format!("{table}_table"));
        let db = &self.aws.dynamodb;
        // No item has this attribute, so that no write is carried out.
        let condition = "attribute_exists(there_is_no_such_attribute)";
        let key = || AttributeValue::S("0".to_owned());
        match action {
            "GetItem" => allowed(
                db.get_item()
                    .table_name(table)
                    .key("id", key())
                    .send()
                    .await,
            ),
            "PutItem" => {
                let put = db.put_item().table_name(table).item("id", key());
                let put = put.item("pk", key()).item("sk", key());
                allowed(put.condition_expression(condition).send().await)
            }
            "UpdateItem" => {
                let update = db.update_item().table_name(table).key("id", key());
                allowed(update.condition_expression(condition).send().await)
            }
            "DeleteItem" => {
                let delete = db.delete_item().table_name(table).key("id", key());
                allowed(delete.condition_expression(condition).send().await)
            }
            "Query" => {
                let query = db
                    .query()
                    .table_name(table)
                    .set_index_name(index.map(str::to_owned));
                let query = query.key_condition_expression("id = :id");
                let query = query.expression_attribute_values(":id", key());
                allowed(query.send().await)
            }
            "Scan" => allowed(db.scan().table_name(table).limit(1).send().await),
            other => panic!("no action of DynamoDB: {other}"),
        }
    }

    async fn may_in_the_bucket(&self, action: &str, resource: &str) -> bool {
        let (s3, bucket) = (&self.aws.s3, self.stack.output("bucket"));
        let key = format!("{resource}/0/nothing");
        match action {
            "GetObject" => allowed(s3.get_object().bucket(bucket).key(key).send().await),
            // The condition is that an object is there already.
            "PutObject" => {
                let put = s3.put_object().bucket(bucket).key(key).if_match("\"0\"");
                allowed(put.body(ByteStream::from_static(b"")).send().await)
            }
            "DeleteObject" => allowed(s3.delete_object().bucket(bucket).key(key).send().await),
            "AbortUpload" => {
                let abort = s3.abort_multipart_upload().bucket(bucket).key(key);
                allowed(abort.upload_id("there-is-none").send().await)
            }
            "ListBucket" => allowed(s3.list_objects_v2().bucket(bucket).max_keys(1).send().await),
            "ListUploads" => allowed(
                s3.list_multipart_uploads()
                    .bucket(bucket)
                    .max_uploads(1)
                    .send()
                    .await,
            ),
            "DeleteBucket" => allowed(s3.delete_bucket().bucket(bucket).send().await),
            other => panic!("no action of S3: {other}"),
        }
    }
}

/// Whether a call was carried out, or failed for another reason than that it is forbidden.
fn allowed<T, E: ProvideErrorMetadata>(answer: Result<T, SdkError<E>>) -> bool {
    let Err(error) = answer else { return true };
    let code = error
        .code()
        .unwrap_or_else(|| panic!("an answer without a code"));
    !code.starts_with("AccessDenied")
}
