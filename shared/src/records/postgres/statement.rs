//! The statements that read a window of keys, and what their rows contain.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use tokio_postgres::types::Type;

use super::decode::{Decoder, EPOCH};
use super::narrowing;
use super::quoting;
use super::table::Table;
use crate::catalog::SqlSpec;
use crate::records::sql::{
    ColumnError, CreatedBounds, Expressions, Shape, Window, microseconds, zone,
};
use crate::records::{Order, ReadRequest};

/// What a statement selects and compares, for one read.
#[derive(Debug)]
pub(super) struct Selected {
    /// The columns of the key, quoted, and their types.
    key: Vec<(String, Type)>,
    /// The parent's column, quoted, with its type.
    parent: (String, Type),
    /// The expressions after the key and the parent, and how each is decoded.
    expressions: Vec<(String, Decoder)>,
    table: String,
    /// The bounds on the key's first column, where that is the time of creation.
    created: Option<CreatedBounds>,
    /// What rows must meet besides, in SQL.
    conditions: Vec<String>,
    /// The columns that all this needs, quoted.
    columns: BTreeSet<String>,
    order: Order,
    /// Whether the rows of a window are compared with each other, since nothing else tells whether their keys are equal.
    compares_neighbors: bool,
    /// The zone of times that have none; `None` for UTC.
    pub(super) zone: Option<TimeZone>,
}

/// The column with a row's number in its window. No table has a column of this name.
const NUMBER: &str = "\"waybill: number\"";

/// The column that tells whether a row has the key of the row before it, or no key.
const SAME: &str = "\"waybill: same\"";

/// Values that a statement is sent with, in their types' binary form.
pub(super) type Parameters = Vec<(Vec<u8>, Type)>;

impl Selected {
    /// What this request selects from a table, and the shape of its rows.
    ///
    /// # Errors
    /// For a column that the table does not have, or that cannot be what the entry says.
    pub(super) fn new(
        table: &Table,
        spec: &SqlSpec,
        request: &ReadRequest<'_>,
    ) -> Result<(Self, Shape), ColumnError> {
        let key_column = |name: &String| {
            let column = table.key_column(name)?;
            Ok((quoting::identifier(name), column.sql_type.clone()))
        };
        let parent = table.parent_column(&spec.parent)?;
        let mut expressions = Expressions::new(request.projection, |path, form| {
            table.expression(path, form)
        })?;
        let of_rows = expressions.columns.iter().chain(&spec.key);
        let of_conditions = spec.fixed.iter().map(|(name, _)| name);
        let columns = of_rows.chain([&spec.parent]).chain(of_conditions);
        let mut selected = Self {
            key: spec.key.iter().map(key_column).collect::<Result<_, _>>()?,
            parent: (quoting::identifier(&spec.parent), parent.sql_type.clone()),
            expressions: Vec::new(),
            table: table.name.clone(),
            created: None,
            conditions: Vec::new(),
            columns: columns.map(|name| quoting::identifier(name)).collect(),
            order: request.order,
            compares_neighbors: table.is_unprovable,
            zone: zone(spec),
        };
        selected.bound(table, spec, request)?;
        for (name, condition) in &spec.fixed {
            selected.conditions.push(table.is_fixed(name, condition)?);
        }
        let narrowing = request.projection.conditions().iter();
        selected
            .conditions
            .extend(narrowing.filter_map(|condition| narrowing::condition(table, condition)));
        let shape = expressions.shape(
            selected
                .key
                .iter()
                .map(|(_, of_key)| of_key.oid())
                .collect(),
            selected
                .created
                .as_ref()
                .is_some_and(CreatedBounds::decides),
            (selected.is_numbered(), selected.compares_neighbors),
        );
        selected.expressions = expressions.all;
        Ok((selected, shape))
    }

    /// Bounds the time of creation: by the key where the key begins with it, or else as a condition. A row without the time
    /// is read, and the engine decides.
    fn bound(
        &mut self,
        table: &Table,
        spec: &SqlSpec,
        request: &ReadRequest<'_>,
    ) -> Result<(), ColumnError> {
        let Some(name) = CreatedBounds::column(request) else {
            return Ok(());
        };
        // Compared as a `timestamptz`, a time without a zone would be taken to be in the session's zone.
        let (sql_type, zone) = match table.column(name)?.decoder() {
            Some(Decoder::Timestamp) => ("timestamp", self.zone.as_ref()),
            Some(Decoder::TimestampTz) => ("timestamptz", None),
            _ => return Ok(()),
        };
        let bounds = CreatedBounds::new(name, spec, request, zone);
        if bounds.is_key {
            self.created = Some(bounds);
            return Ok(());
        }
        let created = quoting::identifier(name);
        let literal = |instant: Timestamp| {
            let instant = Timestamp::from_microsecond(microseconds(instant));
            let text =
                instant.map_or_else(|_| "infinity".to_owned(), |instant| instant.to_string());
            format!("{}::{sql_type}", quoting::literal(&text))
        };
        self.conditions.push(format!(
            "({created} < {} OR {created} IS NULL)",
            literal(bounds.until)
        ));
        if let Some(from) = bounds.from {
            self.conditions.push(format!(
                "({created} >= {} OR {created} IS NULL)",
                literal(from)
            ));
        }
        Ok(())
    }

    /// How the value of the expression at `place` is decoded.
    #[inline]
    pub(super) fn decoder(&self, place: usize) -> Decoder {
        self.expressions[place].1
    }

    fn is_numbered(&self) -> bool {
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
        let bounds = self.created.as_ref();
        let (from, until) = (bounds.and_then(|b| b.from), bounds.map(|b| b.until));
        for (bound, comparison) in [(from, ">="), (until, "<")] {
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

/// An instant in PostgreSQL's binary form.
fn binary_time(instant: Timestamp) -> Vec<u8> {
    (microseconds(instant) - EPOCH).to_be_bytes().to_vec()
}
