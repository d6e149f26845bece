//! The statements that read a window of keys, and what their rows contain.

use std::collections::BTreeSet;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use tokio_postgres::types::Type;

use super::decode::Decoder;
use super::narrowing;
use super::sql;
use super::table::{ColumnError, Table};
use crate::catalog::{Origin, Path, SqlSpec, StoredForm};
use crate::records::{Order, Range, ReadRequest};

/// What a statement selects and compares, for one read.
#[derive(Debug)]
pub(super) struct Selected {
    /// The columns of the key, quoted, and their types.
    pub(super) key: Vec<(String, Type)>,
    /// The parent's column, quoted, with its type.
    parent: (String, Type),
    /// The expressions after the key and the parent, and how each is decoded.
    expressions: Vec<(String, Decoder)>,
    /// Of each value of a row, the expressions of its paths in order of preference.
    pub(super) places: Vec<Place>,
    /// Whether each value of a row is that of the expression at the same place.
    pub(super) is_in_order: bool,
    table: String,
    /// The bounds on the key's first column, where that is the time of creation.
    from: Option<Timestamp>,
    until: Option<Timestamp>,
    /// Whether the key's first column is the time of creation, so that the statement decides on it.
    pub(super) is_bounded_by_key: bool,
    /// What rows must meet besides, in SQL.
    conditions: Vec<String>,
    /// The columns that all this needs, quoted.
    columns: BTreeSet<String>,
    order: Order,
    /// Whether the rows of a window are compared with each other, since nothing else tells whether their keys are equal.
    pub(super) compares_neighbors: bool,
    /// The zone of times that have none; `None` for UTC.
    pub(super) zone: Option<TimeZone>,
}

/// How far the bounds of a time without a zone are widened: clocks are put back, so that two instants have one time.
const CLOCK_CHANGE: SignedDuration = SignedDuration::from_hours(3);

/// The column with a row's number in its window. No table has a column of this name.
const NUMBER: &str = "\"waybill: number\"";

/// The column that tells whether a row has the key of the row before it, or no key.
const SAME: &str = "\"waybill: same\"";

/// The value of a row from the first of several expressions that has one.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) expressions: Vec<usize>,
    pub(super) otherwise: Option<String>,
}

/// Values that a statement is sent with, in their types' binary form.
pub(super) type Parameters = Vec<(Vec<u8>, Type)>;

/// The keys between which a statement reads: after the first, up to and with the second.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window<'a> {
    pub(super) after: Option<&'a [Vec<u8>]>,
    pub(super) last: Option<&'a [Vec<u8>]>,
    pub(super) size: u32,
}

impl Selected {
    /// What this request selects from a table.
    ///
    /// # Errors
    /// For a column that the table does not have, or that cannot be what the entry says.
    pub(super) fn new(
        table: &Table,
        spec: &SqlSpec,
        request: &ReadRequest<'_>,
    ) -> Result<Self, ColumnError> {
        let key_column = |name: &String| {
            let column = table.key_column(name)?;
            Ok((sql::identifier(name), column.sql_type.clone()))
        };
        let parent = table.parent_column(&spec.parent)?;
        let mut selected = Self {
            key: spec.key.iter().map(key_column).collect::<Result<_, _>>()?,
            parent: (sql::identifier(&spec.parent), parent.sql_type.clone()),
            expressions: Vec::new(),
            places: Vec::new(),
            is_in_order: false,
            table: table.name.clone(),
            from: None,
            until: None,
            is_bounded_by_key: false,
            conditions: Vec::new(),
            columns: spec
                .key
                .iter()
                .chain([&spec.parent])
                .map(|name| sql::identifier(name))
                .collect(),
            order: request.order,
            compares_neighbors: table.is_unprovable,
            zone: spec
                .database
                .time_zone
                .as_deref()
                .and_then(|name| TimeZone::get(name).ok()),
        };
        let origins = request.projection.origins().iter();
        for (origin, form) in origins.zip(request.projection.forms()) {
            let place = selected.place(table, origin, form)?;
            selected.places.push(place);
        }
        let mut places = selected.places.iter().enumerate();
        selected.is_in_order = selected.places.len() == selected.expressions.len()
            && places.all(|(n, place)| place.expressions == [n] && place.otherwise.is_none());
        selected.bound(table, spec, request)?;
        for (name, condition) in &spec.fixed {
            selected.conditions.push(table.is_fixed(name, condition)?);
            selected.columns.insert(sql::identifier(name));
        }
        let narrowing = request.projection.conditions().iter();
        selected
            .conditions
            .extend(narrowing.filter_map(|condition| narrowing::condition(table, condition)));
        Ok(selected)
    }

    fn place(
        &mut self,
        table: &Table,
        origin: &Origin,
        form: Option<&StoredForm>,
    ) -> Result<Place, ColumnError> {
        let Origin::Paths { paths, otherwise } = origin else {
            // The catalog refuses a column of all other values for this engine.
            return Err(ColumnError::Missing("other".to_owned()));
        };
        let mut expressions = Vec::with_capacity(paths.len());
        for path in paths {
            let expression = table.expression(path, form)?;
            self.columns.insert(sql::identifier(path.root()));
            let known = self
                .expressions
                .iter()
                .position(|other| *other == expression);
            expressions.push(known.unwrap_or_else(|| {
                self.expressions.push(expression);
                self.expressions.len() - 1
            }));
        }
        Ok(Place {
            expressions,
            otherwise: otherwise.clone(),
        })
    }

    /// Bounds the time of creation: by the key where the key begins with it, or else as a condition. A row without the time
    /// is read, and the engine decides.
    fn bound(
        &mut self,
        table: &Table,
        spec: &SqlSpec,
        request: &ReadRequest<'_>,
    ) -> Result<(), ColumnError> {
        let Range { from, until, .. } = request.range;
        let created = request.projection.created_path();
        let Some(name) = created
            .filter(|path| path.names().len() == 1)
            .map(Path::root)
        else {
            return Ok(());
        };
        // Compared as a `timestamptz`, a time without a zone would be taken to be in the session's zone.
        let (sql_type, zone) = match table.column(name)?.decoder() {
            Some(Decoder::Timestamp) => ("timestamp", self.zone.as_ref()),
            Some(Decoder::TimestampTz) => ("timestamptz", None),
            _ => return Ok(()),
        };
        let (from, until) = match zone {
            None => (from, until),
            // The engine decides.
            Some(zone) => (
                from.map(|from| local(zone, from - CLOCK_CHANGE)),
                local(zone, until + CLOCK_CHANGE),
            ),
        };
        if spec.key.first().is_some_and(|first| first == name) {
            (self.from, self.until, self.is_bounded_by_key) = (from, Some(until), zone.is_none());
            return Ok(());
        }
        let created = sql::identifier(name);
        let literal = |instant: Timestamp| {
            let instant = Timestamp::from_microsecond(microseconds(instant));
            let text =
                instant.map_or_else(|_| "infinity".to_owned(), |instant| instant.to_string());
            format!("{}::{sql_type}", sql::literal(&text))
        };
        self.conditions.push(format!(
            "({created} < {} OR {created} IS NULL)",
            literal(until)
        ));
        if let Some(from) = from {
            self.conditions.push(format!(
                "({created} >= {} OR {created} IS NULL)",
                literal(from)
            ));
        }
        Ok(())
    }

    /// The ids of the types of the key's columns.
    pub(super) fn key_types(&self) -> Vec<u32> {
        self.key
            .iter()
            .map(|(_, sql_type)| sql_type.oid())
            .collect()
    }

    /// How the expressions of a row are decoded. They follow the key and the parent.
    pub(super) fn decoders(&self) -> impl ExactSizeIterator<Item = Decoder> {
        self.expressions.iter().map(|(_, decoder)| *decoder)
    }

    /// The number of values before the expressions: the key's and the parent's.
    pub(super) fn before_expressions(&self) -> usize {
        self.key.len() + 1
    }

    /// Whether an answer has the row's number in its window as the last value: where rows of the window may be left out of
    /// the answer.
    pub(super) fn is_numbered(&self) -> bool {
        !self.conditions.is_empty() || self.compares_neighbors
    }

    /// The statement for a window, with its parameters. An answer has the rows in order: key, parent, expressions; where keys
    /// are compared, whether any in the window are equal; where rows are numbered, the number. The last row of the window is
    /// always there.
    pub(super) fn window(&self, parent: &[u8], window: Window<'_>) -> (String, Parameters) {
        let mut parameters = vec![(parent.to_vec(), self.parent.1.clone())];
        let mut wheres = vec![format!("{} = $1", self.parent.0)];
        let (after, before) = match self.order {
            Order::Ascending => (">", "<="),
            Order::Descending => ("<", ">="),
        };
        for (key, comparison) in [(window.after, after), (window.last, before)] {
            let Some(key) = key else {
                continue;
            };
            let first = parameters.len() + 1;
            let typed = key
                .iter()
                .zip(&self.key)
                .map(|(raw, (_, sql_type))| (raw.clone(), sql_type.clone()));
            parameters.extend(typed);
            let bound: Vec<String> = (first..=parameters.len())
                .map(|n| format!("${n}"))
                .collect();
            wheres.push(format!(
                "({}) {comparison} ({})",
                self.key_list(""),
                bound.join(", ")
            ));
        }
        let (time, time_type) = &self.key[0];
        for (bound, comparison) in [(self.from, ">="), (self.until, "<")] {
            if let Some(instant) = bound {
                parameters.push((binary_time(instant), time_type.clone()));
                wheres.push(format!("{time} {comparison} ${}", parameters.len()));
            }
        }
        let rows = format!(
            "FROM {} WHERE {} ORDER BY {} LIMIT {}",
            self.table,
            wheres.join(" AND "),
            self.key_list(self.direction()),
            // The row after the window could have the key of its last row.
            window.size + u32::from(self.compares_neighbors)
        );
        let values = self.values();
        if !self.is_numbered() {
            return (format!("SELECT {values} {rows}"), parameters);
        }
        let columns: Vec<&str> = self.columns.iter().map(String::as_str).collect();
        let conditions = match &self.conditions[..] {
            [] => "TRUE".to_owned(),
            conditions => conditions.join(" AND "),
        };
        let (same, any_same) = match self.compares_neighbors {
            false => (String::new(), String::new()),
            true => (
                format!(", {} AS {SAME}", self.is_same()),
                format!(", (SELECT pg_catalog.bool_or({SAME}) FROM w)"),
            ),
        };
        let statement = format!(
            "WITH w AS MATERIALIZED (SELECT *, pg_catalog.row_number() OVER () AS {NUMBER}{same} \
             FROM (SELECT {columns} {rows}) v) SELECT {values}{any_same}, {NUMBER} FROM w \
             WHERE {NUMBER} <= {size} AND (({conditions}) OR {NUMBER} = (SELECT max({NUMBER}) FROM w WHERE {NUMBER} <= {size})) \
             ORDER BY {NUMBER}",
            columns = columns.join(", "),
            size = window.size,
        );
        (statement, parameters)
    }

    /// Whether a row has the key of the row before it, as the server compares them, or a part of its key is null, in SQL.
    fn is_same(&self) -> String {
        let keys = || self.key.iter().map(|(name, _)| name);
        let equal: Vec<String> = keys()
            .map(|name| format!("{name} = pg_catalog.lag({name}) OVER ()"))
            .collect();
        let null: Vec<String> = keys().map(|name| format!("{name} IS NULL")).collect();
        format!("({}) OR {}", equal.join(" AND "), null.join(" OR "))
    }

    /// The statement for the parent's last key in the order of reading.
    pub(super) fn last_key(&self) -> String {
        format!(
            "SELECT {} FROM {} WHERE {} = $1 ORDER BY {} LIMIT 1",
            self.key_list(""),
            self.table,
            self.parent.0,
            self.key_list(self.reversed()),
        )
    }

    /// The type of the parent's column.
    pub(super) fn parent_type(&self) -> &Type {
        &self.parent.1
    }

    fn values(&self) -> String {
        let key = self.key.iter().map(|(name, _)| name.as_str());
        let expressions = self
            .expressions
            .iter()
            .map(|(expression, _)| expression.as_str());
        let values = key.chain([self.parent.0.as_str()]).chain(expressions);
        values.collect::<Vec<_>>().join(", ")
    }

    fn key_list(&self, after_each: &str) -> String {
        let names = self
            .key
            .iter()
            .map(|(name, _)| format!("{name}{after_each}"));
        names.collect::<Vec<_>>().join(", ")
    }

    fn direction(&self) -> &'static str {
        match self.order {
            Order::Ascending => "",
            Order::Descending => " DESC",
        }
    }

    fn reversed(&self) -> &'static str {
        match self.order {
            Order::Ascending => " DESC",
            Order::Descending => "",
        }
    }
}

/// The time in a zone at an instant, as the instant at which it is that time in UTC.
fn local(zone: &TimeZone, instant: Timestamp) -> Timestamp {
    let time = zone.to_datetime(instant);
    TimeZone::UTC.to_timestamp(time).unwrap_or(instant)
}

/// A time without a zone in PostgreSQL's binary form, as the instant of that time in `zone`. Of two such instants, the
/// earlier one; a time that the clocks skip is taken by the offset before. Years beyond 9999 and infinities stay.
pub(super) fn zoned(zone: &TimeZone, raw: &[u8]) -> Option<[u8; 8]> {
    let microseconds = i64::from_be_bytes(raw.try_into().ok()?);
    let time = Timestamp::from_microsecond(microseconds.checked_add(EPOCH)?).ok()?;
    let instant = zone.to_timestamp(TimeZone::UTC.to_datetime(time)).ok()?;
    Some((instant.as_microsecond() - EPOCH).to_be_bytes())
}

/// Microseconds from 1970-01-01 to 2000-01-01, from which PostgreSQL counts.
const EPOCH: i64 = 946_684_800_000_000;

/// An instant in PostgreSQL's binary form.
fn binary_time(instant: Timestamp) -> Vec<u8> {
    (microseconds(instant) - EPOCH).to_be_bytes().to_vec()
}

/// Microseconds since 1970, PostgreSQL's precision, rounded up: earlier times stay earlier, and all others do not.
fn microseconds(instant: Timestamp) -> i64 {
    let nanoseconds = instant.as_nanosecond();
    let up = i64::from(nanoseconds.rem_euclid(1_000) > 0);
    nanoseconds.div_euclid(1_000) as i64 + up
}
