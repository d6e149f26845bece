//! `template.yaml` read as text: what AWS enforces and the local stack does not show, and what the functions' sources
//! and the template must agree on.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod access;
mod alarms;
mod data;
mod functions;
mod http;
mod promises;
mod queues;
mod reading;
mod sources;
