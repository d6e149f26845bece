//! The history of an export: who did what, when, from where.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::export::{Deleter, Export, ExportId};
use crate::parent::Parent;
use crate::person::Person;

/// What happened.
// In the order of an export's life: it orders events of the same millisecond in a history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// The export was requested.
    Requested,
    /// The first worker began.
    Started,
    /// A later worker continued the export.
    Resumed,
    /// The file is complete.
    Succeeded,
    /// The file could not be made.
    Failed,
    /// The export was canceled.
    Canceled,
    /// The mail service accepted the mail.
    Mailed,
    /// The mail was permanently refused, at once or after the mail service had accepted it.
    MailFailed,
    /// The file was downloaded.
    Downloaded,
    /// A download was refused.
    Refused,
    /// The file expired; or a person deleted it before that, who is the event's actor.
    Expired,
    /// The file is gone. The actor is the person who deleted it, if one did.
    Deleted,
}

/// The person or service that caused an event.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// The token's `sub`.
    pub id: String,
    /// The token's issuer; see [`crate::person::Person`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// The person's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The user that a service acted for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_behalf_of: Option<String>,
    /// The network address of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
}

impl From<Deleter> for Actor {
    fn from(deleter: Deleter) -> Self {
        Self {
            id: deleter.id,
            issuer: deleter.issuer,
            name: deleter.name,
            ..Self::default()
        }
    }
}

impl Actor {
    /// Who it was.
    pub fn person(&self) -> Person<'_> {
        Person {
            issuer: self.issuer.as_deref(),
            id: &self.id,
        }
    }
}

/// One event of an export's history: an item of the table `events`. Events outlive the file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// The export.
    pub export_id: ExportId,
    /// The export's parent.
    pub parent: Parent,
    /// What happened.
    #[serde(rename = "what")]
    pub kind: EventKind,
    /// When.
    pub at: Timestamp,
    /// Who caused the event; null for Waybill itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub who: Option<Actor>,
    /// Details, such as a failure's code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

impl Event {
    /// An event of `export` that Waybill itself caused.
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

    /// The event with its actor.
    pub fn by(mut self, who: Actor) -> Self {
        self.who = Some(who);
        self
    }

    /// The event with details.
    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }
}
