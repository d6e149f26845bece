//! The functions' sources, without their tests.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::reading::{root, text};

/// All sources of a function's package, concatenated.
pub(crate) fn package_source(package: &str) -> String {
    let mut all = String::new();
    collect(
        &root().join("functions").join(package).join("src"),
        &mut all,
    );
    assert!(!all.is_empty(), "functions/{package} has no sources");
    all
}

fn collect(folder: &Path, all: &mut String) {
    for entry in
        fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
    {
        let path = entry.expect("an entry of a folder").path();
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        if path.is_dir() {
            collect(&path, all);
        } else if name.ends_with(".rs") && !name.contains("test") {
            all.push_str(&without_tests(
                &fs::read_to_string(&path).expect("a source is text"),
            ));
        }
    }
}

/// A file's code before its tests, without comments.
pub(crate) fn without_tests(source: &str) -> String {
    let code = source
        .split("#[cfg(test)]\nmod tests")
        .next()
        .unwrap_or_default();
    let lines = code
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    lines.flat_map(|line| [line, "\n"]).collect()
}

/// The environment variables in a source: its string literals in upper case.
fn variables(source: &str) -> BTreeSet<String> {
    let capitals = |word: &&str| {
        word.len() > 3
            && word.starts_with(|first: char| first.is_ascii_uppercase())
            && word
                .chars()
                .all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
    };
    source
        .split('"')
        .skip(1)
        .step_by(2)
        .filter(capitals)
        .map(str::to_owned)
        .collect()
}

/// The variables that a function's configuration reads, without those of every function and those that Lambda sets.
pub(crate) fn variables_of_package(package: &str) -> BTreeSet<String> {
    let config = without_tests(&text(&format!("functions/{package}/src/config.rs")));
    let mut read = variables(&config);
    let source = package_source(package);
    if source.contains("LiveCatalog::load") {
        read.insert("CATALOG_URL".to_owned());
    }
    // The catalog refers to variables for the table and the role of the records.
    if source.contains("RecordsOpener::new(") {
        read.extend(
            text("infra/catalog.toml")
                .split('"')
                .filter(|word| word.ends_with("_TABLE"))
                .map(str::to_owned),
        );
        read.insert("RECORDS_ROLE".to_owned());
    }
    read.retain(|name| !name.starts_with("AWS_"));
    read
}

/// The variables that all functions read.
pub(crate) fn variables_of_all() -> BTreeSet<String> {
    variables(&without_tests(&text("shared/src/deployment.rs")))
}

#[test]
fn variables_are_literals_in_capitals_outside_of_comments_and_tests() {
    let source = "//! `\"COMMENT\"`\n    // \"COMMENT\"\nenv::required(\"QUEUE_URL\")?; \"from 1 to 9\"; \"NO\"\n\
                  #[cfg(test)]\nmod tests { \"TESTED\" }";
    assert_eq!(
        variables(&without_tests(source)),
        BTreeSet::from(["QUEUE_URL".to_owned()])
    );
}
