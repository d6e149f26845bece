//! The sign-in: the issuer of tokens, and the URL that links begin with.

use std::error::Error;

use serde_json::Value;

use super::{Finding, Found};
use crate::http::{self, NoAnswer};
use crate::stack::Stack;

pub(super) async fn look(stack: &Stack) -> Found {
    let mut found: Vec<Finding> = public_url(stack).await?.into_iter().collect();
    if let Some(issuer) = stack.parameter("Issuer") {
        found.extend(of_issuer(stack, issuer).await?);
    }
    Ok(found)
}

/// Whether the API answers where links lead.
async fn public_url(stack: &Stack) -> Result<Option<Finding>, Box<dyn Error>> {
    let url = stack.output("PublicUrl")?;
    let answer = http::answered(http::client(url)?.get(format!("{url}/openapi.json"))).await;
    let remedy = "Map the domain of PublicUrl to the API (API mapping and DNS), or leave PublicUrl empty; docs/operations.md says how.";
    Ok(match answer {
        Ok(answer) if answer.json()["openapi"].is_string() => None,
        Ok(answer) if answer.status >= 500 => Some(Finding::wrong(
            format!("The API fails: it answered with {}.", answer.status),
            format!(
                "The log says why: aws logs tail /aws/lambda/{}-api",
                stack.name
            ),
        )),
        Ok(answer) => Some(Finding::wrong(
            format!(
                "{url}, with which links begin, is not this API: it answered with {}.",
                answer.status
            ),
            remedy,
        )),
        Err(NoAnswer(why)) => Some(Finding::wrong(
            format!("Nothing answers at {url}, with which links begin: {why}."),
            remedy,
        )),
    })
}

/// Whether the issuer has what tokens are verified with.
async fn of_issuer(stack: &Stack, issuer: &str) -> Result<Option<Finding>, Box<dyn Error>> {
    let url = format!(
        "{}/.well-known/openid-configuration",
        issuer.trim_end_matches('/')
    );
    let by_gateway = stack.parameter("TokenVerifier") != Some("function");
    let http = http::client(issuer)?;
    let remedy = "Issuer is the text in the claim `iss` of a token; correct it, and deploy again.";
    let configuration = match http::answered(http.get(&url)).await {
        Ok(answer) if answer.status == 200 => answer.json(),
        Ok(answer) => {
            let what = format!(
                "{url} answered with {} in place of the issuer's configuration: no token is accepted.",
                answer.status
            );
            return Ok(Some(Finding::wrong(what, remedy)));
        }
        Err(NoAnswer(why)) => {
            let what = format!("Nothing answers at {url}: no token is accepted: {why}.");
            return Ok(Some(Finding::wrong(what, remedy)));
        }
    };
    if configuration["issuer"] != issuer {
        let what = format!(
            "{url} is the configuration of {}: no token is accepted.",
            configuration["issuer"]
        );
        return Ok(Some(Finding::wrong(what, remedy)));
    }
    let keys = configuration["jwks_uri"].as_str().unwrap_or_default();
    let keys = match http::answered(http.get(keys)).await {
        Ok(answer) => answer.json(),
        Err(NoAnswer(why)) => {
            let what = format!("The issuer's keys cannot be read at {keys:?}: {why}.");
            return Ok(Some(Finding::wrong(
                what,
                "The issuer's operator knows more.",
            )));
        }
    };
    Ok(unusable(&keys, by_gateway))
}

/// Why no key of the issuer verifies tokens, if so. API Gateway takes keys of RSA alone:
/// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-jwt-authorizer.html
fn unusable(keys: &Value, by_gateway: bool) -> Option<Finding> {
    let kinds: Vec<&str> = keys["keys"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|key| key["kty"].as_str())
        .collect();
    if kinds.is_empty() {
        let what = "The issuer has no keys: no token is accepted.";
        return Some(Finding::wrong(what, "The issuer's operator knows more."));
    }
    (by_gateway && !kinds.contains(&"RSA")).then(|| {
        Finding::wrong(
            format!(
                "API Gateway verifies tokens, and takes keys of RSA alone; the issuer's are of {}.",
                kinds.join(", ")
            ),
            "Deploy with TokenVerifier=function.",
        )
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn keys_are_of_a_kind_that_the_verifier_takes() {
        let (rsa, elliptic) = (
            json!({"keys": [{"kty": "RSA"}]}),
            json!({"keys": [{"kty": "EC"}]}),
        );
        assert_eq!(unusable(&rsa, true), None);
        assert_eq!(unusable(&elliptic, false), None);
        assert!(unusable(&elliptic, true).is_some());
        for none in [json!({"keys": []}), json!({}), Value::Null] {
            assert!(unusable(&none, false).is_some(), "{none}");
        }
    }
}
