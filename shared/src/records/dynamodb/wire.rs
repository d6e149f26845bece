//! Parses DynamoDB's answers without building a map for each record. The values to read are known in advance
//! (`layout`); the bytes of an answer are scanned once (`scan`, `parser`), and rows borrow from them (`row`).
//!
//! The SDK still does signing, retries, credentials and errors. Only the body of a successful answer is taken from it
//! (`raw_body`).

mod answer;
mod buffer_pool;
mod kind;
mod layout;
mod nested;
mod parser;
mod raw_body;
mod row;
mod scan;
#[cfg(test)]
mod tests;

pub(super) use answer::Answer;
pub(super) use buffer_pool::BufferPool;
pub(super) use layout::Layout;
pub(super) use parser::RecordsParser;
pub(super) use raw_body::RawBody;
pub(super) use row::KeyValue;
pub(super) use row::Row;
pub(super) use scan::Malformed;
