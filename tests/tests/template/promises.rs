//! `infra/PROMISES.md` names a test for each promise of the products' documents; checks that these tests exist.

use std::fs;
use std::path::Path;

use waybill_tests::Stack;

/// Names of tests such as `contract::rate::of_fifty…`, `contract::lists::*` and `page`, from the middle column of the
/// tables.
fn named() -> Vec<String> {
    let text = fs::read_to_string(Stack::root().join("infra/PROMISES.md")).unwrap();
    let rows = text
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| it says"));
    let cells = rows.map(|row| row.split('|').nth(2).unwrap().to_owned());
    let names: Vec<String> = cells
        .flat_map(|cell| {
            let parts: Vec<_> = cell.split('`').map(str::to_owned).collect();
            parts.into_iter().skip(1).step_by(2)
        })
        .filter(|name| name.contains("::"))
        .collect();
    assert!(names.len() > 20, "the tables are not read: {names:?}");
    names
}

/// The source of a module of tests: `contract::rate` is `tests/contract/rate.rs`, or `tests/contract.rs`.
fn source(module: &[&str]) -> Option<String> {
    let path = Path::new("tests/tests").join(module.join("/"));
    let candidates = [path.with_extension("rs"), path.join("main.rs")];
    let file = candidates
        .iter()
        .map(|file| Stack::root().join(file))
        .find(|file| file.is_file())?;
    fs::read_to_string(file).ok()
}

#[test]
fn every_test_that_a_promise_names_exists() {
    let missing: Vec<String> = named()
        .into_iter()
        .filter(|name| {
            let mut module: Vec<&str> = name.split("::").collect();
            let test = module.pop().unwrap();
            !source(&module)
                .is_some_and(|text| test == "*" || text.contains(&format!("fn {test}(")))
        })
        .collect();
    assert!(missing.is_empty(), "no such tests: {missing:#?}");
}
