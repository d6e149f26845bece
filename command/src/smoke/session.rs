//! The person whose export it is: a session, or claims as API Gateway hands them on.

use std::error::Error;

use jiff::Timestamp;
use reqwest::{Client, Method};
use serde_json::{Map, Value, json};
use waybill::bearer_secret::{BearerSecret, SecretKind};
use waybill::grant_patterns::GrantPatterns;
use waybill::store::{ApiKey, ApiKeys};

use super::api::{self, Api};
use super::arguments::Smoke;
use super::leftovers::Leftovers;
use super::subject::Subject;
use crate::stack::{Function, Stack};

/// The name of the API key and of its sessions' issuer.
const KEY_NAME: &str = "smoke";

/// Signs the person in: with a session where the function verifies tokens; else with claims, since the command cannot have a
/// token of the product's issuer.
pub(super) async fn sign_in(
    smoke: &Smoke,
    subject: &Subject,
    stack: &Stack,
    function: &Function,
    http: &Client,
    leftovers: &mut Leftovers,
) -> Result<Api, Box<dyn Error>> {
    if function.variable("TOKEN_VERIFIER") != Some("function") {
        println!("  ok       signed in by claims, as API Gateway hands them on");
        return Ok(Api::Function {
            lambda: aws_sdk_lambda::Client::new(&stack.sdk),
            name: function.name.clone(),
            claims: claims(smoke, subject, function),
        });
    }
    let secret = add_key(subject, stack, leftovers).await?;
    let url = stack.output("PublicUrl")?.to_owned();
    let backend = Api::Http {
        http: http.clone(),
        url: url.clone(),
        token: secret.reveal().to_owned(),
    };
    let user = json!({"id": smoke.person(), "name": "Waybill's smoke test", "email": smoke.mail});
    let body = json!({"user": user, "grants": [subject.grant()], "minutes": 15});
    let opened = backend
        .call(Method::POST, "/v1/sessions", Some(body))
        .await?;
    let opened = opened.expect(201, "POST /v1/sessions")?.json();
    let token = opened["token"]
        .as_str()
        .ok_or("the new session has no token")?;
    println!("  ok       signed in by a session, with an API key");
    Ok(api::Api::Http {
        http: http.clone(),
        url,
        token: token.to_owned(),
    })
}

/// Makes an API key that can open sessions for the parent alone.
async fn add_key(
    subject: &Subject,
    stack: &Stack,
    leftovers: &mut Leftovers,
) -> Result<BearerSecret, Box<dyn Error>> {
    let secret = BearerSecret::random(SecretKind::ApiKey)?;
    let grants = GrantPatterns::new([subject.grant()].into_iter())
        .ok_or("the parent's id is in no grant")?;
    let key = ApiKey {
        id: secret.hash().to_string(),
        name: KEY_NAME.to_owned(),
        grants,
        created_at: Timestamp::now(),
        last_used_at: None,
        revoked_at: None,
    };
    let table = stack.output("ApiKeysTableName")?.to_owned();
    leftovers.api_key = Some(key.id.clone());
    ApiKeys::new(stack.dynamodb(), table).add(&key).await?;
    Ok(secret)
}

/// The claims of a token of the person, by the names that the deployment gives them.
fn claims(smoke: &Smoke, subject: &Subject, function: &Function) -> Value {
    let of = |name: &str, usual: &str| function.variable(name).unwrap_or(usual).to_owned();
    let pairs = [
        ("sub".to_owned(), smoke.person().to_owned()),
        ("iss".to_owned(), of("ISSUER", "")),
        (of("NAME_CLAIM", "name"), "Waybill's smoke test".to_owned()),
        (of("EMAIL_CLAIM", "email"), smoke.mail.clone()),
        (
            of("EMAIL_VERIFIED_CLAIM", "email_verified"),
            "true".to_owned(),
        ),
        (of("GRANTS_CLAIM", "scope"), subject.grant()),
    ];
    let pairs = pairs.into_iter().map(|(name, value)| (name, value.into()));
    Value::Object(pairs.collect::<Map<_, _>>())
}
