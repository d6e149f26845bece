//! `generate`: builds the file of one export in S3, called by the queue.

mod handler;
mod held;
mod making;
mod margin;
mod plan;
mod receipt;
#[cfg(test)]
mod testing;
mod upload;
mod worker;

pub use handler::handle;
pub use making::Tools;
pub use upload::FIRST_PART;
pub use worker::Worker;
