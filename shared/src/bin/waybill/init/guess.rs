//! What a table's description and its values suggest.

use std::collections::{BTreeMap, BTreeSet};

use waybill::deployment_file::SqlEngine;
use waybill::parent::IdForm;
use waybill::records::{ColumnOverview, SqlValues, TableOverview};

use super::draft::{Draft, DraftColumn, Guess};

/// What the command was asked for.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) engine: SqlEngine,
    pub(super) table: String,
    pub(super) parent: String,
    pub(super) kind: Option<String>,
    pub(super) name: Option<String>,
}

/// The most words of a column that is like a status.
const MOST_WORDS: usize = 12;
/// Parts of names of columns whose values are words that the product chooses.
const STATUSES: [&str; 14] = [
    "status", "state", "type", "kind", "role", "plan", "tier", "priority", "stage", "channel",
    "method", "category", "level", "phase",
];
/// Fewer values than this say nothing about their form.
const FEW: usize = 20;
/// Columns that begin like this change with each change of a row.
const CHANGING: [&str; 6] = [
    "updated", "modified", "changed", "last_", "deleted", "expires",
];
/// Parts of names of a time of creation, the surest first.
const CREATION: [&str; 8] = [
    "created",
    "creation",
    "inserted",
    "placed",
    "ordered",
    "issued",
    "registered",
    "_date",
];
/// Parts of names whose values should hardly be in a file.
const SECRETS: [&str; 5] = ["password", "passwd", "secret", "token", "api_key"];

/// The draft of an entry.
///
/// # Errors
/// When there is no such column as the parent's.
pub(super) fn draft(table: &TableOverview, asked: Asked) -> Result<Draft, String> {
    let parent = column(table, &asked.parent)?;
    let created = created(table);
    let kind = match &asked.kind {
        Some(kind) => kind.clone(),
        None => {
            let name = word(&asked.parent);
            name.strip_suffix("_id").unwrap_or(&name).to_owned()
        }
    };
    let last = asked.table.rsplit('.').next().unwrap_or_default();
    Ok(Draft {
        engine: asked.engine,
        name: asked.name.clone().unwrap_or_else(|| word(last)),
        kind,
        id: match parent.values {
            SqlValues::Integers => "integer",
            SqlValues::Uuids => "uuid",
            _ => "text",
        },
        key: key(table, &asked, created.value.as_deref()),
        columns: table
            .columns
            .iter()
            .map(|column| {
                let mut draft = of_column(table, column, created.value.as_deref());
                if column.name == asked.parent {
                    // It is the same in all rows of a file.
                    (draft.is_filter, draft.is_searched) = (false, false);
                }
                draft
            })
            .collect(),
        created,
        row_security: table.has_row_security,
        table: asked.table,
        parent: asked.parent,
    })
}

/// How many parents are named.
const NAMED_PARENTS: usize = 3;

/// The parents that have the most of the rows that were looked at.
pub(super) fn parents(table: &TableOverview, parent: &str) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let samples = table.columns.iter().filter(|column| column.name == parent);
    for id in samples.flat_map(|column| column.samples.iter().flatten()) {
        if IdForm::Text.id(id).is_some() {
            *counts.entry(id).or_default() += 1;
        }
    }
    let mut ids: Vec<(&str, usize)> = counts.into_iter().collect();
    ids.sort_by_key(|(_, rows)| std::cmp::Reverse(*rows));
    let ids: Vec<&str> = ids.iter().take(NAMED_PARENTS).map(|(id, _)| *id).collect();
    match ids.is_empty() {
        true => "no row that was looked at has the id of a parent".to_owned(),
        false => format!("parents with records, the most first: {}", ids.join(", ")),
    }
}

fn column<'t>(table: &'t TableOverview, name: &str) -> Result<&'t ColumnOverview, String> {
    let found = table.columns.iter().find(|column| column.name == name);
    found.ok_or_else(|| {
        let names: Vec<&str> = table.columns.iter().map(|c| c.name.as_str()).collect();
        format!(
            "the table has no column {name}; its columns are {}",
            names.join(", ")
        )
    })
}

/// A name of the catalog: small letters, digits and `_`, beginning with a letter.
fn word(text: &str) -> String {
    let mut word = String::new();
    for c in text.chars() {
        if c.is_ascii_uppercase() && word.ends_with(|c: char| c.is_ascii_lowercase()) {
            word.push('_');
        }
        word.push(match c.is_ascii_alphanumeric() {
            true => c.to_ascii_lowercase(),
            false => '_',
        });
    }
    match word.starts_with(|c: char| c.is_ascii_lowercase()) {
        true => word,
        false => format!("t_{word}"),
    }
}

/// The key: that of an index which begins with the parent, if it is unique with the primary key; or the primary key.
fn key(table: &TableOverview, asked: &Asked, created: Option<&str>) -> Guess<Vec<String>> {
    let (name, parent) = (&asked.table, asked.parent.as_str());
    let without_parent = |columns: &Vec<String>| -> Vec<String> {
        columns
            .iter()
            .filter(|name| *name != parent)
            .cloned()
            .collect()
    };
    let unique: Vec<Vec<String>> = table
        .unique
        .iter()
        .map(without_parent)
        .filter(|columns| !columns.is_empty())
        .collect();
    let is_unique = |columns: &Vec<String>| {
        unique
            .iter()
            .any(|of_index| of_index.iter().all(|name| columns.contains(name)))
    };
    let by_parent = table
        .indexes
        .iter()
        .filter(|columns| columns.first().is_some_and(|first| first == parent))
        .map(without_parent)
        .filter(|columns| !columns.is_empty() && is_unique(columns));
    let by_time = |columns: &Vec<String>| {
        (
            columns.first().map(String::as_str) != created,
            columns.len(),
        )
    };
    if let Some(columns) = by_parent.min_by_key(by_time) {
        return Guess {
            value: columns,
            why: None,
        };
    }
    let Some(primary) = unique.first() else {
        let why = match table.is_unprovable {
            true => {
                "no index proves keys here: name columns that tell a parent's rows apart, and never change"
            }
            false => {
                "no unique index tells rows apart: name columns that do, and never change, and make one"
            }
        };
        return Guess {
            value: vec!["FILL_IN".to_owned()],
            why: Some(why.to_owned()),
        };
    };
    let columns = [parent.to_owned()].into_iter().chain(primary.clone());
    let columns: Vec<String> = columns.collect();
    let create = match asked.engine {
        SqlEngine::Postgres => "CREATE INDEX CONCURRENTLY",
        SqlEngine::Mysql => "CREATE INDEX waybill_order",
    };
    Guess {
        value: primary.clone(),
        why: Some(format!(
            "no index has a parent's rows in this order, so that each page may read the whole table: \
             {create} ON {name} ({})",
            columns.join(", ")
        )),
    }
}

/// The column with the time of creation.
fn created(table: &TableOverview) -> Guess<Option<String>> {
    let is_time = |column: &&ColumnOverview| column.values == SqlValues::Times;
    let times: Vec<&ColumnOverview> = table.columns.iter().filter(is_time).collect();
    let is_changing = |name: &str| CHANGING.iter().any(|word| name.starts_with(word));
    let named = CREATION.iter().find_map(|part| {
        let mut of_part = times.iter().filter(|column| {
            let name = column.name.to_lowercase();
            name.contains(part) && !is_changing(&name)
        });
        of_part.next()
    });
    if let Some(column) = named {
        let is_sure = column.name.to_lowercase().contains("creat") && !column.is_nullable;
        let others: Vec<&str> = times.iter().map(|column| column.name.as_str()).collect();
        return Guess {
            value: Some(column.name.clone()),
            why: (!is_sure).then(|| {
                format!(
                    "is this the time of creation? The times are {}",
                    others.join(", ")
                )
            }),
        };
    }
    let steady = times
        .iter()
        .find(|column| !is_changing(&column.name.to_lowercase()));
    Guess {
        why: Some(match steady {
            Some(column) => format!("is {} the time of creation? It must not change", column.name),
            None => "no column is a time of creation, so that there is no filter on it; if one is, say `created = \"…\"`".to_owned(),
        }),
        value: steady.map(|column| column.name.clone()),
    }
}

fn of_column(table: &TableOverview, column: &ColumnOverview, created: Option<&str>) -> DraftColumn {
    let key = word(&column.name);
    let lower = column.name.to_lowercase();
    let filled: Vec<&str> = column
        .samples
        .iter()
        .flatten()
        .map(String::as_str)
        .collect();
    let mut draft = DraftColumn {
        path: (key != column.name).then(|| column.name.clone()),
        key,
        kind: "text",
        more: Vec::new(),
        is_searched: false,
        is_filter: false,
        why: column
            .comment
            .clone()
            .map(|text| text.replace(['\r', '\n'], " ")),
    };
    if let Some(other) = table.references.get(&column.name) {
        draft.is_filter = true;
        draft
            .why
            .get_or_insert_with(|| format!("the id of a row of {other}"));
    }
    match column.values {
        SqlValues::Integers => of_integers(&mut draft, &lower),
        SqlValues::Numbers => draft.kind = "decimal",
        SqlValues::Booleans => {
            draft.kind = "boolean";
            draft.is_filter = true;
        }
        SqlValues::Dates => draft.kind = "date",
        SqlValues::Times => {
            draft.kind = "timestamp";
            draft.is_filter = created != Some(&column.name);
            if column.type_name.contains("without time zone")
                || column.type_name.starts_with("datetime")
            {
                draft.why.get_or_insert_with(|| {
                    "a time without a zone: taken as UTC, unless [database.main] has a `time_zone`".to_owned()
                });
            }
        }
        SqlValues::Bytes => {
            draft.more.push("as = \"base64\"".to_owned());
            draft.more.push("default = false".to_owned());
            draft
                .why
                .get_or_insert_with(|| "bytes: `as = \"uuid\"` for the 16 bytes of one".to_owned());
        }
        SqlValues::Texts => of_texts(&mut draft, &lower, &filled),
        SqlValues::Uuids | SqlValues::Others => {}
    }
    if SECRETS.iter().any(|part| lower.contains(part)) {
        draft.more = vec!["mask = \"hash\"".to_owned(), "default = false".to_owned()];
        draft.kind = "text";
        (draft.is_searched, draft.is_filter) = (false, false);
        draft.why =
            Some("looks like a secret: remove the column, unless it belongs in files".to_owned());
    }
    draft
}

fn of_integers(draft: &mut DraftColumn, name: &str) {
    draft.kind = "integer";
    if name.ends_with("_cents") || name.ends_with("cents") {
        draft.kind = "decimal";
        draft.more.push("from = \"cents\"".to_owned());
        draft
            .why
            .get_or_insert_with(|| "whole cents, shown as an amount".to_owned());
    }
}

fn of_texts(draft: &mut DraftColumn, name: &str, filled: &[&str]) {
    let all = |is: fn(&str) -> bool| filled.len() >= FEW && filled.iter().all(|text| is(text));
    let words: BTreeSet<&str> = filled.iter().copied().collect();
    let is_status = STATUSES.iter().any(|part| name.contains(part));
    let is_few = filled.len() >= FEW && (2..=MOST_WORDS).contains(&words.len());
    if all(is_email) || (name.contains("email") && filled.iter().all(|text| is_email(text))) {
        draft.kind = "email";
        draft.is_searched = true;
    } else if (name.contains("phone") || name.contains("mobile"))
        && filled.iter().all(|text| is_phone(text))
    {
        draft.kind = "phone";
        draft.is_searched = true;
    } else if is_few && is_status && words.iter().all(|word| is_word(word)) {
        let words: Vec<String> = words
            .iter()
            .map(|word| toml::Value::from(*word).to_string())
            .collect();
        draft.more.push(format!("values = [{}]", words.join(", ")));
        draft.is_filter = true;
        draft.why.get_or_insert_with(|| {
            "the only values in the rows that were looked at: add others that there may be"
                .to_owned()
        });
    } else {
        (draft.is_searched, draft.is_filter) = (true, is_few);
    }
}

fn is_email(text: &str) -> bool {
    let parts = text.split_once('@');
    parts.is_some_and(|(local, domain)| {
        !local.is_empty() && domain.contains('.') && !text.contains(char::is_whitespace)
    })
}

fn is_phone(text: &str) -> bool {
    let digits = text.chars().filter(char::is_ascii_digit).count();
    digits >= 5
        && text
            .chars()
            .all(|c| c.is_ascii_digit() || "+-(). /".contains(c))
}

/// Whether a text may be a status, rather than a name or a sentence.
fn is_word(text: &str) -> bool {
    !text.is_empty() && text.len() <= 30 && text.split_whitespace().count() <= 3
}

#[cfg(test)]
mod tests;
