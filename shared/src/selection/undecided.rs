//! Counts the records in doubt, and decides whether there are so many that the export must fail.

use serde::{Deserialize, Serialize};

use super::decision::{Decision, Doubt};
use super::projection::Projection;
use crate::catalog::ExportType;
use crate::export::Failure;
use crate::file::{Warning, WarningCode};
use crate::value::{Stored, Value};

/// The least number of records, all in doubt, with which an export fails.
const MIN_UNDECIDED: u64 = 20;
/// The maximum length of an example key, in characters.
const LONGEST: usize = 200;
/// The maximum length of the form of a value, in characters.
const LONGEST_FORM: usize = 40;

/// The counts of records in doubt so far, which are part of a checkpoint. Their size does not grow with the file.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct UndecidedCounts {
    /// Records that at most their time can exclude from the file.
    candidates: u64,
    /// Candidates in doubt.
    undecided: u64,
    /// By reason and attribute, in the order of first occurrence.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    counts: Vec<Count>,
}

/// The count of records with the same doubt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Count {
    reason: Reason,
    /// The attribute in doubt; `None` where the doubt is about the whole record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    attribute: Option<String>,
    count: u64,
    /// The sort key of the first such record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    example: Option<String>,
    /// The form of the attribute in the first such record, without its value, since users who may not read records see
    /// it.
    found: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Reason {
    Undated,
    Created,
    Key,
    Fixed,
    Blank,
}

impl UndecidedCounts {
    /// Counts one record. `values` are those of `projection`; `sort_key` returns the record's sort key if needed.
    #[inline]
    pub fn add(
        &mut self,
        decision: Decision,
        of: &ExportType,
        projection: &Projection,
        values: &[Value<'_>],
        sort_key: impl Fn() -> Option<String>,
    ) {
        if decision != Decision::Excluded {
            self.candidates += 1;
        }
        if let Decision::Doubtful { is_in, doubt } = decision {
            let sort_key = sort_key();
            self.add_doubt(is_in, doubt, of, projection, values, sort_key.as_deref());
        }
        if decision.is_in() && projection.is_blank(values) {
            let example = sort_key().filter(|_| !of.has_masks());
            self.count(Reason::Blank, None, example.as_deref(), String::new);
        }
    }

    #[cold]
    fn add_doubt(
        &mut self,
        is_in: bool,
        doubt: Doubt,
        of: &ExportType,
        projection: &Projection,
        values: &[Value<'_>],
        sort_key: Option<&str>,
    ) {
        // A record without a time is treated as older than the request, so it is in doubt only for a filter on the
        // time.
        if doubt != Doubt::Undated || !is_in {
            self.undecided += 1;
        }
        let created = || {
            let path = of.created.as_ref();
            path.map(ToString::to_string).unwrap_or_default()
        };
        let (reason, attribute) = match doubt {
            Doubt::Undated => (Reason::Undated, created()),
            Doubt::Created => (Reason::Created, created()),
            Doubt::Key => (Reason::Key, sort_key_of(of).to_owned()),
            Doubt::Fixed(place) => {
                let path = projection.path(place).map(ToString::to_string);
                (Reason::Fixed, path.unwrap_or_default())
            }
        };
        let found = || match doubt {
            Doubt::Undated | Doubt::Created => form(projection.created_value(values)),
            Doubt::Key => form_of_text(sort_key.unwrap_or_default()),
            Doubt::Fixed(place) => form(values.get(place).unwrap_or(&Value::Missing)),
        };
        // A key may contain what a mask hides.
        let example = sort_key.filter(|_| !of.has_masks());
        self.count(reason, Some(attribute), example, found);
    }

    fn count(
        &mut self,
        reason: Reason,
        attribute: Option<String>,
        example: Option<&str>,
        found: impl FnOnce() -> String,
    ) {
        let known = self
            .counts
            .iter_mut()
            .find(|count| count.reason == reason && count.attribute == attribute);
        match known {
            Some(known) => known.count += 1,
            None => self.counts.push(Count {
                reason,
                attribute,
                count: 1,
                example: example.map(|key| key.chars().take(LONGEST).collect()),
                found: found(),
            }),
        }
    }

    /// Whether there were no candidates: no record could be in the file, whatever its time.
    pub fn has_no_candidates(&self) -> bool {
        self.candidates == 0
    }

    /// The warnings of the export.
    pub fn warnings(&self) -> Vec<Warning> {
        let warning = |count: &Count| Warning {
            code: match count.reason {
                Reason::Undated => WarningCode::Undated,
                Reason::Created | Reason::Key | Reason::Fixed => WarningCode::Undecided,
                Reason::Blank => WarningCode::BlankRow,
            },
            column: None,
            attribute: count.attribute.clone(),
            count: count.count,
            example: count.example.clone(),
        };
        self.counts.iter().map(warning).collect()
    }

    /// The failure of the export if all of its candidates, at least [`MIN_UNDECIDED`], were in doubt: then the catalog does not
    /// match the table. `None` otherwise.
    pub fn mismatch(&self, of: &ExportType) -> Option<Failure> {
        if self.undecided < MIN_UNDECIDED || self.undecided < self.candidates {
            return None;
        }
        let doubts = self.counts.iter().filter(|c| c.reason != Reason::Blank);
        let worst = doubts.max_by_key(|count| count.count)?;
        let attribute = worst.attribute.as_deref().unwrap_or_default();
        let expected = match worst.reason {
            Reason::Key => format!("the form {}", sort_format_of(of)),
            Reason::Fixed => {
                let mut fixed = of.records.fixed().iter();
                let fixed = fixed.find(|(name, _)| name == attribute);
                fixed.map_or_else(String::new, |(_, condition)| condition.to_string())
            }
            Reason::Undated | Reason::Created | Reason::Blank => expected_time(of).to_owned(),
        };
        let records = format!("{} of {} records", worst.count, self.candidates);
        Some(Failure::catalog_mismatch(
            attribute,
            &expected,
            &records,
            &worst.found,
        ))
    }

    /// The failure of an export with a filter on the time that found no record at all, if a record at one end of the
    /// partition shows that the keys do not have the catalog's format. `decision` and `sort_key` are those of that
    /// record, read without a bound on its key.
    pub fn mismatch_at_an_end(
        of: &ExportType,
        decision: Decision,
        sort_key: Option<&str>,
    ) -> Option<Failure> {
        let is_other = match decision {
            Decision::Doubtful { doubt, .. } => doubt == Doubt::Key,
            // The record's time is in the filter's range, but its key is not in the corresponding range of keys.
            Decision::In => true,
            Decision::OutOfTime | Decision::Excluded => false,
        };
        let expected = format!("the form {} and the time of creation", sort_format_of(of));
        let found = form_of_text(sort_key.unwrap_or_default());
        is_other.then(|| Failure::catalog_mismatch(sort_key_of(of), &expected, "a record", &found))
    }
}

/// The attribute of the sort key. Only DynamoDB's keys have a format that a record may not have.
fn sort_key_of(of: &ExportType) -> &str {
    let spec = of.records.dynamodb();
    spec.and_then(|spec| spec.sort_key.as_deref())
        .unwrap_or_default()
}

fn sort_format_of(of: &ExportType) -> String {
    let spec = of.records.dynamodb();
    spec.map_or_else(String::new, |spec| spec.sort_format.to_string())
}

fn expected_time(of: &ExportType) -> &'static str {
    match of.created_stored() {
        Some(Stored::EpochS) => "a whole number of seconds since 1970",
        Some(Stored::EpochMs) => "a whole number of milliseconds since 1970",
        Some(Stored::Cents) | None => {
            "an RFC 3339 time with its zone, such as 2026-11-21T12:00:00Z"
        }
    }
}

/// The form of a value, which does not reveal the value.
fn form(value: &Value<'_>) -> String {
    match value {
        Value::Missing | Value::Null => "nothing there".to_owned(),
        Value::Bool(_) => "a boolean".to_owned(),
        Value::Number(digits) => format!("a number of {} digits", digits.len()),
        Value::Json(_) => "a list or a map".to_owned(),
        Value::Text(text) | Value::LossyText(text) => form_of_text(text),
    }
}

/// The form of a text: `ORDER#2026-11-21` has the form `AAAAA#9999-99-99`.
fn form_of_text(text: &str) -> String {
    let form = text.chars().take(LONGEST_FORM).map(|c| match c {
        c if c.is_ascii_digit() => '9',
        c if c.is_uppercase() => 'A',
        c if c.is_alphabetic() => 'a',
        c if c.is_ascii_punctuation() || c == ' ' => c,
        _ => '?',
    });
    let form: String = form.collect();
    let more = if text.chars().nth(LONGEST_FORM).is_some() {
        "…"
    } else {
        ""
    };
    match form.is_empty() {
        true => "an empty text".to_owned(),
        false => format!("a text of the form {form}{more}"),
    }
}

#[cfg(test)]
mod tests;
