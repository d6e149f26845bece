//! What each function's role may do, by IAM's simulation: the template's policies, cut by a permissions boundary and by the
//! organization's policies, and the policies for tables, secrets and keys that parameters ask for.

use std::collections::BTreeSet;
use std::error::Error;

use aws_sdk_iam::Client;
use aws_sdk_iam::types::{ContextEntry, ContextKeyTypeEnum, PolicyEvaluationDecisionType};
use waybill::aws::CallError;

use super::{Finding, Found};
use crate::stack::{Function, Stack};

/// What a function must be allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Need {
    pub(super) actions: Vec<&'static str>,
    /// The ARN.
    pub(super) resource: String,
    /// A condition key and the value that it has in the function's calls.
    pub(super) context: Option<(&'static str, String)>,
}

/// What functions need by the template: the functions, the actions, and the resource as [`resource`] reads it.
const BY_THE_TEMPLATE: &[(&[&str], &[&str], &str)] = &[
    (
        &["Api", "Generate", "Notify", "Sweep"],
        &["dynamodb:GetItem", "dynamodb:PutItem"],
        "table ExportsTableName",
    ),
    (
        &["Api", "Generate", "Notify", "Sweep"],
        &["dynamodb:GetItem", "dynamodb:PutItem"],
        "table WorkTableName",
    ),
    (
        &["Notify", "Sweep"],
        &["dynamodb:DeleteItem"],
        "table WorkTableName",
    ),
    (
        &["Api", "Generate", "Notify", "Sweep"],
        &["dynamodb:PutItem"],
        "table EventsTableName",
    ),
    (&["Api"], &["dynamodb:Query"], "table EventsTableName"),
    (
        &["Api"],
        &[
            "dynamodb:GetItem",
            "dynamodb:PutItem",
            "dynamodb:UpdateItem",
        ],
        "table LimitsTableName",
    ),
    (&["Api"], &["dynamodb:GetItem"], "table ApiKeysTableName"),
    (
        &["Api"],
        &["dynamodb:GetItem", "dynamodb:PutItem"],
        "table ParentsTableName",
    ),
    (
        &["Api", "Generate", "Sweep"],
        &["sqs:SendMessage"],
        "queue QueueUrl",
    ),
    (
        &["Generate"],
        &["sqs:ReceiveMessage", "sqs:DeleteMessage"],
        "queue QueueUrl",
    ),
    (
        &["Api", "Generate", "Notify"],
        &["s3:GetObject"],
        "objects BucketName",
    ),
    (
        &["Generate"],
        &["s3:PutObject", "s3:AbortMultipartUpload"],
        "objects BucketName",
    ),
    (
        &["Generate", "Sweep"],
        &["s3:DeleteObject"],
        "objects BucketName",
    ),
    (
        &["Generate", "Notify", "Sweep"],
        &["s3:ListBucket"],
        "bucket BucketName",
    ),
    (
        &["Sweep"],
        &["lambda:InvokeFunction"],
        "function NotifyFunctionName",
    ),
];

pub(super) async fn look(stack: &Stack) -> Found {
    let iam = Client::new(&stack.sdk);
    let mut found = Vec::new();
    for name in ["Api", "Generate", "Notify", "Sweep"] {
        let function = stack.function(&format!("{name}FunctionName")).await?;
        let mut needs = by_the_template(stack, name)?;
        needs.extend(by_parameters(stack, name));
        for need in needs {
            found.extend(denied(&iam, &function, &need).await?);
        }
    }
    Ok(found)
}

fn by_the_template(stack: &Stack, function: &str) -> Result<Vec<Need>, Box<dyn Error>> {
    let of_function = BY_THE_TEMPLATE
        .iter()
        .filter(|(names, ..)| names.contains(&function));
    let need = |(_, actions, text): &(_, &[&'static str], &str)| {
        Ok(Need {
            actions: actions.to_vec(),
            resource: resource(stack, text)?,
            context: None,
        })
    };
    of_function.map(need).collect()
}

/// The ARN of a resource: its form, and the output with its name.
fn resource(stack: &Stack, text: &str) -> Result<String, Box<dyn Error>> {
    let (form, output) = text.split_once(' ').unwrap_or((text, ""));
    let name = stack.output(output)?;
    Ok(match form {
        "table" => stack.arn("dynamodb", &format!("table/{name}")),
        "queue" => stack.arn("sqs", name.rsplit('/').next().unwrap_or_default()),
        "function" => stack.arn("lambda", &format!("function:{name}")),
        "objects" => format!("arn:{}:s3:::{name}/exports/1/a", stack.partition),
        _ => format!("arn:{}:s3:::{name}", stack.partition),
    })
}

/// What a function needs besides, since a parameter names it.
fn by_parameters(stack: &Stack, function: &str) -> Vec<Need> {
    let reads_records = matches!(function, "Api" | "Generate");
    let mut needs = Vec::new();
    let mut add =
        |actions: &[&'static str], resource: &str, context: Option<(&'static str, String)>| {
            needs.push(Need {
                actions: actions.to_vec(),
                resource: resource.to_owned(),
                context,
            });
        };
    if function == "Notify"
        && let Some(sender) = stack.parameter("Sender")
    {
        let identity = stack.arn("ses", &format!("identity/{sender}"));
        add(
            &["ses:SendEmail", "ses:SendRawEmail"],
            &identity,
            Some(("ses:FromAddress", sender.to_owned())),
        );
    }
    if reads_records {
        if let Some(table) = stack.parameter("RecordsTable") {
            add(
                &["dynamodb:Query"],
                &stack.arn("dynamodb", &format!("table/{table}")),
                None,
            );
        }
        stack
            .list("RecordsTableArns")
            .for_each(|arn| add(&["dynamodb:Query"], arn, None));
        stack
            .list("DatabaseSecretArns")
            .for_each(|arn| add(&["secretsmanager:GetSecretValue"], arn, None));
        stack
            .list("DatabaseUserArns")
            .for_each(|arn| add(&["rds-db:connect"], arn, None));
        let via = (
            "kms:ViaService",
            format!("dynamodb.{}.amazonaws.com", stack.region),
        );
        stack
            .list("RecordsKeyArns")
            .for_each(|arn| add(&["kms:Decrypt"], arn, Some(via.clone())));
        if let Some(role) = stack.parameter("RecordsRole") {
            add(&["sts:AssumeRole"], role, None);
        }
    }
    if function == "Generate" {
        stack
            .list("ScannedTableArns")
            .for_each(|arn| add(&["dynamodb:Scan"], arn, None));
    }
    if function != "Sweep"
        && let Some(folder) = stack
            .parameter("CatalogUrl")
            .and_then(|url| url.strip_prefix("s3://"))
    {
        let file = format!("arn:{}:s3:::{folder}/catalog.toml", stack.partition);
        add(&["s3:GetObject"], &file, None);
    }
    needs
}

/// The actions that the simulation does not allow.
async fn denied(
    iam: &Client,
    function: &Function,
    need: &Need,
) -> Result<Option<Finding>, Box<dyn Error>> {
    let mut simulate = iam
        .simulate_principal_policy()
        .policy_source_arn(&function.role)
        .set_action_names(Some(need.actions.iter().map(ToString::to_string).collect()))
        .resource_arns(&need.resource);
    if let Some((key, value)) = &need.context {
        let entry = ContextEntry::builder()
            .context_key_name(*key)
            .context_key_type(ContextKeyTypeEnum::String)
            .context_key_values(value);
        simulate = simulate.context_entries(entry.build());
    }
    let simulated = simulate.send().await;
    let simulated = simulated.map_err(|error| CallError::new("SimulatePrincipalPolicy", error))?;
    let mut denied = BTreeSet::new();
    let mut by_boundary = false;
    for result in simulated.evaluation_results() {
        if *result.eval_decision() != PolicyEvaluationDecisionType::Allowed {
            denied.insert(result.eval_action_name().to_owned());
            let boundary = result.permissions_boundary_decision_detail();
            by_boundary |=
                boundary.is_some_and(|boundary| !boundary.allowed_by_permissions_boundary());
        }
    }
    if denied.is_empty() {
        return Ok(None);
    }
    let actions: Vec<String> = denied.into_iter().collect();
    let remedy = match by_boundary {
        true => "The policy in PermissionsBoundary does not allow this: extend it.",
        false => {
            "Deploy again, which restores the role's own policies; otherwise an explicit Deny, or a policy of the organization, \
             forbids this."
        }
    };
    Ok(Some(Finding::wrong(
        format!(
            "{} may not {} on {}.",
            function.name,
            actions.join(", "),
            need.resource
        ),
        remedy,
    )))
}
