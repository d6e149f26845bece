//! `make try`: a table of one's own on a stack of its own, with a catalog that is changed meanwhile.

#![allow(clippy::unwrap_used, reason = "a failed test panics")]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use waybill_testing::postgres::PostgresServer;
use waybill_tests::{
    HostItem, HostTable, Stack, exported, file_of, n, python, python_csv, s, wait_until,
};

/// The first port of the stack of `make try`: beyond those of the stacks of other tests.
const ABOVE_TEST_PORT: u16 = 80;
const SAID_WITHIN: Duration = Duration::from_secs(240);
const USED_WITHIN: Duration = Duration::from_secs(30);

/// The running command.
struct Try {
    process: Child,
    lines: Receiver<String>,
    port: u16,
}

impl Try {
    fn start(folder: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let port = Stack::get().port() + ABOVE_TEST_PORT;
        let mut command = Command::new(python());
        command
            .arg(Stack::root().join("infra/local/own_table.py"))
            .args(arguments)
            .args(["--port", &port.to_string(), "--folder"])
            .arg(folder)
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let (said, lines) = channel();
        let output = BufReader::new(process.stdout.take().unwrap());
        std::thread::spawn(move || {
            output
                .lines()
                .map_while(Result::ok)
                .try_for_each(|line| said.send(line))
        });
        Self {
            process,
            lines,
            port,
        }
    }

    /// Waits until the command has said something with this text.
    fn wait_for(&self, text: &str) -> String {
        let end = Instant::now() + SAID_WITHIN;
        let mut before = Vec::new();
        loop {
            let left = end.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) if line.contains(text) => return line,
                Ok(line) => before.push(line),
                Err(_) => panic!("waited for {text:?}; the command said {before:#?}"),
            }
        }
    }

    /// Waits for the stack, and checks that the address of this parent's page is shown.
    fn stack(&self, page: &str) -> Stack {
        let line = self.wait_for("Page");
        assert!(line.contains(page), "{line}");
        self.wait_for("Waiting for changes");
        Stack::on_port(self.port)
    }
}

impl Drop for Try {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let clean = Command::new(python())
            .arg(Stack::root().join("infra/local/stack.py"))
            .args(["clean", "--port", &self.port.to_string()])
            .stdout(Stdio::null())
            .status();
        assert!(clean.unwrap().success() || std::thread::panicking());
    }
}

/// The rows of an export of everything of a parent.
async fn rows(stack: &Stack, parent: &str, grants: &str, type_name: &str) -> Vec<Vec<String>> {
    let owner = stack.caller(&stack.token_with("u-try", grants).await);
    let body = json!({"type": type_name, "format": "csv", "profile": "data"});
    let export = exported(&owner, parent, body).await;
    assert_eq!(export["warnings"], json!([]));
    python_csv(&file_of(stack, &owner, &export).await)
}

/// The catalog, as somebody sees it who may sign in and is staff.
async fn catalog(stack: &Stack) -> Value {
    let staff = stack.caller(&stack.token_with("u-staff", "staff").await);
    let catalog = staff.get("/v1/catalog").await.expect_status(200).json();
    catalog.clone()
}

async fn label(stack: &Stack) -> Value {
    catalog(stack).await["types"][0]["label"].clone()
}

/// Waits until the page has this text among the mistakes of the catalog; `None` for no mistakes.
async fn mistakes_are(stack: &Stack, text: Option<&str>) {
    let are_so = async || {
        let mistakes = catalog(stack).await["mistakes"].to_string();
        let is_so = text.map_or(mistakes == "null", |text| mistakes.contains(text));
        is_so.then_some(()).ok_or(mistakes)
    };
    wait_until("the catalog's mistakes", USED_WITHIN, are_so).await;
}

/// One test, since the stack's port is one.
#[tokio::test]
async fn a_table_of_ones_own_is_on_the_page_and_a_saved_change_is_used_at_once() {
    a_table_of_postgresql().await;
    a_table_of_dynamodb().await;
}

async fn a_table_of_postgresql() {
    let server = PostgresServer::shared();
    let tables = "CREATE TABLE \"Orders\" (id serial PRIMARY KEY, customer_id int NOT NULL, status text, created_at timestamptz NOT NULL);
        CREATE INDEX ON \"Orders\" (customer_id, created_at, id);
        INSERT INTO \"Orders\" (customer_id, status, created_at)
          SELECT 7 + n / 30, CASE n % 2 WHEN 0 THEN 'open' ELSE 'paid' END, timestamptz '2026-01-01' + n * interval '1 day'
          FROM generate_series(0, 39) n;";
    server.database("own", tables).await;
    let folder = tempfile::tempdir().unwrap();
    let entry = folder.path().join("catalog.toml");
    let url = server.url("own");
    let arguments = [
        "--url",
        &url,
        "--table",
        "public.Orders",
        "--parent",
        "customer_id",
    ];
    let running = Try::start(folder.path(), &arguments, &[]);
    let stack = running.stack("/customers/7/orders  (sign in as Somebody of customer 7)");
    let file = rows(&stack, "customers/7", "customer:7", "orders").await;
    assert_eq!(file[0], ["id", "customer_id", "status", "created_at"]);
    assert_eq!(file.len(), 1 + 30);

    let draft = std::fs::read_to_string(&entry).unwrap();
    let renamed = draft.replace(
        "name     = \"orders\"",
        "name     = \"orders\"\nlabel    = \"Sales\"",
    );
    std::fs::write(&entry, &renamed).unwrap();
    running.wait_for("The changed catalog is used from now on");
    let is_used = async || match label(&stack).await {
        label if label == "Sales" => Ok(()),
        other => Err(other.to_string()),
    };
    wait_until("the changed label", USED_WITHIN, is_used).await;

    // The entry is valid, and the records have other values than it says.
    std::fs::write(&entry, renamed.replace("\"paid\"", "\"lost\"")).unwrap();
    running.wait_for("are not in `values`");

    // The entry is valid, and the table does not have the column.
    let column = "  { key = \"phone\", kind = \"phone\" },\n]";
    std::fs::write(&entry, renamed.replace("\n]", &format!("\n{column}"))).unwrap();
    running.wait_for("the column phone does not exist");
    running.wait_for("The changed catalog is not used, since it is not confirmed by the table: the one of before still is");
    let person = stack.caller(&stack.token_with("u-try", "customer:7").await);
    let records = person.read("/v1/customers/7/records/orders").await;
    assert_eq!(records["records"].as_array().unwrap().len(), 25);
    // A database that cannot be asked confirms nothing.
    let addresses = folder.path().join("deployment.toml");
    let right = std::fs::read_to_string(&addresses).unwrap();
    let port = format!(":{}/", server.port());
    std::fs::write(&addresses, right.replace(&port, ":1/")).unwrap();
    running.wait_for("cannot be reached");
    running.wait_for("The changed catalog is not used");
    std::fs::write(&addresses, &right).unwrap();
    running.wait_for("is not confirmed by the table: the one of before still is");
    std::fs::remove_file(&entry).unwrap();
    running.wait_for("is not there any more: the catalog of before is still used");

    std::fs::write(&entry, renamed.replace("filters  =", "fliters  =")).unwrap();
    let said = running.wait_for("fliters");
    assert!(said.contains(&format!("{}:", entry.display())), "{said}");
    running.wait_for("The stack is as it was, since this catalog cannot be used.");
    mistakes_are(&stack, Some("fliters")).await;
    assert_eq!(label(&stack).await, "Sales");
    std::fs::write(&entry, &renamed).unwrap();
    running.wait_for("The changed catalog is used from now on");
    mistakes_are(&stack, None).await;

    // A renamed type has another address, which is said.
    let named = renamed.replace("name     = \"orders\"", "name     = \"sales\"");
    std::fs::write(&entry, &named).unwrap();
    let page = running.wait_for("Page");
    assert!(
        page.contains("/customers/7/sales  (sign in as Somebody of customer 7)"),
        "{page}"
    );
    std::fs::write(&entry, &renamed).unwrap();
    running.wait_for("/customers/7/orders");

    // The folder is of this table: another one is not shown as if it were.
    let others = [
        "--url",
        &url,
        "--table",
        "public.customers",
        "--parent",
        "id",
    ];
    let refused = |arguments: &[&str], wanted: &str| {
        let other = Command::new(python())
            .arg(Stack::root().join("infra/local/own_table.py"))
            .args(arguments)
            .args(["--port", &running.port.to_string(), "--folder"])
            .arg(folder.path())
            .output()
            .unwrap();
        let said = String::from_utf8(other.stderr).unwrap();
        assert!(!other.status.success(), "{said}");
        assert!(said.contains(wanted), "{said}");
    };
    refused(
        &others,
        "is of public.Orders, and not of public.customers with id: rename or remove it first",
    );
    // Nor is the same table of another database.
    let elsewhere = server.url("elsewhere");
    let mut same_table = arguments;
    same_table[1] = &elsewhere;
    refused(&same_table, "/elsewhere: rename or remove it first");
}

async fn a_table_of_dynamodb() {
    let stack = Stack::get();
    let design = HostTable {
        key: &[("PK", "S"), ("SK", "S")],
        index: &[],
    };
    let items: Vec<HostItem> = (0..40)
        .map(|number| {
            let customer = ["ana", "rui", "ana"][number % 3];
            vec![
                ("PK", s(format!("CUSTOMER#{customer}"))),
                (
                    "SK",
                    s(format!(
                        "ORDER#2026-01-{:02}T00:00:00Z#o-{number}",
                        1 + number % 28
                    )),
                ),
                ("id", s(format!("o-{number}"))),
                ("totalCents", n(number)),
            ]
        })
        .collect();
    let name = design.create(&stack.aws().await.dynamodb, &items).await;
    let folder = tempfile::tempdir().unwrap();
    let environment = [
        ("AWS_ENDPOINT_URL", stack.output("endpoint_url")),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("AWS_REGION", stack.output("region")),
    ];
    let running = Try::start(
        folder.path(),
        &["--table", &name, "--parent", "PK"],
        &environment,
    );
    let copied = running.wait_for("» Copied");
    assert!(copied.contains("Copied 40 items"), "{copied}");
    let own = running.stack("/customers/ana/orders  (sign in as Somebody of customer ana)");
    let file = rows(&own, "customers/ana", "customer:ana", "orders").await;
    assert_eq!(file[0], ["id", "total"]);
    assert_eq!(file.len(), 1 + 27);
}
