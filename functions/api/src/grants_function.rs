//! A function of the host's that decides what people may do, where a product's permissions are too many or too fresh
//! for a token.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_lambda::Client;
use aws_sdk_lambda::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_lambda::primitives::Blob;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use waybill::access::{Action, Scope};
use waybill::parent::ParentKind;

use crate::caller::Requester;
use crate::view::parent_id;

/// How long the function may take. A person waits for it.
pub(crate) const ANSWERED_WITHIN: Duration = Duration::from_secs(5);
/// How long an answer holds.
const KEPT: SignedDuration = SignedDuration::from_secs(30);
/// How many answers are kept, about 1 MB.
const MOST_KEPT: usize = 10_000;

/// Why the function did not say. It is answered with 503 and never taken for a no, lest what exists seem to be gone;
/// nor for a yes. The texts hold nothing of what the function answered, which may be anything.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unanswered {
    #[error("the grants function could not be called: {0}")]
    NotCalled(String),
    #[error("the grants function did not answer within {} s", .0.as_secs_f32())]
    TooSlow(Duration),
    #[error("the grants function ended in an error")]
    Failed,
    #[error("the grants function answered something else than true or false")]
    NoAnswer,
}

/// The host's function, and what it said lately.
pub(crate) struct GrantsFunction {
    lambda: Client,
    name: String,
    within: Duration,
    answers: Answers,
}

/// What it is asked, in JSON.
#[derive(Serialize)]
struct Question<'a> {
    sub: &'a str,
    /// The token's, as API Gateway hands them on: every one a text.
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

impl GrantsFunction {
    /// The function of this name or ARN, which must answer within that time.
    pub(crate) fn new(lambda: Client, name: String, within: Duration) -> Self {
        Self {
            lambda,
            name,
            within,
            answers: Answers::default(),
        }
    }

    /// Whether it lets them do this, as it said at most [`KEPT`] ago; a download is asked for every time.
    pub(crate) async fn allows(
        &self,
        requester: &Requester,
        action: Action,
        scope: Scope<'_>,
        now: Timestamp,
    ) -> Result<bool, Unanswered> {
        let question = question(requester, action, scope);
        let key = digest(&question);
        if let Some(allowed) = self.answers.get(&key, now) {
            return Ok(allowed);
        }
        let allowed = self.ask(question).await?;
        if action != Action::Download {
            self.answers.keep(key, allowed, now);
        }
        Ok(allowed)
    }

    /// Lets the next such question be asked whatever was said before.
    pub(crate) fn forget(&self, requester: &Requester, action: Action, scope: Scope<'_>) {
        self.answers
            .forget(&digest(&question(requester, action, scope)));
    }

    async fn ask(&self, question: String) -> Result<bool, Unanswered> {
        let asked = self
            .lambda
            .invoke()
            .function_name(&self.name)
            .payload(Blob::new(question))
            .send();
        let output = tokio::time::timeout(self.within, asked)
            .await
            .map_err(|_| Unanswered::TooSlow(self.within))?
            .map_err(|error| Unanswered::NotCalled(reason(&error)))?;
        if output.function_error().is_some() {
            return Err(Unanswered::Failed);
        }
        let payload = output.payload().map(Blob::as_ref).unwrap_or_default();
        match serde_json::from_slice(payload) {
            Ok(Answer::Plain(allowed) | Answer::Object { allowed }) => Ok(allowed),
            Ok(Answer::Word(word)) => Ok(matches!(word, Word::Yes)),
            Err(_) => Err(Unanswered::NoAnswer),
        }
    }
}

fn question(requester: &Requester, action: Action, scope: Scope<'_>) -> String {
    let question = Question {
        sub: &requester.caller.sub,
        claims: &requester.claims,
        action: action.as_str(),
        parent: Of {
            kind: scope.parent.kind(),
            id: parent_id(scope.parent),
            organization_id: scope.organization_id,
        },
    };
    json!(question).to_string()
}

fn digest(question: &str) -> [u8; 32] {
    Sha256::digest(question).into()
}

/// What an SDK's error says of itself: its code, or its kind.
fn reason<E: ProvideErrorMetadata>(error: &SdkError<E>) -> String {
    let kind = match error {
        SdkError::TimeoutError(_) => "no answer in time",
        SdkError::DispatchFailure(_) => "no connection",
        _ => "no answer",
    };
    error.code().unwrap_or(kind).to_owned()
}

/// What was answered lately, by the digest of the whole question: whoever comes with other claims is asked for anew.
///
/// The time is the wall's: a clock that counts a process's time may stand still while Lambda has frozen it.
#[derive(Default)]
struct Answers(Mutex<HashMap<[u8; 32], (Timestamp, bool)>>);

impl Answers {
    fn get(&self, key: &[u8; 32], now: Timestamp) -> Option<bool> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, allowed) = *kept.get(key)?;
        is_fresh(at, now).then_some(allowed)
    }

    fn keep(&self, key: [u8; 32], allowed: bool, now: Timestamp) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= MOST_KEPT {
            kept.retain(|_, (at, _)| is_fresh(*at, now));
        }
        if kept.len() >= MOST_KEPT {
            tracing::warn!(answers = MOST_KEPT, "all kept answers forgotten");
            kept.clear();
        }
        kept.insert(key, (now, allowed));
    }

    fn forget(&self, key: &[u8; 32]) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.remove(key);
    }
}

/// Whether what was said `at` then still holds. What is said to be of the future is of a clock that was put right.
fn is_fresh(at: Timestamp, now: Timestamp) -> bool {
    (SignedDuration::ZERO..KEPT).contains(&now.duration_since(at))
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let answer = function.ask("{}".to_owned()).await;
        assert!(matches!(answer, Err(Unanswered::TooSlow(_))), "{answer:?}");
    }

    #[test]
    fn an_answer_holds_for_30_seconds() {
        let now: Timestamp = "2026-11-21T12:00:00Z".parse().unwrap();
        let answers = Answers::default();
        answers.keep([1; 32], true, now);
        answers.keep([2; 32], false, now);
        let after = |milliseconds| now + SignedDuration::from_millis(milliseconds);
        assert_eq!(answers.get(&[1; 32], after(29_999)), Some(true));
        assert_eq!(answers.get(&[2; 32], after(29_999)), Some(false));
        assert_eq!(answers.get(&[1; 32], after(30_000)), None);
        assert_eq!(answers.get(&[1; 32], after(-1)), None);
        assert_eq!(answers.get(&[3; 32], now), None);
        answers.forget(&[1; 32]);
        assert_eq!(answers.get(&[1; 32], now), None);
    }

    #[test]
    fn no_more_answers_are_kept_than_there_is_room_for() {
        let now: Timestamp = "2026-11-21T12:00:00Z".parse().unwrap();
        let answers = Answers::default();
        let key = |number: usize| digest(&number.to_string());
        for number in 0..MOST_KEPT {
            answers.keep(
                key(number),
                true,
                now + SignedDuration::from_millis(number as i64 / 1000),
            );
        }
        // Old ones go first; where none is old, all go.
        answers.keep([0; 32], true, now + KEPT);
        assert_eq!(answers.get(&key(999), now), None);
        assert_eq!(answers.get(&key(MOST_KEPT - 1), now + KEPT), Some(true));
        for number in 0..MOST_KEPT {
            answers.keep(key(number), true, now + KEPT);
        }
        assert!(answers.0.lock().unwrap().len() <= MOST_KEPT);
        assert_eq!(answers.get(&key(MOST_KEPT - 1), now + KEPT), Some(true));
    }
}
