//! What a statement selects of each row.

use std::collections::BTreeSet;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::columns::ColumnError;
use crate::catalog::{Origin, Path, SqlSpec, StoredForm};
use crate::records::{Range, ReadRequest};
use crate::selection::Projection;

/// How far the bounds of a time without a zone are widened: clocks are put back, so that two instants have one time.
const CLOCK_CHANGE: SignedDuration = SignedDuration::from_hours(3);

/// What the values of a row are made of: the key, the parent, the expressions; where keys are compared, whether any in the
/// window are equal; where rows are numbered, the number.
#[derive(Debug)]
pub(in crate::records) struct Shape {
    /// The types of the key's columns, in numbers of the engine: a position is valid only for the same.
    pub(super) key_types: Vec<u32>,
    /// The number of expressions.
    pub(super) expressions: usize,
    /// Of each value of a record, the expressions of its paths in order of preference.
    pub(super) places: Vec<Place>,
    /// Whether each value of a record is that of the expression at the same place.
    pub(super) is_in_order: bool,
    /// Whether the statement decides on the time of creation, since the key begins with it.
    pub(super) is_bounded_by_key: bool,
    /// Whether an answer has the row's number in its window: where rows of the window may be left out of the answer.
    pub(super) is_numbered: bool,
    /// Whether the rows of a window are compared with each other, since nothing else tells whether their keys are equal.
    pub(super) compares_neighbors: bool,
}

/// The value of a record from the first of several expressions that has one.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) expressions: Vec<usize>,
    pub(super) otherwise: Option<String>,
}

/// The expressions that a request needs, each once, and how the engine decodes them.
#[derive(Debug)]
pub(super) struct Expressions<D> {
    /// Each in SQL, with its decoder.
    pub(super) all: Vec<(String, D)>,
    places: Vec<Place>,
    /// The columns that the expressions are of.
    pub(super) columns: BTreeSet<String>,
}

impl<D: PartialEq> Expressions<D> {
    /// The expressions of a projection, where `expression` makes that of a path, whose value is stored in a form.
    ///
    /// # Errors
    /// Those of `expression`.
    pub(super) fn new(
        projection: &Projection,
        expression: impl Fn(&Path, Option<&StoredForm>) -> Result<(String, D), ColumnError>,
    ) -> Result<Self, ColumnError> {
        let mut expressions = Self {
            all: Vec::new(),
            places: Vec::new(),
            columns: BTreeSet::new(),
        };
        for (origin, form) in projection.origins().iter().zip(projection.forms()) {
            let Origin::Paths { paths, otherwise } = origin else {
                // The catalog refuses a column of all other values for these engines.
                return Err(ColumnError::Missing {
                    name: "other".to_owned(),
                    similar: None,
                });
            };
            let places = paths
                .iter()
                .map(|path| Ok(expressions.place(path, expression(path, form)?)));
            let place = Place {
                expressions: places.collect::<Result<_, _>>()?,
                otherwise: otherwise.clone(),
            };
            expressions.places.push(place);
        }
        Ok(expressions)
    }

    fn place(&mut self, path: &Path, expression: (String, D)) -> usize {
        self.columns.insert(path.root().to_owned());
        let known = self.all.iter().position(|other| *other == expression);
        known.unwrap_or_else(|| {
            self.all.push(expression);
            self.all.len() - 1
        })
    }

    /// The shape of rows of a key and these expressions.
    pub(super) fn shape(
        &mut self,
        key_types: Vec<u32>,
        is_bounded_by_key: bool,
        (is_numbered, compares_neighbors): (bool, bool),
    ) -> Shape {
        let places = std::mem::take(&mut self.places);
        let mut in_order = places.iter().enumerate();
        let is_in_order = places.len() == self.all.len()
            && in_order.all(|(n, place)| place.expressions == [n] && place.otherwise.is_none());
        Shape {
            key_types,
            expressions: self.all.len(),
            places,
            is_in_order,
            is_bounded_by_key,
            is_numbered,
            compares_neighbors,
        }
    }
}

/// The bounds of the time of creation, which a column has. A row without the time is read, and the engine decides.
#[derive(Debug, Clone)]
pub(super) struct CreatedBounds {
    /// The first instant, inclusive.
    pub(super) from: Option<Timestamp>,
    /// The end, exclusive.
    pub(super) until: Timestamp,
    /// Whether the key begins with the column.
    pub(super) is_key: bool,
    /// Whether the bounds are those of the request, not wider.
    pub(super) is_exact: bool,
}

impl CreatedBounds {
    /// The column that has the request's time of creation, if it is one column.
    pub(super) fn column<'a>(request: &ReadRequest<'a>) -> Option<&'a str> {
        let path = request.projection.created_path()?;
        (path.names().len() == 1).then(|| path.root())
    }

    /// The bounds of a request by this column. Of a time without a zone, with the `zone` that the catalog names, they are
    /// those of that zone's times, as if in UTC.
    pub(super) fn new(
        column: &str,
        spec: &SqlSpec,
        request: &ReadRequest<'_>,
        zone: Option<&TimeZone>,
    ) -> Self {
        let Range { from, until, .. } = request.range;
        let (from, until) = match zone {
            None => (from, until),
            // The engine decides.
            Some(zone) => (
                from.map(|from| local(zone, from - CLOCK_CHANGE)),
                local(zone, until + CLOCK_CHANGE),
            ),
        };
        Self {
            from,
            until,
            is_key: spec.key.first().is_some_and(|first| first == column),
            is_exact: zone.is_none(),
        }
    }

    /// Whether the statement decides on the time of creation.
    pub(super) fn decides(&self) -> bool {
        self.is_key && self.is_exact
    }
}

/// The zone of a database's times that have none; `None` for UTC.
pub(super) fn zone(spec: &SqlSpec) -> Option<TimeZone> {
    TimeZone::get(spec.database.time_zone.as_deref()?).ok()
}

/// The time in a zone at an instant, as the instant at which it is that time in UTC.
fn local(zone: &TimeZone, instant: Timestamp) -> Timestamp {
    let time = zone.to_datetime(instant);
    TimeZone::UTC.to_timestamp(time).unwrap_or(instant)
}

/// Microseconds since 1970, the precision of databases, rounded up: earlier times stay earlier, and all others do not.
pub(in crate::records) fn microseconds(instant: Timestamp) -> i64 {
    let nanoseconds = instant.as_nanosecond();
    let up = i64::from(nanoseconds.rem_euclid(1_000) > 0);
    nanoseconds.div_euclid(1_000) as i64 + up
}
