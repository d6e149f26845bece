//! The values that an export needs of each record, and the tests that a record must pass.

use jiff::Timestamp;

use super::decision::{Decision, Doubt, KeyTime};
use super::search::{Search, Term};
use super::{Attribute, Range, Selection};
use crate::catalog::ATTRIBUTES;
use crate::catalog::{Column, Constant, ExportType, Origin, Path};
use crate::value::number::{from_cents, normal};
use crate::value::time::{Stamp, epoch_milliseconds, epoch_seconds};
use crate::value::{Kind, Stored, Value};

/// The values that an export needs of each record, in the order of a row: the file's columns first, then the creation
/// time, and values that are only compared.
#[derive(Debug, Clone)]
pub struct Projection {
    origins: Vec<Origin>,
    columns: usize,
    created: usize,
    created_stored: Option<Stored>,
    /// The filter on the creation time; without bounds if there is no filter.
    created_at: Range<Timestamp>,
    /// The `fixed` values of the type, each with its place in the row.
    fixed: Vec<(usize, Constant)>,
    /// The places of the file's columns that a record of another type would not have: no key attributes, no `fixed`
    /// attributes, and no values that are the same for every record.
    own: Vec<usize>,
    tests: Vec<Test>,
    conditions: Vec<Condition>,
}

/// A condition that every selected record meets, for a filter in the table's query. A record that the query cannot decide
/// is returned, and the projection decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// There is a value at the path.
    Exists(Path),
    /// The value at the path is one of these texts, or not a text.
    OneOf(Path, Vec<String>),
}

/// A test that a row must pass. Places are indexes in the row.
#[derive(Debug, Clone)]
enum Test {
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
    /// The projection for a file with these columns and this selection.
    pub fn new(export_type: &ExportType, columns: &[&Column], selection: &Selection) -> Self {
        let mut projection = Self {
            origins: columns.iter().map(|c| c.origin.clone()).collect(),
            columns: columns.len(),
            created: 0,
            created_stored: export_type.created_stored(),
            created_at: selection.filters.created_at,
            fixed: Vec::new(),
            own: own_places(export_type, columns),
            tests: Vec::new(),
            conditions: Vec::new(),
        };
        projection.created = projection.place(&export_type.created.clone().into());
        for (name, constant) in &export_type.records.fixed {
            let place = projection.place(&Path::new(name, []).into());
            projection.fixed.push((place, constant.clone()));
        }
        for (key, values) in &selection.filters.columns {
            projection.filter_column(export_type, key, values);
        }
        for (name, attribute) in &selection.filters.attributes {
            projection.filter_attribute(name, attribute);
        }
        if let Some(search) = &selection.search {
            projection.search(export_type, search);
        }
        projection
    }

    fn filter_column(&mut self, export_type: &ExportType, key: &str, values: &[String]) {
        let column = export_type.column(key);
        let kind = column.map_or(Kind::Text, |c| c.kind);
        let origin = column.map_or_else(|| Path::new(key, []).into(), |c| c.origin.clone());
        let stored = column.and_then(|c| c.stored);
        if let Some(path) = origin.path() {
            self.conditions.push(match is_plain(kind, stored) {
                true => Condition::OneOf(path.clone(), values.to_vec()),
                false => Condition::Exists(path.clone()),
            });
        }
        let values = values.iter().map(|value| comparable(kind, None, value));
        let values = values.collect();
        let place = self.place(&origin);
        self.tests.push(Test::Column {
            place,
            kind,
            stored,
            values,
        });
    }

    fn filter_attribute(&mut self, name: &str, attribute: &Attribute) {
        let path = Path::new(ATTRIBUTES, [name.to_owned()]);
        self.conditions.push(Condition::Exists(path.clone()));
        let place = self.place(&path.into());
        let attribute = attribute.clone();
        self.tests.push(Test::Attribute { place, attribute });
    }

    fn search(&mut self, export_type: &ExportType, search: &Search) {
        let searched = export_type.search.iter();
        let searched = searched.filter_map(|key| export_type.column(key));
        let places = searched.map(|c| (self.place(&c.origin), c.kind)).collect();
        let term = Term::new(search);
        self.tests.push(Test::Search { places, term });
    }

    /// The place of this value in a row. Adds the value if it is missing.
    fn place(&mut self, origin: &Origin) -> usize {
        if let Some(place) = self.origins.iter().position(|o| o == origin) {
            return place;
        }
        self.origins.push(origin.clone());
        self.origins.len() - 1
    }

    /// The origins of a row's values, in order.
    pub fn origins(&self) -> &[Origin] {
        &self.origins
    }

    /// The conditions that every selected record meets.
    pub fn conditions(&self) -> &[Condition] {
        &self.conditions
    }

    /// The values of the file's columns: the first values of the row.
    pub fn columns<'r, 'v>(&self, row: &'r [Value<'v>]) -> &'r [Value<'v>] {
        &row[..self.columns.min(row.len())]
    }

    /// The record's creation time. `None` if it is missing or cannot be interpreted.
    pub fn created(&self, row: &[Value<'_>]) -> Option<Timestamp> {
        instant(self.created_stored, row.get(self.created)?.as_text()?)
    }

    /// The value that should be the creation time.
    pub fn created_value<'r, 'v>(&self, row: &'r [Value<'v>]) -> &'r Value<'v> {
        row.get(self.created).unwrap_or(&Value::Missing)
    }

    /// Whether the record has no value in any column of the file. It may be of another type in the same partition, or the
    /// index may not project the columns. Always false if the columns are only key attributes or `fixed`.
    pub fn is_blank(&self, row: &[Value<'_>]) -> bool {
        let is_empty = |place: &usize| row.get(*place).is_none_or(Value::is_empty);
        !self.own.is_empty() && self.own.iter().all(is_empty)
    }

    /// Decides whether the record belongs in the file of an export that was requested at `as_of`. `key` is the result of
    /// reading the time in the record's key.
    ///
    /// A record that the type's `fixed` values or the filters exclude is out, without doubt. A record whose time cannot be
    /// interpreted is in the file if only the time of the request limits it, and out if a filter needs the time. Both are
    /// reported as doubtful.
    #[inline]
    pub fn decide(&self, row: &[Value<'_>], key: KeyTime, as_of: Timestamp) -> Decision {
        let mut doubt = None;
        for (place, constant) in &self.fixed {
            match is_fixed(row.get(*place).unwrap_or(&Value::Missing), constant) {
                Fixed::Equal => {}
                Fixed::OtherType => doubt = Some(Doubt::Fixed(*place)),
                Fixed::Other => return Decision::Excluded,
            }
        }
        if !self.tests.iter().all(|test| self.passes(test, row)) {
            return Decision::Excluded;
        }
        let (is_in, in_time) = self.decide_time(row, key, as_of);
        match in_time.or(doubt) {
            None if is_in => Decision::In,
            None => Decision::OutOfTime,
            Some(doubt) => Decision::Doubtful { is_in, doubt },
        }
    }

    fn decide_time(
        &self,
        row: &[Value<'_>],
        key: KeyTime,
        as_of: Timestamp,
    ) -> (bool, Option<Doubt>) {
        let is_filtered = !self.created_at.is_empty();
        let misfit = (key == KeyTime::Unreadable).then_some(Doubt::Key);
        if self.created_value(row).is_empty() {
            return (!is_filtered, misfit.or(Some(Doubt::Undated)));
        }
        if !is_filtered && key == KeyTime::WithinBounds {
            return (true, None);
        }
        match self.created(row) {
            Some(instant) => {
                let is_earlier = key == KeyTime::WithinBounds || instant < as_of;
                (is_earlier && self.created_at.contains(instant), misfit)
            }
            None => (!is_filtered, misfit.or(Some(Doubt::Created))),
        }
    }

    /// The path of the value in this place, if its origin is a single path.
    pub fn path(&self, place: usize) -> Option<&Path> {
        self.origins.get(place)?.path()
    }

    fn passes(&self, test: &Test, row: &[Value<'_>]) -> bool {
        match test {
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
                let value = row.get(*place);
                value.is_some_and(|value| matches(attribute, value))
            }
            Test::Search { places, term } => places.iter().any(|&(place, kind)| {
                let text = row.get(place).and_then(Value::as_text);
                text.is_some_and(|text| term.is_in(text, kind))
            }),
        }
    }
}

/// The result of comparing a value with the type's `fixed` value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fixed {
    /// The values are equal.
    Equal,
    /// The values have the same text and different DynamoDB types, such as the text `false` and the boolean.
    OtherType,
    /// The values differ, or the value is missing: the record is of another type.
    Other,
}

/// Compares a value with the type's `fixed` value.
pub fn is_fixed(value: &Value<'_>, constant: &Constant) -> Fixed {
    let is_equal = match (value, constant) {
        (Value::Text(found), Constant::Text(text)) => return Fixed::from(found == text),
        (Value::Bool(found), Constant::Boolean(flag)) => return Fixed::from(found == flag),
        (Value::Number(found), Constant::Integer(number)) => {
            return Fixed::from(normal(found) == normal(&number.to_string()));
        }
        (Value::Text(found), Constant::Integer(number)) => **found == number.to_string(),
        (Value::Text(found), Constant::Boolean(flag)) => {
            found.eq_ignore_ascii_case(&flag.to_string())
        }
        (Value::Number(found), Constant::Text(text)) => normal(found) == normal(text),
        (Value::Bool(found), Constant::Text(text)) => text.eq_ignore_ascii_case(&found.to_string()),
        _ => false,
    };
    match is_equal {
        true => Fixed::OtherType,
        false => Fixed::Other,
    }
}

impl From<bool> for Fixed {
    fn from(is_equal: bool) -> Self {
        match is_equal {
            true => Self::Equal,
            false => Self::Other,
        }
    }
}

/// The places of [`Projection::own`].
fn own_places(export_type: &ExportType, columns: &[&Column]) -> Vec<usize> {
    let records = &export_type.records;
    let fixed = records.fixed.iter().map(|(name, _)| name);
    let shared: Vec<&String> = [&records.partition_key, &records.sort_key]
        .into_iter()
        .chain(fixed)
        .collect();
    let is_own = |column: &Column| match &column.origin {
        Origin::Paths { paths, otherwise } => {
            otherwise.is_none()
                && paths
                    .iter()
                    .any(|path| !shared.iter().any(|name| *name == path.root()))
        }
        Origin::Others(_) => true,
    };
    let places = columns.iter().enumerate();
    places
        .filter(|(_, column)| is_own(column))
        .map(|(place, _)| place)
        .collect()
}

/// Whether values are compared as unchanged texts.
fn is_plain(kind: Kind, stored: Option<Stored>) -> bool {
    stored.is_none()
        && match kind {
            Kind::Integer | Kind::Decimal | Kind::Timestamp => false,
            Kind::Text | Kind::Boolean | Kind::Date | Kind::Email | Kind::Phone => true,
        }
}

/// The normal form of a value, so that `1.50` and `1.5` are equal, and so is an instant in two offsets.
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
        (Kind::Text | Kind::Boolean | Kind::Date | Kind::Email | Kind::Phone, _) => text.to_owned(),
    }
}

fn instant(stored: Option<Stored>, text: &str) -> Option<Timestamp> {
    match stored {
        Some(Stored::EpochS) => epoch_seconds(text),
        Some(Stored::EpochMs) => epoch_milliseconds(text),
        Some(Stored::Cents) | None => Some(Stamp::parse(text)?.instant),
    }
}

/// Whether a value matches the filter on an attribute. A list matches if one of its elements does.
fn matches(attribute: &Attribute, value: &Value<'_>) -> bool {
    let Some(text) = value.as_text() else {
        return false;
    };
    let Attribute::OneOf(accepted) = attribute else {
        return !matches!(value, Value::Bool(false)) && !text.is_empty();
    };
    if let Value::Json(json) = value
        && let Ok(elements) = serde_json::from_str::<Vec<serde_json::Value>>(json)
    {
        return elements.iter().any(|element| match element {
            serde_json::Value::String(text) => accepted.contains(text),
            element => accepted.contains(&element.to_string()),
        });
    }
    let is_number = matches!(value, Value::Number(_));
    let mut accepted = accepted.iter();
    accepted.any(|other| other == text || (is_number && normal(other) == normal(text)))
}

#[cfg(test)]
mod tests;
