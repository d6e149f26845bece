//! The floors (layers) of each package. A module imports only lower floors, so there are no cycles, and a package can
//! be read from the bottom up.

#![allow(clippy::unwrap_used, reason = "a failed test panics")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// A package's sources, and its modules from the lowest floor up: each may import those before it.
const FLOORS: [(&str, &[&str]); 6] = [
    (
        "shared/src",
        &[
            "field_error",
            "similar",
            "toml_error",
            "language",
            "value",
            "clock",
            "hash",
            "invocation",
            "env",
            "aws",
            "parent",
            "person",
            "grant_patterns",
            "bearer_secret",
            "catalog",
            "deployment_file",
            "live_catalog",
            "parent_profile",
            "type_entry",
            "file",
            "export",
            "selection",
            "access_rules",
            "event",
            "objects",
            "download_uuid",
            "bucket",
            "queue",
            "grants_function",
            "work",
            "lifecycle",
            "records",
            "store",
            "deployment",
        ],
    ),
    (
        "functions/api/src",
        &[
            "http",
            "short_cache",
            "page",
            "tokens",
            "session_tokens",
            "requester",
            "permissions",
            "kinds",
            "config",
            "app",
            "endpoints",
            "contract",
            "routes",
        ],
    ),
    (
        "functions/generate/src",
        &[
            "config", "margin", "plan", "receipt", "lease", "upload", "attempt", "worker",
            "handler",
        ],
    ),
    (
        "functions/notify/src",
        &[
            "address",
            "attachment",
            "input",
            "mail_event",
            "wording",
            "mail",
            "mailer",
            "config",
            "handler",
            "delivery_failures",
        ],
    ),
    (
        "command/src",
        &[
            "outcome", "api_keys", "catalog", "init", "http", "stack", "smoke", "doctor",
        ],
    ),
    (
        "functions/sweep/src",
        &["config", "step", "summary", "clean", "notifier", "handler"],
    ),
];

/// The roots of packages, and modules only for tests.
const ROOTS: [&str; 5] = ["lib", "main", "build", "testing", "tests"];

#[test]
fn no_module_imports_a_higher_floor() {
    let mut wrong = Vec::new();
    for (folder, floors) in FLOORS {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("..")
            .join(folder);
        for path in sources(&root) {
            let module = module(&root, &path);
            if ROOTS.contains(&module.as_str()) {
                continue;
            }
            let source = fs::read_to_string(&path).unwrap();
            for imported in imports(&source) {
                if !may_import(floors, &module, &imported) {
                    wrong.push(format!("{}: crate::{imported}", path.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_module_has_a_floor() {
    for (folder, floors) in FLOORS {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("..")
            .join(folder);
        let modules: BTreeSet<String> = sources(&root)
            .iter()
            .map(|path| module(&root, path))
            .filter(|module| !ROOTS.contains(&module.as_str()))
            .collect();
        let floors: BTreeSet<String> = floors.iter().map(|module| module.to_string()).collect();
        assert_eq!(modules, floors, "{folder}");
    }
}

#[test]
fn an_import_from_a_higher_floor_is_found_in_every_form() {
    let floors = ["http", "app", "endpoints"];
    for source in [
        "use crate::endpoints::read;",
        "use crate::{app::App, endpoints};",
        "    use crate::endpoints::read::{self, shown};",
        "fn f() { crate::endpoints::read::shown() }",
        "pub(in crate::endpoints) fn f() {}",
    ] {
        let found = imports(source);
        assert!(
            found
                .iter()
                .any(|imported| !may_import(&floors, "app", imported)),
            "{source}: {found:?}"
        );
        assert!(
            found
                .iter()
                .all(|imported| may_import(&floors, "endpoints", imported)),
            "{source}"
        );
    }
    let of_tests =
        "use crate::http::answer;\n#[cfg(test)]\nmod tests {\n    use crate::endpoints;\n}\n";
    let commented = "/// As [`crate::endpoints`] does.\n// crate::endpoints\n";
    assert_eq!(imports(of_tests), ["http"]);
    assert!(imports(commented).is_empty());
}

fn may_import(floors: &[&str], module: &str, imported: &str) -> bool {
    let floor = |name: &str| floors.iter().position(|module| *module == name);
    module == imported || floor(imported).is_some_and(|below| Some(below) < floor(module))
}

/// The modules of the package that a source refers to, without its tests.
fn imports(source: &str) -> Vec<String> {
    let code = source
        .split("#[cfg(test)]\nmod tests")
        .next()
        .unwrap_or_default();
    let code: String = code
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .flat_map(|line| [line, "\n"])
        .collect();
    let named = code.split("crate::").skip(1);
    named.flat_map(first_names).collect()
}

/// The first names after `crate::`: one, or those of a list in braces.
fn first_names(rest: &str) -> Vec<String> {
    let name = |text: &str| -> String {
        let text = text.trim_start();
        text.chars()
            .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
            .collect()
    };
    let Some(list) = rest.strip_prefix('{') else {
        return vec![name(rest)];
    };
    let mut depth = 0;
    let mut names = vec![name(list)];
    for (at, c) in list.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => names.push(name(&list[at + 1..])),
            _ => {}
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

/// The root module that a file belongs to.
fn module(root: &Path, path: &Path) -> String {
    let inside = path.strip_prefix(root).unwrap();
    let first = inside.components().next().unwrap().as_os_str();
    first.to_str().unwrap().trim_end_matches(".rs").to_owned()
}

/// Every source under a folder, except separate programs and files with only tests.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() && !["bin", "tests", "testing"].contains(&name) {
            found.extend(sources(&path));
        } else if name.ends_with(".rs") && name != "tests.rs" {
            found.push(path);
        }
    }
    found
}
