//! What an export needs of each record, and the tests that a record must pass.

use jiff::Timestamp;

use super::decision::{Decision, Doubt, KeyTime};
use super::search::{Search, Term};
use super::{Attribute, Range, Selection};
use crate::catalog::ATTRIBUTES;
use crate::catalog::{Column, Constant, ExportType, Origin, Path};
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
    /// The filter on the time of creation; without a bound where there is none.
    created_at: Range<Timestamp>,
    /// What every record of the type has: the place of each value, and what it is.
    fixed: Vec<(usize, Constant)>,
    /// The places of the file's columns that a record of another type would not have: neither parts of the key, nor
    /// fixed, nor the same for every record.
    own: Vec<usize>,
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

    /// When the record was created. `None` where it does not say so, or in a form that cannot be read.
    pub fn created(&self, row: &[Value<'_>]) -> Option<Timestamp> {
        instant(self.created_stored, row.get(self.created)?.as_text()?)
    }

    /// The value that should say when the record was created.
    pub fn created_value<'r, 'v>(&self, row: &'r [Value<'v>]) -> &'r Value<'v> {
        row.get(self.created).unwrap_or(&Value::Missing)
    }

    /// Whether the record has none of the values that the file has columns for: an entity of another type in the same
    /// partition, or an index that does not hold the columns. Never where every column is a part of the key.
    pub fn is_blank(&self, row: &[Value<'_>]) -> bool {
        !self.own.is_empty()
            && self
                .own
                .iter()
                .all(|place| row.get(*place).is_none_or(Value::is_empty))
    }

    /// Whether the record belongs in the file of an export that was requested at `as_of`. `key` is what the record's
    /// key says of its time.
    ///
    /// What the type's `fixed` values and the filters exclude is out, and nothing is in doubt about it. Of the rest, a
    /// record whose time cannot be decided is in the file where only the bound of the request needs the time, and out
    /// where a filter does; the doubt is told either way.
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

    /// The path of the value in this place, where it is one.
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

/// How a value compares with what it should be in every record of the type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fixed {
    /// It is that.
    Equal,
    /// It reads the same and is of another type, such as the text `false` and the boolean.
    OtherType,
    /// It is another, or not there: the record is of another type.
    Other,
}

/// Compares a value with what it should be in every record of the type.
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

/// The places of the columns whose values are a record's own.
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

/// Whether values are compared as the texts that they are.
fn is_plain(kind: Kind, stored: Option<Stored>) -> bool {
    stored.is_none()
        && match kind {
            Kind::Integer | Kind::Decimal | Kind::Timestamp => false,
            Kind::Text | Kind::Boolean | Kind::Date | Kind::Email | Kind::Phone => true,
        }
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
mod tests;
