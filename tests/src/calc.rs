//! LibreOffice, which opens a CSV file as a person's spreadsheet would, and is told to compute formulas.

use std::path::Path;
use std::process::Command;

use calamine::{Reader, Xlsx, open_workbook};

use crate::skipped;

/// LibreOffice's program for the command line.
#[derive(Debug)]
pub struct Calc {
    program: &'static str,
}

/// What became of a file.
#[derive(Debug)]
pub struct Opened {
    /// Rows, the header's among them.
    pub rows: usize,
    /// The cells that are formulas, as they are written.
    pub formulas: Vec<String>,
}

/// How LibreOffice reads a file.
#[derive(Debug, Clone, Copy)]
pub struct Import {
    /// The separators' codes in decimal, divided by `/`; `MRG` among them takes several in a row for one.
    pub separators: &'static str,
    /// Whether spaces are removed at a cell's ends.
    pub trims: bool,
}

impl Import {
    /// As the file is written.
    pub const AS_WRITTEN: Import = Import {
        separators: "44",
        trims: false,
    };
}

impl Calc {
    /// The program, or a sentence that `what` is not tested since it is not installed.
    pub fn find(what: &str) -> Option<Self> {
        let is_installed = |program: &&str| {
            let asked = Command::new(program).arg("--version").output();
            asked.is_ok_and(|output| output.status.success())
        };
        let program = ["soffice", "libreoffice"].into_iter().find(is_installed);
        if program.is_none() {
            skipped(
                what,
                "it is not installed (Debian: apt-get install libreoffice-calc-nogui)",
            );
        }
        program.map(|program| Self { program })
    }

    /// Opens a CSV file (UTF-8, double quotes) and computes it.
    ///
    /// # Panics
    /// Where LibreOffice does not open the file.
    pub fn open(&self, csv: &[u8], import: Import) -> Opened {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file.csv");
        std::fs::write(&file, csv).unwrap();
        let profile = folder.path().join("profile");
        // The last two: all of the file's sheet, with its formulas ("Filter Options for the CSV Filter").
        let Import { separators, trims } = import;
        let filter = format!("CSV:{separators},34,76,1,,0,false,true,false,false,{trims},-1,true");
        let output = Command::new(self.program)
            .arg(format!(
                "-env:UserInstallation=file://{}",
                profile.display()
            ))
            .args(["--headless", &format!("--infilter={filter}")])
            .args(["--convert-to", "xlsx", "--outdir"])
            .arg(folder.path())
            .arg(&file)
            .output()
            .unwrap();
        let workbook = folder.path().join("file.xlsx");
        assert!(workbook.exists(), "{output:?}");
        opened(&workbook)
    }
}

fn opened(workbook: &Path) -> Opened {
    let mut workbook: Xlsx<_> = open_workbook(workbook).unwrap();
    let name = workbook.sheet_names().remove(0);
    let rows = workbook.worksheet_range(&name).unwrap().height();
    let formulas = workbook.worksheet_formula(&name).unwrap();
    let formulas = formulas.cells().map(|(_, _, text)| text.to_owned());
    Opened {
        rows,
        formulas: formulas.filter(|text| !text.is_empty()).collect(),
    }
}
