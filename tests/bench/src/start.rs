//! The start of a function: Lambda's Runtime API, up to its first request.

use std::error::Error;
use std::io::BufReader;
use std::net::TcpListener;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::http::read_request;

/// How long a function takes to ask for its first event. Then it is ended.
///
/// # Errors
/// Where it cannot be started, or asks for something else.
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
        return Err(format!("it asked for {path:?} first").into());
    }
    Ok(took)
}
