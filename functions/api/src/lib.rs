//! Answers HTTP requests: exports are asked for, listed, read, canceled and downloaded, and parents described.
//!
//! API Gateway has checked the token before a request to `/v1` comes here; what its claims let it do is decided here.

mod app;
mod config;
mod contract;
mod endpoints;
mod http;
mod page;
mod permissions;
mod routes;

pub use self::app::{App, Clients};
pub use self::config::Config;
pub use self::contract::Contract;
pub use self::http::caller::{ClaimNames, Requester};
pub use self::http::cursor::Cursors;
pub use self::http::event::request;
pub use self::page::PageConfig;
pub use self::routes::{contract, router};
