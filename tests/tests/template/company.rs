//! Tests of what a company asks of each stack: roles, protection, tracing, code signing, endpoints.

use serde_json::{Value, json};

use crate::reading::{Template, refers_to};

/// The parameter where the condition holds, and no value where not.
fn chosen(condition: &str, parameter: &str) -> Value {
    json!({"Fn::If": [condition, {"Ref": parameter}, {"Ref": "AWS::NoValue"}]})
}

#[test]
fn every_role_has_the_path_and_the_boundary_of_the_company() {
    let template = Template::read();
    let roles = template.resources_of_type("AWS::IAM::Role");
    assert_eq!(roles.len(), 5);
    for (name, role) in roles {
        assert_eq!(role["Path"], json!({"Ref": "RolePath"}), "{name}");
        let boundary = chosen("HasPermissionsBoundary", "PermissionsBoundary");
        assert_eq!(role["PermissionsBoundary"], boundary, "{name}");
    }
    assert_eq!(template.default("RolePath"), "/");
    assert_eq!(template.default("PermissionsBoundary"), "");
}

#[test]
fn every_table_can_be_protected_from_deletion() {
    let template = Template::read();
    let tables = template.resources_of_type("AWS::DynamoDB::Table");
    assert_eq!(tables.len(), 6);
    for (name, table) in tables {
        let protected = json!({"Fn::If": ["HasDeletionProtection", true, false]});
        assert_eq!(table["DeletionProtectionEnabled"], protected, "{name}");
    }
    assert_eq!(template.default("DeletionProtection"), "no");
}

#[test]
fn every_function_is_traced_and_its_code_checked_where_the_company_asks() {
    let template = Template::read();
    let traced = template.at("/Globals/Function/Tracing");
    assert_eq!(traced, &json!({"Ref": "Tracing"}));
    let policy = template.properties("TracingPolicy");
    let roles: Vec<Option<&str>> = policy["Roles"]
        .as_array()
        .unwrap()
        .iter()
        .map(refers_to)
        .collect();
    for function in template.functions() {
        let config = chosen("HasCodeSigningConfigArn", "CodeSigningConfigArn");
        assert_eq!(
            function.properties["CodeSigningConfigArn"], config,
            "{}",
            function.name
        );
        assert!(roles.contains(&Some(function.role())), "{}", function.name);
    }
    assert_eq!(template.resource("TracingPolicy")["Condition"], "IsTraced");
}

#[test]
fn executions_are_reserved_for_what_people_wait_for() {
    let template = Template::read();
    for function in template.functions() {
        let expected = match function.package() {
            "api" => chosen("HasApiReservedConcurrency", "ApiReservedConcurrency"),
            "generate" => chosen(
                "HasGenerateReservedConcurrency",
                "GenerateReservedConcurrency",
            ),
            _ => Value::Null,
        };
        let reserved = &function.properties["ReservedConcurrentExecutions"];
        assert_eq!(reserved, &expected, "{}", function.name);
    }
}

/// Without its default endpoint, the API has no address but the product's own.
#[test]
fn the_default_endpoint_can_be_switched_off_where_there_is_another() {
    let template = Template::read();
    let off = &template.properties("Api")["DisableExecuteApiEndpoint"];
    assert_eq!(off, &json!({"Fn::If": ["HasDefaultEndpoint", false, true]}));
    let rule = template.at("/Rules/AnEndpoint/Assertions/0/Assert");
    let conditions = json!([
        {"Fn::Equals": [{"Ref": "DefaultEndpoint"}, "yes"]},
        {"Fn::Not": [{"Fn::Equals": [{"Ref": "PublicUrl"}, ""]}]}
    ]);
    assert_eq!(rule["Fn::Or"], conditions);
}
