//! `bench`: the program that `bench.py` starts.
//!
//! - `bench server FILE`: the records, the bucket, the queue and Lambda's Runtime API on a port of loopback, and on another
//!   one with TLS; it prints both, and writes the certificate into the file
//! - `bench start FUNCTION`: microseconds from a function's start to its first request for an event
//! - `bench usual csv|xlsx ENDPOINT`: the same job in a usual Rust program
//! - `bench usual alone ROWS`: only writes rows from memory as XLSX
//! - `bench cells A B`: compares the cells of two spreadsheets, read by calamine
//! - `bench part read|csv|xlsx|none ROWS`: a part of the engine, or none, over this number of rows, for counting
//!   instructions
//!
//! All are one program, since linking the AWS SDKs takes minutes.

use std::error::Error;
use std::ffi::OsString;
use std::hint::black_box;
use std::io::Write;
use std::net::TcpListener;
use std::process::Command;
use std::sync::Arc;

use waybill::file::csv::CsvRows;
use waybill::file::xlsx::XlsxRows;
use waybill_bench::{Certificate, Job, Parts, Reading, Server, difference, start, xlsx_alone};
use waybill_tests::xlsx;

/// Records of ten pages.
const READ_AT_ONCE: u64 = 18_000;

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> Result<()> {
    let mut arguments = std::env::args_os().skip(1);
    let command = arguments.next().unwrap_or_default();
    let arguments: Vec<OsString> = arguments.collect();
    let texts: Vec<&str> = arguments.iter().filter_map(|a| a.to_str()).collect();
    let said = match (command.to_str().unwrap_or_default(), &texts[..]) {
        ("server", [certificate]) => serve(certificate)?,
        ("start", [function]) => start(&mut Command::new(function))?.as_micros().to_string(),
        ("usual", ["alone", rows]) => xlsx_alone(rows.parse()?)?.to_string(),
        ("usual", [form, endpoint]) => usual(form, endpoint)?,
        ("cells", [a, b]) => cells(a, b)?,
        ("part", ["read", rows]) => read(rows.parse()?)?,
        ("part", [part, rows]) => count(part, rows.parse()?)?,
        _ => return Err("usage: bench server|start|usual|cells|part …".into()),
    };
    writeln!(std::io::stdout(), "{said}")?;
    Ok(())
}

fn serve(file: &str) -> Result<String> {
    let plain = TcpListener::bind("127.0.0.1:0")?;
    let encrypted = TcpListener::bind("127.0.0.1:0")?;
    let certificate = Arc::new(Certificate::new()?);
    std::fs::write(file, &certificate.pem)?;
    let server = Arc::new(Server::new());
    let ports = [plain.local_addr()?.port(), encrypted.local_addr()?.port()];
    let mut output = std::io::stdout();
    writeln!(output, "{} {}", ports[0], ports[1])?;
    output.flush()?;
    let serving = Arc::clone(&server);
    std::thread::spawn(move || serving.serve(&encrypted, Some(&certificate)));
    server.serve(&plain, None)?;
    Ok(String::new())
}

#[tokio::main(flavor = "current_thread")]
async fn usual(form: &str, endpoint: &str) -> Result<String> {
    let job = Job::new(endpoint).await;
    match form {
        "csv" => job.csv().await?,
        "xlsx" => job.xlsx().await?,
        _ => return Err("csv or xlsx".into()),
    }
    Ok(String::new())
}

fn cells(a: &str, b: &str) -> Result<String> {
    let (a, b) = (xlsx(&std::fs::read(a)?), xlsx(&std::fs::read(b)?));
    match difference(&a, &b) {
        Some(words) => Err(words.into()),
        None => Ok(format!("{} rows", a.len())),
    }
}

#[tokio::main(flavor = "current_thread")]
async fn read(rows: u64) -> Result<String> {
    // Repeats the same answers, so that building them is not counted.
    let reading = Reading::new(Parts::new()?.export_type, READ_AT_ONCE);
    let mut count = 0;
    while count < rows {
        count += reading
            .read(|row| {
                black_box(row);
            })
            .await?;
    }
    Ok(count.to_string())
}

fn count(part: &str, count: usize) -> Result<String> {
    let parts = Parts::new()?;
    let rows = parts.rows();
    let rows = rows.iter().cycle().take(count);
    let mut out = Vec::new();
    match part {
        "csv" => {
            let mut writer = CsvRows::new(parts.options());
            for row in rows {
                out.clear();
                writer.row(black_box(row), &mut out);
            }
        }
        "xlsx" => {
            let mut writer = XlsxRows::new(parts.options())?;
            writer.begin(&mut out);
            for row in rows {
                out.clear();
                writer.row(black_box(row), &mut out);
            }
        }
        "none" => rows.for_each(|row| {
            black_box(row);
        }),
        _ => return Err("read, csv, xlsx or none".into()),
    }
    black_box(out);
    Ok(String::new())
}
