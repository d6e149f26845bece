//! `GET /v1/{parents}/{id}/exports/summary`: totals of exports by day and by person.

use std::cmp::Reverse;
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
use waybill::access_rules::{Action, Scope};
use waybill::field_error::FieldError;
use waybill::selection::TimeBound;
use waybill::store::{DailyTotals, Totals, TotalsOfDays};

use super::find_visible;
use super::unreadable;
use crate::app::App;
use crate::http::answer;
use crate::http::error::ApiError;
use crate::http::path::PathParent;
use crate::http::query::Pairs;
use crate::requester::Requester;

/// The number of days of a summary without `from`.
const DEFAULT_DAYS: i32 = 30;
/// The maximum number of days of a summary: a quarter of a year.
const MAX_DAYS: i32 = 92;
/// The maximum number of people in a summary, by name. Others are summed.
const MAX_PEOPLE: usize = 1_000;

/// Totals of exports by day and by person.
#[derive(Serialize, ToSchema)]
pub(crate) struct Summary {
    /// The first day.
    from: Date,
    /// The end, exclusive.
    to: Date,
    /// The first day that is not in this summary, although it was asked for: a summary ends after the day with its 50,000th
    /// daily total of a person. Only if there is such a day.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<Date>,
    /// The days with exports or downloads, in order.
    days: Vec<DayView>,
    /// The 1,000 people with the most exports, those with the most first.
    people: Vec<PersonView>,
    /// The sums of further people; only if there are any.
    #[serde(skip_serializing_if = "Option::is_none")]
    others: Option<OthersView>,
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

/// The totals of several people.
#[derive(Serialize, ToSchema)]
#[schema(as = OthersTotals)]
struct OthersView {
    /// The number of people.
    people: usize,
    /// Requested exports, whatever their outcome.
    exports: u64,
    /// Downloads by these people.
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
    of: PathParent,
    pairs: Pairs,
) -> Result<Response, ApiError> {
    let profile = find_visible::parent(&app, &requester, &of.parent).await?;
    let days = Days::parse(&pairs, app.now()).map_err(ApiError::Invalid)?;
    let mut found = app
        .exports
        .daily_totals(&of.parent, days.from, days.to)
        .await?;
    unreadable::report(&app.exports.tables().events, found.unreadable);
    found.totals = visible(&app, &requester, (&profile).into(), found.totals).await?;
    answer::json(StatusCode::OK, &Summary::new(days, found, &app.own_issuer))
}

/// The totals that the requester may see. As in lists, exports from before a parent joined a root do not belong to the
/// root.
async fn visible(
    app: &App,
    requester: &Requester,
    listed: Scope<'_>,
    mut totals: Vec<DailyTotals>,
) -> Result<Vec<DailyTotals>, ApiError> {
    if *listed.parent.kind() == listed.kinds.root {
        return Ok(totals);
    }
    let roots: BTreeSet<_> = totals.iter().map(|t| t.root_id.clone()).collect();
    let scopes = roots.iter().map(|root_id| Scope {
        parent: listed.parent,
        root_id: root_id.as_deref(),
        kinds: listed.kinds,
    });
    let scopes: Vec<Scope<'_>> = scopes.filter(|scope| *scope != listed).collect();
    let permissions = &app.permissions;
    let listings: Vec<_> = scopes.iter().map(|scope| (Action::List, *scope)).collect();
    let allowed = permissions.allow_each(requester, &listings).await?;
    let hidden = scopes
        .iter()
        .zip(allowed)
        .filter(|(_, is_allowed)| !is_allowed);
    let hidden: BTreeSet<_> = hidden.map(|(scope, _)| scope.root_id).collect();
    totals.retain(|t| !hidden.contains(&t.root_id.as_deref()));
    Ok(totals)
}

impl Summary {
    fn new(asked: Days, found: TotalsOfDays, own_issuer: &str) -> Self {
        let mut days: BTreeMap<Date, Totals> = BTreeMap::new();
        let mut people: BTreeMap<(String, String), (Option<String>, Totals)> = BTreeMap::new();
        for daily in found.totals {
            *days.entry(daily.day).or_default() += daily.totals;
            let issuer = daily.user_issuer.unwrap_or_else(|| own_issuer.to_owned());
            let (name, sum) = people.entry((issuer, daily.user_id)).or_default();
            // Sorted by day: the last name is the current one.
            *name = daily.user_name.or(name.take());
            *sum += daily.totals;
        }
        let people = people
            .into_iter()
            .map(|((_, id), (name, totals))| PersonView::new(PersonName { id, name }, totals));
        let mut people: Vec<PersonView> = people.collect();
        people.sort_by_key(|person| Reverse((person.exports, person.downloads)));
        let others = people.split_off(MAX_PEOPLE.min(people.len()));
        Self {
            from: asked.from,
            to: found.end,
            next: (found.end < asked.to).then_some(found.end),
            days: days
                .into_iter()
                .map(|(date, totals)| DayView::new(date, totals))
                .collect(),
            people,
            others: OthersView::new(&others),
            unreadable: unreadable::counted(found.unreadable),
        }
    }
}

impl DayView {
    fn new(date: Date, totals: Totals) -> Self {
        Self {
            date,
            exports: totals.exports,
            downloads: totals.downloads,
            rows: totals.rows,
            bytes: totals.bytes,
        }
    }
}

impl PersonView {
    fn new(user: PersonName, totals: Totals) -> Self {
        Self {
            user,
            exports: totals.exports,
            downloads: totals.downloads,
            rows: totals.rows,
            bytes: totals.bytes,
        }
    }
}

impl OthersView {
    fn new(people: &[PersonView]) -> Option<Self> {
        let sum = |of: fn(&PersonView) -> u64| people.iter().map(of).sum();
        (!people.is_empty()).then(|| Self {
            people: people.len(),
            exports: sum(|person| person.exports),
            downloads: sum(|person| person.downloads),
            rows: sum(|person| person.rows),
            bytes: sum(|person| person.bytes),
        })
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
            let of_days = TimeBound::parse(value).and_then(|bound| OfDays::new(bound, now));
            if bound.is_some() {
                errors.push(FieldError::new(name, "must not be repeated"));
            } else if of_days.is_none() {
                errors.push(FieldError::new(
                    name,
                    format!("must be {}", TimeBound::FORMS),
                ));
            }
            *bound = of_days;
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        let to = match to {
            // The end of today.
            None => day(now).saturating_add(1.day()),
            Some(to) if to.is_beginning => to.day,
            Some(to) => to.day.saturating_add(1.day()),
        };
        // RFC 3339 has no year before 0.
        let first = Date::constant(0, 1, 1);
        let from = from
            .map_or_else(|| to.saturating_sub(DEFAULT_DAYS.days()), |from| from.day)
            .max(first);
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

/// A bound of a summary in days.
#[derive(Clone, Copy)]
struct OfDays {
    /// The day in UTC of the bound.
    day: Date,
    /// Whether the bound is the beginning of the day.
    is_beginning: bool,
}

impl OfDays {
    /// `None` outside the years 0 to 9999.
    fn new(bound: TimeBound, now: Timestamp) -> Option<Self> {
        if let TimeBound::Day(day) = bound {
            // Not by way of an instant, since the last `Timestamp` is before the last day.
            return Some(Self {
                day,
                is_beginning: true,
            });
        }
        let at = bound.resolve(now, &TimeZone::UTC)?;
        Some(Self {
            day: day(at),
            is_beginning: day_begins(at),
        })
    }
}

fn day(at: Timestamp) -> Date {
    TimeZone::UTC.to_datetime(at).date()
}

fn day_begins(at: Timestamp) -> bool {
    at.as_nanosecond() % jiff::SignedDuration::from_hours(24).as_nanos() == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days(from: &str, to: &str) -> Days {
        let [from, to] = [from, to].map(|day| day.parse().unwrap());
        Days { from, to }
    }

    #[test]
    fn people_beyond_a_thousand_are_summed_and_the_first_day_left_out_is_named() {
        let totals = (0..1_003).map(|n| DailyTotals {
            day: "2026-11-01".parse().unwrap(),
            root_id: None,
            user_id: format!("u-{n}"),
            user_issuer: None,
            user_name: None,
            totals: Totals {
                exports: if n < 3 { 1 } else { 2 },
                downloads: 5,
                ..Totals::default()
            },
        });
        let found = TotalsOfDays {
            totals: totals.collect(),
            unreadable: 0,
            end: "2026-11-02".parse().unwrap(),
        };
        let summary = Summary::new(
            days("2026-11-01", "2026-11-09"),
            found,
            "https://issuer.example",
        );
        let summary = serde_json::to_value(summary).unwrap();
        assert_eq!(summary["people"].as_array().unwrap().len(), 1_000);
        let others =
            serde_json::json!({"people": 3, "exports": 3, "downloads": 15, "rows": 0, "bytes": 0});
        assert_eq!(summary["others"], others);
        assert_eq!(summary["days"][0]["exports"], 2_003);
        assert_eq!(
            (&summary["to"], &summary["next"]),
            (&"2026-11-02".into(), &"2026-11-02".into())
        );
    }
}
