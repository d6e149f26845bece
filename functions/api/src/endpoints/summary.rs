//! `GET /v1/{organizations|projects|sources}/{id}/exports/summary`: totals of exports by day and by person.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use jiff::Timestamp;
use jiff::ToSpan;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Serialize;
use utoipa::ToSchema;
use waybill::access::{Action, Scope};
use waybill::catalog::ParentKind;
use waybill::field_error::FieldError;
use waybill::selection::TimeBound;
use waybill::store::{DailyTotals, Totals};

use super::authorize;
use super::unreadable;
use crate::app::App;
use crate::http::answer;
use crate::http::caller::Requester;
use crate::http::error::ApiError;
use crate::http::path::PathParent;
use crate::http::query::Pairs;

/// The number of days of a summary without `from`.
const DEFAULT_DAYS: i32 = 30;
/// The maximum number of days of a summary: a quarter of a year.
const MAX_DAYS: i32 = 92;

/// Totals of exports by day and by person.
#[derive(Serialize, ToSchema)]
pub(crate) struct Summary {
    /// The first day.
    from: Date,
    /// The end, exclusive.
    to: Date,
    /// The days with exports or downloads, in order.
    days: Vec<DayView>,
    /// The people, those with the most exports first.
    people: Vec<PersonView>,
    /// The number of unreadable daily totals, which are not included; only if there are any.
    #[serde(skip_serializing_if = "Option::is_none")]
    unreadable: Option<usize>,
}

/// The totals of one day. A file counts for the day of its export's request.
#[derive(Serialize, ToSchema)]
#[schema(as = DayTotals)]
struct DayView {
    /// The day in UTC.
    date: Date,
    /// Requested exports, whatever their outcome.
    exports: u64,
    /// Downloads.
    downloads: u64,
    /// Rows of the files.
    rows: u64,
    /// Bytes of the files.
    bytes: u64,
}

/// The totals of one person.
#[derive(Serialize, ToSchema)]
#[schema(as = PersonTotals)]
struct PersonView {
    user: PersonName,
    /// Requested exports, whatever their outcome.
    exports: u64,
    /// Downloads by the person.
    downloads: u64,
    /// Rows of the files.
    rows: u64,
    /// Bytes of the files.
    bytes: u64,
}

/// A person.
#[derive(Serialize, ToSchema)]
struct PersonName {
    /// The `sub` of the person's tokens.
    id: String,
    name: Option<String>,
}

/// Whole days in UTC, the last one exclusive.
#[derive(Debug, PartialEq)]
struct Days {
    from: Date,
    to: Date,
}

pub(crate) async fn read(
    State(app): State<Arc<App>>,
    requester: Requester,
    PathParent(parent): PathParent,
    pairs: Pairs,
) -> Result<Response, ApiError> {
    let profile = authorize::parent(&app, &requester, &parent).await?;
    let days = Days::parse(&pairs, app.now()).map_err(ApiError::Invalid)?;
    let (totals, unreadable) = app
        .exports
        .daily_totals(&parent, days.from, days.to)
        .await?;
    unreadable::report(&app.exports.tables().events, unreadable);
    let totals = visible(&app, &requester, (&profile).into(), totals).await?;
    answer::json(StatusCode::OK, &Summary::new(days, totals, unreadable))
}

/// The totals that the requester may see. As in lists, exports from before a project joined an organization do not
/// belong to the organization.
async fn visible(
    app: &App,
    requester: &Requester,
    listed: Scope<'_>,
    mut totals: Vec<DailyTotals>,
) -> Result<Vec<DailyTotals>, ApiError> {
    if listed.parent.kind() == ParentKind::Organization {
        return Ok(totals);
    }
    let organizations: BTreeSet<_> = totals.iter().map(|t| t.organization_id.clone()).collect();
    let mut hidden = BTreeSet::new();
    for organization_id in organizations {
        let scope = Scope {
            parent: listed.parent,
            organization_id: organization_id.as_deref(),
        };
        if scope != listed
            && !app
                .permissions
                .allow(requester, Action::List, scope)
                .await?
        {
            hidden.insert(organization_id);
        }
    }
    totals.retain(|t| !hidden.contains(&t.organization_id));
    Ok(totals)
}

impl Summary {
    fn new(Days { from, to }: Days, totals: Vec<DailyTotals>, unreadable: usize) -> Self {
        let mut days: BTreeMap<Date, Totals> = BTreeMap::new();
        let mut people: BTreeMap<String, (Option<String>, Totals)> = BTreeMap::new();
        for daily in totals {
            *days.entry(daily.day).or_default() += daily.totals;
            let (name, sum) = people.entry(daily.user_id).or_default();
            // Sorted by day: the last name is the current one.
            *name = daily.user_name.or(name.take());
            *sum += daily.totals;
        }
        let mut people: Vec<PersonView> = people
            .into_iter()
            .map(|(id, (name, totals))| PersonView {
                user: PersonName { id, name },
                exports: totals.exports,
                downloads: totals.downloads,
                rows: totals.rows,
                bytes: totals.bytes,
            })
            .collect();
        people.sort_by_key(|person| std::cmp::Reverse((person.exports, person.downloads)));
        Self {
            from,
            to,
            days: days
                .into_iter()
                .map(|(date, totals)| DayView {
                    date,
                    exports: totals.exports,
                    downloads: totals.downloads,
                    rows: totals.rows,
                    bytes: totals.bytes,
                })
                .collect(),
            people,
            unreadable: unreadable::counted(unreadable),
        }
    }
}

impl Days {
    /// Parses `from` (inclusive) and `to` (exclusive), in the forms of a filter; an instant means its whole day.
    ///
    /// # Errors
    /// One for each invalid parameter.
    fn parse(pairs: &Pairs, now: Timestamp) -> Result<Self, Vec<FieldError>> {
        let (mut from, mut to) = (None, None);
        let mut errors = Vec::new();
        for (name, value) in pairs.iter() {
            let bound = match name {
                "from" => &mut from,
                "to" => &mut to,
                other => {
                    let name: String = other.chars().take(100).collect();
                    let message = "is unknown; the parameters are from and to";
                    errors.push(FieldError::new(name, message));
                    continue;
                }
            };
            let instant = TimeBound::parse(value).and_then(|bound| bound.pin(now, &TimeZone::UTC));
            if bound.is_some() {
                errors.push(FieldError::new(name, "must not be repeated"));
            } else if instant.is_none() {
                errors.push(FieldError::new(
                    name,
                    format!("must be {}", TimeBound::FORMS),
                ));
            }
            *bound = instant;
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        let to = match to {
            // The end of today.
            None => day(now).saturating_add(1.day()),
            Some(to) if day_begins(to) => day(to),
            Some(to) => day(to).saturating_add(1.day()),
        };
        let from = from.map_or_else(|| to.saturating_sub(DEFAULT_DAYS.days()), day);
        let refuse = |message: String| Err(vec![FieldError::new("to", message)]);
        if to <= from {
            return refuse(
                "must be after `from`; it is the first day not in the summary".to_owned(),
            );
        }
        if from.saturating_add(MAX_DAYS.days()) < to {
            return refuse(format!("must be at most {MAX_DAYS} days after `from`"));
        }
        Ok(Self { from, to })
    }
}

fn day(at: Timestamp) -> Date {
    TimeZone::UTC.to_datetime(at).date()
}

fn day_begins(at: Timestamp) -> bool {
    at.as_nanosecond() % jiff::SignedDuration::from_hours(24).as_nanos() == 0
}
