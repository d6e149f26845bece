//! A function of the host's that decides what people may do, where a product's permissions are too many or too fresh
//! for a token. `api` asks it about whoever calls, `notify` about the recipient of a file that is to be attached.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_lambda::Client;
use aws_sdk_lambda::primitives::Blob;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::access::{Action, Scope};
use crate::aws::CallError;
use crate::catalog::ParentKind;

/// How long the function may take: a person waits for it, or the rest of a mail's invocation.
pub const ANSWERED_WITHIN: Duration = Duration::from_secs(5);

/// Why the function did not say. That is never taken for a yes; nor for a no where what exists would seem to be gone.
/// The texts hold nothing of what the function answered, which may be anything.
#[derive(Debug, thiserror::Error)]
pub enum GrantsFunctionError {
    /// Lambda did not call it.
    #[error("the grants function could not be called: {0}")]
    NotCalled(CallError),
    /// It took longer than this.
    #[error("the grants function did not answer within {} s", .0.as_secs_f32())]
    TooSlow(Duration),
    /// It ended in an error of its own.
    #[error("the grants function ended in an error")]
    Failed,
    /// It answered, but neither yes nor no.
    #[error("the grants function answered something else than true or false")]
    NoAnswer,
}

/// What the function is asked, in JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question(String);

#[derive(Serialize)]
struct QuestionBody<'a> {
    sub: &'a str,
    claims: &'a BTreeMap<String, String>,
    action: &'static str,
    parent: Of<'a>,
}

/// Its parent: as the API shows it, so that a project's id is a number.
#[derive(Serialize)]
struct Of<'a> {
    kind: ParentKind,
    id: Value,
    organization_id: Option<&'a str>,
}

impl Question {
    /// Whether the person with this `sub` may do that.
    ///
    /// `claims` are their token's, as API Gateway hands them on: every one a text. Where there is no token at that
    /// moment, there are none.
    pub fn new(
        sub: &str,
        claims: &BTreeMap<String, String>,
        action: Action,
        scope: Scope<'_>,
    ) -> Self {
        let asked = QuestionBody {
            sub,
            claims,
            action: action.as_str(),
            parent: Of {
                kind: scope.parent.kind(),
                id: scope.parent.id_in_json(),
                organization_id: scope.organization_id,
            },
        };
        Self(json!(asked).to_string())
    }

    /// The JSON, the same for the same question.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What it may answer.
#[derive(Deserialize)]
#[serde(untagged)]
enum Answer {
    Plain(bool),
    Word(Word),
    Object { allowed: bool },
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Word {
    Yes,
    No,
}

/// The host's function.
#[derive(Debug, Clone)]
pub struct GrantsFunction {
    lambda: Client,
    name: String,
    within: Duration,
}

impl GrantsFunction {
    /// The function of this name or ARN, which must answer within that time.
    pub fn new(lambda: Client, name: String, within: Duration) -> Self {
        Self {
            lambda,
            name,
            within,
        }
    }

    /// Asks it, and waits for what it says.
    ///
    /// # Errors
    /// Where it says neither yes nor no.
    pub async fn ask(&self, question: &Question) -> Result<bool, GrantsFunctionError> {
        let asked = self
            .lambda
            .invoke()
            .function_name(&self.name)
            .payload(Blob::new(question.as_str()))
            .send();
        let output = tokio::time::timeout(self.within, asked)
            .await
            .map_err(|_| GrantsFunctionError::TooSlow(self.within))?
            .map_err(|error| GrantsFunctionError::NotCalled(CallError::new("Invoke", error)))?;
        if output.function_error().is_some() {
            return Err(GrantsFunctionError::Failed);
        }
        let payload = output.payload().map(Blob::as_ref).unwrap_or_default();
        match serde_json::from_slice(payload) {
            Ok(Answer::Plain(allowed) | Answer::Object { allowed }) => Ok(allowed),
            Ok(Answer::Word(word)) => Ok(matches!(word, Word::Yes)),
            Err(_) => Err(GrantsFunctionError::NoAnswer),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parent::Parent;

    /// A function that hangs, as the service in front of it does then: a connection, and nothing on it.
    #[tokio::test]
    async fn a_function_that_is_too_slow_is_given_up() {
        let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let config = aws_sdk_lambda::Config::builder()
            .behavior_version(aws_sdk_lambda::config::BehaviorVersion::latest())
            .region(aws_sdk_lambda::config::Region::new("eu-west-1"))
            .credentials_provider(aws_sdk_lambda::config::Credentials::new(
                "a", "b", None, None, "test",
            ))
            .endpoint_url(format!("http://{}", silent.local_addr().unwrap()));
        let within = Duration::from_millis(100);
        let function =
            GrantsFunction::new(Client::from_conf(config.build()), "host".to_owned(), within);
        let answer = function.ask(&Question("{}".to_owned())).await;
        assert!(
            matches!(answer, Err(GrantsFunctionError::TooSlow(_))),
            "{answer:?}"
        );
    }

    #[test]
    fn a_question_names_person_action_and_parent() {
        let project: Parent = "project#42".parse().unwrap();
        let scope = Scope {
            parent: &project,
            organization_id: Some("acme"),
        };
        let claims = [("sub".to_owned(), "u-17".to_owned())].into();
        let question = Question::new("u-17", &claims, Action::Download, scope);
        assert_eq!(
            question.as_str(),
            r#"{"sub":"u-17","claims":{"sub":"u-17"},"action":"download","parent":{"kind":"project","id":42,"organization_id":"acme"}}"#
        );
        let source: Parent = "source#42".parse().unwrap();
        let scope = Scope {
            parent: &source,
            organization_id: None,
        };
        let question = Question::new("u-17", &BTreeMap::new(), Action::Read, scope);
        assert_eq!(
            question.as_str(),
            r#"{"sub":"u-17","claims":{},"action":"read","parent":{"kind":"source","id":"42","organization_id":null}}"#
        );
    }
}
