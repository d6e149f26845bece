//! Files read back by readers that are not Waybill's.

use std::io::{Cursor, Write};
use std::process::{Command, Stdio};

use calamine::{Data, Reader, Xlsx};
use sha2::{Digest, Sha256};

use crate::local::python;
use crate::stack::Stack;

const READ_CSV: &str = "
import csv, io, json, sys
text = sys.stdin.buffer.read().decode('utf-8-sig')
json.dump(list(csv.reader(io.StringIO(text, newline=''), strict=True)), sys.stdout)
";

/// The cells of a CSV file, as Python's `csv` reads them; a byte-order mark is left out.
///
/// # Panics
/// Where Python finds that it is no CSV.
pub fn python_csv(file: &[u8]) -> Vec<Vec<String>> {
    serde_json::from_slice(&python_of(&["-c", READ_CSV], file)).expect("rows of cells")
}

/// A checksum of all that is in a spreadsheet, but the time of its request.
///
/// # Panics
/// Where it is no archive.
pub fn content_of_xlsx(file: &[u8]) -> String {
    let script = Stack::root().join("infra/local/workbook.py");
    let digest = python_of(&[script.to_str().expect("a path that is text")], file);
    String::from_utf8(digest).expect("hexadecimal digits")
}

/// What Python says to a file.
fn python_of(arguments: &[&str], file: &[u8]) -> Vec<u8> {
    let mut reader = Command::new(python())
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("Python runs");
    let mut input = reader.stdin.take().expect("Python's input");
    let file = file.to_vec();
    let writer = std::thread::spawn(move || input.write_all(&file));
    let output = reader.wait_with_output().expect("Python's answer");
    assert!(output.status.success(), "Python could not read the file");
    writer
        .join()
        .expect("the writer ends")
        .expect("Python takes the file");
    output.stdout
}

/// The cells of every sheet of a spreadsheet, one after the other, as calamine reads them.
///
/// # Panics
/// Where calamine finds that it is no spreadsheet.
pub fn xlsx(file: &[u8]) -> Vec<Vec<Data>> {
    let mut workbook: Xlsx<_> =
        calamine::open_workbook_from_rs(Cursor::new(file)).expect("a spreadsheet");
    let mut rows = Vec::new();
    for name in workbook.sheet_names() {
        let sheet = workbook.worksheet_range(&name).expect("a sheet's cells");
        rows.extend(sheet.rows().map(<[Data]>::to_vec));
    }
    rows
}

/// The SHA-256 of some bytes, in lower-case hexadecimal digits.
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
