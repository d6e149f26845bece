//! Tests of the HTTP API.

use serde_json::{Value, json};

use crate::reading::{Template, refers_to};

#[test]
fn only_calls_under_v1_need_a_token() {
    let template = Template::read();
    let routes = template.resources_of_type("AWS::ApiGatewayV2::Route");
    let route = |key: &str| {
        let found = routes.iter().find(|(_, route)| route["RouteKey"] == key);
        found.unwrap_or_else(|| panic!("no route {key}")).1
    };
    assert_eq!(routes.len(), 3);
    let authorised = route("ANY /v1/{proxy+}");
    // Without the gateway's authorizer, the function verifies tokens: see the variable.
    let by_gateway =
        |with: Value, without: Value| json!({"Fn::If": ["GatewayVerifies", with, without]});
    assert_eq!(
        authorised["AuthorizationType"],
        by_gateway(json!("JWT"), json!("NONE"))
    );
    assert_eq!(
        authorised["AuthorizerId"],
        by_gateway(
            json!({"Ref": "ApiAuthorizer"}),
            json!({"Ref": "AWS::NoValue"})
        )
    );
    let variables = &template.properties("ApiFunction")["Environment"]["Variables"];
    assert_eq!(variables["TOKEN_VERIFIER"], json!({"Ref": "TokenVerifier"}));
    assert_eq!(template.default("TokenVerifier"), "gateway");
    // A preflight has no token.
    for key in ["OPTIONS /v1/{proxy+}", "$default"] {
        let open = route(key);
        assert_eq!(open["AuthorizationType"], "NONE", "{key}");
        assert!(open["AuthorizerId"].is_null(), "{key}");
    }

    for (name, route) in &routes {
        assert_eq!(refers_to(&route["ApiId"]), Some("Api"), "{name}");
        assert_eq!(
            route["Target"],
            json!({"Fn::Sub": "integrations/${ApiIntegration}"}),
            "{name}"
        );
    }
}

#[test]
fn only_pages_of_configured_origins_may_use_the_api() {
    let template = Template::read();
    assert_eq!(template.default("AllowedOrigins"), "");
    assert_eq!(template.default("FrameAncestors"), "");
    let cors = &template.properties("Api")["CorsConfiguration"]["Fn::If"];
    assert_eq!(cors[0], "HasAllowedOrigins");
    assert_eq!(cors[2], json!({"Ref": "AWS::NoValue"}));
    let named = &cors[1];
    assert_eq!(named["AllowOrigins"], json!({"Ref": "AllowedOrigins"}));
    assert!(
        named["AllowCredentials"].is_null(),
        "authentication is by token, not by cookie"
    );
    for header in ["etag", "location", "retry-after"] {
        let exposed = named["ExposeHeaders"].as_array().expect("a list");
        assert!(exposed.contains(&json!(header)), "{header}");
    }
    for header in [
        "authorization",
        "content-type",
        "idempotency-key",
        "if-none-match",
    ] {
        let allowed = named["AllowHeaders"].as_array().expect("a list");
        assert!(allowed.contains(&json!(header)), "{header}");
    }
}

#[test]
fn tokens_are_those_of_the_issuer_for_the_audience() {
    let template = Template::read();
    let authorizer = template.properties("ApiAuthorizer");
    assert_eq!(authorizer["AuthorizerType"], "JWT");
    assert_eq!(
        authorizer["IdentitySource"],
        json!(["$request.header.Authorization"])
    );
    let configuration =
        json!({"Issuer": {"Ref": "Issuer"}, "Audience": {"Fn::Split": [",", {"Ref": "Audience"}]}});
    assert_eq!(authorizer["JwtConfiguration"], configuration);
    for parameter in ["Issuer", "Audience"] {
        assert!(
            template.default(parameter).is_null(),
            "{parameter} has no default, so that no tokens are accepted by mistake"
        );
    }
    // Both may be empty where people come with sessions alone, which the gateway would not let through.
    let rules = template.at("/Rules/TokensHaveAnIssuer");
    let asserted = rules["Assertions"].as_array().expect("a list");
    let given = |name: &str| json!({"Fn::Not": [{"Fn::Equals": [{"Ref": name}, ""]}]});
    let function = json!({"Fn::Equals": [{"Ref": "TokenVerifier"}, "function"]});
    let without = json!({"Fn::Equals": [{"Ref": "Issuer"}, ""]});
    assert_eq!(
        [&asserted[0]["Assert"], &asserted[1]["Assert"]],
        [
            &json!({"Fn::Or": [given("Issuer"), function]}),
            &json!({"Fn::Or": [given("Audience"), without]}),
        ]
    );
}

#[test]
fn the_api_passes_requests_to_the_function_and_may_invoke_it() {
    let template = Template::read();
    let integration = template.properties("ApiIntegration");
    assert_eq!(integration["IntegrationType"], "AWS_PROXY");
    assert_eq!(
        refers_to(&integration["IntegrationUri"]),
        Some("ApiFunction")
    );
    assert_eq!(integration["PayloadFormatVersion"], "2.0");

    let permission = template.properties("ApiPermission");
    assert_eq!(permission["Principal"], "apigateway.amazonaws.com");
    assert_eq!(permission["Action"], "lambda:InvokeFunction");
    assert_eq!(refers_to(&permission["FunctionName"]), Some("ApiFunction"));
    let source = permission["SourceArn"]["Fn::Sub"]
        .as_str()
        .expect("a source");
    assert!(
        source.ends_with(":${Api}/*/*"),
        "only this API may invoke the function: {source}"
    );
    assert!(
        template.function("ApiFunction").timeout() < 30,
        "an HTTP API waits 30 s"
    );
}

/// The path of a download is secret, and an address is personal data: neither belongs in a log.
#[test]
fn the_access_log_has_neither_paths_nor_addresses() {
    let template = Template::read();
    let stage = template.properties("ApiStage");
    assert_eq!(stage["StageName"], "$default");
    assert_eq!(stage["AutoDeploy"], true);
    let log = &stage["AccessLogSettings"];
    let group = refers_to(&log["DestinationArn"]).expect("a log group");
    assert_eq!(
        template.properties(group)["RetentionInDays"],
        json!({"Ref": "LogRetentionDays"})
    );

    let format = log["Format"].as_str().expect("a format");
    let line: Value = serde_json::from_str(format).expect("a line of the log is JSON");
    assert_eq!(line["request_id"], "$context.requestId");
    for secret in [
        "path",
        "identity",
        "Ip",
        "claims",
        "queryString",
        "header",
        "domainName",
    ] {
        let named = format
            .split('"')
            .filter(|word| word.starts_with("$context."));
        assert!(
            named.clone().count() > 0 && named.clone().all(|word| !word.contains(secret)),
            "{secret} in {format}"
        );
    }
}
