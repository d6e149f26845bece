//! Parses the kinds of parents in a catalog.

use serde::Deserialize;
use toml::Spanned;

use super::mistakes::{Wrong, wrong};
use super::{humane, not_empty};
use crate::parent::{IdForm, KindName, ParentKind, ParentKinds};

/// The first words of the API's and the page's other paths.
const RESERVED_PLURALS: [&str; 11] = [
    "assets",
    "catalog",
    "downloads",
    "element",
    "exports",
    "keys",
    "records",
    "session",
    "sessions",
    "signed-in",
    "v1",
];
/// Grants without an id, and `{root}` in a partition.
const RESERVED_NAMES: [&str; 3] = ["root", "service", "staff"];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawKind {
    kind: Spanned<String>,
    plural: Spanned<String>,
    label: Option<Spanned<String>>,
    #[serde(default)]
    id: RawIdForm,
    #[serde(default)]
    root: bool,
    #[serde(default)]
    custom: bool,
    #[serde(default)]
    names_files: bool,
}

/// The forms of ids that a catalog can name.
#[derive(Deserialize, Default, Clone, Copy)]
#[serde(rename_all = "snake_case")]
enum RawIdForm {
    #[default]
    Text,
    Integer,
    Uuid,
}

/// The catalog's own kinds; without any, the built-in ones.
pub(super) fn kinds(raw: Vec<Spanned<RawKind>>) -> Result<ParentKinds, Wrong> {
    let Some(first) = raw.first().map(Spanned::span) else {
        return Ok(ParentKinds::default());
    };
    let mut found = Wrong::default();
    let mut kinds: Vec<ParentKind> = Vec::new();
    for raw in raw {
        let raw = raw.into_inner();
        if let Some(taken) = taken(&raw, &kinds) {
            found.add(taken);
        }
        kinds.extend(found.keep(parsed(raw)));
    }
    let roots = kinds.iter().filter(|kind| kind.is_root).count();
    let all = ParentKinds::new(kinds);
    if all.is_none() {
        found.add(Wrong::at(
            first,
            format!("exactly one [[parent]] must have `root = true`, and {roots} have: the others belong to it"),
        ));
    }
    found.or(all)
}

/// The mistake of a kind whose name or plural another one has.
fn taken(raw: &RawKind, kinds: &[ParentKind]) -> Option<Wrong> {
    let (name, plural) = (raw.kind.get_ref(), raw.plural.get_ref());
    if kinds.iter().any(|kind| kind.name == **name) {
        return Some(wrong(
            &raw.kind,
            format!("the kind `{name}` is defined twice"),
        ));
    }
    let other = kinds.iter().find(|kind| kind.plural == *plural)?;
    let problem = format!(
        "`{}` has the plural `{plural}` too; paths would be the same",
        other.name
    );
    Some(wrong(&raw.plural, problem))
}

fn parsed(raw: RawKind) -> Result<ParentKind, Wrong> {
    let mut found = Wrong::default();
    let name = found.keep(name(&raw.kind));
    let plural = found.keep(plural(&raw.plural));
    let label = match raw.label {
        Some(label) => found.keep(not_empty(label)),
        None => Some(humane(raw.kind.get_ref())),
    };
    let parts = name.zip(plural).zip(label);
    found.or(parts.map(|((name, plural), label)| ParentKind {
        name,
        plural,
        label,
        id: match raw.id {
            RawIdForm::Text => IdForm::Text,
            RawIdForm::Integer => IdForm::Integer,
            RawIdForm::Uuid => IdForm::Uuid,
        },
        is_root: raw.root,
        custom: raw.custom,
        names_files: raw.names_files,
    }))
}

fn name(raw: &Spanned<String>) -> Result<KindName, Wrong> {
    let text = raw.get_ref();
    if RESERVED_NAMES.contains(&text.as_str()) {
        return Err(wrong(
            raw,
            format!("`{text}` means something else in a grant or a partition; choose another word"),
        ));
    }
    KindName::try_from(text.clone()).map_err(|error| wrong(raw, error.to_string()))
}

fn plural(raw: &Spanned<String>) -> Result<String, Wrong> {
    let text = raw.get_ref();
    if RESERVED_PLURALS.contains(&text.as_str()) {
        return Err(wrong(
            raw,
            format!("`/{text}` is another path of the API or the page; choose another word"),
        ));
    }
    let is_word = text.len() <= 64
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_'));
    if !is_word {
        return Err(wrong(
            raw,
            "a plural is a word in paths: 1 to 64 of a-z, 0-9, - and _, and begins with a letter",
        ));
    }
    Ok(text.clone())
}

/// The kind that a type names.
pub(super) fn kind<'k>(
    raw: &Spanned<String>,
    kinds: &'k ParentKinds,
) -> Result<&'k ParentKind, Wrong> {
    kinds.get(raw.get_ref()).ok_or_else(|| {
        let names = kinds.iter().map(|kind| kind.name.as_str());
        let names = names.collect::<Vec<_>>().join(", ");
        wrong(
            raw,
            format!(
                "`{}` is no kind of parent; this catalog has {names} (others need a [[parent]])",
                raw.get_ref()
            ),
        )
    })
}

#[cfg(test)]
mod tests {
    use crate::catalog::Catalog;
    use crate::parent::IdForm;

    const LISTS: &str = r#"
[[parent]]
kind = "workspace"
plural = "workspaces"
root = true
[[parent]]
kind = "mailing_list"
plural = "mailing-lists"
label = "List"
id = "integer"
custom = true
names_files = true
[[type]]
name = "members"
parent = "mailing_list"
delivery = "link"
records = { engine = "dynamodb", table = "MEMBERS", partition_key = "pk", sort_key = "sk", sort_format = "rfc3339_ms#id", partition = "{parent}" }
created = "created_at"
columns = [{ key = "id", kind = "text" }]
custom = true
"#;

    fn refusal(from: &str, to: &str) -> String {
        assert!(LISTS.contains(from), "{from}");
        let error = Catalog::parse(&LISTS.replacen(from, to, 1)).unwrap_err();
        error.to_string()
    }

    #[test]
    fn a_product_has_its_own_kinds_and_no_others() {
        let catalog = Catalog::parse(LISTS).unwrap();
        let kinds = catalog.kinds();
        assert_eq!(kinds.root().label, "Workspace");
        assert_eq!(kinds.root().id, IdForm::Text);
        let list = kinds.of_plural("mailing-lists").unwrap();
        assert_eq!((list.label.as_str(), list.id), ("List", IdForm::Integer));
        assert!(list.custom && list.names_files && !list.is_root);
        assert!(kinds.get("organization").is_none());
        let members = catalog.get("members").unwrap();
        assert_eq!(members.columns.last().unwrap().key, "mailing_list_id");
    }

    #[test]
    fn a_mistake_in_a_kind_is_refused_with_its_line() {
        for (from, to, message) in [
            (
                "root = true",
                "",
                "line 2: exactly one [[parent]] must have `root = true`, and 0 have",
            ),
            (
                "id = \"integer\"",
                "root = true",
                "line 2: exactly one [[parent]] must have `root = true`, and 2 have",
            ),
            (
                "\"workspaces\"",
                "\"mailing-lists\"",
                "line 8: `workspace` has the plural `mailing-lists` too",
            ),
            (
                "\"mailing_list\"",
                "\"workspace\"",
                "line 7: the kind `workspace` is defined twice",
            ),
            (
                "\"mailing-lists\"",
                "\"exports\"",
                "line 8: `/exports` is another path",
            ),
            (
                "\"mailing-lists\"",
                "\"Lists\"",
                "line 8: a plural is a word in paths",
            ),
            (
                "kind = \"mailing_list\"",
                "kind = \"staff\"",
                "line 7: `staff` means something else in a grant",
            ),
            (
                "kind = \"mailing_list\"",
                "kind = \"list-\"",
                "line 7: a kind's name has 1 to 32 of a-z, 0-9 and _",
            ),
            (
                "\"integer\"",
                "\"number\"",
                "line 10: `id`: unknown value `number`, expected one of `text`, `integer`, `uuid`",
            ),
            (
                "parent = \"mailing_list\"",
                "parent = \"list\"",
                "line 15: `list` is no kind of parent; this catalog has workspace, mailing_list",
            ),
            (
                "custom = true\nnames",
                "names",
                "line 19: mailing-lists have no custom fields",
            ),
        ] {
            let refusal = refusal(from, to);
            assert!(refusal.contains(message), "{from}: {refusal}");
        }
    }
}
