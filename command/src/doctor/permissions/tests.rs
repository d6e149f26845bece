use std::collections::BTreeSet;

use aws_sdk_iam::operation::simulate_principal_policy::SimulatePrincipalPolicyOutput;
use aws_sdk_iam::types::{EvaluationResult, PermissionsBoundaryDecisionDetail};
use aws_smithy_mocks::mock;
use waybill_testing::client;

use super::*;
use crate::stack::tests::stack;

// Reads `template.yaml` also for the template's own tests.
#[path = "../../../../tests/tests/template/reading.rs"]
#[allow(dead_code, reason = "the tests here use only a part of it")]
mod reading;

use reading::{Template, list, refers_to, statements_of};

const FUNCTIONS: [&str; 4] = ["Api", "Generate", "Notify", "Sweep"];

/// What a role allows and the command does not simulate.
const NOT_SIMULATED: [&str; 9] = [
    // Lambda's own: logs, and reading a queue or a stream. Whether it reads is seen at the event source mappings.
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    "sqs:ChangeMessageVisibility",
    "sqs:GetQueueAttributes",
    "dynamodb:DescribeStream",
    "dynamodb:GetRecords",
    "dynamodb:GetShardIterator",
    "on MailEventsQueue",
    // Allowed for two attributes of a key, which the simulation would have to be told.
    "dynamodb:UpdateItem on ApiKeysTable",
];

/// What is simulated is what the template allows, and the other way round.
#[test]
fn the_roles_of_the_template_are_simulated() {
    let template = Template::read();
    let mut allowed = BTreeSet::new();
    for name in FUNCTIONS {
        let function = template.function(&format!("{name}Function"));
        for statement in function.statements() {
            let named = statement.resources.iter().filter_map(refers_to);
            // Others are named by parameters.
            let of_the_template =
                |name: &&str| template.at(&format!("/Resources/{name}")).is_object();
            for resource in named.filter(of_the_template) {
                for action in &statement.actions {
                    allowed.insert(format!("{name} {action} on {resource}"));
                }
            }
        }
    }
    allowed.retain(|what| !NOT_SIMULATED.iter().any(|part| what.contains(part)));
    let mut simulated = BTreeSet::new();
    for (functions, actions, resource) in needs::BY_THE_TEMPLATE {
        let output = resource.split_once(' ').unwrap().1;
        let named = template.at(&format!("/Outputs/{output}/Value"));
        let named = refers_to(named).unwrap();
        for (name, action) in functions
            .iter()
            .flat_map(|name| actions.iter().map(move |action| (name, action)))
        {
            simulated.insert(format!("{name} {action} on {named}"));
        }
    }
    let different: Vec<_> = simulated.symmetric_difference(&allowed).collect();
    assert_eq!(different, [] as [&String; 0]);
}

#[test]
fn an_index_has_an_arn_of_its_own() {
    let stack = stack(&[("WorkTableName", "work-1")], &[]);
    let index = needs::resource(&stack, "table/index/due WorkTableName").unwrap();
    assert_eq!(index, "arn:aws:dynamodb:eu-west-1:1:table/work-1/index/due");
}

/// What each function needs by these parameters: function, action, resource and condition.
fn by_parameters(parameters: &[(&str, &str)]) -> Vec<String> {
    let stack = stack(&[], parameters);
    let needs = FUNCTIONS.iter().flat_map(|function| {
        let needs = needs::by_parameters(&stack, function);
        needs.into_iter().map(move |need| {
            let context = need
                .context
                .map_or_else(String::new, |(key, value)| format!(" ({key} {value})"));
            format!(
                "{function} {} {}{context}",
                need.actions.join(" "),
                need.resource
            )
        })
    });
    needs.collect()
}

#[test]
fn a_parameter_asks_for_what_its_functions_need() {
    assert_eq!(by_parameters(&[]), [] as [String; 0]);
    let function = "lambda:InvokeFunction arn:aws:lambda:eu-west-1:1:function:host";
    for grants in ["host", "arn:aws:lambda:eu-west-1:1:function:host"] {
        assert_eq!(
            by_parameters(&[("GrantsFunction", grants)]),
            [format!("Api {function}"), format!("Notify {function}")]
        );
    }
    let mail = "ses:SendEmail ses:SendRawEmail arn:aws:ses:eu-west-1:1:identity/a@b.example (ses:FromAddress a@b.example)";
    assert_eq!(
        by_parameters(&[("Sender", "a@b.example")]),
        [format!("Notify {mail}")]
    );
    let scan = "dynamodb:Scan arn:aws:dynamodb:eu-west-1:1:table/a";
    assert_eq!(
        by_parameters(&[("ScannedTableArns", "arn:aws:dynamodb:eu-west-1:1:table/a")]),
        [format!("Generate {scan}")]
    );
}

/// A table of another region has that region's name in its ARN, and its key is used through that region's DynamoDB.
#[test]
fn records_in_another_region_are_asked_for_there() {
    let parameters = [
        ("RecordsTable", "shop"),
        ("RecordsKeyArns", "key-1, key-2"),
        ("RecordsRegion", "eu-south-1"),
        ("CatalogKeyArn", "key-3"),
        ("CatalogUrl", "s3://files/catalogs"),
    ];
    let records = [
        "kms:Decrypt key-1 (kms:ViaService dynamodb.eu-south-1.amazonaws.com)",
        "kms:Decrypt key-2 (kms:ViaService dynamodb.eu-south-1.amazonaws.com)",
    ];
    let catalog = [
        "kms:Decrypt key-3 (kms:ViaService s3.eu-west-1.amazonaws.com)",
        "s3:GetObject arn:aws:s3:::files/catalogs/catalog.toml",
    ];
    let table = "dynamodb:Query arn:aws:dynamodb:eu-south-1:1:table/shop";
    let of_reader = [records[0], records[1], catalog[0], table, catalog[1]];
    let expected = [
        ("Api", &of_reader[..]),
        ("Generate", &of_reader),
        ("Notify", &catalog),
    ];
    let expected = expected
        .iter()
        .flat_map(|(function, needs)| needs.iter().map(move |need| format!("{function} {need}")));
    assert_eq!(by_parameters(&parameters), expected.collect::<Vec<_>>());
}

#[test]
fn the_uses_of_a_companys_key_are_those_of_the_template() {
    let template = Template::read();
    let mut allowed = BTreeSet::new();
    for name in FUNCTIONS {
        let policy = template.properties(&format!("{name}KmsKeyArnPolicy"));
        for statement in statements_of(&policy["PolicyDocument"]["Statement"]) {
            for service in list(&statement.condition["StringEquals"]["kms:ViaService"]) {
                if let Some(service) = service["Fn::Sub"].as_str() {
                    let service = service.split('.').next().unwrap();
                    allowed.insert(format!("{name} {} {service}", statement.actions.join(" ")));
                }
            }
        }
    }
    let simulated = needs::BY_THE_KEY
        .iter()
        .flat_map(|(name, action, services)| {
            services
                .iter()
                .map(move |service| format!("{name} {action} {service}"))
        });
    assert_eq!(simulated.collect::<BTreeSet<_>>(), allowed);
}

#[test]
fn the_key_of_a_company_is_simulated_for_each_service_and_for_the_variables() {
    let key = "arn:aws:kms:eu-west-1:1:key/2";
    let outputs = [("NotifyFunctionName", "notify-1")];
    let with_key = stack(&outputs, &[("KmsKeyArn", key)]);
    let contexts: Vec<_> = needs::by_the_key(&with_key, "Notify", key)
        .unwrap()
        .into_iter()
        .map(|need| (need.actions, need.resource, need.context.unwrap()))
        .collect();
    let via = |service: &str| {
        let service = format!("{service}.eu-west-1.amazonaws.com");
        (
            vec!["kms:Decrypt"],
            key.to_owned(),
            ("kms:ViaService", service),
        )
    };
    let variables = (
        vec!["kms:Decrypt"],
        key.to_owned(),
        (
            "kms:EncryptionContext:aws:lambda:FunctionArn",
            "arn:aws:lambda:eu-west-1:1:function:notify-1".to_owned(),
        ),
    );
    assert_eq!(
        contexts,
        [via("dynamodb"), via("s3"), via("sqs"), variables]
    );
}

/// What is found where IAM decides so about the first of two actions and allows the second.
async fn found(decision: PolicyEvaluationDecisionType, in_boundary: bool) -> Option<Finding> {
    let rule = mock!(Client::simulate_principal_policy)
        .match_requests(|request| {
            request.policy_source_arn() == Some("arn:aws:iam::1:role/api")
                && request.resource_arns() == ["arn:aws:s3:::files/exports/1/a"]
                && request.action_names() == ["s3:GetObject", "s3:PutObject"]
                && request.context_entries().len() == 1
        })
        .then_output(move || {
            let result = |action: &str, decision: &PolicyEvaluationDecisionType| {
                let boundary = PermissionsBoundaryDecisionDetail::builder()
                    .allowed_by_permissions_boundary(in_boundary);
                EvaluationResult::builder()
                    .eval_action_name(action)
                    .eval_decision(decision.clone())
                    .permissions_boundary_decision_detail(boundary.build())
                    .build()
                    .unwrap()
            };
            let allowed = PolicyEvaluationDecisionType::Allowed;
            SimulatePrincipalPolicyOutput::builder()
                .evaluation_results(result("s3:GetObject", &decision))
                .evaluation_results(result("s3:PutObject", &allowed))
                .build()
        });
    let iam = client!(aws_sdk_iam, [&rule]);
    let need = Need {
        actions: vec!["s3:GetObject", "s3:PutObject"],
        resource: "arn:aws:s3:::files/exports/1/a".to_owned(),
        context: Some(("kms:ViaService", "s3".to_owned())),
    };
    let mut function = Function::default();
    function.name = "api-1".to_owned();
    function.role = "arn:aws:iam::1:role/api".to_owned();
    denied(&iam, &function, &need).await.unwrap()
}

#[tokio::test]
async fn what_iam_does_not_allow_is_named_with_its_remedy() {
    use PolicyEvaluationDecisionType::{Allowed, ExplicitDeny, ImplicitDeny};
    assert_eq!(found(Allowed, true).await, None);
    for (decision, in_boundary, remedy) in [
        (ImplicitDeny, true, "Deploy again"),
        (ExplicitDeny, true, "an explicit Deny"),
        (ImplicitDeny, false, "PermissionsBoundary"),
    ] {
        let finding = format!("{:?}", found(decision, in_boundary).await.unwrap());
        let what = "api-1 may not s3:GetObject on arn:aws:s3:::files/exports/1/a.";
        assert!(finding.contains(what), "{finding}");
        assert!(finding.contains(remedy), "{finding}");
    }
}
