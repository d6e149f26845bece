//! Keys of KMS and secrets that parameters name: whether they are there and usable.

use std::collections::BTreeSet;
use std::error::Error;

use aws_sdk_kms::types::KeyState;
use waybill::aws::CallError;
use waybill::deployment_file::Password;

use super::records::sql;
use super::{Finding, Found};
use crate::stack::Stack;

/// The parameters with ARNs of keys.
const KEYS: [&str; 3] = ["KmsKeyArn", "RecordsKeyArns", "CatalogKeyArn"];

pub(super) async fn look(stack: &Stack) -> Found {
    let mut found = Vec::new();
    for parameter in KEYS {
        for arn in stack.list(parameter) {
            found.extend(key(stack, parameter, arn).await?);
        }
    }
    for arn in secrets(stack).await? {
        found.extend(secret(stack, &arn).await?);
    }
    Ok(found)
}

/// The secrets that functions read: those of the parameter, and those of the deployment file.
async fn secrets(stack: &Stack) -> Result<BTreeSet<String>, Box<dyn Error>> {
    let listed = stack.list("DatabaseSecretArns").map(str::to_owned);
    let mut secrets: BTreeSet<String> = listed.collect();
    let api = stack.function("ApiFunctionName").await?;
    // Without a catalog, of which another part speaks, there are no databases.
    let Ok(live) = stack.catalog(&api).await else {
        return Ok(secrets);
    };
    let version = live.current();
    for export_type in version.catalog.types() {
        let spec = sql(&export_type.records);
        let address = spec.and_then(|spec| version.deployment.database(&spec.database.name));
        if let Some(Password::Secret(arn)) = address.map(|address| &address.password) {
            secrets.insert(arn.clone());
        }
    }
    Ok(secrets)
}

async fn key(stack: &Stack, parameter: &str, arn: &str) -> Result<Option<Finding>, Box<dyn Error>> {
    let kms = aws_sdk_kms::Client::new(&stack.sdk);
    let described = match kms.describe_key().key_id(arn).send().await {
        Ok(described) => described,
        Err(error) => {
            return unless_missing(CallError::new("DescribeKey", error), &["NotFoundException"])
                .map(|()| {
                    let what = format!("There is no key {arn}, which {parameter} names.");
                    Some(Finding::wrong(
                        what,
                        format!("Correct {parameter}, and deploy again."),
                    ))
                });
        }
    };
    let state = described.key_metadata().and_then(|key| key.key_state());
    Ok(match state {
        Some(KeyState::Enabled) | None => None,
        Some(state) => Some(Finding::wrong(
            format!(
                "The key {arn} of {parameter} is {state}: what it encrypts can be neither read nor written."
            ),
            "Enable the key, or cancel its deletion: aws kms enable-key, aws kms cancel-key-deletion.",
        )),
    })
}

async fn secret(stack: &Stack, arn: &str) -> Result<Option<Finding>, Box<dyn Error>> {
    let client = aws_sdk_secretsmanager::Client::new(&stack.sdk);
    let described = match client.describe_secret().secret_id(arn).send().await {
        Ok(described) => described,
        Err(error) => return unless_missing(CallError::new("DescribeSecret", error), &["ResourceNotFoundException"]).map(|()| {
            let what = format!("There is no secret {arn}.");
            let remedy = "Correct `secret` in deployment.toml and DatabaseSecretArns; an ARN ends with six characters that Secrets Manager adds.";
            Some(Finding::wrong(what, remedy))
        }),
    };
    if described.deleted_date().is_some() {
        let what = format!("The secret {arn} is marked for deletion, and cannot be read.");
        return Ok(Some(Finding::wrong(
            what,
            format!("aws secretsmanager restore-secret --secret-id {arn}"),
        )));
    }
    let is_listed = stack.list("DatabaseSecretArns").any(|listed| listed == arn);
    Ok((!is_listed).then(|| {
        let what =
            format!("The functions may not read the secret {arn}, which deployment.toml names.");
        Finding::wrong(what, "Add it to DatabaseSecretArns, and deploy again.")
    }))
}

/// Ok where the call failed since there is no such thing.
fn unless_missing(error: CallError, codes: &[&str]) -> Result<(), Box<dyn Error>> {
    match codes.contains(&error.code.as_str()) {
        true => Ok(()),
        false => Err(error.into()),
    }
}
