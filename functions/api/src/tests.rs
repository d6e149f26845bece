//! The API from outside: every route, and everything that each refuses.

mod catalog;
mod common;
mod create;
mod download;
mod exports;
mod list;
mod openapi;
mod parents;
mod permissions;
mod records;
mod summary;
mod tokens;
