//! The history of an export: who did what, when, from where.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::export::{Export, ExportId};
use crate::parent::Parent;

/// What happened.
// In the order of a life, which histories keep where two events are of one millisecond.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// The export was asked for.
    Requested,
    /// A worker began.
    Started,
    /// Another worker went on.
    Resumed,
    /// The file is complete.
    Succeeded,
    /// The file could not be made.
    Failed,
    /// Somebody stopped it.
    Canceled,
    /// The mail service took the mail.
    Mailed,
    /// The mail was refused for good: at once, or after the mail service had taken it.
    MailFailed,
    /// Somebody took the file.
    Downloaded,
    /// Somebody asked for the file and was not let in.
    Refused,
    /// The file's time was over.
    Expired,
    /// The file was removed.
    Deleted,
}

/// Who did it, where a person did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// The token's `sub`.
    pub id: String,
    /// The person's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The person that a service acted for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_behalf_of: Option<String>,
    /// The network address that the request came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
}

/// One entry of a history: an item of the table `events`. It outlives the file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Whose history this is.
    pub export_id: ExportId,
    /// What the export's records belong to.
    pub parent: Parent,
    /// What happened.
    #[serde(rename = "what")]
    pub kind: EventKind,
    /// When.
    pub at: Timestamp,
    /// Who did it; null for Waybill itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub who: Option<Actor>,
    /// What else there is to say, such as a failure's code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

impl Event {
    /// An event of `export` that Waybill itself brought about.
    pub fn new(export: &Export, kind: EventKind, at: Timestamp) -> Self {
        Self {
            export_id: export.id,
            parent: export.parent.clone(),
            kind,
            at,
            who: None,
            detail: None,
        }
    }

    /// The same, with the person who brought it about.
    pub fn by(mut self, who: Actor) -> Self {
        self.who = Some(who);
        self
    }

    /// The same, with something to say.
    pub fn saying(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }
}
