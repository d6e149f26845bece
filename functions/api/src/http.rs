//! HTTP requests and answers, for all endpoints: callers, ids, query strings, bodies, answers and errors.

pub(crate) mod accept;
pub(crate) mod answer;
pub(crate) mod body;
pub(crate) mod compression;
pub(crate) mod cors;
pub(crate) mod cursor;
pub(crate) mod error;
pub(crate) mod event;
pub(crate) mod path;
pub(crate) mod query;
pub(crate) mod token_error;
pub(crate) mod zone;
