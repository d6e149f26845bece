//! What comes from outside as bytes, handed to the code that reads it. Each module has one `check`, which panics where
//! the code panics or does not keep what it promises; `make fuzz` makes up the bytes, and `tests/seeds.rs` hands it those
//! that are kept in `seeds`, one folder a module.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "what must hold panics where it does not"
)]

pub mod catalog;
pub mod checkpoint;
pub mod claims;
pub mod cursor;
pub mod page;

mod source;

/// Reads bytes as a boundary does; panics where that breaks a promise.
pub type Check = fn(&[u8]);

/// A check by the name of its module.
pub const CHECKS: [(&str, Check); 5] = [
    ("catalog", catalog::check),
    ("checkpoint", checkpoint::check),
    ("claims", claims::check),
    ("cursor", cursor::check),
    ("page", page::check),
];
