//! Fuzz targets for bytes from outside. Each module has one `check`, which panics if the code panics or violates its
//! contract. `make fuzz` generates the bytes, and `tests/seeds.rs` uses those in `seeds`, one folder per module.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a violated contract panics"
)]

pub mod catalog;
pub mod checkpoint;
pub mod claims;
pub mod cursor;
pub mod page;

mod source;

/// Parses bytes as a boundary does; panics if a contract is violated.
pub type Check = fn(&[u8]);

/// A check by the name of its module.
pub const CHECKS: [(&str, Check); 5] = [
    ("catalog", catalog::check),
    ("checkpoint", checkpoint::check),
    ("claims", claims::check),
    ("cursor", cursor::check),
    ("page", page::check),
];
