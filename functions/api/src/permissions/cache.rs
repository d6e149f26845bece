//! What the host's function said lately: it is asked anew about downloads, and else twice a minute at most.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};
use waybill::access::{Action, Scope};
use waybill::grants_function::{GrantsFunction, GrantsFunctionError, Question};

use crate::http::caller::Requester;

/// How long an answer holds.
const KEPT: SignedDuration = SignedDuration::from_secs(30);
/// How many answers are kept, about 1 MB.
const MOST_KEPT: usize = 10_000;

/// The host's function, and what it said lately.
pub(super) struct CachedGrantsFunction {
    function: GrantsFunction,
    answers: Answers,
}

impl From<GrantsFunction> for CachedGrantsFunction {
    fn from(function: GrantsFunction) -> Self {
        Self {
            function,
            answers: Answers::default(),
        }
    }
}

impl CachedGrantsFunction {
    /// Whether it lets them do this, as it said at most [`KEPT`] ago; a download is asked for every time.
    pub(super) async fn allows(
        &self,
        requester: &Requester,
        action: Action,
        scope: Scope<'_>,
        now: Timestamp,
    ) -> Result<bool, GrantsFunctionError> {
        let question = question(requester, action, scope);
        let key = digest(&question);
        if let Some(allowed) = self.answers.get(&key, now) {
            return Ok(allowed);
        }
        let allowed = self.function.ask(&question).await?;
        if action != Action::Download {
            self.answers.keep(key, allowed, now);
        }
        Ok(allowed)
    }

    /// Lets the next such question be asked whatever was said before.
    pub(super) fn forget(&self, requester: &Requester, action: Action, scope: Scope<'_>) {
        self.answers
            .forget(&digest(&question(requester, action, scope)));
    }
}

fn question(requester: &Requester, action: Action, scope: Scope<'_>) -> Question {
    Question::new(&requester.caller.sub, &requester.claims, action, scope)
}

fn digest(question: &Question) -> [u8; 32] {
    Sha256::digest(question.as_str()).into()
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
        let key = |number: usize| Sha256::digest(number.to_string()).into();
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
