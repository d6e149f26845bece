//! The server for `make bench`: a fake, on loopback, of every service that `generate` calls, except Waybill's own
//! tables, which are in a real engine.
//!
//! `bench.py` starts the server and every measured program; `main.rs` is the program `bench`.

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
mod tls;
mod usual;

pub use cells::difference;
pub use parts::Parts;
pub use reading::Reading;
pub use server::Server;
pub use start::start;
pub use tls::Certificate;
pub use usual::{Job, xlsx_alone};
