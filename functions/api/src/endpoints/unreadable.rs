//! Items of Waybill's own tables that cannot be read: written by a later version that was rolled back, or by hand. What
//! can be read is shown beside them.

/// The number as answers have it: only where there are any.
pub(crate) fn counted(unreadable: usize) -> Option<usize> {
    (unreadable > 0).then_some(unreadable)
}

/// Tells that so many items of a table cannot be read, if there are any. An alarm counts these lines.
pub(crate) fn report(table: &str, unreadable: usize) {
    if unreadable > 0 {
        tracing::error!(table, unreadable, "items unreadable");
    }
}
