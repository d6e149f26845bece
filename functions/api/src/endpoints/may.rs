//! What the requester may do with an export.

use serde::Serialize;
use utoipa::ToSchema;
use waybill::access_rules::Action;
use waybill::export::Export;

use crate::permissions::Permissions;
use crate::requester::Requester;

/// What the token may do with the export, whatever its status, as advice of at most 30 s ago: so that nobody is offered what
/// would be refused. Each action decides anew.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct May {
    /// Download the file.
    download: bool,
    /// Cancel the export.
    cancel: bool,
    /// Delete the file before it expires.
    delete: bool,
}

impl May {
    /// What the requester may do with each of these exports, in their order; nothing where that cannot be told, since advice
    /// is no reason for an error.
    pub(crate) async fn each(
        permissions: &Permissions,
        requester: &Requester,
        exports: &[Export],
    ) -> Vec<Self> {
        let caller = &requester.caller;
        let actions = exports.iter().flat_map(|export| {
            let actions = [
                Action::Download,
                caller.cancel_action(export),
                caller.delete_action(export),
            ];
            actions.map(|action| (action, export.into()))
        });
        let actions: Vec<_> = actions.collect();
        let allowed = match permissions.allow_each(requester, &actions).await {
            Ok(allowed) => allowed,
            Err(error) => {
                tracing::warn!(%error, "what a token may do is not known");
                return vec![Self::default(); exports.len()];
            }
        };
        let (allowed, _) = allowed.as_chunks();
        let may = allowed.iter().map(|[download, cancel, delete]| Self {
            download: *download,
            cancel: *cancel,
            delete: *delete,
        });
        may.collect()
    }

    /// What the requester may do with an export.
    pub(crate) async fn of(
        permissions: &Permissions,
        requester: &Requester,
        export: &Export,
    ) -> Self {
        let each = Self::each(permissions, requester, std::slice::from_ref(export)).await;
        each.first().copied().unwrap_or_default()
    }
}
