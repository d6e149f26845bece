//! The statements that read a window of keys.

use jiff::Timestamp;
use tokio_postgres::types::Type;

use super::column_type::ColumnType;
use super::decode::EPOCH;
use crate::records::sql::{self, Bound, Window, microseconds};

/// What a statement selects and compares, for one read.
pub(super) type Selected = sql::Selected<ColumnType>;

/// The column with a row's number in its window. No table has a column of this name.
const NUMBER: &str = "\"waybill: number\"";

/// The column that tells whether a row has the key of the row before it, or no key.
const SAME: &str = "\"waybill: same\"";

/// The parent in a statement.
pub(super) const PARENT: &str = "$1";

/// Values that a statement is sent with, in their types' binary form.
pub(super) type Parameters = Vec<(Vec<u8>, Type)>;

/// The parent as the first parameter of a statement.
pub(super) fn parameters(selected: &Selected, parent: &[u8]) -> Parameters {
    vec![(parent.to_vec(), selected.parent.1.base.clone())]
}

/// The statement for a window, with its parameters. An answer has the rows in order: key, parent, expressions; where keys
/// are compared, whether any in the window are equal; where rows are numbered, the number. The last row of the window is
/// always there.
pub(super) fn window(
    selected: &Selected,
    parent: &[u8],
    window: Window<'_>,
) -> (String, Parameters) {
    let mut parameters = parameters(selected, parent);
    let mut wheres = vec![format!("{} = {PARENT}", selected.parent.0)];
    for bound in selected.bounds(window) {
        wheres.push(beyond(selected, bound, &mut parameters));
    }
    let (values, rows) = (selected.values(), selected.rows(&wheres, window));
    if !selected.is_numbered() {
        return (format!("SELECT {values} {rows}"), parameters);
    }
    let (same, any_same) = match selected.compares_neighbors {
        false => (String::new(), String::new()),
        true => (
            format!(", {} AS {SAME}", is_same(selected)),
            format!(", (SELECT pg_catalog.bool_or({SAME}) FROM w)"),
        ),
    };
    let statement = format!(
        "WITH w AS MATERIALIZED (SELECT *, pg_catalog.row_number() OVER () AS {NUMBER}{same} \
         FROM (SELECT {columns} {rows}) v) SELECT {values}{any_same}, {NUMBER} FROM w \
         WHERE {NUMBER} <= {size} AND (({conditions}) OR {NUMBER} = (SELECT max({NUMBER}) FROM w WHERE {NUMBER} <= {size})) \
         ORDER BY {NUMBER}",
        columns = selected.columns(),
        conditions = selected.conditions(),
        size = window.size,
    );
    (statement, parameters)
}

/// Whether a row's key is beyond a bound, which becomes a parameter.
fn beyond(selected: &Selected, bound: Bound<'_>, parameters: &mut Parameters) -> String {
    let first = parameters.len() + 1;
    match bound {
        Bound::Key(comparison, key) => {
            let typed = key.iter().zip(&selected.key);
            parameters.extend(typed.map(|(raw, (_, of_key))| (raw.clone(), of_key.base.clone())));
            let values: Vec<String> = (first..=parameters.len())
                .map(|n| format!("${n}"))
                .collect();
            format!(
                "({}) {comparison} ({})",
                selected.each_key(", ", str::to_owned),
                values.join(", ")
            )
        }
        Bound::Time(comparison, instant) => {
            let (time, time_type) = &selected.key[0];
            parameters.push((binary_time(instant), time_type.base.clone()));
            format!("{time} {comparison} ${first}")
        }
    }
}

/// Whether a row has the key of the row before it, as the server compares them, or a part of its key is null, in SQL.
fn is_same(selected: &Selected) -> String {
    let equal = selected.each_key(" AND ", |name| {
        format!("{name} = pg_catalog.lag({name}) OVER ()")
    });
    let null = selected.each_key(" OR ", |name| format!("{name} IS NULL"));
    format!("({equal}) OR {null}")
}

/// An instant in PostgreSQL's binary form.
fn binary_time(instant: Timestamp) -> Vec<u8> {
    (microseconds(instant) - EPOCH).to_be_bytes().to_vec()
}
