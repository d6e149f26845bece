//! Checks the documents: every link, path, command and parameter in a document exists, and required content is present.

#![allow(clippy::unwrap_used, reason = "a failed test panics")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The maximum length of the README in lines.
const README_LINES: usize = 150;

/// Files with these extensions may be named without their folders, or with only the last of them.
const SOURCES: [&str; 9] = [
    ".rs", ".py", ".js", ".css", ".html", ".md", ".toml", ".yaml", ".mjs",
];

/// Folders with built or installed files.
const NOT_OURS: [&str; 7] = [
    ".git",
    ".local",
    ".aws-sam",
    "target",
    "node_modules",
    "__pycache__",
    "mutants.out",
];

/// A document: its path in the project, and its lines, each with whether it is in a code block.
struct Document {
    path: String,
    lines: Vec<(bool, String)>,
}

#[test]
fn every_link_has_a_target() {
    let files = project_files();
    let mut wrong = Vec::new();
    for document in documents() {
        for target in document.links() {
            if target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            let (file, anchor) = match target.split_once('#') {
                Some((file, anchor)) => (file, Some(anchor)),
                None => (target.as_str(), None),
            };
            let path = match file {
                "" => document.path.clone(),
                _ => joined(folder_of(&document.path), file),
            };
            if !exists(&files, &path) {
                wrong.push(format!("{}: {target}", document.path));
                continue;
            }
            let Some(anchor) = anchor else {
                continue;
            };
            let has_heading = path.ends_with(".md") && read(&path).anchors().contains(anchor);
            if !has_heading {
                wrong.push(format!("{}: no such heading: {target}", document.path));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_path_in_backticks_exists() {
    let files = project_files();
    let mut wrong = Vec::new();
    for document in documents() {
        for code in document.spans() {
            if is_path(&files, &code) && !is_there(&files, &code) {
                wrong.push(format!("{}: {code}", document.path));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_make_target_that_is_named_exists() {
    let targets: BTreeSet<String> = targets().into_iter().map(|(name, _)| name).collect();
    let mut wrong = Vec::new();
    for document in documents() {
        for name in document.commands() {
            if !targets.contains(&name) {
                wrong.push(format!("{}: make {name}", document.path));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_make_target_with_a_help_text_is_described() {
    let described = read("docs/local.md").commands();
    let missing: Vec<String> = targets()
        .into_iter()
        .filter(|(name, has_help)| *has_help && !described.contains(name))
        .map(|(name, _)| name)
        .collect();
    assert!(missing.is_empty(), "docs/local.md lacks {missing:?}");
}

/// `make test` names its test targets one by one: a target that it does not name would never be run.
#[test]
fn every_test_target_is_run_by_make_test() {
    let makefile = text("Makefile");
    let run: BTreeSet<&str> = makefile
        .lines()
        .filter(|line| line.contains("$(CARGO_TEST)"))
        .flat_map(|line| line.split("--test ").skip(1))
        .filter_map(|rest| rest.split([' ', '\'']).next())
        .collect();
    let targets: BTreeSet<String> = project_files()
        .iter()
        .filter_map(|path| test_target(path))
        .collect();
    let targets: BTreeSet<&str> = targets.iter().map(String::as_str).collect();
    assert_eq!(targets, run);
}

#[test]
fn every_parameter_of_the_template_is_described_and_no_other() {
    let operations = read("docs/operations.md");
    let parameters = parameters();
    assert!(parameters.len() > 20, "the template is not read");
    let named: BTreeSet<String> = operations.spans().into_iter().collect();
    let missing: Vec<&String> = parameters.difference(&named).collect();
    assert!(missing.is_empty(), "docs/operations.md lacks {missing:?}");

    let in_tables = operations.first_cells_of_tables("parameter");
    assert!(!in_tables.is_empty(), "the tables are not read");
    let unknown: Vec<&String> = in_tables.difference(&parameters).collect();
    assert!(unknown.is_empty(), "template.yaml lacks {unknown:?}");
}

#[test]
fn every_check_of_checkov_that_is_left_out_has_its_reason() {
    let described = read("docs/operations.md").first_cells_of_tables("check");
    let left_out = text("infra/checkov.yaml");
    let left_out = left_out
        .lines()
        .filter_map(|line| line.strip_prefix("  - "));
    let left_out: BTreeSet<String> = left_out.map(str::to_owned).collect();
    assert!(!left_out.is_empty(), "infra/checkov.yaml is not read");
    assert_eq!(described, left_out);
}

#[test]
fn every_log_line_that_is_named_is_logged() {
    let sources = project_files().into_iter();
    let sources = sources.filter(|path| {
        let is_function = path.starts_with("functions/")
            || path.starts_with("shared/src/live_catalog")
            || path == "shared/src/records/sql/reader.rs";
        is_function && path.ends_with(".rs")
    });
    let source: String = sources.map(|path| text(&path)).collect();
    let operations = read("docs/operations.md");
    let mut named = operations.first_cells_of_tables("log message");
    for line in operations.prose() {
        for before in ["line `", "lines `"] {
            let after = line.split(before).skip(1);
            named.extend(after.filter_map(|rest| rest.split('`').next().map(str::to_owned)));
        }
    }
    named.retain(|name| !["due_age_s", "reason"].contains(&name.as_str()));
    assert!(named.len() > 5, "{named:?}");
    let is_missing = |message: &String| !source.contains(&format!("\"{message}\""));
    let missing: Vec<String> = named.into_iter().filter(is_missing).collect();
    assert!(missing.is_empty(), "no function logs {missing:?}");
}

#[test]
fn every_code_of_a_failure_is_described_and_no_other() {
    let source = text("shared/src/export/failure.rs");
    let made = ["Self::new(\"", "Self::for_support(\""];
    let made = made.iter().flat_map(|call| source.split(call).skip(1));
    let codes: BTreeSet<String> = made
        .filter_map(|rest| rest.split('"').next().map(str::to_owned))
        .collect();
    assert!(codes.len() > 10, "{codes:?}");
    let described = read("docs/api.md").first_cells_of_tables("`failure.code`");
    assert_eq!(described, codes);
}

#[test]
fn the_readme_is_short_and_links_to_every_document() {
    let readme = read("README.md");
    assert!(
        readme.lines.len() <= README_LINES,
        "README.md has {} lines",
        readme.lines.len()
    );
    let links = readme.links();
    let missing: Vec<String> = documents()
        .into_iter()
        .map(|document| document.path)
        .filter(|path| path != "README.md" && !links.contains(path))
        .collect();
    assert!(missing.is_empty(), "README.md leads to no {missing:?}");
}

#[test]
fn a_document_is_parsed_as_it_is_rendered() {
    let text = "# One `two` (three), four!\n\nSee [x](a.md#b) and `make it GO=1`, `c/d.rs`.\n\n```sh\n\
                make demo    # [no](link)\n# Not a heading\n```\n\n| parameter | what |\n|---|---|\n\
                | `Abc`, `Def` | `Ghi` |\n\n| other |\n|---|\n| `Jkl` |\n";
    let document = Document::new("x.md".to_owned(), text);
    assert_eq!(document.links(), ["a.md#b"]);
    assert_eq!(
        document.spans(),
        ["two", "make it GO=1", "c/d.rs", "Abc", "Def", "Ghi", "Jkl"]
    );
    assert_eq!(document.commands(), words(&["demo", "it"]));
    assert_eq!(document.anchors(), words(&["one-two-three-four"]));
    assert_eq!(
        document.first_cells_of_tables("parameter"),
        words(&["Abc", "Def"])
    );
    assert_eq!(joined("docs", "../infra/x.md"), "infra/x.md");
    assert!(is_like("api/*/x.rs", "api/src/x.rs") && !is_like("api/*.rs", "api/src/x.rs"));
    let files = words(&["api/src/x.rs", "api/src/lib.rs"]);
    assert!(is_path(&files, "src/y.rs") && !is_there(&files, "src/y.rs"));
    assert!(is_path(&files, "api/src/") && is_there(&files, "api/src/"));
    assert!(is_there(&files, "src/x.rs") && is_there(&files, "x.rs"));
    assert!(is_there(&files, "api/src/NAME.rs") && !is_there(&files, "rc/x.rs"));
    assert!(!is_path(&files, "/element/v1.js") && !is_path(&files, "application/json"));
}

impl Document {
    fn new(path: String, text: &str) -> Self {
        let mut is_code = false;
        let mut lines = Vec::new();
        for line in text.lines() {
            let is_fence = line.trim_start().starts_with("```");
            lines.push((is_code || is_fence, line.to_owned()));
            if is_fence {
                is_code = !is_code;
            }
        }
        Self { path, lines }
    }

    /// The lines outside of code blocks.
    fn prose(&self) -> impl Iterator<Item = &str> {
        let prose = self.lines.iter().filter(|(is_code, _)| !is_code);
        prose.map(|(_, line)| line.as_str())
    }

    /// The targets of the document's links and pictures.
    fn links(&self) -> Vec<String> {
        let mut links = Vec::new();
        for line in self.prose() {
            for rest in line.split("](").skip(1) {
                if let Some((target, _)) = rest.split_once(')') {
                    links.push(target.to_owned());
                }
            }
        }
        links
    }

    /// The texts between backticks.
    fn spans(&self) -> Vec<String> {
        self.prose().flat_map(spans_of).collect()
    }

    /// The targets of `make` in the document's text and code blocks.
    fn commands(&self) -> BTreeSet<String> {
        let blocks = self.lines.iter().filter(|(is_code, _)| *is_code);
        let blocks = blocks.map(|(_, line)| line.trim().to_owned());
        let named = blocks.chain(self.spans());
        named.filter_map(|code| target_of(&code)).collect()
    }

    /// The anchors of the document's headings.
    fn anchors(&self) -> BTreeSet<String> {
        let headings = self.prose().filter(|line| line.starts_with('#'));
        headings
            .map(|line| anchor_of(line.trim_start_matches('#').trim()))
            .collect()
    }

    /// The texts between backticks in the first column of the tables whose first column has this title.
    fn first_cells_of_tables(&self, title: &str) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        let mut is_in_one = false;
        let mut was_in_any = false;
        for line in self.prose() {
            let Some(row) = line.strip_prefix('|') else {
                (is_in_one, was_in_any) = (false, false);
                continue;
            };
            let first = row.split('|').next().unwrap_or_default().trim();
            if !was_in_any {
                is_in_one = first == title;
            } else if is_in_one {
                found.extend(spans_of(first));
            }
            was_in_any = true;
        }
        found
    }
}

/// The name of the test target whose root this file is: `NAME.rs` or `NAME/main.rs` in a package's folder `tests`.
fn test_target(path: &str) -> Option<String> {
    let packages = ["tests/tests/", "tests/fuzz/tests/", "shared/testing/tests/"];
    let file = packages
        .iter()
        .find_map(|folder| path.strip_prefix(folder))?;
    let name = file.strip_suffix("/main.rs").or(file.strip_suffix(".rs"))?;
    (!name.contains('/')).then(|| name.to_owned())
}

fn words(words: &[&str]) -> BTreeSet<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn text(path: &str) -> String {
    let text = fs::read_to_string(root().join(path));
    text.unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn read(path: &str) -> Document {
    Document::new(path.to_owned(), &text(path))
}

/// Every hand-written document.
fn documents() -> Vec<Document> {
    let mut paths: Vec<String> = [
        "README.md",
        "CONTRIBUTING.md",
        "CHANGELOG.md",
        "infra/PROMISES.md",
    ]
    .map(str::to_owned)
    .into();
    let docs = fs::read_dir(root().join("docs")).unwrap();
    for entry in docs {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if name.ends_with(".md") {
            paths.push(format!("docs/{name}"));
        }
    }
    assert!(paths.len() > 4, "the folder docs is not read");
    paths.iter().map(|path| read(path)).collect()
}

/// The paths of all files of the project.
fn project_files() -> BTreeSet<String> {
    let mut files = BTreeSet::new();
    collect(&root(), "", &mut files);
    assert!(files.contains("README.md"), "the project is not read");
    files
}

fn collect(folder: &Path, prefix: &str, files: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if NOT_OURS.contains(&name) {
            continue;
        }
        let inside = format!("{prefix}{name}");
        if path.is_dir() {
            collect(&path, &format!("{inside}/"), files);
        } else {
            files.insert(inside);
        }
    }
}

/// The targets of the Makefile, each with whether `make help` describes it.
fn targets() -> Vec<(String, bool)> {
    let mut targets = Vec::new();
    for line in text("Makefile").lines() {
        let Some((name, rest)) = line.split_once(':') else {
            continue;
        };
        let is_name = |c: char| c.is_ascii_lowercase() || c == '-';
        if !name.is_empty() && name.chars().all(is_name) && !rest.starts_with('=') {
            targets.push((name.to_owned(), rest.contains("## ")));
        }
    }
    assert!(targets.len() > 10, "the Makefile is not read");
    targets
}

/// The parameters of the template.
fn parameters() -> BTreeSet<String> {
    let template = text("template.yaml");
    let lines = template.lines();
    let lines = lines.skip_while(|line| *line != "Parameters:").skip(1);
    let lines = lines.take_while(|line| line.is_empty() || line.starts_with(' '));
    let names = lines.filter_map(|line| line.strip_prefix("  ")?.strip_suffix(':'));
    let names = names.filter(|name| name.starts_with(|c: char| c.is_ascii_uppercase()));
    names.map(str::to_owned).collect()
}

/// The texts between backticks in a line.
fn spans_of(line: &str) -> Vec<String> {
    let parts: Vec<&str> = line.split('`').collect();
    // The last part follows the last span, or is an unclosed span.
    let spans = parts[..parts.len() - 1].iter().skip(1).step_by(2);
    spans.map(|span| (*span).to_owned()).collect()
}

/// The target of a command line of `make`.
fn target_of(code: &str) -> Option<String> {
    let rest = code.strip_prefix("make ")?;
    let is_name = |c: &char| c.is_ascii_lowercase() || *c == '-';
    let name: String = rest.chars().take_while(is_name).collect();
    (!name.is_empty()).then_some(name)
}

/// A heading's anchor: lower-case letters, digits, `_` and `-`, with `-` for spaces.
fn anchor_of(heading: &str) -> String {
    let kept = heading
        .chars()
        .filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.map(|c| if c == ' ' { '-' } else { c })
        .flat_map(char::to_lowercase)
        .collect()
}

fn folder_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// Resolves a link relative to a folder.
fn joined(folder: &str, link: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in link.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            name => parts.push(name),
        }
    }
    parts.join("/")
}

/// Whether the project has a file or folder with this path.
fn exists(files: &BTreeSet<String>, path: &str) -> bool {
    let folder = format!("{path}/");
    files.contains(path) || files.iter().any(|file| file.starts_with(&folder))
}

/// Whether a text looks like a path in the project: it begins with a folder of the project, or has an extension of its
/// sources.
fn is_path(files: &BTreeSet<String>, code: &str) -> bool {
    let is_of_a_path = |c: char| c.is_ascii_alphanumeric() || "/._-*".contains(c);
    if !code.chars().all(is_of_a_path) || code.starts_with('/') || code.starts_with(".local") {
        return false;
    }
    if SOURCES
        .iter()
        .any(|end| code.ends_with(end) && code.len() > end.len())
    {
        return true;
    }
    let Some((first, _)) = code.split_once('/') else {
        return false;
    };
    let folder = format!("{first}/");
    files.iter().any(|file| file.starts_with(&folder))
}

/// Whether a path refers to a file or folder: relative to the project's root, or for a source relative to any folder.
/// `*` and `NAME` match any part of a name.
fn is_there(files: &BTreeSet<String>, code: &str) -> bool {
    let path = code.trim_end_matches('/').replace("NAME", "*");
    let depth = path.split('/').count();
    files.iter().any(|file| {
        let parts: Vec<&str> = file.split('/').collect();
        let is_source = SOURCES.iter().any(|end| path.ends_with(end));
        let begins_like = parts.len() >= depth && is_like(&path, &parts[..depth].join("/"));
        let ends_like = is_source
            && parts.len() >= depth
            && is_like(&path, &parts[parts.len() - depth..].join("/"));
        begins_like || ends_like
    })
}

/// Whether a path matches a pattern, in which `*` matches any part of a name.
fn is_like(pattern: &str, path: &str) -> bool {
    let (patterns, names) = (pattern.split('/'), path.split('/'));
    patterns.clone().count() == names.clone().count()
        && patterns
            .zip(names)
            .all(|(pattern, name)| match pattern.split_once('*') {
                None => pattern == name,
                Some((before, after)) => {
                    name.len() >= before.len() + after.len()
                        && name.starts_with(before)
                        && name.ends_with(after)
                }
            })
}
