//! From the bytes of DynamoDB's answers to values, without a map for each record: what of a record is read is known
//! before (`layout`), an answer's bytes are gone over once (`scan`, `reader`), and rows borrow from them (`row`).
//!
//! Signing, retries, credentials and errors stay the SDK's; only the bytes of a query's answer are kept from it (`tap`).

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
pub(super) use spares::Spares;
pub(super) use tap::Tap;
