//! The HTTP contract from outside: the answers to every call, especially the refusals.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod addresses;
mod answers;
mod catalog;
mod deletion;
mod downloads;
mod grants;
mod idempotency;
mod input;
mod leads;
mod lists;
mod mails;
mod openapi;
mod parents;
mod rate;
mod records;
mod retention;
mod service;
mod summary;
mod types;
mod undecided;
mod visibility;
