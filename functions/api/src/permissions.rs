//! Decides what a request may do: by the token's grants, whose rules are in `waybill::access_rules`, or by the host's
//! grants function. No other module of the API decides it.

mod cache;

use waybill::access_rules::{Action, Credential, Scope};
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

    /// Whether the requester may do `action`. An answer of the grants function may come from the cache, except for
    /// downloads.
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

    /// As [`Permissions::allow`] for each of the scopes, in their order. The grants function is asked once for a hundred of
    /// them.
    ///
    /// # Errors
    /// As [`Permissions::allow`].
    pub(crate) async fn allow_each(
        &self,
        requester: &Requester,
        action: Action,
        scopes: &[Scope<'_>],
    ) -> Result<Vec<bool>, ApiError> {
        let caller = &requester.caller;
        if caller.grants.allow_everywhere(action) {
            return Ok(vec![true; scopes.len()]);
        }
        let granted = scopes
            .iter()
            .map(|scope| caller.grants.allow_within(action, *scope));
        let granted: Vec<bool> = granted.collect();
        let (Some(function), Credential::Token | Credential::Session) =
            (&self.function, caller.credential)
        else {
            return Ok(granted);
        };
        let now = self.clock.now();
        let mut allowed = function.allows_each(requester, action, scopes, now).await?;
        if caller.credential == Credential::Session {
            for (allowed, granted) in allowed.iter_mut().zip(granted) {
                *allowed &= granted;
            }
        }
        Ok(allowed)
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
