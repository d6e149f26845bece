//! `generate`: builds the file of one export in S3, called by the queue.

mod attempt;
mod handler;
mod lease;
mod margin;
mod plan;
mod receipt;
#[cfg(test)]
mod testing;
mod upload;
mod worker;

pub use attempt::Dependencies;
pub use handler::handle;
pub use upload::PartSizes;
pub use worker::Worker;
