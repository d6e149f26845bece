//! What the statements that read a window of keys have in common.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::columns::ColumnError;
use super::dialect::Dialect;
use super::narrowing;
use super::reader::Window;
use super::selected::{CreatedBounds, Expressions, Shape, zone};
use super::table::{SqlType, Table, Times};
use crate::catalog::SqlSpec;
use crate::records::{Order, ReadRequest};

/// What a statement selects and compares, for one read.
#[derive(Debug)]
pub(in crate::records) struct Selected<T: SqlType> {
    /// The columns of the key, quoted, and their types.
    pub(in crate::records) key: Vec<(String, T)>,
    /// The parent's column, quoted, with its type.
    pub(in crate::records) parent: (String, T),
    /// The expressions after the key and the parent, and how each is decoded.
    expressions: Vec<(String, T::Decoder)>,
    /// The table in a FROM.
    pub(in crate::records) table: String,
    /// The bounds on the key's first column, where that is the time of creation.
    created: Option<CreatedBounds>,
    /// What rows must meet besides, in SQL.
    conditions: Vec<String>,
    /// The columns that all this needs, quoted.
    columns: BTreeSet<String>,
    order: Order,
    /// Whether the rows of a window are compared with each other, since nothing else tells whether their keys are equal.
    pub(in crate::records) compares_neighbors: bool,
    /// The zone of times that have none; `None` for UTC.
    pub(in crate::records) zone: Option<TimeZone>,
}

/// What bounds the keys of a window, with the comparison of the row's own: `>`, `<=`.
#[derive(Debug, Clone, Copy)]
pub(in crate::records) enum Bound<'a> {
    Key(&'static str, &'a [Vec<u8>]),
    /// Of the key's first column.
    Time(&'static str, Timestamp),
}

impl<T: SqlType> Selected<T> {
    /// What this request selects from a table, and the shape of its rows.
    ///
    /// # Errors
    /// For a column that the table does not have, or that cannot be what the entry says.
    pub(in crate::records) fn new(
        table: &Table<T>,
        spec: &SqlSpec,
        request: &ReadRequest<'_>,
    ) -> Result<(Self, Shape), ColumnError> {
        let key_column = |name: &String| {
            let column = table.key_column(name)?;
            Ok((T::Dialect::identifier(name), column.sql_type.clone()))
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
            parent: (
                T::Dialect::identifier(&spec.parent),
                parent.sql_type.clone(),
            ),
            expressions: Vec::new(),
            table: table.name.clone(),
            created: None,
            conditions: Vec::new(),
            columns: columns.map(|name| T::Dialect::identifier(name)).collect(),
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
    /// is read, and the projection decides.
    fn bound(
        &mut self,
        table: &Table<T>,
        spec: &SqlSpec,
        request: &ReadRequest<'_>,
    ) -> Result<(), ColumnError> {
        let Some(name) = CreatedBounds::column(request) else {
            return Ok(());
        };
        let sql_type = &table.column(name)?.sql_type;
        let zone = match sql_type.times() {
            Some(Times::Local) => self.zone.as_ref(),
            Some(Times::Instants) => None,
            None => return Ok(()),
        };
        let bounds = CreatedBounds::new(name, spec, request, zone);
        if bounds.is_key {
            self.created = Some(bounds);
            return Ok(());
        }
        let created = T::Dialect::identifier(name);
        let is_none = T::Dialect::is_no_time(&created);
        let until = sql_type.time(bounds.until);
        self.conditions
            .push(format!("({created} < {until} OR {is_none})"));
        if let Some(from) = bounds.from {
            let from = sql_type.time(from);
            self.conditions
                .push(format!("({created} >= {from} OR {is_none})"));
        }
        Ok(())
    }

    /// How the value of the expression at `place` is decoded.
    #[inline]
    pub(in crate::records) fn decoder(&self, place: usize) -> T::Decoder {
        self.expressions[place].1
    }

    /// Whether an answer has the row's number in its window: where rows of the window may be left out of the answer.
    pub(in crate::records) fn is_numbered(&self) -> bool {
        !self.conditions.is_empty() || self.compares_neighbors
    }

    /// What bounds the keys of a window.
    pub(in crate::records) fn bounds<'a>(&self, window: Window<'a>) -> Vec<Bound<'a>> {
        let (after, up_to) = match self.order {
            Order::Ascending => (">", "<="),
            Order::Descending => ("<", ">="),
        };
        let after = window.after.map(|key| Bound::Key(after, key));
        let up_to = window.last.map(|key| Bound::Key(up_to, key));
        let created = self.created.as_ref();
        let from = created.and_then(|created| created.from);
        let from = from.map(|from| Bound::Time(">=", from));
        let until = created.map(|created| Bound::Time("<", created.until));
        [after, up_to, from, until].into_iter().flatten().collect()
    }

    /// Where the rows of a window are, which meet all of `wheres`.
    pub(in crate::records) fn rows(&self, wheres: &[String], window: Window<'_>) -> String {
        format!(
            "FROM {} WHERE {} ORDER BY {} LIMIT {}",
            self.table,
            wheres.join(" AND "),
            self.in_order(),
            // The row after the window could have the key of its last row.
            window.size + u32::from(self.compares_neighbors)
        )
    }

    /// The statement for the parent's last key in the order of reading.
    pub(in crate::records) fn last_key(&self, parent: &str) -> String {
        let reversed = match self.order {
            Order::Ascending => " DESC",
            Order::Descending => "",
        };
        format!(
            "SELECT {} FROM {} WHERE {} = {parent} ORDER BY {} LIMIT 1",
            self.each_key(", ", str::to_owned),
            self.table,
            self.parent.0,
            self.each_key(", ", |name| format!("{name}{reversed}")),
        )
    }

    /// What an answer has of a row first: key, parent, expressions.
    pub(in crate::records) fn values(&self) -> String {
        let key = self.key.iter().map(|(name, _)| name.as_str());
        let expressions = self
            .expressions
            .iter()
            .map(|(expression, _)| expression.as_str());
        let values = key.chain([self.parent.0.as_str()]).chain(expressions);
        values.collect::<Vec<_>>().join(", ")
    }

    /// The columns that a statement needs which numbers the rows of a window.
    pub(in crate::records) fn columns(&self) -> String {
        let columns: Vec<&str> = self.columns.iter().map(String::as_str).collect();
        columns.join(", ")
    }

    /// What rows of a window must meet to be in the answer.
    pub(in crate::records) fn conditions(&self) -> String {
        match &self.conditions[..] {
            [] => "TRUE".to_owned(),
            conditions => conditions.join(" AND "),
        }
    }

    /// The order of reading.
    pub(in crate::records) fn in_order(&self) -> String {
        let direction = match self.order {
            Order::Ascending => "",
            Order::Descending => " DESC",
        };
        self.each_key(", ", |name| format!("{name}{direction}"))
    }

    /// What is written of each column of the key, one after another.
    pub(in crate::records) fn each_key(
        &self,
        separator: &str,
        written: impl Fn(&str) -> String,
    ) -> String {
        let all: Vec<String> = self.key.iter().map(|(name, _)| written(name)).collect();
        all.join(separator)
    }
}
