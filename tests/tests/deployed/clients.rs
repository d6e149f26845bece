//! Other people's programs and the contract: linters of contracts, clients that generators make from it, and requests that
//! are made up from it.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};
use tempfile::TempDir;
use waybill_tests::requests::csv;
use waybill_tests::{
    COLUMNS, Owner, Stack, generated_orders, load_orders, orders_csv, python_csv, unique,
};

/// The number of requests that are made up for each operation, beside those at the limits of its schemas.
const EXAMPLES: &str = "5";

/// A folder with the contract, the clients' programs, and what they import.
struct Workshop {
    folder: TempDir,
}

impl Workshop {
    async fn new(stack: &Stack) -> Self {
        let folder = TempDir::new().expect("a folder");
        let sources = Stack::root().join("tests/clients");
        for entry in std::fs::read_dir(sources).expect("the clients' programs") {
            let file = entry.expect("a file").path();
            let name = file.file_name().expect("a name");
            std::fs::copy(&file, folder.path().join(name)).expect("a copy");
        }
        let modules = installed(".local/typescript/node_modules");
        symlink(modules, folder.path().join("node_modules")).expect("a link");
        let contract = stack.stranger().get("/openapi.json").await;
        let contract = contract.expect_status(200).body;
        std::fs::write(folder.path().join("openapi.json"), contract).expect("the contract");
        Self { folder }
    }

    /// Runs a JavaScript program, whose output is returned if it ends well.
    fn node(&self, arguments: &[&str]) -> String {
        self.run(&installed(".local/node/bin/node"), arguments, &[])
    }

    fn python(&self, arguments: &[&str]) -> String {
        self.run(&installed(".local/clients/bin/python"), arguments, &[])
    }

    fn run(&self, program: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> String {
        let output = Command::new(program)
            .args(arguments)
            .current_dir(self.folder.path())
            .envs(variables.iter().copied())
            .env("REDOCLY_TELEMETRY", "off")
            .env("REDOCLY_SUPPRESS_UPDATE_NOTICE", "true")
            .output();
        let Output {
            status,
            stdout,
            stderr,
        } = output.expect("a program that runs");
        let [stdout, stderr] =
            [stdout, stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
        assert!(
            status.success(),
            "{arguments:?}: {status}\n{stdout}\n{stderr}"
        );
        stdout
    }
}

/// A file of the tools that `make readers` installs.
fn installed(path: &str) -> PathBuf {
    let file = Stack::root().join(path);
    assert!(
        file.exists(),
        "{} is missing: run `make readers`",
        file.display()
    );
    file
}

#[tokio::test]
async fn linters_of_contracts_have_nothing_to_say() {
    let workshop = Workshop::new(&Stack::get()).await;
    let redocly = "node_modules/@redocly/cli/bin/cli.js";
    let found = workshop.node(&[
        redocly,
        "lint",
        "openapi.json",
        "--config",
        "redocly.yaml",
        "--format",
        "json",
    ]);
    let found: Value = serde_json::from_str(&found).expect("JSON");
    assert_eq!(
        found["totals"],
        json!({"errors": 0, "warnings": 0, "ignored": 0}),
        "{found:#}"
    );
    let spectral = "node_modules/@stoplight/spectral-cli/dist/index.js";
    workshop.node(&[
        spectral,
        "lint",
        "openapi.json",
        "--ruleset",
        "spectral.yaml",
        "--fail-severity",
        "hint",
    ]);
}

/// An owner of a project with orders, and a token for the project.
async fn with_orders(stack: &Stack) -> (u64, String) {
    let project = unique();
    load_orders(stack, project, orders_csv(&generated_orders(500))).await;
    let (sub, grants) = (format!("client-{project}"), format!("project:{project}"));
    (project, stack.token_with(&sub, &grants).await)
}

/// What a generated client says that it has done.
#[track_caller]
fn is_done(said: &str) {
    let said: Value = serde_json::from_str(said.trim()).expect("JSON");
    assert_eq!(
        (&said["refused"], &said["listed"]),
        (&json!(["search"]), &json!(true))
    );
    let table = python_csv(said["file"].as_str().expect("a file").as_bytes());
    let rows = &table[1..];
    assert_eq!(said["rows"], rows.len());
    let place = |column| COLUMNS.iter().position(|name| *name == column).unwrap();
    let (status, state) = (place("status"), place("state"));
    assert!(!rows.is_empty(), "{said}");
    for row in rows {
        assert_eq!(
            (&row[status], &row[state]),
            (&"delivered".into(), &"SP".into())
        );
    }
}

#[tokio::test]
async fn a_typescript_client_compiles_strictly_and_makes_an_export() {
    let stack = Stack::get();
    let workshop = Workshop::new(&stack).await;
    workshop.node(&[
        "node_modules/openapi-typescript/bin/cli.js",
        "openapi.json",
        "-o",
        "contract.ts",
    ]);
    workshop.node(&["node_modules/typescript/bin/tsc", "-p", "tsconfig.json"]);
    let (project, token) = with_orders(&stack).await;
    let project = project.to_string();
    let arguments = [stack.output("api_url"), &token, &project];
    let program = [
        &["--import", "./localhost.mjs", "client.ts"][..],
        &arguments,
    ]
    .concat();
    is_done(&workshop.node(&program));
}

#[tokio::test]
async fn a_python_client_is_typed_and_makes_an_export() {
    let stack = Stack::get();
    let workshop = Workshop::new(&stack).await;
    let generate = [
        "-m",
        "openapi_python_client",
        "generate",
        "--path",
        "openapi.json",
        "--meta",
        "none",
    ];
    workshop.python(&[&generate[..], &["--output-path", "waybill_client"]].concat());
    workshop.python(&["-m", "mypy", "client.py", "waybill_client"]);
    let (project, token) = with_orders(&stack).await;
    let project = project.to_string();
    let arguments = [stack.output("api_url"), &token, &project];
    is_done(&workshop.python(&[&["localhost.py", "client"][..], &arguments].concat()));
}

/// By schemathesis, with a fixed seed: no 5xx, and no status, media type or body that the contract does not have.
#[tokio::test]
async fn no_request_made_up_from_the_contract_has_an_answer_that_is_not_in_it() {
    let stack = Stack::get();
    let workshop = Workshop::new(&stack).await;
    let owner = Owner::new(&stack, "Ana").await;
    let export = owner.succeeded(csv()).await;
    let link = owner.link(&export);
    let [organization, source] =
        ["organization", "source"].map(|kind| format!("{kind}-{}", unique()));
    let grants = format!(
        "project:{} organization:{organization} source:{source} staff service",
        owner.project
    );
    let token = stack
        .token_with(&format!("maker-{}", unique()), &grants)
        .await;
    let (project, export_id) = (owner.project.to_string(), export["id"].to_string());
    let variables = [
        ("ORGANIZATION", organization.as_str()),
        ("PROJECT", &project),
        ("SOURCE", &source),
        ("EXPORT", &export_id),
        ("DOWNLOAD", link.rsplit('/').next().expect("a UUID")),
    ];
    let checks = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance";
    let python = installed(".local/clients/bin/python");
    let said = workshop.run(
        &python,
        &[
            "localhost.py",
            "schemathesis.cli",
            "run",
            "openapi.json",
            "--url",
            stack.output("api_url"),
            "--header",
            &format!("Authorization: Bearer {token}"),
            "--checks",
            checks,
            "--phases",
            "examples,coverage,fuzzing",
            "--seed",
            "1",
            "--max-examples",
            EXAMPLES,
            "--generation-database",
            "none",
            "--continue-on-failure",
            "--no-color",
            // One thread: with two, both parse Python at once, which CPython 3.11 at times fails for (SystemError).
            "--workers",
            "1",
        ],
        &variables,
    );
    let tested = said
        .lines()
        .find(|line| line.trim_start().starts_with("Tested:"));
    assert_eq!(tested.map(str::trim), Some("Tested: 29"), "{said}");
}
