//! Which records an export holds: filters and a search, parsed once from JSON or a query string.
//!
//! A request is read into [`Criteria`], in which `-30d` still is thirty days ago; that form is what two equal requests
//! have in common. [`Criteria::pin`] makes a [`Selection`] of it, which means the same records at any later time.

mod decision;
mod moment;
mod parse;
mod projection;
mod search;
mod undecided;

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

pub use self::decision::{Decision, Doubt, KeyTime};
pub use self::moment::Moment;
pub use self::projection::{Condition, Fixed, Projection, is_fixed};
pub use self::search::{MAX_SEARCH_LENGTH, Search};
pub use self::undecided::UndecidedCounts;
use crate::catalog::CREATED_AT;
use crate::catalog::ExportType;
use crate::field_error::FieldError;

/// Filters that must all hold, with bounds in time of type `T`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound(deserialize = "T: Deserialize<'de>"))]
struct Filters<T> {
    #[serde(default, skip_serializing_if = "Range::is_empty")]
    created_at: Range<T>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    attributes: BTreeMap<String, Attribute>,
    /// By column: the value is one of these. Sorted, each once.
    #[serde(flatten)]
    columns: BTreeMap<String, Vec<String>>,
}

impl<T> Default for Filters<T> {
    fn default() -> Self {
        Self {
            created_at: Range::default(),
            attributes: BTreeMap::new(),
            columns: BTreeMap::new(),
        }
    }
}

/// A range of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Range<T> {
    /// The first instant in it.
    #[serde(default = "none", skip_serializing_if = "Option::is_none")]
    pub from: Option<T>,
    /// The first instant after it.
    #[serde(default = "none", skip_serializing_if = "Option::is_none")]
    pub to: Option<T>,
}

fn none<T>() -> Option<T> {
    None
}

impl<T> Default for Range<T> {
    fn default() -> Self {
        Self {
            from: None,
            to: None,
        }
    }
}

impl<T> Range<T> {
    /// Whether it has no bound at all.
    pub fn is_empty(&self) -> bool {
        self.from.is_none() && self.to.is_none()
    }
}

impl Range<Timestamp> {
    /// Whether the instant is in the range.
    pub fn contains(&self, instant: Timestamp) -> bool {
        self.from.is_none_or(|from| from <= instant) && self.to.is_none_or(|to| instant < to)
    }
}

/// What an attribute must be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "AttributeForm", into = "AttributeForm")]
enum Attribute {
    Present,
    OneOf(Vec<String>),
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum AttributeForm {
    Present(bool),
    OneOf(Vec<String>),
}

impl From<AttributeForm> for Attribute {
    fn from(form: AttributeForm) -> Self {
        match form {
            AttributeForm::Present(_) => Attribute::Present,
            AttributeForm::OneOf(values) => Attribute::OneOf(values),
        }
    }
}

impl From<Attribute> for AttributeForm {
    fn from(attribute: Attribute) -> Self {
        match attribute {
            Attribute::Present => AttributeForm::Present(true),
            Attribute::OneOf(values) => AttributeForm::OneOf(values),
        }
    }
}

/// Filters and a search as they were asked for. Its JSON is the same for requests that mean the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Criteria {
    filters: Filters<Moment>,
    search: Option<Search>,
    /// What stands before a filter's name in a field error.
    #[serde(skip)]
    prefix: &'static str,
}

impl Criteria {
    /// Reads `filters` and `search` of a JSON body. Absent, null, `{}` and a blank search are no filter.
    ///
    /// # Errors
    /// One for each field that is wrong: a filter that the type does not name, a value that its column cannot have, an
    /// empty list, a bad date, a search of more than 200 characters.
    pub fn from_json(
        export_type: &ExportType,
        filters: Option<&serde_json::Value>,
        search: Option<&serde_json::Value>,
    ) -> Result<Self, Vec<FieldError>> {
        parse::from_json(export_type, filters, search)
    }

    /// Reads a query string's decoded pairs: `status=a`, `status=b`, `created_at.from=-30d`, `attributes.vip=true`
    /// (which has the attribute `vip`, whatever its value), `search=ana`. The caller takes out what is its own, such as
    /// `limit`.
    ///
    /// # Errors
    /// As [`Criteria::from_json`], and for a name that is no filter.
    pub fn from_query<'a>(
        export_type: &ExportType,
        pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, Vec<FieldError>> {
        parse::from_query(export_type, pairs)
    }

    /// Makes instants of relative dates, counted from `now`, and of days, which begin at 00:00 in `zone`.
    ///
    /// # Errors
    /// When a bound is outside of the years 0 to 9999, or `to` is not after `from`.
    pub fn pin(&self, now: Timestamp, zone: &TimeZone) -> Result<Selection, Vec<FieldError>> {
        let bound = |name: &str, moment: Option<Moment>| match moment {
            None => Ok(None),
            Some(moment) => moment.pin(now, zone).map(Some).ok_or_else(|| {
                let field = format!("{}{CREATED_AT}.{name}", self.prefix);
                vec![FieldError::new(field, "must be in the years 0 to 9999")]
            }),
        };
        let created_at = Range {
            from: bound("from", self.filters.created_at.from)?,
            to: bound("to", self.filters.created_at.to)?,
        };
        if let (Some(from), Some(to)) = (created_at.from, created_at.to)
            && to <= from
        {
            let field = format!("{}{CREATED_AT}.to", self.prefix);
            return Err(vec![FieldError::new(
                field,
                "must be after `from`; it is the first instant not in the range",
            )]);
        }
        Ok(Selection {
            filters: Filters {
                created_at,
                attributes: self.filters.attributes.clone(),
                columns: self.filters.columns.clone(),
            },
            search: self.search.clone(),
        })
    }
}

/// The records of an export: those that pass every filter and the search.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Selection {
    #[serde(default)]
    filters: Filters<Timestamp>,
    #[serde(default)]
    search: Option<Search>,
}

impl Selection {
    /// The selection that an export stored: its `filters` and its `search`, null for none.
    ///
    /// # Errors
    /// When these are not what [`Selection::filters`] and [`Selection::search`] gave.
    pub fn from_stored(
        filters: &serde_json::Value,
        search: Option<&str>,
    ) -> Result<Self, serde_json::Error> {
        let filters = match filters {
            serde_json::Value::Null => Filters::default(),
            filters => Filters::deserialize(filters)?,
        };
        Ok(Self {
            filters,
            search: search.and_then(Search::new),
        })
    }

    /// The filters in the contract's form, with RFC 3339 instants; null where there are none.
    pub fn filters(&self) -> serde_json::Value {
        if self.filters == Filters::default() {
            return serde_json::Value::Null;
        }
        // Maps of text to text, lists and instants always have a JSON form.
        serde_json::to_value(&self.filters).unwrap_or_default()
    }

    /// The searched text, trimmed.
    pub fn search(&self) -> Option<&str> {
        self.search.as_ref().map(Search::as_str)
    }

    /// When the records were created; it may bound the keys that are read.
    pub fn created_at(&self) -> Range<Timestamp> {
        self.filters.created_at
    }

    /// Whether every record is in it.
    pub fn is_everything(&self) -> bool {
        *self == Self::default()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::catalog::Catalog;

    pub(super) fn orders() -> ExportType {
        let catalog = Catalog::parse(include_str!("../../infra/catalog.toml")).unwrap();
        catalog.get("orders").unwrap().clone()
    }

    /// A type with a filter of every kind.
    pub(super) fn leads() -> ExportType {
        let catalog = Catalog::parse(
            r#"
            [[type]]
            name     = "leads"
            parent   = "source"
            delivery = "link"
            records  = { engine = "dynamodb", table = "RECORDS_TABLE", partition = "leads#{parent}",
                         partition_key = "pk", sort_key = "sk", sort_format = "rfc3339_ms#id" }
            created  = "created_at"
            search   = ["name", "phone"]
            filters  = ["status", "created_at", "attributes", "score", "vip", "born", "seen"]
            columns  = [ { key = "name", kind = "text" }, { key = "phone", kind = "phone" },
                         { key = "city", kind = "text", path = "address.city" }, { key = "status", kind = "text" },
                         { key = "score", kind = "decimal" }, { key = "vip", kind = "boolean" },
                         { key = "born", kind = "date" }, { key = "seen", kind = "timestamp", from = "epoch_s" } ]
            "#,
        );
        catalog.unwrap().get("leads").unwrap().clone()
    }

    fn pinned(
        filters: serde_json::Value,
        search: serde_json::Value,
    ) -> Result<Selection, Vec<FieldError>> {
        let criteria = Criteria::from_json(&leads(), Some(&filters), Some(&search)).unwrap();
        criteria.pin(
            "2026-11-21T12:01:02Z".parse().unwrap(),
            &TimeZone::get("America/Sao_Paulo").unwrap(),
        )
    }

    #[test]
    fn a_selection_is_stored_as_the_contract_shows_it() {
        let filters = json!({
            "created_at": {"from": "-1d", "to": "2026-11-21"},
            "status": "new",
            "attributes": {"vip": true, "campaign": "a"},
        });
        let selection = pinned(filters, json!(" Ana")).unwrap();
        let stored = selection.filters();
        assert_eq!(
            stored,
            json!({
                "created_at": {"from": "2026-11-20T12:01:02Z", "to": "2026-11-21T03:00:00Z"},
                "status": ["new"],
                "attributes": {"vip": true, "campaign": ["a"]},
            })
        );
        assert_eq!(selection.search(), Some("Ana"));
        assert_eq!(
            Selection::from_stored(&stored, Some("Ana")).unwrap(),
            selection
        );
        let copy: Selection =
            serde_json::from_value(serde_json::to_value(&selection).unwrap()).unwrap();
        assert_eq!(copy, selection);
        assert_eq!(
            selection.created_at().from,
            Some("2026-11-20T12:01:02Z".parse().unwrap())
        );
    }

    #[test]
    fn everything_is_stored_as_null() {
        let selection = pinned(json!({"created_at": {}}), json!(" ")).unwrap();
        assert!(selection.is_everything());
        assert_eq!(
            (selection.filters(), selection.search()),
            (serde_json::Value::Null, None)
        );
        assert_eq!(
            Selection::from_stored(&json!(null), None).unwrap(),
            selection
        );
        assert_eq!(Selection::from_stored(&json!({}), None).unwrap(), selection);
    }

    #[test]
    fn an_empty_range_is_refused_once_its_instants_are_known() {
        for (from, to) in [
            ("-1d", "-2d"),
            ("2017-10-01", "2017-10-01"),
            ("2017-10-01", "2017-10-01T03:00:00Z"),
        ] {
            let errors =
                pinned(json!({"created_at": {"from": from, "to": to}}), json!(null)).unwrap_err();
            insta::allow_duplicates! {
                insta::assert_snapshot!(errors[0],
                    @"filters.created_at.to: must be after `from`; it is the first instant not in the range");
            }
        }
        let errors = pinned(json!({"created_at": {"from": "-1000000d"}}), json!(null)).unwrap_err();
        insta::assert_snapshot!(errors[0], @"filters.created_at.from: must be in the years 0 to 9999");
    }

    #[test]
    fn what_was_not_stored_by_a_selection_is_refused() {
        for stored in [
            json!([]),
            json!({"status": "new"}),
            json!({"created_at": {"from": "-1d"}}),
        ] {
            assert!(Selection::from_stored(&stored, None).is_err(), "{stored}");
        }
    }
}
