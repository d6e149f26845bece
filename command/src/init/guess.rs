//! What a table's description and its values suggest.

mod columns;

use std::collections::BTreeMap;

use waybill::parent::IdForm;
use waybill::records::TableOverview;

pub(super) use self::columns::created;
use super::draft::{Draft, DraftRecords};

/// What the command was asked for.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) table: String,
    pub(super) parent: String,
    pub(super) kind: Option<String>,
    pub(super) name: Option<String>,
}

impl Asked {
    /// The kind of parents: what was asked for, or the name of the parent's column without `_id`.
    fn kind(&self) -> String {
        match &self.kind {
            Some(kind) => kind.clone(),
            None => {
                let name = word(&self.parent);
                name.strip_suffix("_id").unwrap_or(&name).to_owned()
            }
        }
    }
}

/// The draft of an entry for these records, whose parents' ids are of this form. `name` is the type's, if none was asked for.
pub(super) fn draft(
    table: &TableOverview,
    asked: &Asked,
    records: DraftRecords,
    id: &'static str,
    name: String,
) -> Draft {
    let created = created(table);
    let mut drafted: Vec<_> = table
        .columns
        .iter()
        .map(|column| {
            let mut draft = columns::of_column(table, column, created.value.as_deref());
            if column.name == asked.parent {
                // It is the same in all rows of a file.
                (draft.is_filter, draft.is_searched) = (false, false);
            }
            draft
        })
        .collect();
    columns::tell_apart(&mut drafted);
    Draft {
        name: asked.name.clone().unwrap_or(name),
        kind: asked.kind(),
        id,
        records,
        created,
        columns: drafted,
    }
}

/// The signs that no id has: see [`IdForm::Text`].
const NO_ID: &str = "/ ? # % [ \\ ]";
/// How many parents are named.
const NAMED_PARENTS: usize = 3;

/// Says which parents have the most of the records that were looked at, whose parents these are.
pub(super) fn parents(all: &[String]) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for id in all.iter().filter(|id| IdForm::Text.id(id).is_some()) {
        *counts.entry(id).or_default() += 1;
    }
    let mut ids: Vec<(&str, usize)> = counts.into_iter().collect();
    ids.sort_by_key(|(_, rows)| std::cmp::Reverse(*rows));
    let ids: Vec<&str> = ids.iter().take(NAMED_PARENTS).map(|(id, _)| *id).collect();
    match (ids.is_empty(), all.iter().find(|value| !value.is_empty())) {
        (false, _) => format!("parents with records, the most first: {}", ids.join(", ")),
        (true, None) => "no record that was looked at has the id of a parent".to_owned(),
        (true, Some(value)) => format!(
            "no value that was looked at can be a parent's id, such as {value:?}: an id has letters, digits and most signs, at most \
             256, and neither blanks nor {NO_ID}"
        ),
    }
}

/// A name of the catalog: small letters, digits and `_`, beginning with a letter.
pub(super) fn word(text: &str) -> String {
    let (mut word, mut before) = (String::new(), ' ');
    for c in text.chars() {
        if c.is_ascii_uppercase() && before.is_ascii_lowercase() {
            word.push('_');
        }
        word.push(match c.is_ascii_alphanumeric() {
            true => c.to_ascii_lowercase(),
            false => '_',
        });
        before = c;
    }
    let word = word.trim_start_matches('_');
    match word.starts_with(|c: char| c.is_ascii_lowercase()) {
        true => word.to_owned(),
        false => format!("t_{word}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parents_with_the_most_records_are_named() {
        let ids = ["7", "a b", "9", "9", "", "8", "9", "8", "6"].map(str::to_owned);
        assert_eq!(
            parents(&ids),
            "parents with records, the most first: 9, 8, 6"
        );
        assert!(
            parents(&ids[1..2])
                .starts_with("no value that was looked at can be a parent's id, such as \"a b\"")
        );
        assert!(parents(&ids[4..5]).starts_with("no record that was looked at"));
        assert!(parents(&[]).starts_with("no record that was looked at"));
        let signs = NO_ID.split(' ');
        assert!(signs.clone().all(|sign| IdForm::Text.id(sign).is_none()));
        let possible = (' '..='~').filter(|c| IdForm::Text.id(&c.to_string()).is_none());
        assert_eq!(possible.count(), 1 + signs.count());
    }

    #[test]
    fn a_name_of_the_catalog_is_made_of_any_name() {
        for (name, wanted) in [
            ("customerId", "customer_id"),
            ("Zeilen-Nr", "zeilen_nr"),
            ("2fa", "t_2fa"),
            ("_version", "version"),
            ("__", "t_"),
            ("URL", "url"),
        ] {
            assert_eq!(word(name), wanted);
        }
    }
}
