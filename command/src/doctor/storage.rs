//! The bucket of the files, Waybill's own tables, and the dead-letter queue.

use std::error::Error;

use aws_sdk_dynamodb::types::{PointInTimeRecoveryStatus, TableDescription, TableStatus};
use aws_sdk_s3::types::{
    BucketVersioningStatus, ExpirationStatus, LifecycleRule, PublicAccessBlockConfiguration,
};
use aws_sdk_sqs::types::QueueAttributeName;
use waybill::aws::{self, CallError};

use super::{Finding, Found};
use crate::stack::Stack;

/// The outputs with the names of the tables.
const TABLES: [&str; 6] = [
    "ExportsTableName",
    "WorkTableName",
    "EventsTableName",
    "LimitsTableName",
    "ApiKeysTableName",
    "ParentsTableName",
];
const REDEPLOY: &str = "Deploy again, or set it again as the template has it.";

pub(super) async fn look(stack: &Stack) -> Found {
    let mut found = bucket(stack).await?;
    for output in TABLES {
        found.extend(table(stack, output).await?);
    }
    found.extend(dead_letters(stack).await?);
    Ok(found)
}

async fn bucket(stack: &Stack) -> Found {
    let (s3, name) = (aws::s3(&stack.sdk), stack.output("BucketName")?);
    let mut found = Vec::new();
    let versioning = s3.get_bucket_versioning().bucket(name).send().await;
    let versioning = versioning.map_err(|error| CallError::new("GetBucketVersioning", error))?;
    if versioning.status() == Some(&BucketVersioningStatus::Enabled) {
        found.push(Finding::wrong(
            format!("The bucket {name} keeps versions: a deleted file stays in it."),
            format!("aws s3api put-bucket-versioning --bucket {name} --versioning-configuration Status=Suspended, and delete the old versions."),
        ));
    }
    let block = s3.get_public_access_block().bucket(name).send().await;
    let block = match block {
        Ok(block) => block.public_access_block_configuration().cloned(),
        Err(error) => unless(
            CallError::new("GetPublicAccessBlock", error),
            "NoSuchPublicAccessBlockConfiguration",
        )?,
    };
    if !block.is_some_and(|block| blocks_all(&block)) {
        found.push(Finding::wrong(
            format!("The bucket {name} does not block all public access."),
            REDEPLOY,
        ));
    }
    let rules = s3
        .get_bucket_lifecycle_configuration()
        .bucket(name)
        .send()
        .await;
    let rules = match rules {
        Ok(rules) => rules.rules().to_vec(),
        Err(error) => unless(
            CallError::new("GetBucketLifecycleConfiguration", error),
            "NoSuchLifecycleConfiguration",
        )?,
    };
    if !expires(&rules) {
        found.push(Finding::wrong(
            format!("The bucket {name} has no rule that deletes forgotten files and uploads."),
            REDEPLOY,
        ));
    }
    Ok(found)
}

/// Nothing where S3 says that there is no such configuration.
fn unless<T: Default>(error: CallError, code: &str) -> Result<T, Box<dyn Error>> {
    match error.code == code {
        true => Ok(T::default()),
        false => Err(error.into()),
    }
}

fn blocks_all(block: &PublicAccessBlockConfiguration) -> bool {
    [
        block.block_public_acls(),
        block.block_public_policy(),
        block.ignore_public_acls(),
        block.restrict_public_buckets(),
    ]
    .into_iter()
    .all(|blocks| blocks == Some(true))
}

/// Whether enabled rules delete old objects, and abort uploads.
fn expires(rules: &[LifecycleRule]) -> bool {
    let is_enabled = |rule: &&LifecycleRule| *rule.status() == ExpirationStatus::Enabled;
    let enabled = || rules.iter().filter(is_enabled);
    enabled().any(|rule| rule.expiration().is_some())
        && enabled().any(|rule| rule.abort_incomplete_multipart_upload().is_some())
}

async fn table(stack: &Stack, output: &str) -> Found {
    let (db, name) = (stack.dynamodb(), stack.output(output)?);
    let described = db.describe_table().table_name(name).send().await;
    let described = match described {
        Ok(described) => described,
        Err(error) => {
            let error = CallError::new("DescribeTable", error);
            return match error.code.as_str() {
                "ResourceNotFoundException" => Ok(vec![Finding::wrong(
                    format!("The table {name} is gone."),
                    "Restore it from a backup (docs/operations.md), and deploy again.",
                )]),
                _ => Err(error.into()),
            };
        }
    };
    let mut found = described
        .table()
        .map_or_else(Vec::new, |table| state(table, output));
    let backups = db
        .describe_continuous_backups()
        .table_name(name)
        .send()
        .await;
    let backups = backups
        .map_err(|error| CallError::new("DescribeContinuousBackups", error).with_table(name))?;
    let recovery = backups
        .continuous_backups_description()
        .and_then(|backups| backups.point_in_time_recovery_description())
        .and_then(|recovery| recovery.point_in_time_recovery_status());
    if output != "LimitsTableName" && recovery != Some(&PointInTimeRecoveryStatus::Enabled) {
        found.push(Finding::wrong(
            format!("The table {name} has no point-in-time recovery."),
            REDEPLOY,
        ));
    }
    Ok(found)
}

fn state(table: &TableDescription, output: &str) -> Vec<Finding> {
    let name = table.table_name().unwrap_or_default();
    let mut found = Vec::new();
    if let Some(status @ (TableStatus::InaccessibleEncryptionCredentials | TableStatus::Deleting)) =
        table.table_status()
    {
        found.push(Finding::wrong(
            format!("The table {name} is {status}."),
            "Give DynamoDB access to the table's key again, or restore the table (docs/operations.md).",
        ));
    }
    let streams = table
        .stream_specification()
        .is_some_and(|stream| stream.stream_enabled());
    if output == "ExportsTableName" && !streams {
        found.push(Finding::wrong(
            format!("The table {name} has no stream: mails wait for the sweeper."),
            REDEPLOY,
        ));
    }
    found
}

/// Whether messages were given up.
async fn dead_letters(stack: &Stack) -> Result<Option<Finding>, Box<dyn Error>> {
    let sqs = aws_sdk_sqs::Client::new(&stack.sdk);
    let url = stack.output("DeadLetterQueueUrl")?;
    let count = QueueAttributeName::ApproximateNumberOfMessages;
    let got = sqs
        .get_queue_attributes()
        .queue_url(url)
        .attribute_names(count.clone())
        .send()
        .await;
    let got = got.map_err(|error| CallError::new("GetQueueAttributes", error))?;
    let messages = got
        .attributes()
        .and_then(|attributes| attributes.get(&count));
    Ok(messages.filter(|count| *count != "0").map(|count| {
        Finding::wrong(
            format!("The dead-letter queue has {count} messages: invocations failed five times."),
            "docs/operations.md says what each message is, and how to send it again.",
        )
    }))
}

#[cfg(test)]
mod tests {
    use aws_sdk_s3::types::{AbortIncompleteMultipartUpload, LifecycleExpiration};

    use super::*;

    #[test]
    fn only_enabled_rules_delete() {
        let rule = |status: ExpirationStatus| {
            LifecycleRule::builder()
                .status(status)
                .expiration(LifecycleExpiration::builder().days(14).build())
                .abort_incomplete_multipart_upload(
                    AbortIncompleteMultipartUpload::builder()
                        .days_after_initiation(1)
                        .build(),
                )
                .build()
                .expect("a rule")
        };
        assert!(expires(&[rule(ExpirationStatus::Enabled)]));
        assert!(!expires(&[rule(ExpirationStatus::Disabled)]));
        assert!(!expires(&[]));
    }

    #[test]
    fn public_access_is_blocked_by_all_four_settings() {
        let all = PublicAccessBlockConfiguration::builder()
            .block_public_acls(true)
            .block_public_policy(true)
            .ignore_public_acls(true)
            .restrict_public_buckets(true);
        assert!(blocks_all(&all.clone().build()));
        assert!(!blocks_all(&all.block_public_policy(false).build()));
    }
}
