//! Values of some rows of a table, for the first draft of an entry.

use super::dialect::Dialect;
use super::overview::{ColumnOverview, SAMPLED_ROWS, SqlValues};

/// The columns whose values are looked at, and the statement that reads them of some rows as texts; `None` where there are
/// none.
pub(in crate::records) fn sampling<'a, D: Dialect>(
    table: &str,
    columns: &'a mut [ColumnOverview],
) -> Option<(Vec<&'a mut ColumnOverview>, String)> {
    let is_shown = |column: &&mut ColumnOverview| column.values != SqlValues::Bytes;
    let shown: Vec<&mut ColumnOverview> = columns.iter_mut().filter(is_shown).collect();
    // A long text, such as a document, is no word of a list and no address.
    let texts = shown.iter().map(|column| {
        let text = D::as_text(&D::identifier(&column.name));
        format!("LEFT({text}, 200)")
    });
    let texts: Vec<String> = texts.collect();
    let statement = format!(
        "SELECT {} FROM {table} LIMIT {SAMPLED_ROWS}",
        texts.join(", ")
    );
    (!shown.is_empty()).then_some((shown, statement))
}
