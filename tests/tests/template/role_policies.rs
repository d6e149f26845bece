//! Tests of the roles: each allows only single actions on named resources, and only those that its function uses.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::reading::{Function, Template, refers_to, statements, text};
use crate::sources;

/// Methods of the S3 client, and the actions that they need.
const S3_CALLS: [(&str, &str); 10] = [
    ("get_object", "s3:GetObject"),
    ("head_object", "s3:GetObject"),
    ("put_object", "s3:PutObject"),
    ("create_multipart_upload", "s3:PutObject"),
    ("upload_part", "s3:PutObject"),
    ("complete_multipart_upload", "s3:PutObject"),
    ("delete_object", "s3:DeleteObject"),
    ("abort_multipart_upload", "s3:AbortMultipartUpload"),
    ("list_objects_v2", "s3:ListBucket"),
    ("list_multipart_uploads", "s3:ListBucketMultipartUploads"),
];

/// Source code that handles the answer for a missing key. Without `s3:ListBucket` that answer would be 403.
const MISSING_KEY: [&str; 2] = ["NoSuchKey", "is_not_found()"];

/// The public methods of `Bucket`, and the actions that each needs for its direct and indirect calls.
fn bucket_actions() -> Vec<(String, BTreeSet<&'static str>)> {
    let source = sources::without_tests(&text("shared/src/bucket.rs"));
    let bodies: Vec<(bool, &str, &str)> = source
        .split("async fn ")
        .collect::<Vec<_>>()
        .windows(2)
        .filter_map(|pair| {
            let name = pair[1].split('(').next()?;
            Some((pair[0].ends_with("pub "), name, pair[1]))
        })
        .collect();
    let of = |name: &str| -> BTreeSet<&'static str> {
        let mut actions = BTreeSet::new();
        let mut left = vec![name.to_owned()];
        while let Some(name) = left.pop() {
            let body = bodies.iter().find(|(_, of, _)| *of == name);
            let Some((_, _, body)) = body else { continue };
            for (call, action) in S3_CALLS {
                if body.contains(&format!(".{call}()")) {
                    actions.insert(action);
                }
            }
            if MISSING_KEY.iter().any(|sign| body.contains(sign)) {
                actions.insert("s3:ListBucket");
            }
            let others = bodies.iter().map(|(_, other, _)| *other);
            let called = others.filter(|other| body.contains(&format!("self.{other}(")));
            left.extend(called.map(str::to_owned));
        }
        actions
    };
    bodies
        .iter()
        .filter(|(is_public, ..)| *is_public)
        .map(|(_, name, _)| ((*name).to_owned(), of(name)))
        .collect()
}

/// The actions that Lambda needs to invoke a function from a queue.
const FEEDING: [&str; 4] = [
    "sqs:ChangeMessageVisibility",
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
    "sqs:ReceiveMessage",
];

#[test]
fn every_function_has_its_own_role_that_only_lambda_assumes() {
    let template = Template::read();
    let functions = template.functions();
    let roles: BTreeSet<&str> = functions.iter().map(|function| function.role()).collect();
    assert_eq!(roles.len(), functions.len());
    for function in functions {
        assert!(
            function.properties["Policies"].is_null(),
            "{}: the role has inline policies",
            function.name
        );
        let role = template.properties(function.role());
        assert!(
            role["ManagedPolicyArns"].is_null(),
            "{}: managed policies allow more than is needed",
            function.name
        );
        let trust = json!([{
            "Effect": "Allow",
            "Principal": {"Service": "lambda.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }]);
        assert_eq!(
            role["AssumeRolePolicyDocument"]["Statement"], trust,
            "{}",
            function.name
        );
    }
}

#[test]
fn the_schedule_may_only_invoke_the_sweeper() {
    let template = Template::read();
    assert_eq!(
        refers_to(&template.properties("SweepSchedule")["Target"]["RoleArn"]),
        Some("SweepScheduleRole")
    );
    let allowed = statements(&template, "SweepScheduleRole");
    assert_eq!(allowed.len(), 1);
    assert_eq!(allowed[0].actions, ["lambda:InvokeFunction"]);
    assert_eq!(
        allowed[0].resources,
        [json!({"Fn::GetAtt": ["SweepFunction", "Arn"]})]
    );
}

#[test]
fn no_action_and_no_resource_is_a_wildcard() {
    let template = Template::read();
    for (role, _) in template.resources_of_type("AWS::IAM::Role") {
        for statement in statements(&template, role) {
            assert!(
                statement.actions.iter().all(|action| !action.contains('*')),
                "{role}: {:?}",
                statement.actions
            );
            for resource in &statement.resources {
                assert!(
                    is_named(resource, &statement.actions, &statement.condition),
                    "{role} allows {resource}"
                );
            }
        }
    }
}

/// Whether a resource of a statement is specific.
fn is_named(resource: &Value, actions: &[String], condition: &Value) -> bool {
    let substituted = &resource["Fn::Sub"];
    let texts = [resource, substituted, &substituted[0]];
    let Some(text) = texts.into_iter().find_map(Value::as_str) else {
        return resource["Fn::GetAtt"].is_array();
    };
    match text.strip_suffix('*') {
        None => text.contains("${"),
        Some("${Bucket.Arn}/exports/") => true,
        // The names of a host's indexes come from the catalog.
        Some(indexes) if indexes.ends_with("/index/") && host_table(resource).is_some() => {
            actions == ["dynamodb:Query"]
        }
        // The sender may be verified as an address or as a domain.
        Some(identity) if identity.ends_with(":identity/") => {
            condition["StringEquals"]["ses:FromAddress"] == json!({"Ref": "Sender"})
        }
        // The only action that supports no narrower resource.
        Some("") => actions == ["dynamodb:ListStreams"],
        Some(_) => false,
    }
}

#[test]
fn a_function_writes_only_to_its_own_log_group() {
    for function in Template::read().functions() {
        let groups: BTreeSet<String> = resources(&function, "logs:").into_iter().collect();
        assert_eq!(
            groups,
            BTreeSet::from([function.log_group().to_owned()]),
            "{}",
            function.name
        );
    }
}

/// The names of the resources in a role's statements for a service.
fn resources(function: &Function<'_>, service: &str) -> Vec<String> {
    let statements = function.statements();
    let of_service = statements
        .iter()
        .filter(|statement| statement.actions.iter().any(|a| a.starts_with(service)));
    of_service
        .flat_map(|statement| statement.resources.iter().filter_map(name))
        .collect()
}

/// The name of a resource in the template; for a host's table, its parameter.
fn name(resource: &Value) -> Option<String> {
    let name = host_table(resource).or_else(|| refers_to(resource));
    name.map(str::to_owned)
}

/// The parameter with the name of a host's table, if the resource is one, or its indexes. The template's own tables are
/// named by their resources.
fn host_table(resource: &Value) -> Option<&str> {
    let text = resource["Fn::Sub"].as_str()?;
    let (_, parameter) = text.split_once(":table/${")?;
    parameter.split_once('}').map(|(name, _)| name)
}

#[test]
fn a_role_names_the_tables_in_its_functions_variables() {
    for function in Template::read().functions() {
        let variables = function.variables();
        let tables = variables
            .iter()
            .filter(|(name, _)| name.ends_with("_TABLE"));
        let configured: BTreeSet<&str> = tables.filter_map(|(_, table)| refers_to(table)).collect();
        let allowed = resources(&function, "dynamodb:");
        let allowed: BTreeSet<&str> = allowed.iter().map(String::as_str).collect();
        assert_eq!(
            allowed, configured,
            "{} (left: in its policy, right: in its variables)",
            function.name
        );
    }
}

/// A key is made by a command, with the credentials of an operator.
#[test]
fn no_function_can_make_an_api_key() {
    let template = Template::read();
    let of_keys = |function: &Function<'_>| {
        let statements = function.statements().into_iter();
        let of_keys = statements.filter(|statement| {
            statement
                .resources
                .iter()
                .any(|resource| name(resource).as_deref() == Some("ApiKeysTable"))
        });
        of_keys
            .map(|statement| (statement.actions, statement.condition))
            .collect::<Vec<_>>()
    };
    for function in template.functions() {
        let expected = match function.name {
            "ApiFunction" => vec![
                (vec!["dynamodb:GetItem".to_owned()], Value::Null),
                (
                    vec!["dynamodb:UpdateItem".to_owned()],
                    json!({
                        "ForAllValues:StringEquals": {"dynamodb:Attributes": ["id", "last_used_at"]},
                        "StringEqualsIfExists": {"dynamodb:ReturnValues": "NONE"},
                    }),
                ),
            ],
            _ => Vec::new(),
        };
        assert_eq!(of_keys(&function), expected, "{}", function.name);
    }
}

#[test]
fn the_hosts_records_are_only_read() {
    let mut tables = BTreeSet::new();
    for function in Template::read().functions() {
        for statement in function.statements() {
            let read: Vec<_> = statement.resources.iter().filter_map(host_table).collect();
            tables.extend(read.iter().map(|&table| table.to_owned()));
            assert!(
                read.is_empty() || statement.actions == ["dynamodb:Query"],
                "{}: {:?}: there are no scans and no writes",
                function.name,
                statement.actions
            );
        }
    }
    assert!(tables.contains("RecordsTable"), "{tables:?}");
}

/// Only if the host's table is in another region or account, or encrypted with a key of the customer's.
#[test]
fn other_regions_accounts_and_keys_are_allowed_by_parameters() {
    let template = Template::read();
    let policies: Vec<_> = template
        .resources_of_type("AWS::IAM::Policy")
        .into_iter()
        .collect();
    assert_eq!(policies.len(), 15);
    let with_keys = json!({"StringEquals": {"kms:ViaService": [
        {"Fn::Sub": "dynamodb.${AWS::Region}.amazonaws.com"},
        {"Fn::Sub": "secretsmanager.${AWS::Region}.amazonaws.com"},
        {"Fn::If": [
            "HasRecordsRegion",
            {"Fn::Sub": "dynamodb.${RecordsRegion}.amazonaws.com"},
            {"Ref": "AWS::NoValue"},
        ]},
    ]}});
    for (name, condition, action, resource, only_if) in [
        (
            "RecordsRegionPolicy",
            "HasRecordsRegion",
            "dynamodb:Query",
            json!([
                {"Fn::Sub": "arn:${AWS::Partition}:dynamodb:${RecordsRegion}:${AWS::AccountId}:table/${RecordsTable}"},
                {"Fn::Sub": "arn:${AWS::Partition}:dynamodb:${RecordsRegion}:${AWS::AccountId}:table/${RecordsTable}/index/*"},
            ]),
            None,
        ),
        (
            "RecordsKeyArnsPolicy",
            "HasRecordsKeyArns",
            "kms:Decrypt",
            json!({"Ref": "RecordsKeyArns"}),
            Some(with_keys),
        ),
        (
            "RecordsRolePolicy",
            "HasRecordsRole",
            "sts:AssumeRole",
            json!({"Ref": "RecordsRole"}),
            None,
        ),
        (
            "DatabaseSecretArnsPolicy",
            "HasDatabaseSecretArns",
            "secretsmanager:GetSecretValue",
            json!({"Ref": "DatabaseSecretArns"}),
            None,
        ),
        (
            "DatabaseUserArnsPolicy",
            "HasDatabaseUserArns",
            "rds-db:connect",
            json!({"Ref": "DatabaseUserArns"}),
            None,
        ),
    ] {
        assert_eq!(template.resource(name)["Condition"], condition);
        let parameter = condition.strip_prefix("Has").unwrap_or_default();
        assert_eq!(template.default(parameter), "");
        let mut statement = json!([{"Effect": "Allow", "Action": action, "Resource": resource}]);
        if let Some(only_if) = only_if {
            statement[0]["Condition"] = only_if;
        }
        assert_eq!(
            template.properties(name)["PolicyDocument"]["Statement"],
            statement
        );
        let readers: Vec<_> = template
            .functions()
            .iter()
            .filter(|f| f.variables().contains_key("RECORDS_TABLE"))
            .map(|f| json!({"Ref": f.role()}))
            .collect();
        assert_eq!(template.properties(name)["Roles"], json!(readers));
    }
}

/// Lists never read a whole table.
#[test]
fn only_the_worker_may_read_whole_tables_that_a_parameter_names() {
    let template = Template::read();
    let name = "ScannedTableArnsPolicy";
    assert_eq!(template.resource(name)["Condition"], "HasScannedTableArns");
    assert_eq!(template.default("ScannedTableArns"), "");
    let policy = template.properties(name);
    assert_eq!(policy["Roles"], json!([{"Ref": "GenerateRole"}]));
    assert_eq!(
        policy["PolicyDocument"]["Statement"],
        json!([{"Effect": "Allow", "Action": "dynamodb:Scan", "Resource": {"Ref": "ScannedTableArns"}}])
    );
}

/// Only the functions that read the catalog, and only through S3.
#[test]
fn a_catalog_under_a_key_of_the_customers_is_decrypted_by_its_readers() {
    let template = Template::read();
    let name = "CatalogKeyArnPolicy";
    assert_eq!(template.resource(name)["Condition"], "HasCatalogKeyArn");
    assert_eq!(template.default("CatalogKeyArn"), "");
    let readers: Vec<_> = template
        .functions()
        .iter()
        .filter(|f| f.variables().contains_key("CATALOG_URL"))
        .map(|f| json!({"Ref": f.role()}))
        .collect();
    let policy = template.properties(name);
    assert_eq!(policy["Roles"], json!(readers));
    assert_eq!(
        policy["PolicyDocument"]["Statement"],
        json!([{
            "Effect": "Allow",
            "Action": "kms:Decrypt",
            "Resource": {"Ref": "CatalogKeyArn"},
            "Condition": {"StringEquals": {"kms:ViaService": {"Fn::Sub": "s3.${AWS::Region}.amazonaws.com"}}},
        }])
    );
}

/// Lambda creates the network interfaces of a function in a VPC; the function itself may not.
#[test]
fn a_function_in_a_vpc_may_not_create_network_interfaces_itself() {
    let template = Template::read();
    let policy = template.properties("SubnetIdsPolicy");
    let statement = &policy["PolicyDocument"]["Statement"][0];
    assert_eq!(
        statement["Condition"],
        json!({"Null": {"lambda:SourceFunctionArn": "true"}})
    );
}

/// Functions call S3 only through `Bucket`, so their permissions follow from the methods they use.
#[test]
fn only_the_bucket_calls_s3() {
    for (method, actions) in bucket_actions() {
        assert!(!actions.is_empty(), "{method} calls nothing of S3");
    }
    for function in Template::read().functions() {
        let source = sources::package_source(function.package());
        for (call, _) in S3_CALLS {
            assert!(
                !source.contains(&format!("{call}()")),
                "{}: {call}",
                function.name
            );
        }
    }
}

#[test]
fn a_role_allows_exactly_what_its_function_calls() {
    let bucket = bucket_actions();
    let template = Template::read();
    for function in template.functions() {
        let mut source = sources::package_source(function.package());
        source.retain(|c| !c.is_whitespace());
        let asked = bucket
            .iter()
            .filter(|(method, _)| source.contains(&format!("bucket.{method}(")));
        let mut needed: BTreeSet<(&str, &str)> = asked
            .flat_map(|(_, actions)| actions.iter().map(|action| (*action, "Bucket")))
            .collect();
        if function.variables().contains_key("QUEUE_URL") {
            needed.insert(("sqs:SendMessage", "Queue"));
        }
        // A variable has the name of the invoked function. The grants function is invoked by shared code.
        let variables = function.variables();
        let called = variables
            .iter()
            .find(|(name, _)| name.ends_with("_FUNCTION"));
        let invokes = source.contains(".invoke()") || source.contains("GrantsFunction::new(");
        assert_eq!(called.is_some(), invokes, "{}", function.name);
        if let Some((_, called)) = called {
            let called = refers_to(called).expect("a function's name is a reference");
            needed.insert(("lambda:InvokeFunction", called));
        }
        let queues = template.queues_feeding(function.name);
        for queue in &queues {
            needed.extend(FEEDING.map(|action| (action, *queue)));
        }

        let statements = function.statements();
        let allowed: BTreeSet<(&str, &str)> = statements
            .iter()
            .flat_map(|statement| {
                let names = statement.resources.iter().filter_map(refers_to);
                names.flat_map(|name| {
                    statement
                        .actions
                        .iter()
                        .map(move |action| (action.as_str(), name))
                })
            })
            .filter(|(action, _)| {
                ["s3:", "sqs:", "lambda:"]
                    .iter()
                    .any(|service| action.starts_with(service))
            })
            .collect();
        assert_eq!(
            allowed, needed,
            "{} (left: in its policy, right: called in its sources)",
            function.name
        );
    }
}

#[test]
fn notify_reads_the_stream_and_sends_as_the_sender() {
    let template = Template::read();
    let notify = template.function("NotifyFunction");
    for action in [
        "dynamodb:DescribeStream",
        "dynamodb:GetRecords",
        "dynamodb:GetShardIterator",
    ] {
        assert!(notify.may(action, "ExportsTable"), "{action}");
    }
    let sends = |function: &Function<'_>| {
        function
            .statements()
            .iter()
            .any(|s| s.actions.iter().any(|action| action.starts_with("ses:")))
    };
    let senders: Vec<&str> = template
        .functions()
        .iter()
        .filter(|f| sends(f))
        .map(|f| f.package())
        .collect();
    assert_eq!(senders, ["notify"]);
    let mails = notify.statements();
    let mails = mails.iter().find(|statement| {
        statement
            .actions
            .iter()
            .any(|action| action == "ses:SendEmail")
    });
    let condition = &mails.expect("notify may send mails").condition;
    assert_eq!(
        condition,
        &json!({"StringEquals": {"ses:FromAddress": {"Ref": "Sender"}}})
    );
}

/// SES also checks the permission for a mail's configuration set. A mail without one would use the identity's default,
/// and be refused.
#[test]
fn mails_name_the_configuration_set_that_notify_may_send_with() {
    let template = Template::read();
    let notify = template.function("NotifyFunction");
    let named = &notify.variables()["CONFIGURATION_SET"];
    assert_eq!(refers_to(named), Some("MailConfigurationSet"));
    assert!(sources::package_source("notify").contains(".configuration_set_name("));
    let set = json!({"Fn::Sub":
        "arn:${AWS::Partition}:ses:${AWS::Region}:${AWS::AccountId}:configuration-set/${MailConfigurationSet}"});
    let statements = notify.statements();
    let allowed: Vec<_> = statements
        .iter()
        .filter(|statement| statement.resources.contains(&set))
        .collect();
    let [statement] = allowed[..] else {
        panic!("one statement is about the configuration set: {allowed:?}");
    };
    assert_eq!(statement.actions, ["ses:SendEmail", "ses:SendRawEmail"]);
    assert_eq!(statement.resources, [set]);
}

/// Only the configured function may be invoked.
#[test]
fn the_callers_of_the_grants_function_may_invoke_it_if_it_is_configured() {
    let template = Template::read();
    let askers: Vec<_> = template
        .functions()
        .iter()
        .filter(|f| f.variables().contains_key("GRANTS_FUNCTION"))
        .map(|f| f.role().to_owned())
        .collect();
    assert_eq!(askers, ["ApiRole", "NotifyRole"]);
    for role in askers {
        may_call_the_grants_function(&template, &role);
    }
    assert_eq!(template.default("GrantsFunction"), &json!(""));
}

fn may_call_the_grants_function(template: &Template, role: &str) {
    let policies = &template.properties(role)["Policies"][0]["PolicyDocument"]["Statement"];
    let conditional: Vec<&Value> = policies
        .as_array()
        .expect("statements")
        .iter()
        .filter_map(|statement| statement.get("Fn::If"))
        .collect();
    let [statement] = conditional[..] else {
        panic!("one statement depends on a condition: {conditional:?}");
    };
    assert_eq!(statement[0], "HasGrantsFunction");
    assert_eq!(statement[1]["Action"], "lambda:InvokeFunction");
    assert_eq!(statement[2], json!({"Ref": "AWS::NoValue"}));
    assert_eq!(
        template.at("/Conditions/HasGrantsFunction"),
        &json!({"Fn::Not": [{"Fn::Equals": [{"Ref": "GrantsFunction"}, ""]}]})
    );
    // The expression for the name is in the template twice: the part after `:function:` of an ARN, or a whole name.
    assert_eq!(
        statement[1]["Resource"]["Fn::Sub"],
        json!([
            "arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:${Name}",
            {"Name": {"Fn::Select": [1, {"Fn::Split": [
                ":function:",
                {"Fn::Sub": "${GrantsFunction}:function:${GrantsFunction}"},
            ]}]}},
        ])
    );
}

#[test]
fn only_objects_under_exports_are_allowed() {
    for function in Template::read().functions() {
        for statement in function.statements() {
            let on_objects =
                |action: &String| action.starts_with("s3:") && !action.starts_with("s3:ListBucket");
            if statement.actions.iter().any(on_objects) {
                assert_eq!(
                    statement.resources,
                    [json!({"Fn::Sub": "${Bucket.Arn}/exports/*"})],
                    "{}",
                    function.name
                );
            }
        }
    }
}
