//! What `make bench` measures against: a server on loopback that plays, at wire level, everything that a function
//! that makes a file speaks to, but for Waybill's own tables, which a real engine holds.
//!
//! `bench.py` starts it and every program that is measured; the programs in `bin` are this crate's.

mod http;
mod measure;
mod orders;
mod pages;
mod parts;
mod runtime;
mod server;
mod sink;
mod usual;

pub use http::{Answer, Request, read_request};
pub use measure::{run, start};
pub use orders::{Order, Stored, orders};
pub use parts::Parts;
pub use server::Server;
pub use usual::{Job, xlsx_alone};
