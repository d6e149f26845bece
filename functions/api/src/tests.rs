//! The API from outside: every route, and everything that each refuses.

mod common;
mod create;
mod download;
mod exports;
mod list;
mod parents;
mod permissions;
mod tokens;
