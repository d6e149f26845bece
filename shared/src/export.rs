//! An export: one request for one file, and its state.

mod failure;

pub use failure::Failure;

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};
use uuid::Uuid;

use crate::catalog::Definitions;
use crate::file::Format;
use crate::file::{Headers, Profile, RowOrder, Warning};
use crate::parent::Parent;
use crate::parent::StoredKinds;
use crate::person::Person;

/// The identity of an export: a time-ordered integer below 2^53, so that JavaScript's numbers hold it exactly.
///
/// The upper 41 bits are milliseconds since [`ExportId::EPOCH`], the lower 12 are random.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u64", into = "u64")]
pub struct ExportId(u64);

impl ExportId {
    /// 2025-01-01T00:00:00Z in milliseconds since the Unix epoch; 41 bits of milliseconds reach the year 2094.
    const EPOCH: i64 = 1_735_689_600_000;
    const RANDOM_BITS: u32 = 12;
    /// Above every id.
    pub(crate) const END: u64 = 1 << 53;

    /// The id of an export requested at `now`. The low bits of `random` distinguish ids of the same millisecond.
    pub fn new(now: Timestamp, random: u64) -> Self {
        let milliseconds = (now.as_millisecond() - Self::EPOCH).max(0) as u64;
        let id = milliseconds << Self::RANDOM_BITS | random & ((1 << Self::RANDOM_BITS) - 1);
        Self(id.min(Self::END - 1))
    }

    /// The first id of exports that are requested in the millisecond of `instant`.
    pub fn first_at(instant: Timestamp) -> Self {
        Self(Self::new(instant, 0).0.max(1))
    }

    /// The id as an integer.
    pub fn get(self) -> u64 {
        self.0
    }
}

/// A text or number that is not a valid export id.
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

    /// Accepts only digits without a leading zero: `+1`, `01` and ` 1` are refused.
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

/// The status of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Requested; no worker has begun.
    Waiting,
    /// A worker has begun to build the file.
    Processing,
    /// The file is complete and can be downloaded.
    Succeeded,
    /// The file could not be built; `failure` has the reason.
    Failed,
    /// A user canceled the export.
    Canceled,
    /// The export succeeded, and its file has expired.
    Expired,
}

impl Status {
    /// Every status, in the order of an export's life.
    pub const ALL: [Self; 6] = [
        Self::Waiting,
        Self::Processing,
        Self::Succeeded,
        Self::Failed,
        Self::Canceled,
        Self::Expired,
    ];

    /// Whether the status is final: only `Succeeded` can still change, to `Expired`.
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

    /// The status's name in the API and the tables.
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

    /// Parses a name; the British `cancelled` is accepted too.
    pub fn parse(text: &str) -> Option<Self> {
        if text == "cancelled" {
            return Some(Self::Canceled);
        }
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }
}

/// The user that receives an export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// The `sub` of the person's tokens.
    pub id: String,
    /// The issuer of the person's tokens; see [`Person`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// The user's name, if their token has one.
    pub name: Option<String>,
    /// The address for the mail; without one, no mail is sent.
    pub email: Option<String>,
    /// Whether the address is verified: by the token's claim, or because a backend of the host set it. Only then can a
    /// mail have the file attached.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub email_verified: bool,
}

impl User {
    /// Who the user is.
    pub fn person(&self) -> Person<'_> {
        Person {
            issuer: self.issuer.as_deref(),
            id: &self.id,
        }
    }
}

/// The receipt: evidence that a file is complete.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(utoipa::ToSchema))]
pub struct Receipt {
    /// Records that were read.
    // Not exact in one case: where a worker resumed at a record that had been deleted meanwhile, records of its page
    // that the table's filter had left out before it are not counted.
    pub read: u64,
    /// Records that passed the filters and the search.
    pub matched: u64,
    /// Rows in the file, without the header.
    pub written: u64,
    /// The instant of the request. Records created at or after it are not in the file.
    pub as_of: Timestamp,
    /// The read consistency of the records.
    pub consistency: String,
    /// The digest of the type's entry that the export used.
    #[serde(default)]
    pub entry: String,
    /// SHA-256 of the whole file, in lower-case hexadecimal digits.
    #[cfg_attr(feature = "schemas", schema(pattern = "^[0-9a-f]{64}$"))]
    pub sha256: String,
    /// Claims of the export by workers, without planned continuations.
    pub attempts: u32,
    /// Invocations of `generate` that worked on the export.
    pub invocations: u32,
    /// Seconds from the first worker's start to the file's completion.
    #[cfg_attr(feature = "schemas", schema(minimum = 0))]
    pub seconds: f64,
    /// DynamoDB read units used to read the records.
    #[cfg_attr(feature = "schemas", schema(minimum = 0))]
    pub read_units: f64,
    /// The approximate cost of the export in US dollars, at AWS's list prices.
    #[cfg_attr(feature = "schemas", schema(minimum = 0))]
    pub estimated_cost_usd: f64,
}

/// The complete file of an export.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExportedFile {
    /// The key of the file's object in the bucket.
    pub object: String,
    /// Rows without the header.
    pub rows: u64,
    /// The length in bytes.
    pub size: u64,
    /// The receipt.
    pub receipt: Receipt,
}

/// The state of the mail. `failed`: it was never sent. `refused`: it was sent, but not delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Mail {
    /// The export is final; the mail is still to be sent.
    Pending,
    /// The mail service accepted the mail.
    Sent,
    /// The mail could not be sent: there is no address, or the mail service permanently refused it.
    Failed,
    /// The mail service accepted the mail, and reported later that it was not delivered: it bounced, the service
    /// suppressed it, or the recipient marked it as spam.
    Refused,
}

/// A request for an export before it is stored. With an id and a download UUID it becomes an [`Export`].
#[derive(Debug, Clone, PartialEq)]
pub struct NewExport {
    /// The name of the exported type in the catalog.
    pub type_name: String,
    /// The file format.
    pub format: Format,
    /// The parent of the records.
    pub parent: Parent,
    /// The id of the root that the parent belonged to at the time of the request, such as its organization's.
    pub root_id: Option<String>,
    /// The kinds of the parent and its root.
    pub kinds: StoredKinds,
    /// The recipient.
    pub user: User,
    /// The `sub` of the requesting token.
    pub requested_by: String,
    /// The issuer of the requesting token.
    pub requester_issuer: Option<String>,
    /// The filters in the API's JSON form, with relative dates resolved to instants; null without filters.
    pub filters: serde_json::Value,
    /// The search text.
    pub search: Option<String>,
    /// The keys of the file's columns, in order.
    pub columns: Vec<String>,
    /// The digest of the type's entry.
    pub entry: String,
    /// The columns that are defined for the parent.
    pub definitions: Definitions,
    /// The profile of a CSV file.
    pub profile: Profile,
    /// What the file's header calls the columns.
    pub headers: Headers,
    /// The order of the file's records.
    pub order: RowOrder,
    /// The IANA name of the time zone of the file's timestamps.
    pub time_zone: String,
    /// The locale of the recipient (BCP 47), for the language of the mail.
    pub locale: Option<String>,
    /// The name of the downloaded file.
    pub file_name: String,
    /// The time of the request.
    pub created_at: Timestamp,
}

impl NewExport {
    /// The new export with this id and download UUID; its status is `Waiting`.
    pub fn into_export(self, id: ExportId, download: Uuid) -> Export {
        Export {
            id,
            type_name: self.type_name,
            format: self.format,
            status: Status::Waiting,
            parent: self.parent,
            root_id: self.root_id,
            kinds: self.kinds,
            user: self.user,
            requested_by: self.requested_by,
            requester_issuer: self.requester_issuer,
            filters: self.filters,
            search: self.search,
            columns: self.columns,
            entry: self.entry,
            definitions: self.definitions,
            profile: self.profile,
            headers: self.headers,
            order: self.order,
            time_zone: self.time_zone,
            locale: self.locale,
            file_name: self.file_name,
            download,
            created_at: self.created_at,
            started_at: None,
            completed_at: None,
            ended_at: None,
            expires_at: None,
            deleted_by: None,
            file: None,
            warnings: Vec::new(),
            failure: None,
            mail: None,
        }
    }
}

/// One request for one file, and its state: an item of the table `exports`.
///
/// The item changes only with its status and its mail. Progress in between is in the item of the table `work`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Export {
    /// The id; ids are in the order of requests.
    pub id: ExportId,
    /// The name of the exported type in the catalog.
    #[serde(rename = "type")]
    pub type_name: String,
    /// The file format.
    pub format: Format,
    /// The stored status; [`Export::status_at`] also takes expiry into account.
    pub status: Status,
    /// The parent of the records.
    pub parent: Parent,
    /// The id of the root that the parent belonged to at the time of the request, such as its organization's.
    #[serde(
        default,
        rename = "organization_id",
        skip_serializing_if = "Option::is_none"
    )]
    pub root_id: Option<String>,
    /// The kinds of the parent and its root at the time of the request.
    #[serde(default, skip_serializing_if = "StoredKinds::are_built_in")]
    pub kinds: StoredKinds,
    /// The recipient.
    pub user: User,
    /// The `sub` of the requesting token: the recipient's, or that of a service acting for them.
    pub requested_by: String,
    /// The issuer of the requesting token; see [`Person`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requester_issuer: Option<String>,
    /// The filters in the API's JSON form, with relative dates resolved to instants; null without filters.
    #[serde(default, deserialize_with = "in_one_order")]
    pub filters: serde_json::Value,
    /// The search text.
    #[serde(default)]
    pub search: Option<String>,
    /// The keys of the file's columns, in order.
    pub columns: Vec<String>,
    /// The digest of the type's entry at the time of the request, which the export uses: see [`crate::type_entry::TypeEntry`].
    pub entry: String,
    /// The columns defined for the parent at the time of the request.
    #[serde(default, skip_serializing_if = "Definitions::is_empty")]
    pub definitions: Definitions,
    /// The profile of a CSV file.
    pub profile: Profile,
    /// What the file's header calls the columns.
    #[serde(default, skip_serializing_if = "Headers::are_keys")]
    pub headers: Headers,
    /// The order of the file's records.
    #[serde(default, skip_serializing_if = "RowOrder::is_default")]
    pub order: RowOrder,
    /// The IANA name of the time zone of the file's timestamps.
    pub time_zone: String,
    /// The locale of the recipient (BCP 47), for the language of the mail; English without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locale: Option<String>,
    /// The name of the downloaded file.
    pub file_name: String,
    /// The UUID in the download link. It cannot be guessed, and a download needs a grant all the same.
    pub download: Uuid,
    /// The time of the request. Records created at or after it are not in the file.
    pub created_at: Timestamp,
    /// When the first worker began.
    #[serde(default)]
    pub started_at: Option<Timestamp>,
    /// When the file was completed.
    #[serde(default)]
    pub completed_at: Option<Timestamp>,
    /// When the export succeeded, failed or was canceled.
    #[serde(default)]
    pub ended_at: Option<Timestamp>,
    /// When the file expires; null unless the export has succeeded.
    #[serde(default)]
    pub expires_at: Option<Timestamp>,
    /// Who deleted the file before its time, if somebody did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted_by: Option<Deleter>,
    /// The file of an export that succeeded, also after it has expired.
    #[serde(flatten)]
    pub file: Option<ExportedFile>,
    /// Warnings about cells and records of the file.
    #[serde(default)]
    pub warnings: Vec<Warning>,
    /// The reason why the export failed.
    #[serde(default)]
    pub failure: Option<Failure>,
    /// The state of the mail; null until the export is final.
    #[serde(default)]
    pub mail: Option<Mail>,
}

/// JSON whose keys are sorted: DynamoDB's maps have no order, and an export is to look the same at each reading.
fn in_one_order<'de, D: Deserializer<'de>>(json: D) -> Result<serde_json::Value, D::Error> {
    let mut json = serde_json::Value::deserialize(json)?;
    json.sort_all_objects();
    Ok(json)
}

/// The person who deleted a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deleter {
    /// The `sub` of the person's token.
    pub id: String,
    /// The token's issuer; see [`Person`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// The person's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

impl Export {
    /// Who requested the export.
    pub fn requester(&self) -> Person<'_> {
        Person {
            issuer: self.requester_issuer.as_deref(),
            id: &self.requested_by,
        }
    }

    /// The root that the parent belonged to at the time of the request; a root is its own.
    pub fn root(&self) -> Option<Parent> {
        let id = self.root_id.clone()?;
        Some(Parent::of_kind(self.kinds.root.clone(), id))
    }

    /// The status at `now`: a succeeded export past `expires_at` is expired, even before the sweeper has changed it.
    pub fn status_at(&self, now: Timestamp) -> Status {
        match (self.status, self.expires_at) {
            (Status::Succeeded, Some(end)) if end <= now => Status::Expired,
            (status, _) => status,
        }
    }
}

#[cfg(test)]
mod tests;
