//! What a request may do, decided in this one place: by the token's grants or, for parents, by the host's function.

use waybill::access::{Action, Scope};

use crate::app::App;
use crate::caller::Requester;
use crate::error::ApiError;

impl Requester {
    /// Whether they may do this. A host's function may have said so a little while ago, but for downloads.
    ///
    /// # Errors
    /// Where there is a host's function, and it does not say.
    pub(crate) async fn may(
        &self,
        app: &App,
        action: Action,
        scope: impl Into<Scope<'_>>,
    ) -> Result<bool, ApiError> {
        if self.caller.grants.allow_everywhere(action) {
            return Ok(true);
        }
        let scope = scope.into();
        match &app.grants_function {
            None => Ok(self.caller.grants.allow_within(action, scope)),
            Some(function) => Ok(function.allows(self, action, scope, app.now()).await?),
        }
    }

    /// Whether they may do this at this very moment.
    ///
    /// # Errors
    /// As [`Requester::may`].
    pub(crate) async fn may_now(
        &self,
        app: &App,
        action: Action,
        scope: impl Into<Scope<'_>>,
    ) -> Result<bool, ApiError> {
        let scope = scope.into();
        if let Some(function) = &app.grants_function {
            function.forget(self, action, scope);
        }
        self.may(app, action, scope).await
    }
}
