//! Sweep: every minute, does whatever is due.
//!
//! Queue and stream are the fast paths; were both to lose everything, this function would still bring every export
//! to its end. It trusts no index but only what the item itself says, and every change of its is conditional.

mod clean;
mod handler;
mod step;
mod summary;

pub use clean::CleanError;
pub use handler::{Notifier, SweepError, Sweeper};
pub use summary::Summary;
