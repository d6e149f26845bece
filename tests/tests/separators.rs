//! Opens a CSV file for spreadsheets in LibreOffice with other separators than the file's own: no cell runs as a
//! formula.

#![allow(clippy::unwrap_used, reason = "a failed test panics")]

use fastrand::Rng;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use waybill::catalog::{Catalog, Column};
use waybill::file::csv::CsvRows;
use waybill::file::{FileOptions, Profile};
use waybill::value::{Kind, Value};
use waybill_tests::{Calc, Import};

/// The separators of LibreOffice's import, single and combined, except the space, which every text contains.
const SEPARATORS: [&str; 8] = [
    "44",
    "59",
    "9",
    "124",
    "44/59",
    "44/59/9/124",
    "44/59/9/124/MRG",
    "59/MRG",
];

/// Texts that run as a formula if they are split at a separator, a quote or a line end.
const HOSTILE: [&str; 16] = [
    "=1+1",
    "x;=1+1;y",
    "x\t=1+1\ty",
    "x|=1+1|y",
    "x\r=1+1",
    "x\n=1+1",
    "x\r\n=1+1;y",
    "x;\"=1+1\"",
    "x;\"\"=1+1",
    "\"x\";=1+1",
    "x;  =1+1",
    "x;\0=1+1",
    "\0=1+1",
    "x;;|\t=1+1",
    "a,b;=1+1",
    "x;'=1+1",
];

/// The pieces of random texts.
const PIECES: [&str; 16] = [
    "=", "1", "=1+1", ";", "\t", "|", ",", "\"", "\"\"", "'", " ", "\r", "\n", "\0", "x", "é",
];

fn column(key: &str) -> Column {
    let catalog = Catalog::load().unwrap();
    let mut column = catalog.get("orders").unwrap().columns[0].clone();
    column.key = key.to_owned();
    column.kind = Kind::Text;
    column
}

/// A file with three columns, with hostile texts and one hostile key.
fn file(profile: Profile) -> Vec<u8> {
    let mut rng = Rng::with_seed(12);
    let mut random = || -> String {
        let pieces = 0..rng.usize(0..9);
        pieces.map(|_| *rng.choice(&PIECES).unwrap()).collect()
    };
    let mut texts: Vec<String> = HOSTILE.map(str::to_owned).into();
    texts.extend((0..3_000).map(|_| random()));
    let mut rows = CsvRows::new(FileOptions {
        profile,
        time_zone: TimeZone::UTC,
        columns: ["id", "note", "a;=2+2|=2+2"].map(column).into(),
        created_at: Timestamp::UNIX_EPOCH,
        headers: waybill::file::Headers::Keys,
        label: "Orders".into(),
    });
    let mut out = Vec::new();
    rows.header(&mut out);
    // Each text is in each column once.
    for (n, text) in texts.iter().enumerate() {
        let second = &texts[(n + 1) % texts.len()];
        let row = [text, second, text].map(|text| Value::Text(text.as_str().into()));
        rows.row(&row, &mut out);
    }
    out
}

#[test]
fn no_cell_runs_whatever_a_spreadsheet_splits_at() {
    let Some(calc) = Calc::find("separators in LibreOffice") else {
        return;
    };
    let (guarded, plain) = (file(Profile::Spreadsheet), file(Profile::Data));
    for separators in SEPARATORS {
        for trims in [false, true] {
            let import = Import { separators, trims };
            let formulas = calc.open(&guarded, import).formulas;
            assert_eq!(formulas, [""; 0], "{import:?}");
        }
        let import = Import {
            separators,
            trims: false,
        };
        let formulas = calc.open(&plain, import).formulas;
        assert!(formulas.len() > 100, "{import:?}: nothing would have run");
    }
}
