//! Finds the format of sort keys.

use std::collections::BTreeSet;

use jiff::Timestamp;
use waybill::catalog::{KeyForm, SortFormat};

/// What divides the parts of a key.
const SEPARATORS: &str = "#|~/^:";
/// The times that keys have, the strictest format first.
const TIMES: [&str; 16] = [
    "rfc3339_s",
    "rfc3339_ms",
    "rfc3339_us",
    "rfc3339_ns",
    "rfc3339_s_lower",
    "rfc3339_ms_lower",
    "rfc3339_us_lower",
    "rfc3339_ns_lower",
    "ulid",
    "ulid_lower",
    "uuid7",
    "ksuid",
    "date",
    "epoch_s",
    "epoch_ms",
    "rfc3339",
];
/// Digits of seconds and of milliseconds since 1970, from 2001 to 2286.
const OF_SECONDS: usize = 10;
const OF_MILLISECONDS: usize = 13;
/// More different beginnings than this are ids, and not names of types.
const MOST_TYPES: usize = 12;
/// The keys that have every format.
const ANY: &str = "{*}";

/// A part of a key: text, or one of [`SEPARATORS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part<'k> {
    Text(&'k str),
    Separator(&'k str),
}

/// Keys of the same form, and their format.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Form {
    pub(super) format: String,
    pub(super) count: usize,
}

/// The formats of these keys, that of the most keys first.
pub(super) fn forms(keys: &[String]) -> Vec<Form> {
    let divided: Vec<Vec<Part<'_>>> = keys.iter().map(|key| parts(key)).collect();
    let beginnings: BTreeSet<&str> = divided
        .iter()
        .filter(|parts| parts.len() > 1)
        .map(|parts| beginning(parts))
        .collect();
    let are_types =
        beginnings.len() <= MOST_TYPES && beginnings.iter().all(|text| time_of(&[text]).is_none());
    let mut groups: Vec<(Vec<Part<'_>>, Vec<usize>)> = Vec::new();
    for (n, parts) in divided.iter().enumerate() {
        let form = |(of, _): &&mut (Vec<Part<'_>>, Vec<usize>)| {
            are_same_form(of, parts)
                && (!are_types || beginning(of) == beginning(parts) || parts.len() == 1)
        };
        match groups.iter_mut().find(form) {
            Some((_, members)) => members.push(n),
            None => groups.push((parts.clone(), vec![n])),
        }
    }
    let mut forms: Vec<Form> = groups
        .iter()
        .map(|(_, members)| Form {
            format: format(
                &members
                    .iter()
                    .map(|n| (keys[*n].as_str(), &divided[*n][..]))
                    .collect::<Vec<_>>(),
            ),
            count: members.len(),
        })
        .collect();
    forms.sort_by_key(|form| std::cmp::Reverse(form.count));
    forms
}

/// The format of keys that are numbers.
pub(super) fn of_numbers(keys: &[String]) -> &'static str {
    let have = |digits: usize| !keys.is_empty() && keys.iter().all(|key| is_count(key, digits));
    match (have(OF_SECONDS), have(OF_MILLISECONDS)) {
        (true, _) => "{epoch_s}",
        (_, true) => "{epoch_ms}",
        _ => ANY,
    }
}

/// Whether most of these keys have a time.
pub(super) fn has_time(keys: &[String]) -> bool {
    let format = forms(keys).into_iter().next();
    format
        .and_then(|form| SortFormat::try_from(form.format).ok())
        .is_some_and(|format| format.has_time())
}

/// Whether a key has a format.
pub(super) fn fits(format: &str, key: &str) -> bool {
    SortFormat::try_from(format.to_owned()).is_ok_and(|format| format.form(key) == KeyForm::Fits)
}

fn parts(key: &str) -> Vec<Part<'_>> {
    let (mut parts, mut start, mut at) = (Vec::new(), 0, 0);
    while let Some(c) = key[at..].chars().next() {
        if at == start
            && let Some(length) = time_length(&key[at..])
        {
            at += length;
            continue;
        }
        if SEPARATORS.contains(c) {
            parts.push(Part::Text(&key[start..at]));
            parts.push(Part::Separator(&key[at..at + c.len_utf8()]));
            start = at + c.len_utf8();
        }
        at += c.len_utf8();
    }
    parts.push(Part::Text(&key[start..]));
    parts
}

/// The length of the time of RFC 3339 with which a text begins, whose colons divide nothing.
fn time_length(text: &str) -> Option<usize> {
    let length = text
        .find(|c: char| !(c.is_ascii_digit() || "TtZz+-:. ".contains(c)))
        .unwrap_or(text.len());
    // At its end may be a separator that a time can contain.
    (1..=length).rev().take(2).find(|length| {
        text.is_char_boundary(*length) && text[..*length].parse::<Timestamp>().is_ok()
    })
}

fn beginning<'k>(parts: &[Part<'k>]) -> &'k str {
    match parts.first() {
        Some(Part::Text(text) | Part::Separator(text)) => text,
        None => "",
    }
}

fn are_same_form(of: &[Part<'_>], other: &[Part<'_>]) -> bool {
    of.len() == other.len()
        && of
            .iter()
            .zip(other)
            .all(|(part, other)| match (part, other) {
                (Part::Separator(one), Part::Separator(other)) => one == other,
                (Part::Text(_), Part::Text(_)) => true,
                _ => false,
            })
}

/// The format of keys of one form.
fn format(keys: &[(&str, &[Part<'_>])]) -> String {
    let count = keys.first().map_or(0, |(_, parts)| parts.len());
    let (mut format, mut has_time) = (String::new(), false);
    for place in 0..count {
        let texts: Vec<&str> = keys
            .iter()
            .map(|(_, parts)| beginning(&parts[place..]))
            .collect();
        let is_one = texts.iter().all(|text| *text == texts[0]);
        let is_only = count == 1 && keys.len() == 1;
        match (
            is_one && !is_only && !is_time(texts[0]),
            time_of(&texts).filter(|_| !has_time),
        ) {
            (true, _) => format.push_str(texts[0]),
            (false, Some(time)) => {
                has_time = true;
                format.push_str(&format!("{{{time}}}"));
            }
            (false, None) => {
                // ElectroDB names each id, and a key of one part may name its type.
                if count == 1 || keys[0].0.starts_with('$') {
                    format.push_str(label(&texts));
                }
                format.push_str("{id}");
            }
        }
    }
    let is_right = !format.is_empty()
        && format.contains('{')
        && keys.iter().all(|(key, _)| fits(&format, key));
    match (is_right, format.split_once('{')) {
        (true, _) => format,
        // All keys are the same.
        (false, None) if keys.iter().all(|(key, _)| *key == format) => format!("{format}{ANY}"),
        (false, Some((prefix, _))) => format!("{prefix}{ANY}"),
        (false, None) => ANY.to_owned(),
    }
}

fn is_time(text: &str) -> bool {
    time_of(&[text]).is_some()
}

/// The format of the times that these all are.
fn time_of(texts: &[&str]) -> Option<&'static str> {
    TIMES.into_iter().find(|name| {
        let digits = match *name {
            "epoch_s" => Some(OF_SECONDS),
            "epoch_ms" => Some(OF_MILLISECONDS),
            _ => None,
        };
        let Ok(format) = SortFormat::try_from(format!("{{{name}}}")) else {
            return false;
        };
        texts.iter().all(|text| {
            digits.is_none_or(|digits| is_count(text, digits))
                && format.instant(text).is_some_and(is_plausible)
        })
    })
}

fn is_count(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether a text that can be read as this time is likely to be one: an id of 27 letters is a KSUID of any time until 2150.
fn is_plausible(instant: Timestamp) -> bool {
    const FROM: i64 = 946_684_800; // 2000-01-01
    const AHEAD: i64 = 10 * 366 * 86_400;
    (FROM..Timestamp::now().as_second() + AHEAD).contains(&instant.as_second())
}

/// The name before the ids, such as `task_` in `task_7` and `task_8`.
fn label<'k>(texts: &[&'k str]) -> &'k str {
    let Some(first) = texts.first() else {
        return "";
    };
    let ends = first
        .char_indices()
        .filter(|(_, c)| *c == '_')
        .map(|(at, _)| &first[..=at]);
    let labels = ends.filter(|label| {
        texts
            .iter()
            .all(|text| text.len() > label.len() && text.starts_with(label))
    });
    let mut words =
        labels.filter(|label| label[..label.len() - 1].chars().all(|c| c.is_alphabetic()));
    words.next_back().unwrap_or("")
}
