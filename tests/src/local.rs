//! This machine's side of the local stack: its loader, and the processes that run its functions.

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::Command;

use waybill_testing::fake::Item;

use crate::deployment::Deployment;
use crate::stack::Stack;

/// The Python that the local stack's scripts run on.
///
/// # Panics
/// Where the tools are not set up.
pub fn python() -> PathBuf {
    let python = Stack::root().join(".local/ministack/bin/python");
    assert!(
        python.exists(),
        "{} is missing: run `make tools`",
        python.display()
    );
    python
}

/// Puts a CSV file into a project's orders with the local stack's loader.
///
/// # Panics
/// As [`load`].
pub async fn load_orders(on: impl Into<Deployment>, project: u64, csv: String) {
    on.into().load("orders", &project.to_string(), csv).await;
}

/// Puts a CSV file into a type's records of a parent with the local stack's loader.
///
/// # Panics
/// Where the loader refuses a row, or cannot reach the records.
pub async fn load(stack: &Stack, type_name: &str, parent: &str, csv: String) {
    let port = stack.port().to_string();
    run_loader(type_name, parent, csv, &["--port", &port]).await;
}

/// The items that the local stack's loader makes of a CSV file.
pub(crate) async fn items(type_name: &str, parent: &str, csv: String) -> Vec<Item> {
    // Of no stack: one that runs here may have another catalog.
    let printed = run_loader(type_name, parent, csv, &["--print", "--port", "1"]).await;
    let lines = printed.lines();
    lines
        .map(|line| serde_json::from_str(line).expect("an item"))
        .collect()
}

/// What the loader prints.
async fn run_loader(type_name: &str, parent: &str, csv: String, options: &[&str]) -> String {
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
    file.write_all(csv.as_bytes())
        .expect("the records are written");
    let mut command = Command::new(python());
    command
        .arg(Stack::root().join("infra/local/load.py"))
        .args([type_name, parent])
        .arg(file.path())
        .args(options);
    let loading = tokio::task::spawn_blocking(move || command.output().expect("the loader runs"));
    let loaded = loading.await.expect("the loader is waited for");
    let said = String::from_utf8_lossy(&loaded.stderr);
    assert!(loaded.status.success(), "the loader failed: {said}");
    String::from_utf8(loaded.stdout).expect("a text")
}

/// The ids of the processes that run this function of this stack now.
///
/// # Panics
/// Where `/proc` cannot be read: the local stack's processes are found there.
pub fn workers(stack: &Stack, function: &str) -> Vec<u32> {
    environments(stack, function).map(|(pid, _)| pid).collect()
}

/// Key id, secret and session token that a process of this function was started with.
pub(crate) fn credentials(stack: &Stack, function: &str) -> [String; 3] {
    let (_, environment) = environments(stack, function)
        .next()
        .unwrap_or_else(|| panic!("no process runs {function}"));
    ["ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN"].map(|name| {
        let name = format!("AWS_{name}=");
        let value = environment
            .split('\0')
            .find_map(|variable| variable.strip_prefix(&name));
        value
            .unwrap_or_else(|| panic!("{function} has no {name}"))
            .to_owned()
    })
}

/// The processes that run this function of this stack now, with the variables that they were started with.
fn environments(stack: &Stack, function: &str) -> impl Iterator<Item = (u32, String)> {
    // Stacks side by side give their functions the same names: the endpoint tells them apart.
    let wanted = [
        format!("AWS_LAMBDA_FUNCTION_NAME={function}"),
        format!("AWS_ENDPOINT_URL={}", stack.output("endpoint_url")),
    ];
    let processes = fs::read_dir("/proc").expect("/proc, which Linux has");
    processes.filter_map(move |entry| {
        let pid = entry.ok()?.file_name().to_str()?.parse().ok()?;
        let environment = fs::read(format!("/proc/{pid}/environ")).ok()?;
        let environment = String::from_utf8(environment).ok()?;
        let is_set = |wanted: &String| environment.split('\0').any(|variable| variable == wanted);
        wanted.iter().all(is_set).then_some((pid, environment))
    })
}

/// Ends a process at once, as a crash does.
///
/// # Panics
/// Where it cannot be ended.
pub fn kill(pid: u32) {
    signal("KILL", pid);
}

/// Processes that stand still until this is dropped.
#[derive(Debug)]
pub struct Standstill(Vec<u32>);

impl Standstill {
    /// Makes these processes stand still.
    ///
    /// # Panics
    /// Where one is gone.
    pub fn of(pids: Vec<u32>) -> Self {
        let standstill = Self(pids);
        for pid in &standstill.0 {
            signal("STOP", *pid);
        }
        standstill
    }
}

impl Drop for Standstill {
    fn drop(&mut self) {
        for pid in &self.0 {
            signal("CONT", *pid);
        }
    }
}

fn signal(name: &str, pid: u32) {
    let status = Command::new("kill")
        .args([&format!("-{name}"), &pid.to_string()])
        .status()
        .expect("kill runs");
    // Where a test has failed already, its own reason is the one to be told.
    assert!(
        status.success() || std::thread::panicking(),
        "process {pid} was not sent {name}"
    );
}
