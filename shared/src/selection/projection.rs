//! What an export needs of each record, and the tests that a record must pass.

use jiff::Timestamp;

use super::search::Term;
use super::{ATTRIBUTES, Attribute, Range, Selection};
use crate::catalog::{Column, ExportType, Origin, Path};
use crate::value::number::{from_cents, normal};
use crate::value::time::{Stamp, epoch_milliseconds, epoch_seconds};
use crate::value::{Kind, Stored, Value};

/// What an export needs of each record, in the order in which a source of records gives it: the file's columns first,
/// then what is only filtered or searched, and when the record was created.
#[derive(Debug, Clone)]
pub struct Projection {
    origins: Vec<Origin>,
    columns: usize,
    created: usize,
    created_stored: Option<Stored>,
    tests: Vec<Test>,
    conditions: Vec<Condition>,
}

/// Something that holds of every selected record, and that a source of records may look at before it gives a record.
/// What a source cannot tell, it gives: the selection decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// There is a value at the path.
    Exists(Path),
    /// The value at the path is one of these texts, where it is a text at all.
    OneOf(Path, Vec<String>),
}

/// One thing that must hold of a row; places are positions in it.
#[derive(Debug, Clone)]
enum Test {
    Created(Range<Timestamp>),
    Column {
        place: usize,
        kind: Kind,
        stored: Option<Stored>,
        values: Vec<String>,
    },
    Attribute {
        place: usize,
        attribute: Attribute,
    },
    Search {
        places: Vec<(usize, Kind)>,
        term: Term,
    },
}

impl Projection {
    /// What a file of these columns and this selection needs.
    pub fn new(export_type: &ExportType, columns: &[&Column], selection: &Selection) -> Self {
        let mut projection = Self {
            origins: columns.iter().map(|c| c.origin.clone()).collect(),
            columns: columns.len(),
            created: 0,
            created_stored: export_type.created_stored(),
            tests: Vec::new(),
            conditions: Vec::new(),
        };
        projection.created = projection.place(&export_type.created.clone().into());
        let filters = &selection.filters;
        if !filters.created_at.is_empty() {
            projection.tests.push(Test::Created(filters.created_at));
        }
        for (key, values) in &filters.columns {
            let column = export_type.column(key);
            let kind = column.map_or(Kind::Text, |c| c.kind);
            let origin = column.map_or_else(|| Path::new(key, []).into(), |c| c.origin.clone());
            let stored = column.and_then(|c| c.stored);
            if let Some(path) = origin.path() {
                projection.conditions.push(if is_plain(kind, stored) {
                    Condition::OneOf(path.clone(), values.clone())
                } else {
                    Condition::Exists(path.clone())
                });
            }
            let test = Test::Column {
                place: projection.place(&origin),
                kind,
                stored,
                values: values
                    .iter()
                    .map(|value| comparable(kind, None, value))
                    .collect(),
            };
            projection.tests.push(test);
        }
        for (name, attribute) in &filters.attributes {
            let path = Path::new(ATTRIBUTES, [name.clone()]);
            projection.conditions.push(Condition::Exists(path.clone()));
            let place = projection.place(&path.into());
            projection.tests.push(Test::Attribute {
                place,
                attribute: attribute.clone(),
            });
        }
        if let Some(search) = &selection.search {
            let searched = export_type
                .search
                .iter()
                .filter_map(|key| export_type.column(key));
            let places = searched
                .map(|c| (projection.place(&c.origin), c.kind))
                .collect();
            let term = Term::new(search);
            projection.tests.push(Test::Search { places, term });
        }
        projection
    }

    /// Where this value is in a row; it is added where it is not there yet.
    fn place(&mut self, origin: &Origin) -> usize {
        if let Some(place) = self.origins.iter().position(|o| o == origin) {
            return place;
        }
        self.origins.push(origin.clone());
        self.origins.len() - 1
    }

    /// What a row's values are read from, in their order.
    pub fn origins(&self) -> &[Origin] {
        &self.origins
    }

    /// What holds of every selected record and can be asked of a source of records.
    pub fn conditions(&self) -> &[Condition] {
        &self.conditions
    }

    /// The values of the file's columns: the first ones of the row.
    pub fn columns<'r, 'v>(&self, row: &'r [Value<'v>]) -> &'r [Value<'v>] {
        &row[..self.columns.min(row.len())]
    }

    /// When the record was created. `None` where it does not say so.
    pub fn created(&self, row: &[Value<'_>]) -> Option<Timestamp> {
        instant(self.created_stored, row.get(self.created)?.as_text()?)
    }

    /// Whether the row passes every test.
    pub(super) fn matches(&self, row: &[Value<'_>]) -> bool {
        self.tests.iter().all(|test| self.passes(test, row))
    }

    fn passes(&self, test: &Test, row: &[Value<'_>]) -> bool {
        match test {
            Test::Created(range) => self
                .created(row)
                .is_some_and(|instant| range.contains(instant)),
            Test::Column {
                place,
                kind,
                stored,
                values,
            } => {
                let Some(text) = row.get(*place).and_then(Value::as_text) else {
                    return false;
                };
                if is_plain(*kind, *stored) {
                    return values.iter().any(|value| value == text);
                }
                values.contains(&comparable(*kind, *stored, text))
            }
            Test::Attribute { place, attribute } => {
                row.get(*place).is_some_and(|value| has(attribute, value))
            }
            Test::Search { places, term } => places.iter().any(|&(place, kind)| {
                row.get(place)
                    .and_then(Value::as_text)
                    .is_some_and(|text| term.is_in(text, kind))
            }),
        }
    }
}

/// Whether values are compared as the texts that they are.
fn is_plain(kind: Kind, stored: Option<Stored>) -> bool {
    stored.is_none() && !kind.is_number() && kind != Kind::Timestamp
}

/// The one form of a value, so that `1.50` and 1.5 are equal, and one instant in two offsets.
fn comparable(kind: Kind, stored: Option<Stored>, text: &str) -> String {
    match (kind, stored) {
        (_, Some(Stored::Cents)) => match from_cents(text) {
            Some(decimal) => normal(&decimal).into_owned(),
            None => text.to_owned(),
        },
        (Kind::Integer | Kind::Decimal, _) => normal(text).into_owned(),
        (Kind::Timestamp, stored) => {
            instant(stored, text).map_or_else(|| text.to_owned(), |i| i.to_string())
        }
        _ => text.to_owned(),
    }
}

fn instant(stored: Option<Stored>, text: &str) -> Option<Timestamp> {
    match stored {
        Some(Stored::EpochS) => epoch_seconds(text),
        Some(Stored::EpochMs) => epoch_milliseconds(text),
        Some(Stored::Cents) | None => Some(Stamp::parse(text)?.instant),
    }
}

/// Whether a record's attribute is as asked. One that is a list has each of its elements.
fn has(attribute: &Attribute, value: &Value<'_>) -> bool {
    let Some(text) = value.as_text() else {
        return false;
    };
    let Attribute::OneOf(wanted) = attribute else {
        return true;
    };
    if let Value::Json(json) = value
        && let Ok(elements) = serde_json::from_str::<Vec<serde_json::Value>>(json)
    {
        return elements.iter().any(|element| match element {
            serde_json::Value::String(text) => wanted.contains(text),
            element => wanted.contains(&element.to_string()),
        });
    }
    wanted.iter().any(|wanted| {
        wanted == text || (matches!(value, Value::Number(_)) && normal(wanted) == normal(text))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::selection::Criteria;
    use crate::selection::tests::{leads, orders};

    fn selection(export_type: &ExportType, filters: serde_json::Value, search: &str) -> Selection {
        let criteria =
            Criteria::from_json(export_type, Some(&filters), Some(&json!(search))).unwrap();
        criteria
            .pin(
                "2026-11-21T12:01:02Z".parse().unwrap(),
                &jiff::tz::TimeZone::UTC,
            )
            .unwrap()
    }

    /// Whether a lead with this one value, and nothing else, is selected.
    fn selected(filters: serde_json::Value, search: &str, path: &str, value: Value<'_>) -> bool {
        let leads = leads();
        let selection = selection(&leads, filters, search);
        let projection = Projection::new(&leads, &[], &selection);
        let row: Vec<_> = paths(&projection)
            .iter()
            .map(|p| {
                if p == path {
                    value.clone()
                } else {
                    Value::Missing
                }
            })
            .collect();
        selection.matches(&projection, &row)
    }

    fn paths(projection: &Projection) -> Vec<String> {
        let path = |origin: &Origin| origin.path().map(ToString::to_string).unwrap_or_default();
        projection.origins().iter().map(path).collect()
    }

    fn text(text: &str) -> Value<'_> {
        Value::Text(text.into())
    }

    fn number(text: &str) -> Value<'_> {
        Value::Number(text.into())
    }

    #[test]
    fn the_files_columns_come_first_and_nothing_else_twice() {
        let orders = orders();
        let columns = orders.select_columns(&["customer", "status"]).unwrap();
        let selection = selection(
            &orders,
            json!({"status": ["shipped"], "state": "SP"}),
            "ana",
        );
        let projection = Projection::new(&orders, &columns, &selection);
        assert_eq!(
            paths(&projection),
            [
                "customer",
                "status",
                "created_at",
                "state",
                "id",
                "reference",
                "city"
            ]
        );
        let row = [
            text("Ana"),
            text("shipped"),
            text("2017-10-02T10:56:33Z"),
            text("SP"),
            text("1"),
        ];
        assert_eq!(projection.columns(&row), &row[..2]);
        assert_eq!(
            projection.created(&row),
            Some("2017-10-02T10:56:33Z".parse().unwrap())
        );
        assert!(selection.matches(&projection, &row));
    }

    #[test]
    fn every_filter_and_the_search_must_hold() {
        let orders = orders();
        let selection = selection(
            &orders,
            json!({"status": ["shipped", "delivered"], "state": "SP"}),
            "ana",
        );
        let columns = orders
            .select_columns(&["customer", "status", "created_at", "state"])
            .unwrap();
        let projection = Projection::new(&orders, &columns, &selection);
        let matches = |customer, status, state| {
            let nothing = std::iter::repeat_n(Value::Null, projection.origins().len() - 4);
            let row: Vec<_> = [text(customer), text(status), Value::Null, text(state)]
                .into_iter()
                .chain(nothing)
                .collect();
            selection.matches(&projection, &row)
        };
        assert!(matches("Mariana", "shipped", "SP"));
        assert!(!matches("Maria", "shipped", "SP"));
        assert!(!matches("Mariana", "created", "SP"));
        assert!(!matches("Mariana", "shipped", "sp"));
    }

    #[test]
    fn created_is_from_inclusive_to_exclusive() {
        let filter = json!({"created_at": {"from": "2017-10-01", "to": "2017-11-01"}});
        for (created, expected) in [
            ("2017-09-30T23:59:59.999999999Z", false),
            ("2017-10-01T00:00:00Z", true),
            ("2017-10-01T01:00:00+02:00", false),
            ("2017-10-31T23:59:59.999Z", true),
            ("2017-11-01T00:00:00Z", false),
            ("2017-10-15", false),
            ("soon", false),
        ] {
            assert_eq!(
                selected(filter.clone(), "", "created_at", text(created)),
                expected,
                "{created}"
            );
        }
        assert!(!selected(filter, "", "created_at", Value::Missing));
        assert!(selected(json!({}), "", "created_at", Value::Missing));
    }

    #[test]
    fn numbers_and_instants_are_compared_by_value() {
        for (filters, path, value, expected) in [
            (json!({"score": 1.5}), "score", number("1.50"), true),
            (json!({"score": ["7", "8"]}), "score", number("8"), true),
            (json!({"score": 7}), "score", number("70"), false),
            (
                json!({"seen": "2017-10-01T02:00:00+02:00"}),
                "seen",
                number("1506816000"),
                true,
            ),
            (
                json!({"seen": "2017-10-01T02:00:00Z"}),
                "seen",
                number("1506816000"),
                false,
            ),
            (json!({"vip": true}), "vip", Value::Bool(true), true),
            (json!({"vip": false}), "vip", Value::Bool(true), false),
            (json!({"vip": false}), "vip", Value::Missing, false),
            (
                json!({"born": "2000-02-29"}),
                "born",
                text("2000-02-29"),
                true,
            ),
            (json!({"status": "new"}), "status", text("New"), false),
        ] {
            assert_eq!(
                selected(filters.clone(), "", path, value.clone()),
                expected,
                "{filters} {value:?}"
            );
        }
    }

    #[test]
    fn an_attribute_is_there_or_is_one_of_several() {
        let list = || Value::Json(r#"["a",5]"#.into());
        for (filters, value, expected) in [
            (json!({"tag": true}), text("x"), true),
            (json!({"tag": true}), text(""), true),
            (json!({"tag": true}), Value::Null, false),
            (json!({"tag": true}), Value::Missing, false),
            (json!({"tag": ["a", "b"]}), text("b"), true),
            (json!({"tag": ["a", "b"]}), text("c"), false),
            (json!({"tag": "a"}), list(), true),
            (json!({"tag": 5}), list(), true),
            (json!({"tag": "b"}), list(), false),
            (json!({"tag": "5.0"}), number("5"), true),
            (json!({"tag": "5.0"}), text("5"), false),
        ] {
            let filters = json!({"attributes": filters});
            assert_eq!(
                selected(filters.clone(), "", "attributes.tag", value.clone()),
                expected,
                "{filters} {value:?}"
            );
        }
        let both = json!({"attributes": {"tag": true, "other": true}});
        assert!(!selected(both, "", "attributes.tag", text("x")));
    }

    #[test]
    fn a_search_looks_into_the_searched_fields_alone() {
        assert!(selected(json!({}), "ANA", "name", text("Mariana")));
        assert!(!selected(json!({}), "ANA", "status", text("Mariana")));
        assert!(selected(
            json!({}),
            "519748",
            "phone",
            text("+1-519-748-2199")
        ));
        assert!(!selected(
            json!({}),
            "519748",
            "name",
            text("+1-519-748-2199")
        ));
    }

    #[test]
    fn what_a_source_can_be_asked_is_no_more_than_what_holds() {
        let leads = leads();
        let filters = json!({"status": ["new", "sold"], "score": 7, "vip": true, "seen": "2017-10-01T00:00:00Z",
            "created_at": {"from": "-1d"}, "attributes": {"tag": ["a"]}});
        let selection = selection(&leads, filters, "ana");
        let path = |text: &str| Path::new(text, []);
        assert_eq!(
            Projection::new(&leads, &[], &selection).conditions(),
            [
                Condition::Exists(path("score")),
                Condition::Exists(path("seen")),
                Condition::OneOf(path("status"), vec!["new".to_owned(), "sold".to_owned()]),
                Condition::OneOf(path("vip"), vec!["true".to_owned()]),
                Condition::Exists(Path::new(ATTRIBUTES, ["tag".to_owned()])),
            ]
        );
    }
}
