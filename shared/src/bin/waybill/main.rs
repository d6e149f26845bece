//! `waybill`: the commands of operators. Each signs in to AWS as the AWS CLI does.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command prints to the terminal"
)]

mod api_keys;
mod catalog;
mod init;

use std::error::Error;
use std::process::ExitCode;

/// Why a command was not carried out.
#[derive(Debug)]
enum Failure {
    /// Its arguments are wrong, for this reason.
    Usage(String),
    /// It failed.
    Failed(Box<dyn Error>),
}

/// Whether all is well; or why the command was not carried out.
type Outcome = Result<bool, Failure>;

impl From<lexopt::Error> for Failure {
    fn from(error: lexopt::Error) -> Self {
        Self::Usage(error.to_string())
    }
}

impl From<String> for Failure {
    fn from(reason: String) -> Self {
        Self::Usage(reason)
    }
}

impl From<&str> for Failure {
    fn from(reason: &str) -> Self {
        Self::Usage(reason.to_owned())
    }
}

impl From<Box<dyn Error>> for Failure {
    fn from(error: Box<dyn Error>) -> Self {
        Self::Failed(error)
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let topic = std::env::args().nth(1);
    if std::env::args().any(|word| ["help", "--help", "-h"].contains(&word.as_str())) {
        println!("{}", usage(topic.as_deref()));
        return ExitCode::SUCCESS;
    }
    match run(lexopt::Parser::from_env()).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(Failure::Usage(reason)) => {
            eprintln!("waybill: {reason}\n{}", hint(topic.as_deref()));
            ExitCode::from(2)
        }
        Err(Failure::Failed(error)) => {
            eprintln!("waybill: {error}");
            ExitCode::from(2)
        }
    }
}

/// Where the arguments of a command are explained; without a topic, all commands.
fn hint(topic: Option<&str>) -> String {
    match topic {
        Some(topic @ ("catalog" | "keys" | "init")) => {
            format!("`waybill {topic} --help` explains the arguments")
        }
        _ => format!("\n{}", usage(None)),
    }
}

/// What the commands of a topic are, or all commands.
fn usage(topic: Option<&str>) -> String {
    match topic {
        Some("catalog") => catalog::USAGE.to_owned(),
        Some("keys") => api_keys::USAGE.to_owned(),
        Some("init") => init::USAGE.to_owned(),
        _ => [init::USAGE, catalog::USAGE, api_keys::USAGE].join("\n"),
    }
}

async fn run(mut arguments: lexopt::Parser) -> Outcome {
    let topic = match arguments.next()? {
        Some(lexopt::Arg::Value(word)) => word.to_string_lossy().into_owned(),
        Some(other) => return Err(other.unexpected().into()),
        None => return Err("the command is missing".into()),
    };
    match topic.as_str() {
        "catalog" => catalog::run(arguments).await,
        "init" => init::run(arguments).await,
        "keys" => api_keys::run(arguments).await,
        other => Err(format!("there is no command {other:?}").into()),
    }
}
