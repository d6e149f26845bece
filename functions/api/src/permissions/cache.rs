//! Caches the answers of the host's grants function for 30 s. What cannot be undone, such as a download, is asked anew each time.

use std::collections::{HashMap, HashSet};

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
    /// The function's decision, at most 30 s old; a new one where the action needs that.
    pub(super) async fn decide(
        &self,
        requester: &Requester,
        action: Action,
        scope: Scope<'_>,
        now: Timestamp,
    ) -> Result<Decision, GrantsFunctionError> {
        let question = question(requester, action, scope);
        let key = digest(&question);
        let kept = self.answers.get(&key, now);
        if let Some(decision) = kept.filter(|_| !action.is_decided_anew()) {
            return Ok(decision);
        }
        let decision = self.function.ask(&question).await?;
        self.answers.keep(key, decision.clone(), now);
        Ok(decision)
    }

    /// Whether the function allows each of the actions on its scope, in their order, as advice: at most 30 s old. Questions
    /// without a cached answer are asked together.
    pub(super) async fn allows_each(
        &self,
        requester: &Requester,
        actions: &[(Action, Scope<'_>)],
        now: Timestamp,
    ) -> Result<Vec<bool>, GrantsFunctionError> {
        let questions = actions
            .iter()
            .map(|(action, scope)| question(requester, *action, *scope));
        let questions: Vec<_> = questions.map(|q| (digest(&q), q)).collect();
        let mut known: HashMap<_, _> = questions
            .iter()
            .filter_map(|(key, _)| Some((*key, self.answers.get(key, now)?.allowed)))
            .collect();
        let mut met: HashSet<_> = known.keys().copied().collect();
        let open = questions.iter().filter(|(key, _)| met.insert(*key));
        let (keys, open): (Vec<_>, Vec<_>) = open.cloned().unzip();
        for (key, decision) in keys.into_iter().zip(self.function.ask_all(&open).await?) {
            known.insert(key, decision.allowed);
            self.answers.keep(key, decision, now);
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
