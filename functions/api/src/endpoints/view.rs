//! Exports and events as the API shows them: every field is always there, null where it does not apply.

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use waybill::catalog::ParentKind;
use waybill::event::{Event, EventKind};
use waybill::export::{Export, ExportId, Failure, Mail, Receipt, Status, User};
use waybill::file::{Format, Profile, Warning};

use super::shapes::Filters;
use crate::http::answer::in_milliseconds;

/// One request for one file, and what became of it.
#[derive(Serialize, ToSchema)]
#[schema(as = Export)]
pub(crate) struct ExportView<'a> {
    /// Time-ordered, and below 2^53.
    #[schema(value_type = u64)]
    id: ExportId,
    /// The catalog's name of what is exported.
    #[serde(rename = "type")]
    type_name: &'a str,
    format: Format,
    status: Status,
    /// The organization of the parent when the export was asked for.
    organization_id: Option<&'a str>,
    /// The project that the records belong to, where they belong to one.
    project_id: Option<u64>,
    /// The source that the records belong to, where they belong to one.
    source_id: Option<&'a str>,
    user: UserView<'a>,
    #[schema(value_type = Option<Filters>)]
    filters: &'a serde_json::Value,
    /// The searched text, trimmed.
    search: Option<&'a str>,
    /// The keys of the file's columns, in order.
    columns: &'a [String],
    profile: Profile,
    /// The IANA name of the zone in which timestamps are written.
    time_zone: &'a str,
    /// What the downloaded file is called.
    file_name: &'a str,
    /// Rows of the complete file, its header not counted.
    rows: Option<u64>,
    /// Bytes of the complete file.
    size: Option<u64>,
    progress: Option<Progress>,
    receipt: Option<&'a Receipt>,
    /// What could not be written as it was, and which records could not be placed for sure.
    warnings: Vec<Warning>,
    failure: Option<&'a Failure>,
    mail: Option<Mail>,
    /// When it was asked for: records that come later are not in it.
    created_at: Timestamp,
    /// When a worker first began.
    started_at: Option<Timestamp>,
    /// When the file was complete.
    completed_at: Option<Timestamp>,
    /// When it succeeded, failed or was canceled.
    ended_at: Option<Timestamp>,
    /// When the file's time is over; null until it has succeeded.
    expires_at: Option<Timestamp>,
    /// Where the file is taken, with a token, while there is one.
    url: Option<String>,
}

/// The recipient of an export.
// Whether their address is verified is for the mail alone.
#[derive(Serialize, ToSchema)]
#[schema(as = User)]
struct UserView<'a> {
    /// The `sub` of the person's tokens.
    id: &'a str,
    /// The person's name.
    name: Option<&'a str>,
    /// Where the mail goes.
    email: Option<&'a str>,
}

impl<'a> From<&'a User> for UserView<'a> {
    fn from(user: &'a User) -> Self {
        Self {
            id: &user.id,
            name: user.name.as_deref(),
            email: user.email.as_deref(),
        }
    }
}

/// How far an export is; null where no file will come of it.
#[derive(Serialize, ToSchema)]
struct Progress {
    rows: u64,
}

impl<'a> ExportView<'a> {
    /// `export` at `now`, `written` rows of it done if it is under way, with links that begin with `public_url`.
    pub(crate) fn new(export: &'a Export, written: u64, now: Timestamp, public_url: &str) -> Self {
        let status = export.status_at(now);
        let file = export.file.as_ref();
        let rows = match status {
            Status::Waiting | Status::Processing => Some(written),
            Status::Succeeded | Status::Expired => file.map(|file| file.rows),
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
            user: UserView::from(&export.user),
            filters: &export.filters,
            search: export.search.as_deref(),
            columns: &export.columns,
            profile: export.profile,
            time_zone: &export.time_zone,
            file_name: &export.file_name,
            rows: file.map(|file| file.rows),
            size: file.map(|file| file.size),
            progress: rows.map(|rows| Progress { rows }),
            receipt: file.map(|file| &file.receipt),
            warnings: export.warnings.iter().map(without_example).collect(),
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

impl ExportView<'_> {
    /// Shows an example of the records that are in doubt, which is for those alone who may read records.
    pub(crate) fn with_examples(mut self, export: &Export) -> Self {
        self.warnings.clone_from(&export.warnings);
        self
    }
}

fn without_example(warning: &Warning) -> Warning {
    Warning {
        example: None,
        ..warning.clone()
    }
}

/// A project's id as a number; [`waybill::parent::Parent`] lets nothing else be one.
fn project_id(id: Option<&str>) -> Option<u64> {
    id.and_then(|id| id.parse().ok())
}

/// An entry of a history.
#[derive(Serialize, ToSchema)]
#[schema(as = Event)]
pub(crate) struct EventView<'a> {
    event: EventKind,
    at: Timestamp,
    /// Who did it; null for Waybill itself.
    user: Option<ActorView<'a>>,
    /// The network address that the request came from; for the organization's admins and staff only.
    address: Option<&'a str>,
    /// What else there is to say, such as a failure's code.
    detail: Option<&'a str>,
}

/// A person or a program.
#[derive(Serialize, ToSchema)]
#[schema(as = Actor)]
struct ActorView<'a> {
    /// The token's `sub`.
    id: &'a str,
    name: Option<&'a str>,
    /// The person that a service acted for.
    on_behalf_of: Option<&'a str>,
}

impl<'a> EventView<'a> {
    /// `event`, with the address that it was brought about from for those who may see it.
    pub(crate) fn new(event: &'a Event, shows_address: bool) -> Self {
        let who = event.who.as_ref();
        let address = who.and_then(|who| who.address.as_deref());
        Self {
            event: event.kind,
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
#[derive(Serialize, ToSchema)]
pub(crate) struct Meta {
    /// How many entries a page has at most.
    pub(crate) limit: usize,
    /// The cursor of the next page; null at the end.
    pub(crate) next: Option<String>,
    /// Whether an export of this page still is waiting or processing. Only lists of exports have it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) unfinished: Option<bool>,
    /// How many entries among those of this page cannot be read, and are left out; only where there are any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) unreadable: Option<usize>,
    /// How many there are. Only lists of records have it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) count: Option<Count>,
}

/// A number of records, which is exact once all of them have been examined and the least that there can be until then.
#[derive(Serialize, ToSchema)]
pub(crate) struct Count {
    pub(crate) value: u64,
    pub(crate) exact: bool,
}
