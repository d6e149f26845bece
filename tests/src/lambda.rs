//! The functions under `cargo lambda watch`, in an environment of the test's own.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::NamedTempFile;

use crate::process::{Running, free_port};
use crate::stack::Stack;

/// Every function, as it is built from the sources, called one event at a time.
#[derive(Debug)]
pub struct Watch {
    port: u16,
    _environment: NamedTempFile,
    _running: Running,
}

impl Watch {
    /// Starts them in the stack's environment with these variables besides. The first call of a function may fail while
    /// it is built.
    ///
    /// # Panics
    /// Where the tools are not set up.
    pub fn start(stack: &Stack, variables: &[(&str, &str)]) -> Self {
        let text = fs::read_to_string(stack.output("env_file")).expect("the stack's environment");
        let lines = text.lines().filter_map(|line| line.split_once('='));
        let mut all: BTreeMap<&str, &str> = lines.collect();
        all.extend(variables.iter().copied());
        let mut environment = NamedTempFile::new().expect("a temporary file");
        for (name, value) in all {
            writeln!(environment, "{name}={value}").expect("the variables are written");
        }
        let port = free_port();
        let mut watch = cargo_lambda("watch", port);
        watch
            .args(["--ignore-changes", "--wait", "--env-file"])
            .arg(environment.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        Self {
            port,
            _running: Running::start(&mut watch),
            _environment: environment,
        }
    }

    /// What a function answers to an event.
    ///
    /// # Errors
    /// What it, or the tool, says instead.
    pub fn invoke(&self, function: &str, event: &Value) -> Result<Value, String> {
        let mut file = NamedTempFile::new().expect("a temporary file");
        file.write_all(event.to_string().as_bytes())
            .expect("the event is written");
        let output = cargo_lambda("invoke", self.port)
            .arg(function)
            .arg("--data-file")
            .arg(file.path())
            .output()
            .expect("cargo lambda runs");
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned());
        }
        serde_json::from_slice(&output.stdout)
            .map_err(|error| format!("{error}: {}", String::from_utf8_lossy(&output.stdout)))
    }

    /// The event that `tests/events` has for a function.
    ///
    /// # Panics
    /// Where there is none.
    pub fn event(function: &str) -> Value {
        let path: PathBuf = [
            env!("CARGO_MANIFEST_DIR"),
            "events",
            &format!("{function}.json"),
        ]
        .iter()
        .collect();
        let event = fs::read(path).expect("an event");
        serde_json::from_slice(&event).expect("JSON")
    }
}

fn cargo_lambda(command: &str, port: u16) -> Command {
    let tool = Stack::root().join(".local/sam/bin/cargo-lambda");
    assert!(
        tool.exists(),
        "{} is missing: run `make tools`",
        tool.display()
    );
    let mut lambda = Command::new(tool);
    lambda.args([
        "lambda",
        command,
        "--invoke-address",
        "127.0.0.1",
        "--invoke-port",
        &port.to_string(),
    ]);
    lambda.current_dir(Stack::root());
    lambda
}
