//! Caches the answers of the host's grants function for 30 s, except those about downloads.

use std::collections::HashMap;

use jiff::Timestamp;
use sha2::{Digest, Sha256};
use waybill::access_rules::{Action, Scope};
use waybill::grants_function::{Decision, GrantsFunction, GrantsFunctionError, Question};

use crate::requester::Requester;
use crate::short_cache::ShortCache;

/// The host's grants function with a cache.
pub(super) struct CachedGrantsFunction {
    function: GrantsFunction,
    /// By the digest of the whole question, which includes the claims.
    answers: ShortCache<Decision>,
}

impl From<GrantsFunction> for CachedGrantsFunction {
    fn from(function: GrantsFunction) -> Self {
        Self {
            function,
            answers: ShortCache::default(),
        }
    }
}

impl CachedGrantsFunction {
    /// The function's decision, at most 30 s old. Downloads are never cached.
    pub(super) async fn decide(
        &self,
        requester: &Requester,
        action: Action,
        scope: Scope<'_>,
        now: Timestamp,
    ) -> Result<Decision, GrantsFunctionError> {
        let question = question(requester, action, scope);
        let key = digest(&question);
        if let Some(decision) = self.answers.get(&key, now) {
            return Ok(decision);
        }
        let decision = self.function.ask(&question).await?;
        if action != Action::Download {
            self.answers.keep(key, decision.clone(), now);
        }
        Ok(decision)
    }

    /// Whether the function allows the action on each of the scopes, in their order; questions without a cached answer are
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
            .filter_map(|(key, _)| Some((*key, self.answers.get(key, now)?.allowed)))
            .collect();
        let open: HashMap<_, _> = questions
            .iter()
            .filter(|(key, _)| !known.contains_key(key))
            .map(|(key, question)| (*key, question.clone()))
            .collect();
        let (keys, open): (Vec<_>, Vec<_>) = open.into_iter().unzip();
        for (key, decision) in keys.into_iter().zip(self.function.ask_all(&open).await?) {
            known.insert(key, decision.allowed);
            if action != Action::Download {
                self.answers.keep(key, decision, now);
            }
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
