//! The selection of records: filters and a search, parsed from JSON or a query string.
//!
//! A request is parsed into [`Criteria`], which still contain relative dates such as `-30d`; equal requests have equal
//! criteria. [`Criteria::pin`] resolves them into a [`Selection`], which selects the same records at any later time.

mod column_filter;
mod decision;
mod parse;
mod projection;
mod range;
mod search;
mod time_bound;
mod undecided;

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use self::column_filter::{ColumnFilter, PinnedBound};
pub use self::decision::{Decision, Doubt, KeyTime};
pub use self::projection::{Condition, Fixed, MaskSecret, Projection, is_fixed};
pub use self::range::Range;
pub use self::search::{MAX_SEARCH_LENGTH, Search, Term};
pub use self::time_bound::TimeBound;
pub use self::undecided::UndecidedCounts;
use crate::catalog::CREATED_AT;
use crate::catalog::ExportType;
use crate::field_error::FieldError;
use crate::value::Kind;

/// A bound of a range of times.
trait Bound {
    /// The bound of a range of a column's times or dates.
    type OfColumn;
}

impl Bound for TimeBound {
    type OfColumn = TimeBound;
}

impl Bound for Timestamp {
    type OfColumn = PinnedBound;
}

/// Filters, all of which must match. `T` is the type of time bounds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound(
    serialize = "T: Serialize, T::OfColumn: Serialize",
    deserialize = "T: Deserialize<'de>, T::OfColumn: Deserialize<'de>"
))]
struct Filters<T: Bound> {
    #[serde(default, skip_serializing_if = "Range::is_empty")]
    created_at: Range<T>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    attributes: BTreeMap<String, Attribute>,
    /// By column.
    #[serde(flatten)]
    columns: BTreeMap<String, ColumnFilter<T::OfColumn>>,
}

impl<T: Bound> Default for Filters<T> {
    fn default() -> Self {
        Self {
            created_at: Range::default(),
            attributes: BTreeMap::new(),
            columns: BTreeMap::new(),
        }
    }
}

/// The filter on one attribute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "AttributeForm", into = "AttributeForm")]
enum Attribute {
    /// There is a value, which is neither false nor an empty text.
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

/// Filters and a search as requested. Equal requests have equal JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Criteria {
    filters: Filters<TimeBound>,
    search: Option<Search>,
    /// The kinds of the filtered columns.
    #[serde(skip)]
    kinds: BTreeMap<String, Kind>,
    /// The prefix of a filter's name in a field error.
    #[serde(skip)]
    prefix: &'static str,
}

impl Criteria {
    /// Parses `filters` and `search` of a JSON body. Absent, null, `{}` and a blank search mean no filter.
    ///
    /// # Errors
    /// One for each invalid field: a filter that the type does not have, a value that its column cannot have, an empty
    /// list, a bad date, a search of more than 200 characters.
    pub fn from_json(
        export_type: &ExportType,
        filters: Option<&serde_json::Value>,
        search: Option<&serde_json::Value>,
    ) -> Result<Self, Vec<FieldError>> {
        parse::from_json(export_type, filters, search)
    }

    /// Parses the decoded pairs of a query string: `status=a`, `status=b`, `created_at.from=-30d`,
    /// `attributes.vip=true` (records with the attribute `vip`, of any value), `search=ana`. The caller must remove
    /// other parameters, such as `limit`, first.
    ///
    /// # Errors
    /// As [`Criteria::from_json`], and for an unknown name.
    pub fn from_query<'a>(
        export_type: &ExportType,
        pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, Vec<FieldError>> {
        parse::from_query(export_type, pairs)
    }

    /// Resolves relative dates, counted from `now`, and days, which begin at 00:00 in `zone`, into instants.
    ///
    /// # Errors
    /// When a bound is outside the years 0 to 9999, or `to` is not after `from`.
    pub fn pin(&self, now: Timestamp, zone: &TimeZone) -> Result<Selection, Vec<FieldError>> {
        let field = format!("{}{CREATED_AT}", self.prefix);
        let created_at = self.filters.created_at.pin(now, zone, &field);
        let created_at = created_at.map_err(|error| vec![error])?;
        let mut columns = BTreeMap::new();
        for (name, filter) in &self.filters.columns {
            let kind = self.kinds.get(name).copied().unwrap_or(Kind::Text);
            let pinned = filter.pin(kind, now, zone).map_err(|(bound, message)| {
                let field = format!("{}{name}.{bound}", self.prefix);
                vec![FieldError::new(field, message)]
            });
            columns.insert(name.clone(), pinned?);
        }
        Ok(Selection {
            filters: Filters {
                created_at,
                attributes: self.filters.attributes.clone(),
                columns,
            },
            search: self.search.clone(),
        })
    }
}

/// The selection of an export: records that match every filter and the search.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Selection {
    #[serde(default)]
    filters: Filters<Timestamp>,
    #[serde(default)]
    search: Option<Search>,
}

impl Selection {
    /// Parses a stored selection from an export's `filters` (null for none) and `search`.
    ///
    /// # Errors
    /// When these are not the output of [`Selection::filters`] and [`Selection::search`].
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

    /// The filters in the API's JSON form, with RFC 3339 instants; null without filters.
    pub fn filters(&self) -> serde_json::Value {
        if self.filters == Filters::default() {
            return serde_json::Value::Null;
        }
        // Maps of text to text, lists and instants always have a JSON form.
        let mut json = serde_json::to_value(&self.filters).unwrap_or_default();
        // As when it is read from a table.
        json.sort_all_objects();
        json
    }

    /// The search text, trimmed.
    pub fn search(&self) -> Option<&str> {
        self.search.as_ref().map(Search::as_str)
    }

    /// The range of creation times, which may limit the keys that are read.
    pub fn created_at(&self) -> Range<Timestamp> {
        self.filters.created_at
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
    fn a_selection_is_stored_in_the_form_of_the_contract() {
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
    fn a_selection_of_all_records_is_stored_as_null() {
        let selection = pinned(json!({"created_at": {}}), json!(" ")).unwrap();
        assert_eq!(selection, Selection::default());
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
    fn an_empty_range_is_refused_when_its_instants_are_known() {
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
    fn an_invalid_stored_selection_is_refused() {
        for stored in [
            json!([]),
            json!({"status": "new"}),
            json!({"created_at": {"from": "-1d"}}),
        ] {
            assert!(Selection::from_stored(&stored, None).is_err(), "{stored}");
        }
    }
}
