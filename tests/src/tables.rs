//! The real tables: made into records, loaded, and compared with an export by readers that are not Waybill's.
//!
//! By default a test takes the first thousands of rows of a table; with `WAYBILL_TABLES=whole` (`make tables`) all.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use tempfile::NamedTempFile;

use crate::local::python;
use crate::stack::Stack;

const WHOLE: &str = "WAYBILL_TABLES";

/// Whether the tests take the whole tables.
pub fn whole_tables() -> bool {
    std::env::var(WHOLE).is_ok_and(|value| value == "whole")
}

/// A table as records of a type, in a CSV file whose header names the type's attributes.
#[derive(Debug)]
pub struct Table {
    type_name: String,
    file: NamedTempFile,
}

impl Table {
    /// At most `rows` rows of a table (`purchases`, `nasty/orders`); 0 for all.
    ///
    /// # Panics
    /// Where the readers' Python is not set up, or the table is not what it was.
    pub fn prepare(table: &str, folder: &Path, rows: usize) -> Self {
        let file = NamedTempFile::new().expect("a temporary file");
        let output = file.reopen().expect("the temporary file");
        let status = Command::new(readers())
            .arg(script("tables.py"))
            .arg(table)
            .arg(folder)
            .arg(rows.to_string())
            .stdout(output)
            .status()
            .expect("Python runs");
        assert!(status.success(), "{table} could not be prepared");
        let type_name = table.rsplit('/').next().expect("a type's name").to_owned();
        Self { type_name, file }
    }

    /// Loads the table as a parent's records.
    ///
    /// # Panics
    /// Where the loader refuses a row, or cannot reach the records.
    pub fn load(&self, stack: &Stack, parent: &str) {
        let loaded = Command::new(python())
            .arg(Stack::root().join("infra/local/load.py"))
            .args([&self.type_name, parent])
            .arg(self.file.path())
            .args(["--port", &stack.port().to_string()])
            .output()
            .expect("the loader runs");
        let said = String::from_utf8_lossy(&loaded.stderr);
        assert!(loaded.status.success(), "the loader failed: {said}");
        if whole_tables() {
            note(said.lines().last().unwrap_or_default());
        }
    }

    /// The CSV file.
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// The columns that the catalog gives the type, as `[key, kind]`.
    ///
    /// # Panics
    /// Where the catalog cannot be read.
    pub fn columns(&self) -> Vec<Value> {
        let catalog = waybill::catalog::Catalog::load().expect("the catalog");
        let export_type = catalog.get(&self.type_name).expect("a type of the catalog");
        let columns = export_type.default_columns().into_iter();
        columns.map(|c| json!([c.key, c.kind])).collect()
    }

    /// Compares a file with the table. `asked` is what `tests/readers/compare.py` takes, without the two files.
    ///
    /// # Panics
    /// Where a row or a cell differs; it names the first few.
    pub fn compare(&self, file: &[u8], mut asked: Value) -> Value {
        let mut export = NamedTempFile::new().expect("a temporary file");
        export.write_all(file).expect("the export is written");
        asked["table"] = json!(self.file.path());
        asked["file"] = json!(export.path());
        let mut child = Command::new(readers())
            .arg(script("compare.py"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("Python runs");
        let mut input = child.stdin.take().expect("Python's input");
        input
            .write_all(asked.to_string().as_bytes())
            .expect("Python takes the question");
        drop(input);
        let output = child.wait_with_output().expect("Python's answer");
        assert!(output.status.success(), "the files could not be compared");
        let answer: Value = serde_json::from_slice(&output.stdout).expect("an answer in JSON");
        assert_eq!(answer["differences"], json!([]), "{answer:#}");
        answer
    }
}

/// Checks a workbook against its standard, ECMA-376, with `tests/readers/schema.py`.
///
/// # Panics
/// Where the workbook is not valid; it names the parts, and the first few errors.
pub fn assert_valid(workbook: &[u8]) {
    let mut file = NamedTempFile::new().expect("a temporary file");
    file.write_all(workbook).expect("the workbook is written");
    let mut checker = Command::new(readers());
    checker.arg(script("schema.py")).arg(file.path());
    let output = checker.output().expect("Python runs");
    let said = String::from_utf8_lossy(&output.stdout);
    let failed = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "the workbook is not valid:\n{said}{failed}"
    );
}

/// Says a figure aloud, past the harness, which keeps a passing test's output to itself.
///
/// # Panics
/// Where there is no standard error.
pub fn note(text: &str) {
    writeln!(std::io::stderr(), "  {text}").expect("the tests have a standard error");
}

fn readers() -> PathBuf {
    let python = Stack::root().join(".local/readers/bin/python");
    assert!(
        python.exists(),
        "{} is missing: run `make test` or `make tables`, which set it up",
        python.display()
    );
    python
}

fn script(name: &str) -> PathBuf {
    Stack::root().join("tests/readers").join(name)
}
