//! The statements that read a window of keys.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::column_type::ColumnType;
use super::decode::Decoder;
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
    key: Vec<(String, ColumnType)>,
    /// The parent's column, quoted.
    parent: String,
    /// The expressions after the key and the parent, and how each is decoded.
    expressions: Vec<(String, Decoder)>,
    /// The table, with the index that has its rows in the order of the key.
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

/// The column with a row's number in its window, that with the number of rows, and that which tells whether a row has the
/// key of the row before it, or no key. No table has columns of these names.
const NUMBER: &str = "`waybill: number`";
const COUNT: &str = "`waybill: count`";
const SAME: &str = "`waybill: same`";

impl Selected {
    /// What this request selects from a table, and the shape of its rows. `index` has a parent's rows in the order of their
    /// keys.
    ///
    /// # Errors
    /// For a column that the table does not have, or that cannot be what the entry says.
    pub(super) fn new(
        table: &Table,
        index: Option<&str>,
        spec: &SqlSpec,
        request: &ReadRequest<'_>,
    ) -> Result<(Self, Shape), ColumnError> {
        let key_column = |name: &String| {
            let column = table.key_column(name)?;
            Ok((quoting::identifier(name), column.column_type))
        };
        table.parent_column(&spec.parent)?;
        let mut expressions = Expressions::new(request.projection, |path, form| {
            table.expression(path, form)
        })?;
        let of_rows = expressions.columns.iter().chain(&spec.key);
        let of_conditions = spec.fixed.iter().map(|(name, _)| name);
        let columns = of_rows.chain([&spec.parent]).chain(of_conditions);
        // The optimizer could otherwise prefer another index, and sort all rows of the parent for each window.
        let forced = index.map(|name| format!(" FORCE INDEX ({})", quoting::identifier(name)));
        let mut selected = Self {
            key: spec.key.iter().map(key_column).collect::<Result<_, _>>()?,
            parent: quoting::identifier(&spec.parent),
            expressions: Vec::new(),
            table: format!("{}{}", table.name, forced.unwrap_or_default()),
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
        let key_types = selected.key.iter().map(|(_, of_key)| of_key.number());
        let shape = expressions.shape(
            key_types.collect(),
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
        let zone = match table.column(name)?.column_type {
            ColumnType::Datetime => self.zone.as_ref(),
            ColumnType::Timestamp => None,
            _ => return Ok(()),
        };
        let bounds = CreatedBounds::new(name, spec, request, zone);
        if bounds.is_key {
            self.created = Some(bounds);
            return Ok(());
        }
        let created = quoting::identifier(name);
        // A date of zeros is none, and before every time.
        let is_none = format!("{created} IS NULL OR {created} < '0001-01-01'");
        self.conditions
            .push(format!("({created} < {} OR {is_none})", time(bounds.until)));
        if let Some(from) = bounds.from {
            self.conditions
                .push(format!("({created} >= {} OR {is_none})", time(from)));
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

    /// The statement for a window. An answer has the rows in order: key, parent, expressions; where keys are compared, whether
    /// any in the window are equal; where rows are numbered, the number. The last row of the window is always there.
    pub(super) fn window(&self, parent: &str, window: Window<'_>) -> String {
        let mut wheres = vec![format!("{} = {parent}", self.parent)];
        let (after, last) = match self.order {
            Order::Ascending => (">", "<"),
            Order::Descending => ("<", ">"),
        };
        wheres.extend(window.after.map(|key| self.beyond(key, after, false)));
        wheres.extend(window.last.map(|key| self.beyond(key, last, true)));
        if let Some(CreatedBounds { from, until, .. }) = self.created {
            let column = &self.key[0].0;
            wheres.extend(from.map(|from| format!("{column} >= {}", time(from))));
            wheres.push(format!("{column} < {}", time(until)));
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
            return format!("SELECT {values} {rows}");
        }
        let columns: Vec<&str> = self.columns.iter().map(String::as_str).collect();
        let conditions = match &self.conditions[..] {
            [] => "TRUE".to_owned(),
            conditions => conditions.join(" AND "),
        };
        let in_order = format!("OVER (ORDER BY {})", self.key_list(self.direction()));
        let (same, any_same, shown_same) = match self.compares_neighbors {
            false => (String::new(), String::new(), String::new()),
            true => (
                format!(", {} AS {SAME}", self.is_same(&in_order)),
                format!(", MAX({SAME}) OVER () AS {SAME}"),
                format!(", {SAME}"),
            ),
        };
        let columns = columns.join(", ");
        format!(
            "SELECT {values}{shown_same}, {NUMBER} FROM (\
               SELECT {columns}, {NUMBER}{any_same}, LEAST(COUNT(*) OVER (), {size}) AS {COUNT} FROM (\
                 SELECT {columns}, ROW_NUMBER() {in_order} AS {NUMBER}{same} FROM (SELECT {columns} {rows}) v\
               ) n\
             ) w WHERE {NUMBER} <= {size} AND (({conditions}) OR {NUMBER} = {COUNT}) ORDER BY {NUMBER}",
            size = window.size,
        )
    }

    /// Whether a row's key is beyond another one, written out: MySQL does not use an index for a comparison of rows.
    fn beyond(&self, key: &[Vec<u8>], comparison: &str, or_equal: bool) -> String {
        let literals = key.iter().zip(&self.key);
        let literals = literals.map(|(raw, (column, of_key))| (column, of_key.literal_of(raw)));
        let columns: Vec<(&String, String)> = literals.collect();
        let mut condition = String::new();
        for (n, (column, literal)) in columns.iter().enumerate().rev() {
            let is_last = n + 1 == columns.len();
            condition = match (is_last, or_equal) {
                (true, true) => format!("{column} {comparison}= {literal}"),
                (true, false) => format!("{column} {comparison} {literal}"),
                (false, _) => format!(
                    "{column} {comparison}= {literal} AND ({column} {comparison} {literal} OR {condition})"
                ),
            };
        }
        format!("({condition})")
    }

    /// Whether a row has the key of the row before it, as the server compares them, or a part of its key is null, in SQL.
    fn is_same(&self, in_order: &str) -> String {
        let keys = || self.key.iter().map(|(name, _)| name);
        let equal: Vec<String> = keys()
            .map(|name| format!("{name} = LAG({name}) {in_order}"))
            .collect();
        let null: Vec<String> = keys().map(|name| format!("{name} IS NULL")).collect();
        format!(
            "COALESCE({}, FALSE) OR {}",
            equal.join(" AND "),
            null.join(" OR ")
        )
    }

    /// The statement for the parent's last key in the order of reading.
    pub(super) fn last_key(&self, parent: &str) -> String {
        format!(
            "SELECT {} FROM {} WHERE {} = {parent} ORDER BY {} LIMIT 1",
            self.key_list(""),
            self.table,
            self.parent,
            self.key_list(self.reversed()),
        )
    }

    fn values(&self) -> String {
        let key = self.key.iter().map(|(name, _)| name.as_str());
        let expressions = self
            .expressions
            .iter()
            .map(|(expression, _)| expression.as_str());
        let values = key.chain([self.parent.as_str()]).chain(expressions);
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

/// An instant as a literal, in microseconds: what the types of times can hold, at most.
fn time(instant: Timestamp) -> String {
    let instant = Timestamp::from_microsecond(microseconds(instant)).unwrap_or(instant);
    instant.strftime("'%Y-%m-%d %H:%M:%S.%6f'").to_string()
}
