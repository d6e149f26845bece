use std::collections::HashMap;

use axum::http::HeaderValue;
use serde_json::{Map, Value, json};
use waybill::deployment_file::DeploymentFile;

use self::issuer::{Key, KeyServer};
use super::*;

mod issuer;
mod shapes;

const NOW: i64 = 1_795_000_000;
const AUDIENCE: &str = "https://exports.example";

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(NOW + second).unwrap()
}

fn tokens(issuer: &str) -> Tokens {
    let config = TokenConfig {
        issuer: issuer.to_owned(),
        audiences: vec![AUDIENCE.to_owned(), "other".to_owned()],
        verifier: Verifier::Function,
        grants: "scope".to_owned(),
        name: "name".to_owned(),
        email: "email".to_owned(),
        email_verified: "email_verified".to_owned(),
        from_claims: Vec::new(),
    };
    Tokens::new(config).unwrap()
}

fn claims(issuer: &str) -> Value {
    json!({"iss": issuer, "sub": "u-17", "aud": AUDIENCE, "exp": NOW + 60, "scope": "project:42 staff"})
}

/// Replaces claims; null removes one.
fn with(mut claims: Value, changes: Value) -> Value {
    for (name, value) in changes.as_object().unwrap() {
        claims[name] = value.clone();
    }
    let present = claims.as_object().unwrap().iter();
    let present = present.filter(|(_, value)| !value.is_null());
    let present: Map<_, _> = present.map(|(n, v)| (n.clone(), v.clone())).collect();
    Value::Object(present)
}

async fn identified(
    tokens: &Tokens,
    token: &str,
    others: &[Issuer],
    now: Timestamp,
) -> Result<Identity, ApiError> {
    let mut headers = HeaderMap::new();
    let value = HeaderValue::from_str(&format!("Bearer {token}")).unwrap();
    headers.insert(AUTHORIZATION, value);
    let kinds = ParentKinds::default();
    tokens.identify(None, &headers, others, &kinds, now).await
}

async fn refusal(tokens: &Tokens, token: &str) -> TokenError {
    match identified(tokens, token, &[], at(0)).await {
        Err(ApiError::Token(error)) => error,
        other => panic!("{other:?}"),
    }
}

fn words(grants: &Grants) -> Vec<String> {
    let parents = grants.parents().map(ToString::to_string);
    let others = [
        (waybill::access_rules::Grant::Staff, "staff"),
        (waybill::access_rules::Grant::Service, "service"),
    ];
    let others = others.iter().filter(|(grant, _)| grants.has(grant));
    parents
        .chain(others.map(|(_, word)| (*word).to_owned()))
        .collect()
}

#[tokio::test]
async fn tokens_of_every_algorithm_are_accepted() {
    let keys = Key::all();
    let server = KeyServer::start(keys.iter().map(Key::public)).await;
    let tokens = tokens(&server.url);
    for key in &keys {
        let token = key.token(&claims(&server.url));
        let identity = identified(&tokens, &token, &[], at(0)).await;
        let caller = identity
            .unwrap_or_else(|error| panic!("{}: {error:?}", key.algorithm))
            .caller;
        assert_eq!((caller.sub.as_str(), &caller.issuer), ("u-17", &server.url));
        assert!(caller.is_of_own_issuer);
        assert_eq!(
            words(&caller.grants),
            ["project#42", "staff"],
            "{}",
            key.algorithm
        );
    }
    // Discovery and the keys, once.
    assert_eq!(server.asked(), 2);
}

#[tokio::test]
async fn a_token_that_is_not_right_is_refused_with_the_reason() {
    let keys = Key::all();
    let server = KeyServer::start(keys.iter().map(Key::public)).await;
    let tokens = tokens(&server.url);
    let usual = || claims(&server.url);
    for key in &keys {
        for (changes, refused) in [
            (json!({"exp": NOW - 61}), TokenError::Expired),
            (json!({"exp": null}), TokenError::NoExpiry),
            (json!({"exp": "soon"}), TokenError::NoExpiry),
            (json!({"nbf": NOW + 61}), TokenError::NotYet),
            (json!({"nbf": "soon"}), TokenError::NotYet),
            (
                json!({"aud": "https://elsewhere.example"}),
                TokenError::Audience,
            ),
            (json!({"aud": ["a", "b"]}), TokenError::Audience),
            (json!({"aud": null}), TokenError::Audience),
            (
                json!({"aud": "x", "client_id": AUDIENCE}),
                TokenError::Audience,
            ),
            (
                json!({"iss": "https://elsewhere.example"}),
                TokenError::Issuer,
            ),
            (json!({"iss": null}), TokenError::Issuer),
            (
                json!({"iss": format!("{}/", server.url)}),
                TokenError::Issuer,
            ),
            (json!({"sub": null}), TokenError::NoSubject),
            (json!({"sub": " "}), TokenError::NoSubject),
            (json!({"sub": "s".repeat(1_025)}), TokenError::LongSubject),
        ] {
            let token = key.token(&with(usual(), changes.clone()));
            assert_eq!(
                refusal(&tokens, &token).await,
                refused,
                "{} {changes}",
                key.algorithm
            );
        }
        for changes in [
            json!({"exp": NOW - 59}),
            json!({"nbf": NOW + 59}),
            json!({"aud": ["x", AUDIENCE]}),
        ] {
            let token = key.token(&with(usual(), changes));
            identified(&tokens, &token, &[], at(0)).await.unwrap();
        }
        let mut other_key = Key::like(key);
        assert_eq!(
            refusal(&tokens, &other_key.token(&usual())).await,
            TokenError::Signature
        );
        other_key.id = "unknown".to_owned();
        assert_eq!(
            refusal(&tokens, &other_key.token(&usual())).await,
            TokenError::Signature
        );
        let token = key.token(&usual());
        let (signed, signature) = token.rsplit_once('.').unwrap();
        for broken in [
            format!("{signed}."),
            format!("{signed}.{}", signature.to_lowercase()),
            format!("{signed}x.{signature}"),
        ] {
            let refused = refusal(&tokens, &broken).await;
            assert!(
                matches!(refused, TokenError::Signature | TokenError::Malformed),
                "{refused:?}"
            );
        }
    }
    for (token, refused) in [
        ("opaque-token".to_owned(), TokenError::Opaque),
        ("a.b".to_owned(), TokenError::Opaque),
        ("a.b.c.d.e".to_owned(), TokenError::Opaque),
        ("a.b.c".to_owned(), TokenError::Malformed),
        ("a".repeat(10_241), TokenError::TooLong),
    ] {
        assert_eq!(refusal(&tokens, &token).await, refused);
    }
}

/// The classes of RFC 8725, section 2.1 and 2.2: the token says how it is to be verified.
#[tokio::test]
async fn the_header_of_a_token_decides_nothing() {
    let keys = Key::all();
    let server = KeyServer::start(keys.iter().map(Key::public)).await;
    let elsewhere = KeyServer::start([Key::like(&keys[0]).public()]).await;
    let tokens = tokens(&server.url);
    let claims = claims(&server.url);
    for key in &keys {
        let none = key.unsigned(&json!({"alg": "none"}), &claims);
        assert_eq!(refusal(&tokens, &none).await, TokenError::Malformed);
        for algorithm in ["HS256", "HS384", "HS512"] {
            let header = json!({"alg": algorithm, "kid": key.id});
            let token = key.signed_with_its_public_key(&header, &claims);
            assert_eq!(
                refusal(&tokens, &token).await,
                TokenError::Signature,
                "{algorithm}"
            );
        }
        for other in keys.iter().filter(|other| other.algorithm != key.algorithm) {
            let header = json!({"alg": other.algorithm, "kid": key.id});
            let token = key.signed(&header, &claims);
            assert_eq!(
                refusal(&tokens, &token).await,
                TokenError::Signature,
                "{header}"
            );
        }
        let foreign = Key::like(key);
        let address = format!("{}/keys", elsewhere.url);
        for header in [
            json!({"alg": key.algorithm, "jku": address}),
            json!({"alg": key.algorithm, "x5u": address, "kid": key.id}),
            json!({"alg": key.algorithm, "jwk": foreign.public()}),
        ] {
            let token = foreign.signed(&header, &claims);
            assert_eq!(
                refusal(&tokens, &token).await,
                TokenError::Signature,
                "{header}"
            );
        }
        let critical = json!({"alg": key.algorithm, "kid": key.id, "crit": ["x"], "x": 1});
        let refused = refusal(&tokens, &key.signed(&critical, &claims)).await;
        assert!(matches!(
            refused,
            TokenError::Signature | TokenError::Malformed
        ));
    }
    assert_eq!(elsewhere.asked(), 0);
}

#[tokio::test]
async fn an_issuer_is_asked_for_an_unknown_key_once_a_minute() {
    let (old, new) = (Key::new("ES256", "old"), Key::new("ES256", "new"));
    let server = KeyServer::start([old.public()]).await;
    let tokens = tokens(&server.url);
    let claims = claims(&server.url);
    let old = old.token(&claims);
    identified(&tokens, &old, &[], at(0)).await.unwrap();
    let new_token = new.token(&claims);
    for _ in 0..1_000 {
        assert_eq!(refusal(&tokens, &new_token).await, TokenError::Signature);
    }
    assert_eq!(server.asked(), 2);
    server.has([new.public()]);
    identified(&tokens, &new_token, &[], at(61)).await.unwrap();
    assert_eq!(server.asked(), 4);
    // The old key has been withdrawn.
    let refused = identified(&tokens, &old, &[], at(61)).await.unwrap_err();
    assert!(matches!(refused, ApiError::Token(TokenError::Signature)));
}

#[tokio::test]
async fn an_issuer_that_does_not_answer_is_not_asked_by_every_request() {
    let key = Key::new("EdDSA", "k");
    let server = KeyServer::start([key.public()]).await;
    let tokens = tokens(&server.url);
    let token = key.token(&with(claims(&server.url), json!({"exp": NOW + 9_000})));
    server.fails(true);
    for _ in 0..5 {
        let error = identified(&tokens, &token, &[], at(0)).await.unwrap_err();
        assert_eq!(error.status(), 503);
        assert_eq!(error.retry_after(), Some(5));
    }
    assert_eq!(server.asked(), 1);
    server.fails(false);
    identified(&tokens, &token, &[], at(61)).await.unwrap();
    // Known keys stay valid while the issuer does not answer.
    server.fails(true);
    identified(&tokens, &token, &[], at(4_000)).await.unwrap();
    identified(&tokens, &token, &[], at(4_001)).await.unwrap();
    assert_eq!(server.asked(), 4);
}

#[tokio::test]
async fn a_configuration_of_another_issuer_is_refused() {
    let key = Key::new("ES256", "k");
    let server = KeyServer::start([key.public()]).await;
    server.calls_itself("https://elsewhere.example");
    let tokens = tokens(&server.url);
    let error = identified(&tokens, &key.token(&claims(&server.url)), &[], at(0)).await;
    assert_eq!(error.unwrap_err().status(), 503);
}

/// The deployment file names further issuers, and what each may give.
#[tokio::test]
async fn an_issuer_gives_only_what_it_may() {
    let (own, other) = (Key::new("RS256", "own"), Key::new("ES256", "other"));
    let own_server = KeyServer::start([own.public()]).await;
    let server = KeyServer::start([other.public()]).await;
    let tokens = tokens(&own_server.url);
    let file = format!(
        "[deployment]\n[[issuer]]\nurl = \"{0}\"\naudiences = [\"app\"]\nkeys = \"{0}/keys\"\ngrants = [\"project:*\", \"organization:acme\"]\n\
         from_claims = [\"organization:{{org.id}}\", \"{{roles}}\"]\nclaims = {{ grants = \"permissions\", name = \"nick\" }}\n",
        server.url
    );
    let file = DeploymentFile::parse(&file).unwrap();
    let others = file.issuers();
    let claims = json!({
        "iss": server.url, "sub": "u-17", "aud": "app", "exp": NOW + 60, "nick": "Ana", "name": "no",
        "permissions": ["project:42", "staff", "service", "organization:other", "project:7 staff"],
        "org": {"id": "acme"}, "roles": ["staff", "project:8"], "scope": "project:9",
    });
    let identity = identified(&tokens, &other.token(&claims), others, at(0))
        .await
        .unwrap();
    let caller = &identity.caller;
    assert_eq!(
        words(&caller.grants),
        ["project#42", "organization#acme", "project#8"]
    );
    assert_eq!(
        (caller.name.as_deref(), caller.is_of_own_issuer),
        (Some("Ana"), false)
    );
    assert_eq!(identity.claims["roles"], "[staff project:8]");
    // The keys' address is in the file, so that no configuration was asked for.
    assert_eq!(server.asked(), 1);
    for (changes, refused) in [
        (
            json!({"org": {"id": "acme staff"}}),
            vec!["project#42", "project#8"],
        ),
        (
            json!({"org": {"id": "other"}, "roles": null}),
            vec!["project#42"],
        ),
    ] {
        let token = other.token(&with(claims.clone(), changes));
        let identity = identified(&tokens, &token, others, at(0)).await.unwrap();
        assert_eq!(words(&identity.caller.grants), refused);
    }
    // Its key does not verify the own issuer's tokens.
    let forged = other.token(&with(
        claims,
        json!({"iss": own_server.url, "aud": AUDIENCE}),
    ));
    let error = identified(&tokens, &forged, others, at(0))
        .await
        .unwrap_err();
    assert!(matches!(error, ApiError::Token(TokenError::Signature)));
}

/// The deployment file may limit the deployment's own issuer.
#[tokio::test]
async fn the_own_issuer_gives_what_the_deployment_file_says_of_it() {
    let key = Key::new("ES256", "k");
    let server = KeyServer::start([key.public()]).await;
    let tokens = tokens(&server.url);
    let file = format!(
        "[deployment]\n[[issuer]]\nurl = \"{}\"\naudiences = [\"{AUDIENCE}\"]\ngrants = [\"project:*\"]\n",
        server.url
    );
    let file = DeploymentFile::parse(&file).unwrap();
    let token = key.token(&claims(&server.url));
    for (others, given) in [
        (&[][..], vec!["project#42", "staff"]),
        (file.issuers(), vec!["project#42"]),
    ] {
        let identity = identified(&tokens, &token, others, at(0)).await.unwrap();
        assert_eq!(words(&identity.caller.grants), given);
        assert!(identity.caller.is_of_own_issuer);
    }
}

#[tokio::test]
async fn the_gateways_word_counts_for_nothing_where_the_function_verifies() {
    let tokens = tokens("https://issuer.example");
    let mut context = ApiGatewayV2httpRequestContext::default();
    let mut jwt =
        lambda_http::aws_lambda_events::apigw::ApiGatewayRequestAuthorizerJwtDescription::default();
    jwt.claims = HashMap::from([("sub".to_owned(), "u-17".to_owned())]);
    let mut authorizer =
        lambda_http::aws_lambda_events::apigw::ApiGatewayRequestAuthorizer::default();
    authorizer.jwt = Some(jwt);
    context.authorizer = Some(authorizer);
    let kinds = ParentKinds::default();
    assert!(tokens.of_gateway(Some(&context), &kinds).is_ok());
    for value in [None, Some("u-17"), Some("Basic dTpw"), Some("bearer")] {
        let mut headers = HeaderMap::new();
        headers.extend(value.map(|value| (AUTHORIZATION, HeaderValue::from_static(value))));
        let identified = tokens
            .identify(Some(&context), &headers, &[], &kinds, at(0))
            .await;
        let error = identified.unwrap_err();
        assert!(
            matches!(error, ApiError::Token(TokenError::Missing)),
            "{value:?}"
        );
    }
}
