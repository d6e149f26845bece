//! The query string of a list of exports, parsed.

use jiff::Timestamp;
use serde_json::{Value, json};
use waybill::access_rules::Caller;
use waybill::catalog::{ATTRIBUTES, Catalog};
use waybill::export::{Export, Status};
use waybill::field_error::FieldError;
use waybill::selection::{MAX_SEARCH_LENGTH, Range, Search, Term, TimeBound};
use waybill::value::Kind;

use crate::http::error::ApiError;
use crate::http::query::{ListParameters, Pairs};
use crate::http::zone;

const OF_PAGES: [&str; 2] = ["limit", "cursor"];
const TIME_ZONE: &str = "time_zone";
const CREATED_AT: &str = "created_at";
/// The value of `user` that stands for the caller.
const ME: &str = "me";

/// What is asked for.
#[derive(Debug)]
pub(super) struct ExportsQuery {
    pub(super) list: ListParameters,
    asked: Asked,
    /// The time of the request.
    pub(super) created_at: Range<Timestamp>,
    time_zone: String,
}

/// What narrows the list, as it was asked for: dates may be relative.
#[derive(Debug, Default)]
struct Asked {
    /// The accepted statuses; empty for any. Sorted and unique.
    statuses: Vec<Status>,
    /// The accepted types; empty for any. Sorted and unique.
    types: Vec<String>,
    /// The accepted people; empty for anybody. Sorted and unique.
    users: Vec<String>,
    search: Option<Search>,
    created_at: Range<TimeBound>,
}

impl ExportsQuery {
    /// Parses `limit`, `cursor`, `status`, `type`, `user`, `search`, `created_at.from`, `created_at.to` and `time_zone`.
    ///
    /// # Errors
    /// 422 with every unknown or invalid parameter.
    pub(super) fn parse(pairs: Pairs, catalog: &Catalog, now: Timestamp) -> Result<Self, ApiError> {
        let (of_pages, others) = pairs.divide(&OF_PAGES);
        let (zone, narrowing) = others.divide(&[TIME_ZONE]);
        let mut errors = Vec::new();
        let list = ListParameters::parse(&of_pages).map_err(|wrong| errors.extend(wrong));
        let zone = zone::of_query(&zone, TIME_ZONE).map_err(|wrong| errors.push(wrong));
        let asked = Asked::parse(&narrowing, catalog).map_err(|wrong| errors.extend(wrong));
        let (Ok(list), Ok((zone, time_zone)), Ok(asked)) = (list, zone, asked) else {
            return Err(ApiError::Invalid(errors));
        };
        let created_at = asked.created_at.pin(now, &zone, CREATED_AT);
        let created_at = created_at.map_err(|error| ApiError::Invalid(vec![error]))?;
        Ok(Self {
            list,
            asked,
            created_at,
            time_zone,
        })
    }

    /// What a cursor of this list is bound to: all but the page's size.
    pub(super) fn scope(&self, path: &str) -> String {
        let Asked {
            statuses,
            types,
            users,
            search,
            created_at,
        } = &self.asked;
        let statuses: Vec<&str> = statuses.iter().map(|status| status.as_str()).collect();
        let bounds = [created_at.from, created_at.to];
        let bounds = bounds.map(|bound| bound.map(|bound| bound.to_string()));
        let search = search.as_ref().map(Search::as_str);
        let list = json!([statuses, types, users, search, bounds, self.time_zone]);
        format!("{path}?{list}")
    }

    /// Decides whether an export is in the caller's list at `now`.
    pub(super) fn filter(&self, caller: &Caller, now: Timestamp) -> impl Fn(&Export) -> bool {
        let asked = &self.asked;
        let term = asked.search.as_ref().map(Term::new);
        let is_of = |export: &Export, user: &String| match user.as_str() {
            ME => caller.has(export),
            id => export.user.id == id,
        };
        move |export| {
            (asked.statuses.is_empty() || asked.statuses.contains(&export.status_at(now)))
                && (asked.types.is_empty() || asked.types.contains(&export.type_name))
                && (asked.users.is_empty() || asked.users.iter().any(|user| is_of(export, user)))
                && self.created_at.contains(export.created_at)
                && term.as_ref().is_none_or(|term| is_found(term, export))
        }
    }
}

/// Whether the file's name, the recipient's name or address, or what narrowed the export contains the term.
fn is_found(term: &Term, export: &Export) -> bool {
    let user = &export.user;
    let is_in = |text: &str| term.is_in(text, Kind::Text);
    let texts = [&user.name, &user.email, &export.search];
    let mut texts = texts.into_iter().flatten().chain([&export.file_name]);
    texts.any(|text| is_in(text)) || is_in_a_filter(&export.filters, is_in)
}

/// The conditions of a filter that are bounds of a range, which are not what people search for.
const BOUNDS: [&str; 4] = ["from", "to", "min", "max"];

/// Whether a value of the filters, in the API's JSON form, matches.
fn is_in_a_filter(filters: &Value, matches: impl Fn(&str) -> bool) -> bool {
    let matches_one = |values: &Value| match values {
        Value::String(text) => matches(text),
        Value::Array(texts) => texts.iter().filter_map(Value::as_str).any(&matches),
        _ => false,
    };
    let mut filters = filters.as_object().into_iter().flatten();
    filters.any(|(name, filter)| match filter {
        Value::Object(conditions) => conditions.iter().any(|(condition, values)| {
            // An attribute may have any name.
            let is_bound = name != ATTRIBUTES && BOUNDS.contains(&condition.as_str());
            !is_bound && matches_one(values)
        }),
        values => matches_one(values),
    })
}

impl Asked {
    fn parse(pairs: &Pairs, catalog: &Catalog) -> Result<Self, Vec<FieldError>> {
        let mut asked = Self::default();
        let mut errors = Vec::new();
        for (name, value) in pairs.iter() {
            if let Err(message) = asked.take(name, value, catalog) {
                let name: String = name.chars().take(100).collect();
                errors.push(FieldError::new(name, message));
            }
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        asked.statuses.sort_by_key(|status| status.as_str());
        asked.statuses.dedup();
        for texts in [&mut asked.types, &mut asked.users] {
            texts.sort();
            texts.dedup();
        }
        Ok(asked)
    }

    fn take(&mut self, name: &str, value: &str, catalog: &Catalog) -> Result<(), String> {
        match name {
            "status" => self.statuses.push(status(value)?),
            "type" if catalog.get(value).is_some() || catalog.is_out_of_service(value) => {
                self.types.push(value.to_owned());
            }
            "type" => return Err("is no type of the catalog".to_owned()),
            "user" if value.is_empty() => return Err(format!("must be an id, or `{ME}`")),
            "user" => self.users.push(value.to_owned()),
            "search" if self.search.is_some() => return Err("must not be repeated".to_owned()),
            "search" => self.search = search(value)?,
            "created_at.from" => once(&mut self.created_at.from, value)?,
            "created_at.to" => once(&mut self.created_at.to, value)?,
            _ => {
                return Err(
                    "is unknown; the parameters are limit, cursor, status, type, user, search, \
                     created_at.from, created_at.to and time_zone"
                        .to_owned(),
                );
            }
        }
        Ok(())
    }
}

fn status(value: &str) -> Result<Status, String> {
    Status::parse(value).ok_or_else(|| {
        let all = Status::ALL.map(Status::as_str);
        format!("must be one of {}", all.join(", "))
    })
}

/// A blank search is none.
fn search(value: &str) -> Result<Option<Search>, String> {
    if value.trim().is_empty() {
        return Ok(None);
    }
    let search = Search::new(value).map(Some);
    search.ok_or_else(|| format!("must have at most {MAX_SEARCH_LENGTH} characters"))
}

fn once(bound: &mut Option<TimeBound>, value: &str) -> Result<(), String> {
    if bound.is_some() {
        return Err("must not be repeated".to_owned());
    }
    *bound = TimeBound::parse(value);
    match bound {
        Some(_) => Ok(()),
        None => Err(format!("must be {}", TimeBound::FORMS)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(pairs: &[(&str, &str)]) -> Result<ExportsQuery, String> {
        let catalog = Catalog::load().unwrap();
        let now = "2026-11-30T12:00:00Z".parse().unwrap();
        ExportsQuery::parse(Pairs::of(pairs), &catalog, now).map_err(|error| match error {
            ApiError::Invalid(errors) => errors
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join("\n"),
            other => panic!("{other:?}"),
        })
    }

    #[test]
    fn parameters_are_parsed_in_any_order_and_spelling() {
        let query = parse(&[
            ("type", "orders"),
            ("status", "failed"),
            ("user", "u-2"),
            ("status", "cancelled"),
            ("search", " ana "),
            ("limit", "100"),
            ("created_at.from", "-2d"),
            ("status", "canceled"),
            ("user", "me"),
            ("time_zone", "europe/lisbon"),
        ])
        .unwrap();
        assert_eq!(query.list.limit, 100);
        insta::assert_snapshot!(query.scope("/p"), @r#"/p?[["canceled","failed"],["orders"],["me","u-2"],"ana",["-2d",null],"Europe/Lisbon"]"#);
        let from = "2026-11-28T12:00:00Z".parse().unwrap();
        assert_eq!(query.created_at.from, Some(from));
        let none = parse(&[("search", "  ")]).unwrap();
        assert_eq!(none.scope("/p"), parse(&[]).unwrap().scope("/p"));
        assert_eq!(none.list.limit, 25);
    }

    #[test]
    fn every_invalid_parameter_is_named() {
        let long = "x".repeat(201);
        let wrong = [
            ("limit", "ten"),
            ("status", "pending"),
            ("status", ""),
            ("type", "invoices"),
            ("page", "2"),
            ("user", ""),
            ("search", &long),
            ("created_at.from", "yesterday"),
            ("created_at.to", "2026-01-01"),
            ("created_at.to", "2026-01-02"),
            ("time_zone", "Mars"),
        ];
        insta::assert_snapshot!(parse(&wrong).unwrap_err(), @"
        limit: must be a whole number from 1 to 100
        time_zone: must be the IANA name of a time zone, such as Europe/Lisbon
        status: must be one of waiting, processing, succeeded, failed, canceled, expired
        status: must be one of waiting, processing, succeeded, failed, canceled, expired
        type: is no type of the catalog
        page: is unknown; the parameters are limit, cursor, status, type, user, search, created_at.from, created_at.to and time_zone
        user: must be an id, or `me`
        search: must have at most 200 characters
        created_at.from: must be an instant (2017-10-01T00:00:00Z), a date (2017-10-01), or how long ago in days or hours (-30d, -12h)
        created_at.to: must not be repeated
        ");
        let reversed = [
            ("created_at.from", "2026-01-02"),
            ("created_at.to", "2026-01-02"),
        ];
        insta::assert_snapshot!(parse(&reversed).unwrap_err(), @"created_at.to: must be after `from`; it is the first instant not in the range");
        let twice = [("search", "a"), ("search", "b")];
        insta::assert_snapshot!(parse(&twice).unwrap_err(), @"search: must not be repeated");
    }

    #[test]
    fn a_search_looks_at_values_of_filters_and_at_no_bounds() {
        let filters = json!({
            "status": ["delivered", "shipped"],
            "from": ["ana@example.com"],
            "state": {"not": ["SP"], "empty": false},
            "amount": {"min": "10", "max": "20"},
            "created_at": {"from": "2017-10-01T00:00:00Z", "to": "2017-11-01T00:00:00Z"},
            "attributes": {"to": ["lisbon"], "vip": true},
        });
        let finds = |text: &str| is_in_a_filter(&filters, |value| value.contains(text));
        for text in ["shipped", "ana@", "SP", "lisbon"] {
            assert!(finds(text), "{text}");
        }
        for text in ["status", "10", "20", "2017", "true", "vip"] {
            assert!(!finds(text), "{text}");
        }
        assert!(!is_in_a_filter(&Value::Null, |_| true));
    }
}
