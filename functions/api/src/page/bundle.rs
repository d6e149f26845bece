//! Joins JavaScript modules into one, so that a browser loads them with one request.
//!
//! Each module becomes a function that returns what the module exports, in the order in which modules need each other. That
//! asks for a plain form of the page's own modules, which the tests check: an `import` is one line, names what it takes, and
//! has a relative address; an `export` stands before what it declares; a comment has lines of its own, and a text is one line.
//!
//! Comments are left out: they are for those who read the modules, and would be a fifth of what a browser loads.

use std::collections::BTreeSet;

/// The module `root` and all that it imports, as one module without imports. `modules` are the names and texts.
pub(super) fn bundle(root: &str, modules: &[(&str, &str)]) -> String {
    let mut bundle = Bundle {
        modules,
        joined: BTreeSet::new(),
        text: String::new(),
    };
    bundle.join(root);
    bundle.text
}

struct Bundle<'a> {
    modules: &'a [(&'a str, &'a str)],
    joined: BTreeSet<&'a str>,
    text: String,
}

impl<'a> Bundle<'a> {
    /// Appends a module after those that it imports, unless it is there already.
    fn join(&mut self, name: &str) {
        let Some(&(name, module)) = self.modules.iter().find(|(known, _)| *known == name) else {
            return;
        };
        if !self.joined.insert(name) {
            return;
        }
        let imports: Vec<Import<'_>> = module.lines().filter_map(Import::parse).collect();
        for import in &imports {
            self.join(import.from);
        }
        self.text += &format!("const {} = (() => {{\n", variable(name));
        for import in imports.iter().filter(|import| !import.names.is_empty()) {
            let (names, from) = (import.names.replace(" as ", ": "), variable(import.from));
            self.text += &format!("const {{ {names} }} = {from};\n");
        }
        let mut exports = Vec::new();
        for line in code(module).filter(|line| Import::parse(line).is_none()) {
            let declaration = line.strip_prefix("export ");
            exports.extend(declaration.and_then(declared));
            self.text += declaration.unwrap_or(line);
            self.text.push('\n');
        }
        self.text += &format!("return {{ {} }};\n}})();\n", exports.join(", "));
    }
}

/// The lines of a module without its comments.
fn code(module: &str) -> impl Iterator<Item = &str> {
    let mut is_within = false;
    module.lines().filter(move |line| {
        let line = line.trim_start();
        let is_comment = is_within || line.starts_with("/*");
        is_within = is_comment && !line.ends_with("*/");
        !is_comment && !line.starts_with("//") && !line.is_empty()
    })
}

struct Import<'a> {
    /// The names between the braces; empty where only the module's effect is wanted.
    names: &'a str,
    /// The name of the module.
    from: &'a str,
}

impl<'a> Import<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let rest = line.strip_prefix("import ")?.strip_suffix("\";")?;
        let (what, from) = rest.split_once("\"./")?;
        let names = match what {
            "" => "",
            names => names.strip_prefix("{ ")?.strip_suffix(" } from ")?,
        };
        Some(Self { names, from })
    }
}

/// The name that a declaration declares.
fn declared(declaration: &str) -> Option<&str> {
    let rest = ["async function ", "function ", "class ", "const ", "let "]
        .iter()
        .find_map(|keyword| declaration.strip_prefix(keyword))?;
    let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_')?;
    Some(&rest[..end])
}

/// The variable with what a module exports: `$export_row` for `export-row.js`.
fn variable(module: &str) -> String {
    let name = module.trim_end_matches(".js").replace('-', "_");
    format!("${name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_stand_before_those_that_import_them_and_once() {
        let modules = [
            (
                "app.js",
                "import { a as b, C } from \"./one.js\";\nimport \"./two.js\";\n\nb(C);\n",
            ),
            (
                "one.js",
                "import { two } from \"./two.js\";\nexport const a = () => two;\nexport class C {}\n",
            ),
            (
                "two.js",
                "/** Long:\n * two. */\nexport async function two() {}\n// Short.\nconst own = 1; // Beside.\n",
            ),
            ("other.js", "export const other = 1;\n"),
        ];
        insta::assert_snapshot!(bundle("app.js", &modules), @"
        const $two = (() => {
        async function two() {}
        const own = 1; // Beside.
        return { two };
        })();
        const $one = (() => {
        const { two } = $two;
        const a = () => two;
        class C {}
        return { a, C };
        })();
        const $app = (() => {
        const { a: b, C } = $one;
        b(C);
        return {  };
        })();
        ");
        // Modules that import each other, and missing ones, do not hang.
        let round = [
            ("a.js", "import \"./b.js\";\n"),
            ("b.js", "import \"./a.js\";\nimport \"./c.js\";\n"),
        ];
        assert_eq!(bundle("a.js", &round).matches("const $").count(), 2);
    }
}
