//! Tests of a KMS key of the company's: what is encrypted with it, and that a role may use the key only as its function does.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::reading::{Function, Template, list, refers_to, statements_of, string};

/// A value where the company gives a key, and another where not.
fn with_a_key(value: &Value, without: &Value) -> Value {
    json!({"Fn::If": ["HasKmsKeyArn", value, without]})
}

fn key() -> Value {
    json!({"Ref": "KmsKeyArn"})
}

fn none() -> Value {
    json!({"Ref": "AWS::NoValue"})
}

#[test]
fn everything_that_stores_data_is_encrypted_with_the_companys_key() {
    let template = Template::read();
    assert_eq!(template.default("KmsKeyArn"), "");
    let is_set = |kind: &str, property: &str, expected: &Value, count: usize| {
        let resources = template.resources_of_type(kind);
        assert_eq!(resources.len(), count, "{kind}");
        for (name, properties) in resources {
            assert_eq!(&properties[property], expected, "{name}");
        }
    };
    let table = json!({"SSEEnabled": true, "SSEType": "KMS", "KMSMasterKeyId": key()});
    let table = with_a_key(&table, &none());
    is_set("AWS::DynamoDB::Table", "SSESpecification", &table, 6);
    let given = with_a_key(&key(), &none());
    is_set("AWS::SQS::Queue", "KmsMasterKeyId", &given, 3);
    let of_sqs = with_a_key(&none(), &json!(true));
    is_set("AWS::SQS::Queue", "SqsManagedSseEnabled", &of_sqs, 3);
    is_set("AWS::SNS::Topic", "KmsMasterKeyId", &given, 1);
    is_set("AWS::Logs::LogGroup", "KmsKeyId", &given, 5);
    assert_eq!(template.at("/Globals/Function/KmsKeyArn"), &given);
    for function in template.functions() {
        let own = &function.properties["KmsKeyArn"];
        assert!(own.is_null(), "{} has the global one", function.name);
    }
    let bucket =
        &template.properties("Bucket")["BucketEncryption"]["ServerSideEncryptionConfiguration"];
    let encryption = json!([{
        "ServerSideEncryptionByDefault": with_a_key(
            &json!({"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key()}),
            &json!({"SSEAlgorithm": "AES256"}),
        ),
        "BucketKeyEnabled": with_a_key(&json!(true), &none()),
    }]);
    assert_eq!(bucket, &encryption);
}

/// What a function's own permissions need of the key, as the action and the service that uses the key.
fn needed(function: &Function<'_>, template: &Template) -> BTreeSet<(String, String)> {
    let mut needed = BTreeSet::new();
    let mut need = |actions: &[&str], service: &str| {
        for action in actions {
            needed.insert((format!("kms:{action}"), service.to_owned()));
        }
    };
    let tables = template.resources_of_type("AWS::DynamoDB::Table");
    for statement in function.statements() {
        let own = statement.resources.iter().filter_map(refers_to);
        let is_of_a_table = own
            .into_iter()
            .any(|name| tables.iter().any(|(table, _)| *table == name));
        for action in &statement.actions {
            match action.as_str() {
                _ if is_of_a_table => need(&["Decrypt"], "dynamodb"),
                "s3:GetObject" => need(&["Decrypt"], "s3"),
                // S3 also decrypts, to put the parts of an upload together.
                "s3:PutObject" => need(&["Decrypt", "GenerateDataKey"], "s3"),
                "sqs:ReceiveMessage" => need(&["Decrypt"], "sqs"),
                // SQS also decrypts, to check the new data key.
                "sqs:SendMessage" => need(&["Decrypt", "GenerateDataKey"], "sqs"),
                _ => {}
            }
        }
    }
    needed
}

#[test]
fn a_role_may_use_the_key_only_as_its_functions_calls_need_it() {
    let template = Template::read();
    for function in template.functions() {
        let name = function.role().replace("Role", "KmsKeyArnPolicy");
        assert_eq!(template.resource(&name)["Condition"], "HasKmsKeyArn");
        let policy = template.properties(&name);
        assert_eq!(policy["Roles"], json!([{"Ref": function.role()}]), "{name}");

        let mut allowed = BTreeSet::new();
        let mut of_variables = 0;
        for statement in statements_of(&policy["PolicyDocument"]["Statement"]) {
            assert_eq!(statement.resources, [key()], "{name}");
            let equals = statement.condition["StringEquals"].as_object().unwrap();
            assert_eq!(equals.len(), 1, "{name}");
            let (of, value) = equals.iter().next().unwrap();
            if of == "kms:EncryptionContext:aws:lambda:FunctionArn" {
                assert_eq!(statement.actions, ["kms:Decrypt"], "{name}");
                assert_eq!(value, &json!({"Fn::GetAtt": [function.name, "Arn"]}));
                of_variables += 1;
                continue;
            }
            assert_eq!(of, "kms:ViaService", "{name}");
            for service in list(value) {
                let service = string(&service["Fn::Sub"]);
                let service = service.strip_suffix(".${AWS::Region}.amazonaws.com");
                let service = service.expect("a service of the stack's region").to_owned();
                let actions = statement.actions.iter();
                allowed.extend(actions.map(|action| (action.clone(), service.clone())));
            }
        }
        assert_eq!(of_variables, 1, "{name}");
        assert_eq!(
            allowed,
            needed(&function, &template),
            "{name} (left: in the policy, right: as the role's other permissions need)"
        );
    }
}
