//! Exports and events as the API shows them: every field is always there, null where it does not apply.

use jiff::Timestamp;
use serde::Serialize;
use waybill::event::{Event, What};
use waybill::export::{Export, ExportId, Failure, Format, Mail, Receipt, Status, User};
use waybill::file::{Profile, Warning};
use waybill::parent::{Parent, ParentKind};

/// An export.
#[derive(Serialize)]
pub(crate) struct ExportView<'a> {
    id: ExportId,
    #[serde(rename = "type")]
    type_name: &'a str,
    format: Format,
    status: Status,
    organization_id: Option<&'a str>,
    project_id: Option<u64>,
    source_id: Option<&'a str>,
    user: &'a User,
    filters: &'a serde_json::Value,
    search: Option<&'a str>,
    columns: &'a [String],
    profile: Profile,
    time_zone: &'a str,
    file_name: &'a str,
    rows: Option<u64>,
    size: Option<u64>,
    progress: Option<Progress>,
    receipt: Option<&'a Receipt>,
    warnings: &'a [Warning],
    failure: Option<&'a Failure>,
    mail: Option<Mail>,
    created_at: Timestamp,
    started_at: Option<Timestamp>,
    completed_at: Option<Timestamp>,
    ended_at: Option<Timestamp>,
    expires_at: Option<Timestamp>,
    url: Option<String>,
}

/// How far an export is; null where no file will come of it.
#[derive(Serialize)]
struct Progress {
    rows: u64,
}

impl<'a> ExportView<'a> {
    /// `export` at `now`, `written` rows of it done if it is under way, with links that begin with `public_url`.
    pub(crate) fn new(export: &'a Export, written: u64, now: Timestamp, public_url: &str) -> Self {
        let status = export.status_at(now);
        let rows = match status {
            Status::Waiting | Status::Processing => Some(written),
            Status::Succeeded | Status::Expired => export.rows,
            Status::Failed | Status::Canceled => None,
        };
        let link = || format!("{public_url}/v1/downloads/{}", export.download);
        Self {
            id: export.id,
            type_name: &export.type_name,
            format: export.format,
            status,
            organization_id: export.organization_id.as_deref(),
            project_id: project_id(export.parent.id_as(ParentKind::Project)),
            source_id: export.parent.id_as(ParentKind::Source),
            user: &export.user,
            filters: &export.filters,
            search: export.search.as_deref(),
            columns: &export.columns,
            profile: export.profile,
            time_zone: &export.time_zone,
            file_name: &export.file_name,
            rows: export.rows,
            size: export.size,
            progress: rows.map(|rows| Progress { rows }),
            receipt: export.receipt.as_ref(),
            warnings: &export.warnings,
            failure: export.failure.as_ref(),
            mail: export.mail,
            created_at: in_milliseconds(export.created_at),
            started_at: export.started_at.map(in_milliseconds),
            completed_at: export.completed_at.map(in_milliseconds),
            ended_at: export.ended_at.map(in_milliseconds),
            expires_at: export.expires_at.map(in_milliseconds),
            url: (status == Status::Succeeded).then(link),
        }
    }
}

/// A project's id as a number; [`waybill::parent::Parent`] lets nothing else be one.
fn project_id(id: Option<&str>) -> Option<u64> {
    id.and_then(|id| id.parse().ok())
}

/// A parent's id as the API shows it: a project's is a number.
pub(crate) fn parent_id(parent: &Parent) -> serde_json::Value {
    match project_id(parent.id_as(ParentKind::Project)) {
        Some(number) => number.into(),
        None => parent.id().into(),
    }
}

/// The instant without what is finer than a millisecond, which JavaScript's dates could not hold.
pub(crate) fn in_milliseconds(at: Timestamp) -> Timestamp {
    // Always in range: it is next to one that is.
    Timestamp::from_millisecond(at.as_millisecond()).unwrap_or(at)
}

/// An entry of a history.
#[derive(Serialize)]
pub(crate) struct EventView<'a> {
    event: What,
    at: Timestamp,
    user: Option<ActorView<'a>>,
    address: Option<&'a str>,
    detail: Option<&'a str>,
}

#[derive(Serialize)]
struct ActorView<'a> {
    id: &'a str,
    name: Option<&'a str>,
    on_behalf_of: Option<&'a str>,
}

impl<'a> EventView<'a> {
    /// `event`, with the address that it was brought about from for those who may see it.
    pub(crate) fn new(event: &'a Event, shows_address: bool) -> Self {
        let who = event.who.as_ref();
        let address = who.and_then(|who| who.address.as_deref());
        Self {
            event: event.what,
            at: in_milliseconds(event.at),
            user: who.map(|who| ActorView {
                id: &who.id,
                name: who.name.as_deref(),
                on_behalf_of: who.on_behalf_of.as_deref(),
            }),
            address: address.filter(|_| shows_address),
            detail: event.detail.as_deref(),
        }
    }
}

/// What there is to know of a list besides its entries.
#[derive(Serialize)]
pub(crate) struct Meta {
    pub(crate) limit: usize,
    /// The cursor of the next page; null at the end.
    pub(crate) next: Option<String>,
    /// Whether an export of this page still is waiting or processing. Only lists of exports have it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) unfinished: Option<bool>,
    /// How many there are. Only lists of records have it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) count: Option<Count>,
}

/// A number of records, which is exact once all of them have been examined and the least that there can be until then.
#[derive(Serialize)]
pub(crate) struct Count {
    pub(crate) value: u64,
    pub(crate) exact: bool,
}
