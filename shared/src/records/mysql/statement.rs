//! The statements that read a window of keys.

use super::Mysql;
use super::column_type::ColumnType;
use super::table::Table;
use crate::catalog::SqlSpec;
use crate::records::ReadRequest;
use crate::records::sql::{self, Bound, ColumnError, Dialect, Shape, SqlType, Window};

/// What a statement selects and compares, for one read.
pub(super) type Selected = sql::Selected<ColumnType>;

/// The column with a row's number in its window, that with the number of rows, and that which tells whether a row has the
/// key of the row before it, or no key. No table has columns of these names.
const NUMBER: &str = "`waybill: number`";
const COUNT: &str = "`waybill: count`";
const SAME: &str = "`waybill: same`";

/// What this request selects from a table, and the shape of its rows. `index` has a parent's rows in the order of their
/// keys.
///
/// # Errors
/// For a column that the table does not have, or that cannot be what the entry says.
pub(super) fn selected(
    table: &Table,
    index: Option<&str>,
    spec: &SqlSpec,
    request: &ReadRequest<'_>,
) -> Result<(Selected, Shape), ColumnError> {
    let (mut selected, shape) = Selected::new(table, spec, request)?;
    if let Some(index) = index {
        // The optimizer could otherwise prefer another index, and sort all rows of the parent for each window.
        let forced = format!(" FORCE INDEX ({})", Mysql::identifier(index));
        selected.table.push_str(&forced);
    }
    Ok((selected, shape))
}

/// The statement for a window. An answer has the rows in order: key, parent, expressions; where keys are compared, whether
/// any in the window are equal; where rows are numbered, the number. The last row of the window is always there.
pub(super) fn window(selected: &Selected, parent: &str, window: Window<'_>) -> String {
    let mut wheres = vec![format!("{} = {parent}", selected.parent.0)];
    let bounds = selected.bounds(window).into_iter();
    wheres.extend(bounds.map(|bound| beyond(selected, bound)));
    let (values, rows) = (selected.values(), selected.rows(&wheres, window));
    if !selected.is_numbered() {
        return format!("SELECT {values} {rows}");
    }
    let in_order = format!("OVER (ORDER BY {})", selected.in_order());
    let (same, any_same, shown_same) = match selected.compares_neighbors {
        false => (String::new(), String::new(), String::new()),
        true => (
            format!(", {} AS {SAME}", is_same(selected, &in_order)),
            format!(", MAX({SAME}) OVER () AS {SAME}"),
            format!(", {SAME}"),
        ),
    };
    format!(
        "SELECT {values}{shown_same}, {NUMBER} FROM (\
           SELECT {columns}, {NUMBER}{any_same}, LEAST(COUNT(*) OVER (), {size}) AS {COUNT} FROM (\
             SELECT {columns}, ROW_NUMBER() {in_order} AS {NUMBER}{same} FROM (SELECT {columns} {rows}) v\
           ) n\
         ) w WHERE {NUMBER} <= {size} AND (({conditions}) OR {NUMBER} = {COUNT}) ORDER BY {NUMBER}",
        columns = selected.columns(),
        conditions = selected.conditions(),
        size = window.size,
    )
}

/// Whether a row's key is beyond a bound. Keys are compared column by column, since MySQL does not use an index for a
/// comparison of rows, and in the form of which both products make ranges of the index (MySQL's Reference Manual, 10.2.1.22,
/// "Range Optimization"): of `a >= 1 AND (a > 1 OR b > 2)`, MySQL uses the first part alone.
fn beyond(selected: &Selected, bound: Bound<'_>) -> String {
    let (comparison, key) = match bound {
        Bound::Key(comparison, key) => (comparison, key),
        Bound::Time(comparison, instant) => {
            let (time, time_type) = &selected.key[0];
            return format!("{time} {comparison} {}", time_type.time(instant));
        }
    };
    let beyond = comparison.trim_end_matches('=');
    let mut condition = String::new();
    for (raw, (column, of_key)) in key.iter().zip(&selected.key).rev() {
        let literal = of_key.literal_of(raw);
        condition = match condition.is_empty() {
            true => format!("{column} {comparison} {literal}"),
            false => {
                format!("{column} {beyond} {literal} OR ({column} = {literal} AND ({condition}))")
            }
        };
    }
    format!("({condition})")
}

/// Whether a row has the key of the row before it, as the server compares them, or a part of its key is null, in SQL.
fn is_same(selected: &Selected, in_order: &str) -> String {
    let equal = selected.each_key(" AND ", |name| format!("{name} = LAG({name}) {in_order}"));
    let null = selected.each_key(" OR ", |name| format!("{name} IS NULL"));
    format!("COALESCE({equal}, FALSE) OR {null}")
}
