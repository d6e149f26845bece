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

impl Need {
    /// Without a condition key.
    fn new(actions: &[&'static str], resource: String) -> Self {
        Self {
            actions: actions.to_vec(),
            resource,
            context: None,
        }
    }
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

/// The functions that read records.
const READERS: &[&str] = &["Api", "Generate"];

/// What functions need of each ARN in a parameter: the functions, the parameter, and the action.
const BY_ARNS: &[(&[&str], &str, &str)] = &[
    (READERS, "RecordsTableArns", "dynamodb:Query"),
    (&["Generate"], "ScannedTableArns", "dynamodb:Scan"),
    (READERS, "RecordsRole", "sts:AssumeRole"),
    (
        READERS,
        "DatabaseSecretArns",
        "secretsmanager:GetSecretValue",
    ),
    (READERS, "DatabaseUserArns", "rds-db:connect"),
];

/// The keys that functions decrypt with: the functions, the parameter, and the service through which they do.
const BY_KEYS: &[(&[&str], &str, &str)] = &[
    (READERS, "RecordsKeyArns", "dynamodb"),
    (&["Api", "Generate", "Notify"], "CatalogKeyArn", "s3"),
];

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
    let mut needs = Vec::new();
    for (functions, parameter, action) in BY_ARNS {
        if functions.contains(&function) {
            let arns = stack.list(parameter);
            needs.extend(arns.map(|arn| Need::new(&[action], arn.to_owned())));
        }
    }
    for (functions, parameter, service) in BY_KEYS {
        if functions.contains(&function) {
            let region = match *service {
                "dynamodb" => records_region(stack),
                _ => &stack.region,
            };
            let context = ("kms:ViaService", via(region, service));
            needs.extend(stack.list(parameter).map(|key| Need {
                context: Some(context.clone()),
                ..Need::new(&["kms:Decrypt"], key.to_owned())
            }));
        }
    }
    if READERS.contains(&function) {
        needs.extend(of_the_records_table(stack));
    }
    if function != "Sweep" {
        needs.extend(of_the_catalog(stack));
    }
    if matches!(function, "Api" | "Notify") {
        needs.extend(of_the_grants_function(stack));
    }
    if function == "Notify" {
        needs.extend(of_mails(stack));
    }
    needs
}

/// The region of the records' table.
fn records_region(stack: &Stack) -> &str {
    stack.parameter("RecordsRegion").unwrap_or(&stack.region)
}

fn of_the_records_table(stack: &Stack) -> Option<Need> {
    let table = stack.parameter("RecordsTable")?;
    let (partition, account) = (&stack.partition, &stack.account);
    let region = records_region(stack);
    let arn = format!("arn:{partition}:dynamodb:{region}:{account}:table/{table}");
    Some(Need::new(&["dynamodb:Query"], arn))
}

fn of_the_catalog(stack: &Stack) -> Option<Need> {
    let folder = stack.parameter("CatalogUrl")?.strip_prefix("s3://")?;
    let file = format!("arn:{}:s3:::{folder}/catalog.toml", stack.partition);
    Some(Need::new(&["s3:GetObject"], file))
}

fn of_the_grants_function(stack: &Stack) -> Option<Need> {
    let asked = stack.parameter("GrantsFunction")?;
    // A name, or an ARN with the name at its end.
    let name = asked.rsplit(":function:").next().unwrap_or(asked);
    let arn = stack.arn("lambda", &format!("function:{name}"));
    Some(Need::new(&["lambda:InvokeFunction"], arn))
}

/// To send as the sender, and with the configuration set.
fn of_mails(stack: &Stack) -> Vec<Need> {
    let send = |resource: String| {
        let arn = stack.arn("ses", &resource);
        Need::new(&["ses:SendEmail", "ses:SendRawEmail"], arn)
    };
    let as_sender = stack.parameter("Sender").map(|sender| Need {
        context: Some(("ses:FromAddress", sender.to_owned())),
        ..send(format!("identity/{sender}"))
    });
    let set = stack.output("ConfigurationSetName").ok();
    let with_set = set.map(|set| send(format!("configuration-set/{set}")));
    as_sender.into_iter().chain(with_set).collect()
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
        .map(|(action, service)| need(action, "kms:ViaService", via(&stack.region, service)))
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

/// The name of a service in a region, as `kms:ViaService` has it.
fn via(region: &str, service: &str) -> String {
    format!("{service}.{region}.amazonaws.com")
}
