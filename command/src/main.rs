//! `waybill`: the commands of operators. Each signs in to AWS as the AWS CLI does.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command prints to the terminal"
)]

mod api_keys;
mod catalog;
#[cfg(feature = "stack")]
mod doctor;
#[cfg(feature = "stack")]
mod http;
mod init;
mod outcome;
#[cfg(feature = "stack")]
mod smoke;
#[cfg(feature = "stack")]
mod stack;

use std::process::ExitCode;

use crate::outcome::{Failure, Outcome};

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
        Some(topic) if USAGES.iter().any(|(name, _)| *name == topic) => {
            format!("`waybill {topic} --help` explains the arguments")
        }
        _ => format!("\n{}", usage(None)),
    }
}

/// What the commands of each topic are.
const USAGES: &[(&str, &str)] = &[
    ("init", init::USAGE),
    ("catalog", catalog::USAGE),
    ("keys", api_keys::USAGE),
    #[cfg(feature = "stack")]
    ("smoke", smoke::USAGE),
    #[cfg(feature = "stack")]
    ("doctor", doctor::USAGE),
];

/// What the commands of a topic are, or all commands.
fn usage(topic: Option<&str>) -> String {
    let of_topic = USAGES.iter().filter(|(name, _)| Some(*name) == topic);
    let mut usages: Vec<&str> = of_topic.map(|(_, usage)| *usage).collect();
    if usages.is_empty() {
        usages = USAGES.iter().map(|(_, usage)| *usage).collect();
    }
    usages.join("\n")
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
        #[cfg(feature = "stack")]
        "smoke" => smoke::run(arguments).await,
        #[cfg(feature = "stack")]
        "doctor" => doctor::run(arguments).await,
        other => Err(format!("there is no command {other:?}").into()),
    }
}
