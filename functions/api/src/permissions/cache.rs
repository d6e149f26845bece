//! Caches the answers of the host's grants function for 30 s, except those about downloads.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};
use waybill::access_rules::{Action, Scope};
use waybill::grants_function::{GrantsFunction, GrantsFunctionError, Question};

use crate::requester::Requester;

/// How long an answer is valid.
const VALIDITY: SignedDuration = SignedDuration::from_secs(30);
/// The maximum number of cached answers, about 1 MB.
const MAX_ANSWERS: usize = 10_000;

/// The host's grants function with a cache.
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
    /// Whether the function allows this, by an answer at most [`VALIDITY`] old. Downloads are never cached.
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

    /// As [`CachedGrantsFunction::allows`] for each of the scopes, in their order; questions without a cached answer are
    /// asked together.
    pub(super) async fn allows_each(
        &self,
        requester: &Requester,
        action: Action,
        scopes: &[Scope<'_>],
        now: Timestamp,
    ) -> Result<Vec<bool>, GrantsFunctionError> {
        let questions = scopes
            .iter()
            .map(|scope| question(requester, action, *scope));
        let questions: Vec<_> = questions.map(|q| (digest(&q), q)).collect();
        let mut known: HashMap<_, _> = questions
            .iter()
            .filter_map(|(key, _)| Some((*key, self.answers.get(key, now)?)))
            .collect();
        let open: HashMap<_, _> = questions
            .iter()
            .filter(|(key, _)| !known.contains_key(key))
            .map(|(key, question)| (*key, question.clone()))
            .collect();
        let (keys, open): (Vec<_>, Vec<_>) = open.into_iter().unzip();
        for (key, allowed) in keys.into_iter().zip(self.function.ask_all(&open).await?) {
            if action != Action::Download {
                self.answers.keep(key, allowed, now);
            }
            known.insert(key, allowed);
        }
        Ok(questions.iter().map(|(key, _)| known[key]).collect())
    }

    /// Removes the cached answer to a question.
    pub(super) fn forget(&self, requester: &Requester, action: Action, scope: Scope<'_>) {
        self.answers
            .forget(&digest(&question(requester, action, scope)));
    }
}

fn question(requester: &Requester, action: Action, scope: Scope<'_>) -> Question {
    Question::new(&requester.caller.sub, &requester.claims, action, scope)
}

fn digest(question: &Question) -> [u8; 32] {
    Sha256::digest(question.to_json()).into()
}

/// The cached answers by the digest of the whole question, which includes the claims.
///
/// Uses the wall clock, since a monotonic clock may stop while Lambda has frozen the process.
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
        if kept.len() >= MAX_ANSWERS {
            kept.retain(|_, (at, _)| is_fresh(*at, now));
        }
        if kept.len() >= MAX_ANSWERS {
            tracing::warn!(
                answers = MAX_ANSWERS,
                "cache of permissions is full and was cleared"
            );
            kept.clear();
        }
        kept.insert(key, (now, allowed));
    }

    fn forget(&self, key: &[u8; 32]) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.remove(key);
    }
}

/// Whether an answer of the time `at` is still valid. A time in the future comes from a clock that was corrected since,
/// and is not.
fn is_fresh(at: Timestamp, now: Timestamp) -> bool {
    (SignedDuration::ZERO..VALIDITY).contains(&now.duration_since(at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_valid_for_30_seconds() {
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
    fn the_number_of_cached_answers_is_limited() {
        let now: Timestamp = "2026-11-21T12:00:00Z".parse().unwrap();
        let answers = Answers::default();
        let key = |number: usize| Sha256::digest(number.to_string()).into();
        for number in 0..MAX_ANSWERS {
            answers.keep(
                key(number),
                true,
                now + SignedDuration::from_millis(number as i64 / 1000),
            );
        }
        // Expired answers are removed first; if none is expired, all are.
        answers.keep([0; 32], true, now + VALIDITY);
        assert_eq!(answers.get(&key(999), now), None);
        assert_eq!(
            answers.get(&key(MAX_ANSWERS - 1), now + VALIDITY),
            Some(true)
        );
        for number in 0..MAX_ANSWERS {
            answers.keep(key(number), true, now + VALIDITY);
        }
        assert!(answers.0.lock().unwrap().len() <= MAX_ANSWERS);
        assert_eq!(
            answers.get(&key(MAX_ANSWERS - 1), now + VALIDITY),
            Some(true)
        );
    }
}
