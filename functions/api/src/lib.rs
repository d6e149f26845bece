//! Answers HTTP requests: exports are asked for, listed, read, canceled and downloaded, and parents described.
//!
//! API Gateway has checked the token before a request to `/v1` comes here; what its claims let it do is decided here.

mod answer;
mod app;
mod body;
mod caller;
mod cancel;
mod catalog;
mod config;
mod cors;
mod create;
mod cursor;
mod download;
mod error;
mod event;
mod events;
mod exports;
mod grants_function;
mod list;
mod openapi;
mod page;
mod parents;
mod path;
mod permissions;
mod query;
mod records;
mod routes;
mod summary;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod unreadable;
mod view;
mod zone;

pub use app::{App, Clients};
pub use caller::{ClaimNames, Requester};
pub use config::Config;
pub use cursor::Cursors;
pub use event::request;
pub use routes::router;
