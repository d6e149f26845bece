//! Runs a program and says what it used.
//!
//! Whoever does this is small on purpose: of a child's peak memory, the kernel counts that of the parent it was forked
//! from too.

use std::error::Error;
use std::io::BufReader;
use std::net::TcpListener;
use std::process::Command;
use std::time::Instant;

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use serde_json::{Value, json};

use crate::http::read_request;

/// Waits for a program's end.
///
/// # Errors
/// Where it cannot be started.
pub fn run(command: &mut Command) -> Result<Value, Box<dyn Error + Send + Sync>> {
    let begun = Instant::now();
    let status = command.status()?;
    let wall = begun.elapsed();
    let used = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    Ok(json!({
        "status": status.code(),
        "wall_ms": wall.as_millis() as u64,
        "user_us": used.user_time().num_microseconds(),
        "system_us": used.system_time().num_microseconds(),
        "peak_kb": used.max_rss(),
    }))
}

/// Plays Lambda's Runtime API to a function, and ends it as soon as it asks for its first event.
///
/// # Errors
/// Where it cannot be started, or asks for something else.
pub fn start(command: &mut Command) -> Result<Value, Box<dyn Error + Send + Sync>> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    command.env("AWS_LAMBDA_RUNTIME_API", listener.local_addr()?.to_string());
    let begun = Instant::now();
    let mut child = command.spawn()?;
    let (connection, _) = listener.accept()?;
    let mut input = BufReader::new(&connection);
    let asked = read_request(&mut input, &mut &connection)?;
    let took = begun.elapsed();
    child.kill()?;
    child.wait()?;
    let path = asked.map(|request| request.path).unwrap_or_default();
    if !path.ends_with("/invocation/next") {
        return Err(format!("it asked for {path:?} first").into());
    }
    let used = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    Ok(json!({
        "first_next_us": took.as_micros() as u64,
        "cpu_us": (used.user_time() + used.system_time()).num_microseconds(),
        "peak_kb": used.max_rss(),
    }))
}
