//! What a request may do, decided in this one place: by the token's grants or, for parents, by the host's function.

mod cache;

use waybill::access::{Action, Scope};
use waybill::clock::Clock;
use waybill::grants_function::GrantsFunction;

use self::cache::CachedGrantsFunction;
use crate::http::caller::Requester;
use crate::http::error::ApiError;

/// Decides what requesters may do.
pub(crate) struct Permissions {
    /// Where permissions are not the token's, but the host's.
    function: Option<CachedGrantsFunction>,
    clock: Clock,
}

impl Permissions {
    /// Permissions by `function`, or by the token's grants where there is none. `clock` shows the present.
    pub(crate) fn new(function: Option<GrantsFunction>, clock: Clock) -> Self {
        Self {
            function: function.map(CachedGrantsFunction::from),
            clock,
        }
    }

    /// Whether the host's function decides, and the token's grants say nothing for sure.
    pub(crate) fn are_the_hosts(&self) -> bool {
        self.function.is_some()
    }

    /// Whether they may do this. A host's function may have said so a little while ago, but for downloads.
    ///
    /// # Errors
    /// Where there is a host's function, and it does not say.
    pub(crate) async fn allow(
        &self,
        requester: &Requester,
        action: Action,
        scope: impl Into<Scope<'_>>,
    ) -> Result<bool, ApiError> {
        let grants = &requester.caller.grants;
        if grants.allow_everywhere(action) {
            return Ok(true);
        }
        let scope = scope.into();
        match &self.function {
            None => Ok(grants.allow_within(action, scope)),
            Some(function) => {
                let now = self.clock.now();
                Ok(function.allows(requester, action, scope, now).await?)
            }
        }
    }

    /// Lets a request go on that they may make.
    ///
    /// # Errors
    /// 403 with `otherwise` where they may not, but see that the parent has exports; 404 where they may not even that.
    /// Else as [`Permissions::allow`].
    pub(crate) async fn require(
        &self,
        requester: &Requester,
        action: Action,
        scope: impl Into<Scope<'_>>,
        otherwise: &'static str,
    ) -> Result<(), ApiError> {
        let scope = scope.into();
        if self.allow(requester, action, scope).await? {
            return Ok(());
        }
        Err(match self.allow(requester, Action::List, scope).await? {
            true => ApiError::Forbidden(otherwise),
            false => ApiError::NotFound,
        })
    }

    /// Whether they may do this at this very moment.
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
