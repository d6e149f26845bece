//! Decides what a request may do: by the token's grants, whose rules are in `waybill::access_rules`, or by the host's
//! grants function. No other module of the API decides it.

mod cache;

use waybill::access_rules::{Action, Caller, Credential, Scope};
use waybill::clock::Clock;
use waybill::grants_function::{Decision, GrantsFunction, HostUser};

use self::cache::CachedGrantsFunction;
use crate::http::error::ApiError;
use crate::requester::Requester;

/// Decides what requesters may do.
pub(crate) struct Permissions {
    /// The host's grants function, if configured. It then replaces the token's grants for parents.
    function: Option<CachedGrantsFunction>,
    clock: Clock,
}

impl Permissions {
    /// Permissions by `function`, or by the token's grants without one. `clock` returns the current time.
    pub(crate) fn new(function: Option<GrantsFunction>, clock: Clock) -> Self {
        Self {
            function: function.map(CachedGrantsFunction::from),
            clock,
        }
    }

    /// Whether the host's grants function decides instead of the token's grants.
    pub(crate) fn are_by_function(&self) -> bool {
        self.function.is_some()
    }

    /// Whether the requester may do `action`. An answer of the grants function may come from the cache, except where
    /// [`Action::is_decided_anew`].
    ///
    /// # Errors
    /// When the grants function does not answer.
    pub(crate) async fn allow(
        &self,
        requester: &Requester,
        action: Action,
        scope: impl Into<Scope<'_>>,
    ) -> Result<bool, ApiError> {
        let decision = self.decide(requester, action, scope.into()).await?;
        Ok(decision.allowed)
    }

    async fn decide(
        &self,
        requester: &Requester,
        action: Action,
        scope: Scope<'_>,
    ) -> Result<Decision, ApiError> {
        let by_grants = |allowed| {
            Ok(Decision {
                allowed,
                user: HostUser::default(),
            })
        };
        let grants = &requester.caller.grants;
        if grants.allow_everywhere(action) {
            return by_grants(true);
        }
        let is_granted = grants.allow_within(action, scope);
        match (&self.function, requester.caller.credential) {
            (None, _) | (_, Credential::ApiKey) => by_grants(is_granted),
            (Some(_), Credential::Session) if !is_granted => by_grants(false),
            (Some(function), _) => {
                let now = self.clock.now();
                Ok(function.decide(requester, action, scope, now).await?)
            }
        }
    }

    /// As [`Permissions::allow`] for each of these actions, in their order, as advice: no answer is asked for anew. The grants
    /// function is asked once for a hundred of them.
    ///
    /// # Errors
    /// As [`Permissions::allow`].
    pub(crate) async fn allow_each(
        &self,
        requester: &Requester,
        actions: &[(Action, Scope<'_>)],
    ) -> Result<Vec<bool>, ApiError> {
        let Caller {
            grants, credential, ..
        } = &requester.caller;
        let by_grants = |(action, scope): &(Action, Scope<'_>)| {
            grants.allow_everywhere(*action) || grants.allow_within(*action, *scope)
        };
        let function = match (&self.function, credential) {
            (Some(function), Credential::Token | Credential::Session) => function,
            _ => return Ok(actions.iter().map(by_grants).collect()),
        };
        let is_asked = |(action, scope): &&(Action, Scope<'_>)| {
            let is_granted = grants.allow_within(*action, *scope);
            !grants.allow_everywhere(*action) && (*credential == Credential::Token || is_granted)
        };
        let asked: Vec<_> = actions.iter().filter(is_asked).copied().collect();
        let now = self.clock.now();
        let answers = function.allows_each(requester, &asked, now).await?;
        let mut answers = answers.into_iter();
        let allowed = actions.iter().map(|action| match is_asked(&action) {
            true => answers.next() == Some(true),
            false => grants.allow_everywhere(action.0),
        });
        Ok(allowed.collect())
    }

    /// Requires that the requester may do `action`. Returns what the host's function says of the person.
    ///
    /// # Errors
    /// 403 with the detail `otherwise` if they may not, but may list the parent's exports; 404 if they may not list
    /// them. Also as [`Permissions::allow`].
    pub(crate) async fn require(
        &self,
        requester: &Requester,
        action: Action,
        scope: impl Into<Scope<'_>>,
        otherwise: &'static str,
    ) -> Result<HostUser, ApiError> {
        let scope = scope.into();
        let decision = self.decide(requester, action, scope).await?;
        if decision.allowed {
            return Ok(decision.user);
        }
        Err(match self.allow(requester, Action::List, scope).await? {
            true => ApiError::Forbidden(otherwise.into()),
            false => ApiError::NotFound,
        })
    }

    /// As [`Permissions::allow`], without the cache.
    ///
    /// # Errors
    /// As [`Permissions::allow`].
    pub(crate) async fn allow_now(
        &self,
        requester: &Requester,
        action: Action,
        scope: impl Into<Scope<'_>>,
    ) -> Result<bool, ApiError> {
        let scope = scope.into();
        if let Some(function) = &self.function {
            function.forget(requester, action, scope);
        }
        self.allow(requester, action, scope).await
    }
}
