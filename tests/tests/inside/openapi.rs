//! The contract and the template's routes, held to one another.

use waybill_tests::{Deployment, Stack};

use super::Service;

/// The gateway lets nobody without a token come to what the contract says needs one, and everybody to the rest.
#[tokio::test]
async fn the_contract_and_the_templates_routes_agree_on_who_needs_a_token() {
    let template = std::fs::read_to_string(Stack::root().join("template.yaml")).unwrap();
    let routes: Vec<(&str, &str)> = template
        .split("RouteKey: ")
        .skip(1)
        .map(|route| {
            let kind = route.split("AuthorizationType: ").nth(1).unwrap();
            (route.lines().next().unwrap(), kind.lines().next().unwrap())
        })
        .collect();
    // A preflight is answered by the gateway, and carries no token.
    assert_eq!(
        routes,
        [
            ("ANY /v1/{proxy+}", "!If [GatewayVerifies, JWT, NONE]"),
            ("OPTIONS /v1/{proxy+}", "NONE"),
            ("$default", "NONE")
        ]
    );
    let stranger = Deployment::from(&Service::default().0).stranger();
    let contract = stranger.read("/openapi.json").await;
    for (path, item) in contract["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let needs_one = operation["security"][0]["token"].is_array();
            assert_eq!(needs_one, path.starts_with("/v1/"), "{method} {path}");
            let is_told = operation["responses"]["401"].is_object();
            assert_eq!(is_told, needs_one, "{method} {path}");
        }
    }
}
