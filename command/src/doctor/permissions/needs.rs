//! What each function's role must be allowed: by the template, and by the parameters of the stack.

use std::error::Error;

use crate::stack::Stack;

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
pub(super) const BY_THE_TEMPLATE: &[(&[&str], &[&str], &str)] = &[
    (
        ALL,
        &["dynamodb:GetItem", "dynamodb:PutItem"],
        "table ExportsTableName",
    ),
    (
        &["Api"],
        &["dynamodb:BatchGetItem"],
        "table ExportsTableName",
    ),
    (
        &["Api"],
        &["dynamodb:Query"],
        "table/index/by_organization ExportsTableName",
    ),
    (
        &["Api"],
        &["dynamodb:Query"],
        "table/index/by_parent ExportsTableName",
    ),
    (
        ALL,
        &["dynamodb:GetItem", "dynamodb:PutItem"],
        "table WorkTableName",
    ),
    (
        &["Api", "Generate"],
        &["dynamodb:BatchGetItem"],
        "table WorkTableName",
    ),
    (
        &["Notify", "Sweep"],
        &["dynamodb:DeleteItem"],
        "table WorkTableName",
    ),
    (
        &["Sweep"],
        &["dynamodb:Query"],
        "table/index/due WorkTableName",
    ),
    (ALL, &["dynamodb:PutItem"], "table EventsTableName"),
    (
        &["Api", "Generate"],
        &["dynamodb:UpdateItem"],
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
        &[
            "dynamodb:BatchGetItem",
            "dynamodb:GetItem",
            "dynamodb:PutItem",
        ],
        "table ParentsTableName",
    ),
    (
        &["Api"],
        &["dynamodb:Query"],
        "table/index/by_organization ParentsTableName",
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
    (&["Generate"], &["s3:PutObject"], "objects BucketName"),
    (
        &["Generate", "Sweep"],
        &["s3:AbortMultipartUpload", "s3:DeleteObject"],
        "objects BucketName",
    ),
    (
        &["Generate", "Notify", "Sweep"],
        &["s3:ListBucket"],
        "bucket BucketName",
    ),
    (
        &["Sweep"],
        &["s3:ListBucketMultipartUploads"],
        "bucket BucketName",
    ),
    (
        &["Sweep"],
        &["lambda:InvokeFunction"],
        "function NotifyFunctionName",
    ),
];

/// All functions.
const ALL: &[&str] = &["Api", "Generate", "Notify", "Sweep"];

/// What functions need to use the key of `KmsKeyArn`: the function, the action, and the services through which it is used.
pub(super) const BY_THE_KEY: &[(&str, &str, &[&str])] = &[
    ("Api", "kms:Decrypt", &["dynamodb", "s3", "sqs"]),
    ("Api", "kms:GenerateDataKey", &["sqs"]),
    ("Generate", "kms:Decrypt", &["dynamodb", "s3", "sqs"]),
    ("Generate", "kms:GenerateDataKey", &["s3", "sqs"]),
    ("Notify", "kms:Decrypt", &["dynamodb", "s3", "sqs"]),
    ("Sweep", "kms:Decrypt", &["dynamodb", "sqs"]),
    ("Sweep", "kms:GenerateDataKey", &["sqs"]),
];

/// All that a function (`Api`, `Generate`, `Notify` or `Sweep`) needs in a stack with these parameters.
pub(super) fn of(stack: &Stack, function: &str) -> Result<Vec<Need>, Box<dyn Error>> {
    let mut needs = by_the_template(stack, function)?;
    needs.extend(by_parameters(stack, function));
    if let Some(key) = stack.parameter("KmsKeyArn") {
        needs.extend(by_the_key(stack, function, key)?);
    }
    Ok(needs)
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
pub(super) fn resource(stack: &Stack, text: &str) -> Result<String, Box<dyn Error>> {
    let (form, output) = text.split_once(' ').unwrap_or((text, ""));
    let name = stack.output(output)?;
    Ok(match form {
        "table" => stack.arn("dynamodb", &format!("table/{name}")),
        index if index.starts_with("table/") => {
            let index = index.trim_start_matches("table/");
            stack.arn("dynamodb", &format!("table/{name}/{index}"))
        }
        "queue" => stack.arn("sqs", name.rsplit('/').next().unwrap_or_default()),
        "function" => stack.arn("lambda", &format!("function:{name}")),
        "objects" => format!("arn:{}:s3:::{name}/exports/1/a", stack.partition),
        _ => format!("arn:{}:s3:::{name}", stack.partition),
    })
}

/// What a function needs besides, since a parameter names it.
pub(super) fn by_parameters(stack: &Stack, function: &str) -> Vec<Need> {
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
        if let Ok(set) = stack.output("ConfigurationSetName") {
            let set = stack.arn("ses", &format!("configuration-set/{set}"));
            add(&["ses:SendEmail", "ses:SendRawEmail"], &set, None);
        }
    }
    if matches!(function, "Api" | "Notify")
        && let Some(asked) = stack.parameter("GrantsFunction")
    {
        // A name, or an ARN with the name at its end.
        let name = asked.rsplit(":function:").next().unwrap_or(asked);
        let asked = stack.arn("lambda", &format!("function:{name}"));
        add(&["lambda:InvokeFunction"], &asked, None);
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
        let via = ("kms:ViaService", via(stack, "dynamodb"));
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

/// What a function needs of the key `key`, each service by itself: a policy may name some of them only.
pub(super) fn by_the_key(
    stack: &Stack,
    function: &str,
    key: &str,
) -> Result<Vec<Need>, Box<dyn Error>> {
    let need = |action, name, value| Need {
        actions: vec![action],
        resource: key.to_owned(),
        context: Some((name, value)),
    };
    let uses = BY_THE_KEY.iter().filter(|(of, ..)| *of == function);
    let mut needs: Vec<Need> = uses
        .flat_map(|(_, action, services)| services.iter().map(|service| (*action, *service)))
        .map(|(action, service)| need(action, "kms:ViaService", via(stack, service)))
        .collect();
    // Lambda decrypts a function's variables for the function's role.
    let own = resource(stack, &format!("function {function}FunctionName"))?;
    needs.push(need(
        "kms:Decrypt",
        "kms:EncryptionContext:aws:lambda:FunctionArn",
        own,
    ));
    Ok(needs)
}

/// The name of a service in `kms:ViaService`.
fn via(stack: &Stack, service: &str) -> String {
    format!("{service}.{}.amazonaws.com", stack.region)
}
