//! The grants function: a Lambda function of the host that decides permissions, for products whose permissions are too
//! many or change too often for a token. `api` asks it about callers, `notify` about the recipient of an attached file.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_lambda::Client;
use aws_sdk_lambda::primitives::Blob;
use futures::stream::{self, StreamExt, TryStreamExt};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::access_rules::{Action, Scope};
use crate::aws::CallError;

/// The timeout of the function. A user waits for the answer, or the rest of an invocation of `notify` does.
pub const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// The maximum number of questions of one invocation.
const MAX_QUESTIONS: usize = 100;
/// Invocations at the same time, of a function that answers single questions only.
const SINGLE_AT_ONCE: usize = 10;

/// Why there is no decision. An error is neither a yes nor a no: a no could make existing exports appear to be missing.
/// The messages contain nothing of the function's answer, which may be anything.
#[derive(Debug, thiserror::Error)]
pub enum GrantsFunctionError {
    /// Lambda could not invoke the function.
    #[error("the grants function could not be called: {0}")]
    NotCalled(CallError),
    /// The function did not answer within this time.
    #[error("the grants function did not answer within {} s", .0.as_secs_f32())]
    TooSlow(Duration),
    /// The function failed.
    #[error("the grants function failed")]
    Failed,
    /// An answer is neither true nor false, or there are more or fewer answers than questions.
    #[error("the grants function's answer is neither true nor false for each question")]
    NoAnswer,
}

/// A question to the function, in JSON: `{sub, claims, action, parent}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question(Value);

#[derive(Serialize)]
struct QuestionBody<'a> {
    sub: &'a str,
    claims: &'a BTreeMap<String, String>,
    action: &'static str,
    parent: Value,
}

impl Question {
    /// The question whether the person with this `sub` may do `action` on `scope`.
    ///
    /// `claims` are the claims of the person's token, as API Gateway passes them on: all are texts. Where there is
    /// no token, as in `notify`, the map has only the issuer (`iss`).
    pub fn new(
        sub: &str,
        claims: &BTreeMap<String, String>,
        action: Action,
        scope: Scope<'_>,
    ) -> Self {
        let body = QuestionBody {
            sub,
            claims,
            action: action.as_str(),
            parent: parent_in_json(scope),
        };
        Self(json!(body))
    }

    /// The JSON; identical for equal questions.
    pub fn to_json(&self) -> String {
        self.0.to_string()
    }

    /// The part that differs between questions about one person.
    fn item(&self) -> Value {
        json!({"action": self.0["action"], "parent": self.0["parent"]})
    }
}

/// The parent in the API's form: a project's id is a number, and its organization's the field `organization_id`.
fn parent_in_json(scope: Scope<'_>) -> Value {
    let mut parent = Map::new();
    parent.insert("kind".to_owned(), scope.parent.kind().as_str().into());
    parent.insert("id".to_owned(), scope.kinds.id_in_json(scope.parent));
    let root = scope.kinds.root_id_in_json(scope.root_id);
    parent.insert(scope.kinds.root.id_field(), root);
    parent.into()
}

/// The function's decision.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Decision {
    /// Whether the person may do it.
    pub allowed: bool,
    /// What the host knows of the person, whose token may not say it; used by `create`.
    pub user: HostUser,
}

/// A person's name and address, as the host knows them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct HostUser {
    /// The person's name.
    #[serde(default)]
    pub name: Option<String>,
    /// The address for mails.
    #[serde(default)]
    pub email: Option<String>,
}

/// The accepted answers to a question.
#[derive(Deserialize)]
#[serde(untagged)]
enum Answer {
    Plain(bool),
    Word(Word),
    Object {
        allowed: bool,
        #[serde(default)]
        user: Option<HostUser>,
    },
}

impl From<Answer> for Decision {
    fn from(answer: Answer) -> Self {
        let (allowed, user) = match answer {
            Answer::Plain(allowed) => (allowed, None),
            Answer::Object { allowed, user } => (allowed, user),
            Answer::Word(word) => (matches!(word, Word::Yes), None),
        };
        Self {
            allowed,
            user: user.unwrap_or_default(),
        }
    }
}

/// The accepted answers to several questions, in their order.
#[derive(Deserialize)]
#[serde(untagged)]
enum Answers {
    Plain(Vec<Answer>),
    Object {
        answers: Vec<Answer>,
    },
    /// The function knows single questions only, and has answered the first.
    Single(#[expect(dead_code, reason = "the question is asked again by itself")] Answer),
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Word {
    Yes,
    No,
}

/// The host's grants function.
#[derive(Debug, Clone)]
pub struct GrantsFunction {
    lambda: Client,
    name: String,
    within: Duration,
}

impl GrantsFunction {
    /// The function with this name or ARN, and the timeout of a question.
    pub fn new(lambda: Client, name: String, within: Duration) -> Self {
        Self {
            lambda,
            name,
            within,
        }
    }

    /// Asks the function, and returns its decision.
    ///
    /// # Errors
    /// When there is no answer, or it is neither true nor false.
    pub async fn ask(&self, question: &Question) -> Result<Decision, GrantsFunctionError> {
        let answer = self.invoke(question.to_json()).await?;
        let answer: Result<Answer, _> = serde_json::from_slice(&answer);
        Ok(answer.map_err(|_| GrantsFunctionError::NoAnswer)?.into())
    }

    /// Asks several questions about one person, and returns the answers in the order of the questions.
    ///
    /// A hundred questions are one invocation: the first of them, with all as `questions: [{action, parent}]`. A
    /// function that answers only the first is asked each question by itself.
    ///
    /// # Errors
    /// When an answer is missing, or neither true nor false.
    pub async fn ask_all(
        &self,
        questions: &[Question],
    ) -> Result<Vec<Decision>, GrantsFunctionError> {
        let mut decisions = Vec::with_capacity(questions.len());
        for some in questions.chunks(MAX_QUESTIONS) {
            decisions.extend(self.ask_some(some).await?);
        }
        Ok(decisions)
    }

    async fn ask_some(&self, questions: &[Question]) -> Result<Vec<Decision>, GrantsFunctionError> {
        let mut body = match questions {
            [only] => return Ok(vec![self.ask(only).await?]),
            [first, ..] => first.0.clone(),
            [] => return Ok(Vec::new()),
        };
        body["questions"] = questions.iter().map(Question::item).collect();
        let answer = self.invoke(body.to_string()).await?;
        match serde_json::from_slice(&answer) {
            Ok(Answers::Plain(answers) | Answers::Object { answers })
                if answers.len() == questions.len() =>
            {
                Ok(answers.into_iter().map(Decision::from).collect())
            }
            Ok(Answers::Single(_)) => {
                let each = stream::iter(questions.to_vec());
                let each = each.map(async |question| self.ask(&question).await);
                each.buffered(SINGLE_AT_ONCE).try_collect().await
            }
            _ => Err(GrantsFunctionError::NoAnswer),
        }
    }

    async fn invoke(&self, body: String) -> Result<Vec<u8>, GrantsFunctionError> {
        let invocation = self
            .lambda
            .invoke()
            .function_name(&self.name)
            .payload(Blob::new(body))
            .send();
        let output = tokio::time::timeout(self.within, invocation)
            .await
            .map_err(|_| GrantsFunctionError::TooSlow(self.within))?
            .map_err(|error| GrantsFunctionError::NotCalled(CallError::new("Invoke", error)))?;
        if output.function_error().is_some() {
            return Err(GrantsFunctionError::Failed);
        }
        Ok(output.payload.map(Blob::into_inner).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parent::Parent;
    use crate::parent::StoredKinds;

    /// The server accepts the connection and never answers, as Lambda does while a function hangs.
    #[tokio::test]
    async fn a_slow_function_times_out() {
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
        let answer = function.ask(&Question(json!({}))).await;
        assert!(
            matches!(answer, Err(GrantsFunctionError::TooSlow(_))),
            "{answer:?}"
        );
    }

    #[test]
    fn an_answer_may_say_who_the_person_is() {
        let decided = |answer: &str| serde_json::from_str::<Answer>(answer).map(Decision::from);
        for (answer, allowed) in [
            ("true", true),
            (r#""yes""#, true),
            (r#"{"allowed": true}"#, true),
            (r#"{"allowed": false, "user": null}"#, false),
        ] {
            let decision = decided(answer).unwrap();
            assert_eq!(decision.allowed, allowed, "{answer}");
            assert_eq!(decision.user, HostUser::default(), "{answer}");
        }
        let known =
            r#"{"allowed": true, "user": {"name": "Ana", "email": "ana@example.com", "plan": 7}}"#;
        let user = decided(known).unwrap().user;
        assert_eq!(user.name.as_deref(), Some("Ana"));
        assert_eq!(user.email.as_deref(), Some("ana@example.com"));
        for unclear in [
            "1",
            "null",
            r#"{"user": {"name": "Ana"}}"#,
            r#"{"allowed": true, "user": "Ana"}"#,
        ] {
            assert!(decided(unclear).is_err(), "{unclear}");
        }
    }

    #[test]
    fn a_question_names_person_action_and_parent() {
        let kinds = StoredKinds::default();
        let project: Parent = "project#42".parse().unwrap();
        let scope = Scope {
            parent: &project,
            root_id: Some("acme"),
            kinds: &kinds,
        };
        let claims = [("sub".to_owned(), "u-17".to_owned())].into();
        let question = Question::new("u-17", &claims, Action::Download, scope);
        assert_eq!(
            question.to_json(),
            r#"{"sub":"u-17","claims":{"sub":"u-17"},"action":"download","parent":{"kind":"project","id":42,"organization_id":"acme"}}"#
        );
        let source: Parent = "source#42".parse().unwrap();
        let scope = Scope {
            parent: &source,
            root_id: None,
            kinds: &kinds,
        };
        let question = Question::new("u-17", &BTreeMap::new(), Action::Read, scope);
        assert_eq!(
            question.to_json(),
            r#"{"sub":"u-17","claims":{},"action":"read","parent":{"kind":"source","id":"42","organization_id":null}}"#
        );
    }
}
