//! What a column's name, type and values suggest.

use std::collections::BTreeSet;

use waybill::records::{ColumnOverview, SqlValues, TableOverview};

use super::super::draft::{DraftColumn, Guess};
use super::word;

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

/// The column with the time of creation.
pub(in super::super) fn created(table: &TableOverview) -> Guess<Option<String>> {
    let is_time = |column: &&ColumnOverview| {
        column.values == SqlValues::Times || since_1970(column).is_some()
    };
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
            Some(column) => format!("is `{}` the time of creation? It must not change", column.name),
            None => "no column is a time of creation, so that there is no filter on it; if one is, say `created = \"…\"`".to_owned(),
        }),
        value: steady.map(|column| column.name.clone()),
    }
}

pub(super) fn of_column(
    table: &TableOverview,
    column: &ColumnOverview,
    created: Option<&str>,
) -> DraftColumn {
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
        SqlValues::Integers => match since_1970(column) {
            Some(from) => {
                draft.kind = "timestamp";
                draft.is_filter = created != Some(&column.name);
                draft.more.push(format!("from = \"{from}\""));
            }
            None => of_integers(&mut draft, &lower),
        },
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

/// Parts of names of times, in small letters.
const TIMES: [&str; 8] = [
    "_at", "time", "date", "created", "expires", "_on", "_ts", "_ms",
];
/// The digits of seconds and of milliseconds since 1970, from 2001 to 2286.
const OF_SECONDS: usize = 10;
const OF_MILLISECONDS: usize = 13;

/// How integers are times since 1970, if they seem to be.
fn since_1970(column: &ColumnOverview) -> Option<&'static str> {
    let name = word(&column.name);
    if column.values != SqlValues::Integers || !TIMES.iter().any(|part| name.contains(part)) {
        return None;
    }
    let mut lengths = column.samples.iter().flatten().map(String::len);
    let first = lengths
        .next()
        .filter(|first| lengths.all(|length| length == *first))?;
    match first {
        OF_SECONDS => Some("epoch_s"),
        OF_MILLISECONDS => Some("epoch_ms"),
        _ => None,
    }
}

fn of_integers(draft: &mut DraftColumn, name: &str) {
    draft.kind = "integer";
    if name.ends_with("cents") {
        draft.kind = "decimal";
        // The file has whole amounts: a column called cents would be read as a hundredth of them.
        let amount = draft
            .key
            .strip_suffix("_cents")
            .filter(|amount| !amount.is_empty());
        if let Some(amount) = amount.map(str::to_owned) {
            let column = std::mem::replace(&mut draft.key, amount);
            draft.path.get_or_insert(column);
        }
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
            "the only values in the records that were looked at: add others that there may be"
                .to_owned()
        });
    } else if all(is_decimal) && filled.iter().any(|text| text.contains('.')) {
        draft.kind = "decimal";
    } else {
        (draft.is_searched, draft.is_filter) = (true, is_few);
    }
}

fn is_decimal(text: &str) -> bool {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits(whole.strip_prefix('-').unwrap_or(whole)) && digits(fraction)
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

/// Gives columns whose names differ only in case or in other characters keys of their own.
pub(super) fn tell_apart(columns: &mut [DraftColumn]) {
    let mut taken: BTreeSet<String> = BTreeSet::new();
    for column in columns {
        let (first, mut n) = (column.key.clone(), 1);
        while !taken.insert(column.key.clone()) {
            n += 1;
            column.key = format!("{first}_{n}");
            column.path.get_or_insert_with(|| first.clone());
        }
    }
}
