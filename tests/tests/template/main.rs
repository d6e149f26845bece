//! Tests of `template.yaml` as text: rules of AWS that the local stack does not enforce, and agreement with the
//! functions' sources.

#![allow(clippy::unwrap_used, reason = "a failed test panics")]

mod alarms;
mod company;
mod data;
mod functions;
mod http;
mod keys;
mod limits;
mod promises;
mod queues;
mod reading;
mod role_policies;
mod sources;
