//! The settings of statements that read a table.

use super::table::Described;
use crate::catalog::SqlSpec;

/// Makes the server read a window from the index that has its order, and stop at its end. Without statistics of the table, or
/// with old ones, it may otherwise read all rows of the parent for each window, and sort them. Nor is a window worth
/// compiling.
const BY_INDEX: &str =
    "SET LOCAL enable_sort = off; SET LOCAL enable_bitmapscan = off; SET LOCAL jit = off";

/// Makes the server refuse a statement from which row-level security would hide rows, rather than hide them: a policy may
/// be added while a file is built, and a view may be of a table with one.
const ALL_ROWS: &str = "SET LOCAL row_security = off";

/// Lets a server whose texts have no encoding send them as they are. It would otherwise refuse those that are no UTF-8.
const AS_STORED: &str = "SET LOCAL client_encoding = 'SQL_ASCII'";

/// The settings of every statement that reads a table; `has_order` where an index has a parent's rows in the order of the
/// keys.
pub(super) fn settings(described: &Described, spec: &SqlSpec, has_order: bool) -> String {
    let by_index = has_order.then_some(BY_INDEX);
    let as_stored = described.has_any_bytes.then_some(AS_STORED);
    let all_rows = (!spec.row_security).then_some(ALL_ROWS);
    let settings: Vec<&str> = [by_index, as_stored, all_rows]
        .into_iter()
        .flatten()
        .collect();
    settings.join("; ")
}
