//! Unreadable items of Waybill's own tables: written by a later version that was rolled back, or by hand. Answers
//! contain the readable items and the number of unreadable ones.

/// The number for an answer; `None` for 0.
pub(crate) fn counted(unreadable: usize) -> Option<usize> {
    (unreadable > 0).then_some(unreadable)
}

/// Logs the number of unreadable items of a table, if there are any. An alarm counts these lines.
pub(crate) fn report(table: &str, unreadable: usize) {
    if unreadable > 0 {
        tracing::error!(table, unreadable, "items unreadable");
    }
}
