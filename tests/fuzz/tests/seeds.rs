//! Checks every stored input: inputs that once failed, and one of each kind.

#![allow(clippy::unwrap_used, reason = "a failed test panics")]

use std::path::Path;
use std::{fs, panic};

#[test]
fn every_stored_input_is_parsed_or_refused() {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds");
    let mut broken = Vec::new();
    for (name, check) in fuzz::CHECKS {
        let folder = seeds.join(name);
        let files: Vec<_> = fs::read_dir(&folder).unwrap().map(Result::unwrap).collect();
        assert!(!files.is_empty(), "{} has no input", folder.display());
        for file in files {
            let data = fs::read(file.path()).unwrap();
            if panic::catch_unwind(|| check(&data)).is_err() {
                broken.push(file.path());
            }
        }
    }
    assert!(broken.is_empty(), "{broken:?}");
}
