//! Exports and events in the API's form: every field is always present, null where it does not apply.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use waybill::event::{Event, EventKind};
use waybill::export::{Export, ExportId, Failure, Mail, Receipt, Status, User};
use waybill::file::{Format, Headers, Profile, RowOrder, Warning};
use waybill::parent::ParentKinds;
use waybill::work::Reached;

use super::may::May;
use super::untyped_schemas::Filters;
use crate::http::answer::in_milliseconds;

/// One request for one file, and its state.
#[derive(Serialize, ToSchema)]
#[schema(as = Export)]
pub(crate) struct ExportView<'a> {
    /// The id: time-ordered, and below 2^53.
    #[schema(value_type = u64)]
    id: ExportId,
    /// The name of the exported type in the catalog.
    #[serde(rename = "type")]
    type_name: &'a str,
    format: Format,
    status: Status,
    /// The id of each kind of parents: `organization_id`, `project_id`, `source_id`.
    #[serde(flatten)]
    #[schema(ignore)]
    parent_ids: Map<String, Value>,
    user: UserView<'a>,
    #[schema(value_type = Option<Filters>)]
    filters: &'a serde_json::Value,
    /// The search text, trimmed.
    search: Option<&'a str>,
    /// The keys of the file's columns, in order.
    columns: &'a [String],
    profile: Profile,
    /// What the file's header calls the columns; only where these are not the names that the format has without a request.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false, nullable = false)]
    headers: Option<Headers>,
    /// The order of the file's records; only where it is not `oldest`.
    #[serde(skip_serializing_if = "RowOrder::is_default")]
    #[schema(required = false)]
    order: RowOrder,
    /// The IANA name of the time zone of the file's timestamps.
    time_zone: &'a str,
    /// The name of the downloaded file.
    file_name: &'a str,
    /// The number of rows of the complete file, without the header.
    rows: Option<u64>,
    /// The length of the complete file in bytes.
    size: Option<u64>,
    progress: Option<Progress>,
    receipt: Option<&'a Receipt>,
    /// Warnings: values that were changed or are not of their column's kind, and records in doubt.
    warnings: Vec<Warning>,
    failure: Option<&'a Failure>,
    mail: Option<Mail>,
    /// The time of the request. Records created at or after it are not in the file.
    created_at: Timestamp,
    /// When the first worker began.
    started_at: Option<Timestamp>,
    /// When the file was completed.
    completed_at: Option<Timestamp>,
    /// When the export succeeded, failed or was canceled.
    ended_at: Option<Timestamp>,
    /// When the file expires, or was deleted; null unless the export has succeeded.
    expires_at: Option<Timestamp>,
    /// Who deleted the file before it expired; null where nobody did.
    deleted_by: Option<DeleterView<'a>>,
    may: May,
    /// The download URL, which needs a token; null without a file.
    url: Option<String>,
}

/// The person who deleted a file.
#[derive(Serialize, ToSchema)]
#[schema(as = Deleter)]
struct DeleterView<'a> {
    /// The `sub` of the person's token.
    id: &'a str,
    /// The person's name.
    name: Option<&'a str>,
}

/// The recipient of an export.
// Whether the address is verified is used only by `notify`.
#[derive(Serialize, ToSchema)]
#[schema(as = User)]
struct UserView<'a> {
    /// The `sub` of the person's tokens.
    id: &'a str,
    /// The person's name.
    name: Option<&'a str>,
    /// The address for the mail.
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

/// The progress of an export; null if there will be no file.
#[derive(Serialize, ToSchema)]
struct Progress {
    rows: u64,
    /// The share of the records that has been read, from 0 to 0.99; only while the file is built, and where the records come
    /// in the order of their time.
    #[serde(skip_serializing_if = "Option::is_none")]
    fraction: Option<f64>,
    /// About how many seconds are left; only with `fraction`, and only once there is something to judge by.
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds_left: Option<u64>,
}

impl Progress {
    fn of_rows(rows: u64) -> Self {
        Self {
            rows,
            fraction: None,
            seconds_left: None,
        }
    }

    /// The progress of an unfinished export: as of the last report, so that it changes with reports alone. The rest takes
    /// as long for each record as what has been read.
    fn new(export: &Export, reached: Reached) -> Self {
        let fraction = reached
            .permille
            .map(|permille| f64::from(permille) / 1_000.0);
        let times = export.started_at.zip(reached.at);
        let taken = times.map(|(begun, at)| begun.duration_until(at).as_secs_f64());
        let left = fraction
            .zip(taken)
            .filter(|(fraction, taken)| *fraction > 0.0 && *taken > 0.0)
            .map(|(fraction, taken)| taken * (1.0 - fraction) / fraction);
        Self {
            fraction,
            seconds_left: left.map(|left| left.ceil() as u64),
            ..Self::of_rows(reached.rows)
        }
    }
}

impl<'a> ExportView<'a> {
    /// `export` at `now`. `reached` is how far the file of an unfinished export is; `may`, what the requester may do;
    /// `public_url` is the start of
    /// links; `kinds` are those of which the view has ids.
    pub(crate) fn new(
        export: &'a Export,
        reached: Reached,
        may: May,
        now: Timestamp,
        public_url: &str,
        kinds: &ParentKinds,
    ) -> Self {
        let status = export.status_at(now);
        let file = export.file.as_ref();
        let progress = match status {
            Status::Waiting | Status::Processing => Some(Progress::new(export, reached)),
            Status::Succeeded | Status::Expired => file.map(|file| Progress::of_rows(file.rows)),
            Status::Failed | Status::Canceled => None,
        };
        let link = || format!("{public_url}/v1/downloads/{}", export.download);
        Self {
            id: export.id,
            type_name: &export.type_name,
            format: export.format,
            status,
            parent_ids: parent_ids(export, kinds),
            user: UserView::from(&export.user),
            filters: &export.filters,
            search: export.search.as_deref(),
            columns: &export.columns,
            profile: export.profile,
            headers: Some(export.headers)
                .filter(|headers| *headers != Headers::of_format(export.format)),
            order: export.order,
            time_zone: &export.time_zone,
            file_name: &export.file_name,
            rows: file.map(|file| file.rows),
            size: file.map(|file| file.size),
            progress,
            receipt: file.map(|file| &file.receipt),
            warnings: export.warnings.iter().map(without_example).collect(),
            failure: export.failure.as_ref(),
            mail: export.mail,
            created_at: in_milliseconds(export.created_at),
            started_at: export.started_at.map(in_milliseconds),
            completed_at: export.completed_at.map(in_milliseconds),
            ended_at: export.ended_at.map(in_milliseconds),
            expires_at: export.expires_at.map(in_milliseconds),
            deleted_by: export.deleted_by.as_ref().map(|person| DeleterView {
                id: &person.id,
                name: person.name.as_deref(),
            }),
            may,
            url: (status == Status::Succeeded).then(link),
        }
    }
}

impl ExportView<'_> {
    /// Adds the examples of records in doubt, which only users who may read records see.
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

/// The id of the root at the time of the request, and for each other kind the parent's id if it is of that kind, else null.
fn parent_ids(export: &Export, kinds: &ParentKinds) -> Map<String, Value> {
    let ids = kinds.iter().map(|kind| {
        let id = match kind.name == *export.parent.kind() {
            _ if kind.is_root => export.kinds.root_id_in_json(export.root_id.as_deref()),
            true => export.kinds.id_in_json(&export.parent),
            false => Value::Null,
        };
        (kind.name.id_field(), id)
    });
    ids.collect()
}

/// An event of a history.
#[derive(Serialize, ToSchema)]
#[schema(as = ExportEvent)]
pub(crate) struct EventView<'a> {
    event: EventKind,
    at: Timestamp,
    /// Who caused the event; null for Waybill itself.
    user: Option<ActorView<'a>>,
    /// The network address of the request; only for the root's admins and staff.
    address: Option<&'a str>,
    /// Details, such as a failure's code.
    detail: Option<&'a str>,
}

/// A person or a program.
#[derive(Serialize, ToSchema)]
#[schema(as = Actor)]
struct ActorView<'a> {
    /// The token's `sub`.
    id: &'a str,
    name: Option<&'a str>,
    /// The user that a service acted for.
    on_behalf_of: Option<&'a str>,
}

impl<'a> EventView<'a> {
    /// `event`, with its network address if `shows_address`.
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

/// Metadata of a list.
#[derive(Serialize, ToSchema)]
pub(crate) struct Meta {
    /// The maximum number of entries of a page.
    pub(crate) limit: usize,
    /// The cursor of the next page; null at the end.
    pub(crate) next: Option<String>,
    /// Whether an export of this page is waiting or processing. Only in lists of exports.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) unfinished: Option<bool>,
    /// The number of unreadable entries, which are left out of this page; only if there are any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) unreadable: Option<usize>,
    /// The number of records. Only in lists of records.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) count: Option<Count>,
}

/// A number of records: exact once all have been examined, else a lower bound.
#[derive(Serialize, ToSchema)]
pub(crate) struct Count {
    pub(crate) value: u64,
    pub(crate) exact: bool,
}
