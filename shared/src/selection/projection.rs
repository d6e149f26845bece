//! The values that an export needs of each record, and the tests that a record must pass ([`row_filter`] decides).

mod column_test;
mod conversion;
mod mask;
mod row_filter;

use jiff::Timestamp;

use self::column_test::{ColumnTest, is_plain};
use self::conversion::converted;
pub use self::mask::MaskSecret;
pub use self::row_filter::{Fixed, is_fixed};
use super::column_filter::{ColumnFilter, PinnedBound};
use super::search::{Search, Term};
use super::{Attribute, Range, Selection};
use crate::catalog::ATTRIBUTES;
use crate::catalog::{
    Column, Conversion, ExportType, FixedCondition, Mask, Origin, Path, StoredForm,
};
use crate::value::time::{Stamp, epoch_milliseconds, epoch_seconds};
use crate::value::{Kind, Stored, Value};

/// The values that an export needs of each record, in the order of a row: the file's columns first, then the creation
/// time, and values that are only compared.
#[derive(Debug, Clone)]
pub struct Projection {
    origins: Vec<Origin>,
    /// What is done with the value of each origin.
    conversions: Vec<Conversion>,
    /// For masks that need a secret.
    secret: Option<MaskSecret>,
    columns: usize,
    created: Option<usize>,
    created_stored: Option<Stored>,
    /// The filter on the creation time; without bounds if there is no filter.
    created_at: Range<Timestamp>,
    /// The `fixed` conditions of the type, each with its place in the row.
    fixed: Vec<(usize, FixedCondition)>,
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
    /// The value at the path is equal to one of these numbers, or not a number.
    Number(Path, Vec<String>),
}

/// A test that a row must pass. Places are indexes in the row.
#[derive(Debug, Clone)]
enum Test {
    Column {
        place: usize,
        test: ColumnTest,
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
            conversions: columns.iter().map(|c| c.conversion.clone()).collect(),
            secret: None,
            columns: columns.len(),
            created: None,
            created_stored: export_type.created_stored(),
            created_at: selection.filters.created_at,
            fixed: Vec::new(),
            own: own_places(export_type, columns),
            tests: Vec::new(),
            conditions: Vec::new(),
        };
        let of_created = Conversion {
            form: export_type.created_form(),
            mask: None,
        };
        let created = export_type.created.clone();
        projection.created = created.map(|path| projection.place(&path.into(), &of_created));
        for (name, condition) in export_type.records.fixed() {
            let path = Path::new(name, []).into();
            let place = projection.place(&path, &Conversion::default());
            projection.fixed.push((place, condition.clone()));
        }
        for (key, filter) in &selection.filters.columns {
            projection.filter_column(export_type, key, filter);
        }
        for (name, attribute) in &selection.filters.attributes {
            projection.filter_attribute(name, attribute);
        }
        if let Some(search) = &selection.search {
            projection.search(export_type, search);
        }
        projection
    }

    /// Whether values are masked with a secret. Without it, they show nothing.
    pub fn needs_secret(&self) -> bool {
        let mut masks = self.conversions.iter().map(|conversion| conversion.mask);
        masks.any(|mask| mask == Some(Mask::Hash))
    }

    /// The projection with the secret of masks.
    #[must_use]
    pub fn with_secret(self, secret: MaskSecret) -> Self {
        Self {
            secret: Some(secret),
            ..self
        }
    }

    fn filter_column(
        &mut self,
        export_type: &ExportType,
        key: &str,
        filter: &ColumnFilter<PinnedBound>,
    ) {
        let column = export_type.column(key).cloned();
        let column = column.unwrap_or_else(|| Column::new(key, Kind::Text, Path::new(key, [])));
        self.conditions.extend(narrowing(&column, filter));
        let place = self.place(&column.origin, &column.conversion);
        self.tests.push(Test::Column {
            place,
            test: ColumnTest::new(&column, filter),
        });
    }

    fn filter_attribute(&mut self, name: &str, attribute: &Attribute) {
        let path = Path::new(ATTRIBUTES, [name.to_owned()]);
        self.conditions.push(Condition::Exists(path.clone()));
        let place = self.place(&path.into(), &Conversion::default());
        let attribute = attribute.clone();
        self.tests.push(Test::Attribute { place, attribute });
    }

    fn search(&mut self, export_type: &ExportType, search: &Search) {
        let searched = export_type.search.iter();
        let searched = searched.filter_map(|key| export_type.column(key));
        let places = searched.map(|c| (self.place(&c.origin, &c.conversion), c.kind));
        let places = places.collect();
        let term = Term::new(search);
        self.tests.push(Test::Search { places, term });
    }

    /// The place of this value in a row. Adds the value if it is missing.
    fn place(&mut self, origin: &Origin, conversion: &Conversion) -> usize {
        let mut known = self.origins.iter().zip(&self.conversions);
        if let Some(place) = known.position(|known| known == (origin, conversion)) {
            return place;
        }
        self.origins.push(origin.clone());
        self.conversions.push(conversion.clone());
        self.origins.len() - 1
    }

    /// The origins of a row's values, in order.
    pub fn origins(&self) -> &[Origin] {
        &self.origins
    }

    /// The forms in which a row's values are stored, in order; `None` for that of their kind.
    pub fn forms(&self) -> impl Iterator<Item = Option<&StoredForm>> {
        self.conversions
            .iter()
            .map(|conversion| conversion.form.as_ref())
    }

    /// Converts the values of a row, as they are stored, to those that everything else reads.
    #[inline]
    pub fn convert(&self, row: &mut [Value<'_>]) {
        for (value, conversion) in row.iter_mut().zip(&self.conversions) {
            if !conversion.is_none() {
                let stored = std::mem::replace(value, Value::Missing);
                *value = converted(conversion, self.secret.as_ref(), stored);
            }
        }
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
        instant(self.created_stored, row.get(self.created?)?.as_text()?)
    }

    /// The value that should be the creation time.
    pub fn created_value<'r, 'v>(&self, row: &'r [Value<'v>]) -> &'r Value<'v> {
        let created = self.created.and_then(|place| row.get(place));
        created.unwrap_or(&Value::Missing)
    }

    /// The path of the creation time.
    pub fn created_path(&self) -> Option<&Path> {
        self.path(self.created?)
    }

    /// Whether the record has no value in any column of the file. It may be of another type in the same partition, or the
    /// index may not project the columns. Always false if the columns are only key attributes or `fixed`.
    pub fn is_blank(&self, row: &[Value<'_>]) -> bool {
        let is_empty = |place: &usize| row.get(*place).is_none_or(Value::is_empty);
        !self.own.is_empty() && self.own.iter().all(is_empty)
    }

    /// The path of the value in this place, if its origin is a single path.
    pub fn path(&self, place: usize) -> Option<&Path> {
        self.origins.get(place)?.path()
    }
}

/// A condition that every record meets whose value meets the filter. None for a masked value, so that nobody finds it by
/// what a database narrows.
fn narrowing(column: &Column, filter: &ColumnFilter<PinnedBound>) -> Option<Condition> {
    let path = column.origin.path()?.clone();
    let Column { kind, stored, .. } = *column;
    if column.conversion.mask.is_some() || !filter.needs_value() {
        return None;
    }
    Some(match (filter, kind, stored) {
        (ColumnFilter::Conditions(_), ..) => Condition::Exists(path),
        _ if column.conversion.form.is_some() => Condition::Exists(path),
        (ColumnFilter::OneOf(values), Kind::Integer | Kind::Decimal, None) => {
            Condition::Number(path, values.clone())
        }
        (ColumnFilter::OneOf(values), ..) if is_plain(kind, stored) => {
            Condition::OneOf(path, values.clone())
        }
        _ => Condition::Exists(path),
    })
}

/// The places of [`Projection::own`].
fn own_places(export_type: &ExportType, columns: &[&Column]) -> Vec<usize> {
    let records = &export_type.records;
    let fixed = records.fixed().iter().map(|(name, _)| name.as_str());
    let shared: Vec<&str> = records.key_names().into_iter().chain(fixed).collect();
    let is_own = |column: &Column| match &column.origin {
        Origin::Paths { paths, otherwise } => {
            otherwise.is_none() && paths.iter().any(|path| !shared.contains(&path.root()))
        }
        Origin::Others(_) => true,
    };
    let places = columns.iter().enumerate();
    places
        .filter(|(_, column)| is_own(column))
        .map(|(place, _)| place)
        .collect()
}

fn instant(stored: Option<Stored>, text: &str) -> Option<Timestamp> {
    match stored {
        Some(Stored::EpochS) => epoch_seconds(text),
        Some(Stored::EpochMs) => epoch_milliseconds(text),
        Some(Stored::Cents) | None => Some(Stamp::parse(text)?.instant),
    }
}

#[cfg(test)]
mod tests;
