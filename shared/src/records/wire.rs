//! Parses DynamoDB's answers without building a map for each record. The values to read are known in advance
//! (`layout`); the bytes of an answer are scanned once (`scan`, `reader`), and rows borrow from them (`row`).
//!
//! The SDK still does signing, retries, credentials and errors. Only the body of a successful answer is taken from it
//! (`tap`).

mod answer;
mod layout;
mod nested;
mod reader;
mod row;
mod scan;
mod spares;
mod tap;
#[cfg(test)]
mod tests;

pub(super) use answer::Answer;
pub(super) use layout::Layout;
pub(super) use reader::Reader;
pub(super) use row::KeyValue;
pub use row::Row;
pub(super) use scan::Malformed;
pub(super) use spares::BufferPool;
pub(super) use tap::Tap;
