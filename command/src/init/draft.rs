//! The draft of a catalog, as TOML with comments.

use std::fmt::Write;

use waybill::deployment_file::SqlEngine;

/// What stands where only a person can know the value.
pub(super) const FILL_IN: &str = "FILL_IN";

/// The first line with a value that only a person can know.
pub(super) fn to_be_filled_in(catalog: &str) -> Option<&str> {
    catalog.lines().find(|line| line.contains(FILL_IN))
}

/// What an entry says, and what is only guessed.
#[derive(Debug)]
pub(super) struct Draft {
    /// The name of the type.
    pub(super) name: String,
    /// The kind of parents, and what ids it has: `text`, `integer` or `uuid`.
    pub(super) kind: String,
    pub(super) id: &'static str,
    pub(super) records: DraftRecords,
    /// The column with the time of creation; `None` if there seems to be none.
    pub(super) created: Guess<Option<String>>,
    pub(super) columns: Vec<DraftColumn>,
}

/// Where the records are.
#[derive(Debug)]
pub(super) struct DraftRecords {
    /// The engine of `[database.main]`; `None` for DynamoDB.
    pub(super) engine: Option<SqlEngine>,
    /// The keys of `records` with their values.
    pub(super) keys: Vec<(&'static str, toml::Value)>,
    /// What to look at, each with the key that it is about.
    pub(super) notes: Vec<(&'static str, String)>,
    /// The lines of the deployment file.
    pub(super) deployment: String,
}

/// A value, and why it is that one, or what to look at.
#[derive(Debug, PartialEq)]
pub(super) struct Guess<T> {
    pub(super) value: T,
    pub(super) why: Option<String>,
}

/// A column of the entry.
#[derive(Debug, PartialEq)]
pub(super) struct DraftColumn {
    pub(super) key: String,
    /// The column of the table, where it is not the key.
    pub(super) path: Option<String>,
    pub(super) kind: &'static str,
    /// Further keys with their values in TOML, such as `from = "cents"`.
    pub(super) more: Vec<String>,
    pub(super) is_searched: bool,
    pub(super) is_filter: bool,
    pub(super) why: Option<String>,
}

impl Draft {
    /// `catalog.toml`.
    pub(super) fn catalog(&self) -> String {
        let mut text = String::new();
        // A text can always be written to.
        let _ = self.write_catalog(&mut text);
        text
    }

    fn write_catalog(&self, out: &mut String) -> std::fmt::Result {
        let quoted = |text: &str| toml::Value::from(text).to_string();
        writeln!(
            out,
            "# The first draft of a catalog, by `waybill init`. Each comment is a guess, or something to decide; see docs/catalog.md.\n"
        )?;
        writeln!(out, "[[parent]]")?;
        writeln!(
            out,
            "kind   = {}  # what people call it; in grants ({}:…) and paths",
            quoted(&self.kind),
            self.kind
        )?;
        writeln!(out, "plural = {}", quoted(&plural(&self.kind)))?;
        writeln!(out, "id     = {}", quoted(self.id))?;
        writeln!(
            out,
            "root   = true  # nothing else belongs to another kind, until there are more kinds\n"
        )?;
        if let Some(engine) = self.records.engine {
            writeln!(out, "[database.main]")?;
            writeln!(out, "engine  = \"{engine}\"")?;
            writeln!(
                out,
                "settles = 5  # seconds; they must cover the longest transaction that writes records, and the lag of a replica\n"
            )?;
        }
        writeln!(out, "[[type]]")?;
        writeln!(out, "name     = {}", quoted(&self.name))?;
        writeln!(out, "parent   = {}", quoted(&self.kind))?;
        writeln!(
            out,
            "delivery = \"link\"  # or \"attachment\": small files are also in the mail"
        )?;
        for (_, why) in &self.records.notes {
            comment(out, Some(why))?;
        }
        let keys = self.records.keys.iter();
        let keys: Vec<String> = keys
            .map(|(key, value)| format!("{key} = {value}"))
            .collect();
        writeln!(out, "records  = {{ {} }}", keys.join(", "))?;
        comment(out, self.created.why.as_deref())?;
        if let Some(created) = &self.created.value {
            writeln!(out, "created  = {}", quoted(created))?;
        }
        let of = |is: fn(&DraftColumn) -> bool| {
            let named = self.columns.iter().filter(|column| is(column));
            named.map(|column| quoted(&column.key)).collect::<Vec<_>>()
        };
        writeln!(
            out,
            "search   = [{}]",
            of(|column| column.is_searched).join(", ")
        )?;
        let mut filters = of(|column| column.is_filter);
        if self.created.value.is_some() && !filters.contains(&quoted("created_at")) {
            filters.push(quoted("created_at"));
        }
        writeln!(out, "filters  = [{}]", filters.join(", "))?;
        writeln!(out, "columns  = [")?;
        for column in &self.columns {
            let mut parts = vec![format!("key = {}", quoted(&column.key))];
            parts.push(format!("kind = {}", quoted(column.kind)));
            parts.extend(
                column
                    .path
                    .iter()
                    .map(|path| format!("path = {}", quoted(path))),
            );
            parts.extend(column.more.iter().cloned());
            let why = column
                .why
                .as_ref()
                .map_or(String::new(), |why| format!("  # {why}"));
            writeln!(out, "  {{ {} }},{why}", parts.join(", "))?;
        }
        writeln!(out, "]")
    }

    /// `deployment.toml`, without a password.
    pub(super) fn deployment(&self) -> String {
        let lines = &self.records.deployment;
        format!("# What the names in catalog.toml stand for here.\n[deployment]\n{lines}")
    }

    /// What to look at, for people.
    pub(super) fn questions(&self) -> Vec<String> {
        let columns = self.columns.iter();
        let columns =
            columns.filter_map(|column| Some(format!("{}: {}", column.key, column.why.as_ref()?)));
        let records = self
            .records
            .notes
            .iter()
            .map(|(key, why)| format!("{key}: {why}"));
        let created = self.created.why.iter().map(|why| format!("created: {why}"));
        records.chain(created).chain(columns).collect()
    }
}

fn comment(out: &mut String, why: Option<&str>) -> std::fmt::Result {
    match why {
        Some(why) => writeln!(out, "# {why}"),
        None => Ok(()),
    }
}
/// The plural of an English noun, as far as its last letters tell.
fn plural(noun: &str) -> String {
    let is_sibilant = ["s", "x", "z", "ch", "sh"]
        .iter()
        .any(|end| noun.ends_with(end));
    match noun.strip_suffix('y') {
        Some(stem) if !stem.ends_with(['a', 'e', 'i', 'o', 'u']) => format!("{stem}ies"),
        _ if is_sibilant => format!("{noun}es"),
        _ => format!("{noun}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nouns_have_their_plurals() {
        for (noun, expected) in [
            ("customer", "customers"),
            ("status", "statuses"),
            ("company", "companies"),
            ("survey", "surveys"),
            ("box", "boxes"),
            ("branch", "branches"),
        ] {
            assert_eq!(plural(noun), expected);
        }
    }
}
