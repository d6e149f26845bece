//! `sweep`: runs every minute and does whatever is due.
//!
//! Queue and stream are the fast paths. Even if both lost every message, this function would bring every export to its
//! end. It decides only on the items themselves, not on the index, and all of its writes are conditional.

mod clean;
mod handler;
mod notifier;
mod step;
mod summary;

pub use clean::CleanError;
pub use handler::{SweepError, Sweeper};
pub use notifier::Notifier;
pub use summary::Summary;
