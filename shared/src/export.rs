//! An export: one request for one file, and what became of it.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::catalog::Definitions;
use crate::file::Format;
use crate::file::{Profile, Warning};
use crate::parent::Parent;

/// The identity of an export: a time-ordered integer below 2^53, so that JavaScript's numbers hold it exactly.
///
/// The upper bits are the milliseconds since [`ExportId::EPOCH`], the lower 12 are random.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u64", into = "u64")]
pub struct ExportId(u64);

impl ExportId {
    /// 2025-01-01T00:00:00Z in milliseconds since the Unix epoch; 41 bits from here reach the year 2094.
    const EPOCH: i64 = 1_735_689_600_000;
    const RANDOM_BITS: u32 = 12;
    const END: u64 = 1 << 53;

    /// The id of an export requested at `now`; `random` tells apart those of one millisecond.
    pub fn new(now: Timestamp, random: u64) -> Self {
        let milliseconds = (now.as_millisecond() - Self::EPOCH).max(0) as u64;
        let id = milliseconds << Self::RANDOM_BITS | random & ((1 << Self::RANDOM_BITS) - 1);
        Self(id.min(Self::END - 1))
    }

    /// The id as an integer.
    pub fn get(self) -> u64 {
        self.0
    }
}

/// A text or number that is no export's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an export's id is an integer from 1 to 2^53 - 1")]
pub struct InvalidExportId;

impl TryFrom<u64> for ExportId {
    type Error = InvalidExportId;

    fn try_from(id: u64) -> Result<Self, InvalidExportId> {
        if (1..Self::END).contains(&id) {
            Ok(Self(id))
        } else {
            Err(InvalidExportId)
        }
    }
}

impl From<ExportId> for u64 {
    fn from(id: ExportId) -> u64 {
        id.0
    }
}

impl FromStr for ExportId {
    type Err = InvalidExportId;

    /// Accepts digits alone, in their one shortest form: `+1`, `01` and ` 1` are no ids.
    fn from_str(text: &str) -> Result<Self, InvalidExportId> {
        let id = text.parse::<u64>().map_err(|_| InvalidExportId)?;
        if id.to_string() != text {
            return Err(InvalidExportId);
        }
        Self::try_from(id)
    }
}

impl fmt::Display for ExportId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Where an export is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Requested, not yet begun.
    Waiting,
    /// A worker has begun to make the file.
    Processing,
    /// The file is whole and may be downloaded.
    Succeeded,
    /// The file could not be made; `failure` says why.
    Failed,
    /// Somebody stopped it.
    Canceled,
    /// It had succeeded, and its file's time is over.
    Expired,
}

impl Status {
    /// Every status, in the order of a life.
    pub const ALL: [Self; 6] = [
        Self::Waiting,
        Self::Processing,
        Self::Succeeded,
        Self::Failed,
        Self::Canceled,
        Self::Expired,
    ];

    /// Whether no file will be made any more: nothing but expiry follows.
    pub fn is_final(self) -> bool {
        !matches!(self, Self::Waiting | Self::Processing)
    }

    /// Whether an export may go from this status to `next`.
    pub fn may_become(self, next: Self) -> bool {
        match self {
            Self::Waiting => matches!(next, Self::Processing | Self::Failed | Self::Canceled),
            Self::Processing => matches!(next, Self::Succeeded | Self::Failed | Self::Canceled),
            Self::Succeeded => next == Self::Expired,
            Self::Failed | Self::Canceled | Self::Expired => false,
        }
    }

    /// The word for it in the API and the tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Processing => "processing",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
            Self::Expired => "expired",
        }
    }

    /// The status of this name; British `cancelled` is understood too.
    pub fn parse(text: &str) -> Option<Self> {
        if text == "cancelled" {
            return Some(Self::Canceled);
        }
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }
}

/// A person: the recipient of an export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// The `sub` of the person's tokens.
    pub id: String,
    /// The name to address them by, where their token has one.
    pub name: Option<String>,
    /// Where the mail goes; without it, there is none.
    pub email: Option<String>,
    /// Whether the address is known to be theirs: the token's claim said so, or a host's backend gave it. A file is
    /// attached to a mail only then.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub email_verified: bool,
}

/// Why there is no file, in words for the person who asked for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(utoipa::ToSchema))]
pub struct Failure {
    /// A stable word for programs, such as `not_started`.
    pub code: String,
    /// A sentence that says what happened and what to do.
    pub message: String,
    /// Whether the same request may succeed when made again.
    pub retryable: bool,
}

/// What shows that a file is complete.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(utoipa::ToSchema))]
pub struct Receipt {
    /// Records that were read.
    // Where a worker went on at a record that had been deleted meanwhile, those of its page that the table had left out
    // before it are not known any more, and not counted.
    pub read: u64,
    /// Records that the filters and the search let through.
    pub matched: u64,
    /// Rows in the file, without the header.
    pub written: u64,
    /// Records that came at or after this instant are not in the file.
    pub as_of: Timestamp,
    /// How the records were read.
    pub consistency: String,
    /// The digest of the type's entry that the file was made by.
    #[serde(default)]
    pub entry: String,
    /// SHA-256 of the whole file, in lower-case hexadecimal digits.
    #[cfg_attr(feature = "schemas", schema(pattern = "^[0-9a-f]{64}$"))]
    pub sha256: String,
    /// Beginnings, less those that only went on at a planned continuation.
    pub attempts: u32,
    /// Invocations of the worker.
    pub invocations: u32,
    /// From the first worker's start to the file's completion.
    #[cfg_attr(feature = "schemas", schema(minimum = 0))]
    pub seconds: f64,
    /// DynamoDB read units that reading the records used.
    #[cfg_attr(feature = "schemas", schema(minimum = 0))]
    pub read_units: f64,
    /// What the export cost at AWS's list prices, about, in US dollars.
    #[cfg_attr(feature = "schemas", schema(minimum = 0))]
    pub estimated_cost_usd: f64,
}

/// The complete file of an export.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExportedFile {
    /// The key of the one object that counts.
    pub object: String,
    /// Rows, the header not counted.
    pub rows: u64,
    /// Bytes.
    pub size: u64,
    /// What shows that it is complete.
    pub receipt: Receipt,
}

/// What became of the mail: `failed` was never sent, `refused` was sent, but not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Mail {
    /// A final state was reached; the mail is still to be sent.
    Pending,
    /// The mail service took it.
    Sent,
    /// It could not be sent at all: there is no address, or the mail service refused it at once and for good.
    Failed,
    /// The mail service took it, and learned later that it does not get through: it bounced, the mail service held it
    /// back, or the person marked it as spam.
    Refused,
}

/// A request for a file, before it is stored: what becomes an [`Export`] once it has an id and a link.
#[derive(Debug, Clone, PartialEq)]
pub struct NewExport {
    /// The catalog's name of what is exported.
    pub type_name: String,
    /// The kind of file.
    pub format: Format,
    /// What the records belong to.
    pub parent: Parent,
    /// The organization of the parent at the request.
    pub organization_id: Option<String>,
    /// The recipient.
    pub user: User,
    /// The `sub` of the token that asked.
    pub requested_by: String,
    /// The filters in the contract's form, relative dates pinned to instants; null where there are none.
    pub filters: serde_json::Value,
    /// The searched text.
    pub search: Option<String>,
    /// The file's columns, by key, in order.
    pub columns: Vec<String>,
    /// The digest of the type's entry.
    pub entry: String,
    /// The parent's own columns.
    pub definitions: Definitions,
    /// Whom the file is for.
    pub profile: Profile,
    /// The IANA name of the zone in which timestamps are written.
    pub time_zone: String,
    /// What the downloaded file is called.
    pub file_name: String,
    /// When it was requested.
    pub created_at: Timestamp,
}

impl NewExport {
    /// The export under this id, whose link has this UUID; it is waiting.
    pub fn stored(self, id: ExportId, download: Uuid) -> Export {
        Export {
            id,
            type_name: self.type_name,
            format: self.format,
            status: Status::Waiting,
            parent: self.parent,
            organization_id: self.organization_id,
            user: self.user,
            requested_by: self.requested_by,
            filters: self.filters,
            search: self.search,
            columns: self.columns,
            entry: self.entry,
            definitions: self.definitions,
            profile: self.profile,
            time_zone: self.time_zone,
            file_name: self.file_name,
            download,
            created_at: self.created_at,
            started_at: None,
            completed_at: None,
            ended_at: None,
            expires_at: None,
            file: None,
            warnings: Vec::new(),
            failure: None,
            mail: None,
        }
    }
}

/// One request for one file, and what became of it: an item of the table `exports`.
///
/// It changes only with its status, and when its mail is settled; what moves in between is its work.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Export {
    /// Its identity, in the order of requests.
    pub id: ExportId,
    /// The catalog's name of what is exported.
    #[serde(rename = "type")]
    pub type_name: String,
    /// The kind of file.
    pub format: Format,
    /// Where it is in its life; read it through [`Export::status_at`].
    pub status: Status,
    /// What the records belong to.
    pub parent: Parent,
    /// The organization of the parent when the export was requested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization_id: Option<String>,
    /// The recipient.
    pub user: User,
    /// The `sub` of the token that asked: the recipient's own, or a service's that names them.
    pub requested_by: String,
    /// The filters in the contract's form, relative dates pinned to instants; null where there are none.
    #[serde(default)]
    pub filters: serde_json::Value,
    /// The searched text.
    #[serde(default)]
    pub search: Option<String>,
    /// The file's columns, by key, in order.
    pub columns: Vec<String>,
    /// The digest of the type's entry at the request: see [`crate::entry::Entry`]. The file is made by that.
    pub entry: String,
    /// The parent's own columns as they were defined at the request.
    #[serde(default, skip_serializing_if = "Definitions::is_empty")]
    pub definitions: Definitions,
    /// Whom the file is for.
    pub profile: Profile,
    /// The IANA name of the zone in which timestamps are written.
    pub time_zone: String,
    /// What the downloaded file is called.
    pub file_name: String,
    /// Names the file in its link; it cannot be guessed, and it opens nothing without a grant.
    pub download: Uuid,
    /// When it was requested, and the bound that later records lie beyond.
    pub created_at: Timestamp,
    /// When a worker first began.
    #[serde(default)]
    pub started_at: Option<Timestamp>,
    /// When the file was complete.
    #[serde(default)]
    pub completed_at: Option<Timestamp>,
    /// When it succeeded, failed or was canceled.
    #[serde(default)]
    pub ended_at: Option<Timestamp>,
    /// When the file's time is over; null until it has succeeded.
    #[serde(default)]
    pub expires_at: Option<Timestamp>,
    /// The complete file, also once its time is over; only of an export that has succeeded.
    #[serde(flatten)]
    pub file: Option<ExportedFile>,
    /// What could not be written as it was.
    #[serde(default)]
    pub warnings: Vec<Warning>,
    /// Why it failed.
    #[serde(default)]
    pub failure: Option<Failure>,
    /// Whether the person has been told; null until a final state.
    #[serde(default)]
    pub mail: Option<Mail>,
}

impl Export {
    /// The status at `now`: a succeeded export past `expires_at` reads as expired even before the sweeper has come.
    pub fn status_at(&self, now: Timestamp) -> Status {
        match (self.status, self.expires_at) {
            (Status::Succeeded, Some(end)) if end <= now => Status::Expired,
            (status, _) => status,
        }
    }
}

#[cfg(test)]
mod tests;
