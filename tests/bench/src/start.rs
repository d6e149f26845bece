//! Measures the start of a function, up to its first request to Lambda's Runtime API.

use std::error::Error;
use std::io::BufReader;
use std::net::TcpListener;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::http::read_request;

/// The time from a function's start to its first request for an event. The function is then stopped.
///
/// # Errors
/// When the function cannot be started, or its first request is another one.
pub fn start(command: &mut Command) -> Result<Duration, Box<dyn Error + Send + Sync>> {
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
        return Err(format!("the function requested {path:?} first").into());
    }
    Ok(took)
}
