//! What `make bench` measures against: a server on loopback that plays, at wire level, everything that a function
//! that makes a file speaks to, but for Waybill's own tables, which a real engine holds.
//!
//! `bench.py` starts it and every program that is measured; `main.rs` is the program `bench`, which is all of this.

mod cells;
mod http;
mod orders;
mod pages;
mod parts;
mod reading;
mod runtime;
mod server;
mod sink;
mod start;
mod usual;

pub use cells::difference;
pub use parts::Parts;
pub use reading::Reading;
pub use server::Server;
pub use start::start;
pub use usual::{Job, xlsx_alone};
