//! The boundary of a token's claims, in a request's context from API Gateway.

use api::{TokenConfig, Tokens, Verifier};
use lambda_http::aws_lambda_events::apigw::ApiGatewayV2httpRequestContext;
use waybill::access_rules::{Grant, Grants};
use waybill::parent::ParentKinds;

/// `data` is the `requestContext` of an event in API Gateway's format 2.0.
pub fn check(data: &[u8]) {
    let Ok(context) = serde_json::from_slice::<ApiGatewayV2httpRequestContext>(data) else {
        return;
    };
    let tokens = Tokens::new(TokenConfig {
        issuer: "https://issuer.example".into(),
        audiences: vec!["waybill".into()],
        verifier: Verifier::Gateway,
        from_claims: Vec::new(),
        grants: "grants".into(),
        name: "name".into(),
        email: "email".into(),
        email_verified: "email_verified".into(),
    });
    let jwt = context.authorizer.as_ref().and_then(|a| a.jwt.as_ref());
    let claim = |name: &str| jwt.and_then(|jwt| jwt.claims.get(name)).map(String::as_str);
    let identity = tokens
        .unwrap()
        .of_gateway(Some(&context), &ParentKinds::default());
    let Ok(identity) = identity else {
        assert!(claim("sub").unwrap_or_default().trim().is_empty());
        return;
    };
    let caller = &identity.caller;
    assert!(!caller.sub.trim().is_empty());
    assert_eq!(
        caller.email_verified,
        claim("email_verified").unwrap_or_default().trim() == "true"
    );
    has_only_grants_of(&caller.grants, claim("grants").unwrap_or_default());
}

/// Checks that the grants are exactly those in the claim's words.
fn has_only_grants_of(grants: &Grants, claim: &str) {
    let words: Vec<&str> = claim
        .split(|c: char| c.is_whitespace() || c == '[' || c == ']')
        .collect();
    for (grant, word) in [(Grant::Staff, "staff"), (Grant::Service, "service")] {
        assert!(!grants.has(&grant) || words.contains(&word), "{claim:?}");
    }
    for parent in grants.parents() {
        let word = format!("{}:{}", parent.kind().as_str(), parent.id());
        assert!(words.contains(&word.as_str()), "{word:?} of {claim:?}");
    }
}
