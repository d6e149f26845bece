//! `api`: the HTTP API. Clients request, list, read, cancel and download exports, list records, and describe parents.
//! API Gateway's authorizer verifies the token of a request to `/v1`, or this crate does. This crate decides what the token's
//! claims allow.

mod app;
mod config;
mod contract;
mod endpoints;
mod http;
mod kinds;
mod page;
mod permissions;
mod requester;
mod routes;
mod session_tokens;
mod short_cache;
mod tokens;

pub use self::app::{App, Clients};
pub use self::config::Config;
pub use self::contract::Contract;
pub use self::http::cursor::Cursors;
pub use self::http::event::request;
pub use self::page::PageConfig;
pub use self::routes::{contract, router};
pub use self::tokens::{TokenConfig, Tokens, Verifier};
